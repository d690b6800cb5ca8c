// SPDX-License-Identifier: BSD-2-Clause
//! What Rust's library does not offer and the opponents in C and C++ use: a
//! futex, the CPU time of the process. No crate for it, which Debian's set of
//! crates need not have.

use std::os::raw::{c_int, c_long};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
    fn clock_gettime(clock: c_int, time: *mut Timespec) -> c_int;
}

#[repr(C)]
struct Timespec {
    seconds: c_long,
    nanoseconds: c_long,
}

#[cfg(target_arch = "x86_64")]
const SYS_FUTEX: c_long = 202;
#[cfg(any(target_arch = "x86", target_arch = "arm"))]
const SYS_FUTEX: c_long = 240;
#[cfg(target_arch = "powerpc64")]
const SYS_FUTEX: c_long = 221;
#[cfg(target_arch = "s390x")]
const SYS_FUTEX: c_long = 238;
#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "x86",
    target_arch = "arm",
    target_arch = "powerpc64",
    target_arch = "s390x"
)))]
const SYS_FUTEX: c_long = 98;

const WAIT_PRIVATE: c_int = 128;
const WAKE_PRIVATE: c_int = 129;
const CLOCK_PROCESS_CPUTIME_ID: c_int = 2;

const DOWN: u32 = 0;
const UP: u32 = 1;
const SLEEPS: u32 = 2;

/// Raised once, waited for by one thread.
pub struct Word(AtomicU32);

impl Word {
    pub fn new() -> Word {
        Word(AtomicU32::new(DOWN))
    }

    /// Raise the word behind the pointer, whose owner may free it once it is
    /// up: so the wake-up may reach an address that is somebody else's by
    /// then, and one that sleeps there looks again.
    ///
    /// # Safety
    /// The word lives until it is up.
    pub unsafe fn raise(word: *const Word) {
        let address = &(*word).0 as *const AtomicU32;
        if (*word).0.swap(UP, Ordering::AcqRel) == SLEEPS {
            syscall(SYS_FUTEX, address, WAKE_PRIVATE, 1 as c_int);
        }
    }

    pub fn wait(&self) {
        let none: *const Timespec = std::ptr::null();
        // It fails where the word is up already, and then nobody sleeps.
        let _ = self
            .0
            .compare_exchange(DOWN, SLEEPS, Ordering::AcqRel, Ordering::Acquire);
        while self.0.load(Ordering::Acquire) != UP {
            unsafe {
                syscall(
                    SYS_FUTEX,
                    &self.0 as *const AtomicU32,
                    WAIT_PRIVATE,
                    SLEEPS as c_int,
                    none,
                );
            }
        }
    }

    pub fn spin(&self) {
        while self.0.load(Ordering::Acquire) != UP {
            std::hint::spin_loop();
        }
    }
}

/// The time that this process has been on a CPU.
pub fn cpu_time() -> Duration {
    let mut time = Timespec {
        seconds: 0,
        nanoseconds: 0,
    };
    unsafe { clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    Duration::new(time.seconds as u64, time.nanoseconds as u32)
}

/// CPU work: each step needs the one before. The sum is there because a
/// product of constants would be folded.
#[inline(never)]
pub fn work(steps: u64) {
    let mut value = steps | 1;
    for step in 0..steps {
        value = value.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(step);
    }
    let mut kept = 0;
    // A result that nobody can see would let the compiler drop the chain.
    unsafe { std::ptr::write_volatile(&mut kept, value) };
}

/// How many steps of work() take `us`: the median, because a pass that lost
/// its CPU is too long, never too short.
pub fn work_steps(us: u64) -> u64 {
    const STEPS: u64 = 100_000;
    let mut times: Vec<u64> = (0..31)
        .map(|_| {
            let start = Instant::now();
            work(STEPS);
            start.elapsed().as_nanos() as u64
        })
        .collect();
    times.sort_unstable();
    STEPS * 1000 * us / times[times.len() / 2].max(1)
}
