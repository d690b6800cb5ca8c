// SPDX-License-Identifier: BSD-2-Clause
//! What both pools offer, under one name each, and nothing that one of them
//! lacks: an absent call says so.

use crate::system::{work, Word};
use std::time::Duration;

pub trait Pool: Sync + Sized + 'static {
    /// A pool of `size` threads, made as Wasmer made it.
    fn new(size: usize, keep_alive: Duration) -> Self;
    /// Run `task` some time; nobody waits for it.
    fn run<F: FnOnce() + Send + 'static>(&self, task: F);
    /// Run `task` and wait for its end with what the pool has for this.
    fn call<F: FnOnce() + Send + 'static>(&self, task: F);
    /// A guest's thread: what the pool has for it, else a word of ours.
    type Handle;
    /// Begin with `steps` of work.
    fn spawn(&self, steps: u64) -> Self::Handle;
    /// Wait for its end.
    fn await_end(handle: Self::Handle);
    /// Wait for all tasks; false when the pool has no such call.
    fn join(&self) -> bool;
    /// How many threads the pool itself counts.
    fn registry(&self) -> usize;
    /// The strongest shutdown that the pool has.
    fn shutdown(self);
}

pub struct Rayon(pub rayon::ThreadPool);

/// Rayon has no handle, so the guest's end is a futex.
pub struct Guest {
    steps: u64,
    ended: Word,
}

impl Pool for Rayon {
    fn new(size: usize, _keep_alive: Duration) -> Rayon {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(size).build();
        Rayon(pool.expect("building a Rayon pool"))
    }

    fn run<F: FnOnce() + Send + 'static>(&self, task: F) {
        self.0.spawn(task);
    }

    fn call<F: FnOnce() + Send + 'static>(&self, task: F) {
        self.0.install(task);
    }

    type Handle = Box<Guest>;

    fn spawn(&self, steps: u64) -> Box<Guest> {
        let guest = Box::new(Guest {
            steps,
            ended: Word::new(),
        });
        // A number, because a pointer is not Send; await_end() keeps the guest
        // until the task has raised the word, its last look at it.
        let address = &*guest as *const Guest as usize;
        self.0.spawn(move || unsafe {
            let guest = address as *const Guest;
            work((*guest).steps);
            Word::raise(&(*guest).ended);
        });
        guest
    }

    fn await_end(handle: Box<Guest>) {
        handle.ended.wait();
    }

    fn join(&self) -> bool {
        false
    }

    fn registry(&self) -> usize {
        self.0.current_num_threads()
    }

    fn shutdown(self) {
        drop(self.0);
    }
}

pub struct Rusty(rusty_pool::ThreadPool);

impl Pool for Rusty {
    /// Core size and greatest size are equal, as in Wasmer.
    fn new(size: usize, keep_alive: Duration) -> Rusty {
        Rusty(rusty_pool::ThreadPool::new(size, size, keep_alive))
    }

    fn run<F: FnOnce() + Send + 'static>(&self, task: F) {
        self.0.execute(task);
    }

    fn call<F: FnOnce() + Send + 'static>(&self, task: F) {
        self.0.evaluate(task).await_complete();
    }

    type Handle = rusty_pool::JoinHandle<()>;

    fn spawn(&self, steps: u64) -> rusty_pool::JoinHandle<()> {
        self.0.evaluate(move || work(steps))
    }

    fn await_end(handle: rusty_pool::JoinHandle<()>) {
        handle.await_complete();
    }

    fn join(&self) -> bool {
        self.0.join();
        true
    }

    fn registry(&self) -> usize {
        self.0.get_current_worker_count()
    }

    fn shutdown(self) {
        self.0.shutdown_join();
    }
}
