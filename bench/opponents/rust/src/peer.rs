// SPDX-License-Identifier: BSD-2-Clause
//! `bench-peer`: one peer under one workload of `heddle bench`, a round for
//! each line "go" (bench/README.md has the protocol). `bench-list` says which
//! peers and workloads there are.

use crate::pool::{Pool, Rayon, Rusty};
use crate::{flood, latency, life, tree, usage, Options};
use std::io::{BufRead, Write};
use std::process::exit;
use std::time::Duration;

pub const KEEP_ALIVE: Duration = Duration::from_secs(60);
const ALL: &str = "W1,W2,W4,W4j,W5,W6,W7,W8,W9,W10,W11";
const ABSENT: i32 = 77;

/// Pairs of a round's line, in order. Times are in ns where the key says no
/// unit.
pub type Line = Vec<(&'static str, f64)>;

/// What is measured. Its pool is its own and ends with stop().
pub trait Workload {
    fn round(&mut self) -> Line;
    fn stop(self: Box<Self>) {}
}

/// All names; those of tokio may be absent.
const NAMES: [&str; 4] = ["rusty_pool", "rayon", "tokio", "tokio-blocking"];

/// Why this build has not the peer.
fn lacks(name: &str) -> Option<&'static str> {
    if name.starts_with("tokio") && !cfg!(feature = "tokio") {
        return Some("the crate is not here or was left out (Debian: librust-tokio-dev)");
    }
    None
}

/// The version that the build has left beside the program.
fn version(name: &str) -> String {
    let name = name.split('-').next().unwrap_or(name);
    let versions = std::env::current_exe()
        .map(|path| path.with_file_name("versions"))
        .and_then(std::fs::read_to_string)
        .unwrap_or_default();
    versions
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        .next()
        .unwrap_or("unknown")
        .to_string()
}

fn has(name: &str) -> String {
    match name {
        "rayon" => format!("{},W3", ALL),
        _ => ALL.to_string(),
    }
}

pub fn list() {
    for name in NAMES {
        if let Some(reason) = lacks(name) {
            println!("absent {}: {}", name, reason);
            continue;
        }
        println!(
            "peer {} version={} workloads={}",
            name,
            version(name),
            has(name)
        );
    }
}

fn make<P: Pool>(id: &str, options: &Options) -> Box<dyn Workload> {
    match id {
        "W1" => Box::new(flood::FromOutside::<P>::new(options)),
        "W2" | "W11" => Box::new(flood::FromInside::<P>::new(options)),
        "W4" => Box::new(latency::Wake::<P>::new(options)),
        "W4j" => Box::new(latency::RoundTrip::<P>::new(options)),
        "W5" => Box::new(flood::Burst::<P>::new(options)),
        "W6" => Box::new(life::StartAndStop::<P>::new(options)),
        "W7" => Box::new(latency::Guests::<P>::new(options)),
        "W8" => Box::new(life::Memory::<P>::new(options)),
        "W9" => Box::new(life::Cap::<P>::new(options)),
        _ => Box::new(flood::Idle::<P>::new(options)),
    }
}

fn drive(name: &str, mut measured: Box<dyn Workload>) {
    println!("ready version={}", version(name));
    for line in std::io::stdin().lock().lines() {
        match line {
            Ok(word) if word == "go" => (),
            Ok(word) => usage(&format!("standard input: '{}' is not 'go'", word)),
            Err(error) => usage(&format!("standard input: {}", error)),
        }
        let mut text = String::from("round");
        for (key, value) in measured.round() {
            if value.is_nan() {
                text += &format!(" {}=nan", key);
            } else if value.fract() == 0.0 {
                text += &format!(" {}={:.0}", key, value);
            } else {
                text += &format!(" {}={:.3}", key, value);
            }
        }
        println!("{}", text);
    }
    measured.stop();
    println!("end");
}

/// A round that went wrong; other threads may still run.
pub fn missed(what: &str) -> ! {
    eprintln!("heddle-rust-opponent: {}", what);
    let _ = std::io::stdout().flush();
    exit(1);
}

pub fn main(options: &Options) {
    let name = options.text("peer", "");
    let id = options.text("workload", "");
    let is_tree = id == "W3" || id == "W11" && !options.text("program", "").is_empty();

    if !NAMES.contains(&name.as_str()) {
        usage(&format!("--peer: unknown '{}'", name));
    }
    if let Some(reason) = lacks(&name) {
        println!("absent {}", reason);
        exit(ABSENT);
    }
    let fits = has(&name).split(',').any(|one| one == id);
    if !fits || is_tree && name != "rayon" {
        println!("absent {} is not for {}", id, name);
        exit(ABSENT);
    }
    let measured = match name.as_str() {
        "rayon" if is_tree => Box::new(tree::ForkJoin::new(options)),
        "rayon" => make::<Rayon>(&id, options),
        #[cfg(feature = "tokio")]
        "tokio" => make::<crate::tokio::Spawn>(&id, options),
        #[cfg(feature = "tokio")]
        "tokio-blocking" => make::<crate::tokio::Blocking>(&id, options),
        _ => make::<Rusty>(&id, options),
    };
    drive(&name, measured);
}
