// SPDX-License-Identifier: BSD-2-Clause
//! W3, fork and join without cut-off, with Rayon: fib by join(), queens and
//! the unbalanced tree by a parallel iterator over the children
//! (doc/workloads.md). One thread counts first.

use crate::peer::{missed, Line, Workload, KEEP_ALIVE};
use crate::pool::{Pool, Rayon};
use crate::{usage, Options};
use rayon::prelude::*;
use std::time::Instant;

#[derive(Clone, Copy)]
struct Board {
    all: u32,
    columns: u32,
    left: u32,
    right: u32,
}

impl Board {
    fn new(n: u32) -> Board {
        Board {
            all: (1 << n) - 1,
            columns: 0,
            left: 0,
            right: 0,
        }
    }

    /// The boards with one more queen, and how many there are.
    fn children(&self) -> ([Board; 32], usize) {
        let mut boards = [*self; 32];
        let mut n = 0;
        let mut rest = self.all & !(self.columns | self.left | self.right);
        while rest != 0 {
            let queen = rest & rest.wrapping_neg();
            boards[n] = Board {
                all: self.all,
                columns: self.columns | queen,
                left: (self.left | queen) << 1,
                right: (self.right | queen) >> 1,
            };
            n += 1;
            rest &= rest - 1;
        }
        (boards, n)
    }

    fn is_full(&self) -> bool {
        self.columns == self.all
    }
}

#[derive(Clone, Copy)]
struct Node {
    state: u64,
    depth_left: u32,
}

fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Node {
    fn children(&self) -> u32 {
        if self.depth_left == 0 {
            return 0;
        }
        let u = mix(self.state ^ 0xd1b5_4a32_d192_ed03) >> 32;
        let mut t = 0xffff_ffffu64;
        for k in 0..100 {
            t = t * 4 / 5;
            if u >= t {
                return k;
            }
        }
        100
    }

    fn child(&self, i: u32) -> Node {
        let step = (u64::from(i) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Node {
            state: mix(self.state.wrapping_add(step)),
            depth_left: self.depth_left - 1,
        }
    }
}

fn fib(n: u32) -> u64 {
    if n < 2 {
        return u64::from(n);
    }
    let (one, two) = rayon::join(|| fib(n - 1), || fib(n - 2));
    one + two
}

fn queens(at: &Board) -> u64 {
    if at.is_full() {
        return 1;
    }
    let (boards, n) = at.children();
    boards[..n].par_iter().map(queens).sum()
}

fn uts(at: Node) -> u64 {
    let k = at.children();
    if k == 0 {
        return 1;
    }
    1 + (0..k)
        .into_par_iter()
        .map(|i| uts(at.child(i)))
        .sum::<u64>()
}

/// Answer and nodes.
fn serial_fib(n: u32) -> (u64, u64) {
    let (mut low, mut high) = (0, 1);
    for _ in 0..n {
        let next = low + high;
        low = high;
        high = next;
    }
    (low, 2 * high - 1)
}

fn serial_queens(at: &Board, nodes: &mut u64) -> u64 {
    *nodes += 1;
    if at.is_full() {
        return 1;
    }
    let (boards, n) = at.children();
    boards[..n]
        .iter()
        .map(|board| serial_queens(board, nodes))
        .sum()
}

fn serial_uts(at: Node) -> u64 {
    1 + (0..at.children())
        .map(|i| serial_uts(at.child(i)))
        .sum::<u64>()
}

pub struct ForkJoin {
    pool: Rayon,
    program: String,
    n: u32,
    expected: u64,
    nodes: u64,
}

impl ForkJoin {
    pub fn new(options: &Options) -> ForkJoin {
        let program = options.text("program", "fib");
        let (standard, most) = match program.as_str() {
            "fib" => (27, 60),
            "nq" => (11, 18),
            "uts" => (10, 20),
            other => usage(&format!("--program: '{}' is not fib, nq or uts", other)),
        };
        let n = options.count("n", standard);
        if n > most {
            usage(&format!("--n: too large for {}", program));
        }
        let n = n as u32;
        let (expected, nodes) = match program.as_str() {
            "fib" => serial_fib(n),
            "nq" => {
                let mut nodes = 0;
                (serial_queens(&Board::new(n), &mut nodes), nodes)
            }
            _ => {
                let nodes = serial_uts(Node {
                    state: 81,
                    depth_left: n,
                });
                (nodes, nodes)
            }
        };
        let one = ForkJoin {
            pool: Rayon::new(options.count("workers", 2) as usize, KEEP_ALIVE),
            program,
            n,
            expected,
            nodes,
        };
        one.find();
        one
    }

    fn find(&self) -> u64 {
        let n = self.n;
        let pool = &self.pool.0;
        let found = match self.program.as_str() {
            "fib" => pool.install(|| fib(n)),
            "nq" => pool.install(|| queens(&Board::new(n))),
            _ => pool.install(|| {
                uts(Node {
                    state: 81,
                    depth_left: n,
                })
            }),
        };
        if found != self.expected {
            missed(&format!(
                "{}: {}, one thread finds {}",
                self.program, found, self.expected
            ));
        }
        found
    }
}

impl Workload for ForkJoin {
    fn round(&mut self) -> Line {
        let start = Instant::now();
        let found = self.find();
        let time = start.elapsed().as_nanos() as f64;
        vec![("ns", time / self.nodes as f64), ("answer", found as f64)]
    }

    fn stop(self: Box<Self>) {
        self.pool.shutdown();
    }
}
