/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Submit, kick and sleep on the real scheduler: two workers that have just
 * come to life and have not slept yet, tasks that are submitted meanwhile, and
 * caps that make the workers wait for each other's permits.
 *
 * Two forms. In one, tasks return, and at rest each of them must have run and
 * every permit must be back. In the other ("stuck") a task never returns, and
 * at rest no group may have queued work and headroom on its whole path while a
 * worker sleeps: nobody will come by later and repair it.
 *
 * clause: C1
 * clause: C2
 */
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <heddle/heddle.h>

#include "lab/scenario.h"
#include "lockfree/groupword.h"
#include "sched/group.h"
#include "sched/look.h"
#include "sched/permit.h"

#define GROUPS  3 /* the root and two siblings below it */
#define FOREVER HEDDLE_FOREVER

static struct heddle_pool *pool;
static struct heddle_group *groups[GROUPS];

/* -- ghost state -- */

/* Of the scenario, set by its setup. */
static struct {
	unsigned int workers;
	unsigned int cap[GROUPS];
	bool stuck;
	unsigned int submitters;
} rules;

static struct {
	unsigned int submitters_ended;
	unsigned int submitted[GROUPS], begun[GROUPS], ended[GROUPS];
	unsigned int inside[GROUPS]; /* running now, siblings count in 0 too */
	unsigned int running;
} ghost;

LAB_GHOST static void ghost_count_begin(unsigned int g)
{
	ghost.begun[g]++;
	ghost.running++;
	for (;; g = 0) {
		ghost.inside[g]++;
		/* C1: never over, at no instant. */
		LAB_ASSERT(ghost.inside[g] <= rules.cap[g]);
		if (!g)
			break;
	}
	LAB_ASSERT(ghost.running <= rules.workers);
}

LAB_GHOST static void ghost_count_end(unsigned int g)
{
	ghost.ended[g]++;
	ghost.running--;
	for (;; g = 0) {
		ghost.inside[g]--;
		if (!g)
			break;
	}
}

LAB_GHOST static void ghost_submitted(unsigned int g)
{
	ghost.submitted[g]++;
}

LAB_GHOST static void ghost_submitter_ended(void)
{
	ghost.submitters_ended++;
}

LAB_GHOST static bool ghost_is_stuck(void)
{
	return rules.stuck;
}

LAB_GHOST static void ghost_reset(void)
{
	__builtin_memset(&ghost, 0, sizeof(ghost));
}

LAB_GHOST static void set_rules(unsigned int workers, unsigned int cap,
				bool stuck, unsigned int submitters)
{
	rules.workers = workers;
	rules.cap[0] = cap;
	rules.cap[1] = rules.cap[2] = HEDDLE_CAP_MAX;
	rules.stuck = stuck;
	rules.submitters = submitters;
}

/* -- the verdict -- */

/* Queued work, room on the path and somebody who could run it. */
static bool could_start(unsigned int g)
{
	return ghost.submitted[g] > ghost.begun[g] &&
	       ghost.running < rules.workers &&
	       ghost.inside[g] < rules.cap[g] && ghost.inside[0] < rules.cap[0];
}

static const char *at_rest(void)
{
	/* Static: its text is the verdict. */
	static struct heddle_check check;

	if (ghost.submitters_ended != rules.submitters)
		return "a submitter does not return";
	for (unsigned int g = 0; g < GROUPS; g++)
		if (could_start(g))
			return "work, headroom and a sleeper at rest";
	if (rules.stuck)
		return NULL;
	for (unsigned int g = 0; g < GROUPS && groups[g]; g++) {
		uint64_t word = atomic_load_explicit(&groups[g]->word,
						     memory_order_relaxed);

		if (ghost.ended[g] != ghost.submitted[g])
			return "a task did not run";
		if (hd_word_count(word))
			return "a permit was not given back";
	}
	check.struct_size = sizeof(check);
	if (heddle_check(pool, &check))
		return check.violation[0].name;
	return NULL;
}

