/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Donated threads in heddle_pool_run(): asleep beside submits, deadlines and stops, and
 * the event that a poll loop watches. doc/design/donated.md names the outcomes.
 *
 * clause: S2
 * clause: D1
 * clause: C2
 * clause: C8
 */
#include "platform/cacheline.h"
#include "platform/futex.h"
#include "sched/want.h"

#include "lab/scenarios/pool.h"

/* In the past, and yet it sleeps first. */
#define PAST UINT64_C(1)

static void run_one(void)
{
	LAB_ASSERT(heddle_pool_run(pool, HEDDLE_RUN_ONE, HEDDLE_FOREVER) == 0);
	thread_ends();
}

/* -- asleep -- */

POOL(one, "donate-one", "a donated thread that goes to sleep hears of a submit",
     RULES(.workers_max = 1, .helpers = 1, .threads = 2),
     THREADS(submit_one, run_one), UP_TO(3, 0));
POOL(one_old, "donate-one-old", "and loads may give an old value",
     RULES(.workers_max = 1, .helpers = 1, .threads = 2),
     THREADS(submit_one, run_one), UP_TO(1, 1));
POOL(two, "donate-two", "two of them and one unit: each has its task",
     RULES(.workers_max = 1, .helpers = 2, .threads = 3),
     THREADS(submit_two, run_one, run_one), USUAL);

/* -- the deadline -- */

/* Whoever runs the first task submits the second, which is for the other thread. */
static void run_to_deadline(void)
{
	int rc = heddle_pool_run(pool, HEDDLE_RUN_ONE, PAST);

	LAB_ASSERT(rc == 0 || rc == -ETIMEDOUT);
	if (rc == 0)
		submit(0);
	thread_ends();
}

POOL(deadline, "donate-deadline",
     "a wake in the hand at the deadline is passed on",
     RULES(.workers_max = 2, .helpers = 2, .threads = 3),
     THREADS(run_to_deadline, run_one, submit_one), UP_TO(2, 0));

static void run_some_time(void)
{
	int rc = heddle_pool_run(pool, HEDDLE_RUN_UNTIL_STOPPED, PAST);

	LAB_ASSERT(rc == -ETIMEDOUT);
	thread_ends();
}

POOL(deadline_worker, "donate-deadline-worker",
     "and beside a worker that sleeps",
     RULES(.workers = 1, .workers_max = 2, .helpers = 1, .threads = 2),
     THREADS(run_some_time, submit_two), .settle = true, UP_TO(2, 0));

/* -- a poll loop -- */

static unsigned int wanted; /* ghost: tasks that end the loop */

LAB_GHOST static bool all_ended(void)
{
	unsigned int n = 0;

	for (unsigned int g = 0; g < GROUPS; g++)
		n += ghost.ended[g];
	return n >= wanted;
}

static void loop(uint32_t flags, uint64_t deadline)
{
	int fd = heddle_pool_eventfd(pool);

	while (!all_ended()) {
		int rc;

		lab_event_wait(fd);
		rc = heddle_pool_run(pool, flags, deadline);
		LAB_ASSERT(rc == 0 || rc == -ETIMEDOUT);
	}
	thread_ends();
}

static void loop_until_idle(void)
{
	loop(HEDDLE_RUN_UNTIL_IDLE, HEDDLE_FOREVER);
}

static void loop_by_one(void)
{
	loop(HEDDLE_RUN_ONE, HEDDLE_NOW);
}

LAB_GHOST static void reset_two(void)
{
	pool_reset();
	wanted = 2;
}

POOL_AND(loop, "donate-loop", "a poll loop hears of each submit",
	 RULES(.workers_max = 1, .helpers = 1, .threads = 3),
	 (void)heddle_pool_eventfd(pool), reset_two,
	 THREADS(loop_until_idle, submit_one, submit_one), USUAL);
POOL_AND(loop_two, "donate-loop-two",
	 "of a second one while it drains or leaves",
	 RULES(.workers_max = 1, .helpers = 1, .threads = 2),
	 (void)heddle_pool_eventfd(pool), reset_two,
	 THREADS(loop_until_idle, submit_two), UP_TO(3, 0));
POOL_AND(loop_old, "donate-loop-old", "and loads may give an old value",
	 RULES(.workers_max = 1, .helpers = 1, .threads = 2),
	 (void)heddle_pool_eventfd(pool), reset_two,
	 THREADS(loop_until_idle, submit_two), UP_TO(1, 1));
POOL_AND(loop_made, "donate-loop-made", "of one before there was an event",
	 RULES(.workers_max = 1, .helpers = 1, .threads = 2), (void)0,
	 reset_two, THREADS(loop_until_idle, submit_two), UP_TO(2, 0));
