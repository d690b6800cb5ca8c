// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"fmt"
	"sync"
)

// W3 without cut-off: a goroutine for each child that is spawned. fib's answer comes
// through a channel; the others' children share a slice and a WaitGroup. One thread
// counts first.
type forkJoin struct {
	program         string
	n               int
	expected, nodes uint64
}

func newForkJoin() workload {
	one := &forkJoin{program: text("program", "fib")}
	standard := map[string]int{"fib": 27, "nq": 11, "uts": 10}
	most := map[string]int{"fib": 60, "nq": 18, "uts": 20}

	if standard[one.program] == 0 {
		end(badUsage, "--program: '"+one.program+"' is not fib, nq or uts")
	}
	one.n = number("n", standard[one.program])
	if one.n > most[one.program] {
		end(badUsage, "--n: too large for "+one.program)
	}
	one.serial()
	one.find()
	return one
}

func (one *forkJoin) round() string {
	start := now()
	found := one.find()
	took := now() - start

	return fmt.Sprintf("%s answer=%d",
		pair("ns", float64(took)/float64(one.nodes)), found)
}

func (one *forkJoin) find() uint64 {
	var found uint64

	switch one.program {
	case "fib":
		found = fib(one.n)
	case "nq":
		found = queens(newBoard(one.n))
	default:
		found = uts(treeNode{81, one.n})
	}
	if found != one.expected {
		missed(fmt.Sprintf("%s: %d, one thread finds %d", one.program, found,
			one.expected))
	}
	return found
}

func (one *forkJoin) serial() {
	switch one.program {
	case "fib":
		low, high := uint64(0), uint64(1)
		for i := 0; i < one.n; i++ {
			low, high = high, low+high
		}
		one.expected, one.nodes = low, 2*high-1
	case "nq":
		one.expected = countQueens(newBoard(one.n), &one.nodes)
	default:
		one.expected = countUts(treeNode{81, one.n})
		one.nodes = one.expected
	}
}

func fib(n int) uint64 {
	if n < 2 {
		return uint64(n)
	}
	one := make(chan uint64, 1)
	go func() { one <- fib(n - 1) }()
	two := fib(n - 2)
	return <-one + two
}

// Queens set so far: columns and diagonals that are taken in the next row.
type board struct {
	all, columns, left, right uint32
}

func newBoard(n int) board {
	return board{all: 1<<n - 1}
}

func (at board) free() uint32 {
	return at.all &^ (at.columns | at.left | at.right)
}

func (at board) with(queen uint32) board {
	return board{at.all, at.columns | queen, (at.left | queen) << 1,
		(at.right | queen) >> 1}
}

func countQueens(at board, nodes *uint64) uint64 {
	found := uint64(0)

	*nodes++
	if at.columns == at.all {
		return 1
	}
	for rest := at.free(); rest != 0; rest &= rest - 1 {
		found += countQueens(at.with(rest&-rest), nodes)
	}
	return found
}

// What the children of a node share.
type family struct {
	found [32]uint64
	alive sync.WaitGroup
}

func queens(at board) uint64 {
	if at.columns == at.all {
		return 1
	}
	all := new(family)
	n := 0
	for rest := at.free(); rest != 0; rest &= rest - 1 {
		next, place := at.with(rest&-rest), &all.found[n]

		n++
		all.alive.Add(1)
		go func() {
			*place = queens(next)
			all.alive.Done()
		}()
	}
	all.alive.Wait()
	found := uint64(0)
	for _, one := range all.found[:n] {
		found += one
	}
	return found
}

type treeNode struct {
	state     uint64
	depthLeft int
}

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (at treeNode) children() int {
	u := mix(at.state^0xd1b54a32d192ed03) >> 32
	t := uint64(0xffffffff)
	k := 0

	if at.depthLeft == 0 {
		return 0
	}
	for k < 100 {
		t = t * 4 / 5
		if u >= t {
			break
		}
		k++
	}
	return k
}

func (at treeNode) child(i int) treeNode {
	return treeNode{mix(at.state + uint64(i+1)*0x9e3779b97f4a7c15),
		at.depthLeft - 1}
}

func countUts(at treeNode) uint64 {
	found := uint64(1)

	for i, k := 0, at.children(); i < k; i++ {
		found += countUts(at.child(i))
	}
	return found
}

func uts(at treeNode) uint64 {
	k := at.children()
	if k == 0 {
		return 1
	}
	var alive sync.WaitGroup
	all := make([]uint64, k)
	alive.Add(k)
	for i := 0; i < k; i++ {
		go func(i int) {
			all[i] = uts(at.child(i))
			alive.Done()
		}(i)
	}
	alive.Wait()
	found := uint64(1)
	for _, one := range all {
		found += one
	}
	return found
}
