/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Turns of siblings that compete: who is below its share is next, and the time of a turn
 * is charged in whatever way the worker gives its path away.
 *
 * clause: C2
 * clause: H2
 * clause: H3
 */
#include "lab/scenarios/pool.h"
#include "sched/share.h"
#include "sched/worker.h"

/* -- the one below its share is next -- */

/* Only when the sibling that has used less has begun. */
LAB_GHOST static void ghost_may_begin(void)
{
	if (!ghost.begun[2])
		lab_fail("not so: the one below its share was passed over");
}

static void has_used_more(void *arg)
{
	lab_touch(&ghost);
	ghost_may_begin();
	body(arg);
}

static void both_then_raise(void)
{
	LAB_ASSERT(heddle_submit_call(groups[1], has_used_more, (void *)1) ==
		   0);
	ghost_submitted(1);
	submit(2);
	LAB_ASSERT(heddle_group_set_cap(groups[0], 1, NULL) == 0);
	thread_ends();
}

static void submit_3(void)
{
	submit(3);
	thread_ends();
}

/* The third has used more than the second too, and less than the first. */
static void used_before(void)
{
	LAB_ASSERT(heddle_group_set_cap(groups[0], 0, NULL) == 0);
	hd_share_charge(groups[1], 1000000);
	hd_share_charge(groups[3], 1000);
}

POOL_AND(share, "turns-below-share", "who has used less than a sibling is next",
	 RULES(.workers = 1, .below = 3, .cap = { 1 }, .threads = 2),
	 used_before(), pool_reset, THREADS(both_then_raise, submit_3),
	 .settle = true, UP_TO(1, 0));

/* -- every turn is charged -- */

static void compete(void)
{
	atomic_fetch_or_explicit(&pool->attention, HD_ATTENTION_COMPETE,
				 memory_order_relaxed);
}

/*
 * Somebody competed all the time, so the clock ran in each turn. Who holds no path
 * has no open turn, and the group that had one has used something.
 */
static const char *all_charged(void)
{
	const char *wrong = pool_at_rest();
	unsigned int i;

	if (wrong)
		return wrong;
	for (i = 0; i < rules->workers; i++)
		if (pool->worker[i].turn_start)
			return "lost: a turn that was not charged";
	if (ghost.begun[1] &&
	    !atomic_load_explicit(&groups[1]->share.used, memory_order_relaxed))
		return "lost: the time of all turns";
	return NULL;
}

static void region(void *arg)
{
	(void)arg;
	LAB_ASSERT(heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL) == 0);
	if (hd_self->turn_start)
		lab_fail("not so: a region is charged");
	LAB_ASSERT(heddle_block_end() == 0);
	lab_touch(&ghost);
	ghost_begin(1);
	lab_touch(&ghost);
	ghost_end(1);
}

/* The second worker gets the third task in the hand, and there is a returner. */
static void region_and_two(void)
{
	LAB_ASSERT(heddle_submit_call(groups[1], region, NULL) == 0);
	ghost_submitted(1);
	submit(1);
	submit(1);
	thread_ends();
}

static void submit_pair(void)
{
	submit(1);
	submit(1);
	thread_ends();
}

static void pause_1(void)
{
	lab_touch(&ghost);
	ghost_cap_may(1, 0);
	LAB_ASSERT(heddle_group_set_cap(groups[1], 0, NULL) == 0);
	thread_ends();
}

#define CHARGED(id, title, what, pool_rules, threads, ...) \
 static const struct rules rules_##id = pool_rules; \
 POOL_SETUP_(id, compete()) \
 LAB_SCENARIO(id, .name = title, .claim = what, .setup = setup_##id, \
	      .reset = pool_reset, .thread = threads, .at_rest = all_charged, \
	      __VA_ARGS__)

CHARGED(to_returner, "turns-to-returner", "a path that goes to a returner",
	RULES(.workers = 2, .below = 1, .cap = { 2, 1 }, .threads = 1),
	THREADS(region_and_two), .settle = true, UP_TO(1, 0));
CHARGED(over_cap, "turns-over-cap", "a path that is over a lowered cap",
	RULES(.workers = 1, .below = 1, .cap = { 1, 1 }, .threads = 2),
	THREADS(submit_pair, pause_1), .settle = true, UP_TO(1, 0));
