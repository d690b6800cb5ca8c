/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Join and cancel. A queued task is claimed in its node, wherever that is
 * linked; whoever meets the dead node later frees it.
 *
 * Circles of joins. Under pool->joins a worker looks along the chain of waits
 * that begins at the task it is to wait for; if that does not lead back to its
 * own stack it becomes part of the chain, and leaves it under the lock again.
 * So the last one of a circle sees all of it, and nobody sees a circle that was
 * none: whoever is found waiting stays there while the chain is followed, and
 * keeps the task that it waits for in memory.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <heddle/block.h>

#include "lockfree/groupword.h"
#include "platform/fork.h"
#include "platform/futex.h"
#include "platform/mutex.h"
#include "sched/block.h"
#include "sched/frame.h"
#include "sched/group.h"
#include "sched/help.h"
#include "sched/interrupt.h"
#include "sched/look.h"
#include "sched/order.h"
#include "sched/permit.h"
#include "sched/pin.h"
#include "sched/pool.h"
#include "sched/recycle.h"
#include "sched/task.h"
#include "sched/worker.h"

static bool on_stack(struct hd_worker *worker, const struct heddle_task *task)
{
	struct hd_frame *frame;

	for (frame = worker->frame; frame; frame = frame->below)
		if (frame->task == task)
			return true;
	return false;
}

/* Without a look into the group: another pool may be gone once its task ended. */
static bool of_pool(const struct heddle_pool *pool, const struct hd_task *task)
{
	uintptr_t first = (uintptr_t)pool->group;

	return (uintptr_t)task->group - first <
	       pool->groups_max * sizeof(*pool->group);
}

static bool ended(struct hd_task *task, uint32_t *state)
{
	*state = atomic_load_explicit(&task->state, memory_order_acquire) &
		 HD_TASK_STATE; /* task-1 */
	return *state != HD_TASK_ACCEPTED;
}

/*
 * Does the task wait, through joins of this pool, for something on our stack?
 * Under pool->joins. There is no circle without us: who would have closed it was
 * told instead. A runner of which we do not know yet joins later than we do.
 */
static bool waits_for_us(struct hd_worker *worker, struct hd_task *task)
{
	struct heddle_pool *pool = worker->pool;
	struct heddle_task *next;
	uint32_t runner, state;

	for (;; task = hd_task_of(next)) {
		runner = atomic_load_explicit(
			&task->runner, memory_order_relaxed); /* locked */
		if (!runner || !of_pool(pool, task))
			return false;
		next = pool->worker[runner - 1].joining;
		/* It may have ended, and its worker do something else. */
		if (!next || ended(task, &state))
			return false;
		if (on_stack(worker, next))
			return true;
	}
}

/* From now on the worker waits for the task, unless that waits for us. */
static bool enter_chain(struct hd_worker *worker, struct heddle_task *given)
{
	struct hd_mutex *joins = &worker->pool->joins;
	bool circle;

	hd_mutex_lock(joins);
	circle = waits_for_us(worker, hd_task_of(given));
	if (!circle)
		worker->joining = given;
	hd_mutex_unlock(joins);
	return !circle;
}

/* Before permits are waited for: that is no join any more. */
static void leave_chain(struct hd_worker *worker)
{
	struct hd_mutex *joins = &worker->pool->joins;

	hd_mutex_lock(joins);
	worker->joining = NULL;
	hd_mutex_unlock(joins);
}

/* The lowest group from group up to last whose permits this stack holds already. */
static struct heddle_group *held_from(struct hd_worker *worker,
				      struct heddle_group *group,
				      struct heddle_group *last)
{
	for (; group; group = group == last ? NULL : hd_group_above(group)) {
		struct hd_frame *frame;

		for (frame = worker->frame; frame; frame = frame->below)
			if (hd_group_within(frame->group, group))
				return group;
	}
	return NULL;
}

/*
 * Takes what the stack does not hold of the path of group; *upto is where that begins.
 * The group may have been freed, and be another one now. So the way up is read with its
 * own unit in the hand, and what is taken is given back on the same way; then the claim
 * fails.
 */
static bool take_path(struct hd_worker *worker, struct heddle_group *group,
		      struct heddle_group **upto, bool *whole, uint32_t *owed)
{
	struct heddle_group *full;

	*upto = group;
	*whole = false;
	if (held_from(worker, group, group))
		return true;
	if (!hd_word_take_any(&group->word))
		return false;
	*upto = held_from(worker, hd_group_above(group), NULL);
	return hd_permit_take_part(group, *upto, whole, &full, owed);
}

/* Runs the task on the joiner's stack if nobody has started it (N1). */
static bool run_here(struct hd_worker *worker, struct hd_task *task)
{
	struct heddle_pool *pool = worker->pool;
	struct heddle_group *group = task->group, *upto;
	bool mine = false, whole;
	uint32_t owed = 0;

	if (hd_group_shut(group))
		return false;
	if (take_path(worker, group, &upto, &whole, &owed)) {
		/* close-1: the closer sets the gate, then reads the count; we
		 * have raised the count, then read the gate. Forbidden: it
		 * reads none and we read an open gate.
		 */
		mine = !hd_group_shut(group) &&
		       (hd_recycle_newest(worker, task) ||
			hd_task_claim_turn(task, &owed));
		if (mine) {
			if (!hd_task_run(worker, group, upto, &whole, NULL,
					 task))
				return false; /* a forked child */
			hd_task_finish(pool, task, HD_TASK_DONE);
		}
		if (group != upto)
			owed += hd_permit_give_part(group, upto, whole);
	}
	hd_look_inside(pool, owed);
	return mine;
}

