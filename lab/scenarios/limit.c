/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The root's cap is bounded by the user and by the machine; each changes its own
 * bound while the other does, and while tasks are submitted.
 *
 * clause: C1
 * clause: C2
 * clause: C5
 */
#include "lab/scenarios/pool.h"
#include "sched/cap.h"

/* The bounds are ordered by the lock; what either alone allows may be met meanwhile. */
static void limit(unsigned int cap)
{
	uint32_t before;

	hd_cap_limit(pool, cap, &before);
	lab_touch(&ghost);
	LAB_ASSERT(before >= 1 && before <= 3);
}

static void user(unsigned int cap)
{
	LAB_ASSERT(heddle_group_set_cap(groups[0], cap, NULL) == 0);
	lab_touch(&ghost);
}

static void user_raises(void)
{
	user(3);
	thread_ends();
}

static void user_lowers(void)
{
	user(1);
	thread_ends();
}

static void limit_falls(void)
{
	limit(2);
	thread_ends();
}

static void limit_rises(void)
{
	limit(3);
	thread_ends();
}

static const char *in_force_is(uint32_t wanted)
{
	uint64_t word =
		atomic_load_explicit(&groups[0]->word, memory_order_relaxed);

	if (ghost.ended_threads != rules->threads)
		return "lost wake-up: a thread does not come to its end";
	return hd_word_target(word) == wanted ? NULL
					      : "wrong: the cap in force";
}

static const char *two_at_rest(void)
{
	return in_force_is(2);
}

static const char *one_at_rest(void)
{
	return in_force_is(1);
}

static const struct rules quiet =
	RULES(.workers = 0, .workers_max = 3, .cap = { 1 }, .threads = 2);

static void setup(void)
{
	pool_make(&quiet);
}

LAB_SCENARIO(raised, .name = "limit-raised",
	     .claim = "a raise of the user's goes as far as the limit",
	     .setup = setup, .reset = pool_reset,
	     .thread = { user_raises, limit_falls }, .at_rest = two_at_rest,
	     UP_TO(3, 1));

static void setup_three(void)
{
	uint32_t before;

	pool_make(&quiet);
	LAB_ASSERT(heddle_group_set_cap(groups[0], 3, NULL) == 0);
	hd_cap_limit(pool, 2, &before);
}

LAB_SCENARIO(lowered, .name = "limit-lowered",
	     .claim = "a limit that rises does not lift the user's cap",
	     .setup = setup_three, .reset = pool_reset,
	     .thread = { user_lowers, limit_rises }, .at_rest = one_at_rest,
	     UP_TO(3, 1));

/* -- a limit that rises is headroom like any other -- */

static void limit_to_2(void)
{
	uint32_t before;

	lab_touch(&ghost);
	ghost_cap_may(0, 2);
	LAB_ASSERT(hd_cap_limit(pool, 2, &before) == 2);
	lab_touch(&ghost);
	ghost_floor_is(0, 2);
	thread_ends();
}

static void setup_limited(void)
{
	uint32_t before;

	LAB_ASSERT(heddle_group_set_cap(groups[0], 2, NULL) == 0);
	hd_cap_limit(pool, 1, &before);
}

POOL_AND(rises, "limit-rises", "a limit that rises starts the second task",
	 RULES(.workers = 2, .cap = { 1 }, .stuck = true, .threads = 2),
	 setup_limited(), pool_reset, THREADS(submit_two, limit_to_2), USUAL,
	 .settle = true);
