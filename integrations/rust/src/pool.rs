// SPDX-License-Identifier: BSD-2-Clause
//! A pool and its end.
//!
//! Handles of groups and tasks keep the memory of a pool, and not its threads: dropping the
//! [`Pool`] cancels what is queued, waits for what runs and ends the workers (R3); the rest
//! is returned when the last handle goes (R4). In between every call is answered, by
//! [`Error::Shutdown`] or by what the task came to.

use crate::error::Error;
use crate::group::{Group, GroupInner};
use crate::sys;
use crate::task::Abandoned;
use std::ffi::{CStr, CString};
use std::mem::{forget, size_of, zeroed};
use std::ptr::{null_mut, NonNull};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) struct PoolInner {
    pub(crate) raw: NonNull<sys::heddle_pool>,
    pub(crate) abandoned: Mutex<Abandoned>,
}

// SAFETY: a pool may be used by any threads together (heddle/pool.h); the rest is a mutex.
unsafe impl Send for PoolInner {}
// SAFETY: as above.
unsafe impl Sync for PoolInner {}

impl Drop for PoolInner {
    fn drop(&mut self) {
        // SAFETY: nobody holds a handle, and the workers ended with the Pool.
        unsafe {
            sys::heddle_pool_destroy(
                self.raw.as_ptr(),
                sys::HEDDLE_R4_CLEAN,
                null_mut(),
                sys::HEDDLE_FOREVER,
            )
        };
    }
}

fn text_of(report: &sys::heddle_report) -> String {
    // SAFETY: the library always terminates the text, and it is zeroed before.
    unsafe { CStr::from_ptr(report.text.as_ptr()) }.to_string_lossy().into_owned()
}

/// Makes a [`Pool`]. What is not set has the library's default.
#[derive(Clone, Debug, Default)]
pub struct PoolBuilder {
    workers: Option<u32>,
    start: Option<u32>,
    elastic: bool,
    cap: u32,
    tasks_max: u32,
    groups_max: u32,
    blocked_max: u32,
    stack_size: u64,
    name: Option<String>,
}

impl PoolBuilder {
    /// Most workers that are not blocked; the default is what the machine and its quota give.
    pub fn workers(mut self, n: u32) -> Self {
        self.workers = Some(n);
        self
    }

    /// Workers come as they are needed and blocked ones are replaced. Without it all of them
    /// are there from the start on, and no others.
    pub fn elastic(mut self, yes: bool) -> Self {
        self.elastic = yes;
        self
    }

    /// How many workers are started at once; all, or 1 if the pool is elastic.
    pub fn start(mut self, n: u32) -> Self {
        self.start = Some(n);
        self
    }

    /// Most tasks of the pool that run at once.
    pub fn cap(mut self, cap: u32) -> Self {
        self.cap = cap;
        self
    }

    /// Most tasks that are queued in the whole pool; beyond it a spawn is [`Error::Full`].
    pub fn tasks_max(mut self, n: u32) -> Self {
        self.tasks_max = n;
        self
    }

    /// Most groups that exist at once, the root included.
    pub fn groups_max(mut self, n: u32) -> Self {
        self.groups_max = n;
        self
    }

    /// Most blocked workers that are replaced, of an elastic pool.
    pub fn blocked_max(mut self, n: u32) -> Self {
        self.blocked_max = n;
        self
    }

    /// Bytes of a worker's stack.
    pub fn stack_size(mut self, bytes: u64) -> Self {
        self.stack_size = bytes;
        self
    }

