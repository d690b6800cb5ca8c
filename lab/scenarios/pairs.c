/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pairs: what one mechanism does in the middle of another one. Of a hierarchy, a
 * change of caps, a blocking region, a join, and tasks that a worker leaves
 * behind, each two meet in one scenario; doc/lab.md has the table. Those that
 * others cover are not repeated here.
 *
 * clause: C1
 * clause: C2
 * clause: C6
 * clause: B1
 * clause: N1
 * clause: D2
 */
#include "lab/scenarios/pairs.h"

/* -- hierarchy and region: the level in the middle is freed for a sibling -- */

static void block_for_ever(void *arg)
{
	(void)arg;
	begin(2);
	region(2, false);
}

static void submit_block_for_ever(void)
{
	submit_call(2, block_for_ever);
	thread_ends();
}

POOL(hierarchy_block, "pair-hierarchy-block",
     "a region frees the level that a sibling waits for",
     RULES(.workers = 2, .below = 3, .parent = { 0, 0, 1, 1 }, .cap = { 2, 1 },
	   .stuck = true, .threads = 2),
     THREADS(submit_block_for_ever, submit_3), UP_TO(2, 0), .settle = true);

/* -- hierarchy and join: the paths of both share the root only -- */

static void join_sibling(void *arg)
{
	(void)arg;
	begin(1);
	submit_child(2, body_2);
	join_child(1);
	end(1);
}

static void submit_join_sibling(void)
{
	submit_call(1, join_sibling);
	thread_ends();
}

POOL(hierarchy_join, "pair-hierarchy-join",
     "a join across siblings that share one permit",
     RULES(.workers = 2, .below = 2, .cap = { 1, 1, 1 }, .threads = 2),
     THREADS(submit_join_sibling, submit_2), UP_TO(2, 0), .settle = true);

/* -- hierarchy and orphans -- */

static void leave_one(void *arg)
{
	(void)arg;
	begin(2);
	submit(2);
	end(2);
}

static void submit_leave_one(void)
{
	submit_call(2, leave_one);
	thread_ends();
}

POOL(hierarchy_orphan, "pair-hierarchy-orphan",
     "what is left of a leaf starts below the level that others use",
     RULES(.workers = 1, .below = 2, .parent = { 0, 0, 1 }, .cap = { 1, 1, 1 },
	   .threads = 2),
     THREADS(submit_leave_one, stop_and_start), UP_TO(2, 0), .settle = true);

/* -- change and join: the child's group is paused under the joiner -- */

static void join_below(void *arg)
{
	(void)arg;
	begin(0);
	submit_child(1, body_1);
	join_child(0);
	end(0);
}

static void submit_join_below(void)
{
	submit_call(0, join_below);
	thread_ends();
}

POOL(cap_join, "pair-cap-join", "a pause of the group whose task is joined",
     RULES(.workers = 2, .below = 1, .cap = { 2, 1 }, .threads = 2),
     THREADS(submit_join_below, pause_1), USUAL, .settle = true, .pct = true);

/* -- change and orphans: the worker changes its group in the pause -- */

static void leave_two(void *arg)
{
	(void)arg;
	begin(1);
	submit(1);
	submit(1);
	end(1);
}

static void submit_leave_two(void)
{
	submit_call(1, leave_two);
	thread_ends();
}

POOL(cap_orphan, "pair-cap-orphan",
     "what a worker leaves in a pause starts after it",
     RULES(.workers = 1, .below = 2, .cap = { 1, 1, 1 }, .threads = 3),
     THREADS(submit_leave_two, pause_1, submit_2), USUAL, .settle = true,
     .pct = true);

/* -- region and join: who is joined is in a region -- */

static void block_0(struct heddle_task *task)
{
	(void)task;
	begin(0);
	region(0, true);
	end(0);
}

static void join_blocking(void *arg)
{
	(void)arg;
	begin(0);
	submit_child(0, block_0);
	/* Somebody else may take it. */
	region(0, true);
	join_child(0);
	end(0);
}

static void submit_join_blocking(void)
{
	submit_call(0, join_blocking);
	thread_ends();
}

