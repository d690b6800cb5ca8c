/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * W1, tasks from outside: what its three files share. w1_round.c runs one
 * peer's rounds in a process of its own, w1.c lets the peers take turns, and
 * w1_report.c makes medians and pictures of the rounds.
 */
#ifndef HEDDLE_BENCH_W1_H
#define HEDDLE_BENCH_W1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/peer.h"
#include "bench/run.h"

struct ht_machine;
struct ht_table;

/* What the others' ratios refer to. */
#define HB_W1_BASE "rusty_pool"

struct hb_w1_cell {
	uint32_t workers;
	uint32_t submitters;
};

/**
 * struct hb_w1_round - one round of one peer
 * @ns:        until all tasks were done, a task
 * @submit_ns: until the last submit had returned, a task
 * @again:     submits refused with -EAGAIN, in all; @sleeps: times a thread
 *             went to sleep, a task; @wakes: of workers, a task; NaN where the
 *             peer does not count
 * @look:      what else ran meanwhile
 */
struct hb_w1_round {
	size_t cell;
	size_t peer;
	double ns;
	double submit_ns;
	double again;
	double sleeps;
	double wakes;
	struct hb_look look;
};

/* Why a peer has no figures in a cell. */
struct hb_w1_missing {
	size_t peer;
	size_t cell;
	char *reason;
};

/* A whole run. */
struct hb_w1 {
	uint64_t tasks;
	uint64_t rounds;
	uint64_t seed;
	const struct hb_peer **peers;
	size_t n_peers;
	struct hb_w1_cell *cells;
	size_t n_cells;
	struct hb_w1_round *done;
	size_t n_done;
	struct hb_w1_missing *missing;
	size_t n_missing;
	char **versions; /* "name version" */
	size_t n_versions;
	struct ht_machine *machine;
};

/* hb_w1_main() - `heddle bench W1` */
int hb_w1_main(int argc, char **argv);

/* hb_w1_peer_main() - one peer in this process, a round for a line read */
int hb_w1_peer_main(int argc, char **argv);

/* hb_w1_table() - medians, quartiles and the ratio to HB_W1_BASE */
struct ht_table *hb_w1_table(const struct hb_w1 *w1);

/* hb_w1_store() - every file of the results into a folder; exit status */
int hb_w1_store(const struct hb_w1 *w1, const char *folder);

#endif /* HEDDLE_BENCH_W1_H */
