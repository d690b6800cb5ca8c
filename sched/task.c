/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A task's run and end. Order of its last steps: the state word is exchanged,
 * then sleepers are woken by address; the memory may be gone by then, which a
 * private futex wake does not mind.
 */
#include "sched/task.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>

#include "platform/cacheline.h"
#include "platform/futex.h"
#include "platform/guard.h"
#include "platform/probe.h"
#include "sched/fork.h"
#include "sched/frame.h"
#include "sched/group.h"
#include "sched/help.h"
#include "sched/order.h"
#include "sched/pool.h"
#include "sched/room.h"
#include "sched/worker.h"

_Static_assert(sizeof(struct hd_task) == sizeof(struct heddle_task),
	       "the library's view overlays the public task");
_Static_assert(offsetof(struct hd_task, state) ==
		       offsetof(struct heddle_task, reserved0),
	       "the state word lies in reserved0");
_Static_assert(offsetof(struct hd_task, generation) ==
		       offsetof(struct heddle_task, reserved),
	       "the rest lies in reserved");
_Static_assert(offsetof(struct hd_task, after) ==
		       offsetof(struct heddle_task, after),
	       "the action is the user's");

bool hd_task_queued(const struct hd_task *task)
{
	struct hd_node *node =
		hd_node_at(&task->group->pool->nodes, task->node);

	return atomic_load_explicit(&node->state, memory_order_relaxed) ==
	       hd_node_state_make(task->generation, HD_NODE_QUEUED);
}

bool hd_task_claim(struct hd_task *task)
{
	struct heddle_group *group = task->group;

	if (!hd_node_claim_any(hd_node_at(&group->pool->nodes, task->node),
			       task->generation, HD_NODE_DEAD))
		return false;
	atomic_fetch_add_explicit(&group->dead, 1,
				  memory_order_relaxed); /* statistics */
	hd_room_give(group);
	return true;
}

bool hd_task_claim_turn(struct hd_task *task, uint32_t *owe)
{
	struct heddle_group *group = task->group;

	return hd_order_of(group)
		       ? hd_order_claim_next(group, task, hd_task_claim, owe)
		       : hd_task_claim(task);
}

void hd_task_finish(struct heddle_pool *pool, struct hd_task *task,
		    uint32_t state)
{
	/* task-1: what the task wrote happens-before the return of a join. Of
	 * who waits only the address is used: nothing to acquire. A helper
	 * that has gone has released what it did to the pool (help-1).
	 */
	uint32_t before = atomic_exchange_explicit(
		&task->state, state, memory_order_acq_rel); /* task-1, help-1 */

	if (before & HD_TASK_HELPER)
		hd_help_told(pool);

	if (before & HD_TASK_WAITERS)
		hd_futex_wake(&task->state, INT_MAX); /* the address only */
}

/* Cancelled calls have no task, and detached tasks no state: it links the list. */
static void end_detached(struct hd_task *task, struct hd_task **list)
{
	if (!task->after)
		return;
	task->generation = (uintptr_t)*list;
	*list = task;
}

void hd_task_after(struct hd_task *list)
{
	while (list) {
		struct hd_task *task = list;

		list = (struct hd_task *)(uintptr_t)task->generation;
		task->after((struct heddle_task *)(void *)task, -ECANCELED);
	}
}

void hd_task_cancel_node(struct heddle_group *group, uint32_t index,
			 struct hd_task **list)
{
	struct hd_node *node = hd_node_at(&group->pool->nodes, index);
	void (*fn)(void *) = node->fn;
	void *arg = node->arg;

	if (!hd_node_claim_any(node, hd_node_generation_any(node),
			       HD_NODE_DEAD)) {
		atomic_fetch_sub_explicit(
			&group->dead, 1, memory_order_relaxed); /* statistics */
		return; /* cancelled or joined before; only linked still */
	}
	hd_room_give(group);
	if (fn)
		return;
	if (((struct hd_task *)arg)->flags & HEDDLE_TASK_DETACHED)
		end_detached(arg, list);
	else
		hd_task_finish(group->pool, arg, HD_TASK_CANCELLED);
}

