/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blocking regions: the permits go to somebody else, and come back before user
 * code goes on, also when the cap has changed meanwhile.
 *
 * clause: B1
 * clause: C1
 * clause: C2
 */
#include "lab/scenarios/pool.h"

LAB_GHOST static void ghost_block(bool begins)
{
	if (begins) {
		ghost_leave(0);
		ghost.blocked++;
	} else {
		ghost.blocked--;
		ghost_enter(0);
	}
}

static void blocking(void *arg)
{
	(void)arg;
	lab_touch(&ghost);
	ghost_begin(0);
	lab_touch(&ghost);
	ghost_block(true);
	LAB_ASSERT(heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL) == 0);
	LAB_ASSERT(heddle_block_end() == 0);
	lab_touch(&ghost);
	ghost_block(false);
	lab_touch(&ghost);
	ghost_end(0);
}

/* Never ends its region: the permit must serve the others. */
static void blocking_stuck(void *arg)
{
	(void)arg;
	lab_touch(&ghost);
	ghost_begin(0);
	lab_touch(&ghost);
	ghost_block(true);
	LAB_ASSERT(heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL) == 0);
	lab_sleep_for_ever();
}

static void submit_blocking(void)
{
	LAB_ASSERT(heddle_submit_call(groups[0], blocking, NULL) == 0);
	ghost_submitted(0);
	thread_ends();
}

static void submit_blocking_stuck(void)
{
	LAB_ASSERT(heddle_submit_call(groups[0], blocking_stuck, NULL) == 0);
	ghost_submitted(0);
	thread_ends();
}

static void to_0_to_1(void)
{
	lab_touch(&ghost);
	LAB_ASSERT(heddle_group_set_cap(groups[0], 0, NULL) == 0);
	LAB_ASSERT(heddle_group_set_cap(groups[0], 1, NULL) == 0);
	thread_ends();
}

POOL(block, "block", "a region lets another task run, and returns",
     RULES(.workers = 2, .cap = { 1 }, .threads = 2),
     THREADS(submit_blocking, submit_one), USUAL);
POOL(block_two, "block-two", "two regions share one permit",
     RULES(.workers = 2, .cap = { 1 }, .threads = 2),
     THREADS(submit_blocking, submit_blocking), USUAL);
POOL(block_asleep, "block-asleep", "a region wakes who sleeps for want of it",
     RULES(.workers = 2, .cap = { 1 }, .stuck = true, .threads = 2),
     THREADS(submit_blocking_stuck, submit_one), USUAL, .settle = true);
POOL(block_paused, "block-paused", "a pause meets a returner",
     RULES(.workers = 1, .cap = { 1 }, .threads = 2),
     THREADS(submit_blocking, to_0_to_1), UP_TO(2, 0));
POOL(block_old, "block-old", "one worker, a pause, and old values",
     RULES(.workers = 1, .cap = { 1 }, .threads = 2),
     THREADS(submit_blocking, to_0_to_1), .settle = true, UP_TO(1, 1));
POOL(block_two_old, "block-two-old", "two regions, and old values",
     RULES(.workers = 2, .cap = { 1 }, .threads = 2),
     THREADS(submit_blocking, submit_blocking), .settle = true, UP_TO(1, 1));
