// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"sync"
	"sync/atomic"
	"time"
)

// W1: who submits is a goroutine, on one of the workers.
type fromOutside struct {
	tasks, submitters uint64
}

func newFromOutside() workload {
	one := &fromOutside{
		tasks:      uint64(number("tasks", 500000)),
		submitters: uint64(number("submitters", 1)),
	}
	one.run((one.tasks + 9) / 10)
	return one
}

// A task carries one word, its number, as everybody's does.
func bump(number uint64) {
	if number != ^uint64(0) {
		done.count.Add(1)
	}
}

func submit(n uint64) {
	for i := uint64(0); i < n; i++ {
		go bump(i)
	}
}

func (one *fromOutside) run(n uint64) (all, submitted int64) {
	until := done.count.Load() + n
	var start, returned int64

	if one.submitters == 1 {
		start = now()
		submit(n)
		returned = now()
	} else {
		start, returned = one.submitTogether(n)
	}
	waitDone(until)
	return now() - start, returned - start
}

// Each takes the time for itself: this one may be late at the barrier.
func (one *fromOutside) submitTogether(n uint64) (start, returned int64) {
	starts := make([]int64, one.submitters)
	ends := make([]int64, one.submitters)
	var lineUp, crew sync.WaitGroup

	lineUp.Add(int(one.submitters))
	crew.Add(int(one.submitters))
	for i := uint64(0); i < one.submitters; i++ {
		share := n / one.submitters
		if i < n%one.submitters {
			share++
		}
		go func(me, share uint64) {
			lineUp.Done()
			lineUp.Wait()
			starts[me] = now()
			submit(share)
			ends[me] = now()
			crew.Done()
		}(i, share)
	}
	crew.Wait()
	start, returned = starts[0], ends[0]
	for i := range starts {
		if starts[i] < start {
			start = starts[i]
		}
		if ends[i] > returned {
			returned = ends[i]
		}
	}
	return start, returned
}

func (one *fromOutside) round() string {
	all, submitted := one.run(one.tasks)
	return pair("ns", float64(all)/float64(one.tasks)) + " " +
		pair("submit_ns", float64(submitted)/float64(one.tasks))
}

// W2, and W11 with more workers than CPUs.
type fromInside struct {
	depth uint64
}

func newFromInside() workload {
	one := &fromInside{depth: uint64(number("depth", 18))}
	if one.depth > 28 {
		end(badUsage, "--depth: 28 at most")
	}
	one.run()
	return one
}

// W11 is W2, or W3 where a program is named.
func newEither() workload {
	if text("program", "") != "" {
		return newForkJoin()
	}
	return newFromInside()
}

func node(depth uint64) {
	if depth > 0 {
		go node(depth - 1)
		go node(depth - 1)
	}
	done.count.Add(1)
}

func (one *fromInside) run() float64 {
	tasks := uint64(2)<<one.depth - 1
	until := done.count.Load() + tasks
	start := now()

	go node(one.depth)
	waitDone(until)
	return float64(now()-start) / float64(tasks)
}

func (one *fromInside) round() string {
	return pair("ns", one.run())
}

// W5: the last task takes the time.
type burst struct {
	tasks, steps uint64
}

func makeBurst() *burst {
	one := &burst{
		tasks: uint64(number("tasks", 1000)),
		steps: workSteps(number("work-us", 10)),
	}
	one.run()
	return one
}

func newBurst() workload {
	return makeBurst()
}

// What the tasks of a burst share: each carries a word, where that is.
type burstState struct {
	left  atomic.Int64
	steps uint64
	ended chan int64
}

func (state *burstState) task() {
	work(state.steps)
	if state.left.Add(-1) == 0 {
		state.ended <- now()
	}
}

func (one *burst) run() int64 {
	state := &burstState{steps: one.steps, ended: make(chan int64, 1)}

	state.left.Store(int64(one.tasks))
	time.Sleep(5 * time.Millisecond)
	start := now()
	for i := uint64(0); i < one.tasks; i++ {
		go state.task()
	}
	return <-state.ended - start
}

func (one *burst) round() string {
	return pair("makespan", float64(one.run()))
}

// W10
type idle struct {
	burst   *burst
	seconds int
}

func newIdle() workload {
	return &idle{burst: makeBurst(), seconds: number("idle-seconds", 8)}
}

func (one *idle) round() string {
	one.burst.run()
	start := cpuMs()
	time.Sleep(time.Second)
	first := cpuMs()
	time.Sleep(time.Duration(one.seconds) * time.Second)
	last := cpuMs()
	return pair("first_ms", first-start) + " " +
		pair("idle_ms", (last-first)/float64(one.seconds))
}
