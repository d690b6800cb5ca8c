// SPDX-License-Identifier: BSD-2-Clause
//! Pools, groups and caps; what is left when a pool is dropped.

use heddle::{Cancel, Close, Error, Group, JoinError, Order, Pool};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Threads of the pool of this name: tests of this program run side by side.
fn threads_named(name: &str) -> usize {
    std::fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("comm")).ok())
        .filter(|comm| comm.starts_with(name))
        .count()
}

#[test]
fn caps_of_all_groups_hold() {
    let pool = Pool::builder().workers(4).build().unwrap();
    let outer = Group::builder().cap(3).name("outer").build(pool.group()).unwrap();
    let inner: Vec<_> =
        (0..2).map(|_| Group::builder().cap(2).build(&outer).unwrap()).collect();
    let running = Arc::new([0; 3].map(AtomicUsize::new));
    let most = Arc::new([0; 3].map(AtomicUsize::new));
    let mut handles = Vec::new();
    for i in 0..2000 {
        let (running, most) = (Arc::clone(&running), Arc::clone(&most));
        let task = move || {
            for k in [i % 2, 2] {
                let now = running[k].fetch_add(1, Ordering::SeqCst) + 1;
                most[k].fetch_max(now, Ordering::SeqCst);
            }
            if i % 50 == 0 {
                thread::sleep(Duration::from_millis(1));
            }
            for k in [i % 2, 2] {
                running[k].fetch_sub(1, Ordering::SeqCst);
            }
        };
        handles.push(inner[i % 2].spawn(task).unwrap());
    }
    for handle in handles {
        handle.join().unwrap();
    }
    let most: Vec<_> = most.iter().map(|most| most.load(Ordering::SeqCst)).collect();
    assert!(most[0] <= 2 && most[1] <= 2 && most[2] <= 3, "{most:?}");
    assert!(most[2] >= 2, "{most:?}");
}

#[test]
fn a_ticket_waits_for_a_lowered_cap() {
    let pool = Pool::new(2).unwrap();
    let group = Group::builder().cap(2).build(pool.group()).unwrap();
    let (entered, has_entered) = channel();
    let (go, gone) = channel::<()>();
    let gone = Arc::new(Mutex::new(gone));
    let handles: Vec<_> = (0..2)
        .map(|_| {
            let (entered, gone) = (entered.clone(), Arc::clone(&gone));
            let task = move || {
                entered.send(()).unwrap();
                heddle::blocking(|| ()); // gives its permit and takes it again
                gone.lock().unwrap().recv().unwrap();
            };
            group.spawn(task).unwrap()
        })
        .collect();
    has_entered.recv().unwrap();
    has_entered.recv().unwrap();
    let ticket = group.set_cap(0).unwrap();
    assert_eq!(ticket.wait(Some(Duration::from_millis(20))), Err(Error::TimedOut));
    let later = group.spawn(|| 5).unwrap();
    go.send(()).unwrap();
    go.send(()).unwrap();
    ticket.wait(None).unwrap();
    assert_eq!(group.stat().unwrap().running, 0);
    assert!(!later.is_finished());
    assert_eq!(group.stat().unwrap().queued, 1);
    let up = group.set_cap(1).unwrap();
    assert_eq!(later.join().unwrap(), 5);
    up.wait(None).unwrap();
    for handle in handles {
        handle.join().unwrap();
    }
}

#[test]
fn a_pool_is_dropped_with_queued_and_running_work() {
    let pool = Pool::builder().workers(2).name("droptest").build().unwrap();
    assert_eq!(threads_named("droptest"), 2);
    let paused = Group::builder().cap(0).build(pool.group()).unwrap();
    let mut queued: Vec<_> = (0..100).map(|i| paused.spawn(move || i).unwrap()).collect();
    let (entered, has_entered) = channel();
    let running = pool
        .group()
        .spawn(move || {
            entered.send(()).unwrap();
            while !heddle::stop_requested() {
                thread::yield_now();
            }
            7
        })
        .unwrap();
    has_entered.recv().unwrap();
    drop(pool);
    // The threads are gone, the handles are answered.
    assert_eq!(threads_named("droptest"), 0);
    assert_eq!(running.join().unwrap(), 7);
    assert_eq!(queued[0].cancel(), Cancel::Late);
    for handle in queued {
        assert!(matches!(handle.join_caught(), Err(JoinError::Cancelled)));
    }
    assert_eq!(paused.spawn(|| ()).err(), Some(Error::Shutdown));
    assert!(Group::builder().build(&paused).is_err());
    let number = AtomicUsize::new(0);
    paused.scope(|s| {
        s.spawn(|| number.fetch_add(1, Ordering::SeqCst));
    });
    assert_eq!(number.load(Ordering::SeqCst), 1);
}

#[test]
fn a_pool_dropped_in_its_own_task_is_leaked_and_goes_on() {
    let pool = Pool::builder().workers(1).name("selftest").build().unwrap();
    let group = pool.group().clone();
    let handle = group.spawn(move || drop(pool)).unwrap();
    handle.join().unwrap();
    assert_eq!(group.spawn(|| 4).unwrap().join().unwrap(), 4);
    assert_eq!(threads_named("selftest"), 1);
}

#[test]
fn groups_are_freed_and_their_places_used_again() {
    let pool = Pool::builder().workers(2).groups_max(3).build().unwrap();
    for round in 0..50 {
        let group = Group::builder().cap(1).order(Order::Fifo).build(pool.group()).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        for i in 0..10 {
            let seen = Arc::clone(&seen);
            drop(group.spawn(move || seen.lock().unwrap().push(i)).unwrap());
        }
        let below = Group::builder().build(&group);
        if round % 2 == 0 {
            let (group, error) = group.free(Close::Drain).unwrap_err();
            assert_eq!(error, Error::Busy);
            below.unwrap().free(Close::Drain).map_err(|(_, error)| error).unwrap();
            group.free(Close::Drain).map_err(|(_, error)| error).unwrap();
        } else {
            drop(below);
            group.free(Close::Drain).map_err(|(_, error)| error).unwrap();
        }
        assert_eq!(*seen.lock().unwrap(), (0..10).collect::<Vec<_>>());
    }
    let (_, error) = pool.group().clone().free(Close::Drain).unwrap_err();
    assert_eq!(error, Error::Invalid);
}

#[test]
fn pools_start_and_stop_and_say_what_is_wrong() {
    let pool = Pool::builder().workers(3).start(1).name("counted").build().unwrap();
    assert_eq!(threads_named("counted"), 1);
    pool.start(3).unwrap();
    assert_eq!(threads_named("counted"), 3);
    pool.stop(0, None).unwrap();
    assert_eq!(threads_named("counted"), 0);
    let handle = pool.group().spawn(|| 1).unwrap();
    pool.start(1).unwrap();
    assert_eq!(handle.join().unwrap(), 1);
    let refused = pool.start(4);
    assert!(matches!(&refused, Err(Error::Start(text)) if text.contains("workers_max is 3")));
    assert!(Pool::new(0).is_err());
    assert!(Pool::builder().name("longer than ten").build().is_err());
    assert!(Pool::builder().name("a\0b").build().is_err());
    assert!(Group::builder().cap(1 << 20).build(pool.group()).is_err());
    assert_eq!(heddle::version(), env!("CARGO_PKG_VERSION"));
    assert!(!heddle::stop_requested());
}
