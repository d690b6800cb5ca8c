/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads that come and go: start, stop, creation that fails, tasks in the deque
 * of a worker that leaves, the registry and who reads it.
 *
 * clause: S1
 * clause: S2
 * clause: S4
 * clause: D1
 * clause: D5
 */
#include "lab/scenarios/pool.h"
#include "sched/reap.h"

static void start_one(void)
{
	int rc = heddle_pool_start(pool, 1, NULL, HEDDLE_FOREVER);

	LAB_ASSERT(rc == 0);
	thread_ends();
}

static void stop_all(void)
{
	int rc =
		heddle_pool_stop(pool, 0, HEDDLE_R3_GONE, NULL, HEDDLE_FOREVER);

	LAB_ASSERT(rc == 0);
	thread_ends();
}

POOL(start, "start-submit", "a task from before the first worker is run",
     RULES(.workers = 0, .workers_max = 1, .cap = { 1 }, .threads = 2),
     THREADS(start_one, submit_one), UP_TO(2, 0));

/* -- stop: what is queued stays queued, and is run by who comes later -- */

LAB_GHOST static void no_worker(void)
{
	ghost.workers = 0;
}

static void stop_then_start(void)
{
	int rc =
		heddle_pool_stop(pool, 0, HEDDLE_R3_GONE, NULL, HEDDLE_FOREVER);

	LAB_ASSERT(rc == 0);
	LAB_ASSERT(heddle_workers(pool, NULL, 0) == 0);
	rc = heddle_pool_start(pool, 1, NULL, HEDDLE_FOREVER);
	LAB_ASSERT(rc == 0);
	thread_ends();
}

POOL(stop_start, "stop-start", "a task met by a stop is run by the next worker",
     RULES(.workers = 1, .cap = { 1 }, .threads = 2),
     THREADS(stop_then_start, submit_one), USUAL);

static void stop_and_forget(void)
{
	no_worker();
	stop_all();
}

/* Nobody is left to run it: it stays queued, and the submit was accepted. */
LAB_GHOST static const char *stopped(void)
{
	if (ghost.ended_threads != rules->threads)
		return "lost wake-up: a thread does not come to its end";
	return NULL;
}

static const struct rules stop_rules =
	RULES(.workers = 1, .cap = { 1 }, .threads = 2);

static void stop_setup(void)
{
	pool_make(&stop_rules);
}

static const char *stop_at_rest(void)
{
	if (heddle_workers(pool, NULL, 0))
		return "registry: a worker after the stop";
	return stopped();
}

LAB_SCENARIO(stop, .name = "stop-submit",
	     .claim = "a stop and a submit both end, whoever is first",
	     .setup = stop_setup, .reset = pool_reset,
	     .thread = { stop_and_forget, submit_one }, .at_rest = stop_at_rest,
	     UP_TO(2, 0));
/* The worker is awake, and on its way to sleep, when it is told to leave. */
static void busy_setup(void)
{
	stop_setup();
	LAB_ASSERT(heddle_submit_call(groups[0], body, NULL) == 0);
}

static void stop_only(void)
{
	stop_and_forget();
	thread_ends();
}

LAB_SCENARIO(stop_busy, .name = "stop-busy",
	     .claim = "a worker on its way to sleep does not miss the stop",
	     .setup = busy_setup, .reset = pool_reset, .thread = { stop_only },
	     .at_rest = stop_at_rest, UP_TO(2, 1));
LAB_SCENARIO(stop_twice, .name = "stop-stop",
	     .claim = "two stops at once both end", .setup = stop_setup,
	     .reset = pool_reset, .thread = { stop_and_forget, stop_all },
	     .at_rest = stop_at_rest, UP_TO(2, 0));

LAB_SCENARIO(stop_old, .name = "stop-submit-old",
	     .claim = "and loads may give an old value", .setup = stop_setup,
	     .reset = pool_reset, .thread = { stop_and_forget, submit_one },
	     .at_rest = stop_at_rest, UP_TO(1, 1));
LAB_SCENARIO(stop_busy_old, .name = "stop-busy-old",
	     .claim = "and so with a worker on its way to sleep",
	     .setup = busy_setup, .reset = pool_reset, .thread = { stop_only },
	     .at_rest = stop_at_rest, UP_TO(2, 2));

