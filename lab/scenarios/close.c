/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Closing a group while it is submitted to, runs and blocks.
 *
 * clause: D5
 * clause: Q1
 */
#include "lab/scenarios/pool.h"

static bool closed;           /* ghost: the close has returned */
static unsigned int accepted; /* ghost */
static unsigned int called;   /* ghost */

LAB_GHOST static void close_reset(void)
{
	pool_reset();
	closed = false;
	accepted = called = 0;
}

LAB_GHOST static void ghost_call(void)
{
	LAB_ASSERT(!closed);
	called++;
}

LAB_GHOST static void ghost_accept(void)
{
	accepted++;
}

LAB_GHOST static void ghost_close(bool drained)
{
	closed = true;
	if (drained)
		LAB_ASSERT(called == accepted);
}

LAB_GHOST static void ghost_open(void)
{
	closed = false;
}

static void task(void *arg)
{
	(void)arg;
	lab_touch(&closed);
	ghost_call();
}

static void blocking_task(void *arg)
{
	(void)arg;
	lab_touch(&closed);
	ghost_call();
	LAB_ASSERT(heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL) == 0);
	LAB_ASSERT(heddle_block_end() == 0);
	/* Still live: a close that returned would have been too early. */
	lab_touch(&closed);
	ghost_call();
}

static void submit_to(void (*fn)(void *arg))
{
	int rc = heddle_submit_call(groups[1], fn, NULL);

	LAB_ASSERT(rc == 0 || rc == -ESHUTDOWN);
	if (rc == 0) {
		lab_touch(&closed);
		ghost_accept();
	}
}

static void submit_task(void)
{
	submit_to(task);
	thread_ends();
}

static void submit_pair(void)
{
	submit_to(task);
	submit_to(task);
	thread_ends();
}

static void submit_blocking(void)
{
	submit_to(blocking_task);
	thread_ends();
}

static void close_group(int mode)
{
	int rc = heddle_group_close(groups[1], mode, HEDDLE_FOREVER);

	LAB_ASSERT(rc == 0);
	lab_touch(&closed);
	ghost_close(false);
}

static void refuse(void)
{
	close_group(HEDDLE_CLOSE_REFUSE);
	thread_ends();
}

static void drain(void)
{
	close_group(HEDDLE_CLOSE_DRAIN);
	thread_ends();
}

static void quiesce_resume(void)
{
	close_group(HEDDLE_CLOSE_QUIESCE);
	lab_touch(&closed);
	ghost_open();
	LAB_ASSERT(heddle_group_close(groups[1], HEDDLE_CLOSE_RESUME,
				      HEDDLE_FOREVER) == 0);
	thread_ends();
}

LAB_GHOST static const char *threads_ended(void)
{
	return ghost.ended_threads == rules->threads
		       ? NULL
		       : "lost wake-up: a thread does not come to its end";
}

LAB_GHOST static const char *all_called(void)
{
	if (ghost.ended_threads != rules->threads)
		return "lost wake-up: a thread does not come to its end";
	return called == accepted ? NULL : "lost: a task was not called";
}

static const struct rules one =
	RULES(.workers = 1, .below = 1, .cap = { 1 }, .threads = 2);

static void setup(void)
{
	pool_make(&one);
}

#define CLOSE(id, title, about, closer, submitter, verdict, ...) \
 LAB_SCENARIO(id, .name = title, .claim = about, .setup = setup, \
	      .reset = close_reset, .thread = { submitter, closer }, \
	      .at_rest = verdict, __VA_ARGS__)

CLOSE(refuses, "close-refuse", "nothing runs when a refusal has returned",
      refuse, submit_task, threads_ended, UP_TO(2, 0));
CLOSE(refuses_old, "close-refuse-old", "and loads may give an old value",
      refuse, submit_task, threads_ended, UP_TO(1, 1));
CLOSE(drains, "close-drain", "a drain runs what was accepted before", drain,
      submit_task, all_called, UP_TO(2, 0));
CLOSE(drains_old, "close-drain-old", "and loads may give an old value", drain,
      submit_task, all_called, UP_TO(1, 1));
CLOSE(drains_two, "close-drain-two",
      "a second task is run before the drain returns, or refused", drain,
      submit_pair, all_called, UP_TO(2, 0));
CLOSE(blocks, "close-block", "a task in a blocking region is live", refuse,
      submit_blocking, threads_ended, UP_TO(2, 0));
CLOSE(blocks_old, "close-block-old", "and loads may give an old value", refuse,
      submit_blocking, threads_ended, UP_TO(1, 1));
CLOSE(quiet, "close-quiesce", "a quiesce that ends strands nothing",
      quiesce_resume, submit_task, all_called, UP_TO(2, 0));
CLOSE(quiet_old, "close-quiesce-old", "and loads may give an old value",
      quiesce_resume, submit_task, all_called, UP_TO(1, 1));

