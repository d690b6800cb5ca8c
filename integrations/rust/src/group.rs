// SPDX-License-Identifier: BSD-2-Clause
//! Groups and their caps.

use crate::error::Error;
use crate::pool::PoolInner;
use crate::scope::{run_scope, Scope};
use crate::sys;
use crate::task::{spawn, spawn_detached, Abandoned, JoinHandle};
use std::ffi::CString;
use std::mem::{size_of, zeroed};
use std::os::raw::c_int;
use std::ptr::{null_mut, NonNull};
use std::sync::Arc;
use std::time::Duration;

pub(crate) struct GroupInner {
    pub(crate) raw: NonNull<sys::heddle_group>,
    pub(crate) pool: Arc<PoolInner>,
    /// None for the root. A group goes after those below it.
    parent: Option<Arc<GroupInner>>,
}

// SAFETY: a group may be used by any threads together (heddle/group.h).
unsafe impl Send for GroupInner {}
// SAFETY: as above.
unsafe impl Sync for GroupInner {}

impl GroupInner {
    pub(crate) fn root(pool: Arc<PoolInner>) -> GroupInner {
        // SAFETY: the pool is there; its root lives as long.
        let raw = unsafe { sys::heddle_pool_group(pool.raw.as_ptr()) };
        let raw = NonNull::new(raw).expect("every pool has a root");
        GroupInner { raw, pool, parent: None }
    }

    fn close(&self, mode: c_int, deadline: u64) -> Result<(), Error> {
        // SAFETY: the group is there; who frees it owns self.
        Error::check(unsafe { sys::heddle_group_close(self.raw.as_ptr(), mode, deadline) })
    }
}

impl Drop for GroupInner {
    fn drop(&mut self) {
        if self.parent.is_some() {
            // Freed if it is at rest. Else what is queued runs, and the entry is the
            // pool's until its end. After a free() this is of a group that is gone: no.
            let _ = self.close(
                sys::HEDDLE_CLOSE_DRAIN | sys::HEDDLE_CLOSE_FREE,
                sys::HEDDLE_NOW,
            );
        }
    }
}

/// In which order tasks of a group start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// No promise.
    Any,
    /// In the order of their spawns, up to the cap together.
    Fifo,
    /// One after the other, each from its start to its return; the cap is 1.
    Serial,
}

/// How a group is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// What is queued runs; spawns only from the group's own tasks.
    Drain,
    /// What is queued is cancelled.
    Refuse,
}

impl Close {
    fn mode(self) -> c_int {
        match self {
            Close::Drain => sys::HEDDLE_CLOSE_DRAIN,
            Close::Refuse => sys::HEDDLE_CLOSE_REFUSE,
        }
    }
}

/// Makes a [`Group`] below another one.
#[derive(Clone, Debug, Default)]
pub struct GroupBuilder {
    cap: u32,
    paused: bool,
    queue_slots: u32,
    order: Option<Order>,
    weight: u32,
    name: Option<String>,
}

impl GroupBuilder {
    /// Most tasks of the group, and of those below, that run at once. 0 makes it paused.
    pub fn cap(mut self, cap: u32) -> Self {
        self.cap = cap;
        self.paused = cap == 0;
        self
    }

    /// Most tasks that are queued in it; beyond it a spawn is [`Error::Full`].
    pub fn queue_slots(mut self, n: u32) -> Self {
        self.queue_slots = n;
        self
    }

    /// In which order its tasks start.
    pub fn order(mut self, order: Order) -> Self {
        self.order = Some(order);
        self
    }

    /// Its share of the turns among its siblings while they compete.
    pub fn weight(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }

    /// At most 15 bytes.
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_string());
        self
    }

    /// Makes it.
    pub fn build(self, parent: &Group) -> Result<Group, Error> {
        let name = self.name.map(CString::new).transpose().map_err(|_| Error::Invalid)?;
        // SAFETY: zero is a valid value of each field.
        let mut options: sys::heddle_group_options = unsafe { zeroed() };
        options.struct_size = size_of::<sys::heddle_group_options>() as u32;
        options.flags = if self.paused { sys::HEDDLE_GROUP_PAUSED } else { 0 };
        options.cap = self.cap;
        options.queue_slots = self.queue_slots;
        options.order = match self.order.unwrap_or(Order::Any) {
            Order::Any => sys::HEDDLE_ORDER_ANY,
            Order::Fifo => sys::HEDDLE_ORDER_FIFO,
            Order::Serial => sys::HEDDLE_ORDER_SERIAL,
        };
        options.weight = self.weight;
        options.name = name.as_ref().map_or(std::ptr::null(), |name| name.as_ptr());
        let mut raw = null_mut();
        // SAFETY: the parent is there, and the rest for the length of the call.
        Error::check(unsafe {
            sys::heddle_group_create(parent.inner.raw.as_ptr(), &options, &mut raw)
        })?;
        Ok(Group::from_inner(GroupInner {
            raw: NonNull::new(raw).ok_or(Error::Invalid)?,
            pool: Arc::clone(&parent.inner.pool),
            parent: Some(Arc::clone(&parent.inner)),
        }))
    }
}

/// Counts of a group at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupStat {
    /// The cap set last.
    pub cap: u32,
    /// Permits taken.
    pub running: u32,
    /// Tasks of this group that have not started.
    pub queued: u64,
    /// Tasks of this group that could run together now.
    pub parallelism: u32,
}

