/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tasks that do not return: they end their thread, or jump over frames
 * (doc/design/exit.md).
 *
 * clause: E5
 * clause: D1
 */
#include <setjmp.h>

#include "lab/engine.h"
#include "lab/scenarios/pool.h"

static struct heddle_task one, two;
static unsigned int fiber; /* ghost: whose thread a task has ended */

LAB_GHOST static void note_fiber(void)
{
	fiber = lab_at.current;
}

LAB_GHOST static bool has_fiber_ended(void)
{
	return lab_has_ended(fiber);
}

static void leave(struct heddle_task *task)
{
	(void)task;
	body(NULL);
	note_fiber();
	lab_leave();
}

static void submit_leaving(void)
{
	one = (struct heddle_task){ .fn = leave };
	LAB_ASSERT(heddle_submit(groups[0], &one) == 0);
	ghost_submitted(0);
}

/* -- the worker has a successor, who runs what waits -- */

static void leave_then_run(void)
{
	submit_leaving();
	submit(0);
	LAB_ASSERT(heddle_join(&one, 0, HEDDLE_FOREVER) == -ECANCELED);
	thread_ends();
}

POOL(exit_one, "exit-one", "a task ends its thread, the next one runs",
     RULES(.workers = 1, .cap = { 1 }, .threads = 1), THREADS(leave_then_run),
     UP_TO(2, 0));

static void leave_only(void)
{
	submit_leaving();
	LAB_ASSERT(heddle_join(&one, 0, HEDDLE_FOREVER) == -ECANCELED);
	thread_ends();
}

POOL(exit_submit, "exit-submit", "what is submitted meanwhile is run",
     RULES(.workers = 2, .cap = { 1 }, .threads = 2),
     THREADS(leave_only, submit_one), USUAL);

/* -- no thread is to be had: the other worker makes up for it -- */

POOL(exit_fails, "exit-fails",
     "a successor that cannot be made strands nothing",
     RULES(.workers = 2, .cap = { 1 }, .threads = 2),
     THREADS(leave_only, submit_one), USUAL, .create_fails = 1);

/* -- a stack of two -- */

static void join_two(struct heddle_task *task)
{
	(void)task;
	two = (struct heddle_task){ .fn = leave };
	LAB_ASSERT(heddle_submit(groups[1], &two) == 0);
	heddle_join(&two, 0, HEDDLE_FOREVER);
}

static void leave_above(void)
{
	one = (struct heddle_task){ .fn = join_two };
	LAB_ASSERT(heddle_submit(groups[0], &one) == 0);
	ghost_submitted(0);
	LAB_ASSERT(heddle_join(&one, 0, HEDDLE_FOREVER) == -ECANCELED);
	LAB_ASSERT(heddle_join(&two, 0, HEDDLE_FOREVER) == -ECANCELED);
	thread_ends();
}

POOL(exit_nested, "exit-nested", "the parts of the tasks above come back",
     RULES(.workers = 1, .below = 1, .cap = { 1, 1 }, .threads = 1),
     THREADS(leave_above), UP_TO(2, 0));

/* -- a stop -- */

static void stop_all(void)
{
	int rc =
		heddle_pool_stop(pool, 0, HEDDLE_R3_GONE, NULL, HEDDLE_FOREVER);

	LAB_ASSERT(rc == 0 && heddle_workers(pool, NULL, 0) == 0);
	thread_ends();
}

static void leave_and_go(void)
{
	submit_leaving();
	thread_ends();
}

static const struct rules stop_rules =
	RULES(.workers = 1, .cap = { 1 }, .threads = 2);

static void stop_setup(void)
{
	pool_make(&stop_rules);
}

static const char *stop_at_rest(void)
{
	if (ghost.ended_threads != 2)
		return "lost wake-up: a thread does not come to its end";
	if (heddle_workers(pool, NULL, 0))
		return "registry: a worker after the stop";
	if (pool->live || pool->starting)
		return "registry: somebody is counted";
	return NULL;
}

