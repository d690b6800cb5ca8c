// SPDX-License-Identifier: BSD-2-Clause
//! `p01`: one measurement of one pool. Each runs in a process of its own.

use crate::pool::{Pool, Rayon, Rusty};
use crate::{measure, timeline, usage, Options};

pub const OPTIONS: &[&str] = &["pool", "measure", "size", "count", "every"];

fn run<P: Pool>(name: &str, options: &Options) {
    let size = options.number("size", 4) as usize;
    let count = options.number("count", 1000);

    match name {
        "timeline" => timeline::run::<P>(size, count),
        "reclaim" => measure::reclaim::<P>(size, count),
        "sequential" => measure::sequential::<P>(size, count),
        "join" => measure::join::<P>(size, count),
        "exact" => measure::exact::<P>(size, count, options.number("every", 1000)),
        "exhaust" => measure::exhaust::<P>(size),
        "memory" => measure::memory::<P>(size, count),
        "spawn" => measure::spawn::<P>(size, count),
        other => usage(&format!("--measure: unknown '{}'", other)),
    }
}

pub fn main(options: &Options) {
    let name = options.text("measure", "");

    match options.text("pool", "").as_str() {
        "rusty" => run::<Rusty>(&name, options),
        "rayon" => run::<Rayon>(&name, options),
        other => usage(&format!("--pool: '{}' is not rusty or rayon", other)),
    }
    println!("end");
}
