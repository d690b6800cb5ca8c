// SPDX-License-Identifier: BSD-2-Clause
//! One task and its end: W4 from a pool that sleeps, W4j the same by the
//! pool's own wait, W7 guests that come and go (doc/workloads.md).

use crate::flood::{for_tasks, ns, pool_for};
use crate::peer::{Line, Workload};
use crate::pool::Pool;
use crate::system::{work_steps, Word};
use crate::{usage, Options};
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(1);

/// Samples go before the line of their round.
fn print_samples(samples: &[(u64, u64)]) -> Line {
    let mut out = std::io::stdout().lock();
    for (start, round_trip) in samples {
        let _ = writeln!(out, "s {} {}", start, round_trip);
    }
    vec![("n", samples.len() as f64)]
}

/// W4.
pub struct Wake<P: Pool> {
    pool: P,
    n: u64,
    spins: bool,
}

impl<P: Pool> Wake<P> {
    pub fn new(options: &Options) -> Wake<P> {
        let mode = options.text("mode", "block");
        if mode != "block" && mode != "spin" {
            usage(&format!("--mode: '{}' is not block or spin", mode));
        }
        let one = Wake {
            pool: pool_for(options),
            n: options.count("samples", 1000),
            spins: mode == "spin",
        };
        for _ in 0..10 {
            one.sample();
        }
        one
    }

    fn sample(&self) -> (u64, u64) {
        struct Shared {
            started: AtomicU64,
            ended: Word,
        }
        let state = Shared {
            started: AtomicU64::new(0),
            ended: Word::new(),
        };
        // The task's last look at it is to raise the word.
        let shared = unsafe { for_tasks(&state) };

        sleep(PAUSE);
        let start = Instant::now();
        self.pool.run(move || {
            let time = start.elapsed().as_nanos() as u64;
            shared.started.store(time, Ordering::Relaxed);
            unsafe { Word::raise(&shared.ended) };
        });
        if self.spins {
            state.ended.spin();
        } else {
            state.ended.wait();
        }
        let end = start.elapsed().as_nanos() as u64;
        (state.started.load(Ordering::Relaxed), end)
    }
}

impl<P: Pool> Workload for Wake<P> {
    fn round(&mut self) -> Line {
        let samples: Vec<_> = (0..self.n).map(|_| self.sample()).collect();
        print_samples(&samples)
    }

    fn stop(self: Box<Self>) {
        self.pool.shutdown();
    }
}

/// W4j.
pub struct RoundTrip<P: Pool> {
    pool: P,
    n: u64,
}

impl<P: Pool> RoundTrip<P> {
    pub fn new(options: &Options) -> RoundTrip<P> {
        let one: RoundTrip<P> = RoundTrip {
            pool: pool_for(options),
            n: options.count("samples", 1000),
        };
        for _ in 0..10 {
            one.pool.call(|| {});
        }
        one
    }
}

impl<P: Pool> Workload for RoundTrip<P> {
    fn round(&mut self) -> Line {
        let samples: Vec<_> = (0..self.n)
            .map(|_| {
                sleep(PAUSE);
                let start = Instant::now();
                self.pool.call(|| {});
                (0, start.elapsed().as_nanos() as u64)
            })
            .collect();
        print_samples(&samples)
    }

    fn stop(self: Box<Self>) {
        self.pool.shutdown();
    }
}

/// W7.
pub struct Guests<P: Pool> {
    pool: P,
    n: usize,
    steps: u64,
    ring: Vec<Option<(P::Handle, Instant)>>,
    took: Vec<u64>,
}

impl<P: Pool> Guests<P> {
    pub fn new(options: &Options) -> Guests<P> {
        let flight = options.count("flight", 1);
        let mut one = Guests {
            pool: pool_for(options),
            n: options.count("n", 20_000) as usize,
            steps: work_steps(options.count("work-us", 1)),
            ring: (0..flight).map(|_| None).collect(),
            took: Vec::new(),
        };
        one.run((one.n / 10).max(1));
        one
    }

    fn join(&mut self, at: usize) {
        if let Some((handle, spawned)) = self.ring[at].take() {
            P::await_end(handle);
            self.took.push(spawned.elapsed().as_nanos() as u64);
        }
    }

    fn run(&mut self, n: usize) -> Duration {
        let flight = self.ring.len();
        self.took.clear();
        self.took.reserve(n);
        let start = Instant::now();
        for i in 0..n {
            self.join(i % flight);
            let spawned = Instant::now();
            let handle = self.pool.spawn(self.steps);
            self.ring[i % flight] = Some((handle, spawned));
        }
        for i in n..n + flight {
            self.join(i % flight);
        }
        start.elapsed()
    }

    fn quantile(&self, part: f64) -> f64 {
        let rank = (part * self.took.len() as f64).ceil() as usize;
        self.took[rank.max(1) - 1] as f64
    }
}

impl<P: Pool> Workload for Guests<P> {
    fn round(&mut self) -> Line {
        let time = self.run(self.n);
        self.took.sort_unstable();
        vec![
            ("ns", ns(time) / self.n as f64),
            ("p50", self.quantile(0.5)),
            ("p99", self.quantile(0.99)),
        ]
    }

    fn stop(self: Box<Self>) {
        self.pool.shutdown();
    }
}
