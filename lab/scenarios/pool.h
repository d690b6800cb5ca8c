/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A whole pool as a scenario: workers that live when the exploration begins,
 * groups as a tree, ghost counters of who runs what, and the verdict at rest.
 *
 * Two forms. In one, tasks return, and at rest each of them must have run and
 * every permit must be back. In the other ("stuck") a task never returns, and
 * at rest no group may have queued work and headroom on its whole path while a
 * worker sleeps: nobody will come by later and repair it.
 */
#ifndef HEDDLE_LAB_SCENARIOS_POOL_H
#define HEDDLE_LAB_SCENARIOS_POOL_H

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <heddle/heddle.h>

#include "lab/scenario.h"
#include "lockfree/groupword.h"
#include "sched/group.h"
#include "sched/pool.h"

#define GROUPS 4

struct rules {
	unsigned int workers;        /* that setup starts */
	unsigned int workers_max;    /* 0: as many */
	unsigned int will_live;      /* workers there will be; 0: as many */
	unsigned int flags;          /* of the pool */
	unsigned int threads;        /* of the scenario, which must all end */
	unsigned int helpers;        /* most at once */
	bool stuck;                  /* tasks never return */
	uint64_t keep_alive_ns;      /* 0: idle workers stay */
	unsigned int parent[GROUPS]; /* of groups 1 and up, 0 is the root */
	unsigned int below;          /* groups besides the root */
	unsigned int cap[GROUPS];    /* 0: no limit */
	unsigned int accounts;       /* a bit for each group that has one */
	unsigned int prepaid[GROUPS];
};

static const struct rules *rules;
static struct heddle_pool *pool;
static struct heddle_group *groups[GROUPS];

static struct {
	unsigned int ended_threads;
	unsigned int submitted[GROUPS], begun[GROUPS], ended[GROUPS];
	unsigned int cancelled[GROUPS];
	unsigned int inside[GROUPS]; /* with those of the groups below */
	unsigned int cap[GROUPS];    /* what must not be exceeded now */
	unsigned int floor[GROUPS];  /* what may be used: lower in changes */
	unsigned int
		prepaid[GROUPS];   /* what it can rely on: lower in changes */
	unsigned int kept[GROUPS]; /* what others cannot: higher */
	unsigned int running;      /* on workers, blocked ones not */
	unsigned int blocked;
	unsigned int workers; /* that live, or will */
} ghost;

LAB_GHOST static void pool_reset(void)
{
	__builtin_memset(&ghost, 0, sizeof(ghost));
	for (int i = 0; i < GROUPS; i++) {
		ghost.cap[i] = ghost.floor[i] = rules->cap[i] ? rules->cap[i]
							      : UINT32_MAX;
		ghost.prepaid[i] = ghost.kept[i] = rules->prepaid[i];
	}
	ghost.workers = rules->will_live ? rules->will_live : rules->workers;
}

/* -- ghost steps; each behind a lab_touch(), for their order matters -- */

LAB_GHOST static void ghost_enter(unsigned int g)
{
	ghost.running++;
	for (;; g = rules->parent[g]) {
		ghost.inside[g]++;
		/* C1: never over, at no instant. */
		LAB_ASSERT(ghost.inside[g] <= ghost.cap[g]);
		if (!g)
			break;
	}
}

LAB_GHOST static void ghost_leave(unsigned int g)
{
	ghost.running--;
	for (;; g = rules->parent[g]) {
		ghost.inside[g]--;
		if (!g)
			break;
	}
}

LAB_GHOST static void ghost_begin(unsigned int g)
{
	ghost.begun[g]++;
	ghost_enter(g);
}

LAB_GHOST static void ghost_end(unsigned int g)
{
	ghost.ended[g]++;
	ghost_leave(g);
}

LAB_GHOST static void ghost_submitted(unsigned int g)
{
	ghost.submitted[g]++;
}

LAB_GHOST static void ghost_cancelled(unsigned int g)
{
	ghost.cancelled[g]++;
}

LAB_GHOST static void ghost_thread_ended(void)
{
	ghost.ended_threads++;
}

