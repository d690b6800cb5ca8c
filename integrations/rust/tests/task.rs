// SPDX-License-Identifier: BSD-2-Clause
//! Tasks with handles: values, panics, cancels, handles that are dropped.

use heddle::{Cancel, Error, Group, JoinError, Pool};
use std::panic::{catch_unwind, panic_any, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// Counts how often it is dropped.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn wait_until(what: impl Fn() -> bool) {
    for _ in 0..20_000 {
        if what() {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
    panic!("it did not come to pass");
}

#[test]
fn join_returns_the_value() {
    let pool = Pool::new(2).unwrap();
    let handles: Vec<_> =
        (0..1000u64).map(|i| pool.group().spawn(move || i * i).unwrap()).collect();
    let sum: u64 = handles.into_iter().map(|handle| handle.join().unwrap()).sum();
    assert_eq!(sum, (0..1000u64).map(|i| i * i).sum());
}

#[test]
fn panic_goes_on_in_the_joiner() {
    let pool = Pool::new(1).unwrap();
    let handle = pool.group().spawn(|| -> u32 { panic_any(42u64) }).unwrap();
    let caught = catch_unwind(AssertUnwindSafe(|| handle.join()));
    assert_eq!(*caught.unwrap_err().downcast::<u64>().unwrap(), 42);
    let handle = pool.group().spawn(|| -> u32 { panic!("text {}", 7) }).unwrap();
    match handle.join_caught() {
        Err(JoinError::Panicked(payload)) => {
            assert_eq!(*payload.downcast::<String>().unwrap(), "text 7")
        }
        other => panic!("{other:?}"),
    }
    // The worker goes on.
    assert_eq!(pool.group().spawn(|| 1).unwrap().join().unwrap(), 1);
}

#[test]
fn join_in_a_task_of_a_single_worker_runs_the_other() {
    fn fib(group: &Group, n: u64) -> u64 {
        if n < 2 {
            return n;
        }
        let own = group.clone();
        let left = group.spawn(move || fib(&own, n - 1)).unwrap();
        let right = fib(group, n - 2);
        left.join().unwrap() + right
    }
    let pool = Pool::new(1).unwrap();
    let group = pool.group().clone();
    let handle = pool.group().spawn(move || fib(&group, 15)).unwrap();
    assert_eq!(handle.join().unwrap(), 610);
}

#[test]
fn cancel_in_every_state() {
    let pool = Pool::new(1).unwrap();
    let paused = Group::builder().cap(0).build(pool.group()).unwrap();
    let drops = Arc::new(AtomicUsize::new(0));
    let counted = Counted(Arc::clone(&drops));
    let mut queued = paused
        .spawn(move || {
            let _counted = counted;
        })
        .unwrap();
    assert!(!queued.is_finished());
    assert_eq!(queued.cancel(), Cancel::Taken);
    assert_eq!(queued.cancel(), Cancel::Late);
    assert!(queued.is_finished());
    assert!(matches!(queued.join_caught(), Err(JoinError::Cancelled)));
    assert_eq!(drops.load(Ordering::SeqCst), 1);

    let (entered, has_entered) = channel();
    let mut running = pool
        .group()
        .spawn(move || {
            entered.send(()).unwrap();
            while !heddle::stop_requested() {
                thread::yield_now();
            }
            "asked"
        })
        .unwrap();
    has_entered.recv().unwrap();
    assert_eq!(running.cancel(), Cancel::Asked);
    assert_eq!(running.join().unwrap(), "asked");

    let mut ended = pool.group().spawn(|| 3).unwrap();
    wait_until(|| ended.is_finished());
    assert_eq!(ended.cancel(), Cancel::Late);
    assert_eq!(ended.join().unwrap(), 3);
}

#[test]
fn dropped_handles_let_tasks_run_and_leak_nothing() {
    let drops = Arc::new(AtomicUsize::new(0));
    let ran = Arc::new(AtomicUsize::new(0));
    let pool = Pool::new(2).unwrap();
    for i in 0..3000 {
        let (counted, ran) = (Counted(Arc::clone(&drops)), Arc::clone(&ran));
        let handle = pool
            .group()
            .spawn(move || {
                ran.fetch_add(1, Ordering::SeqCst);
                assert!(i % 100 != 99, "nobody hears of this");
                counted
            })
            .unwrap();
        drop(handle);
    }
    wait_until(|| ran.load(Ordering::SeqCst) == 3000);
    drop(pool);
    assert_eq!(drops.load(Ordering::SeqCst), 3000);
}

#[test]
fn detached_tasks_run_once_or_are_dropped() {
    let drops = Arc::new(AtomicUsize::new(0));
    let ran = Arc::new(AtomicUsize::new(0));
    let pool = Pool::new(1).unwrap();
    for _ in 0..100 {
        let (counted, ran) = (Counted(Arc::clone(&drops)), Arc::clone(&ran));
        pool.group()
            .spawn_detached(move || {
                let _counted = counted;
                ran.fetch_add(1, Ordering::SeqCst);
                panic!("nobody hears of this");
            })
            .unwrap();
    }
    wait_until(|| ran.load(Ordering::SeqCst) == 100);
    let paused = Group::builder().cap(0).build(pool.group()).unwrap();
    let counted = Counted(Arc::clone(&drops));
    paused.spawn_detached(move || drop(counted)).unwrap();
    drop(pool);
    assert_eq!(drops.load(Ordering::SeqCst), 101);
    assert_eq!(ran.load(Ordering::SeqCst), 100);
}

#[test]
fn a_task_may_not_join_itself() {
    let pool = Pool::new(1).unwrap();
    let (send, receive) = channel::<heddle::JoinHandle<()>>();
    let (told, tell) = channel();
    let handle = pool
        .group()
        .spawn(move || {
            let own = receive.recv().unwrap();
            told.send(matches!(own.join_caught(), Err(JoinError::Deadlock))).unwrap();
        })
        .unwrap();
    send.send(handle).unwrap();
    assert!(tell.recv().unwrap());
}

#[test]
fn a_full_queue_is_an_error_and_drops_the_closure() {
    let pool = Pool::new(1).unwrap();
    let group = Group::builder().cap(0).queue_slots(2).build(pool.group()).unwrap();
    let drops = Arc::new(AtomicUsize::new(0));
    let spawn = || {
        let counted = Counted(Arc::clone(&drops));
        group.spawn(move || drop(counted))
    };
    let _first = spawn().unwrap();
    let _second = spawn().unwrap();
    assert_eq!(spawn().err(), Some(Error::Full));
    assert_eq!(drops.load(Ordering::SeqCst), 1);
    assert_eq!(group.wait_room(1, Some(Duration::from_millis(5))), Err(Error::TimedOut));
}
