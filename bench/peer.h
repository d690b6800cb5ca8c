/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A peer: one scheduler under the workloads, heddle among them. One that is
 * written in C is a file of peers/ that fills in this table; those that are
 * programs of their own are found by find.c. A peer knows nothing of rounds,
 * clocks or other peers.
 */
#ifndef HEDDLE_BENCH_PEER_H
#define HEDDLE_BENCH_PEER_H

#include <semaphore.h>
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
 * struct hb_guest - a "thread" that is spawned and joined
 * @fn, @arg: what it runs; set by the workload
 * @end:      of a peer without a join of its own
 * @space:    the peer's: a task, a thread, a handle
 */
struct hb_guest {
	void (*fn)(void *arg);
	void *arg;
	sem_t end;
	_Alignas(16) unsigned char space[128];
};

/**
 * struct hb_peer - how to drive one scheduler
 * @name:    short, as in the tables
 * @about:   which interface of it is measured, one line
 * @absent:  NULL, or why this build has it not
 * @only:    NULL, or the workloads it is for, with a comma behind each
 * @is_ours: a failure of it is heddle's
 * @is_threads: each task is a thread of its own: no pool, and few tasks
 * @is_outside: takes no task from inside of one
 * @version: writes the version of the library that runs
 * @open:    makes a pool of some workers that can take so many tasks at once
 * @prepare: NULL, or readies a pool for @submit; called once
 * @submit:  submits n empty tasks, each of which calls hb_done_add() once;
 *           several threads do so at once, with distinct numbers from @first.
 *           A task that is refused because a queue is full is offered again
 *           after sched_yield(); *again counts how often
 * @put:     submits one call from any thread, from a worker too
 * @tree:    NULL, or W2's root task, in the peer's own words
 * @each:    NULL, or in place of @put in W5: fn of each of n words in an array, all of
 *           them run when it returns; its caller is one of the workers
 * @spawn:   NULL for @put and a futex, or its own way to start what is joined
 * @join:    with @spawn
 * @call:    NULL, or both in one call, where the workload waits at once
 * @spawn_thread, @join_thread: NULL, or a guest with an identity of its own
 * @set_cap: NULL, or changes how many tasks run at once
 * @has_spare: a higher cap makes no thread, so a pool has as many as the highest
 * @count:   NULL, or fills in the counts; nothing is running
 * @close:   ends the pool; nothing is queued
 *
 * Those that return int return 0 or -errno.
 */
struct hb_peer {
	const char *name;
	const char *about;
	const char *absent;
	const char *only;
	bool is_ours;
	bool is_threads;
	bool is_outside;
	bool has_spare;
	void (*version)(char *text, size_t size);
	int (*open)(uint32_t workers, uint64_t tasks, void **pool);
	int (*prepare)(void *pool);
	int (*submit)(void *pool, uint64_t first, uint64_t n, uint64_t *again);
	int (*put)(void *pool, void (*fn)(void *arg), void *arg);
	int (*tree)(void *pool, unsigned int depth);
	int (*each)(void *pool, void (*fn)(void *arg), uint64_t *words,
		    uint64_t n);
	int (*spawn)(void *pool, struct hb_guest *guest);
	int (*join)(void *pool, struct hb_guest *guest);
	int (*call)(void *pool, struct hb_guest *guest);
	int (*spawn_thread)(void *pool, struct hb_guest *guest);
	int (*join_thread)(void *pool, struct hb_guest *guest);
	int (*set_cap)(void *pool, uint32_t cap);
	int (*count)(void *pool, struct hb_counts *counts);
	void (*close)(void *pool);
};

extern const struct hb_peer hb_heddle;
extern const struct hb_peer hb_heddle_4096;
extern const struct hb_peer hb_heddle_task;
extern const struct hb_peer hb_heddle_flat;
extern const struct hb_peer hb_mutex;
extern const struct hb_peer hb_glib;
extern const struct hb_peer hb_pthread;

/* heddle's pools get a monitor; set before the first one is made. */
extern bool hb_has_monitor;

/* All that are written in C, ended by NULL. */
extern const struct hb_peer *const hb_peers[];

/* hb_peer_find() - NULL when there is none of this name */
const struct hb_peer *hb_peer_find(const char *name);

#endif /* HEDDLE_BENCH_PEER_H */
