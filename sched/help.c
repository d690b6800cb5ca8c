/* SPDX-License-Identifier: BSD-2-Clause */
/* See help.h. A helper's own steps, in the order in which it takes them. */
#include "sched/help.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include <heddle/testing.h>

#include "platform/fault.h"
#include "platform/futex.h"
#include "sched/donate.h"
#include "sched/group.h"
#include "sched/look.h"
#include "sched/order.h"
#include "sched/queue.h"
#include "sched/task.h"
#include "sched/worker.h"

/* pool->helpers: helpers that were told of, and who waits for them to go. */
#define WAITED 1u
#define ONE    2u

struct helping {
	struct heddle_pool *pool;
	struct heddle_group *group;
	struct hd_task *task;
	struct hd_worker *worker; /* our entry, or NULL */
	uint64_t deadline;
	bool mine; /* claimed, with its permits */
};

/* ---- how long the pool is there ---- */

static bool at_task(uint32_t state)
{
	return (state & HD_TASK_STATE) == HD_TASK_ACCEPTED;
}

static bool come(struct hd_task *task)
{
	uint32_t state = atomic_load_explicit(
		&task->state, memory_order_relaxed); /* a CAS follows */

	do {
		if (!at_task(state))
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		&task->state, &state, state | HD_TASK_HELPER,
		memory_order_relaxed,   /* the submit was acquired before */
		memory_order_relaxed)); /* tried again */
	return true;
}

/* The last touch of the pool. */
void hd_help_leave(struct heddle_pool *pool)
{
	uint32_t before = atomic_fetch_sub_explicit(
		&pool->helpers, ONE, memory_order_release); /* help-2 */

	if (before == (ONE | WAITED))
		hd_futex_wake(&pool->helpers, INT_MAX); /* the address only */
}

static void go(struct heddle_pool *pool, struct hd_task *task)
{
	uint32_t state = atomic_load_explicit(
		&task->state, memory_order_relaxed); /* a CAS follows */

	while (at_task(state) && (state & HD_TASK_HELPER))
		if (atomic_compare_exchange_weak_explicit(
			    &task->state, &state, state & ~HD_TASK_HELPER,
			    memory_order_release,  /* help-1 */
			    memory_order_relaxed)) /* tried again */
			return;
	hd_help_leave(pool);
}

void hd_help_come(struct heddle_pool *pool)
{
	atomic_fetch_add_explicit(&pool->helpers, ONE,
				  memory_order_relaxed); /* the caller's duty */
}

void hd_help_told(struct heddle_pool *pool)
{
	atomic_fetch_add_explicit(&pool->helpers, ONE,
				  memory_order_relaxed); /* a permit follows */
	hd_effect_signal(pool);
}

int hd_help_wait_left(struct heddle_pool *pool, uint64_t deadline)
{
	for (;;) {
		uint32_t seen = atomic_load_explicit(
			&pool->helpers, memory_order_acquire); /* help-2 */

		if (!(seen & ~WAITED))
			return 0;
		if (deadline == HEDDLE_NOW)
			return -ETIMEDOUT;
		if (!(seen & WAITED) &&
		    !atomic_compare_exchange_weak_explicit(
			    &pool->helpers, &seen, seen | WAITED,
			    memory_order_relaxed,  /* read again */
			    memory_order_relaxed)) /* read again */
			continue;
		if (hd_futex_wait(&pool->helpers, seen | WAITED, deadline) ==
		    -ETIMEDOUT)
			deadline = HEDDLE_NOW;
	}
}

/* ---- the claim ---- */

/* Was there, at some instants of the call, all that a start needs? */
static bool seems_free(struct helping *helping, uint32_t *owed)
{
	struct heddle_group *group = helping->group;

	return !hd_group_shut(group) && hd_permit_room(group) &&
	       (!hd_order_of(group) ||
		hd_order_is_turn(group, helping->task, owed));
}

/* With the path in the hand. close-1 as in run_here() of sched/join.c. */
static bool claim(struct helping *helping, uint32_t *owed)
{
	return !hd_group_shut(helping->group) &&
	       hd_task_claim_turn(helping->task, owed);
}

static void claim_with_path(struct helping *helping)
{
	struct heddle_pool *pool = helping->pool;
	struct heddle_group *group = helping->group, *full;
	uint32_t owed = 0;

	hd_hand_begin(pool);
	/* The group may have been freed: hd_permit_take() reads the way up with
	 * a unit in the hand, and then the claim fails.
	 */
	if (hd_permit_take(group, &full, &owed) && !hd_hand_in_turn(group)) {
		helping->mine = claim(helping, &owed);
		if (!helping->mine)
			owed += hd_permit_give(group);
	}
	hd_hand_end(pool);
	if (helping->mine)
		hd_look_inside(pool, owed);
	else
		hd_look(pool, owed);
}

/* For hd_effect_wait(): 1 claimed, by us or another; 0 not yet; or an error. */
static int try_once(void *context)
{
	struct helping *helping = context;
	uint32_t owed = 0;
	bool is_free;
	int rc;

	if (!hd_task_queued(helping->task))
		return 1;
	is_free = seems_free(helping, &owed);
	hd_look(helping->pool, owed);
	if (!is_free)
		return 0;
	rc = hd_donate_begin(helping->pool, true, helping->deadline,
			     &helping->worker);
	if (rc <= 0)
		return rc;
	claim_with_path(helping);
	if (helping->mine)
		return 1;
	hd_donate_end(
		helping->worker); /* a stop does not wait for who only waits */
	return !hd_task_queued(helping->task);
}

static int wait_for_claim(struct helping *helping)
{
	struct heddle_pool *pool = helping->pool;
	int rc;

	atomic_fetch_add_explicit(&pool->help_waiters, 1,
				  memory_order_seq_cst); /* help-3 */
	rc = hd_effect_wait(pool, try_once, helping, helping->deadline);
	atomic_fetch_sub_explicit(&pool->help_waiters, 1,
				  memory_order_relaxed); /* only a count */
	return rc;
}

/* ---- the run ---- */

static void run(struct helping *helping)
{
	struct heddle_pool *pool = helping->pool;
	struct heddle_group *group = helping->group;
	struct hd_worker *worker = helping->worker;
	uint32_t owed;

	hd_delay(HEDDLE_DELAY_CLAIM);
	hd_hand_row_ends(group);
	worker->held = group;
	hd_worker_show(worker, HEDDLE_WORKER_RUNNING);
	hd_task_run(worker, group, NULL, NULL, NULL, helping->task);
	worker->held = NULL;
	hd_task_finish(pool, helping->task, HD_TASK_DONE);
	owed = hd_queue_sweep(group);
	owed += hd_permit_give(group);
	hd_look(pool, owed);
}

int hd_help(struct heddle_task *given, uint64_t deadline)
{
	struct helping helping = { .task = hd_task_of(given),
				   .deadline = deadline };
	int rc;

	if (!come(helping.task))
		return 0;
	helping.group = helping.task->group;
	helping.pool = helping.group->pool;
	if (hd_pool_forked(helping.pool)) {
		rc = -ECHILD;
	} else {
		rc = try_once(&helping);
		if (rc == 0)
			rc = deadline == HEDDLE_NOW ? -ETIMEDOUT
						    : wait_for_claim(&helping);
	}
	if (helping.mine) {
		run(&helping);
		hd_donate_end(helping.worker);
	}
	go(helping.pool, helping.task);
	return rc < 0 ? rc : 0;
}
