// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"math"
	"os"
	"sort"
	"sync/atomic"
	"syscall"
	"time"
)

var began = time.Now()

// now is in ns of a clock that never goes back.
func now() int64 {
	return int64(time.Since(began))
}

// Alone in its lines: it is the only word that all tasks write.
var done struct {
	_     [128]byte
	count atomic.Uint64
	_     [128]byte
}

// waitDone looks every 50 us; more than was asked for is as wrong as less.
func waitDone(until uint64) {
	for done.count.Load() < until {
		time.Sleep(50 * time.Microsecond)
	}
	if done.count.Load() != until {
		missed("more tasks ran than were submitted")
	}
}

// Results of work go here, so that the compiler keeps its chain.
var kept uint64

// work is CPU work: each step needs the one before.
//
//go:noinline
func work(steps uint64) {
	value := steps | 1
	for i := uint64(0); i < steps; i++ {
		value = value*0x9e3779b97f4a7c15 + i
	}
	if value == 0 {
		kept = value
	}
}

// workSteps is how many steps of work take a time: the median, because a pass that lost
// its CPU is too long, never too short.
func workSteps(us int) uint64 {
	const steps, passes = 100000, 31
	times := make([]int64, passes)

	for i := range times {
		start := now()
		work(steps)
		times[i] = now() - start
	}
	return uint64(steps * 1000 * float64(us) / quantile(times, 0.5))
}

// quantile sorts; nearest rank.
func quantile(times []int64, part float64) float64 {
	sort.Slice(times, func(i, j int) bool { return times[i] < times[j] })
	rank := int(math.Ceil(part * float64(len(times))))
	if rank < 1 {
		rank = 1
	}
	return float64(times[rank-1])
}

// threads is how many entries /proc/self/task has.
func threads() int {
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		missed(err.Error())
	}
	return len(entries)
}

// cpuMs is the time that this process has been on a CPU.
func cpuMs() float64 {
	var usage syscall.Rusage

	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		missed(err.Error())
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e6
}
