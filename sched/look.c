/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looks and kicks. See doc/design/permits.md, "Three facts and who looks".
 *
 * look-1: the searching flag. The waker sets it before the hand-over; a
 * submitter that reads it after its push skips the kick; the woken worker
 * clears it and then looks. Forbidden: the submitter reads 1 and the look that
 * follows the clear misses its task.
 *
 * Who stands still between the take of a path and the wake withholds that path. So
 * a worker that goes on with permits of its own takes none for others (L1): it reads
 * that there is headroom and wakes with the token LOOK; the woken one holds the flag
 * until it has a task, or is about to park, and then looks like any searcher. Where
 * nobody sleeps it does the same with a returner, who takes its path itself.
 */
#include "sched/look.h"

#include "platform/probe.h"
#include "sched/group.h"
#include "sched/permit.h"
#include "sched/pool.h"
#include "sched/queue.h"
#include "sched/ready.h"
#include "sched/want.h"
#include "sched/worker.h"

/* Hand-overs to returners in a row while a start waits (B1). */
#define RETURNS_MAX 16

void hd_hand_begin(struct heddle_pool *pool)
{
	/* look-2: the checker reads both, the words, and both again. */
	atomic_fetch_add_explicit(&pool->hands_begun, 1,
				  memory_order_seq_cst); /* look-2 */
}

void hd_hand_end(struct heddle_pool *pool)
{
	atomic_fetch_add_explicit(&pool->hands_ended, 1,
				  memory_order_seq_cst); /* look-2 */
}

/* The first of the group's queue, if there is one. */
static bool wake_returner(struct heddle_group *group, uint32_t token)
{
	struct heddle_pool *pool = group->pool;
	struct hd_worker *worker;
	uint32_t index, node;

	if (!hd_waitq_pop_any(&group->returners, &pool->waitq_arena, &index,
			      &node))
		return false;
	atomic_fetch_sub_explicit(&pool->returners, 1,
				  memory_order_relaxed); /* after the pop */
	worker = &pool->worker[index];
	worker->wait_node = node; /* its own again once it is unparked */
	hd_parker_unpark_any(&worker->parker, token);
	return true;
}

bool hd_hand_to_returner(struct heddle_group *group)
{
	return wake_returner(group, HD_TOKEN_PERMIT + group->index);
}

bool hd_hand_in_turn(struct heddle_group *group)
{
	if (!hd_waitq_any(&group->returners, &group->pool->waitq_arena))
		return false;
	if (atomic_load_explicit(&group->returners_row,
				 memory_order_relaxed) /* fairness hint */
		    >= RETURNS_MAX &&
	    hd_queue_startable(group))
		return false;
	if (!hd_hand_to_returner(group))
		return false;
	atomic_fetch_add_explicit(&group->returners_row, 1,
				  memory_order_relaxed); /* fairness hint */
	return true;
}

void hd_hand_row_ends(struct heddle_group *group)
{
	if (atomic_load_explicit(&group->returners_row,
				 memory_order_relaxed)) /* fairness hint */
		atomic_store_explicit(&group->returners_row, 0,
				      memory_order_relaxed); /* fairness hint */
}

static void wake_claimed(struct heddle_pool *pool, uint32_t index,
			 uint32_t token)
{
	atomic_store_explicit(&pool->searching, 1,
			      memory_order_relaxed); /* published by unpark */
	atomic_fetch_add_explicit(&pool->wakes, 1,
				  memory_order_relaxed); /* statistics */
	HD_PROBE2(worker_wake, &pool->worker[index], token);
	hd_parker_unpark_any(&pool->worker[index].parker, token);
}

void hd_look_elsewhere(struct hd_worker *worker)
{
	wake_claimed(worker->pool, worker->index, HD_TOKEN_LOOK);
}

/* For something that can start: where nobody sleeps a donated thread is wanted. */
static bool wake(struct heddle_pool *pool, uint32_t token)
{
	uint32_t index = hd_bitset_claim_lowest_any(&pool->idle);

	if (index == HD_BITSET_NONE) {
		hd_want_raise(pool);
		return false;
	}
	wake_claimed(pool, index, token);
	return true;
}

/* Hands the path of the group, which the caller holds, to a sleeper. */
static bool hand_to_sleeper(struct heddle_group *group)
{
	return wake(group->pool, HD_TOKEN_PERMIT + group->index);
}

static bool somebody_searches(struct heddle_pool *pool)
{
	return atomic_load_explicit(&pool->searching, memory_order_seq_cst) !=
	       0; /* look-1 */
}

static bool any_returner(struct heddle_pool *pool)
{
	return atomic_load_explicit(&pool->returners, memory_order_seq_cst) !=
	       0; /* block-1 */
}

void hd_look(struct heddle_pool *pool, uint32_t owed)
{
	while (owed) {
		bool sleepers = hd_bitset_any(&pool->idle);
		struct heddle_group *group;

		if (!sleepers)
			hd_want(pool);
		if (!sleepers && !any_returner(pool))
			return; /* who becomes available looks for itself */
		owed--;
		hd_hand_begin(pool);
		group = hd_ready_take(pool, sleepers, &owed);
		if (group && !hd_hand_to_returner(group) &&
		    !(sleepers && hand_to_sleeper(group)))
			owed += hd_permit_give(group);
		hd_hand_end(pool);
	}
}

/*
 * Nobody sleeps, so only returners can use what there is. The one that is woken takes
 * its path itself, or queues again; either way its look is behind that.
 */
static void look_for_returners(struct heddle_pool *pool)
{
	struct heddle_group *group;

	hd_want(pool);
	do {
		if (!any_returner(pool))
			return;
		group = hd_ready_returners(pool);
	} while (group && !wake_returner(group, HD_TOKEN_LOOK));
}

void hd_look_inside(struct heddle_pool *pool, uint32_t owed)
{
	if (!owed)
		return;
	if (!hd_bitset_any(&pool->idle)) {
		look_for_returners(pool);
		return;
	}
	/* The caller's own look comes when it clears the flag. Another searcher may
	 * stand still: it withholds its own wakes, not ours.
	 */
	if (hd_self->searching)
		return;
	if (hd_ready_find(pool))
		wake(pool, HD_TOKEN_LOOK);
}

/* Does the caller keep permits while it kicks? */
static bool inside_task(void)
{
	return hd_self && hd_self->frame && !hd_self->block_depth;
}

static void kick_with_permit(struct heddle_group *group)
{
	struct heddle_pool *pool = group->pool;
	struct heddle_group *full;
	uint32_t owed = 0;

	hd_hand_begin(pool);
	if (hd_permit_take(group, &full, &owed) && !hand_to_sleeper(group))
		owed += hd_permit_give(group);
	hd_hand_end(pool);
	if (owed)
		hd_look(pool, owed);
}

/* Nobody sleeps. Who searches looks when it clears the flag, and wants if need be. */
static void want_for(struct heddle_group *group)
{
	struct heddle_pool *pool = group->pool;

	if (hd_want_is(pool, HD_WANT_QUIET) && !somebody_searches(pool) &&
	    hd_permit_room(group) && hd_queue_startable(group))
		hd_want_raise(pool);
}

void hd_kick(struct heddle_group *group)
{
	struct heddle_pool *pool = group->pool;

	if (!hd_bitset_any(&pool->idle)) {
		want_for(group);
		return;
	}
	if (somebody_searches(pool))
		return;
	if (!hd_permit_room(group))
		return;
	if (inside_task())
		wake(pool, HD_TOKEN_LOOK);
	else
		kick_with_permit(group);
}
