/* SPDX-License-Identifier: BSD-2-Clause */
/* The role of the trimmer. See the header and doc/design/memory.md. */
#include "sched/trim.h"

#include <stdatomic.h>
#include <stddef.h>

#include <heddle/pool.h>

#include "lockfree/trim.h"
#include "platform/clock.h"
#include "sched/pool.h"
#include "sched/worker.h"

#define NOBODY 0u

static bool is_large(const struct heddle_pool *pool)
{
	return hd_nodes_touched_any(&pool->nodes) >= pool->trim_least;
}

static bool has_role(const struct hd_worker *worker)
{
	return atomic_load_explicit(&worker->pool->trimmer,
				    memory_order_relaxed) /* own store */
	       == worker->index + 1;
}

static bool take_role(struct hd_worker *worker)
{
	struct heddle_pool *pool = worker->pool;
	uint32_t nobody = NOBODY;

	atomic_store_explicit(&pool->trim_asked, 1,
			      memory_order_seq_cst); /* trim-4 */
	return atomic_compare_exchange_strong_explicit(
		&pool->trimmer, &nobody, worker->index + 1,
		memory_order_seq_cst,  /* trim-4 */
		memory_order_seq_cst); /* trim-4 */
}

static bool give_up(struct hd_worker *worker)
{
	atomic_store_explicit(&worker->pool->trimmer, NOBODY,
			      memory_order_seq_cst); /* trim-4 */
	return atomic_load_explicit(&worker->pool->trim_asked,
				    memory_order_seq_cst); /* trim-4 */
}

uint64_t hd_trim_until(struct hd_worker *worker)
{
	if (!worker->may_trim)
		return HEDDLE_FOREVER;
	if (!has_role(worker)) {
		worker->may_trim = is_large(worker->pool) && take_role(worker);
		if (!worker->may_trim)
			return HEDDLE_FOREVER;
		worker->trim_at = hd_now_ns() + worker->pool->trim_after_ns;
	}
	return worker->trim_at;
}

/* Not when the worker has been claimed: a token is on its way. */
static bool is_idle(void *arg)
{
	struct hd_worker *worker = arg;

	return hd_bitset_test_any(&worker->pool->idle, worker->index);
}

void hd_trim_due(struct hd_worker *worker)
{
	struct hd_trim_call call = { is_idle, worker };
	struct heddle_pool *pool = worker->pool;
	enum hd_trim result;

	if (!has_role(worker) || hd_now_ns() < worker->trim_at)
		return;
	atomic_store_explicit(
		&pool->trim_asked, 0,
		memory_order_relaxed); /* trim-4: the trim follows */
	result = hd_nodes_trim_any(&pool->nodes, pool->trim_least, &call);
	/* Who needed a node, or woke us, brings work; behind it somebody sleeps again.
	 * A closer that trims may miss what we would find.
	 */
	worker->may_trim = give_up(worker) || result == HD_TRIM_BUSY;
}

void hd_trim_resign(struct hd_worker *worker)
{
	worker->may_trim = true;
	if (has_role(worker))
		give_up(worker);
}

static bool always(void *arg)
{
	(void)arg;
	return true;
}

void hd_trim_now(struct heddle_pool *pool)
{
	struct hd_trim_call call = { always, NULL };

	if (is_large(pool))
		hd_nodes_trim_any(&pool->nodes, pool->trim_least, &call);
}
