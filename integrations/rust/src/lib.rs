// SPDX-License-Identifier: BSD-2-Clause
//! Thread pools with exact caps in a tree of groups: the C library heddle.
//!
//! A [`Pool`] has workers; a [`Group`] is a set of tasks of which at most `cap` run, at every
//! instant; groups form a tree whose root is the pool. Tasks are closures: [`Group::spawn`]
//! for those that own what they need, [`Group::scope`] for those that borrow. A cap can be
//! changed while tasks run, and a [`Ticket`] waits until the change is in effect.
//!
//! A panic in a task ends that task only, and goes on in whoever joins it.
//!
//! Every wait in a task is known to the pool: a join runs a task that nobody has started in
//! place, and otherwise gives the caller's permit to others; for waits of your own there is
//! [`blocking`].

#![warn(missing_docs)]
#![deny(unsafe_op_in_unsafe_fn)]

mod error;
mod group;
mod pool;
mod scope;
#[allow(non_camel_case_types)]
pub mod sys;
mod task;

pub use error::{Error, JoinError};
pub use group::{Close, Group, GroupBuilder, GroupStat, Order, Ticket};
pub use pool::{Pool, PoolBuilder};
pub use scope::{Scope, ScopedJoinHandle};
pub use task::{Cancel, JoinHandle};

use std::ffi::CStr;
use std::time::Duration;

/// The version of the library that is running, such as "0.1.0".
pub fn version() -> &'static str {
    // SAFETY: the string is terminated and lives for ever.
    unsafe { CStr::from_ptr(sys::heddle_version()) }.to_str().unwrap_or("?")
}

/// Should the calling task come to its end? True when it was cancelled after it had started,
/// or when its group or one above refuses, also because the pool is being dropped.
pub fn stop_requested() -> bool {
    // SAFETY: may be called on any thread.
    unsafe { sys::heddle_stop_requested() == 1 }
}

/// Runs `f`, which waits for something outside of the pool, and lets another task have the
/// caller's permit meanwhile. Comes back with the permit, also by a panic. Outside of tasks it
/// just calls `f`.
pub fn blocking<R>(f: impl FnOnce() -> R) -> R {
    struct Region(bool);
    impl Drop for Region {
        fn drop(&mut self) {
            if self.0 {
                // SAFETY: ends the region begun below, on the same thread.
                unsafe { sys::heddle_block_end() };
            }
        }
    }
    // SAFETY: may be called on any thread; without an interrupt function.
    let rc = unsafe {
        sys::heddle_block_begin(sys::HEDDLE_BLOCK_OTHER, None, std::ptr::null_mut())
    };
    let _region = Region(rc == 0);
    f()
}

/// Absolute ns of CLOCK_MONOTONIC; None is for ever.
pub(crate) fn deadline(limit: Option<Duration>) -> u64 {
    let limit = match limit {
        Some(limit) => limit,
        None => return sys::HEDDLE_FOREVER,
    };
    let mut now = sys::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is writable; this clock is always there.
    unsafe { sys::clock_gettime(sys::CLOCK_MONOTONIC, &mut now) };
    let now = now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64;
    now.saturating_add(u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX))
}
