/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Submit: check the gate, take a node, publish it, mark the group, kick. The
 * gate is read again after the publication, since a close may have come in
 * between: then the submitter takes its own task back, unless somebody has
 * taken it already, which makes it one that came before the close.
 */
#include <errno.h>
#include <stddef.h>

#include "lockfree/nodes.h"
#include "platform/cpu.h"
#include "sched/calls.h"
#include "sched/group.h"
#include "sched/look.h"
#include "sched/permit.h"
#include "sched/pin.h"
#include "sched/pool.h"
#include "sched/queue.h"
#include "sched/ready.h"
#include "sched/recycle.h"
#include "sched/room.h"
#include "sched/task.h"
#include "sched/worker.h"

/* The worker of this pool that the caller is, if any. */
static struct hd_worker *own_worker(struct heddle_pool *pool)
{
	return hd_self && hd_self->pool == pool ? hd_self : NULL;
}

/* A draining scope takes submits from its own live tasks. */
static bool inside_drain(struct heddle_group *group, struct hd_worker *worker)
{
	struct heddle_group *top = group, *above;
	struct hd_frame *frame;

	while ((above = hd_group_above(top)) &&
	       atomic_load_explicit(&above->gate,
				    memory_order_relaxed) /* re-read later */
		       == HD_GATE_DRAIN)
		top = above;
	for (frame = worker ? worker->frame : NULL; frame; frame = frame->below)
		if (hd_group_within(frame->group, top))
			return true;
	return false;
}

static bool gate_refuses(struct heddle_group *group, struct hd_worker *worker)
{
	/* close-1: the closer sets the gate, then looks at the queues; we
	 * pushed, then read the gate. Forbidden: it sees no task and we see
	 * an open gate.
	 */
	uint32_t gate = atomic_load_explicit(
		&group->gate, memory_order_seq_cst); /* close-1 */

	return gate >= HD_GATE_DRAINED ||
	       (gate == HD_GATE_DRAIN && !inside_drain(group, worker));
}

bool hd_submit_refused(struct heddle_group *group)
{
	return gate_refuses(group, own_worker(group->pool));
}

static bool count_queued(struct heddle_group *group)
{
	uint32_t queued;

	if (!group->queue_slots)
		return true;
	queued = atomic_fetch_add_explicit(&group->queued, 1,
					   memory_order_relaxed); /* a bound */
	if (queued < group->queue_slots)
		return true;
	hd_room_give(group);
	return false;
}

/*
 * A node was left behind dead in a closing group. The closer may have seen it
 * and be waiting: a drain needs a worker that frees it, a refusal looks itself.
 */
static void clear_away(struct heddle_group *group)
{
	hd_ready_mark(group);
	hd_kick(group);
	hd_effect_signal(group->pool);
}

/* False when somebody has it already. The pin is as in cancel_pinned() of
 * sched/join.c. */
static bool take_back(struct heddle_group *group, struct hd_node *node,
		      uint64_t generation)
{
	bool mine;

	hd_pin(group);
	mine = hd_node_claim_any(node, generation, HD_NODE_DEAD);
	if (mine) {
		atomic_fetch_add_explicit(
			&group->dead, 1, memory_order_relaxed); /* statistics */
		hd_room_give(group);
		clear_away(group);
	}
	hd_unpin(group);
	return mine;
}

/* Publishes without a kick. On error nothing is queued. */
static int publish(struct heddle_group *group, struct hd_worker *worker,
		   void (*fn)(void *), void *arg, struct hd_task *task)
{
	struct heddle_pool *pool = group->pool;
	uint32_t cpu = hd_cpu_current();
	uint64_t generation;
	struct hd_node *node;
	uint32_t index;

	if (gate_refuses(group, worker))
		return -ESHUTDOWN;
	if (!count_queued(group))
		return -EAGAIN;
	index = worker ? hd_recycle_take(worker) : 0;
	if (!index)
		index = hd_node_alloc_any(&pool->nodes, cpu);
	if (!index)
		goto uncount;
	node = hd_node_at(&pool->nodes, index);
	node->fn = fn;
	node->arg = arg;
	generation = hd_node_publish_owner(node);
	if (task) {
		task->generation = generation;
		task->node = index;
		task->group = group;
	}
	if (!hd_queue_push(group, worker, index)) {
		/* Not reachable by others: it is still ours alone. */
		hd_node_claim_any(node, generation, HD_NODE_DEAD);
		hd_node_free_any(&pool->nodes, cpu, index, index, 1);
		goto uncount;
	}
	if (gate_refuses(group, worker) && take_back(group, node, generation))
		return -ESHUTDOWN;
	hd_ready_mark(group);
	return 0;

uncount:
	hd_room_give(group);
	return -EAGAIN;
}

