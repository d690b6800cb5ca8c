/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Snapshots that take no lock: the workers (also for a signal handler) and the
 * counts of a group.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <heddle/heddle.h>

#include "lockfree/account.h"
#include "lockfree/groupword.h"
#include "sched/group.h"
#include "sched/options.h"
#include "sched/pool.h"
#include "sched/queue.h"
#include "sched/reserve.h"
#include "sched/see.h"
#include "sched/worker.h"

/* Tries before an entry is reported as changing. */
#define READ_TRIES 64u

int heddle_workers(const struct heddle_pool *pool,
		   struct heddle_worker_info *out, uint32_t n)
{
	uint32_t used, i, found = 0;

	if (!pool || (n && !out))
		return -EINVAL;
	if (hd_pool_forked(pool))
		return -ECHILD;
	used = atomic_load_explicit(&pool->entries_used,
				    memory_order_acquire); /* registry-1 */
	for (i = 0; i < used; i++) {
		struct hd_mirror_values v = { .state = HEDDLE_WORKER_CHANGING,
					      .index = i,
					      .group = UINT32_MAX };

		if (!hd_mirror_read_any(&pool->worker[i].mirror, &v,
					READ_TRIES))
			v = (struct hd_mirror_values){
				.state = HEDDLE_WORKER_CHANGING,
				.index = i,
				.group = UINT32_MAX,
			};
		if (v.state == HEDDLE_WORKER_FREE)
			continue;
		if (found < n)
			out[found] = (struct heddle_worker_info){
				.index = v.index,
				.state = v.state,
				.incarnation = v.incarnation,
				.tid = v.tid,
				.group = v.group,
				.guest = v.guest,
				.kind = v.kind,
				.since_ns = v.since_ns,
			};
		found++;
	}
	return (int)found;
}

static uint64_t word_of(struct heddle_group *group)
{
	return atomic_load_explicit(&group->word,
				    memory_order_relaxed); /* a snapshot */
}

uint32_t hd_see_workers(struct heddle_pool *pool)
{
	uint32_t blocked = atomic_load_explicit(
		&pool->blocked_workers, memory_order_relaxed); /* statistics */
	uint32_t live;

	hd_mutex_lock(&pool->control);
	live = pool->live + pool->runners;
	hd_mutex_unlock(&pool->control);
	if (pool->elastic) {
		live = pool->workers_max;
		blocked = blocked > pool->blocked_max
				  ? blocked - pool->blocked_max
				  : 0;
	}
	return live > blocked ? live - blocked : 0;
}

static void explain(struct heddle_group *group, struct heddle_group_stat *stat,
		    uint32_t workers)
{
	struct heddle_pool *pool = group->pool;
	struct heddle_group *at;

	stat->reason = HEDDLE_REASON_NO_WORK;
	if (!stat->queued && !stat->returners)
		return;
	stat->reason_group = group;
	stat->reason = HEDDLE_REASON_CLOSED;
	if (atomic_load_explicit(&group->gate,
				 memory_order_relaxed) /* a snapshot */
		    > HD_GATE_DRAIN &&
	    !stat->returners)
		return;
	for (at = group; at; at = hd_group_above(at)) {
		uint64_t word = word_of(at);

		if (at == hd_group_reserve(group) && hd_word_room(word) &&
		    hd_account_room(hd_account_load_any(&at->account))) {
			at = NULL; /* what is above is prepaid */
			break;
		}
		if (hd_word_room(word))
			continue;
		/* The root's target is at most the number of workers: there
		 * it is they that lack, not permission.
		 */
		if (!hd_group_above(at) &&
		    hd_word_target(word) == pool->workers_max &&
		    !hd_reserve_idle(at, group))
			break;
		stat->reason_group = at;
		stat->reason = !hd_word_target(word) ? HEDDLE_REASON_PAUSED
			       : hd_reserve_idle(at, group)
				       ? HEDDLE_REASON_RESERVED
			       : at == group ? HEDDLE_REASON_CAP
					     : HEDDLE_REASON_ANCESTOR;
		return;
	}
	stat->reason_group = NULL;
	if (!workers)
		stat->reason = HEDDLE_REASON_NOT_STARTED;
	else if (at || !hd_bitset_any(&pool->idle))
		stat->reason = HEDDLE_REASON_NO_WORKER;
	else
		stat->reason = HEDDLE_REASON_NONE;
}

void hd_see_group(struct heddle_group *group, uint32_t workers,
		  struct heddle_group_stat *stat)
{
	struct heddle_group *at, *reserve;
	uint64_t word = word_of(group);

	stat->cap = hd_word_target(word);
	stat->count = hd_word_count(word);
	stat->generation = hd_word_generation(word);
	stat->blocked = atomic_load_explicit(
		&group->blocked, memory_order_relaxed); /* statistics */
	stat->returners = hd_waitq_length_any(&group->returners,
					      &group->pool->waitq_arena);
	stat->queued = hd_queue_length(group);
	stat->weight = hd_share_weight(&group->share);
	stat->parallelism = workers;
	reserve = hd_group_reserve(group);
	if (hd_group_reserve_slot(group))
		stat->reserve = hd_account_prepaid(
			hd_account_load_any(&group->account));
	for (at = group; at; at = hd_group_above(at)) {
		uint32_t most = hd_word_target(word_of(at));
		uint32_t others = atomic_load_explicit(
			&at->prepaid, memory_order_relaxed); /* a snapshot */
		uint32_t own = 0;

		/* Above an account its own reserve is not others'. */
		if (reserve && hd_group_depth(at) < hd_group_depth(reserve))
			own = hd_account_prepaid(
				hd_account_load_any(&reserve->account));
		others = others > own ? others - own : 0;
		most = most > others ? most - others : 0;
		if (most < stat->parallelism)
			stat->parallelism = most;
	}
	explain(group, stat, workers);
}

int heddle_group_stat(struct heddle_group *group, struct heddle_group_stat *out)
{
	struct heddle_group_stat stat;
	size_t size;

	if (!group || hd_output_size(out, sizeof(*out), &size) < 0)
		return -EINVAL;
	if (hd_pool_forked(group->pool))
		return -ECHILD;
	memset(&stat, 0, sizeof(stat));
	stat.struct_size = (uint32_t)size;
	hd_see_group(group, hd_see_workers(group->pool), &stat);
	memcpy(out, &stat, size);
	return 0;
}
