/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A join that helps: a thread without a worker runs the task that it joins. The
 * states, re-checks and forbidden outcomes are in doc/design/help.md.
 *
 * help-1: a helper sets HELPER in the task's word while that says ACCEPTED, and then
 * the pool exists. Who ends the task exchanges the word, and if HELPER was set adds
 * the helper to pool->helpers before it gives up what keeps the pool. The helper clears
 * HELPER (releases, for who ends the task and acquires) or, if the task has ended, takes
 * itself out of the count. Forbidden: a destroy frees the pool and the helper touches it.
 *
 * help-2: the end of the count releases, the destroy that reads it acquires.
 *
 * help-3: a helper counts itself in help_waiters, reads effect, tries, and sleeps while
 * effect is the same; who makes a start possible publishes that, reads the count, and
 * changes effect. Forbidden: the try reads what was there before and the publisher no
 * waiter.
 */
#ifndef HEDDLE_SCHED_HELP_H
#define HEDDLE_SCHED_HELP_H

#include <stdatomic.h>
#include <stdint.h>

#include "sched/permit.h"
#include "sched/pool.h"

struct heddle_task;

/*
 * From a thread without a worker: runs the task if nobody else does, when there are
 * permits for it, or waits until somebody has it. 0: it has been claimed, or has ended.
 * -ETIMEDOUT, -ECHILD, -ENOMEM, or the error of the init hook: nothing has happened.
 */
int hd_help(struct heddle_task *task, uint64_t deadline);

/* Around all that a donated thread does in the pool: a destroy waits for it (help-2). */
void hd_help_come(struct heddle_pool *pool);
void hd_help_leave(struct heddle_pool *pool);

/* By who has ended a task in whose word HELPER was set. */
void hd_help_told(struct heddle_pool *pool);

/* Waits until no helper touches a pool at rest any more: 0 or -ETIMEDOUT. */
int hd_help_wait_left(struct heddle_pool *pool, uint64_t deadline);

/* After something that may let a helper start its task was published. */
static inline void hd_help_signal(struct heddle_pool *pool)
{
	if (atomic_load_explicit(&pool->help_waiters,
				 memory_order_seq_cst)) /* help-3 */
		hd_effect_signal(pool);
}

#endif /* HEDDLE_SCHED_HELP_H */
