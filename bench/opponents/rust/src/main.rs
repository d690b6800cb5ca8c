// SPDX-License-Identifier: BSD-2-Clause
//! Rayon and rusty_pool, and tokio where it is, under the workloads of `heddle paper run P01` and of
//! `heddle bench`. Every figure is one line on standard output, a word and
//! then key=value pairs, the same protocol that the C back ends print.

mod flood;
mod histogram;
mod latency;
mod life;
mod measure;
mod memory;
mod p01;
mod peer;
mod pool;
mod system;
mod threads;
mod timeline;
#[cfg(feature = "tokio")]
mod tokio;
mod tree;
mod w1;

use std::collections::HashMap;
use std::process::exit;

/// Options given as `--name value`.
pub struct Options {
    values: HashMap<String, String>,
}

impl Options {
    /// Only options in `known`, or any when there is none: `heddle bench` may
    /// say more than a workload asks for.
    fn parse(words: &[String], known: &[&str]) -> Options {
        let mut values = HashMap::new();
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            let name = match word.strip_prefix("--") {
                Some(name) if known.is_empty() || known.contains(&name) => name,
                _ => usage(&format!("unknown argument '{}'", word)),
            };
            match rest.next() {
                Some(value) => values.insert(name.to_string(), value.clone()),
                None => usage(&format!("--{} needs a value", name)),
            };
        }
        Options { values }
    }

    pub fn text(&self, name: &str, default: &str) -> String {
        match self.values.get(name) {
            Some(value) => value.clone(),
            None => default.to_string(),
        }
    }

    pub fn number(&self, name: &str, default: u64) -> u64 {
        match self.values.get(name) {
            None => default,
            Some(value) => match value.parse() {
                Ok(number) => number,
                Err(_) => usage(&format!("--{}: '{}' is no number", name, value)),
            },
        }
    }

    /// A number from 1 on.
    pub fn count(&self, name: &str, default: u64) -> u64 {
        match self.number(name, default) {
            0 => usage(&format!("--{}: '0' is no number from 1 on", name)),
            number => number,
        }
    }
}

/// One line that names the argument, and the exit status of bad usage.
pub fn usage(what: &str) -> ! {
    eprintln!("heddle-rust-opponent: {}", what);
    exit(2);
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let command = words.get(1).map(String::as_str).unwrap_or("");
    let rest = if words.len() > 2 { &words[2..] } else { &[] };

    match command {
        "p01" => p01::main(&Options::parse(rest, p01::OPTIONS)),
        "w1" => w1::main(&Options::parse(rest, w1::OPTIONS)),
        "bench-peer" => peer::main(&Options::parse(rest, &[])),
        "bench-list" => peer::list(),
        "" => usage("a command is needed: p01, w1, bench-peer or bench-list"),
        other => usage(&format!("unknown command '{}'", other)),
    }
}
