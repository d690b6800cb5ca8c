// SPDX-License-Identifier: BSD-2-Clause
//! tokio as two pools: spawn() of futures that never wait, on a runtime of
//! many threads; and spawn_blocking(), whose threads are made when tasks wait
//! for one. Only in the program when the crate is here.

use crate::pool::Pool;
use crate::system::work;
use std::time::Duration;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

/// A guest's thread: the crate's own handle, awaited as its runtime does.
pub struct Guest {
    runtime: Handle,
    end: JoinHandle<()>,
}

fn await_end(guest: Guest) {
    let ended = guest.runtime.block_on(guest.end);
    ended.expect("a task of tokio");
}

pub struct Spawn(Runtime, usize);

impl Pool for Spawn {
    /// Neither a clock nor files, so no thread waits for the kernel's events.
    fn new(size: usize, _keep_alive: Duration) -> Spawn {
        let runtime = Builder::new_multi_thread().worker_threads(size).build();
        Spawn(runtime.expect("building a runtime of tokio"), size)
    }

    fn run<F: FnOnce() + Send + 'static>(&self, task: F) {
        self.0.spawn(async move { task() });
    }

    fn call<F: FnOnce() + Send + 'static>(&self, task: F) {
        let end = self.0.spawn(async move { task() });
        self.0.block_on(end).expect("a task of tokio");
    }

    type Handle = Guest;

    fn spawn(&self, steps: u64) -> Guest {
        Guest {
            runtime: self.0.handle().clone(),
            end: self.0.spawn(async move { work(steps) }),
        }
    }

    fn await_end(handle: Guest) {
        await_end(handle);
    }

    fn join(&self) -> bool {
        false
    }

    fn registry(&self) -> usize {
        self.1
    }

    /// Returns when the threads have ended.
    fn shutdown(self) {
        drop(self.0);
    }
}

pub struct Blocking(Runtime, usize);

impl Pool for Blocking {
    /// The scheduler of one thread is that of its caller, so all threads are
    /// those of the tasks.
    fn new(size: usize, keep_alive: Duration) -> Blocking {
        let runtime = Builder::new_current_thread()
            .max_blocking_threads(size)
            .thread_keep_alive(keep_alive)
            .build();
        Blocking(runtime.expect("building a runtime of tokio"), size)
    }

    fn run<F: FnOnce() + Send + 'static>(&self, task: F) {
        self.0.spawn_blocking(task);
    }

    fn call<F: FnOnce() + Send + 'static>(&self, task: F) {
        let end = self.0.spawn_blocking(task);
        self.0.block_on(end).expect("a task of tokio");
    }

    type Handle = Guest;

    fn spawn(&self, steps: u64) -> Guest {
        Guest {
            runtime: self.0.handle().clone(),
            end: self.0.spawn_blocking(move || work(steps)),
        }
    }

    fn await_end(handle: Guest) {
        await_end(handle);
    }

    fn join(&self) -> bool {
        false
    }

    fn registry(&self) -> usize {
        self.1
    }

    fn shutdown(self) {
        drop(self.0);
    }
}
