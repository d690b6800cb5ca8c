// SPDX-License-Identifier: BSD-2-Clause
//! The measurements of P01 but for the timeline, each for any pool.

use crate::histogram::Histogram;
use crate::memory;
use crate::pool::Pool;
use crate::threads::{self, Gate};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(5);
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// Pools come and go; what is left at the instant when shutdown returns?
pub fn reclaim<P: Pool>(size: usize, cycles: u64) {
    let (mut left_cycles, mut tls_cycles, mut left_sum, mut left_max) = (0, 0, 0, 0);
    let (mut gone_max, mut stuck, mut proven) = (0, 0, 0);

    for _ in 0..cycles {
        let before = threads::alive();
        let pool = P::new(size, KEEP_ALIVE);
        let barrier = Arc::new(Barrier::new(size + 1));
        for _ in 0..size {
            let barrier = barrier.clone();
            pool.run(move || {
                threads::touch();
                barrier.wait();
            });
        }
        barrier.wait();
        pool.shutdown();
        let destroyed = threads::destroyed();
        let alive = threads::alive();

        proven += 1;
        if destroyed < threads::touched() {
            tls_cycles += 1;
        }
        if alive > before {
            left_cycles += 1;
            left_sum += alive - before;
            left_max = left_max.max(alive - before);
        }
        match threads::wait_gone(before, LIMIT) {
            Some(time) => gone_max = gone_max.max(time.as_nanos()),
            None => stuck += 1,
        }
    }
    println!(
        "reclaim size={} cycles={} proven={} left={} left_threads={} left_max={} tls_left={} gone_max_ns={} stuck={}",
        size, cycles, proven, left_cycles, left_sum, left_max, tls_cycles, gone_max, stuck
    );
}

/// Tasks one after another, never two at once: who runs them?
pub fn sequential<P: Pool>(size: usize, count: u64) {
    let before = threads::alive();
    let pool = P::new(size, KEEP_ALIVE);
    for _ in 0..count {
        pool.call(|| {
            threads::touch();
        });
    }
    println!(
        "sequential size={} count={} runners={} threads={} registry={}",
        size,
        count,
        threads::touched(),
        threads::alive() - before,
        pool.registry()
    );
    pool.shutdown();
}

/// One task, then the pool's own wait for all tasks: has the task run?
pub fn join<P: Pool>(size: usize, cycles: u64) {
    let pool = P::new(size, KEEP_ALIVE);
    let mut early = 0;
    for _ in 0..cycles {
        let has_run = Arc::new(AtomicBool::new(false));
        let flag = has_run.clone();
        pool.run(move || flag.store(true, Ordering::Release));
        if !pool.join() {
            println!("absent what=join");
            return;
        }
        if !has_run.load(Ordering::Acquire) {
            early += 1;
            while !has_run.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
        }
    }
    println!("join size={} cycles={} early={}", size, cycles, early);
    pool.shutdown();
}

/// Spin for `spin` with the CPU given away in between, so that other workers
/// can enter even where there are fewer CPUs than workers.
fn linger(spin: Duration) {
    let start = Instant::now();
    while start.elapsed() < spin {
        std::thread::yield_now();
    }
}

/// The most tasks that ever ran at once in a pool of `cap`.
pub fn exact<P: Pool>(cap: usize, count: u64, every: u64) {
    struct Counts {
        inside: AtomicUsize,
        max: AtomicUsize,
        done: AtomicUsize,
    }
    let counts = Arc::new(Counts {
        inside: AtomicUsize::new(0),
        max: AtomicUsize::new(0),
        done: AtomicUsize::new(0),
    });
    let pool = P::new(cap, KEEP_ALIVE);
    for number in 0..count {
        let counts = counts.clone();
        while number as usize > counts.done.load(Ordering::Relaxed) + 4096 {
            std::thread::yield_now();
        }
        pool.run(move || {
            let inside = counts.inside.fetch_add(1, Ordering::SeqCst) + 1;
            counts.max.fetch_max(inside, Ordering::SeqCst);
            if number % every == 0 {
                linger(Duration::from_micros(50));
            }
            counts.inside.fetch_sub(1, Ordering::SeqCst);
            counts.done.fetch_add(1, Ordering::Release);
        });
    }
    while (counts.done.load(Ordering::Acquire) as u64) < count {
        std::thread::yield_now();
    }
    let max = counts.max.load(Ordering::SeqCst);
    println!(
        "exact cap={} count={} every={} max={} over={}",
        cap,
        count,
        every,
        max,
        u32::from(max > cap)
    );
    pool.shutdown();
}

/// One task more than the pool has threads, and all wait for each other.
pub fn exhaust<P: Pool>(size: usize) {
    let pool = P::new(size, KEEP_ALIVE);
    let meeting = Arc::new(Barrier::new(size + 2));
    let inside = Arc::new(AtomicUsize::new(0));
    for _ in 0..=size {
        let (meeting, inside) = (meeting.clone(), inside.clone());
        pool.run(move || {
            inside.fetch_add(1, Ordering::SeqCst);
            meeting.wait();
        });
    }
    while inside.load(Ordering::SeqCst) < size {
        std::thread::yield_now();
    }
    // From here on the driver's watchdog decides.
    println!("exhaust-waits size={} inside={}", size, inside.load(Ordering::SeqCst));
    meeting.wait();
    println!("exhaust size={} outcome=done", size);
    pool.shutdown();
}

/// What a pool of `size` costs while it runs one task at a time.
pub fn memory<P: Pool>(size: usize, count: u64) {
    memory::print(size, "empty");
    let pool = P::new(size, KEEP_ALIVE);
    memory::print(size, "created");
    for _ in 0..count {
        pool.call(|| {});
    }
    let gate = Arc::new(Gate::new());
    let task_gate = gate.clone();
    pool.run(move || task_gate.enter());
    gate.wait_entered(1, LIMIT);
    memory::print(size, "flight");
    gate.open();
    let before = 1;
    pool.shutdown();
    memory::print(size, "shutdown");
    if threads::wait_gone(before, LIMIT).is_none() {
        println!("missed what=gone");
    }
    memory::print(size, "gone");
}

/// The time of one spawn and join of an empty thread of the guest.
pub fn spawn<P: Pool>(size: usize, count: u64) {
    let pool = P::new(size, KEEP_ALIVE);
    let mut histogram = Histogram::new();
    for _ in 0..count {
        let start = Instant::now();
        pool.call(|| {});
        histogram.add(start.elapsed().as_nanos() as u64);
    }
    histogram.print();
    println!("spawn size={} count={}", size, count);
    pool.shutdown();
}
