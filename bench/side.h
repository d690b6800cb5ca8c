/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The side that is measured: a process with one peer in it, which runs a round of
 * one workload for each line "go" that it reads and prints what it took. How it
 * speaks is in bench/README.md; what the workloads are, in doc/workloads.md.
 */
#ifndef HEDDLE_BENCH_SIDE_H
#define HEDDLE_BENCH_SIDE_H

#include <stdint.h>

#include "bench/peer.h"
#include "tools/say.h"

/**
 * struct hb_side - what was asked for; a workload looks at what concerns it
 * @pool: of the peer, NULL where each round makes its own
 */
struct hb_side {
	const struct hb_peer *peer;
	void *pool;
	const char *workload;
	const char *mode;
	uint64_t workers;
	uint64_t submitters;
	uint64_t tasks;
	uint64_t depth;
	uint64_t samples;
	uint64_t work_us;
	uint64_t flight;
	uint64_t n;
	uint64_t queued;
	uint64_t idle_seconds;
};

/**
 * struct hb_round_of - one workload
 * @id:      as in doc/workloads.md
 * @absent:  NULL, or says why a peer cannot: a reason, or NULL when it can
 * @open:    NULL for a pool of so many workers that is kept over the rounds
 * @warm_up: NULL for a round that prints nothing before the first
 * @round:   prints the line "round"; 0 or -errno
 *
 * What is made in @open is the process's; only the pool is closed in the end.
 */
struct hb_round_of {
	const char *id;
	const char *(*absent)(const struct hb_peer *peer);
	int (*open)(struct hb_side *side);
	int (*warm_up)(struct hb_side *side);
	int (*round)(struct hb_side *side);
};

extern const struct hb_round_of hb_w1_round, hb_w2_round, hb_w5_round,
	hb_w10_round;
extern const struct hb_round_of hb_w4_round, hb_w4j_round, hb_w7_round,
	hb_w7t_round;
extern const struct hb_round_of hb_w6_round, hb_w8_round, hb_w9_round;

/* hb_side_knows() - whether it is a workload of this side */
bool hb_side_knows(const char *workload);

/* hb_side_main() - `heddle bench peer` */
int hb_side_main(int argc, char **argv);

/* hb_side_put() - peer's put, or the end of the process with a line */
void hb_side_put(const struct hb_side *side, void *pool, void (*fn)(void *arg),
		 void *arg);

/* hb_side_open() - a pool of its own; the end of the process if it fails */
void *hb_side_open(const struct hb_side *side, uint32_t workers,
		   uint64_t tasks);

/* hb_side_must() - the end of the process with a line unless @rc is 0 */
void hb_side_must(const struct hb_side *side, const char *what, int rc);

/*
 * hb_side_prove() - submit a task for each worker and meet all of them at once
 *
 * When it returns so many threads run tasks.
 */
void hb_side_prove(const struct hb_side *side, void *pool, uint32_t workers);

/* hb_side_sleep() - for so many ns at least */
void hb_side_sleep(uint64_t ns);

/* hb_work_steps() - how many steps of hb_work() take a time, once a process */
uint64_t hb_work_steps(uint64_t us);

/* hb_work() - a chain of dependent multiplications */
void hb_work(uint64_t steps);

#endif /* HEDDLE_BENCH_SIDE_H */
