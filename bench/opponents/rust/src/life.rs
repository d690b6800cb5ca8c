// SPDX-License-Identifier: BSD-2-Clause
//! Pools that come and go: W6 start and stop, W8 memory, W9 the cap
//! (doc/workloads.md). Each round makes its pools itself. Neither pool can
//! change how many run at once, so W9's changes are "nan".

use crate::flood::{for_tasks, ns, wait_done};
use crate::memory::resident_kib;
use crate::peer::{missed, Line, Workload, KEEP_ALIVE};
use crate::pool::Pool;
use crate::system::{work, work_steps};
use crate::threads::{alive, wait_gone, Gate};
use crate::{w1, Options};
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::{sleep, yield_now};
use std::time::{Duration, Instant};

const SETTLED: Duration = Duration::from_millis(3);
/// What goes back to the system after a burst may take a moment.
const DRAINED: Duration = Duration::from_millis(100);

/// Return once all workers of the pool are inside a task at once.
fn prove<P: Pool>(pool: &P, workers: usize) {
    let meeting = Arc::new(Barrier::new(workers + 1));
    for _ in 0..workers {
        let meeting = meeting.clone();
        pool.run(move || {
            meeting.wait();
        });
    }
    meeting.wait();
}

/// W6.
pub struct StartAndStop<P: Pool> {
    workers: usize,
    pool: PhantomData<P>,
}

impl<P: Pool> StartAndStop<P> {
    pub fn new(options: &Options) -> StartAndStop<P> {
        StartAndStop {
            workers: options.count("workers", 2) as usize,
            pool: PhantomData,
        }
    }
}

impl<P: Pool> Workload for StartAndStop<P> {
    fn round(&mut self) -> Line {
        let before = alive();
        let start = Instant::now();
        let pool = P::new(self.workers, KEEP_ALIVE);
        prove(&pool, self.workers);
        let proven = start.elapsed();
        sleep(SETTLED);

        let start = Instant::now();
        pool.shutdown();
        let stopped = start.elapsed();
        while alive() > before && start.elapsed() < Duration::from_secs(2) {
            yield_now();
        }
        let gone = start.elapsed();
        let left = alive().saturating_sub(before);
        vec![
            ("start", ns(proven)),
            ("stop", ns(stopped)),
            ("gone", if left == 0 { ns(gone) } else { f64::NAN }),
            ("left", left as f64),
        ]
    }
}

/// Stop does not wait for the threads, whose stacks count as memory.
fn await_alone() {
    if wait_gone(1, Duration::from_secs(10)).is_none() {
        missed("threads of a pool that was stopped are still there");
    }
}

/// W8.
pub struct Memory<P: Pool> {
    workers: usize,
    queued: u64,
    pool: PhantomData<P>,
}

impl<P: Pool> Memory<P> {
    /// The first pool of a process pays for what is there for all; so
    /// does a reading.
    pub fn new(options: &Options) -> Memory<P> {
        let pool = P::new(2, KEEP_ALIVE);
        prove(&pool, 2);
        pool.shutdown();
        await_alone();
        resident_kib();
        Memory {
            workers: options.count("workers", 2) as usize,
            queued: options.count("queued", 1_000_000),
            pool: PhantomData,
        }
    }

    fn idle_workers(&self) -> f64 {
        let before = resident_kib();
        let pool = P::new(self.workers, KEEP_ALIVE);
        prove(&pool, self.workers);
        sleep(SETTLED);
        let after = resident_kib();
        pool.shutdown();
        (after - before) / self.workers as f64
    }
}

impl<P: Pool> Workload for Memory<P> {
    fn round(&mut self) -> Line {
        let idle = self.idle_workers();
        await_alone();

        let before = resident_kib();
        let pool = P::new(2, KEEP_ALIVE);
        let gate = Arc::new(Gate::new());
        let until = w1::done() + self.queued + 2;
        for _ in 0..2 {
            let gate = gate.clone();
            pool.run(move || {
                gate.enter();
                w1::bump();
            });
        }
        if !gate.wait_entered(2, Duration::from_secs(10)) {
            missed("a pool did not run as many tasks at once as it has workers");
        }
        let blocked = resident_kib();
        for _ in 0..self.queued {
            pool.run(w1::bump);
        }
        let full = resident_kib();
        gate.open();
        wait_done(until);
        sleep(DRAINED);
        let drained = resident_kib();
        pool.shutdown();
        await_alone();
        vec![
            ("idle_kib", idle),
            ("task_bytes", (full - blocked) * 1024.0 / self.queued as f64),
            ("drain_mib", (drained - blocked) / 1024.0),
            ("stop_mib", (resident_kib() - before) / 1024.0),
        ]
    }
}

/// W9.
pub struct Cap<P: Pool> {
    workers: usize,
    tasks: u64,
    steps: u64,
    pool: PhantomData<P>,
}

impl<P: Pool> Cap<P> {
    pub fn new(options: &Options) -> Cap<P> {
        Cap {
            workers: options.count("workers", 3) as usize,
            tasks: options.count("tasks", 64),
            steps: work_steps(100),
            pool: PhantomData,
        }
    }
}

impl<P: Pool> Workload for Cap<P> {
    fn round(&mut self) -> Line {
        struct Shared {
            inside: AtomicU64,
            most: AtomicU64,
            spent: AtomicU64,
        }
        let state = Shared {
            inside: AtomicU64::new(0),
            most: AtomicU64::new(0),
            spent: AtomicU64::new(0),
        };
        let pool = P::new(self.workers, KEEP_ALIVE);
        prove(&pool, self.workers);
        let until = w1::done() + self.tasks;
        let steps = self.steps;
        // All tasks have bumped, which is their last step, before it goes.
        let shared = unsafe { for_tasks(&state) };
        let start = Instant::now();
        for _ in 0..self.tasks {
            pool.run(move || {
                let entry = Instant::now();
                let here = shared.inside.fetch_add(1, Ordering::SeqCst) + 1;
                shared.most.fetch_max(here, Ordering::SeqCst);
                sleep(Duration::from_millis(1));
                work(steps);
                shared.inside.fetch_sub(1, Ordering::SeqCst);
                let time = entry.elapsed().as_nanos() as u64;
                shared.spent.fetch_add(time, Ordering::SeqCst);
                w1::bump();
            });
        }
        wait_done(until);
        let makespan = ns(start.elapsed());
        pool.shutdown();
        let spent = state.spent.load(Ordering::SeqCst) as f64;
        vec![
            ("max", state.most.load(Ordering::SeqCst) as f64),
            ("util", spent / (self.workers as f64 * makespan)),
            ("makespan", makespan),
            ("grow_us", f64::NAN),
            ("shrink_us", f64::NAN),
        ]
    }
}
