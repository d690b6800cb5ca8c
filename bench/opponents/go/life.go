// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"time"
)

// W6. No pool is made and none is stopped: a "worker" is a goroutine that waits at a
// channel. That all of them have met proves goroutines, not threads; threads are the
// runtime's, come when it wants more and do not go.
type startAndStop struct {
	workers int
}

func newStartAndStop() workload {
	one := &startAndStop{workers: number("workers", 2)}
	one.run()
	return one
}

func (one *startAndStop) run() (start, stop, gone int64, left int) {
	var meeting, crew sync.WaitGroup
	over := make(chan struct{})
	before := threads()

	began := now()
	meeting.Add(one.workers + 1)
	crew.Add(one.workers)
	for i := 0; i < one.workers; i++ {
		go func() {
			meeting.Done()
			meeting.Wait()
			<-over
			crew.Done()
		}()
	}
	meeting.Done()
	meeting.Wait()
	start = now() - began
	time.Sleep(3 * time.Millisecond)

	began = now()
	close(over)
	crew.Wait()
	stop = now() - began
	for threads() > before && now()-began < int64(2*time.Second) {
		runtime.Gosched()
	}
	gone = now() - began
	return start, stop, gone, threads() - before
}

func (one *startAndStop) round() string {
	start, stop, took, left := one.run()
	gone := float64(took)

	if left > 0 {
		gone = math.NaN()
	} else {
		left = 0
	}
	line := pair("start", float64(start)) + " " + pair("stop", float64(stop))
	if math.IsNaN(gone) {
		line += " gone=nan"
	} else {
		line += " " + pair("gone", gone)
	}
	return fmt.Sprintf("%s left=%d", line, left)
}
