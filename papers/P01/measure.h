/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The measurements of P01. Each runs in a process of its own, for one back
 * end, and prints lines on standard output: a word and key=value pairs.
 * "absent what=..." says that the back end has no such call, "missed what=..."
 * that the situation to be measured was not reached. The last line is "end".
 */
#ifndef HEDDLE_PAPERS_P01_MEASURE_H
#define HEDDLE_PAPERS_P01_MEASURE_H

#include <stddef.h>
#include <stdint.h>

#include "papers/P01/backend.h"

/* One stack size for all back ends, the Rust opponent included. */
enum {
	HP_STACK = 1 << 20
};

/**
 * struct hp_request - what is to be measured
 * @size:  threads of the pool
 * @count: cycles, tasks or rounds
 * @every: one task in so many stays for 50 microseconds
 * @seed:  of what is drawn at random
 */
struct hp_request {
	const struct hp_backend *backend;
	uint32_t size;
	uint64_t count;
	uint64_t every;
	uint64_t seed;
};

/* measure_threads.c: threads over the events of a pool's life */
void hp_measure_timeline(const struct hp_request *request);
/* measure_reclaim.c: what is left when a shutdown returns */
void hp_measure_reclaim(const struct hp_request *request);
/* measure_pool.c */
void hp_measure_sequential(const struct hp_request *request);
void hp_measure_join(const struct hp_request *request);
void hp_measure_exhaust(const struct hp_request *request);
void hp_measure_spawn(const struct hp_request *request);
/* measure_cap.c: the greatest number of tasks inside at once */
void hp_measure_exact(const struct hp_request *request);
/* measure_resize.c: a cap that is changed under load; heddle only */
void hp_measure_resize(const struct hp_request *request);
/* measure_memory.c */
void hp_measure_memory(const struct hp_request *request);
/* measure_recycle.c: what a thread's next user can see of the one before */
void hp_measure_recycle(const struct hp_request *request);

/* What most of them need. */

/* hp_pool_open() - create; starts it with n threads where start exists */
void *hp_pool_open(const struct hp_request *request, uint32_t cap, uint32_t n);

/* hp_call() - run one unit and wait for it */
void hp_call(const struct hp_request *request, void *pool,
	     void (*fn)(struct hp_unit *unit), void *arg);

/* hp_run() - submit a unit, which must be accepted */
void hp_run(const struct hp_request *request, void *pool, struct hp_unit *unit);

#endif /* HEDDLE_PAPERS_P01_MEASURE_H */