/* -- setup and threads -- */

static void make_pool(unsigned int workers, unsigned int cap, bool stuck,
		      unsigned int submitters, bool siblings)
{
	struct heddle_pool_options options = {
		.struct_size = sizeof(options),
		.workers_max = workers,
		.blocked_max = 1,
		.cap = cap,
		.tasks_max = 64,
		.deque_slots = 64,
		.groups_max = 4,
		.slots_max = 1,
		.stack_size = 65536,
	};
	int rc;

	set_rules(workers, cap, stuck, submitters);
	rc = heddle_pool_create(&options, &pool);
	LAB_ASSERT(rc == 0);
	groups[0] = heddle_pool_group(pool);
	groups[1] = groups[2] = NULL;
	for (int i = 1; siblings && i < GROUPS; i++) {
		rc = heddle_group_create(groups[0], NULL, &groups[i]);
		LAB_ASSERT(rc == 0);
	}
	rc = heddle_pool_start(pool, workers, NULL, FOREVER);
	LAB_ASSERT(rc == 0);
}

static void body(void *arg)
{
	unsigned int g = (unsigned int)(uintptr_t)arg;

	lab_touch(&ghost);
	ghost_count_begin(g);
	if (ghost_is_stuck())
		lab_sleep_for_ever();
	lab_touch(&ghost);
	ghost_count_end(g);
}

static void submit(unsigned int g, unsigned int tasks)
{
	for (unsigned int i = 0; i < tasks; i++) {
		int rc;

		rc = heddle_submit_call(groups[g], body, (void *)(uintptr_t)g);
		LAB_ASSERT(rc == 0);
		ghost_submitted(g);
	}
	ghost_submitter_ended();
}

static void submit_one(void)
{
	submit(0, 1);
}

static void submit_two(void)
{
	submit(0, 2);
}

static void submit_first(void)
{
	submit(1, 1);
}

static void submit_second(void)
{
	submit(2, 1);
}

/*
 * Holds the permits of a group for a moment, as a kick does that finds no
 * sleeper any more, and pays what it owes for it.
 */
static void take_and_give(void)
{
	struct heddle_group *full;
	uint32_t owed = 0;

	if (hd_permit_take(groups[1], NULL, &full, &owed))
		owed += hd_permit_give(groups[1], NULL);
	hd_look(pool, owed);
	ghost_submitter_ended();
}

#define SETUP(id, workers, cap, stuck, submitters, siblings) \
 static void setup_##id(void) \
 { \
  make_pool(workers, cap, stuck, submitters, siblings); \
 }

#define KICK(id, title, what, workers, cap, stuck, submitters, siblings, ...) \
 SETUP(id, workers, cap, stuck, submitters, siblings) \
 LAB_SCENARIO(id, .name = title, .claim = what, .setup = setup_##id, \
	      .reset = ghost_reset, .thread = { __VA_ARGS__ }, \
	      .at_rest = at_rest, .bound_plus_1 = 2, .old_plus_1 = 1);

KICK(kick, "kick", "two tasks, two workers, one permit", 2, 1, false, 1, false,
     submit_two)
KICK(kick_two, "kick-two", "two submitters, two workers, one permit", 2, 1,
     false, 2, false, submit_one, submit_one)
KICK(kick_stuck, "kick-stuck", "two tasks that never return start both", 2, 2,
     true, 1, false, submit_two)
KICK(siblings, "siblings", "two groups share one permit, one task each", 2, 1,
     false, 2, true, submit_first, submit_second)
KICK(siblings_stuck, "siblings-stuck", "two groups, two permits, both start", 2,
     2, true, 2, true, submit_first, submit_second)
KICK(siblings_one, "siblings-one", "two groups, one permit, one worker", 1, 1,
     false, 2, true, submit_first, submit_second)
KICK(moment, "siblings-moment", "a permit held for a moment strands no sibling",
     1, 1, false, 2, true, submit_second, take_and_give)