/* Sleeps until the task has ended: 0, -ETIMEDOUT or -ECHILD. */
static int wait_end(struct hd_task *task, uint64_t deadline)
{
	for (;;) {
		uint32_t state = atomic_load_explicit(
			&task->state, memory_order_acquire); /* task-1 */

		if ((state & HD_TASK_STATE) != HD_TASK_ACCEPTED)
			return 0;
		if (!hd_self && hd_fork_is_child())
			return -ECHILD; /* nobody would wake us */
		if (deadline == HEDDLE_NOW)
			return -ETIMEDOUT;
		if (!(state & HD_TASK_WAITERS) &&
		    !atomic_compare_exchange_weak_explicit(
			    &task->state, &state, state | HD_TASK_WAITERS,
			    memory_order_relaxed,  /* read again */
			    memory_order_relaxed)) /* read again */
			continue;
		if (hd_futex_wait(&task->state, state | HD_TASK_WAITERS,
				  deadline) == -ETIMEDOUT)
			deadline = HEDDLE_NOW;
	}
}

static int wait_inside(struct hd_worker *worker, struct heddle_task *given,
		       uint64_t deadline)
{
	struct hd_task *task = hd_task_of(given);
	int rc;

	if (deadline == HEDDLE_NOW)
		return wait_end(task, deadline);
	if (!enter_chain(worker, given))
		return -EDEADLK;
	hd_block_begin(HEDDLE_BLOCK_JOIN);
	rc = wait_end(task, deadline);
	leave_chain(worker);
	heddle_block_end();
	return rc;
}

static int joinable(struct hd_task *task)
{
	uint32_t state;

	if (!task || (task->flags & HEDDLE_TASK_DETACHED))
		return -EINVAL;
	state = atomic_load_explicit(&task->state,
				     memory_order_relaxed); /* see ended() */
	return (state & HD_TASK_STATE) == HD_TASK_NEW ? -EINVAL : 0;
}

static int wait_any(struct heddle_task *given, uint64_t deadline)
{
	struct hd_worker *worker = hd_self && hd_self->frame ? hd_self : NULL;

	if (hd_self && hd_pool_forked(hd_self->pool))
		return -ECHILD; /* in the task that was run here */
	if (worker && on_stack(worker, given))
		return -EDEADLK;
	return worker ? wait_inside(worker, given, deadline)
		      : wait_end(hd_task_of(given), deadline);
}

/* Queued in a SERIAL group that the caller's own stack occupies: it cannot start. */
static bool stands_behind(struct hd_worker *worker, struct hd_task *task)
{
	struct hd_frame *frame;

	for (frame = worker->frame; frame; frame = frame->below)
		if (frame->group == task->group &&
		    hd_order_serial(frame->group))
			return hd_task_queued(task);
	return false;
}

int heddle_join(struct heddle_task *given, uint32_t flags, uint64_t deadline)
{
	struct hd_task *task = hd_task_of(given);
	bool help = flags & HEDDLE_JOIN_HELP;
	int rc = joinable(task);
	uint32_t state;

	if (hd_self && hd_pool_forked(hd_self->pool))
		return -ECHILD;
	hd_frames_look(hd_self);
	if (flags & ~(uint32_t)HEDDLE_JOIN_HELP)
		return -EINVAL;
	if (help && hd_self && hd_self->guest)
		return -EINVAL;
	if (rc < 0)
		return rc;
	if (help && !hd_self) {
		rc = hd_help(given, deadline);
		if (rc < 0)
			return rc;
	}
	if (!ended(task, &state) && hd_self && hd_self->frame &&
	    stands_behind(hd_self, task))
		return -EDEADLK;
	if (!ended(task, &state) && hd_self && hd_self->frame &&
	    !hd_self->block_depth && of_pool(hd_self->pool, task))
		run_here(hd_self, task);
	if (!ended(task, &state)) {
		rc = wait_any(given, deadline);
		if (rc < 0)
			return rc;
		ended(task, &state);
	}
	return state == HD_TASK_CANCELLED ? -ECANCELED : 0;
}

/*
 * Once the node is dead, nothing but the pin keeps the group: somebody may free the
 * node, and close the group. Of one that was freed before, the claim fails.
 */
static bool cancel_pinned(struct hd_task *task)
{
	struct heddle_group *group = task->group;
	bool mine;

	hd_pin(group);
	mine = hd_task_claim(task);
	if (mine) {
		hd_task_finish(group->pool, task, HD_TASK_CANCELLED);
		if (hd_order_of(group))
			hd_order_moved(group);
	}
	hd_unpin(group);
	return mine;
}

/* False when it has ended meanwhile. */
static bool tell_to_stop(struct hd_task *task)
{
	uint32_t state = atomic_load_explicit(
		&task->state, memory_order_relaxed); /* a CAS follows */

	do {
		if ((state & HD_TASK_STATE) != HD_TASK_ACCEPTED)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		&task->state, &state, state | HD_TASK_STOP,
		memory_order_seq_cst,   /* interrupt-1 */
		memory_order_relaxed)); /* tried again */
	return true;
}

int heddle_cancel(struct heddle_task *given, uint64_t deadline)
{
	struct hd_task *task = hd_task_of(given);
	int rc = joinable(task);
	uint32_t state;

	if (hd_self && hd_pool_forked(hd_self->pool))
		return -ECHILD;
	hd_frames_look(hd_self);
	if (rc < 0)
		return rc;
	if (ended(task, &state))
		return -EALREADY;
	if (!hd_self && hd_fork_is_child())
		return -ECHILD;
	if (cancel_pinned(task))
		return 0;
	if (tell_to_stop(task))
		hd_interrupt_task(task);
	rc = wait_any(given, deadline);
	return rc < 0 ? rc : -EALREADY;
}
