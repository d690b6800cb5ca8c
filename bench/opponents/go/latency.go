// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

const pause = time.Millisecond

// W4: a channel in place of the futex.
type wake struct {
	samples int
	spins   bool
	started int64
	ended   chan struct{}
	isOver  atomic.Bool
}

func newWake() workload {
	mode := text("mode", "block")
	if mode != "block" && mode != "spin" {
		end(badUsage, "--mode: '"+mode+"' is not block or spin")
	}
	one := &wake{
		samples: number("samples", 1000),
		spins:   mode == "spin",
		ended:   make(chan struct{}, 1),
	}
	for i := 0; i < 10; i++ {
		one.sample()
	}
	return one
}

func (one *wake) stampAndSend() {
	one.started = now()
	one.ended <- struct{}{}
}

func (one *wake) stampAndSet() {
	one.started = now()
	one.isOver.Store(true)
}

func (one *wake) sample() (start, roundTrip int64) {
	time.Sleep(pause)
	one.isOver.Store(false)
	began := now()
	if one.spins {
		go one.stampAndSet()
		for !one.isOver.Load() {
		}
	} else {
		go one.stampAndSend()
		<-one.ended
	}
	return one.started - began, now() - began
}

func (one *wake) round() string {
	var taken strings.Builder

	for i := 0; i < one.samples; i++ {
		start, roundTrip := one.sample()
		fmt.Fprintf(&taken, "s %d %d\n", start, roundTrip)
	}
	os.Stdout.WriteString(taken.String())
	return fmt.Sprintf("n=%d", one.samples)
}

// W4j: an empty task, and a channel that says that it ended.
type roundTrip struct {
	samples int
	ended   chan struct{}
}

func newRoundTrip() workload {
	one := &roundTrip{
		samples: number("samples", 1000),
		ended:   make(chan struct{}, 1),
	}
	for i := 0; i < 10; i++ {
		one.call()
	}
	return one
}

func (one *roundTrip) task() {
	one.ended <- struct{}{}
}

func (one *roundTrip) call() int64 {
	start := now()
	go one.task()
	<-one.ended
	return now() - start
}

func (one *roundTrip) round() string {
	var taken strings.Builder

	for i := 0; i < one.samples; i++ {
		time.Sleep(pause)
		fmt.Fprintf(&taken, "s 0 %d\n", one.call())
	}
	os.Stdout.WriteString(taken.String())
	return fmt.Sprintf("n=%d", one.samples)
}

// W7: a guest is a goroutine, its handle a channel of its own.
type guests struct {
	n, flight int
	steps     uint64
	took      []int64
}

type guest struct {
	steps uint64
	ended chan struct{}
}

func (one *guest) run() {
	work(one.steps)
	close(one.ended)
}

func newGuests() workload {
	one := &guests{
		n:      number("n", 20000),
		flight: number("flight", 1),
		steps:  workSteps(number("work-us", 1)),
	}
	one.took = make([]int64, one.n)
	one.run()
	return one
}

func (one *guests) run() int64 {
	ring := make([]*guest, one.flight)
	spawned := make([]int64, one.flight)
	start := now()

	for i := 0; i < one.n+one.flight; i++ {
		at := i % one.flight
		if i >= one.flight {
			<-ring[at].ended
			one.took[i-one.flight] = now() - spawned[at]
		}
		if i < one.n {
			spawned[at] = now()
			ring[at] = &guest{one.steps, make(chan struct{})}
			go ring[at].run()
		}
	}
	return now() - start
}

func (one *guests) round() string {
	all := one.run()
	return pair("ns", float64(all)/float64(one.n)) + " " +
		pair("p50", quantile(one.took, 0.5)) + " " +
		pair("p99", quantile(one.took, 0.99))
}