POOL_AND(loop_one, "donate-loop-one", "who leaves work behind asks for another",
	 RULES(.workers_max = 1, .helpers = 1, .threads = 2),
	 (void)heddle_pool_eventfd(pool), reset_two,
	 THREADS(loop_by_one, submit_two), UP_TO(2, 0));

/* Tasks that can be joined: who ends one holds the flag of who searches. */
static struct heddle_task task[2];

static void task_body(struct heddle_task *which)
{
	(void)which;
	body((void *)(uintptr_t)0);
}

static void submit_tasks(void)
{
	for (int i = 0; i < 2; i++) {
		task[i] = (struct heddle_task)HEDDLE_TASK_INIT(task_body);
		LAB_ASSERT(heddle_submit(groups[0], &task[i]) == 0);
		ghost_submitted(0);
	}
	thread_ends();
}

POOL_AND(loop_task, "donate-loop-task",
	 "nobody is left to search when it leaves",
	 RULES(.workers_max = 1, .helpers = 1, .threads = 2),
	 (void)heddle_pool_eventfd(pool), reset_two,
	 THREADS(loop_by_one, submit_tasks), UP_TO(2, 0));

/* What it leaves is another group's, and was queued before it came. */
static void two_groups(void)
{
	submit(0);
	submit(1);
	LAB_ASSERT(heddle_pool_eventfd(pool) >= 0);
}

LAB_GHOST static void reset_queued(void)
{
	reset_two();
	ghost.submitted[0] = ghost.submitted[1] = 1;
}

static void nothing(void)
{
	thread_ends();
}

POOL_AND(leave, "donate-leave", "of the work of another group too",
	 RULES(.workers_max = 2, .helpers = 1, .below = 1, .threads = 2),
	 two_groups(), reset_queued, THREADS(loop_by_one, nothing),
	 UP_TO(2, 0));

/* Its work was done by others: the loop drains the event for nothing. */
static void raised(void)
{
	LAB_ASSERT(heddle_pool_eventfd(pool) >= 0);
	hd_want_raise(pool);
}

LAB_GHOST static void reset_one(void)
{
	pool_reset();
	wanted = 1;
}

POOL_AND(vain, "donate-vain", "a run in vain, and the next submit",
	 RULES(.workers_max = 1, .helpers = 1, .threads = 2), raised(),
	 reset_one, THREADS(loop_until_idle, submit_one), UP_TO(2, 1));
POOL_AND(loops, "donate-loops", "two loops at one descriptor",
	 RULES(.workers_max = 2, .helpers = 2, .threads = 1, .stuck = true,
	       .will_live = 2),
	 (void)heddle_pool_eventfd(pool), reset_two,
	 THREADS(loop_until_idle, loop_until_idle, submit_two), USUAL);

/* The sleeper that a submit has seen leaves before it can be woken. */
static void stop_the_last(void)
{
	LAB_ASSERT(heddle_pool_stop(pool, 0, HEDDLE_R1_LEFT, NULL,
				    HEDDLE_FOREVER) == 0);
	thread_ends();
}

/* The stop may ask it to leave, too. */
static void loop_on(void)
{
	int fd = heddle_pool_eventfd(pool);

	while (!all_ended()) {
		int rc;

		lab_event_wait(fd);
		rc = heddle_pool_run(pool, HEDDLE_RUN_UNTIL_IDLE,
				     HEDDLE_FOREVER);
		LAB_ASSERT(rc == 0 || rc == -ESHUTDOWN);
	}
}

POOL_AND(last, "donate-last",
	 "the last sleeper leaves between a submit's two looks",
	 RULES(.workers = 1, .workers_max = 2, .helpers = 1, .threads = 2),
	 (void)heddle_pool_eventfd(pool), reset_one,
	 THREADS(loop_on, submit_one, stop_the_last), .settle = true, USUAL);

/* Headroom. */
static void raise_cap(void)
{
	submit(1);
	lab_touch(&ghost);
	ghost_cap_may(1, 1);
	LAB_ASSERT(heddle_group_set_cap(groups[1], 1, NULL) == 0);
	lab_touch(&ghost);
	ghost_floor_is(1, 1);
	thread_ends();
}

static void pause(void)
{
	LAB_ASSERT(heddle_group_set_cap(groups[1], 0, NULL) == 0);
	LAB_ASSERT(heddle_pool_eventfd(pool) >= 0);
}

LAB_GHOST static void reset_paused(void)
{
	pool_reset();
	ghost.cap[1] = ghost.floor[1] = 0;
	wanted = 1;
}

POOL_AND(raise_loop, "donate-raise", "a raised cap asks for a donated thread",
	 RULES(.workers_max = 1, .helpers = 1, .below = 1, .cap = { 1, 1 },
	       .threads = 2),
	 pause(), reset_paused, THREADS(loop_until_idle, raise_cap),
	 UP_TO(2, 0));

/* -- a stop, a destroy -- */

static bool inside; /* ghost */
static _Atomic uint32_t has_come;

