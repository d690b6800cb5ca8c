/* SPDX-License-Identifier: BSD-2-Clause */
/* See donate.h. What a donated thread does between its two ends is sched/worker.c. */
#include "sched/donate.h"

#include <errno.h>
#include <stddef.h>

#include <heddle/pool.h>

#include "platform/clock.h"
#include "sched/help.h"
#include "sched/pool.h"
#include "sched/reap.h"
#include "sched/start.h"
#include "sched/want.h"
#include "sched/worker.h"

/* ---- the entry of the registry ---- */

/* 1: reserved; 0: none is to be had now; -ESHUTDOWN. */
static int reserve(struct heddle_pool *pool, bool helper, uint64_t deadline,
		   struct hd_worker **worker)
{
	bool may, closing;

	do {
		hd_reap_ended(pool);
		hd_mutex_lock(&pool->control);
		closing = pool->closing;
		may = !closing && pool->donated < pool->helpers_max;
		if (may)
			*worker = hd_entry_donate(pool, helper);
		hd_mutex_unlock(&pool->control);
		/* There are enough, as soon as the thread of one has ended. */
	} while (may && !*worker && hd_reap_one(pool, deadline));
	return closing && !helper ? -ESHUTDOWN : *worker != NULL;
}

static void unreserve(struct hd_worker *worker)
{
	struct heddle_pool *pool = worker->pool;
	bool was_last;

	hd_mutex_lock(&pool->control);
	was_last = pool->donated == pool->helpers_max;
	hd_entry_end_donation(worker);
	hd_mutex_unlock(&pool->control);
	hd_bind_signal(pool); /* the entry is free */
	if (was_last)
		hd_help_signal(pool);
}

/* Who takes tasks out of queues keeps the rest of a batch where others find it. */
static int make_ring(struct hd_worker *worker)
{
	return hd_deque_has_ring_owner(&worker->deque)
		       ? 0
		       : hd_deque_init(&worker->deque,
				       worker->pool->deque_slots);
}

int hd_donate_begin(struct heddle_pool *pool, bool helper, uint64_t deadline,
		    struct hd_worker **out)
{
	struct hd_worker *worker = NULL;
	int rc = reserve(pool, helper, deadline, &worker);

	if (rc <= 0)
		return rc;
	hd_worker_reset(worker);
	worker->settled = true; /* nobody waits for its first look */
	hd_self = worker;
	rc = helper ? 0 : make_ring(worker);
	if (rc == 0)
		rc = hd_worker_hooks_begin(worker);
	if (rc == 0) {
		*out = worker;
		return 1;
	}
	hd_self = NULL;
	unreserve(worker);
	return rc;
}

void hd_donate_end(struct hd_worker *worker)
{
	hd_worker_show(worker, HEDDLE_WORKER_LEAVING);
	hd_worker_hooks_end(worker);
	hd_self = NULL;
	unreserve(worker);
}

/* ---- how long a run lasts ---- */

static void end_run(struct hd_donor *donor, int result)
{
	donor->is_over = true;
	donor->result = result;
}

void hd_donor_timed_out(struct hd_donor *donor)
{
	end_run(donor, -ETIMEDOUT);
}

bool hd_donor_has_enough(struct hd_donor *donor)
{
	if (donor->flags == HEDDLE_RUN_ONE)
		end_run(donor, 0);
	else if (donor->deadline != HEDDLE_FOREVER &&
		 hd_now_ns() >= donor->deadline)
		end_run(donor, -ETIMEDOUT);
	return donor->is_over;
}

bool hd_donor_may_sleep(struct hd_worker *worker)
{
	struct heddle_pool *pool = worker->pool;
	struct hd_donor *donor = worker->donor;

	if (donor->flags == HEDDLE_RUN_UNTIL_IDLE) {
		/* What it met on its own way, by its tasks, asks for nobody else. */
		if (hd_want_is(pool, HD_WANT_RAISED)) {
			hd_want_drain(pool);
			return false;
		}
		end_run(donor, 0);
		return false;
	}
	if (donor->deadline != HEDDLE_NOW)
		return true;
	end_run(donor, -ETIMEDOUT);
	return false;
}

/* ---- the run ---- */

static int run(struct heddle_pool *pool, uint32_t flags, uint64_t deadline)
{
	/* What it is if it is asked to leave. */
	int asked = flags == HEDDLE_RUN_UNTIL_STOPPED ? 0 : -ESHUTDOWN;
	struct hd_donor donor = { .flags = flags,
				  .deadline = deadline,
				  .result = asked };
	struct hd_worker *worker;
	int rc = hd_donate_begin(pool, false, deadline, &worker);

	if (rc <= 0)
		return rc < 0 ? rc : -EAGAIN;
	worker->donor = &donor;
	hd_worker_show(worker, HEDDLE_WORKER_SEARCHING);
	hd_want_drain(pool);
	hd_worker_lend(worker);
	worker->donor = NULL;
	hd_donate_end(worker);
	return donor.result;
}

int heddle_pool_run(struct heddle_pool *pool, uint32_t flags, uint64_t deadline)
{
	int rc;

	if (!pool ||
	    (flags != HEDDLE_RUN_ONE && flags != HEDDLE_RUN_UNTIL_IDLE &&
	     flags != HEDDLE_RUN_UNTIL_STOPPED))
		return -EINVAL;
	if (hd_pool_forked(pool))
		return -ECHILD;
	if (hd_self)
		return -EDEADLK;
	hd_help_come(pool);
	rc = run(pool, flags, deadline);
	hd_help_leave(pool);
	return rc;
}