/* -- orphans: tasks in the deque of a worker that must go -- */

static void parent(void *arg)
{
	(void)arg;
	lab_touch(&ghost);
	ghost_begin(0);
	LAB_ASSERT(heddle_submit_call(groups[0], body, NULL) == 0);
	ghost_submitted(0);
	lab_touch(&ghost);
	ghost_end(0);
}

static void submit_parent(void)
{
	LAB_ASSERT(heddle_submit_call(groups[0], parent, NULL) == 0);
	ghost_submitted(0);
	thread_ends();
}

static void stop_to_one(void)
{
	int rc =
		heddle_pool_stop(pool, 1, HEDDLE_R3_GONE, NULL, HEDDLE_FOREVER);

	LAB_ASSERT(rc == 0);
	LAB_ASSERT(heddle_workers(pool, NULL, 0) == 1);
	thread_ends();
}

POOL(orphan, "orphan-deque", "what lies in the deque of who leaves is run",
     RULES(.workers = 2, .cap = { 2 }, .threads = 2),
     THREADS(submit_parent, stop_to_one), USUAL);

POOL(orphan_last, "orphan-last", "and of the last worker, by the next one",
     RULES(.workers = 1, .cap = { 1 }, .threads = 2),
     THREADS(submit_parent, stop_then_start), .settle = true, UP_TO(2, 0));

/* -- creation fails -- */

static void start_fails(void)
{
	int rc = heddle_pool_start(pool, 2, NULL, HEDDLE_FOREVER);

	LAB_ASSERT(rc == -EAGAIN);
	/* All or nothing: who was made is gone again. */
	LAB_ASSERT(heddle_workers(pool, NULL, 0) == 0);
	rc = heddle_pool_start(pool, 1, NULL, HEDDLE_FOREVER);
	LAB_ASSERT(rc == 0);
	thread_ends();
}

POOL(start_fails, "start-fails", "a start that fails at its second thread",
     RULES(.workers = 0, .workers_max = 2, .cap = { 2 }, .threads = 2),
     THREADS(start_fails, submit_one), USUAL, .create_fails = 2);
POOL(start_fails_first, "start-fails-first", "and at its first",
     RULES(.workers = 0, .workers_max = 2, .cap = { 2 }, .threads = 2),
     THREADS(start_fails, submit_one), USUAL, .create_fails = 1);

/* -- a birth fails, or takes too long -- */

static bool births_fail;

static int init(struct heddle_pool *of, uint32_t index, void *arg)
{
	(void)of;
	(void)index;
	(void)arg;
	return births_fail ? -EPERM : 0;
}

static const struct rules birth_rules =
	RULES(.workers = 0, .workers_max = 1, .threads = 1);

static void birth_setup(void)
{
	pool_make(&birth_rules);
	pool->worker_init = init;
	births_fail = true;
}

static void start_unborn(void)
{
	LAB_ASSERT(heddle_pool_start(pool, 1, NULL, HEDDLE_FOREVER) == -EPERM);
	LAB_ASSERT(heddle_workers(pool, NULL, 0) == 0);
	thread_ends();
}

LAB_SCENARIO(unborn, .name = "start-unborn",
	     .claim = "a start tells why a worker was not born",
	     .setup = birth_setup, .reset = pool_reset,
	     .thread = { start_unborn }, .at_rest = pool_at_rest, UP_TO(2, 1));

static void late_setup(void)
{
	birth_setup();
	births_fail = false;
}

static void start_late(void)
{
	int rc = heddle_pool_start(pool, 1, NULL, HEDDLE_NOW);

	LAB_ASSERT(rc == 0 || rc == -ETIMEDOUT);
	LAB_ASSERT(heddle_workers(pool, NULL, 0) == !rc);
	thread_ends();
}

LAB_SCENARIO(late, .name = "start-late",
	     .claim = "a start that does not wait leaves nobody behind",
	     .setup = late_setup, .reset = pool_reset, .thread = { start_late },
	     .at_rest = pool_at_rest, UP_TO(2, 1));

/* There are two entries for one worker, and a thread may take its time to end. */
static void row_setup(void)
{
	pool_make(&birth_rules);
}

