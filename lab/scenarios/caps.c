/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Caps that change while tasks run, wait and are submitted: in every direction,
 * and when nobody else is about to look.
 *
 * clause: C1
 * clause: C2
 * clause: C4
 * clause: C7
 */
#include "lab/scenarios/pool.h"

static void change(unsigned int g, unsigned int cap, bool wait)
{
	struct heddle_ticket ticket;
	int rc;

	lab_touch(&ghost);
	ghost_cap_may(g, cap);
	rc = heddle_group_set_cap(groups[g], cap, &ticket);
	LAB_ASSERT(rc == 0);
	if (wait) {
		rc = heddle_group_wait(ticket, HEDDLE_FOREVER);
		LAB_ASSERT(rc == 0);
		lab_touch(&ghost);
		ghost_cap_is(g, cap);
	} else {
		lab_touch(&ghost);
		ghost_floor_is(g, cap);
	}
}

static void submit_1(void)
{
	submit(1);
	thread_ends();
}

static void submit_1_twice(void)
{
	submit(1);
	submit(1);
	thread_ends();
}

static void to_2(void)
{
	change(0, 2, false);
	thread_ends();
}

static void to_1_wait(void)
{
	change(0, 1, true);
	thread_ends();
}

static void to_1(void)
{
	change(0, 1, false);
	thread_ends();
}

static void to_0_wait(void)
{
	change(0, 0, true);
	thread_ends();
}

static void to_0_to_1(void)
{
	change(0, 0, false);
	change(0, 1, false);
	thread_ends();
}

POOL(raise, "cap-raise", "a raise starts the second task",
     RULES(.workers = 2, .cap = { 1 }, .stuck = true, .threads = 2),
     THREADS(submit_two, to_2), USUAL);
POOL(raise_asleep, "cap-raise-asleep", "and with workers that sleep",
     RULES(.workers = 2, .cap = { 1 }, .stuck = true, .threads = 2),
     THREADS(submit_two, to_2), USUAL, .settle = true);
POOL(lower, "cap-lower", "when the wait returns no more run than the new cap",
     RULES(.workers = 2, .cap = { 2 }, .threads = 2),
     THREADS(submit_two, to_1_wait), USUAL);
POOL(pause, "cap-zero", "when the wait for zero returns nothing runs",
     RULES(.workers = 2, .cap = { 2 }, .threads = 2),
     THREADS(submit_two, to_0_wait), USUAL);
POOL(resume, "cap-zero-one", "a pause that ends strands nothing",
     RULES(.workers = 1, .cap = { 1 }, .threads = 2),
     THREADS(submit_one, to_0_to_1), UP_TO(2, 0));
POOL(resume_stuck, "cap-zero-one-stuck", "nor does it with two workers",
     RULES(.workers = 2, .cap = { 1 }, .stuck = true, .threads = 2),
     THREADS(submit_one, to_0_to_1), USUAL, .settle = true);
POOL(updown, "cap-two-changers", "of two changers the last one holds",
     RULES(.workers = 2, .cap = { 1 }, .threads = 3),
     THREADS(submit_one, to_2, to_1), USUAL);

/* -- the cap of a group below, and of the one above -- */

static void child_to_2(void)
{
	change(1, 2, false);
	thread_ends();
}

static void both_to_2(void)
{
	struct heddle_change changes[] = { { groups[0], 2, 0, 0, 0 },
					   { groups[1], 2, 0, 0, 0 } };
	int rc;

	lab_touch(&ghost);
	ghost_cap_may(0, 2);
	ghost_cap_may(1, 2);
	rc = heddle_group_update(changes, 2, NULL);
	LAB_ASSERT(rc == 0);
	lab_touch(&ghost);
	ghost_floor_is(0, 2);
	ghost_floor_is(1, 2);
	thread_ends();
}

POOL(raise_child, "cap-raise-child", "a raise below starts the second task",
     RULES(.workers = 2, .below = 1, .cap = { 2, 1 }, .stuck = true,
	   .threads = 2),
     THREADS(submit_1_twice, child_to_2), USUAL);