LAB_GHOST static void inside_reset(void)
{
	pool_reset();
	inside = false;
}

LAB_GHOST static void ghost_inside(bool yes)
{
	inside = yes;
}

LAB_GHOST static void ghost_nobody_inside(void)
{
	LAB_ASSERT(!inside);
}

static int init(struct heddle_pool *of, uint32_t index, void *arg)
{
	(void)of;
	(void)index;
	(void)arg;
	ghost_inside(true);
	atomic_store_explicit(&has_come, 1, memory_order_release);
	hd_futex_wake(&has_come, 1);
	return 0;
}

static void done(struct heddle_pool *of, uint32_t index, void *arg)
{
	(void)of;
	(void)index;
	(void)arg;
	hd_relax();
	ghost_inside(false);
}

static const struct rules end_rules =
	RULES(.workers_max = 1, .helpers = 1, .threads = 2);

static void end_setup(void)
{
	pool_make(&end_rules);
	pool->worker_init = init;
	pool->worker_exit = done;
}

static void run_until_stopped(void)
{
	LAB_ASSERT(heddle_pool_run(pool, HEDDLE_RUN_UNTIL_STOPPED,
				   HEDDLE_FOREVER) == 0);
	thread_ends();
}

static void wait_for_donor(void)
{
	while (!atomic_load_explicit(&has_come, memory_order_acquire))
		hd_futex_wait(&has_come, 0, HEDDLE_FOREVER);
}

static void stop(void)
{
	wait_for_donor();
	LAB_ASSERT(heddle_pool_stop(pool, 0, HEDDLE_R4_CLEAN, NULL,
				    HEDDLE_FOREVER) == 0);
	lab_touch(&inside);
	ghost_nobody_inside();
	thread_ends();
}

LAB_SCENARIO(
	donate_stop, .name = "donate-stop",
	.claim = "a stop asks who sleeps, or is about to, and waits for it",
	.setup = end_setup, .reset = inside_reset,
	.thread = { run_until_stopped, stop }, .at_rest = pool_at_rest,
	UP_TO(3, 0));
LAB_SCENARIO(donate_stop_old, .name = "donate-stop-old",
	     .claim = "and loads may give an old value", .setup = end_setup,
	     .reset = inside_reset, .thread = { run_until_stopped, stop },
	     .at_rest = pool_at_rest, UP_TO(1, 1));

static void destroy(void)
{
	wait_for_donor();
	LAB_ASSERT(heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL,
				       HEDDLE_FOREVER) == 0);
	lab_touch(&inside);
	ghost_nobody_inside();
	thread_ends();
}

static const char *destroyed(void)
{
	if (ghost.ended_threads != 2)
		return "lost wake-up: a thread does not come to its end";
	return lab_live_blocks() ? "leak: memory after the destroy" : NULL;
}

LAB_SCENARIO(donate_destroy, .name = "donate-destroy",
	     .claim = "a destroy frees nothing under a donated thread",
	     .setup = end_setup, .reset = inside_reset,
	     .thread = { run_until_stopped, destroy }, .at_rest = destroyed,
	     UP_TO(3, 0));

/* -- what it steals from -- */

static void run_until_idle(void)
{
	LAB_ASSERT(heddle_pool_run(pool, HEDDLE_RUN_UNTIL_IDLE,
				   HEDDLE_FOREVER) == 0);
	thread_ends();
}

static void stop_worker(void)
{
	int rc = heddle_pool_stop(pool, 0, HEDDLE_R4_CLEAN, NULL,
				  HEDDLE_FOREVER);

	LAB_ASSERT(rc == 0);
	thread_ends();
}

/* Or a stop has asked it first. */
static void run_or_leave(void)
{
	int rc = heddle_pool_run(pool, HEDDLE_RUN_UNTIL_IDLE, HEDDLE_FOREVER);

	LAB_ASSERT(rc == 0 || rc == -ESHUTDOWN);
	thread_ends();
}

static const char *nothing_bad(void)
{
	return ghost.ended_threads == 2
		       ? NULL
		       : "lost wake-up: a thread does not come to its end";
}

static const struct rules ring_rules =
	RULES(.workers = 1, .workers_max = 2, .helpers = 1, .threads = 2);

static void ring_setup(void)
{
	pool_make(&ring_rules);
	submit(0);
	submit(0);
	submit(0);
}

LAB_SCENARIO(donate_ring, .name = "donate-ring",
	     .claim = "no ring is freed while a donated thread may read it",
	     .setup = ring_setup, .reset = pool_reset,
	     .thread = { run_or_leave, stop_worker }, .at_rest = nothing_bad,
	     USUAL);
POOL(idle_worker, "donate-idle", "beside a worker, until nothing can start",
     RULES(.workers = 1, .workers_max = 2, .helpers = 1, .threads = 2),
     THREADS(run_until_idle, submit_two), USUAL);