static void start_row(void)
{
	for (int i = 0; i < 3; i++) {
		LAB_ASSERT(heddle_pool_start(pool, 1, NULL, HEDDLE_FOREVER) ==
			   0);
		LAB_ASSERT(heddle_pool_stop(pool, 0, HEDDLE_R1_LEFT, NULL,
					    HEDDLE_FOREVER) == 0);
	}
	thread_ends();
}

LAB_SCENARIO(in_a_row, .name = "start-row",
	     .claim = "a start waits for the threads that hold its entries",
	     .setup = row_setup, .reset = pool_reset, .thread = { start_row },
	     .at_rest = pool_at_rest, UP_TO(2, 0));

/* -- two starts: who returns keeps its workers, whatever the other one comes to -- */

static uint32_t most_started;

LAB_GHOST static void started(uint32_t n)
{
	if (most_started < n)
		most_started = n;
}

LAB_GHOST static void two_starts_reset(void)
{
	pool_reset();
	most_started = 0;
}

LAB_GHOST static uint32_t most(void)
{
	return most_started;
}

static void start_counted(uint32_t n, uint64_t deadline, int refusal)
{
	int rc = heddle_pool_start(pool, n, NULL, deadline);

	LAB_ASSERT(rc == 0 || rc == refusal);
	if (rc == 0) {
		LAB_ASSERT(heddle_workers(pool, NULL, 0) >= (int)n);
		started(n);
	}
	thread_ends();
}

static void start_surely(void)
{
	start_counted(1, HEDDLE_FOREVER, 0);
}

static void start_or_not(void)
{
	start_counted(1, HEDDLE_NOW, -ETIMEDOUT);
}

/* The second thread cannot be made, whoever makes it. */
static void start_first(void)
{
	start_counted(1, HEDDLE_FOREVER, -EAGAIN);
}

static void start_both(void)
{
	start_counted(2, HEDDLE_FOREVER, -EAGAIN);
}

static const struct rules two_starts_rules =
	RULES(.workers = 0, .workers_max = 2, .threads = 2);

static void two_starts_setup(void)
{
	pool_make(&two_starts_rules);
}

static const char *most_are_there(void)
{
	if (ghost.ended_threads != rules->threads)
		return "lost wake-up: a start does not come to its end";
	if (heddle_workers(pool, NULL, 0) != (int)most())
		return "registry: not the workers of the start that succeeded";
	return NULL;
}

#define TWO_STARTS(id, title, what, one, other, ...) \
 LAB_SCENARIO(id, .name = title, .claim = what, .setup = two_starts_setup, \
	      .reset = two_starts_reset, .thread = { one, other }, \
	      .at_rest = most_are_there, __VA_ARGS__)

TWO_STARTS(two_late, "start-two-late", "a start beside one that does not wait",
	   start_surely, start_or_not, USUAL);
TWO_STARTS(two_fails, "start-two-fails", "a start beside one that fails",
	   start_first, start_both, .create_fails = 2, USUAL);

/* A spare that was not born lies there when two begin to start. */
static const struct rules unborn_spare_rules =
	RULES(.workers = 0, .workers_max = 2, .threads = 2,
	      .flags = HEDDLE_POOL_ELASTIC);

static void unborn_spare_setup(void)
{
	pool_make(&unborn_spare_rules);
	pool->worker_init = init;
	births_fail = true;
	LAB_ASSERT(heddle_pool_start(pool, 0, NULL, HEDDLE_FOREVER) == 0);
	births_fail = false;
}

LAB_SCENARIO(unborn_spare, .name = "start-unborn-spare",
	     .claim = "two starts and one entry to take back",
	     .setup = unborn_spare_setup, .reset = pool_reset,
	     .thread = { start_one, start_one }, .at_rest = pool_at_rest,
	     USUAL);

/* And the next life of the entry, which its starter asks for the reason. */
static void still_unborn_setup(void)
{
	unborn_spare_setup();
	births_fail = true;
}

static void start_again(void)
{
	LAB_ASSERT(heddle_pool_start(pool, 1, NULL, HEDDLE_FOREVER) == -EPERM);
	thread_ends();
}

static void reap(void)
{
	hd_reap_ended(pool);
	thread_ends();
}

