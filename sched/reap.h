/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taking ended workers back, level by level (R1 to R4).
 */
#ifndef HEDDLE_SCHED_REAP_H
#define HEDDLE_SCHED_REAP_H

#include <stdbool.h>
#include <stdint.h>

struct heddle_pool;
struct heddle_report;
struct hd_worker;

/*
 * Waits until this life of the entry has reached the level (at most R3 here),
 * doing what there is to do. At R3 the entry is free again. 0 or -ETIMEDOUT,
 * with *step what is waited for.
 */
int hd_reap(struct hd_worker *worker, uint64_t incarnation, int level,
	    uint64_t deadline, uint32_t *step);

/* Joins what has ended already and frees its entries; waits for no user code. */
void hd_reap_ended(struct heddle_pool *pool);

/* Waits for one of them. False: none has ended, or the deadline has passed. */
bool hd_reap_one(struct heddle_pool *pool, uint64_t deadline);

/* R4: frees the rings of free entries after a grace period. */
void hd_reap_rings(struct heddle_pool *pool);

/*
 * By whoever owns the ended entry, or its thread: the thread that this one succeeded
 * reaches R2 or R3. 0 or -ETIMEDOUT.
 */
int hd_reap_past(struct hd_worker *worker, int level, uint64_t deadline);

#endif /* HEDDLE_SCHED_REAP_H */
