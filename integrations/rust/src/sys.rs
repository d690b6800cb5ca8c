// SPDX-License-Identifier: BSD-2-Clause
//! The calls of `<heddle/heddle.h>` that this crate uses, written by hand; the header has
//! their contracts. `tests/layout.rs` compares every size, offset and constant here with
//! what a C compiler makes of the header.
#![allow(missing_docs)]

use std::ffi::c_void;
use std::os::raw::{c_char, c_int};

pub const HEDDLE_NOW: u64 = 0;
pub const HEDDLE_FOREVER: u64 = u64::MAX;
pub const HEDDLE_CAP_MAX: u32 = (1 << 20) - 1;
pub const HEDDLE_R3_GONE: c_int = 3;
pub const HEDDLE_R4_CLEAN: c_int = 4;
pub const HEDDLE_POOL_ELASTIC: u32 = 1;
pub const HEDDLE_GROUP_PAUSED: u32 = 2;
pub const HEDDLE_ORDER_ANY: u32 = 0;
pub const HEDDLE_ORDER_FIFO: u32 = 1;
pub const HEDDLE_ORDER_SERIAL: u32 = 2;
pub const HEDDLE_CLOSE_DRAIN: c_int = 1;
pub const HEDDLE_CLOSE_REFUSE: c_int = 2;
pub const HEDDLE_CLOSE_FREE: c_int = 0x100;
pub const HEDDLE_TASK_DETACHED: u32 = 1;
pub const HEDDLE_TASK_DONE: u32 = 4;
pub const HEDDLE_TASK_CANCELLED: u32 = 5;
pub const HEDDLE_BLOCK_OTHER: c_int = 0;

/// Numbers of Linux that the library returns, negated.
pub const ENOMEM: c_int = 12;
pub const EBUSY: c_int = 16;
pub const EAGAIN: c_int = 11;
pub const EINVAL: c_int = 22;
pub const ENOSPC: c_int = 28;
pub const EDEADLK: c_int = 35;
pub const ECHILD: c_int = 10;
pub const ESHUTDOWN: c_int = 108;
pub const ETIMEDOUT: c_int = 110;
pub const EALREADY: c_int = 114;
pub const ESTALE: c_int = 116;
pub const ECANCELED: c_int = 125;

#[repr(C)]
pub struct heddle_pool {
    _opaque: [u8; 0],
}