LAB_GHOST static bool ghost_is_stuck(void)
{
	return rules->stuck;
}

/* Of a change that is under way both values hold, until it is told. */
LAB_GHOST static void ghost_cap_may(unsigned int g, unsigned int cap)
{
	if (cap > ghost.cap[g])
		ghost.cap[g] = cap;
	if (cap < ghost.floor[g])
		ghost.floor[g] = cap;
}

LAB_GHOST static void ghost_cap_is(unsigned int g, unsigned int cap)
{
	ghost.cap[g] = ghost.floor[g] = cap;
	LAB_ASSERT(ghost.inside[g] <= cap);
}

LAB_GHOST static void ghost_floor_is(unsigned int g, unsigned int cap)
{
	ghost.floor[g] = cap;
}

LAB_GHOST static void ghost_prepaid_may(unsigned int g, unsigned int n)
{
	if (n > ghost.kept[g])
		ghost.kept[g] = n;
	if (n < ghost.prepaid[g])
		ghost.prepaid[g] = n;
}

LAB_GHOST static void ghost_prepaid_is(unsigned int g, unsigned int n)
{
	ghost.prepaid[g] = ghost.kept[g] = n;
}

/* -- tasks -- */

static void body(void *arg)
{
	unsigned int g = (unsigned int)(uintptr_t)arg;

	lab_touch(&ghost);
	ghost_begin(g);
	if (ghost_is_stuck())
		lab_sleep_for_ever();
	lab_touch(&ghost);
	ghost_end(g);
}

static inline void submit(unsigned int g)
{
	int rc = heddle_submit_call(groups[g], body, (void *)(uintptr_t)g);

	LAB_ASSERT(rc == 0);
	ghost_submitted(g);
}

/* Each thread of a scenario says that it came to its end. */
static inline void thread_ends(void)
{
	ghost_thread_ended();
}

/* Threads of many scenarios: one task, or two, for the root. */
static inline void submit_one(void)
{
	submit(0);
	thread_ends();
}

static inline void submit_two(void)
{
	submit(0);
	submit(0);
	thread_ends();
}

/* -- the verdict -- */

static bool is_within(unsigned int g, unsigned int top)
{
	while (g && g != top)
		g = rules->parent[g];
	return g == top;
}

/* Units of a group that accounts below it have prepaid and do not use. */
static unsigned int kept_from(unsigned int g, unsigned int at)
{
	unsigned int kept = 0;

	for (unsigned int r = 1; r <= rules->below; r++)
		if (r != at && is_within(r, at) && !is_within(g, r) &&
		    ghost.kept[r] > ghost.inside[r])
			kept += ghost.kept[r] - ghost.inside[r];
	return kept;
}

/* Queued work, room on the path and somebody who could run it. */
static bool could_start(unsigned int g)
{
	if (ghost.submitted[g] <= ghost.begun[g] + ghost.cancelled[g] ||
	    ghost.running >= ghost.workers)
		return false;
	for (unsigned int at = g;; at = rules->parent[at]) {
		if (ghost.inside[at] + kept_from(g, at) >= ghost.floor[at])
			return false;
		if (!at || ghost.inside[at] < ghost.prepaid[at])
			return true;
	}
}

/* What others than running tasks hold of it at rest. */
static unsigned int prepaid_at(unsigned int g)
{
	unsigned int prepaid = 0;

	for (unsigned int r = 1; r <= rules->below; r++)
		if (r != g && is_within(r, g))
			prepaid += ghost.prepaid[r];
	return prepaid;
}

