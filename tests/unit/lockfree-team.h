/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A few threads that start at one instant, for the stress of the structures:
 * shared by the tests lockfree-*.c and nothing else. What they do and what
 * is checked stands in the tests.
 */
#ifndef HEDDLE_TESTS_UNIT_LOCKFREE_TEAM_H
#define HEDDLE_TESTS_UNIT_LOCKFREE_TEAM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "platform/clock.h"
#include "tests/tap/tap.h"

#define TEAM_MAX 8

struct team {
	void (*body)(struct team *team, uint32_t me);
	pthread_barrier_t start;
	uint64_t end_ns;
	_Atomic bool stop;
	_Atomic uint64_t errors;
};

struct team_member {
	struct team *team;
	uint32_t me;
	pthread_t thread;
};

static inline void *team_main(void *arg)
{
	struct team_member *member = arg;

	pthread_barrier_wait(&member->team->start);
	member->team->body(member->team, member->me);
	return NULL;
}

/* Ask now and then, not in every round. */
static inline bool team_time_is_over(struct team *team)
{
	if (atomic_load_explicit(&team->stop, memory_order_relaxed))
		return true;
	if (hd_now_ns() < team->end_ns)
		return false;
	atomic_store_explicit(&team->stop, true, memory_order_relaxed);
	return true;
}

static inline void team_error(struct team *team)
{
	atomic_fetch_add_explicit(&team->errors, 1, memory_order_relaxed);
}

/* Runs body(team, 0..n-1) and joins; returns the errors they counted. */
static inline uint64_t team_run(struct team *team, uint32_t n, double seconds,
				void (*body)(struct team *team, uint32_t me))
{
	struct team_member member[TEAM_MAX];
	uint32_t i;

	team->body = body;
	team->end_ns = hd_now_ns() + (uint64_t)(seconds * 1e9);
	atomic_store_explicit(&team->stop, false, memory_order_relaxed);
	atomic_store_explicit(&team->errors, 0, memory_order_relaxed);
	if (n > TEAM_MAX || pthread_barrier_init(&team->start, NULL, n))
		bail("a team of %u cannot be made", n);
	for (i = 0; i < n; i++) {
		member[i] = (struct team_member){ team, i, pthread_self() };
		if (pthread_create(&member[i].thread, NULL, team_main,
				   &member[i]))
			bail("thread %u of %u cannot be made", i, n);
	}
	for (i = 0; i < n; i++)
		pthread_join(member[i].thread, NULL);
	pthread_barrier_destroy(&team->start);
	return atomic_load_explicit(&team->errors, memory_order_relaxed);
}

#endif /* HEDDLE_TESTS_UNIT_LOCKFREE_TEAM_H */
