/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the program with the Rust opponents is. It is built at the first use
 * when this command runs from its build folder, by
 * scripts/build-rust-opponent.
 */
#ifndef HEDDLE_BENCH_OPPONENTS_RUST_H
#define HEDDLE_BENCH_OPPONENTS_RUST_H

#include <stddef.h>

/**
 * struct hb_rust - the answer; free() each string and the array
 * @program:  path, NULL when there is none
 * @reason:   why there is none, one line
 * @versions: lines "name version" of crates, packages and compilers
 */
struct hb_rust {
	char *program;
	char *reason;
	char **versions;
	size_t n_versions;
};

/* hb_rust_find() - takes half a minute when it has to be built */
void hb_rust_find(struct hb_rust *rust);

#endif /* HEDDLE_BENCH_OPPONENTS_RUST_H */
