// SPDX-License-Identifier: BSD-2-Clause
//! What both pools offer, under one name each, and nothing that one of them
//! lacks: an absent call says so.

use std::time::Duration;

pub trait Pool: Sync + Sized {
    /// A pool of `size` threads, made as Wasmer made it.
    fn new(size: usize, keep_alive: Duration) -> Self;
    /// Run `task` some time; nobody waits for it.
    fn run<F: FnOnce() + Send + 'static>(&self, task: F);
    /// Run `task` and wait for its end with what the pool has for this.
    fn call<F: FnOnce() + Send + 'static>(&self, task: F);
    /// Wait for all tasks; false when the pool has no such call.
    fn join(&self) -> bool;
    /// How many threads the pool itself counts.
    fn registry(&self) -> usize;
    /// The strongest shutdown that the pool has.
    fn shutdown(self);
}

pub struct Rayon(rayon::ThreadPool);

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
