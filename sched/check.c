/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heddle_check(): every invariant that can be seen from outside. Some hold
 * always; others only at rest, which is established by reading what moves
 * before and after.
 */
#include "sched/check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <heddle/see.h>

#include "lockfree/account.h"
#include "lockfree/groupword.h"
#include "sched/group.h"
#include "sched/options.h"
#include "sched/permit.h"
#include "sched/pool.h"
#include "sched/queue.h"
#include "sched/start.h"
#include "sched/want.h"
#include "sched/worker.h"

const char *const hd_invariant_name[HD_INVARIANTS] = {
	[HD_COUNT_AT_REST] = "count-at-rest",
	[HD_ACCOUNT_AT_REST] = "account-at-rest",
	[HD_STRANDED_TASK] = "stranded-task",
	[HD_UNWANTED] = "unwanted",
	[HD_READY_BIT] = "ready-bit",
	[HD_SEARCHING_AT_REST] = "searching-at-rest",
	[HD_IDLE_BIT] = "idle-bit",
	[HD_REGISTRY] = "registry",
	[HD_LIVE_WORKERS] = "live-workers",
	[HD_WORKERS_BOUND] = "workers-bound",
	[HD_FRAMES_LOST] = "frames-lost",
	[HD_STALE_BYTES] = "stale-bytes",
};

__attribute__((format(printf, 3, 4))) static void
violation(struct heddle_check *check, enum hd_invariant which,
	  const char *format, ...)
{
	const uint32_t room =
		sizeof(check->violation) / sizeof(check->violation[0]);
	struct heddle_violation *v;
	va_list args;

	if (check->violations++ >= room)
		return;
	v = &check->violation[check->violations - 1];
	snprintf(v->name, sizeof(v->name), "%s", hd_invariant_name[which]);
	va_start(args, format);
	vsnprintf(v->detail, sizeof(v->detail), format, args);
	va_end(args);
}

/* Its thread does nothing for the pool any more; who reaps it comes later. */
static bool has_ended(struct hd_worker *worker)
{
	uint32_t phase = hd_phase_of(worker);

	return phase == HD_PHASE_FAILED || phase >= HD_PHASE_LEFT;
}

/* Everything that moves while something runs, as one number. */
static uint64_t motion(struct heddle_pool *pool, bool *busy)
{
	uint64_t sum = 0;
	uint32_t i;

	/* look-2: read before the words here, and again by the second call. */
	sum = atomic_load_explicit(&pool->hands_ended,
				   memory_order_acquire); /* look-2 */
	*busy = sum != atomic_load_explicit(&pool->hands_begun,
					    memory_order_acquire); /* look-2 */
	for (i = 0;
	     i < atomic_load_explicit(&pool->entries_used,
				      memory_order_acquire); /* registry-1 */
	     i++) {
		struct hd_worker *worker = &pool->worker[i];
		struct hd_mirror_values v;

		if (!hd_mirror_read_any(&worker->mirror, &v, 64)) {
			*busy = true;
			continue;
		}
		sum = sum * 31 + v.since_ns + v.incarnation;
		if (v.state == HEDDLE_WORKER_LEFT && has_ended(worker))
			continue;
		if (v.state != HEDDLE_WORKER_PARKED &&
		    v.state != HEDDLE_WORKER_FREE)
			*busy = true;
		if (v.state == HEDDLE_WORKER_PARKED &&
		    !hd_bitset_test_any(&pool->idle, i))
			*busy = true; /* being woken */
	}
	for (i = 0; i < atomic_load_explicit(&pool->groups_used,
					     memory_order_relaxed); /* locked */
	     i++)
		sum = sum * 31 + atomic_load_explicit(
					 &pool->group[i].word,
					 memory_order_relaxed); /* a snapshot */
	return sum;
}

static void check_group_at_rest(struct heddle_group *group,
				struct heddle_check *check)
{
	/* look-2: a count that a hand has raised shows that the hand began. */
	uint64_t word = atomic_load_explicit(&group->word,
					     memory_order_acquire); /* look-2 */
	uint64_t account = hd_account_load_any(&group->account);
	uint32_t prepaid = atomic_load_explicit(
		&group->prepaid, memory_order_relaxed); /* locked */
	bool room = hd_permit_room(group);

	if (hd_word_count(word) != prepaid)
		violation(check, HD_COUNT_AT_REST,
			  "group %u %s: count %u, prepaid %u", group->index,
			  group->name, hd_word_count(word), prepaid);
	if (hd_account_used(account))
		violation(check, HD_ACCOUNT_AT_REST, "group %u %s: used %u",
			  group->index, group->name, hd_account_used(account));
	if (hd_waitq_any(&group->returners, &group->pool->waitq_arena))
		room = false; /* a returner waits: it is not at rest */
	if (room && hd_queue_startable(group) &&
	    hd_bitset_any(&group->pool->idle))
		violation(check, HD_STRANDED_TASK,
			  "group %u %s: %llu queued, headroom and a sleeper",
			  group->index, group->name,
			  (unsigned long long)hd_queue_length(group));
	if (room && hd_queue_startable(group) &&
	    !hd_bitset_any(&group->pool->idle) &&
	    hd_want_is(group->pool, HD_WANT_QUIET))
		violation(check, HD_UNWANTED,
			  "group %u %s: headroom, nobody, and nobody is asked",
			  group->index, group->name);
	if (hd_queue_startable(group) && !hd_bitset_test_any(&group->ready, 0))
		violation(check, HD_READY_BIT, "group %u %s: work without bit",
			  group->index, group->name);
}

