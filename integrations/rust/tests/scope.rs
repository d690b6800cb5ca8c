// SPDX-License-Identifier: BSD-2-Clause
//! Scopes: closures that borrow, joined at the end whatever happens.

use heddle::{Group, Order, Pool};
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

#[test]
fn closures_borrow_from_the_frame() {
    let pool = Pool::new(2).unwrap();
    let mut numbers = vec![0u64; 64];
    let offset = 5u64;
    let sum = pool.group().scope(|s| {
        let handles: Vec<_> = numbers
            .iter_mut()
            .enumerate()
            .map(|(i, number)| {
                s.spawn(move || {
                    *number = i as u64 + offset;
                    *number
                })
            })
            .collect();
        handles.into_iter().map(|handle| handle.join()).sum::<u64>()
    });
    assert_eq!(sum, numbers.iter().sum::<u64>());
    assert_eq!(numbers[63], 68);
}

#[test]
fn a_panic_of_the_scope_waits_for_its_tasks() {
    let pool = Pool::new(2).unwrap();
    let ended = AtomicUsize::new(0);
    let (entered, has_entered) = channel();
    let ended = &ended;
    let caught = catch_unwind(AssertUnwindSafe(|| {
        pool.group().scope(|s| {
            s.spawn(move || {
                entered.send(()).unwrap();
                thread::sleep(Duration::from_millis(50));
                ended.fetch_add(1, Ordering::SeqCst);
            });
            has_entered.recv().unwrap();
            resume_unwind(Box::new("scope"));
        })
    }));
    assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "scope");
    assert_eq!(ended.load(Ordering::SeqCst), 1);
}

#[test]
fn a_panic_of_a_task_is_the_scope_s_or_its_joiner_s() {
    let pool = Pool::new(2).unwrap();
    let ran = AtomicUsize::new(0);
    let caught = catch_unwind(AssertUnwindSafe(|| {
        pool.group().scope(|s| {
            s.spawn(|| panic!("a task"));
            s.spawn(|| ran.fetch_add(1, Ordering::SeqCst));
        })
    }));
    assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "a scoped task panicked");
    assert_eq!(ran.load(Ordering::SeqCst), 1);
    let seen = pool.group().scope(|s| s.spawn(|| panic!("seen")).join_caught().is_err());
    assert!(seen);
}

#[test]
fn tasks_spawn_into_the_scope() {
    let pool = Pool::new(2).unwrap();
    let ran = AtomicUsize::new(0);
    pool.group().scope(|s| {
        for _ in 0..20 {
            s.spawn(|| {
                for _ in 0..20 {
                    s.spawn(|| ran.fetch_add(1, Ordering::SeqCst));
                }
            });
        }
    });
    assert_eq!(ran.load(Ordering::SeqCst), 400);
}

#[test]
fn scopes_nest_on_a_single_worker() {
    fn sum(group: &Group, numbers: &[u64]) -> u64 {
        if numbers.len() < 8 {
            return numbers.iter().sum();
        }
        let (left, right) = numbers.split_at(numbers.len() / 2);
        group.scope(|s| {
            let left = s.spawn(|| sum(group, left));
            let right = sum(group, right);
            left.join() + right
        })
    }
    let pool = Pool::new(1).unwrap();
    let numbers: Vec<u64> = (0..5000).collect();
    let group = pool.group();
    let total = group.scope(|s| s.spawn(|| sum(group, &numbers)).join());
    assert_eq!(total, 4999 * 5000 / 2);
}

#[test]
fn what_is_refused_or_would_wait_for_itself_is_called_in_place() {
    let pool = Pool::new(1).unwrap();
    let ran = AtomicUsize::new(0);
    // A queue of one place, paused: the rest is called by the spawner.
    let full = Group::builder().cap(0).queue_slots(1).build(pool.group()).unwrap();
    let (resume, told) = channel();
    thread::scope(|threads| {
        let group = full.clone();
        threads.spawn(move || {
            told.recv().unwrap();
            group.set_cap(1).unwrap();
        });
        full.scope(|s| {
            for _ in 0..10 {
                s.spawn(|| ran.fetch_add(1, Ordering::SeqCst));
            }
            assert_eq!(ran.load(Ordering::SeqCst), 9);
            resume.send(()).unwrap();
        });
    });
    assert_eq!(ran.load(Ordering::SeqCst), 10);
    // A scope in a task of a SERIAL group: its tasks stand behind the caller.
    let serial = Group::builder().cap(1).order(Order::Serial).build(pool.group()).unwrap();
    let inside = serial.clone();
    let handle = serial
        .spawn(move || {
            let mut number = 0;
            inside.scope(|s| {
                s.spawn(|| number += 1);
            });
            number
        })
        .unwrap();
    assert_eq!(handle.join().unwrap(), 1);
}

#[test]
fn values_nobody_joins_are_dropped_before_the_scope_ends() {
    struct Noted<'a>(&'a AtomicUsize);
    impl Drop for Noted<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
            if self.0.load(Ordering::SeqCst) == 1 {
                panic!("in a drop");
            }
        }
    }
    let pool = Pool::new(2).unwrap();
    let drops = AtomicUsize::new(0);
    let caught = catch_unwind(AssertUnwindSafe(|| {
        pool.group().scope(|s| {
            for _ in 0..8 {
                s.spawn(|| Noted(&drops));
            }
        })
    }));
    assert!(caught.is_err());
    assert_eq!(drops.load(Ordering::SeqCst), 8);
}
