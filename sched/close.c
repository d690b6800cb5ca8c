/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Closing a group and all below it. The closer sets the gates, bumps attention
 * so that kept permits are given back, and waits until nothing is live.
 *
 * close-1: gate against queue (see sched/submit.c) and gate against count: a
 * give-back that leaves 0 reads the gate afterwards, the closer set the gate
 * and reads the count afterwards. Forbidden: the giver reads an open gate and
 * the closer reads the old count.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "lockfree/groupword.h"
#include "sched/group.h"
#include "sched/look.h"
#include "sched/permit.h"
#include "sched/pool.h"
#include "sched/queue.h"
#include "sched/ready.h"
#include "sched/tree.h"
#include "sched/worker.h"

struct closing {
	struct heddle_group *group;
	uint32_t gate;
};

static bool quiet_now(struct heddle_group *group)
{
	uint32_t moves = atomic_load_explicit(
		&group->moves, memory_order_seq_cst); /* close-2 */
	uint32_t blocked = atomic_load_explicit(
		&group->blocked, memory_order_seq_cst); /* close-2 */
	uint64_t word = atomic_load_explicit(
		&group->word, memory_order_seq_cst); /* close-1 */

	return !blocked && !hd_word_count(word) &&
	       moves ==
		       atomic_load_explicit(&group->moves,
					    memory_order_seq_cst); /* close-2 */
}

/* Under the lock: tasks queued in the subtree; for REFUSE they are cancelled. */
static bool tasks_left(struct closing *closing)
{
	struct heddle_group *group;
	bool left = false;

	for (group = closing->group; group;
	     group = hd_tree_next(group, closing->group)) {
		if (closing->gate == HD_GATE_REFUSE)
			hd_queue_cancel(group);
		left |= hd_queue_tasks(group);
	}
	return left;
}

/* 1 at rest, 0 not yet. */
static int at_rest(void *context)
{
	struct closing *closing = context;
	struct heddle_pool *pool = closing->group->pool;
	bool rest;

	hd_mutex_lock(&pool->control);
	rest = closing->gate == HD_GATE_QUIESCE || !tasks_left(closing);
	rest = rest && quiet_now(closing->group);
	/* A live task may have submitted just before it ended. */
	if (rest && closing->gate != HD_GATE_QUIESCE)
		rest = !tasks_left(closing);
	hd_mutex_unlock(&pool->control);
	return rest;
}

static bool caller_within(struct heddle_group *group)
{
	struct hd_frame *frame;

	if (!hd_self || hd_self->pool != group->pool)
		return false;
	for (frame = hd_self->frame; frame; frame = frame->below)
		if (hd_group_within(frame->group, group))
			return true;
	return false;
}

static void set_gate(struct heddle_group *group, uint32_t gate)
{
	struct heddle_pool *pool = group->pool;
	struct heddle_group *below;

	hd_mutex_lock(&pool->control);
	group->own_gate = gate;
	hd_tree_gates(group);
	atomic_fetch_add_explicit(&pool->attention, HD_ATTENTION_EVENT,
				  memory_order_seq_cst); /* attention-1 */
	/* An opened gate publishes the work behind it. */
	for (below = group; below; below = hd_tree_next(below, group))
		if (hd_queue_startable(below))
			hd_ready_mark(below);
	hd_mutex_unlock(&pool->control);
	hd_look(pool, pool->entries);
}

static int wait_rest(struct closing *closing, uint64_t deadline)
{
	return hd_effect_wait(closing->group->pool, at_rest, closing, deadline);
}

static int release(struct heddle_group *group)
{
	struct heddle_pool *pool = group->pool;
	struct heddle_group *below;
	int rc = 0;

	hd_mutex_lock(&pool->control);
	for (below = group; below; below = hd_tree_next(below, group))
		if (below->owned_by_process)
			rc = -EBUSY;
	if (rc == 0)
		hd_tree_remove(group);
	hd_mutex_unlock(&pool->control);
	if (rc == 0)
		hd_effect_signal(pool); /* tickets of it are stale now */
	return rc;
}

int heddle_group_close(struct heddle_group *group, int mode, uint64_t deadline)
{
	static const uint32_t gate_of[] = {
		[HEDDLE_CLOSE_DRAIN] = HD_GATE_DRAIN,
		[HEDDLE_CLOSE_REFUSE] = HD_GATE_REFUSE,
		[HEDDLE_CLOSE_QUIESCE] = HD_GATE_QUIESCE,
		[HEDDLE_CLOSE_RESUME] = HD_GATE_OPEN,
	};
	bool release_it = mode & HEDDLE_CLOSE_FREE;
	struct closing closing = { .group = group };
	int rc;

	mode &= ~HEDDLE_CLOSE_FREE;
	if (!group || mode < HEDDLE_CLOSE_DRAIN || mode > HEDDLE_CLOSE_RESUME)
		return -EINVAL;
	if (release_it && (mode > HEDDLE_CLOSE_REFUSE || !group->parent))
		return -EINVAL;
	if (hd_pool_forked(group->pool))
		return -ECHILD;
	closing.gate = gate_of[mode];
	if (mode == HEDDLE_CLOSE_RESUME) {
		if (group->own_gate == HD_GATE_QUIESCE)
			set_gate(group, HD_GATE_OPEN);
		return group->own_gate == HD_GATE_OPEN ? 0 : -EINVAL;
	}
	if (caller_within(group))
		return -EDEADLK;
	set_gate(group, closing.gate);
	rc = wait_rest(&closing, deadline);
	if (rc == 0 && release_it)
		rc = release(group);
	return rc;
}