static int accept(struct heddle_group *group, struct heddle_task *given)
{
	struct hd_task *task = hd_task_of(given);
	uint32_t state, flags;
	int rc;

	if (!task || !task->fn ||
	    (task->flags & ~(uint32_t)HEDDLE_TASK_DETACHED) ||
	    (task->after && !(task->flags & HEDDLE_TASK_DETACHED)))
		return -EINVAL;
	flags = task->flags;
	state = atomic_load_explicit(&task->state,
				     memory_order_acquire); /* task-1 */
	if (!(flags & HEDDLE_TASK_DETACHED)) {
		if ((state & HD_TASK_STATE) == HD_TASK_ACCEPTED)
			return -EBUSY;
		atomic_store_explicit(
			&task->runner, 0,
			memory_order_relaxed); /* published below */
		atomic_store_explicit(
			&task->state, HD_TASK_ACCEPTED,
			memory_order_relaxed); /* published below */
	}
	rc = publish(group, own_worker(group->pool), NULL, given,
		     flags & HEDDLE_TASK_DETACHED ? NULL : task);
	if (rc < 0 && !(flags & HEDDLE_TASK_DETACHED))
		atomic_store_explicit(&task->state, state,
				      memory_order_relaxed); /* ours again */
	return rc;
}

int heddle_submit(struct heddle_group *group, struct heddle_task *task)
{
	int rc;

	if (!group)
		return -EINVAL;
	if (hd_pool_forked(group->pool))
		return -ECHILD;
	rc = accept(group, task);
	if (rc == 0)
		hd_kick(group);
	return rc;
}

/*
 * Until its first try is over the caller is the one that is committed to look after the
 * task; so the kick comes behind that, and before anything that waits.
 */
int heddle_submit_join(struct heddle_group *group, struct heddle_task *given,
		       uint64_t deadline)
{
	uint32_t flags = hd_self && hd_self->guest ? 0 : HEDDLE_JOIN_HELP;
	struct hd_task *task = hd_task_of(given);
	int rc;

	if (!group || (task && (task->flags & HEDDLE_TASK_DETACHED)))
		return -EINVAL;
	if (hd_pool_forked(group->pool))
		return -ECHILD;
	rc = accept(group, given);
	if (rc < 0)
		return rc;
	rc = flags ? heddle_join(given, flags, HEDDLE_NOW) : -ETIMEDOUT;
	if (rc == 0 || rc == -ECANCELED || rc == -ECHILD)
		return rc;
	hd_kick(group); /* it is queued, or was a moment ago */
	return rc == -ETIMEDOUT ? heddle_join(given, flags, deadline) : rc;
}

int heddle_submit_many(struct heddle_group *group,
		       struct heddle_task *const *tasks, size_t n,
		       size_t *accepted)
{
	size_t i;
	int rc = 0;

	if (accepted)
		*accepted = 0;
	if (!group || (n && !tasks))
		return -EINVAL;
	if (hd_pool_forked(group->pool))
		return -ECHILD;
	for (i = 0; i < n; i++) {
		rc = accept(group, tasks[i]);
		if (rc < 0)
			break;
	}
	if (accepted)
		*accepted = i;
	if (i)
		hd_kick(group); /* the woken worker's look wakes the next */
	return rc;
}

static __attribute__((noinline)) int submit_call(struct heddle_group *group,
						 heddle_call_fn fn, void *arg)
{
	struct hd_worker *worker;
	int rc;

	if (!group || !fn)
		return -EINVAL;
	if (hd_pool_forked(group->pool))
		return -ECHILD;
	worker = own_worker(group->pool);
	if (worker && hd_calls_submit_slow(worker, group, fn, arg))
		return 0;
	rc = publish(group, worker, fn, arg, NULL);
	if (rc == 0)
		hd_kick(group);
	return rc;
}

/* A call of a task for its own group costs no more than this (calls.md). */
int heddle_submit_call(struct heddle_group *group, heddle_call_fn fn, void *arg)
{
	struct hd_worker *worker = hd_self;
	struct hd_forks *calls;

	if (!worker || !fn || hd_pool_forked(worker->pool))
		return submit_call(group, fn, arg);
	calls = hd_calls_owner(worker);
	if (!hd_calls_ready(worker, calls, group))
		return submit_call(group, fn, arg);
	return hd_calls_put(calls, fn, arg) ? hd_calls_answer(worker, calls)
					    : 0;
}
