// SPDX-License-Identifier: BSD-2-Clause
//! Tasks that borrow from the frame that waits for them.
//!
//! Whatever happens, each closure has been called exactly once, and has returned, when the
//! scope ends: by a worker, or in place, when the queue was full, the group closed, or the
//! task cancelled with its pool. So a program is right under any cap and any bound, and only
//! less parallel (as with `<heddle/forkjoin.h>`).
//!
//! The end joins the tasks oldest first. A handle stays on the thread that spawned it (it is
//! not Send), that is in the scope's own closure or in a task that is older than the one it joins. So
//! whoever may join a task by its handle has ended when the end comes to that task: no task is joined twice.

use crate::group::Group;
use crate::sys;
use crate::task::{join, panics, Body, End, Packet};
use std::cell::Cell;
use std::marker::PhantomData;
use std::mem::transmute;
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::process::abort;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

struct Child<T> {
    packet: NonNull<Packet<T>>,
    /// False when it ran in place, or has been joined.
    is_out: Cell<bool>,
    /// Nobody took its result.
    is_unseen: Cell<bool>,
}

impl<T> Child<T> {
    fn packet(&self) -> &Packet<T> {
        // SAFETY: freed in Drop only.
        unsafe { self.packet.as_ref() }
    }

    /// Afterwards the closure has been called and has returned.
    fn finish(&self) {
        if !self.is_out.replace(false) {
            return;
        }
        let task = self.packet().task();
        // SAFETY: accepted, and joined here only, as the head of this file says.
        let end = match unsafe { join(task) } {
            // Behind the caller in a SERIAL group: it is taken back.
            // SAFETY: as above.
            End::Deadlock => match -unsafe { sys::heddle_cancel(task, sys::HEDDLE_FOREVER) } {
                0 => End::Cancelled,
                sys::EALREADY => End::Ran,
                // It waits for the task that waits for it here, and borrows from it:
                // neither can go on, and we may not return.
                _ => abort(),
            },
            end => end,
        };
        if let End::Cancelled = end {
            // SAFETY: the library is done with the task.
            unsafe { self.packet().run_here() };
        }
    }
}

impl<T> Drop for Child<T> {
    fn drop(&mut self) {
        self.finish();
        // SAFETY: the library is done with it, and so are we.
        drop(unsafe { Box::from_raw(self.packet.as_ptr()) });
    }
}

trait Finish {
    /// Returns whether it panicked and nobody knows.
    fn finish_unseen(&self) -> bool;
}

impl<T> Finish for Child<T> {
    fn finish_unseen(&self) -> bool {
        self.finish();
        if !self.is_unseen.get() {
            return false;
        }
        // SAFETY: it has ended.
        let result = unsafe { self.packet().take_result() };
        let has_panicked = matches!(result, Some(Err(_)));
        // The value may borrow from the scope, so it goes here; its panic must not get
        // past children that still run.
        panics(move || drop(result)) || has_panicked
    }
}

/// Without its lifetime: a value is gone before the scope is, and so need not outlive it.
struct Shared(Arc<dyn Finish>);

// SAFETY: it is used by the spawner and, when that has ended, by the scope's end; what is in
// it are a closure and a value that are Send.
unsafe impl Send for Shared {}

/// Where scoped tasks are spawned; see [`Group::scope`].
pub struct Scope<'scope, 'env: 'scope> {
    group: Group,
    children: Mutex<Vec<Shared>>,
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

impl<'scope, 'env> Scope<'scope, 'env> {
    /// Queues a closure that may borrow what lives longer than the scope, or calls it at once
    /// when it is refused. It may spawn more.
    pub fn spawn<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let body: Body<'scope, T> = Box::new(f);
        // SAFETY: it is called, and gone, before 'scope ends: run_scope() sees to it.
        let body = unsafe { transmute::<Body<'scope, T>, Body<'static, T>>(body) };
        let packet = Packet::new(&self.group, body);
        let child = Arc::new(Child {
            packet,
            is_out: Cell::new(true),
            is_unseen: Cell::new(true),
        });
        let shared = Arc::clone(&child) as Arc<dyn Finish + 'scope>;
        // SAFETY: finish() has taken closure and value out of it before 'scope ends.
        let shared = Shared(unsafe {
            transmute::<Arc<dyn Finish + 'scope>, Arc<dyn Finish + 'static>>(shared)
        });
        // On the list before it may run, and spawn younger ones.
        self.children.lock().unwrap_or_else(PoisonError::into_inner).push(shared);
        // SAFETY: a fresh packet; the library's until it is joined.
        let rc = unsafe {
            sys::heddle_submit(self.group.inner().raw.as_ptr(), child.packet().task())
        };
        if rc != 0 {
            child.is_out.set(false);
            // SAFETY: it was refused, so it is ours still.
            unsafe { child.packet().run_here() };
        }
        ScopedJoinHandle { child, scope: PhantomData }
    }

    /// All children, oldest first, also those that come meanwhile.
    fn finish(&self) -> bool {
        let mut has_panicked = false;
        for i in 0.. {
            let children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
            let child = match children.get(i) {
                Some(Shared(child)) => Arc::clone(child),
                None => break,
            };
            drop(children);
            has_panicked |= child.finish_unseen();
        }
        has_panicked
    }
}

/// The right to the value of a scoped task. Stays on the thread that spawned it.
pub struct ScopedJoinHandle<'scope, T> {
    child: Arc<Child<T>>,
    scope: PhantomData<(&'scope (), *const ())>,
}

impl<T> ScopedJoinHandle<'_, T> {
    /// Waits for the end and returns the value; a panic of the task goes on here.
    pub fn join(self) -> T {
        self.join_caught().unwrap_or_else(|payload| resume_unwind(payload))
    }

    /// As [`ScopedJoinHandle::join`], with the payload of a panic as an error.
    pub fn join_caught(self) -> thread::Result<T> {
        self.child.finish();
        self.child.is_unseen.set(false);
        // SAFETY: it has ended, and nobody else takes its result.
        let result = unsafe { self.child.packet().take_result() };
        result.expect("a scoped task is called before its join returns")
    }
}

pub(crate) fn run_scope<'env, F, R>(group: &Group, f: F) -> R
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> R,
{
    let scope = Scope {
        group: group.clone(),
        children: Mutex::default(),
        scope: PhantomData,
        env: PhantomData,
    };
    let result = catch_unwind(AssertUnwindSafe(|| f(&scope)));
    let has_panicked = scope.finish();
    match result {
        Err(payload) => resume_unwind(payload),
        Ok(_) if has_panicked => panic!("a scoped task panicked"),
        Ok(value) => value,
    }
}