#[repr(C)]
pub struct heddle_group {
    _opaque: [u8; 0],
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct heddle_report {
    pub struct_size: u32,
    pub step: u32,
    pub error: i32,
    pub worker: u32,
    pub incarnation: u64,
    pub threads: u32,
    pub donated: u32,
    pub text: [c_char; 128],
}

pub type hook_init =
    Option<unsafe extern "C" fn(pool: *mut heddle_pool, index: u32, arg: *mut c_void) -> c_int>;
pub type hook_recycle = Option<
    unsafe extern "C" fn(pool: *mut heddle_pool, index: u32, incarnation: u64, arg: *mut c_void),
>;
pub type hook_create_failed = Option<
    unsafe extern "C" fn(
        pool: *mut heddle_pool,
        index: u32,
        error: c_int,
        step: u32,
        arg: *mut c_void,
    ),
>;
pub type hook_exit =
    Option<unsafe extern "C" fn(pool: *mut heddle_pool, index: u32, arg: *mut c_void)>;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct heddle_pool_options {
    pub struct_size: u32,
    pub flags: u32,
    pub workers_max: u32,
    pub blocked_max: u32,
    pub cap: u32,
    pub tasks_max: u32,
    pub deque_slots: u32,
    pub groups_max: u32,
    pub slots_max: u32,
    pub blocked_policy: u32,
    pub stack_size: u64,
    pub quantum_ns: u64,
    pub name: *const c_char,
    pub cpu_set: *const c_void,
    pub cpu_set_size: usize,
    pub worker_init: hook_init,
    pub worker_exit: hook_exit,
    pub hook_arg: *mut c_void,
    pub helpers_max: u32,
    pub reserved: u32,
    pub guard_size: u64,
    pub keep_alive_ns: u64,
    pub sig_mask: *const c_void,
    pub sig_mask_size: usize,
    pub sched_policy: i32,
    pub sched_priority: i32,
    pub nice: i32,
    pub placement: u32,
    pub worker_recycle: hook_recycle,
    pub create_failed: hook_create_failed,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct heddle_group_options {
    pub struct_size: u32,
    pub flags: u32,
    pub cap: u32,
    pub queue_slots: u32,
    pub children_max: u32,
    pub order: u32,
    pub name: *const c_char,
    pub weight: u32,
    pub reserved: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct heddle_change {
    pub group: *mut heddle_group,
    pub cap: u32,
    pub what: u32,
    pub weight: u32,
    pub reserved: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct heddle_ticket {
    pub pool: *mut heddle_pool,
    pub change: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct heddle_group_stat {
    pub struct_size: u32,
    pub cap: u32,
    pub count: u32,
    pub generation: u32,
    pub blocked: u32,
    pub returners: u32,
    pub queued: u64,
    pub parallelism: u32,
    pub reason: u32,
    pub reason_group: *mut heddle_group,
    pub weight: u32,
    pub reserve: u32,
}

pub type heddle_task_fn = unsafe extern "C" fn(task: *mut heddle_task);
pub type heddle_after_fn = unsafe extern "C" fn(task: *mut heddle_task, status: c_int);

#[repr(C)]
pub struct heddle_task {
    pub fn_: Option<heddle_task_fn>,
    pub flags: u32,
    pub reserved0: u32,
    pub reserved: [u64; 3],
    pub after: Option<heddle_after_fn>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct heddle_task_stat {
    pub struct_size: u32,
    pub state: u32,
    pub worker: u32,
    pub stop_requested: u32,
    pub group: *mut heddle_group,
}

#[repr(C)]
pub struct timespec {
    pub tv_sec: i64,
    pub tv_nsec: i64,
}

pub const CLOCK_MONOTONIC: c_int = 1;

extern "C" {
    pub fn heddle_version() -> *const c_char;
    pub fn heddle_pool_create(
        opts: *const heddle_pool_options,
        pool: *mut *mut heddle_pool,
    ) -> c_int;
    pub fn heddle_pool_start(
        pool: *mut heddle_pool,
        n: u32,
        report: *mut heddle_report,
        deadline: u64,
    ) -> c_int;
    pub fn heddle_pool_stop(
        pool: *mut heddle_pool,
        n: u32,
        level: c_int,
        report: *mut heddle_report,
        deadline: u64,
    ) -> c_int;
    pub fn heddle_pool_destroy(
        pool: *mut heddle_pool,
        level: c_int,
        report: *mut heddle_report,
        deadline: u64,
    ) -> c_int;
    pub fn heddle_pool_group(pool: *mut heddle_pool) -> *mut heddle_group;
    pub fn heddle_group_create(
        parent: *mut heddle_group,
        opts: *const heddle_group_options,
        group: *mut *mut heddle_group,
    ) -> c_int;
    pub fn heddle_group_update(
        changes: *const heddle_change,
        n: usize,
        ticket: *mut heddle_ticket,
    ) -> c_int;
    pub fn heddle_group_wait(ticket: heddle_ticket, deadline: u64) -> c_int;
    pub fn heddle_group_wait_room(group: *mut heddle_group, n: u32, deadline: u64) -> c_int;
    pub fn heddle_group_close(group: *mut heddle_group, mode: c_int, deadline: u64) -> c_int;
    pub fn heddle_group_stat(group: *mut heddle_group, out: *mut heddle_group_stat) -> c_int;
    pub fn heddle_submit(group: *mut heddle_group, task: *mut heddle_task) -> c_int;
    pub fn heddle_join(task: *mut heddle_task, flags: u32, deadline: u64) -> c_int;
    pub fn heddle_cancel(task: *mut heddle_task, deadline: u64) -> c_int;
    pub fn heddle_task_stat(task: *mut heddle_task, out: *mut heddle_task_stat) -> c_int;
    pub fn heddle_stop_requested() -> c_int;
    pub fn heddle_block_begin(
        kind: c_int,
        interrupt: Option<unsafe extern "C" fn(arg: *mut c_void)>,
        arg: *mut c_void,
    ) -> c_int;
    pub fn heddle_block_end() -> c_int;
    pub fn clock_gettime(clock: c_int, out: *mut timespec) -> c_int;
}
