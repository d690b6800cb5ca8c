/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Closing a group and all below it. The closer sets the gates, bumps attention
 * so that kept permits are given back, and waits until nothing is live.
 *
 * close-1: gate against queue (see sched/submit.c) and gate against count: a
 * give-back that leaves 0 reads the gate afterwards, the closer set the gate
 * and reads the count afterwards. Forbidden: the giver reads an open gate and
 * the closer reads the old count.
 *
 * close-4: a submit that read an open gate may push its task when a drain has found
 * everything at rest. So the drain closes the gate to starts as well, looks once more,
 * and opens it again if something came in between: a task that was accepted before, or
 * one whose submit will take it back. Forbidden: the drain returns 0 and a worker, which
 * read its gate before, calls the task; it loads attention behind the take, and with it
 * the gate.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "lockfree/groupword.h"
#include "sched/group.h"
#include "sched/interrupt.h"
#include "sched/look.h"
#include "sched/permit.h"
#include "sched/pin.h"
#include "sched/pool.h"
#include "sched/queue.h"
#include "sched/ready.h"
#include "sched/reserve.h"
#include "sched/task.h"
#include "sched/tree.h"
#include "sched/trim.h"
#include "sched/worker.h"

struct closing {
	struct heddle_pool *pool;
	struct heddle_group *group;
	uint32_t gate;
	bool free_it;
	bool opened;               /* again, by the last try to end it */
	struct hd_task *cancelled; /* whose actions are to be called */
};

/*
 * Units that are only prepaid keep nobody from coming to rest; who runs on them is seen
 * in his account, which is read behind blocked as the word is. Those are several words:
 * behind a gate that lets start, a task that starts another one before it ends may be
 * missed. So a drain looks again behind one that does not (close-4).
 */
static bool quiet_now(struct heddle_group *group)
{
	uint32_t moves = atomic_load_explicit(
		&group->moves, memory_order_seq_cst); /* close-2 */
	uint32_t blocked = atomic_load_explicit(
		&group->blocked, memory_order_seq_cst); /* close-2 */
	bool unused = hd_reserve_unused(group);
	uint64_t word = atomic_load_explicit(
		&group->word, memory_order_seq_cst); /* close-1 */

	return unused && !blocked &&
	       hd_word_count(word) ==
		       atomic_load_explicit(
			       &group->prepaid,
			       memory_order_relaxed) && /* locked */
	       moves ==
		       atomic_load_explicit(&group->moves,
					    memory_order_seq_cst); /* close-2 */
}

/*
 * The gate that rules what lies in a group of the subtree. One below the top that was
 * drained or refused before is shut to workers: in a refused one everything is to be
 * cancelled, and in a drained one lie at most nodes of tasks that were taken back.
 */
static uint32_t gate_below(const struct closing *closing,
			   struct heddle_group *group)
{
	uint32_t gate = closing->gate;

	for (; group != closing->group; group = hd_group_above(group))
		if (group->own_gate >= HD_GATE_DRAINED &&
		    group->own_gate > gate)
			gate = group->own_gate;
	return gate == HD_GATE_DRAINED && closing->free_it ? HD_GATE_REFUSE
							   : gate;
}

/* Tasks that are queued in the group, or in the hand of who moves them. */
static bool tasks_in(struct closing *closing, struct heddle_group *group)
{
	uint32_t gate = gate_below(closing, group);
	uint64_t pins = hd_pins(group);

	if (gate == HD_GATE_DRAINED)
		return false;
	if (gate == HD_GATE_REFUSE)
		hd_queue_cancel(group, &closing->cancelled);
	return hd_queue_tasks(group) || hd_pins_out(pins) ||
	       pins != hd_pins(group); /* pin-1 */
}

/* Under the lock: tasks in the subtree; for REFUSE they are cancelled. */
static bool tasks_left(struct closing *closing)
{
	struct heddle_group *group;
	bool left = false;

	for (group = closing->group; group;
	     group = hd_tree_next(group, closing->group))
		left |= tasks_in(closing, group);
	return left;
}

static bool owned_within(struct heddle_group *top)
{
	struct heddle_group *group;

	for (group = top; group; group = hd_tree_next(group, top))
		if (group->owned_by_process)
			return true;
	return false;
}

/*
 * Under the lock, of a subtree that was seen at rest: frees it. Not, if a search, or
 * a submit that began before the gate was closed, came in between: whoever holds a
 * unit gives it back and signals. Between seal and unseal others may have found no
 * headroom, so that is published again.
 */
static bool free_now(struct closing *closing)
{
	struct heddle_group *top = closing->group;

	if (hd_reserve_drop(top))
		closing->opened = true;
	if (!hd_tree_unused(top))
		return false;
	hd_tree_seal(top);
	if (hd_tree_unused(top) && !tasks_left(closing)) {
		hd_tree_remove(top);
		return true;
	}
	hd_tree_unseal(top);
	closing->opened = true;
	return false;
}

/* Under the lock. What a gate lets start is published again. */
static void put_gate(struct heddle_group *top, uint32_t gate)
{
	struct heddle_pool *pool = top->pool;
	struct heddle_group *group;

	top->own_gate = gate;
	hd_tree_gates(top);
	atomic_fetch_add_explicit(&pool->attention, HD_ATTENTION_EVENT,
				  memory_order_seq_cst); /* attention-1 */
	for (group = top; group; group = hd_tree_next(group, top))
		if (hd_queue_startable(group))
			hd_ready_mark(group);
}

