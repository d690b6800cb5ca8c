// SPDX-License-Identifier: BSD-2-Clause
//! The number of threads over the events of a pool's life, each event at the
//! instant when the call that it names has returned.

use crate::pool::Pool;
use crate::threads::{alive, wait_gone, Gate};
use std::sync::Arc;
use std::time::{Duration, Instant};

const KEEP_ALIVE: Duration = Duration::from_millis(10);
const LIMIT: Duration = Duration::from_secs(5);

struct Round {
    number: u64,
    start: Instant,
    event: u32,
}

impl Round {
    fn checkpoint(&mut self, name: &str, registry: usize) {
        let threads = alive();
        println!(
            "checkpoint round={} index={} name={} threads={} registry={} ns={}",
            self.number,
            self.event,
            name,
            threads,
            registry,
            self.start.elapsed().as_nanos()
        );
        self.event += 1;
    }
}

fn burst<P: Pool>(pool: &P, size: usize, round: &mut Round) {
    let gate = Arc::new(Gate::new());
    let done = Arc::new(Gate::new());
    for _ in 0..4 * size {
        let (gate, done) = (gate.clone(), done.clone());
        pool.run(move || {
            gate.enter();
            done.enter();
        });
    }
    if !gate.wait_entered(size, LIMIT) {
        println!("missed what=burst");
    }
    round.checkpoint("burst", pool.registry());
    done.open();
    gate.open();
    if !done.wait_entered(4 * size, LIMIT) {
        println!("missed what=drain");
    }
    round.checkpoint("drained", pool.registry());
}

pub fn run<P: Pool>(size: usize, rounds: u64) {
    for number in 0..rounds {
        let before = alive();
        let mut round = Round {
            number,
            start: Instant::now(),
            event: 0,
        };
        round.checkpoint("before", 0);
        let pool = P::new(size, KEEP_ALIVE);
        round.checkpoint("created", pool.registry());
        // Neither pool is started by a call of its own in this use.
        round.checkpoint("started", pool.registry());
        let mut tasks = 0;
        for (until, name) in [(1, "task-1"), (10, "task-10"), (100, "task-100"), (1000, "task-1000")]
        {
            while tasks < until {
                pool.call(|| {});
                tasks += 1;
            }
            round.checkpoint(name, pool.registry());
        }
        // Nor to have more of them.
        round.checkpoint("grown", pool.registry());
        burst(&pool, size, &mut round);
        std::thread::sleep(KEEP_ALIVE + KEEP_ALIVE / 2);
        round.checkpoint("idle", pool.registry());
        // There is no call to give threads back.
        round.checkpoint("shrunk", pool.registry());
        pool.call(|| {});
        round.checkpoint("task-again", pool.registry());
        pool.shutdown();
        round.checkpoint("shutdown", 0);
        std::thread::sleep(Duration::from_millis(1));
        round.checkpoint("after-1ms", 0);
        std::thread::sleep(Duration::from_millis(19));
        round.checkpoint("after-20ms", 0);
        if wait_gone(before, LIMIT).is_none() {
            println!("missed what=gone");
        }
    }
}
