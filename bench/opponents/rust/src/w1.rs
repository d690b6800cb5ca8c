// SPDX-License-Identifier: BSD-2-Clause
//! `w1`: empty tasks from outside. A pool of w workers, s submitters, N tasks
//! in all; a task bumps its worker's own line of `done`. Printed per round:
//! the time until all N were done and until the last submit had returned,
//! both by N.

use crate::pool::{Pool, Rayon, Rusty};
use crate::{usage, Options};
use std::cell::Cell;
use std::io::BufRead;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::Barrier;
use std::time::{Duration, Instant};

pub const OPTIONS: &[&str] = &["pool", "workers", "submitters", "tasks", "rounds", "drive"];

const LINES: usize = 1024;

#[repr(align(128))]
struct Line(AtomicU64);

#[allow(clippy::declare_interior_mutable_const)]
const ZERO: Line = Line(AtomicU64::new(0));
static DONE: [Line; LINES] = [ZERO; LINES];
static NEXT_LINE: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static MY_LINE: Cell<usize> = const { Cell::new(usize::MAX) };
}

pub fn bump() {
    MY_LINE.with(|cell| {
        if cell.get() == usize::MAX {
            let line = NEXT_LINE.fetch_add(1, Ordering::Relaxed);
            assert!(line < LINES, "more worker threads than lines");
            cell.set(line);
        }
        // Only this thread writes the line: no read-modify-write is needed.
        let line = &DONE[cell.get()].0;
        line.store(line.load(Ordering::Relaxed) + 1, Ordering::Release);
    });
}

pub fn done() -> u64 {
    let lines = NEXT_LINE.load(Ordering::Relaxed).min(LINES);
    DONE[..lines]
        .iter()
        .map(|line| line.0.load(Ordering::Acquire))
        .sum()
}

pub struct Times {
    pub all: Duration,
    pub submit: Duration,
}

fn submit<P: Pool>(pool: &P, n: u64) {
    // A closure of no size is not allocated, and no task that does something is one.
    for number in 0..n {
        pool.run(move || {
            if number < n {
                bump();
            }
        });
    }
}

pub fn round<P: Pool>(pool: &P, submitters: u64, tasks: u64) -> Times {
    let until = done() + tasks;
    let start;
    let submit_time;

    if submitters == 1 {
        start = Instant::now();
        submit(pool, tasks);
        submit_time = start.elapsed();
    } else {
        // Each takes the time for itself: this thread may be late.
        let barrier = Barrier::new(submitters as usize);
        let spans: Vec<(Instant, Instant)> = std::thread::scope(|scope| {
            let handles: Vec<_> = (0..submitters)
                .map(|number| {
                    let share = tasks / submitters + u64::from(number < tasks % submitters);
                    let barrier = &barrier;
                    scope.spawn(move || {
                        barrier.wait();
                        let started = Instant::now();
                        submit(pool, share);
                        (started, Instant::now())
                    })
                })
                .collect();
            let ends = handles.into_iter().map(|handle| handle.join().unwrap());
            ends.collect()
        });
        start = spans.iter().map(|span| span.0).min().unwrap();
        let ended = spans.iter().map(|span| span.1).max().unwrap();
        submit_time = ended - start;
    }
    while done() < until {
        std::thread::sleep(Duration::from_micros(50));
    }
    Times {
        all: start.elapsed(),
        submit: submit_time,
    }
}

fn print(number: u64, tasks: u64, times: &Times) {
    let per_task = |time: &Duration| time.as_nanos() as f64 / tasks as f64;
    println!(
        "round number={} tasks={} ns={:.3} submit_ns={:.3}",
        number,
        tasks,
        per_task(&times.all),
        per_task(&times.submit)
    );
}

fn run<P: Pool>(options: &Options) {
    let workers = options.number("workers", 2) as usize;
    let submitters = options.number("submitters", 1);
    let tasks = options.number("tasks", 500_000);
    let rounds = options.number("rounds", 3);

    if workers == 0 || submitters == 0 || tasks == 0 {
        usage("--workers, --submitters and --tasks must not be 0");
    }
    let pool = P::new(workers, Duration::from_secs(60));
    round(&pool, submitters, (tasks / 10).max(1));
    println!("ready workers={} submitters={}", workers, submitters);
    match options.text("drive", "self").as_str() {
        "self" => {
            for number in 1..=rounds {
                print(number, tasks, &round(&pool, submitters, tasks));
            }
        }
        // One round for each line read, so that the caller can let several
        // programs take turns; the end of the input ends it.
        "stdin" => {
            for (number, line) in (1..).zip(std::io::stdin().lock().lines()) {
                if line.is_err() {
                    break;
                }
                print(number, tasks, &round(&pool, submitters, tasks));
            }
        }
        other => usage(&format!("--drive: '{}' is not self or stdin", other)),
    }
    pool.shutdown();
    println!("end");
}

pub fn main(options: &Options) {
    match options.text("pool", "").as_str() {
        "rusty" => run::<Rusty>(options),
        "rayon" => run::<Rayon>(options),
        other => usage(&format!("--pool: '{}' is not rusty or rayon", other)),
    }
}
