/* SPDX-License-Identifier: BSD-2-Clause */
/* Charging turns. See sched/share.h. */
#include "sched/share.h"

#include "lockfree/groupword.h"
#include "platform/clock.h"
#include "sched/group.h"
#include "sched/pool.h"
#include "sched/ready.h"
#include "sched/worker.h"

/* Tasks after which the clock is not read, when those before were short. */
#define TURN_UNREAD 7

void hd_share_reset(struct heddle_group *group, struct heddle_group *parent,
		    uint32_t weight)
{
	uint64_t now = 0;

	if (parent)
		now = atomic_load_explicit(&parent->virtual_time,
					   memory_order_relaxed); /* hint */
	atomic_store_explicit(&group->share.used, now,
			      memory_order_relaxed); /* hint */
	atomic_store_explicit(&group->share.weight, weight ? weight : 1,
			      memory_order_relaxed); /* hint */
	atomic_store_explicit(&group->virtual_time, 0,
			      memory_order_relaxed); /* hint */
	atomic_store_explicit(&group->own.used, 0,
			      memory_order_relaxed); /* hint */
	atomic_store_explicit(&group->own.weight, 1,
			      memory_order_relaxed); /* hint */
}

void hd_share_chosen(_Atomic uint64_t *virtual_time, uint64_t ahead,
		     uint64_t open)
{
	/* Only forward. Two at once: one of the two steps is lost. */
	if (ahead > open)
		atomic_store_explicit(
			virtual_time,
			atomic_load_explicit(virtual_time,
					     memory_order_relaxed) + /* hint */
				(ahead - open),
			memory_order_relaxed); /* hint */
}

static void charge(struct hd_share *share, uint64_t virtual_time, uint64_t open,
		   uint64_t held_ns)
{
	uint64_t cost = HD_SHARE_LIMIT, used, ahead;

	if (held_ns < HD_SHARE_LIMIT >> HD_SHARE_SCALE_BITS)
		cost = (held_ns << HD_SHARE_SCALE_BITS) /
		       hd_share_weight(share);
	used = atomic_load_explicit(&share->used,
				    memory_order_relaxed); /* hint */
	do
		ahead = used + open - virtual_time;
	while (!atomic_compare_exchange_weak_explicit(
		&share->used, &used,
		(ahead > HD_SHARE_LIMIT + open ? virtual_time - open : used) +
			cost,
		memory_order_relaxed, memory_order_relaxed)); /* hint */
}

uint32_t hd_share_count(const struct heddle_group *group)
{
	uint32_t count = hd_word_count(atomic_load_explicit(
		&group->word, memory_order_relaxed)); /* hint */
	uint32_t prepaid = atomic_load_explicit(
		&group->prepaid, memory_order_relaxed); /* hint */

	return count > prepaid ? count - prepaid : 0;
}

void hd_share_charge(struct heddle_group *group, uint64_t held_ns)
{
	uint64_t quantum = group->pool->quantum_ns;
	struct heddle_group *above;

	/* Its own tasks compete with the groups below it, if one is ready. */
	if (hd_ready_below(group))
		charge(&group->own,
		       atomic_load_explicit(&group->virtual_time,
					    memory_order_relaxed), /* hint */
		       0, held_ns);
	for (; (above = hd_group_above(group)); group = above) {
		uint32_t count = hd_share_count(group);

		charge(&group->share,
		       atomic_load_explicit(&above->virtual_time,
					    memory_order_relaxed), /* hint */
		       hd_share_open(quantum, hd_share_weight(&group->share),
				     count),
		       held_ns);
	}
}

void hd_share_begin(struct hd_worker *worker)
{
	worker->turn_unread =
		0; /* what was short was perhaps another group's */
	worker->turn_start =
		worker->attention & HD_ATTENTION_COMPETE ? hd_now_ns() : 0;
}

void hd_share_end(struct hd_worker *worker)
{
	uint64_t start = worker->turn_start;

	worker->turn_start = 0;
	if (start && worker->held)
		hd_share_charge(worker->held, hd_now_ns() - start);
}

bool hd_share_turn_over(struct hd_worker *worker, struct heddle_group *group)
{
	struct heddle_pool *pool = worker->pool;
	uint64_t now;

	if (worker->turn_unread) {
		worker->turn_unread--;
		return false;
	}
	now = hd_now_ns();
	if (now - worker->turn_read < pool->quantum_ns / 16)
		worker->turn_unread = TURN_UNREAD;
	worker->turn_read = now;
	if (!worker->turn_start) {
		worker->turn_start = now;
		return false;
	}
	if (now - worker->turn_start < pool->quantum_ns)
		return false;
	if (hd_ready_others(group))
		return true;
	worker->turn_start = 0;
	/* Nobody does any more; who comes later sets the bit again. */
	atomic_fetch_and_explicit(&pool->attention, ~HD_ATTENTION_COMPETE,
				  memory_order_relaxed); /* hint */
	return false;
}
