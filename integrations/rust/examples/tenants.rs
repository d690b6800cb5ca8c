// SPDX-License-Identifier: BSD-2-Clause
//! Two tenants with a cap each share a pool; one cap is lowered while they work, and the
//! ticket tells when that is in effect. Then a scope sums what the caller owns.

use heddle::{Error, Group, Pool};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

fn busy(number: u64) -> u64 {
    (0..20_000).fold(number, |value, _| value.wrapping_mul(6364136223846793005).wrapping_add(1))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = Pool::builder().workers(4).name("tenants").build()?;
    let gold = Group::builder().cap(3).name("gold").build(pool.group())?;
    let silver = Group::builder().cap(2).queue_slots(8).name("silver").build(pool.group())?;
    let running = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));

    let mut handles = Vec::new();
    let mut refused = 0;
    for number in 0..400 {
        handles.push(gold.spawn(move || busy(number))?);
        let (running, most) = (Arc::clone(&running), Arc::clone(&most));
        let task = move || {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let value = busy(number);
            running.fetch_sub(1, Ordering::SeqCst);
            value
        };
        // A full queue is the tenant's own affair: it waits, gold does not.
        while let Err(error) = silver.spawn(task.clone()).map(|handle| handles.push(handle)) {
            if error != Error::Full {
                return Err(error.into());
            }
            refused += 1;
            silver.wait_room(1, None)?;
        }
    }
    gold.set_cap(1)?.wait(None)?;
    println!("gold runs at most one from here on: {:?}", gold.stat()?);
    let sum = handles.into_iter().try_fold(0u64, |sum, handle| {
        handle.join().map(|value| sum.wrapping_add(value))
    })?;
    println!("sum {sum:x}, silver met its bound {refused} times");
    assert!(most.load(Ordering::SeqCst) <= 2);

    let numbers: Vec<u64> = (1..=1000).collect();
    let total: u64 = pool.group().scope(|s| {
        let parts: Vec<_> =
            numbers.chunks(100).map(|part| s.spawn(move || part.iter().sum::<u64>())).collect();
        parts.into_iter().map(|part| part.join()).sum()
    });
    println!("a scope of ten tasks: {total}");
    assert_eq!(total, 500_500);
    Ok(())
}
