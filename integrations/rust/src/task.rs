// SPDX-License-Identifier: BSD-2-Clause
//! Tasks that own what they need.
//!
//! A packet holds the library's task, the closure and its result. It is shared by the worker
//! that runs it and by whoever joins it, never at once: before the submit the spawner has it,
//! then the task, and after the join (which the library orders behind the task) the joiner. It
//! is freed when a join or a cancel has returned, since until then the library may touch it.
//!
//! The handle of a task that has not ended may be dropped. Then the packet waits on a list of the
//! pool, which is swept when it has doubled and when the pool ends.

use crate::error::{Error, JoinError};
use crate::group::{Group, GroupInner};
use crate::sys;
use std::any::Any;
use std::cell::UnsafeCell;
use std::mem::{size_of, take, zeroed};
use std::os::raw::c_int;
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

pub(crate) type Body<'a, T> = Box<dyn FnOnce() -> T + Send + 'a>;

#[repr(C)]
pub(crate) struct Packet<T> {
    /// First, so that a pointer to it is one to the packet.
    task: UnsafeCell<sys::heddle_task>,
    body: UnsafeCell<Option<Body<'static, T>>>,
    result: UnsafeCell<Option<thread::Result<T>>>,
    /// Keeps the group, and with it the pool, until the library is done with the task.
    _group: Arc<GroupInner>,
}

/// How a task's wait ended.
pub(crate) enum End {
    Ran,
    Cancelled,
    Deadlock,
}

fn new_task(run: sys::heddle_task_fn) -> sys::heddle_task {
    sys::heddle_task { fn_: Some(run), flags: 0, reserved0: 0, reserved: [0; 3], after: None }
}

impl<T> Packet<T> {
    pub(crate) fn new(group: &Group, body: Body<'static, T>) -> NonNull<Packet<T>> {
        let packet = Box::new(Packet {
            task: UnsafeCell::new(new_task(run_packet::<T>)),
            body: UnsafeCell::new(Some(body)),
            result: UnsafeCell::new(None),
            _group: Arc::clone(group.inner()),
        });
        NonNull::from(Box::leak(packet))
    }

    pub(crate) fn task(&self) -> *mut sys::heddle_task {
        self.task.get()
    }

    /// On the calling thread. SAFETY: the task is not, or no longer, the library's.
    pub(crate) unsafe fn run_here(&self) {
        // SAFETY: the caller has the packet.
        unsafe { run_packet::<T>(self.task()) }
    }

    /// SAFETY: the task has ended, and the caller alone has the packet.
    pub(crate) unsafe fn take_result(&self) -> Option<thread::Result<T>> {
        // SAFETY: as the caller promises.
        unsafe { (*self.result.get()).take() }
    }
}

/// No panic passes: it becomes the result.
unsafe extern "C" fn run_packet<T>(task: *mut sys::heddle_task) {
    let packet = task.cast::<Packet<T>>();
    // SAFETY: the task lies at the start of its packet, which is the task's own while it runs.
    unsafe {
        if let Some(body) = (*(*packet).body.get()).take() {
            let result = catch_unwind(AssertUnwindSafe(body));
            *(*packet).result.get() = Some(result);
        }
    }
}

/// Waits; runs the task here if this is a task and nobody has started it.
/// SAFETY: the task is accepted and joined by nobody else.
pub(crate) unsafe fn join(task: *mut sys::heddle_task) -> End {
    // SAFETY: as the caller promises.
    match -unsafe { sys::heddle_join(task, 0, sys::HEDDLE_FOREVER) } {
        0 => End::Ran,
        sys::EDEADLK => End::Deadlock,
        _ => End::Cancelled,
    }
}

/// SAFETY: the task is accepted, and nobody joins it now.
unsafe fn has_ended(task: *mut sys::heddle_task) -> bool {
    // SAFETY: zero is a valid value of each field.
    let mut stat: sys::heddle_task_stat = unsafe { zeroed() };
    stat.struct_size = size_of::<sys::heddle_task_stat>() as u32;
    // SAFETY: as the caller promises; the packet keeps the pool.
    let rc = unsafe { sys::heddle_task_stat(task, &mut stat) };
    rc == 0 && (stat.state == sys::HEDDLE_TASK_DONE || stat.state == sys::HEDDLE_TASK_CANCELLED)
}

