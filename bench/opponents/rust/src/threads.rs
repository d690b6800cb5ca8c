// SPDX-License-Identifier: BSD-2-Clause
//! How many threads the process has, and a thread-local value whose
//! destructor is counted.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

/// Entries of /proc/self/task at this instant.
pub fn alive() -> usize {
    match std::fs::read_dir("/proc/self/task") {
        Ok(entries) => entries.count(),
        Err(error) => crate::usage(&format!("/proc/self/task: {}", error)),
    }
}

/// Wait until there are at most `threads`. None when that took too long.
pub fn wait_gone(threads: usize, limit: Duration) -> Option<Duration> {
    let start = Instant::now();
    while alive() > threads {
        if start.elapsed() > limit {
            return None;
        }
        std::thread::sleep(Duration::from_micros(20));
    }
    Some(start.elapsed())
}

static TOUCHED: AtomicUsize = AtomicUsize::new(0);
static DESTROYED: AtomicUsize = AtomicUsize::new(0);

struct Canary(Cell<bool>);

impl Drop for Canary {
    fn drop(&mut self) {
        if self.0.get() {
            DESTROYED.fetch_add(1, Ordering::SeqCst);
        }
    }
}

thread_local! {
    static CANARY: Canary = Canary(Cell::new(false));
}

/// Give the calling thread a value with a destructor; true the first time.
pub fn touch() -> bool {
    CANARY.with(|canary| {
        if canary.0.replace(true) {
            return false;
        }
        TOUCHED.fetch_add(1, Ordering::SeqCst);
        true
    })
}

pub fn touched() -> usize {
    TOUCHED.load(Ordering::SeqCst)
}

pub fn destroyed() -> usize {
    DESTROYED.load(Ordering::SeqCst)
}

/// Tasks enter and wait until the gate is opened; the owner can see how many
/// have entered.
pub struct Gate {
    state: Mutex<(usize, bool)>,
    changed: Condvar,
}

impl Gate {
    pub fn new() -> Gate {
        Gate {
            state: Mutex::new((0, false)),
            changed: Condvar::new(),
        }
    }

    pub fn enter(&self) {
        let mut state = self.state.lock().unwrap();
        state.0 += 1;
        self.changed.notify_all();
        while !state.1 {
            state = self.changed.wait(state).unwrap();
        }
    }

    pub fn open(&self) {
        self.state.lock().unwrap().1 = true;
        self.changed.notify_all();
    }

    /// Wait until `n` have entered; false when that took too long.
    pub fn wait_entered(&self, n: usize, limit: Duration) -> bool {
        let state = self.state.lock().unwrap();
        let (_state, late) = self
            .changed
            .wait_timeout_while(state, limit, |state| state.0 < n)
            .unwrap();
        !late.timed_out()
    }
}
