// SPDX-License-Identifier: BSD-2-Clause
//! What the process costs in memory at an instant.

use crate::threads;

fn kib_after(text: &str, name: &str) -> u64 {
    text.lines()
        .filter(|line| line.starts_with(name))
        .filter_map(|line| line.split_whitespace().nth(1))
        .filter_map(|word| word.parse::<u64>().ok())
        .sum()
}

fn read(path: &str) -> String {
    match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => crate::usage(&format!("{}: {}", path, error)),
    }
}

pub fn resident_kib() -> f64 {
    kib_after(&read("/proc/self/smaps_rollup"), "Rss:") as f64
}

pub fn print(size: usize, stage: &str) {
    let rollup = read("/proc/self/smaps_rollup");
    let status = read("/proc/self/status");

    println!(
        "memory size={} stage={} rss_kib={} dirty_kib={} vsz_kib={} threads={}",
        size,
        stage,
        kib_after(&rollup, "Rss:"),
        kib_after(&rollup, "Private_Dirty:"),
        kib_after(&status, "VmSize:"),
        threads::alive()
    );
}