/// Calls it and says whether it panicked; that the payload panics in turn is nobody's business.
pub(crate) fn panics(f: impl FnOnce()) -> bool {
    let caught: Result<(), Box<dyn Any + Send>> = catch_unwind(AssertUnwindSafe(f));
    if let Err(payload) = caught {
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(again);
        }
        return true;
    }
    false
}

/// What a cancel came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancel {
    /// It had not started and never will.
    Taken,
    /// It runs, and was asked to stop: [`crate::stop_requested`].
    Asked,
    /// It had ended before.
    Late,
}

/// The right to join a task.
///
/// Dropping it lets the task run on; its value, or its panic, is then dropped.
pub struct JoinHandle<T: Send + 'static> {
    packet: NonNull<Packet<T>>,
    /// The library is done with the task: the packet is ours alone.
    is_over: bool,
}

// SAFETY: the handle gives out T, by value, on the thread where it is.
unsafe impl<T: Send + 'static> Send for JoinHandle<T> {}
// SAFETY: by reference only the state of the task is read, which any thread may.
unsafe impl<T: Send + 'static> Sync for JoinHandle<T> {}

pub(crate) fn spawn<T: Send + 'static>(
    group: &Group,
    body: Body<'static, T>,
) -> Result<JoinHandle<T>, Error> {
    let packet = Packet::new(group, body);
    // SAFETY: a fresh packet; the library's until its join or cancel.
    let rc = unsafe { sys::heddle_submit(group.inner().raw.as_ptr(), packet.as_ref().task()) };
    // Freed with its closure when it was refused.
    let handle = JoinHandle { packet, is_over: rc != 0 };
    Error::check(rc).map(|()| handle)
}

impl<T: Send + 'static> JoinHandle<T> {
    fn packet(&self) -> &Packet<T> {
        // SAFETY: freed in Drop only.
        unsafe { self.packet.as_ref() }
    }

    /// Has it ended, one way or the other?
    pub fn is_finished(&self) -> bool {
        // SAFETY: who joins or cancels has the handle for himself.
        self.is_over || unsafe { has_ended(self.packet().task()) }
    }

    /// Takes it back if it has not started, else asks it to stop. Does not wait.
    pub fn cancel(&mut self) -> Cancel {
        if self.is_over {
            return Cancel::Late;
        }
        // SAFETY: accepted, and nobody else has the handle.
        match -unsafe { sys::heddle_cancel(self.packet().task(), sys::HEDDLE_NOW) } {
            0 => {
                self.is_over = true;
                Cancel::Taken
            }
            sys::EALREADY => Cancel::Late,
            _ => Cancel::Asked,
        }
    }

    /// Waits for the end and returns the value; a panic of the task goes on here.
    ///
    /// In a task the caller runs it in place if nobody has started it, and otherwise gives
    /// its permit to others while it waits.
    pub fn join(self) -> Result<T, JoinError> {
        match self.join_caught() {
            Err(JoinError::Panicked(payload)) => resume_unwind(payload),
            result => result,
        }
    }

    /// As [`JoinHandle::join`], with a panic as an error.
    pub fn join_caught(mut self) -> Result<T, JoinError> {
        if !self.is_over {
            // SAFETY: accepted, and nobody else has the handle.
            match unsafe { join(self.packet().task()) } {
                End::Deadlock => return Err(JoinError::Deadlock),
                End::Ran | End::Cancelled => self.is_over = true,
            }
        }
        // SAFETY: the library is done with it.
        match unsafe { self.packet().take_result() } {
            Some(Ok(value)) => Ok(value),
            Some(Err(payload)) => Err(JoinError::Panicked(payload)),
            None => Err(JoinError::Cancelled),
        }
    }
}

