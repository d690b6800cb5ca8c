/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Binding a worker to a guest thread: an idle one first, a new one when none is
 * idle and the bounds allow it. A guest is never queued behind a blocked one.
 */
#include <errno.h>
#include <stddef.h>

#include <heddle/block.h>

#include "platform/futex.h"
#include "sched/block.h"
#include "sched/group.h"
#include "sched/hook.h"
#include "sched/keep.h"
#include "sched/look.h"
#include "sched/permit.h"
#include "sched/pool.h"
#include "sched/reap.h"
#include "sched/start.h"
#include "sched/worker.h"

/* The permits travel along when they are free and nobody queues for them. */
static struct heddle_group *take_along(struct heddle_group *group)
{
	struct heddle_group *full;
	uint32_t owed = 0;
	bool taken;

	if (hd_waitq_any(&group->returners, &group->pool->waitq_arena) ||
	    !hd_permit_room(group))
		return NULL;
	taken = hd_permit_take(group, &full, &owed);
	if (owed)
		hd_look(group->pool, owed);
	return taken ? group : NULL;
}

static void give_up(struct heddle_group *along)
{
	if (along)
		hd_look(along->pool, hd_permit_give(along));
}

static bool refuses_guests(struct hd_worker *worker)
{
	return atomic_load_explicit(&worker->refuses_guests,
				    memory_order_relaxed); /* by the bit */
}

/* A guest stays for long, and its thread is the library's: no donated one. */
static struct hd_worker *claim_idle(struct heddle_pool *pool)
{
	uint32_t from = 0, index;

	while (from < pool->entries) {
		struct hd_worker *worker;

		index = hd_bitset_next_any(&pool->idle, from);
		if (index == HD_BITSET_NONE || index < from)
			break;
		from = index + 1;
		worker = &pool->worker[index];
		if (refuses_guests(worker) ||
		    !hd_bitset_clear_any(&pool->idle, index))
			continue;
		if (!refuses_guests(worker))
			return worker;
		hd_look_elsewhere(worker); /* the entry's life has changed */
	}
	return NULL;
}

static bool bind_idle(struct heddle_pool *pool, struct heddle_group *along,
		      void *bound, struct hd_worker **out)
{
	struct hd_worker *worker = claim_idle(pool);

	if (!worker)
		return false;
	worker->bound = bound; /* ours with the bit, the worker's by unpark */
	worker->bound_group = along;
	*out = worker;
	hd_parker_unpark_any(&worker->parker, HD_TOKEN_GUEST);
	return true;
}

struct failure {
	uint32_t index;
	uint32_t step; /* HEDDLE_STEP_NONE: nothing has failed on this thread */
	int error;
};

/*
 * -EBUSY: no worker may be created at present, so one must become idle.
 * -ENFILE: one may be, but the thread of each entry has yet to end.
 */
static int bind_new(struct heddle_pool *pool, struct heddle_group *along,
		    void *bound, uint64_t fresh_for, struct hd_worker **out,
		    struct failure *failure)
{
	_Atomic uint32_t birth = HD_BIRTH_NOT_YET;
	struct hd_worker *worker = NULL;
	uint32_t step;
	int rc = 0;

	if (!pool->elastic)
		return -EBUSY;
	hd_reap_ended(pool);
	hd_mutex_lock(&pool->control);
	if (pool->closing)
		rc = -ESHUTDOWN;
	else if (!hd_entry_allowed(pool))
		rc = -EBUSY;
	else if (!(worker = hd_entry_reserve(pool)))
		rc = -ENFILE;
	if (worker) {
		worker->bound = bound;
		worker->bound_group = along;
		worker->fresh_for = fresh_for;
		worker->birth = &birth;
		pool->fresh += fresh_for != 0;
		hd_keep_count(pool);
	}
	hd_mutex_unlock(&pool->control);
	if (!worker)
		return rc;
	*out = worker;
	failure->index = worker->index;
	rc = hd_worker_create_logged(
		worker, fresh_for ? HEDDLE_BECAUSE_FRESH : HEDDLE_BECAUSE_GUEST,
		&step);
	if (rc < 0) {
		*out = NULL;
		failure->step = step;
		failure->error = -rc;
		return rc == -ENOMEM ? rc : -EAGAIN;
	}
	/* Not born, it does not run the guest: somebody must know. */
	if (hd_birth_wait(&birth))
		return 0;
	*out = NULL;
	return -EAGAIN;
}

struct binding {
	struct heddle_pool *pool;
	uint64_t deadline;
	struct heddle_group *group;
	void *bound;
	uint64_t fresh_for;
	struct hd_worker **worker;
};

static int try_once(const struct binding *b)
{
	struct failure failure = { .step = HEDDLE_STEP_NONE };
	struct heddle_group *along;
	int rc = 0;

	hd_hand_begin(b->pool);
	along = take_along(b->group);
	if (b->fresh_for || !bind_idle(b->pool, along, b->bound, b->worker)) {
		rc = bind_new(b->pool, along, b->bound, b->fresh_for, b->worker,
			      &failure);
		if (rc < 0)
			give_up(along);
	}
	hd_hand_end(b->pool);
	/* With no permit in the hand. */
	if (failure.step != HEDDLE_STEP_NONE)
		hd_hook_create_failed(b->pool, failure.index, failure.error,
				      failure.step);
	return rc;
}

/* Something that may come. */
static bool missing(int rc)
{
	return rc == -EBUSY || rc == -ENFILE;
}

/*
 * For hd_effect_wait(): 1 bound, 0 not yet, or an error. What is missing may be
 * an entry whose thread has said its last word: that wakes nobody when it ends.
 */
static int try_again(void *context)
{
	const struct binding *b = context;
	int rc;

	do
		rc = try_once(b);
	while (rc == -ENFILE && hd_reap_one(b->pool, b->deadline));
	return missing(rc) ? 0 : rc < 0 ? rc : 1;
}

static int wait_for_worker(struct binding *b, uint64_t deadline)
{
	bool region = hd_block_begin(HEDDLE_BLOCK_OTHER) == 0;
	int rc;

	/* bind-1: we announce ourselves, then look for a worker; a worker sets
	 * its idle bit, is counted as blocked, or leaves its entry, then reads
	 * the announcement. Forbidden: we find none and it sees nobody waiting.
	 */
	atomic_fetch_add_explicit(&b->pool->bind_waiters, 1,
				  memory_order_seq_cst); /* bind-1 */
	rc = hd_effect_wait(b->pool, try_again, b, deadline);
	atomic_fetch_sub_explicit(&b->pool->bind_waiters, 1,
				  memory_order_relaxed); /* only a count */
	if (region)
		heddle_block_end();
	return rc;
}

void hd_bind_signal(struct heddle_pool *pool)
{
	if (atomic_load_explicit(&pool->bind_waiters,
				 memory_order_seq_cst)) /* bind-1 */
		hd_effect_signal(pool);
}

int hd_worker_bind(struct heddle_pool *pool, struct heddle_group *group,
		   void *bound, uint64_t fresh_for, uint64_t deadline,
		   struct hd_worker **out)
{
	struct binding b = { pool, deadline, group, bound, fresh_for, out };
	int rc;

	*out = NULL;
	rc = try_once(&b);
	if (missing(rc) && deadline != HEDDLE_NOW)
		rc = wait_for_worker(&b, deadline);
	return missing(rc) || rc == -ETIMEDOUT ? -EAGAIN : rc;
}
