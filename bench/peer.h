/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A peer: one scheduler under the workloads, heddle among them. One that is
 * written in C is a file of peers/ that fills in this table; one that is a
 * program of its own names how that program is started. A peer knows nothing
 * of rounds, clocks or other peers.
 */
#ifndef HEDDLE_BENCH_PEER_H
#define HEDDLE_BENCH_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most tasks of a round; heddle's queues are bounded by it. */
#define HB_TASKS_MAX UINT64_C(100000000)

/*
 * What a peer counts over its life. A peer that cannot count something leaves
 * the number as it is.
 */
struct hb_counts {
	uint64_t wakes; /* of sleeping workers, in order to run a task */
	uint64_t useless_wakes; /* those whose worker found it taken */
	bool has_useless;       /* it counts those */
};

/**
 * struct hb_peer - how to drive one scheduler
 * @name:    short, as in the tables
 * @about:   which interface of it is measured, one line
 * @absent:  NULL, or why this build has it not
 * @rust:    NULL, or its name in the program of bench/opponents/rust; then
 *           there are no functions
 * @is_ours: a failure of it is heddle's
 * @version: writes the version of the library that runs
 * @open:    makes a pool of some workers that can take so many tasks at once
 * @submit:  submits n empty tasks, each of which calls hb_done_add() once;
 *           several threads do so at once, with distinct numbers from @first.
 *           A task that is refused because a queue is full is offered again
 *           after sched_yield(); *again counts how often
 * @count:   NULL, or fills in the counts; nothing is running
 * @close:   ends the pool; nothing is queued
 *
 * @open, @submit and @count return 0 or -errno.
 */
struct hb_peer {
	const char *name;
	const char *about;
	const char *absent;
	const char *rust;
	bool is_ours;
	void (*version)(char *text, size_t size);
	int (*open)(uint32_t workers, uint64_t tasks, void **pool);
	int (*submit)(void *pool, uint64_t first, uint64_t n, uint64_t *again);
	int (*count)(void *pool, struct hb_counts *counts);
	void (*close)(void *pool);
};

extern const struct hb_peer hb_heddle_task;
extern const struct hb_peer hb_heddle_call;
extern const struct hb_peer hb_heddle_tree;
extern const struct hb_peer hb_mutex;
extern const struct hb_peer hb_glib;
extern const struct hb_peer hb_rusty;
extern const struct hb_peer hb_rayon;

/* All of them, ended by NULL. */
extern const struct hb_peer *const hb_peers[];

/* hb_peer_find() - NULL when there is none of this name */
const struct hb_peer *hb_peer_find(const char *name);

#endif /* HEDDLE_BENCH_PEER_H */
