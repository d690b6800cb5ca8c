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
 * keeps the task that it waits for in memory. Who sleeps beside a fork is part of a chain
 * as well. It cannot refuse to wait, nor can the join of a fork that was submitted; so
 * where one of these would close a circle, a join in that which may return is told. Who
 * was told leaves: it is the end of a chain already.
 *
 * It says so and changes the word of that task, both under the lock; the waiter sees the
 * word changed, then asks under the lock. Forbidden: it sleeps on, and was told.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <heddle/block.h>

#include "lockfree/groupword.h"
#include "platform/fork.h"
#include "platform/futex.h"
#include "platform/mutex.h"
#include "sched/block.h"
#include "sched/fork.h"
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

/* What somebody waits for: a task, or a fork, or nothing. */
struct wait {
	struct heddle_task *task;
	struct hd_forks_slot *fork;
};

static uint32_t runner_of(struct heddle_pool *pool, struct wait wait)
{
	struct hd_task *task = hd_task_of(wait.task);

	if (wait.fork)
		return hd_forks_state_owner(wait.fork) >> HD_FORKS_RUNNER_SHIFT;
	return of_pool(pool, task) ? atomic_load_explicit(&task->runner,
							  memory_order_relaxed)
				   : 0; /* locked */
}

static bool is_over(struct wait wait)
{
	uint32_t state;

	return wait.fork ? hd_forks_state_owner(wait.fork) & HD_FORKS_DONE
			 : ended(hd_task_of(wait.task), &state);
}

static bool is_ours(struct hd_worker *worker, struct wait wait)
{
	struct hd_frame *frame;

	if (wait.task)
		return on_stack(worker, wait.task);
	for (frame = worker->frame; frame; frame = frame->below)
		if (frame->is_fork && frame->fork == wait.fork)
			return true;
	return false;
}

/*
 * Does what we would wait for wait, through joins of this pool, for something on our
 * stack? Under pool->joins. There is no circle without us: one of it was told
 * instead. A runner of which we do not know yet joins later than we do. *to_tell is the
 * last one whose join may return, or NULL.
 */
static bool waits_for_us(struct hd_worker *worker, struct wait wait,
			 struct hd_worker **to_tell)
{
	struct heddle_pool *pool = worker->pool;
	uint32_t steps;

	*to_tell = NULL;

	for (steps = 0; steps < pool->entries; steps++) {
		uint32_t runner = runner_of(pool, wait);
		struct hd_worker *at;
		struct wait next;

		if (!runner)
			return false;
		at = &pool->worker[runner - 1];
		next = (struct wait){ NULL, NULL };
		if (at->joins_fork)
			next.fork = at->joining_fork;
		else
			next.task = at->joining;
		/* It was told, and leaves; or that ended, and it does something else. */
		if (at->joins_circle || (!next.task && !next.fork) ||
		    is_over(wait))
			return false;
		if (!at->joins_fork && !at->joins_sure)
			*to_tell = at;
		if (is_ours(worker, next))
			return true;
		wait = next;
	}
	return false;
}

/* Under pool->joins: the join returns. */
static void tell_circle(struct hd_worker *waiter)
{
	struct hd_task *task = hd_task_of(waiter->joining);

	waiter->joins_circle = true;
	atomic_fetch_add_explicit(&task->state, HD_TASK_TOLD,
				  memory_order_relaxed); /* locked */
	hd_futex_wake(&task->state, INT_MAX);
}

/* From now on the worker waits for the task, unless that waits for us, and it may. */
static bool enter_chain(struct hd_worker *worker, struct heddle_task *given,
			bool sure)
{
	struct hd_mutex *joins = &worker->pool->joins;
	struct hd_worker *other;
	bool circle;

	hd_mutex_lock(joins);
	circle = waits_for_us(worker, (struct wait){ given, NULL }, &other);
	if (circle && sure && other)
		tell_circle(other);
	circle &= !sure;
	if (!circle) {
		worker->joining = given;
		worker->joins_sure = sure;
	}
	hd_mutex_unlock(joins);
	return !circle;
}

void hd_join_fork_begin(struct hd_worker *worker, struct hd_forks_slot *slot)
{
	struct hd_mutex *joins = &worker->pool->joins;
	struct hd_worker *other;

	hd_mutex_lock(joins);
	if (waits_for_us(worker, (struct wait){ NULL, slot }, &other) && other)
		tell_circle(other);
	worker->joining_fork = slot;
	worker->joins_fork = true;
	hd_mutex_unlock(joins);
}

void hd_join_fork_end(struct hd_worker *worker)
{
	struct hd_mutex *joins = &worker->pool->joins;

	hd_mutex_lock(joins);
	worker->joining_fork = NULL;
	worker->joins_fork = false;
	hd_mutex_unlock(joins);
}

/* Before permits are waited for: that is no join any more. */
static void leave_chain(struct hd_worker *worker)
{
	struct hd_mutex *joins = &worker->pool->joins;

	hd_mutex_lock(joins);
	worker->joining = NULL;
	worker->joins_sure = false;
	worker->joins_circle = false;
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

/* Was the join of a circle found to be one meanwhile? */
static bool told_of_circle(struct hd_worker *worker)
{
	struct hd_mutex *joins = &worker->pool->joins;
	bool told;

	hd_mutex_lock(joins);
	told = worker->joins_circle;
	hd_mutex_unlock(joins);
	return told;
}

/* Sleeps until the task has ended: 0, -ETIMEDOUT, -EDEADLK or -ECHILD. */
static int wait_end(struct hd_worker *worker, struct hd_task *task,
		    uint64_t deadline)
{
	for (;;) {
		uint32_t state = atomic_load_explicit(
			&task->state, memory_order_acquire); /* task-1 */

		if ((state & HD_TASK_STATE) != HD_TASK_ACCEPTED)
			return 0;
		if (!hd_self && hd_fork_is_child())
			return -ECHILD; /* nobody would wake us */
		if (worker && state >= HD_TASK_TOLD && told_of_circle(worker))
			return -EDEADLK;
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
		       uint64_t deadline, bool sure)
{
	struct hd_task *task = hd_task_of(given);
	int rc;

	if (deadline == HEDDLE_NOW)
		return wait_end(NULL, task, deadline);
	if (!enter_chain(worker, given, sure))
		return -EDEADLK;
	hd_block_begin(HEDDLE_BLOCK_JOIN);
	rc = wait_end(worker, task, deadline);
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

static int wait_any(struct heddle_task *given, uint64_t deadline, bool sure)
{
	struct hd_worker *worker = hd_self && hd_self->frame ? hd_self : NULL;

	if (hd_self && hd_pool_forked(hd_self->pool))
		return -ECHILD; /* in the task that was run here */
	if (worker && on_stack(worker, given))
		return -EDEADLK;
	return worker ? wait_inside(worker, given, deadline, sure)
		      : wait_end(NULL, hd_task_of(given), deadline);
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

static int join(struct heddle_task *given, uint32_t flags, uint64_t deadline,
		bool sure)
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
		rc = wait_any(given, deadline, sure);
		if (rc < 0)
			return rc;
		ended(task, &state);
	}
	return state == HD_TASK_CANCELLED ? -ECANCELED : 0;
}

int heddle_join(struct heddle_task *given, uint32_t flags, uint64_t deadline)
{
	return join(given, flags, deadline, false);
}

int hd_join_sure(struct heddle_task *given)
{
	return join(given, 0, HEDDLE_FOREVER, true);
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
	rc = wait_any(given, deadline, false);
	return rc < 0 ? rc : -EALREADY;
}
