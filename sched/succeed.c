/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The successor of a worker whose thread was ended by user code: the same entry of the
 * registry, the same index, a new incarnation (doc/design/exit.md). The thread that
 * ends makes it, with its last steps for the entry; what it stands on itself becomes
 * the entry's past, which is joined by whoever reaps the entry.
 *
 * The life of the entry goes on: a stop, a start or a join that waits for it waits for
 * the successor as well. succeed-1: the order to leave is given, and read here before the
 * entry becomes STARTING, under the control lock. Forbidden: the worker is told to
 * leave and its successor is not.
 */
#include <errno.h>
#include <stddef.h>

#include "platform/memory.h"
#include "sched/hook.h"
#include "sched/pool.h"
#include "sched/reap.h"
#include "sched/start.h"
#include "sched/story.h"
#include "sched/worker.h"

/* It goes, told or not: who stops the pool waits for those that leave. */
static void leave_locked(struct hd_worker *worker)
{
	if (!atomic_exchange_explicit(&worker->leave, 1,
				      memory_order_relaxed)) /* locked */
		hd_live_lost(worker);
}

/* Is there to be one? Then it has its number, and counts as starting. */
static bool begin(struct hd_worker *worker)
{
	struct heddle_pool *pool = worker->pool;
	bool wanted;

	hd_mutex_lock(&pool->control);
	wanted = !pool->closing &&
		 !atomic_load_explicit(&worker->leave,
				       memory_order_relaxed); /* locked */
	if (wanted) {
		atomic_store_explicit(&worker->incarnation,
				      ++pool->incarnations,
				      memory_order_relaxed); /* by the phase */
		pool->starting++;
		worker->bound = NULL;
		worker->birth = NULL;
		worker->by_start = false;
		worker->successor = true;
		hd_phase_set(worker, HD_PHASE_STARTING);
	} else {
		leave_locked(
			worker); /* the stop of a destroy has yet to come */
	}
	hd_mutex_unlock(&pool->control);
	return wanted;
}

/* No thread: the worker leaves after all, as if it had been told. */
static void fail(struct hd_worker *worker, const struct hd_creation *creation,
		 uint32_t step, int rc)
{
	struct heddle_pool *pool = worker->pool;

	hd_mutex_lock(&pool->control);
	pool->starting--;
	leave_locked(worker);
	hd_mutex_unlock(&pool->control);
	hd_creation_failed(creation, step, rc);
	hd_hook_create_failed(pool, creation->index, -rc, step);
}

/* On a stack of its own; the one of the thread that calls becomes the past. */
static int launch(struct hd_worker *worker, uint32_t *step)
{
	size_t guard_size = worker->pool->guard_size;
	void *own = worker->stack;
	int rc = -ENOMEM;

	*step = HEDDLE_STEP_STACK;
	worker->stack = hd_stack_map(worker->stack_size, guard_size);
	if (worker->stack) {
		*step = HEDDLE_STEP_CREATE;
		worker->past_stack = own;
		worker->past_is_there = true;
		worker->turn = 1 - worker->turn;
		rc = hd_worker_launch(worker);
		if (rc == 0)
			return 0;
		hd_stack_unmap(worker->stack, worker->stack_size, guard_size);
		worker->turn = 1 - worker->turn;
		worker->past_is_there = false;
		worker->past_stack = NULL;
	}
	worker->stack = own;
	return rc;
}

bool hd_worker_succeed(struct hd_worker *worker)
{
	struct hd_creation creation;
	uint32_t step;
	int rc;

	if (!begin(worker))
		return false;
	/* It is its successor's as soon as that exists; the pool stays for the past. */
	creation = hd_creation_of(worker, HEDDLE_BECAUSE_EXIT);
	/* Of one that was a successor itself: past its last step long ago. */
	hd_reap_past(worker, HEDDLE_R3_GONE, HEDDLE_FOREVER);
	rc = launch(worker, &step);
	if (rc < 0)
		fail(worker, &creation, step, rc);
	else
		hd_story(creation.pool, creation.index, creation.life,
			 HEDDLE_DECISION_CREATED, creation.reason, 0, 0);
	return rc == 0;
}

void hd_live_lost(struct hd_worker *worker)
{
	struct heddle_pool *pool = worker->pool;

	hd_live_less(worker);
	if (worker->successor && !pool->elastic)
		atomic_fetch_add_explicit(&pool->lost, 1,
					  memory_order_relaxed); /* locked */
}

/* One of them, by a worker that goes on. */
void hd_worker_make_up(struct heddle_pool *pool,
		       enum heddle_decision_reason reason)
{
	struct hd_worker *worker = NULL;
	uint32_t step, index = 0;
	int rc;

	hd_reap_ended(pool);
	hd_mutex_lock(&pool->control);
	/* Only here, and where a start or a stop says how many there are, it sinks. */
	if (!pool->closing && pool->live < pool->workers_max &&
	    atomic_load_explicit(&pool->lost,
				 memory_order_relaxed)) /* locked */
		worker = hd_entry_reserve(pool);
	if (worker) {
		index = worker->index;
		worker->successor = true;
		atomic_fetch_sub_explicit(&pool->lost, 1,
					  memory_order_relaxed); /* locked */
	}
	hd_mutex_unlock(&pool->control);
	if (!worker)
		return;
	rc = hd_worker_create_logged(worker, reason, &step);
	if (rc < 0)
		hd_hook_create_failed(pool, index, -rc, step);
}
