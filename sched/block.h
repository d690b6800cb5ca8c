/* SPDX-License-Identifier: BSD-2-Clause */
/* Blocking regions that the library begins for its own waits. */
#ifndef HEDDLE_SCHED_BLOCK_H
#define HEDDLE_SCHED_BLOCK_H

#include <stdint.h>

struct heddle_pool;
struct hd_worker;

/*
 * As heddle_block_begin() without an interrupt function, but not refused at blocked_max:
 * a wait that keeps its permits could keep out what it waits for. Ended by
 * heddle_block_end(). 0, or -EPERM outside of tasks.
 */
int hd_block_begin(int kind);

/* Ends the region that the newest frame has open, however deep; takes the permits. */
void hd_block_end_all(struct hd_worker *worker);

/* hd_effect_wait(), which is a blocking region when a task calls it. */
int hd_block_until(struct heddle_pool *pool, int (*done)(void *context),
		   void *context, uint64_t deadline);

#endif /* HEDDLE_SCHED_BLOCK_H */
