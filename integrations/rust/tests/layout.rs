// SPDX-License-Identifier: BSD-2-Clause
//! The bindings have the sizes, offsets and values of the C header.
//!
//! Method: `shim/layout.c` is compiled against the header and run; its lines are compared with
//! ours, in both directions, so that a field that only one side lists is seen too.

use heddle::sys::*;
use std::collections::BTreeMap;
use std::env;
use std::mem::{size_of, MaybeUninit};
use std::process::Command;
use std::ptr::addr_of;

macro_rules! size {
    ($rows:ident, $type:ident) => {
        $rows.insert(stringify!($type).to_string(), size_of::<$type>() as u64);
    };
}

macro_rules! field {
    ($rows:ident, $type:ident, $field:ident) => {
        field!($rows, $type, $field, stringify!($field))
    };
    ($rows:ident, $type:ident, $field:ident, $name:expr) => {
        let whole = MaybeUninit::<$type>::uninit();
        // SAFETY: only the address is taken.
        let field = unsafe { addr_of!((*whole.as_ptr()).$field) } as usize;
        $rows.insert(
            format!("{}.{}", stringify!($type), $name),
            (field - whole.as_ptr() as usize) as u64,
        );
    };
}

macro_rules! value {
    ($rows:ident, $name:ident) => {
        $rows.insert(stringify!($name).to_string(), $name as u64);
    };
}

fn ours() -> BTreeMap<String, u64> {
    let mut rows = BTreeMap::new();
    size!(rows, heddle_report);
    field!(rows, heddle_report, step);
    field!(rows, heddle_report, error);
    field!(rows, heddle_report, worker);
    field!(rows, heddle_report, incarnation);
    field!(rows, heddle_report, threads);
    field!(rows, heddle_report, donated);
    field!(rows, heddle_report, text);
    size!(rows, heddle_pool_options);
    field!(rows, heddle_pool_options, flags);
    field!(rows, heddle_pool_options, workers_max);
    field!(rows, heddle_pool_options, blocked_max);
    field!(rows, heddle_pool_options, cap);
    field!(rows, heddle_pool_options, tasks_max);
    field!(rows, heddle_pool_options, deque_slots);
    field!(rows, heddle_pool_options, groups_max);
    field!(rows, heddle_pool_options, slots_max);
    field!(rows, heddle_pool_options, blocked_policy);
    field!(rows, heddle_pool_options, stack_size);
    field!(rows, heddle_pool_options, quantum_ns);
    field!(rows, heddle_pool_options, name);
    field!(rows, heddle_pool_options, cpu_set);
    field!(rows, heddle_pool_options, cpu_set_size);
    field!(rows, heddle_pool_options, worker_init);
    field!(rows, heddle_pool_options, worker_exit);
    field!(rows, heddle_pool_options, hook_arg);
    field!(rows, heddle_pool_options, helpers_max);
    field!(rows, heddle_pool_options, guard_size);
    field!(rows, heddle_pool_options, keep_alive_ns);
    field!(rows, heddle_pool_options, sig_mask);
    field!(rows, heddle_pool_options, sig_mask_size);
    field!(rows, heddle_pool_options, sched_policy);
    field!(rows, heddle_pool_options, sched_priority);
    field!(rows, heddle_pool_options, nice);
    field!(rows, heddle_pool_options, placement);
    field!(rows, heddle_pool_options, worker_recycle);
    field!(rows, heddle_pool_options, create_failed);
    size!(rows, heddle_group_options);
    field!(rows, heddle_group_options, flags);
    field!(rows, heddle_group_options, cap);
    field!(rows, heddle_group_options, queue_slots);
    field!(rows, heddle_group_options, children_max);
    field!(rows, heddle_group_options, order);
    field!(rows, heddle_group_options, name);
    field!(rows, heddle_group_options, weight);
    size!(rows, heddle_change);
    field!(rows, heddle_change, group);
    field!(rows, heddle_change, cap);
    field!(rows, heddle_change, what);
    field!(rows, heddle_change, weight);
    size!(rows, heddle_ticket);
    field!(rows, heddle_ticket, pool);
    field!(rows, heddle_ticket, change);
    size!(rows, heddle_group_stat);
    field!(rows, heddle_group_stat, cap);
    field!(rows, heddle_group_stat, count);
    field!(rows, heddle_group_stat, generation);
    field!(rows, heddle_group_stat, blocked);
    field!(rows, heddle_group_stat, returners);
    field!(rows, heddle_group_stat, queued);
    field!(rows, heddle_group_stat, parallelism);
    field!(rows, heddle_group_stat, reason);
    field!(rows, heddle_group_stat, reason_group);
    field!(rows, heddle_group_stat, weight);
    field!(rows, heddle_group_stat, reserve);
    size!(rows, heddle_task);
    field!(rows, heddle_task, fn_, "fn");
    field!(rows, heddle_task, flags);
    field!(rows, heddle_task, reserved);
    field!(rows, heddle_task, after);
    size!(rows, heddle_task_stat);
    field!(rows, heddle_task_stat, state);
    field!(rows, heddle_task_stat, worker);
    field!(rows, heddle_task_stat, stop_requested);
    field!(rows, heddle_task_stat, group);
    size!(rows, timespec);
    field!(rows, timespec, tv_nsec);
    value!(rows, CLOCK_MONOTONIC);
    value!(rows, HEDDLE_NOW);
    value!(rows, HEDDLE_FOREVER);
    value!(rows, HEDDLE_CAP_MAX);
    value!(rows, HEDDLE_R3_GONE);
    value!(rows, HEDDLE_R4_CLEAN);
    value!(rows, HEDDLE_POOL_ELASTIC);
    value!(rows, HEDDLE_GROUP_PAUSED);
    value!(rows, HEDDLE_ORDER_ANY);
    value!(rows, HEDDLE_ORDER_FIFO);
    value!(rows, HEDDLE_ORDER_SERIAL);
    value!(rows, HEDDLE_CLOSE_DRAIN);
    value!(rows, HEDDLE_CLOSE_REFUSE);
    value!(rows, HEDDLE_CLOSE_FREE);
    value!(rows, HEDDLE_TASK_DETACHED);
    value!(rows, HEDDLE_TASK_DONE);
    value!(rows, HEDDLE_TASK_CANCELLED);
    value!(rows, HEDDLE_BLOCK_OTHER);
    value!(rows, ENOMEM);
    value!(rows, EBUSY);
    value!(rows, EAGAIN);
    value!(rows, EINVAL);
    value!(rows, ENOSPC);
    value!(rows, EDEADLK);
    value!(rows, ECHILD);
    value!(rows, ESHUTDOWN);
    value!(rows, ETIMEDOUT);
    value!(rows, EALREADY);
    value!(rows, ESTALE);
    value!(rows, ECANCELED);
    rows
}

