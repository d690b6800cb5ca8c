// SPDX-License-Identifier: BSD-2-Clause
//! Many tasks at once: W1 from outside, W2 from tasks, W5 the burst from idle,
//! W10 what the pool costs afterwards (doc/workloads.md).

use crate::peer::{Line, Workload, KEEP_ALIVE};
use crate::pool::Pool;
use crate::system::{cpu_time, work, work_steps, Word};
use crate::{usage, w1, Options};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub fn pool_for<P: Pool>(options: &Options) -> P {
    P::new(options.count("workers", 2) as usize, KEEP_ALIVE)
}

pub fn ns(time: Duration) -> f64 {
    time.as_nanos() as f64
}

/// Sum up every 50 us.
pub fn wait_done(until: u64) {
    while w1::done() < until {
        sleep(Duration::from_micros(50));
    }
}

/// A reference for tasks, as a program would have one to a static pool.
///
/// # Safety
/// Whoever takes it waits for the tasks before the value goes or moves.
pub unsafe fn for_tasks<T>(value: &T) -> &'static T {
    &*(value as *const T)
}

pub struct FromOutside<P: Pool> {
    pool: P,
    tasks: u64,
    submitters: u64,
}

impl<P: Pool> FromOutside<P> {
    pub fn new(options: &Options) -> FromOutside<P> {
        let one = FromOutside {
            pool: pool_for(options),
            tasks: options.count("tasks", 500_000),
            submitters: options.count("submitters", 1),
        };
        w1::round(&one.pool, one.submitters, (one.tasks / 10).max(1));
        one
    }
}

impl<P: Pool> Workload for FromOutside<P> {
    fn round(&mut self) -> Line {
        let times = w1::round(&self.pool, self.submitters, self.tasks);
        let tasks = self.tasks as f64;
        vec![
            ("ns", ns(times.all) / tasks),
            ("submit_ns", ns(times.submit) / tasks),
        ]
    }

    fn stop(self: Box<Self>) {
        self.pool.shutdown();
    }
}

/// W2, and W11 with more workers than CPUs.
pub struct FromInside<P: Pool> {
    pool: P,
    depth: u64,
}

fn node<P: Pool>(pool: &'static P, depth: u64) {
    if depth > 0 {
        pool.run(move || node(pool, depth - 1));
        pool.run(move || node(pool, depth - 1));
    }
    w1::bump();
}

impl<P: Pool> FromInside<P> {
    pub fn new(options: &Options) -> FromInside<P> {
        let depth = options.count("depth", 18);
        if depth > 30 {
            usage("--depth: 30 at most");
        }
        let one = FromInside {
            pool: pool_for(options),
            depth,
        };
        one.run();
        one
    }

    fn tasks(&self) -> u64 {
        (2 << self.depth) - 1
    }

    fn run(&self) -> Duration {
        let until = w1::done() + self.tasks();
        let depth = self.depth;
        // The wait below is for all tasks, and bump() is their last step.
        let pool = unsafe { for_tasks(&self.pool) };
        let start = Instant::now();
        self.pool.run(move || node(pool, depth));
        wait_done(until);
        start.elapsed()
    }
}

impl<P: Pool> Workload for FromInside<P> {
    fn round(&mut self) -> Line {
        vec![("ns", ns(self.run()) / self.tasks() as f64)]
    }

    fn stop(self: Box<Self>) {
        self.pool.shutdown();
    }
}

/// W5. The last task takes the time, so no waiter's sleep is in it.
pub struct Burst<P: Pool> {
    pool: P,
    tasks: u64,
    steps: u64,
}

impl<P: Pool> Burst<P> {
    pub fn new(options: &Options) -> Burst<P> {
        let one = Burst {
            pool: pool_for(options),
            tasks: options.count("tasks", 1000),
            steps: work_steps(options.count("work-us", 10)),
        };
        one.run();
        one
    }

    fn run(&self) -> f64 {
        struct Shared {
            left: AtomicU64,
            ns: AtomicU64,
            ended: Word,
        }
        let state = Shared {
            left: AtomicU64::new(self.tasks),
            ns: AtomicU64::new(0),
            ended: Word::new(),
        };
        // The last task raises the word, after which nobody looks at it.
        let shared = unsafe { for_tasks(&state) };
        let steps = self.steps;

        sleep(Duration::from_millis(5));
        let start = Instant::now();
        for _ in 0..self.tasks {
            self.pool.run(move || {
                work(steps);
                if shared.left.fetch_sub(1, Ordering::AcqRel) == 1 {
                    let time = start.elapsed().as_nanos() as u64;
                    shared.ns.store(time, Ordering::Relaxed);
                    unsafe { Word::raise(&shared.ended) };
                }
            });
        }
        state.ended.wait();
        state.ns.load(Ordering::Relaxed) as f64
    }
}

impl<P: Pool> Workload for Burst<P> {
    fn round(&mut self) -> Line {
        vec![("makespan", self.run())]
    }

    fn stop(self: Box<Self>) {
        self.pool.shutdown();
    }
}

/// W10.
pub struct Idle<P: Pool> {
    burst: Burst<P>,
    seconds: u64,
}

fn cpu_ms(length: u64) -> f64 {
    let before = cpu_time();
    sleep(Duration::from_secs(length));
    ns(cpu_time() - before) / 1e6
}

impl<P: Pool> Idle<P> {
    pub fn new(options: &Options) -> Idle<P> {
        Idle {
            burst: Burst::new(options),
            seconds: options.count("idle-seconds", 8),
        }
    }
}

impl<P: Pool> Workload for Idle<P> {
    fn round(&mut self) -> Line {
        self.burst.run();
        vec![
            ("first_ms", cpu_ms(1)),
            ("idle_ms", cpu_ms(self.seconds) / self.seconds as f64),
        ]
    }

    fn stop(self: Box<Self>) {
        self.burst.pool.shutdown();
    }
}
