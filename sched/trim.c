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

static void set_asked(struct heddle_pool *pool, uint32_t asked)
{
	atomic_store_explicit(&pool->trim_asked, asked,
			      memory_order_seq_cst); /* trim-4 */
}

static bool take_role(struct hd_worker *worker)
{
	struct heddle_pool *pool = worker->pool;
	uint32_t nobody = NOBODY;

	set_asked(pool, 1);
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

	/* The word, not its summary: the own bit must not be missed. */
	return hd_bitset_word(&worker->pool->idle, worker->index >> 6) >>
		       (worker->index & 63) &
	       1;
}

void hd_trim_due(struct hd_worker *worker)
{
	struct hd_trim_call call = { is_idle, worker };
	struct heddle_pool *pool = worker->pool;

	if (!has_role(worker) || hd_now_ns() < worker->trim_at)
		return;
	set_asked(pool, 0);
	hd_nodes_trim_any(&pool->nodes, pool->trim_least, &call);
	/* Who needed a node, or has claimed us, brings work; behind it somebody sleeps
	 * again. A node that is in use is in a queue, or in a hand that will ask. */
	worker->may_trim = give_up(worker);
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