POOL(block_join, "pair-block-join", "a join of a task that is in its region",
     RULES(.workers = 2, .cap = { 1 }, .threads = 1),
     THREADS(submit_join_blocking), UP_TO(2, 0), .settle = true);

/* -- region and orphans: what lies in the deque of who blocks -- */

static void leave_and_block(void *arg)
{
	(void)arg;
	begin(1);
	submit(1);
	region(1, false);
}

static void submit_leave_and_block(void)
{
	submit_call(1, leave_and_block);
	thread_ends();
}

POOL(block_orphan, "pair-block-orphan",
     "what lies in the deque of who blocks is run",
     RULES(.workers = 2, .below = 1, .cap = { 2, 1 }, .stuck = true,
	   .threads = 2),
     THREADS(submit_leave_and_block, submit_1), UP_TO(2, 0), .settle = true);

/* -- join and orphans: one of two children is joined, the other one is left -- */

static void join_one_of_two(void *arg)
{
	(void)arg;
	begin(1);
	submit(1);
	submit_child(1, body_1);
	join_child(1);
	end(1);
}

static void submit_join_one_of_two(void)
{
	submit_call(1, join_one_of_two);
	thread_ends();
}

POOL(join_orphan, "pair-join-orphan",
     "who has joined one child and must go leaves the other one",
     RULES(.workers = 1, .below = 1, .cap = { 1, 1 }, .threads = 2),
     THREADS(submit_join_one_of_two, stop_and_start), UP_TO(2, 0),
     .settle = true);

/* -- who joined goes on with its permit, and tells the returner of the child's (L1) -- */

static void join_and_stay(void *arg)
{
	(void)arg;
	begin(0);
	submit_child(1, body_1);
	join_child(0);
	lab_sleep_for_ever();
}

static void submit_stay(void)
{
	submit_call(0, join_and_stay);
	thread_ends();
}

static void stay_in_1(struct heddle_task *task)
{
	(void)task;
	begin(1);
	lab_sleep_for_ever();
}

/* The second child takes what the returner was told of, and keeps it. */
static void join_twice_and_stay(void *arg)
{
	(void)arg;
	begin(0);
	submit_child(1, body_1);
	join_child(0);
	submit_child(1, stay_in_1);
	join_child(0);
}

static void block_1(void *arg)
{
	(void)arg;
	begin(1);
	region(1, true);
	end(1);
}

static void submit_block_1(void)
{
	submit_call(1, block_1);
	thread_ends();
}

static void submit_both(void)
{
	submit_call(1, block_1);
	submit_call(0, join_twice_and_stay);
	thread_ends();
}

LAB_GHOST static const char *all_of_1_ended(void)
{
	if (ghost.ended_threads != rules->threads)
		return "lost wake-up: a thread does not come to its end";
	return ghost.ended[1] == ghost.submitted[1]
		       ? NULL
		       : "untold: a returner waits beside headroom";
}

static const struct rules told_rules =
	RULES(.workers = 2, .below = 1, .cap = { 2, 1 }, .threads = 2);
static const struct rules told_again_rules =
	RULES(.workers = 2, .below = 1, .cap = { 2, 1 }, .threads = 1);

LAB_GHOST static const char *one_at_most(void)
{
	if (ghost.ended_threads != rules->threads)
		return "lost wake-up: a thread does not come to its end";
	return NULL;
}

#define TOLD(id, title, what, its_rules, rest, threads, ...) \
 static void setup_##id(void) \
 { \
  pool_make(&its_rules); \
 } \
 LAB_SCENARIO(id, .name = title, .claim = what, .setup = setup_##id, \
	      .reset = pool_reset, .thread = threads, .at_rest = rest, \
	      __VA_ARGS__)

TOLD(told, "pair-block-told", "a returner is told by who holds permits",
     told_rules, all_of_1_ended, THREADS(submit_stay, submit_block_1),
     UP_TO(2, 0), .settle = true);
TOLD(told_old, "pair-block-told-old", "and loads may give an old value",
     told_rules, all_of_1_ended, THREADS(submit_stay, submit_block_1),
     UP_TO(1, 1), .settle = true);
TOLD(told_again, "pair-block-told-again",
     "and queues again when another one was faster", told_again_rules,
     one_at_most, THREADS(submit_both), UP_TO(2, 0), .settle = true);