LAB_SCENARIO(exit_stop, .name = "exit-stop",
	     .claim = "a stop meets a worker whose thread is being ended",
	     .setup = stop_setup, .reset = pool_reset,
	     .thread = { leave_and_go, stop_all }, .at_rest = stop_at_rest,
	     UP_TO(2, 0));

/* Its task has ended, so its thread was left; the stop waits for both. */
static void leave_then_stop(void)
{
	submit_leaving();
	LAB_ASSERT(heddle_join(&one, 0, HEDDLE_FOREVER) == -ECANCELED);
	LAB_ASSERT(heddle_pool_stop(pool, 0, HEDDLE_R3_GONE, NULL,
				    HEDDLE_FOREVER) == 0);
	LAB_ASSERT(has_fiber_ended());
	thread_ends();
	thread_ends();
}

LAB_SCENARIO(exit_gone, .name = "exit-gone",
	     .claim = "a stop at R3 follows the thread that was succeeded",
	     .setup = stop_setup, .reset = pool_reset,
	     .thread = { leave_then_stop }, .at_rest = stop_at_rest,
	     UP_TO(2, 0));

/* Also when the pool closes: then there is no successor, and the entry is reaped. */
static void leave_then_destroy(void)
{
	submit_leaving();
	LAB_ASSERT(heddle_join(&one, 0, HEDDLE_FOREVER) == -ECANCELED);
	LAB_ASSERT(heddle_pool_destroy(pool, HEDDLE_R3_GONE, NULL,
				       HEDDLE_FOREVER) == 0);
	LAB_ASSERT(has_fiber_ended());
	thread_ends();
	thread_ends();
}

LAB_SCENARIO(exit_destroy, .name = "exit-destroy",
	     .claim = "a destroy meets a worker whose thread is being ended",
	     .setup = stop_setup, .reset = pool_reset,
	     .thread = { leave_then_destroy }, .at_rest = stop_at_rest,
	     UP_TO(2, 0));

/* -- a thread that helps -- */

static void leave_helping(struct heddle_task *task)
{
	(void)task;
	body(NULL);
	thread_ends();
	lab_leave();
}

static void stay(struct heddle_task *task)
{
	(void)task;
	body(NULL);
}

static void help_one(void)
{
	one = (struct heddle_task){ .fn = leave_helping };
	LAB_ASSERT(heddle_submit(groups[0], &one) == 0);
	ghost_submitted(0);
	heddle_join(&one, HEDDLE_JOIN_HELP, HEDDLE_FOREVER);
}

static void help_other(void)
{
	two = (struct heddle_task){ .fn = stay };
	LAB_ASSERT(heddle_submit(groups[0], &two) == 0);
	ghost_submitted(0);
	LAB_ASSERT(heddle_join(&two, HEDDLE_JOIN_HELP, HEDDLE_FOREVER) == 0);
	thread_ends();
}

POOL(exit_help, "exit-help", "a helper that leaves gives its unit to another",
     RULES(.workers = 0, .workers_max = 1, .helpers = 2, .cap = { 1 },
	   .threads = 2),
     THREADS(help_one, help_other), USUAL);

/* -- a longjmp over a task -- */

static jmp_buf back;

static void jump(struct heddle_task *task)
{
	(void)task;
	longjmp(back, 1);
}

static void join_jumping(struct heddle_task *task)
{
	(void)task;
	two = (struct heddle_task){ .fn = jump };
	if (setjmp(back) == 0) {
		LAB_ASSERT(heddle_submit(groups[1], &two) == 0);
		heddle_join(&two, 0, HEDDLE_FOREVER);
	}
	body(NULL);
}

static void skip(void)
{
	one = (struct heddle_task){ .fn = join_jumping };
	LAB_ASSERT(heddle_submit(groups[0], &one) == 0);
	ghost_submitted(0);
	LAB_ASSERT(heddle_join(&one, 0, HEDDLE_FOREVER) == 0);
	LAB_ASSERT(heddle_join(&two, 0, HEDDLE_FOREVER) == -ECANCELED);
	thread_ends();
}

POOL(skip, "skip", "a task that is jumped over ends when that is found",
     RULES(.workers = 1, .below = 1, .cap = { 1, 1 }, .threads = 1),
     THREADS(skip), UP_TO(2, 0));