impl<T: Send + 'static> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        if self.is_over {
            // SAFETY: the library is done with it, and so are we.
            drop(unsafe { Box::from_raw(self.packet.as_ptr()) });
            return;
        }
        let pool = Arc::clone(&self.packet()._group.pool);
        Abandoned::add(&pool.abandoned, Orphan(self.packet));
    }
}

/// A packet whose handle was dropped, of whatever type.
trait Reap {
    fn task(&self) -> *mut sys::heddle_task;
}

impl<T> Reap for Packet<T> {
    fn task(&self) -> *mut sys::heddle_task {
        Packet::task(self)
    }
}

struct Orphan(NonNull<dyn Reap>);

// SAFETY: closure and value of a packet on this list are Send, and one thread takes it off.
unsafe impl Send for Orphan {}

impl Orphan {
    fn has_ended(&self) -> bool {
        // SAFETY: accepted; nobody has a handle.
        unsafe { has_ended(self.0.as_ref().task()) }
    }

    fn free(self) {
        // SAFETY: it has ended, so the join returns at once; then nobody has it but us.
        unsafe {
            sys::heddle_join(self.0.as_ref().task(), 0, sys::HEDDLE_NOW);
            drop(Box::from_raw(self.0.as_ptr()));
        }
    }
}

/// The packets of a pool whose handles were dropped.
#[derive(Default)]
pub(crate) struct Abandoned {
    list: Vec<Orphan>,
    sweep_at: usize,
}

impl Abandoned {
    fn add(of: &Mutex<Abandoned>, orphan: Orphan) {
        if orphan.has_ended() {
            orphan.free();
            return;
        }
        let mut own = of.lock().unwrap_or_else(PoisonError::into_inner);
        own.list.push(orphan);
        let is_due = own.list.len() >= own.sweep_at.max(64);
        drop(own);
        if is_due {
            Abandoned::sweep(of);
        }
    }

    /// Frees what has ended. Values are dropped outside of the lock: they may spawn.
    pub(crate) fn sweep(of: &Mutex<Abandoned>) {
        let mut own = of.lock().unwrap_or_else(PoisonError::into_inner);
        let (ended, rest): (Vec<_>, Vec<_>) =
            take(&mut own.list).into_iter().partition(Orphan::has_ended);
        own.sweep_at = 2 * rest.len();
        own.list = rest;
        drop(own);
        for orphan in ended {
            orphan.free();
        }
    }
}

/* ---- without a handle ---- */

#[repr(C)]
struct Detached {
    task: UnsafeCell<sys::heddle_task>,
    body: Option<Body<'static, ()>>,
    _group: Arc<GroupInner>,
}

unsafe extern "C" fn run_detached(task: *mut sys::heddle_task) {
    // SAFETY: the task lies at the start of its box, which is the task's own while it runs.
    let body = unsafe { (*task.cast::<Detached>()).body.take() };
    if let Some(body) = body {
        panics(body);
    }
}

/// The library's last touch, also of a task that is cancelled.
unsafe extern "C" fn free_detached(task: *mut sys::heddle_task, _status: c_int) {
    // SAFETY: made by Box in spawn_detached(), and nobody else's any more.
    let detached = unsafe { Box::from_raw(task.cast::<Detached>()) };
    panics(move || drop(detached));
}

pub(crate) fn spawn_detached(group: &Group, body: Body<'static, ()>) -> Result<(), Error> {
    let mut task = new_task(run_detached);
    task.flags = sys::HEDDLE_TASK_DETACHED;
    task.after = Some(free_detached);
    let detached = Box::into_raw(Box::new(Detached {
        task: UnsafeCell::new(task),
        body: Some(body),
        _group: Arc::clone(group.inner()),
    }));
    // SAFETY: a fresh box; the library's until its after-return action.
    let rc = unsafe { sys::heddle_submit(group.inner().raw.as_ptr(), detached.cast()) };
    if rc != 0 {
        // SAFETY: it was refused, so it is ours still.
        drop(unsafe { Box::from_raw(detached) });
    }
    Error::check(rc)
}