POOL(raise_both, "cap-raise-both", "and one that raises both levels at once",
     RULES(.workers = 2, .below = 1, .cap = { 1, 1 }, .stuck = true,
	   .threads = 2),
     THREADS(submit_1_twice, both_to_2), USUAL);
POOL(raise_above, "cap-raise-above", "and one above two siblings",
     RULES(.workers = 2, .below = 2, .cap = { 1 }, .stuck = true, .threads = 2),
     THREADS(submit_1_twice, to_2), USUAL);

/* -- C7 and C1 without a wait: what is submitted after the change obeys it -- */

static void never(void *arg)
{
	(void)arg;
	lab_fail("called in a paused group");
}

static void pause_then_submit(void)
{
	int rc = heddle_group_set_cap(groups[0], 0, NULL);

	LAB_ASSERT(rc == 0);
	LAB_ASSERT(heddle_submit_call(groups[0], never, NULL) == 0);
	thread_ends();
}

LAB_GHOST static const char *threads_ended(void)
{
	return ghost.ended_threads == rules->threads
		       ? NULL
		       : "lost wake-up: a thread does not come to its end";
}

static const struct rules two_threads =
	RULES(.workers = 2, .cap = { 2 }, .threads = 2);

static void setup_two(void)
{
	pool_make(&two_threads);
}

LAB_SCENARIO(paused, .name = "cap-zero-submit",
	     .claim = "nothing that is submitted after a pause is called",
	     .setup = setup_two, .reset = pool_reset,
	     .thread = { submit_two, pause_then_submit },
	     .at_rest = threads_ended, USUAL);

static void at_most_one(void *arg)
{
	(void)arg;
	lab_touch(&ghost);
	ghost_begin(0);
	ghost_cap_is(0, 1); /* with this one */
	lab_touch(&ghost);
	ghost_end(0);
}

static void lower_then_submit(void)
{
	lab_touch(&ghost);
	LAB_ASSERT(heddle_group_set_cap(groups[0], 1, NULL) == 0);
	lab_touch(&ghost);
	ghost_floor_is(0, 1);
	LAB_ASSERT(heddle_submit_call(groups[0], at_most_one, NULL) == 0);
	ghost_submitted(0);
	thread_ends();
}

POOL(lowered, "cap-lower-submit",
     "what is submitted after a lowering starts below the new cap",
     RULES(.workers = 2, .cap = { 2 }, .threads = 2),
     THREADS(submit_two, lower_then_submit), USUAL);

/* Three levels: the cap in the middle moves while a leaf is submitted to. */
static void middle_0_1(void)
{
	change(1, 0, false);
	change(1, 1, false);
	thread_ends();
}

static void submit_2(void)
{
	submit(2);
	thread_ends();
}

POOL(middle, "cap-middle", "a pause in the middle of three levels",
     RULES(.workers = 1, .below = 2, .parent = { 0, 0, 1 }, .cap = { 1, 1, 1 },
	   .stuck = true, .threads = 3),
     THREADS(submit_2, middle_0_1, submit_1), USUAL, .pct = true);

/* -- one worker, and old values -- */

POOL(pause_old, "cap-zero-old", "a wait for zero",
     RULES(.workers = 1, .cap = { 1 }, .threads = 2),
     THREADS(submit_one, to_0_wait), .settle = true, UP_TO(1, 1));
POOL(resume_old, "cap-zero-one-old", "a pause that ends",
     RULES(.workers = 1, .cap = { 1 }, .threads = 2),
     THREADS(submit_one, to_0_to_1), .settle = true, UP_TO(1, 1));

static const struct rules one_worker =
	RULES(.workers = 1, .cap = { 1 }, .threads = 2);

static void setup_one_worker(void)
{
	pool_make(&one_worker);
}

LAB_SCENARIO(paused_old, .name = "cap-zero-submit-old",
	     .claim = "nothing that is submitted after a pause is called",
	     .setup = setup_one_worker, .reset = pool_reset,
	     .thread = { submit_one, pause_then_submit },
	     .at_rest = threads_ended, .settle = true, UP_TO(1, 1));