/* What a task that is detached leaves to be called; a joinable one is the caller's. */
static struct hd_task *call(struct hd_worker *worker, struct hd_frame *frame,
			    void (*fn)(void *), void *arg)
{
	struct hd_task *task = fn ? NULL : arg;

	if (fn) {
		fn(arg);
	} else if (task->flags & HEDDLE_TASK_DETACHED) {
		/* Its memory may be gone once the function was entered, unless
		 * there is an action.
		 */
		frame->after = task->after;
		frame->detached = arg;
		task->fn(arg);
		return NULL;
	} else {
		frame->task = arg;
		atomic_store_explicit(
			&task->runner, worker->index + 1,
			memory_order_relaxed); /* by pool->joins */
		task->fn(arg);
	}
	return task;
}

/*
 * A frame that was pushed, from its first to its last instruction of user code. False in
 * a child that the task has forked; of a worker's lowest task that thread ends, for
 * there is nothing to return to.
 */
static bool run(struct hd_worker *worker, struct hd_frame *frame,
		void (*fn)(void *), void *arg, struct hd_task **task)
{
	bool lowest = !frame->below && !worker->helper;
	void (*after)(struct heddle_task *, int);

	*task = call(worker, frame, fn, arg);
	if (hd_pool_forked(worker->pool)) {
		if (lowest)
			hd_thread_end();
		return false;
	}
	hd_frame_returned(worker, frame);
	after = frame->after;
	if (after) {
		frame->after = NULL;
		after(frame->detached, 0);
		hd_frame_returned(worker, frame);
	}
	if (lowest && worker->forking)
		hd_fork_close(worker);
	return true;
}

/* With a guard: its frame would be written over before that of the thread is reached. */
struct deep {
	struct hd_worker *worker;
	struct hd_frame *frame;
	void (*fn)(void *);
	void *arg;
	struct hd_task *task;
	bool here;
};

static void call_deep(void *given)
{
	struct deep *deep = given;

	deep->here = run(deep->worker, deep->frame, deep->fn, deep->arg,
			 &deep->task);
}

static void deep_left(void *given)
{
	struct deep *deep = given;

	if (hd_pool_forked(deep->worker->pool))
		return;
	/* It is off the list when its action has ended the thread again. */
	if (deep->worker->frame != deep->frame->below)
		hd_frame_left(deep->worker, deep->frame);
}

static __attribute__((noinline)) struct hd_task *
run_deep(struct hd_worker *worker, struct heddle_group *group,
	 struct heddle_group *upto, bool *whole, void (*fn)(void *), void *arg)
{
	struct hd_frame frame;
	struct deep deep = { worker, &frame, fn, arg, NULL, false };

	hd_frame_push(worker, &frame, group, upto, whole && *whole,
		      __builtin_frame_address(0));
	worker->deep++;
	HD_PROBE2(task_begin, worker, group);
	hd_guarded(call_deep, &deep, deep_left);
	if (!deep.here)
		return NULL;
	HD_PROBE1(task_end, worker);
	worker->deep--;
	worker->frame = frame.below;
	if (whole)
		*whole = frame.whole;
	return deep.task;
}

struct hd_task *hd_task_run(struct hd_worker *worker,
			    struct heddle_group *group,
			    struct heddle_group *upto, bool *whole,
			    void (*fn)(void *), void *arg)
{
	struct hd_frame *frame = hd_frame_kept(worker);
	struct hd_task *task;

	if (!frame)
		return run_deep(worker, group, upto, whole, fn, arg);
	hd_frame_push(worker, frame, group, upto, whole && *whole,
		      __builtin_frame_address(0));
	HD_PROBE2(task_begin, worker, group);
	if (!run(worker, frame, fn, arg, &task))
		return NULL;
	HD_PROBE1(task_end, worker);
	worker->frame = frame->below;
	if (whole)
		*whole = frame->whole;
	return task;
}