fn theirs() -> BTreeMap<String, u64> {
    let mut flags = Vec::new();
    if let Ok(folders) = env::var("HEDDLE_INCLUDE_DIRS") {
        flags.extend(folders.split(':').map(|folder| format!("-I{folder}")));
    } else {
        let output = Command::new("pkg-config")
            .args(["--cflags", "heddle"])
            .output()
            .expect("pkg-config");
        let text = String::from_utf8(output.stdout).expect("flags");
        flags.extend(text.split_whitespace().map(str::to_string));
    }
    let program = format!("{}/layout", env!("CARGO_TARGET_TMPDIR"));
    let compiler = env::var("CC").unwrap_or_else(|_| "cc".into());
    let status = Command::new(&compiler)
        .args(flags)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/shim/layout.c"))
        .args(["-o", &program])
        .status()
        .expect("a C compiler");
    assert!(status.success(), "{compiler} does not compile shim/layout.c");
    let output = Command::new(&program).output().expect("the shim");
    String::from_utf8(output.stdout)
        .expect("text")
        .lines()
        .map(|line| {
            let (name, value) = line.split_once(' ').expect("name value");
            (name.to_string(), value.parse().expect("a number"))
        })
        .collect()
}

#[test]
fn bindings_are_those_of_the_header() {
    let theirs = theirs();
    assert!(theirs.len() > 90, "the shim lists {} rows", theirs.len());
    assert_eq!(ours(), theirs);
}