/* A task that never leaves its region: a close must never return. */
static void stuck_task(void *arg)
{
	(void)arg;
	lab_touch(&closed);
	ghost_call();
	LAB_ASSERT(heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL) == 0);
	lab_sleep_for_ever();
}

static void submit_stuck(void)
{
	submit_to(stuck_task);
	thread_ends();
}

LAB_GHOST static const char *never_closed(void)
{
	return closed && called ? "live: the close returned under a task"
				: NULL;
}

CLOSE(stuck, "close-stuck", "no close returns while a task is in its region",
      refuse, submit_stuck, never_closed, UP_TO(2, 0));
CLOSE(stuck_old, "close-stuck-old", "and loads may give an old value", refuse,
      submit_stuck, never_closed, UP_TO(1, 1));

/* -- a join that runs its task itself, in a group that is told to rest -- */

static struct heddle_task joined;

static void joined_task(struct heddle_task *given)
{
	task(given);
}

static void joining(void *arg)
{
	(void)arg;
	joined = (struct heddle_task){ .fn = joined_task };
	LAB_ASSERT(heddle_submit(groups[1], &joined) == 0);
	LAB_ASSERT(heddle_join(&joined, 0, HEDDLE_FOREVER) == 0);
}

static void submit_joining(void)
{
	LAB_ASSERT(heddle_submit_call(groups[0], joining, NULL) == 0);
	thread_ends();
}

LAB_SCENARIO(join_rests, .name = "close-join",
	     .claim = "a join runs no task of a group that rests",
	     .setup = setup, .reset = close_reset,
	     .thread = { submit_joining, quiesce_resume },
	     .at_rest = threads_ended, UP_TO(2, 0));
/* Nobody resumes: it must not run at all any more. */
static void quiesce(void)
{
	close_group(HEDDLE_CLOSE_QUIESCE);
	thread_ends();
}

LAB_SCENARIO(join_rests_old, .name = "close-join-old",
	     .claim = "and loads may give an old value", .setup = setup,
	     .reset = close_reset, .thread = { submit_joining, quiesce },
	     .at_rest = threads_ended, UP_TO(1, 1));

/* -- a drain waits for tasks that a refusal takes away from it -- */

static const struct rules nobody =
	RULES(.workers = 0, .workers_max = 1, .below = 1, .threads = 2);

static void setup_queued(void)
{
	pool_make(&nobody);
	LAB_ASSERT(heddle_submit_call(groups[1], task, NULL) == 0);
}

static void drain_free(void)
{
	int mode = HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE;

	LAB_ASSERT(heddle_group_close(groups[1], mode, HEDDLE_FOREVER) == 0);
	thread_ends();
}

static void refuse_above(void)
{
	LAB_ASSERT(heddle_group_close(groups[0], HEDDLE_CLOSE_REFUSE,
				      HEDDLE_FOREVER) == 0);
	thread_ends();
}

LAB_SCENARIO(refused_above, .name = "close-refuse-drain",
	     .claim = "a drain ends when what it waits for is refused above",
	     .setup = setup_queued, .reset = close_reset,
	     .thread = { drain_free, refuse_above }, .at_rest = threads_ended,
	     UP_TO(3, 0));
/* And the node of a submit that took its task back lies there, for no worker. */
static const struct rules nobody_three =
	RULES(.workers = 0, .workers_max = 1, .below = 1, .threads = 3);

static void setup_nobody_three(void)
{
	pool_make(&nobody_three);
}

LAB_SCENARIO(refused_dead, .name = "close-refuse-dead",
	     .claim = "and when what it waits for was taken back",
	     .setup = setup_nobody_three, .reset = close_reset,
	     .thread = { submit_task, drain, refuse_above },
	     .at_rest = threads_ended, UP_TO(3, 0));

/* Drained above: nothing is left but what was taken back. */
static void drain_above(void)
{
	LAB_ASSERT(heddle_group_close(groups[0], HEDDLE_CLOSE_DRAIN,
				      HEDDLE_FOREVER) == 0);
	thread_ends();
}

static const struct rules one_three =
	RULES(.workers = 1, .below = 1, .cap = { 1 }, .threads = 3);

static void setup_one_three(void)
{
	pool_make(&one_three);
}

LAB_SCENARIO(drained_dead, .name = "close-drain-dead",
	     .claim = "so also of two drains, whichever ends first",
	     .setup = setup_one_three, .reset = close_reset,
	     .thread = { submit_task, drain, drain_above },
	     .at_rest = all_called, UP_TO(1, 0));
LAB_SCENARIO(drained_refused, .name = "close-drain-refused",
	     .claim = "and of a drain above a refusal",
	     .setup = setup_one_three, .reset = close_reset,
	     .thread = { submit_task, refuse, drain_above },
	     .at_rest = threads_ended, UP_TO(1, 0));
LAB_SCENARIO(refused_above_old, .name = "close-refuse-drain-old",
	     .claim = "and loads may give an old value", .setup = setup_queued,
	     .reset = close_reset, .thread = { drain, refuse_above },
	     .at_rest = threads_ended, UP_TO(1, 1));