    /// Prefix of the threads' names, at most 10 bytes.
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_string());
        self
    }

    /// Makes the pool and starts its workers. On an error no thread is left.
    pub fn build(self) -> Result<Pool, Error> {
        let name = self.name.map(CString::new).transpose().map_err(|_| Error::Invalid)?;
        if self.workers == Some(0) {
            return Err(Error::Invalid);
        }
        // 0 is the library's own count, which a STATIC pool has to be started with.
        let workers = match self.workers {
            Some(n) => n,
            None => std::thread::available_parallelism().map_or(1, |n| n.get() as u32),
        };
        // SAFETY: zero is a valid value of each field.
        let mut options: sys::heddle_pool_options = unsafe { zeroed() };
        options.struct_size = size_of::<sys::heddle_pool_options>() as u32;
        options.flags = if self.elastic { sys::HEDDLE_POOL_ELASTIC } else { 0 };
        options.workers_max = workers;
        options.cap = self.cap;
        options.tasks_max = self.tasks_max;
        options.groups_max = self.groups_max;
        options.blocked_max = self.blocked_max;
        options.stack_size = self.stack_size;
        options.name = name.as_ref().map_or(std::ptr::null(), |name| name.as_ptr());
        let mut raw = null_mut();
        // SAFETY: both point to what they should, for the length of the call.
        Error::check(unsafe { sys::heddle_pool_create(&options, &mut raw) })?;
        let raw = NonNull::new(raw).ok_or(Error::Invalid)?;
        let inner = Arc::new(PoolInner { raw, abandoned: Mutex::default() });
        let pool = Pool { root: Group::from_inner(GroupInner::root(inner)) };
        pool.start(self.start.unwrap_or(if self.elastic { 1 } else { workers }))?;
        Ok(pool)
    }
}

/// A pool of workers. Dropping it cancels what is queued and waits for what runs.
///
/// Dropped inside one of its own tasks it cannot be ended: it is leaked, with its threads.
pub struct Pool {
    root: Group,
}

impl Pool {
    /// All defaults but those that are set: [`PoolBuilder`].
    pub fn builder() -> PoolBuilder {
        PoolBuilder::default()
    }

    /// A pool of `n` workers.
    pub fn new(n: u32) -> Result<Pool, Error> {
        Pool::builder().workers(n).build()
    }

    fn inner(&self) -> &Arc<PoolInner> {
        &self.root.inner().pool
    }

    /// The root group, in which spawns of no other group go.
    pub fn group(&self) -> &Group {
        &self.root
    }

    /// Has at least `n` workers ready.
    pub fn start(&self, n: u32) -> Result<(), Error> {
        // SAFETY: zero is a valid value of each field.
        let mut report: sys::heddle_report = unsafe { zeroed() };
        report.struct_size = size_of::<sys::heddle_report>() as u32;
        // SAFETY: the pool lives as long as self.
        let rc = unsafe {
            sys::heddle_pool_start(
                self.inner().raw.as_ptr(),
                n,
                &mut report,
                sys::HEDDLE_FOREVER,
            )
        };
        match Error::check(rc) {
            Err(_) if report.error != 0 => Err(Error::Start(text_of(&report))),
            result => result,
        }
    }

    /// Shrinks to `n` workers; busy ones go at the end of their task. Returns when the kernel
    /// has forgotten their threads. With a limit it may be [`Error::TimedOut`]: call it again.
    pub fn stop(&self, n: u32, limit: Option<Duration>) -> Result<(), Error> {
        // SAFETY: the pool lives as long as self.
        Error::check(unsafe {
            sys::heddle_pool_stop(
                self.inner().raw.as_ptr(),
                n,
                sys::HEDDLE_R3_GONE,
                null_mut(),
                crate::deadline(limit),
            )
        })
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // SAFETY: below R4 nothing of the pool is freed.
        let rc = unsafe {
            sys::heddle_pool_destroy(
                self.inner().raw.as_ptr(),
                sys::HEDDLE_R3_GONE,
                null_mut(),
                sys::HEDDLE_FOREVER,
            )
        };
        if rc != 0 {
            forget(Arc::clone(self.inner()));
            return;
        }
        // All tasks have ended; these hold handles of the pool that nobody else has.
        Abandoned::sweep(&self.inner().abandoned);
    }
}