static void check_groups(struct heddle_pool *pool, struct heddle_check *check)
{
	uint32_t used = atomic_load_explicit(&pool->groups_used,
					     memory_order_relaxed); /* locked */
	uint32_t i;

	/* Its holder is awake: a flag without one keeps submits from waking. */
	if (check->at_rest &&
	    atomic_load_explicit(&pool->searching,
				 memory_order_relaxed)) /* later */
		violation(check, HD_SEARCHING_AT_REST, "nobody is awake");
	for (i = 0; i < used; i++) {
		struct heddle_group *group = &pool->group[i];

		if (!group->in_use)
			continue;
		check->groups++;
		check->tasks_queued += hd_queue_length(group);
		if (!hd_group_above(group))
			check->permits = hd_word_count(atomic_load_explicit(
				&group->word,
				memory_order_relaxed)); /* a snapshot */
		if (check->at_rest)
			check_group_at_rest(group, check);
	}
}

/* Of an entry whose phase the lock keeps where it is. */
static void check_entry(struct heddle_pool *pool, uint32_t index,
			uint32_t phase, struct heddle_check *check)
{
	struct hd_worker *worker =
		&pool->worker[index]; /* perhaps never used */
	bool has_thread = phase != HD_PHASE_FREE && !has_ended(worker);
	uint64_t incarnation = atomic_load_explicit(
		&worker->incarnation, memory_order_relaxed); /* locked */
	struct hd_mirror_values v;

	/* A bit that nobody answers to would swallow the wakes of others. */
	if (!has_thread && hd_bitset_test_any(&pool->idle, index))
		violation(check, HD_IDLE_BIT, "entry %u: phase %u, asleep",
			  index, phase);
	if (phase == HD_PHASE_LIVE &&
	    hd_mirror_read_any(&worker->mirror, &v, 64) &&
	    (v.index != index || v.incarnation != incarnation))
		violation(check, HD_REGISTRY,
			  "entry %u life %llu: seen as %u life %llu", index,
			  (unsigned long long)incarnation, v.index,
			  (unsigned long long)v.incarnation);
}

static void check_workers(struct heddle_pool *pool, struct heddle_check *check)
{
	uint32_t i, live = 0;

	for (i = 0; i < pool->entries; i++) {
		struct hd_worker *worker = &pool->worker[i];
		uint32_t phase = hd_phase_of(worker);
		bool leave = atomic_load_explicit(
			&worker->leave, memory_order_relaxed); /* locked */

		check_entry(pool, i, phase, check);
		if (phase == HD_PHASE_FREE)
			continue;
		check->workers++;
		if (phase <= HD_PHASE_LIVE && !leave && !worker->donated)
			live++;
	}
	if (live != pool->live)
		violation(check, HD_LIVE_WORKERS, "%u entries, %u counted",
			  live, pool->live);
	if (pool->live > pool->workers_max + pool->blocked_max)
		violation(check, HD_WORKERS_BOUND, "%u live, %u + %u allowed",
			  pool->live, pool->workers_max, pool->blocked_max);
}

int heddle_check(struct heddle_pool *pool, struct heddle_check *out)
{
	struct heddle_check check;
	bool busy_before, busy_after;
	uint64_t before, lost;
	size_t size;

	if (!pool || hd_output_size(out, sizeof(*out), &size) < 0)
		return -EINVAL;
	if (hd_pool_forked(pool))
		return -ECHILD;
	memset(&check, 0, sizeof(check));
	hd_mutex_lock(&pool->control);
	before = motion(pool, &busy_before);
	check.at_rest = !busy_before && !pool->starting;
	check_groups(pool, &check);
	check_workers(pool, &check);
	if (motion(pool, &busy_after) != before || busy_after) {
		/* Something moved: what holds only at rest says nothing. */
		memset(&check, 0, sizeof(check));
		check_groups(pool, &check);
		check_workers(pool, &check);
	}
	hd_mutex_unlock(&pool->control);
	check.struct_size = (uint32_t)size;
	check.wakes = atomic_load_explicit(
		&pool->wakes, memory_order_relaxed); /* statistics */
	check.useless_wakes = atomic_load_explicit(
		&pool->useless_wakes, memory_order_relaxed); /* statistics */
	check.guests_recycled = atomic_load_explicit(
		&pool->guests_recycled, memory_order_relaxed); /* statistics */
	check.stale_bytes = atomic_load_explicit(
		&pool->stale_bytes, memory_order_relaxed); /* statistics */
	check.blocked_bound_hits =
		atomic_load_explicit(&pool->blocked_bound_hits,
				     memory_order_relaxed); /* statistics */
	check.create_failures = atomic_load_explicit(
		&pool->create_failures, memory_order_relaxed); /* statistics */
	check.threads_left = atomic_load_explicit(
		&pool->threads_left, memory_order_relaxed); /* statistics */
	check.tasks_skipped = atomic_load_explicit(
		&pool->tasks_skipped, memory_order_relaxed); /* statistics */
	lost = atomic_load_explicit(&pool->frames_lost,
				    memory_order_relaxed); /* statistics */
	if (lost)
		violation(&check, HD_FRAMES_LOST,
			  "%llu, by a longjmp, with their permits",
			  (unsigned long long)lost);
	if (check.stale_bytes)
		violation(&check, HD_STALE_BYTES, "%llu bytes after a scrub",
			  (unsigned long long)check.stale_bytes);
	memcpy(out, &check, size);
	return check.violations ? -EUCLEAN : 0;
}
