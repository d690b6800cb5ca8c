/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One worker at a time has the role of watching the time; it sleeps until it has been
 * idle for keep_alive_ns, while others sleep without a timer. See doc/design/elastic.md.
 *
 * keep-1: who makes a worker superfluous (a smaller need, a bit in the idle set, the end
 * of a region) reads the role afterwards; who gives the role up reads all that
 * afterwards. Forbidden: all sleep, one is superfluous, and nobody has the role.
 */
#include "sched/keep.h"

#include <stdatomic.h>
#include <stddef.h>

#include "sched/look.h"
#include "sched/pool.h"
#include "sched/start.h"
#include "sched/story.h"
#include "sched/worker.h"

#define NOBODY 0u

/* How many stay in any case. */
static uint32_t stays(struct heddle_pool *pool)
{
	if (!atomic_load_explicit(&pool->started,
				  memory_order_relaxed)) /* locked */
		return 0;
	return pool->floor < pool->workers_max ? pool->floor + 1
					       : pool->workers_max;
}

void hd_keep_count(struct heddle_pool *pool)
{
	uint32_t live = pool->live - pool->fresh, stay = stays(pool);
	bool keeps = pool->elastic && !pool->starts && !pool->closing &&
		     pool->keep_alive_ns != HEDDLE_KEEP_ALIVE_FOREVER;

	atomic_store_explicit(&pool->surplus,
			      keeps && live > stay ? live - stay : 0,
			      memory_order_seq_cst); /* keep-1 */
}

static bool surplus(struct heddle_pool *pool)
{
	uint32_t n = atomic_load_explicit(&pool->surplus,
					  memory_order_seq_cst); /* keep-1 */

	return n && n > atomic_load_explicit(&pool->blocked_workers,
					     memory_order_seq_cst); /* keep-1 */
}

/* Others than the last one, which is the spare of those that run. */
static bool wanted(struct heddle_pool *pool)
{
	uint32_t least =
		atomic_load_explicit(&pool->started, memory_order_relaxed)
			? 2 /* a start counts again */
			: 1;

	return surplus(pool) &&
	       atomic_load_explicit(&pool->available, memory_order_seq_cst) >=
		       least; /* keep-1 */
}

/* A donated thread is not the library's to end, and keeps no time for it. */
static bool is_donated(struct heddle_pool *pool, uint32_t index)
{
	return atomic_load_explicit(&pool->worker[index].refuses_guests,
				    memory_order_relaxed); /* by the bit */
}

static bool is_idle(struct heddle_pool *pool, uint32_t index)
{
	/* The word, not its summary: the caller's own bit must not be missed. */
	return (hd_bitset_word(&pool->idle, index >> 6) >> (index & 63) & 1) &&
	       !is_donated(pool, index);
}

/* The highest idle worker, whose bit is the caller's then. */
static uint32_t claim_highest(struct heddle_pool *pool)
{
	uint32_t i = hd_pool_entries_used(pool);

	while (i-- > 0) {
		if (!is_idle(pool, i) || !hd_bitset_clear_any(&pool->idle, i))
			continue;
		if (!is_donated(pool, i))
			return i;
		hd_look_elsewhere(&pool->worker[i]); /* another life */
	}
	return HD_BITSET_NONE;
}

static bool take_role(struct heddle_pool *pool, uint32_t index)
{
	uint32_t nobody = NOBODY;

	return atomic_compare_exchange_strong_explicit(
		&pool->keeper, &nobody, index + 1,
		memory_order_seq_cst,  /* keep-1 */
		memory_order_seq_cst); /* keep-1: its holder looks later */
}

/* To one whose idle bit the caller has cleared; it looks whether the role is its. */
static void tell(struct heddle_pool *pool, uint32_t index)
{
	hd_parker_unpark_any(&pool->worker[index].parker, HD_TOKEN_KEEP);
}

static bool has_role(const struct hd_worker *worker)
{
	/* Its own, or handed to it with a token. */
	return atomic_load_explicit(&worker->pool->keeper,
				    memory_order_relaxed) /* as above */
	       == worker->index + 1;
}

void hd_keep_check(struct heddle_pool *pool)
{
	uint32_t index;

	if (!wanted(pool) ||
	    atomic_load_explicit(&pool->keeper, memory_order_seq_cst) !=
		    NOBODY) /* keep-1 */
		return;
	/* Who is on the way to the idle set reads the role behind its bit. */
	index = claim_highest(pool);
	if (index == HD_BITSET_NONE)
		return;
	take_role(pool, index);
	tell(pool, index);
}

static void give_up(struct hd_worker *worker)
{
	atomic_store_explicit(&worker->pool->keeper, NOBODY,
			      memory_order_seq_cst); /* keep-1 */
}

void hd_keep_resign(struct hd_worker *worker)
{
	worker->idle_since = 0;
	if (!has_role(worker))
		return;
	give_up(worker);
	hd_keep_check(worker->pool);
}

uint64_t hd_keep_until(struct hd_worker *worker)
{
	struct heddle_pool *pool = worker->pool;
	uint64_t ns = pool->keep_alive_ns;

	if (!worker->idle_since)
		worker->idle_since = worker->seen.since_ns;
	if (has_role(worker) && !wanted(pool))
		give_up(worker);
	/* Also behind giving it up: there may have come more meanwhile. */
	if (!has_role(worker) &&
	    (!wanted(pool) || !take_role(pool, worker->index)))
		return HEDDLE_FOREVER;
	return worker->idle_since < HEDDLE_FOREVER - ns
		       ? worker->idle_since + ns
		       : HEDDLE_FOREVER;
}

enum hd_keep hd_keep_due(struct hd_worker *worker)
{
	struct heddle_pool *pool = worker->pool;
	uint32_t index;

	if (!wanted(pool))
		return HD_KEEP_WATCH;
	index = claim_highest(pool);
	if (index == worker->index)
		return HD_KEEP_MINE;
	if (index == HD_BITSET_NONE)
		return HD_KEEP_TOKEN;
	/* It became idle later than we did, or decides at once. */
	atomic_store_explicit(&pool->keeper, index + 1,
			      memory_order_relaxed); /* never nobody */
	tell(pool, index);
	return HD_KEEP_WATCH;
}

/*
 * Under the lock, and no longer available: is there no other spare? Who is idle is not
 * told to leave, for that clears its bit under the lock, and if it is claimed from now
 * on, it finds nobody available and has room for a successor.
 */
static bool missed(struct heddle_pool *pool)
{
	uint32_t i = hd_pool_entries_used(pool);

	if (!atomic_load_explicit(&pool->started,
				  memory_order_relaxed)) /* locked */
		return false;
	while (i-- > 0)
		if (is_idle(pool, i))
			return false;
	return true;
}

bool hd_keep_leave(struct hd_worker *worker)
{
	struct heddle_pool *pool = worker->pool;
	bool leaves;

	hd_mutex_lock(&pool->control);
	leaves = atomic_load_explicit(&worker->leave,
				      memory_order_relaxed); /* locked */
	if (!leaves && !missed(pool) && surplus(pool)) {
		leaves = true;
		atomic_store_explicit(&worker->leave, 1,
				      memory_order_relaxed); /* locked */
		hd_live_less(worker);
		hd_story(pool, worker->index,
			 atomic_load_explicit(
				 &worker->incarnation,
				 memory_order_relaxed), /* its own */
			 HEDDLE_DECISION_RETIRED, HEDDLE_BECAUSE_KEEP_ALIVE, 0,
			 0);
	}
	hd_mutex_unlock(&pool->control);
	if (leaves)
		hd_bind_signal(pool); /* one more may be created */
	return leaves;
}