LAB_SCENARIO(unborn_again, .name = "start-unborn-again",
	     .claim = "who takes an entry back does not meet its next life",
	     .setup = still_unborn_setup, .reset = pool_reset,
	     .thread = { start_again, reap }, .at_rest = pool_at_rest,
	     UP_TO(2, 0));

/* -- ELASTIC: one worker and one spare for what comes in a row -- */

static void run_nothing(struct heddle_task *task)
{
	(void)task;
}

static void in_a_row(void)
{
	for (int i = 0; i < 2; i++) {
		struct heddle_task task = { .fn = run_nothing };

		LAB_ASSERT(heddle_submit(groups[0], &task) == 0);
		LAB_ASSERT(heddle_join(&task, 0, HEDDLE_FOREVER) == 0);
	}
	LAB_ASSERT(heddle_workers(pool, NULL, 0) <= 2);
	thread_ends();
}

POOL(row, "elastic-row", "tasks in a row take one worker and one spare",
     RULES(.workers = 1, .workers_max = 4, .flags = HEDDLE_POOL_ELASTIC,
	   .threads = 1),
     THREADS(in_a_row), UP_TO(3, 0), .settle = true);

/* A task that never returns has a successor that runs the next one. */
static void three_stuck(void)
{
	submit(0);
	submit(0);
	submit(0);
	thread_ends();
}

POOL(spare, "elastic-spare", "busy workers get a spare that runs the next task",
     RULES(.workers = 1, .will_live = 3, .workers_max = 3,
	   .flags = HEDDLE_POOL_ELASTIC, .stuck = true, .threads = 1),
     THREADS(three_stuck), USUAL, .settle = true);

/* One worker blocks while the other one begins a task: one of them makes a third. */
static void blocks(void *arg)
{
	(void)arg;
	lab_touch(&ghost);
	ghost_begin(0);
	lab_touch(&ghost);
	ghost_leave(0);
	LAB_ASSERT(heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL) == 0);
	lab_sleep_for_ever();
}

static void one_blocks(void)
{
	LAB_ASSERT(heddle_submit_call(groups[0], blocks, NULL) == 0);
	ghost_submitted(0);
	submit(0);
	submit(0);
	thread_ends();
}

POOL(block_spare, "elastic-block",
     "a worker that blocks makes room for another",
     RULES(.workers = 2, .workers_max = 2, .flags = HEDDLE_POOL_ELASTIC,
	   .stuck = true, .threads = 1),
     THREADS(one_blocks), USUAL, .settle = true);
POOL(block_spare_old, "elastic-block-old", "and loads may give an old value",
     RULES(.workers = 2, .workers_max = 2, .flags = HEDDLE_POOL_ELASTIC,
	   .stuck = true, .threads = 1),
     THREADS(one_blocks), UP_TO(1, 1), .settle = true);

/* -- the registry is read while workers leave -- */

static void look_at_workers(void)
{
	struct heddle_worker_info info[2];
	int n = heddle_workers(pool, info, 2);

	LAB_ASSERT(n >= 0 && n <= 2);
	for (int i = 0; i < n; i++)
		LAB_ASSERT(info[i].index < 4);
	thread_ends();
}

LAB_SCENARIO(registry, .name = "registry",
	     .claim = "who reads the registry while a worker leaves",
	     .setup = stop_setup, .reset = pool_reset,
	     .thread = { stop_and_forget, look_at_workers },
	     .at_rest = stop_at_rest, UP_TO(2, 0));

/* -- destroy gives everything back -- */

static const char *nothing_left(void)
{
	return lab_live_blocks() ? "leak: memory after the destroy" : NULL;
}

static void destroy(void)
{
	LAB_ASSERT(heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL,
				       HEDDLE_FOREVER) == 0);
}

static void submit_destroy(void)
{
	LAB_ASSERT(heddle_submit_call(groups[0], body, NULL) == 0);
	destroy();
}

LAB_SCENARIO(destroys, .name = "destroy",
	     .claim = "a destroy with a task on its way leaks nothing",
	     .setup = stop_setup, .reset = pool_reset,
	     .thread = { submit_destroy }, .at_rest = nothing_left,
	     UP_TO(2, 0));
