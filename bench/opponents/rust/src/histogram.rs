// SPDX-License-Identifier: BSD-2-Clause
//! Counts of durations in buckets that are at most 1/128 of their value wide,
//! printed so that several runs can be added up. The C side has the same.

const SUB: u64 = 128;

pub struct Histogram {
    counts: Vec<u64>,
}

fn index_of(value: u64) -> usize {
    if value < 2 * SUB {
        return value as usize;
    }
    let shift = 63 - value.leading_zeros() as u64 - 7;
    (shift * SUB + (value >> shift)) as usize
}

fn low_of(index: usize) -> u64 {
    let index = index as u64;
    if index < 2 * SUB {
        return index;
    }
    let shift = index / SUB - 1;
    (index - shift * SUB) << shift
}

impl Histogram {
    pub fn new() -> Histogram {
        Histogram {
            counts: vec![0; index_of(u64::MAX) + 1],
        }
    }

    pub fn add(&mut self, value: u64) {
        self.counts[index_of(value)] += 1;
    }

    pub fn print(&self) {
        for (index, count) in self.counts.iter().enumerate() {
            if *count != 0 {
                println!("bucket ns={} count={}", low_of(index), count);
            }
        }
    }
}