/// A set of tasks with a cap, and perhaps groups below it. Clones are the same group.
///
/// When the last clone and the last of its tasks' handles go, the group is freed if it is at
/// rest; else what is queued runs and its entry in the pool's table is taken until the pool ends.
/// [`Group::free`] waits instead.
#[derive(Clone)]
pub struct Group {
    inner: Arc<GroupInner>,
}

impl Group {
    pub(crate) fn from_inner(inner: GroupInner) -> Group {
        Group { inner: Arc::new(inner) }
    }

    pub(crate) fn inner(&self) -> &Arc<GroupInner> {
        &self.inner
    }

    /// A group below this one: `Group::builder().cap(2).build(pool.group())`.
    pub fn builder() -> GroupBuilder {
        GroupBuilder::default()
    }

    /// Queues a closure. Never blocks and makes no thread.
    ///
    /// A handle that is dropped lets the task run; its value is then dropped by somebody.
    pub fn spawn<F, T>(&self, f: F) -> Result<JoinHandle<T>, Error>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        spawn(self, Box::new(f))
    }

    /// Queues a closure of which nobody will hear: a panic ends it, and if it is cancelled with
    /// its group or pool it is dropped.
    pub fn spawn_detached<F>(&self, f: F) -> Result<(), Error>
    where
        F: FnOnce() + Send + 'static,
    {
        spawn_detached(self, Box::new(f))
    }

    /// Runs closures that borrow from the caller: all of them have ended when it returns, also
    /// by a panic. See [`Scope`].
    pub fn scope<'env, F, R>(&self, f: F) -> R
    where
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> R,
    {
        run_scope(self, f)
    }

    /// Changes the cap; 0 pauses. Disturbs no running task: the ticket tells when no more run
    /// than the new cap.
    pub fn set_cap(&self, cap: u32) -> Result<Ticket, Error> {
        let change = sys::heddle_change {
            group: self.inner.raw.as_ptr(),
            cap,
            what: 0,
            weight: 0,
            reserved: 0,
        };
        let mut raw = sys::heddle_ticket { pool: null_mut(), change: 0 };
        // SAFETY: the group is there, and the rest for the length of the call.
        Error::check(unsafe { sys::heddle_group_update(&change, 1, &mut raw) })?;
        Ok(Ticket { raw, _pool: Arc::clone(&self.inner.pool) })
    }

    /// Waits until the bounded queue has room for `n`, at most for the limit. Reserves nothing.
    pub fn wait_room(&self, n: u32, limit: Option<Duration>) -> Result<(), Error> {
        // SAFETY: the group is there.
        Error::check(unsafe {
            sys::heddle_group_wait_room(self.inner.raw.as_ptr(), n, crate::deadline(limit))
        })
    }

    /// Brings the group and those below to rest, and leaves them closed.
    pub fn close(&self, how: Close, limit: Option<Duration>) -> Result<(), Error> {
        self.inner.close(how.mode(), crate::deadline(limit))
    }

    /// Closes the group, waits for its end and frees it. [`Error::Busy`] with the group when
    /// there are other clones, groups below, or handles of its tasks: it is closed then.
    pub fn free(self, how: Close) -> Result<(), (Group, Error)> {
        if self.inner.parent.is_none() {
            return Err((self, Error::Invalid)); // the root goes with its pool
        }
        if let Err(error) = self.inner.close(how.mode(), sys::HEDDLE_FOREVER) {
            return Err((self, error));
        }
        Abandoned::sweep(&self.inner.pool.abandoned);
        match Arc::try_unwrap(self.inner) {
            Ok(mut inner) => {
                let mode = how.mode() | sys::HEDDLE_CLOSE_FREE;
                let result = inner.close(mode, sys::HEDDLE_FOREVER);
                // Its Drop must not close what is gone.
                inner.parent = None;
                result.map_err(|error| (Group::from_inner(inner), error))
            }
            Err(inner) => Err((Group { inner }, Error::Busy)),
        }
    }

    /// Counts of this instant.
    pub fn stat(&self) -> Result<GroupStat, Error> {
        // SAFETY: zero is a valid value of each field.
        let mut stat: sys::heddle_group_stat = unsafe { zeroed() };
        stat.struct_size = size_of::<sys::heddle_group_stat>() as u32;
        // SAFETY: the group is there, and `stat` is writable.
        Error::check(unsafe { sys::heddle_group_stat(self.inner.raw.as_ptr(), &mut stat) })?;
        Ok(GroupStat {
            cap: stat.cap,
            running: stat.count,
            queued: stat.queued,
            parallelism: stat.parallelism,
        })
    }
}

/// One change of a cap, which can be waited for any number of times, on any thread.
#[derive(Clone)]
pub struct Ticket {
    raw: sys::heddle_ticket,
    /// The number is looked up in the pool.
    _pool: Arc<PoolInner>,
}

// SAFETY: the library's ticket is a value that any thread may wait for (heddle/group.h); the
// pool in it is kept.
unsafe impl Send for Ticket {}
// SAFETY: as above.
unsafe impl Sync for Ticket {}

impl Ticket {
    /// Waits until no more tasks of the group run than its new cap.
    /// [`Error::Superseded`]: a later change came first.
    pub fn wait(&self, limit: Option<Duration>) -> Result<(), Error> {
        // SAFETY: the pool in the ticket is there.
        Error::check(unsafe { sys::heddle_group_wait(self.raw, crate::deadline(limit)) })
    }
}