/* Under the lock, of a draining subtree that was seen at rest: close-4. */
static bool drained_now(struct closing *closing)
{
	if (closing->group->own_gate != HD_GATE_DRAIN)
		return true; /* another closer has shut it */
	put_gate(closing->group, HD_GATE_DRAINED);
	/* In this order: who had a task in the hand puts it back before its permit,
	 * and who takes a permit from now on finds the gate shut before it takes
	 * a task (run_held()). tests/model/entry.pml, PUT_BACK.
	 */
	if (quiet_now(closing->group) && !tasks_left(closing))
		return true;
	put_gate(closing->group, HD_GATE_DRAIN);
	closing->opened = true;
	return false;
}

/*
 * Under the lock. The group, or one above, may have been refused since, or drained: then
 * no worker runs what is queued, nor clears away the node of a task that was taken back,
 * and the end of none would wake us. Neither gate opens again.
 */
static uint32_t gate_in_force(const struct closing *closing)
{
	uint32_t gate = atomic_load_explicit(&closing->group->gate,
					     memory_order_relaxed); /* locked */

	if (closing->gate == HD_GATE_QUIESCE || gate < HD_GATE_DRAINED)
		return closing->gate;
	if (gate == HD_GATE_DRAINED && closing->free_it)
		gate = HD_GATE_REFUSE;
	return gate > closing->gate ? gate : closing->gate;
}

static int rest_locked(struct closing *closing)
{
	if (!closing->group->in_use)
		return -EINVAL; /* somebody else has freed it */
	closing->gate = gate_in_force(closing);
	if (closing->gate == HD_GATE_DRAINED)
		return 1;
	if (closing->gate == HD_GATE_QUIESCE)
		return quiet_now(closing->group);
	if (tasks_left(closing) || !quiet_now(closing->group))
		return 0;
	/* A live task may have submitted just before it ended. */
	if (tasks_left(closing))
		return 0;
	if (!closing->free_it)
		return closing->gate != HD_GATE_DRAIN || drained_now(closing);
	if (owned_within(closing->group))
		return -EBUSY;
	return free_now(closing);
}

/* 1 at rest (and freed), 0 not yet, or an error. */
static int at_rest(void *context)
{
	struct closing *closing = context;
	struct heddle_pool *pool = closing->pool;
	int rc;

	closing->opened = false;
	closing->cancelled = NULL;
	hd_mutex_lock(&pool->control);
	rc = rest_locked(closing);
	hd_mutex_unlock(&pool->control);
	hd_task_after(closing->cancelled);
	if (closing->opened) {
		hd_effect_signal(pool); /* who waits for a cap, and ourselves */
		hd_look(pool, pool->entries);
	}
	return rc;
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

/* Under the lock. What is closed for good does not open again (D5). */
static int next_gate(struct heddle_group *group, bool free_it, uint32_t *gate)
{
	uint32_t own = group->own_gate;

	if (!group->in_use)
		return -EINVAL;
	switch (*gate) {
	case HD_GATE_OPEN:
		return own == HD_GATE_OPEN || own == HD_GATE_QUIESCE ? 0
								     : -EINVAL;
	case HD_GATE_QUIESCE:
		return own == HD_GATE_OPEN || own == HD_GATE_QUIESCE ? 0
								     : -EINVAL;
	default:
		/* Nodes of tasks that were taken back may lie in it. */
		if (own == HD_GATE_DRAINED && free_it)
			own = HD_GATE_REFUSE;
		if (own > *gate && own > HD_GATE_QUIESCE)
			*gate = own;
		return 0;
	}
}

static int set_gate(struct heddle_group *group, bool free_it, uint32_t *gate)
{
	struct heddle_pool *pool = group->pool;
	int rc;

	hd_mutex_lock(&pool->control);
	rc = next_gate(group, free_it, gate);
	if (rc == 0)
		put_gate(group, *gate);
	hd_mutex_unlock(&pool->control);
	if (rc == 0) {
		hd_effect_signal(pool); /* who waits for room in the queue */
		hd_look(pool, pool->entries);
	}
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
	struct closing closing = { .group = group };
	int rc;

	closing.free_it = mode & HEDDLE_CLOSE_FREE;
	mode &= ~HEDDLE_CLOSE_FREE;
	if (!group || mode < HEDDLE_CLOSE_DRAIN || mode > HEDDLE_CLOSE_RESUME)
		return -EINVAL;
	if (closing.free_it &&
	    (mode > HEDDLE_CLOSE_REFUSE || !hd_group_above(group)))
		return -EINVAL;
	if (hd_pool_forked(group->pool))
		return -ECHILD;
	if (mode != HEDDLE_CLOSE_RESUME && caller_within(group))
		return -EDEADLK;
	closing.pool = group->pool;
	closing.gate = gate_of[mode];
	rc = set_gate(group, closing.free_it, &closing.gate);
	if (rc < 0 || mode == HEDDLE_CLOSE_RESUME)
		return rc;
	if (closing.gate == HD_GATE_REFUSE)
		hd_interrupt_group(group);
	rc = hd_effect_wait(closing.pool, at_rest, &closing, deadline);
	if (rc == 0 && closing.free_it)
		hd_effect_signal(closing.pool); /* tickets of it are stale */
	/* What it has cancelled nobody else frees, and no worker may ever sleep again. */
	if (rc == 0)
		hd_trim_now(closing.pool);
	return rc;
}