static inline const char *pool_at_rest(void)
{
	/* Static: its text is the verdict. */
	static struct heddle_check check;

	if (ghost.ended_threads != rules->threads)
		return "lost wake-up: a thread does not come to its end";
	for (unsigned int g = 0; g <= rules->below; g++)
		if (could_start(g))
			return "stranded: work, headroom and a sleeper at rest";
	if (rules->stuck)
		return NULL;
	for (unsigned int g = 0; g <= rules->below; g++) {
		uint64_t word = atomic_load_explicit(&groups[g]->word,
						     memory_order_relaxed);

		if (ghost.ended[g] + ghost.cancelled[g] != ghost.submitted[g] &&
		    ghost.floor[g])
			return "lost: a task did not run";
		if (hd_word_count(word) > prepaid_at(g))
			return "leak: a permit was not given back";
		if (hd_word_count(word) < prepaid_at(g))
			return "eaten: a prepaid permit is not there";
	}
	check.struct_size = sizeof(check);
	if (heddle_check(pool, &check))
		return check.violation[0].name;
	return NULL;
}

/* -- setup -- */

LAB_GHOST static void set_rules(const struct rules *what)
{
	rules = what;
}

static void pool_make(const struct rules *what)
{
	struct heddle_pool_options options = {
		.struct_size = sizeof(options),
		.flags = what->flags,
		.workers_max = what->workers_max ? what->workers_max
						 : what->workers,
		.blocked_max = 1,
		.cap = what->cap[0],
		.tasks_max = 16,
		.deque_slots = 4,
		.groups_max = GROUPS,
		.slots_max = 2,
		.stack_size = 65536,
		.keep_alive_ns = what->keep_alive_ns ? what->keep_alive_ns
				 : what->flags & HEDDLE_POOL_ELASTIC
					 ? HEDDLE_KEEP_ALIVE_FOREVER
					 : 0,
		.helpers_max = what->helpers ? what->helpers
					     : HEDDLE_HELPERS_NONE,
	};
	int rc;

	set_rules(what);
	rc = heddle_pool_create(&options, &pool);
	LAB_ASSERT(rc == 0);
	groups[0] = heddle_pool_group(pool);
	for (unsigned int i = 1; i <= what->below; i++) {
		struct heddle_group_options group = {
			.struct_size = sizeof(group),
			.cap = what->cap[i],
			.children_max = GROUPS - 1,
			.flags = what->accounts & 1u << i ? HEDDLE_GROUP_RESERVE
							  : 0,
		};

		rc = heddle_group_create(groups[what->parent[i]], &group,
					 &groups[i]);
		LAB_ASSERT(rc == 0);
	}
	for (unsigned int i = 1; i <= what->below; i++) {
		if (!what->prepaid[i])
			continue;
		rc = heddle_group_reserve(groups[i], what->prepaid[i], NULL);
		LAB_ASSERT(rc == 0);
	}
	if (!what->workers)
		return;
	rc = heddle_pool_start(pool, what->workers, NULL, HEDDLE_FOREVER);
	LAB_ASSERT(rc == 0);
}

/* A scenario of a pool: its rules, then what differs from the usual. */
#define POOL(id, title, what, pool_rules, threads, ...) \
 static const struct rules rules_##id = pool_rules; \
 POOL_SETUP_(id, ) \
 LAB_SCENARIO(id, .name = title, .claim = what, .setup = setup_##id, \
	      .reset = pool_reset, .thread = threads, .at_rest = pool_at_rest, \
	      __VA_ARGS__)

/* The same; more is done to the pool that was made, and at each reset. */
#define POOL_AND(id, title, what, pool_rules, more, to_reset, threads, ...) \
 static const struct rules rules_##id = pool_rules; \
 POOL_SETUP_(id, more) \
 LAB_SCENARIO(id, .name = title, .claim = what, .setup = setup_##id, \
	      .reset = to_reset, .thread = threads, .at_rest = pool_at_rest, \
	      __VA_ARGS__)

#define POOL_SETUP_(id, more) \
 static void setup_##id(void) \
 { \
  pool_make(&rules_##id); \
  more; \
 }

#define RULES(...) \
 { \
  __VA_ARGS__ \
 }
#define THREADS(...) \
 { \
  __VA_ARGS__ \
 }

/* How far: preemptions, and old values. A pool's execution has 300 steps. */
#define UP_TO(bound, old) .bound_plus_1 = (bound) + 1, .old_plus_1 = (old) + 1
#define USUAL             UP_TO(1, 0)

#endif /* HEDDLE_LAB_SCENARIOS_POOL_H */
