/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of the monitor: starts, stops, polls and a destroy in any order. Its
 * next look is for ever away, so that nothing but being told ends its sleep.
 *
 * clause: B3
 * clause: D1
 * clause: D5
 */
#include "lab/scenarios/pool.h"
#include "sched/monitor.h"

static void never(struct heddle_pool *of, const struct heddle_worker_info *who,
		  uint64_t age, void *arg)
{
	(void)of;
	(void)who;
	(void)age;
	(void)arg;
	LAB_ASSERT(!"nobody sleeps here");
}

static int start_with(uint32_t flags)
{
	struct heddle_monitor_options options = {
		.struct_size = sizeof(options),
		.flags = flags,
		.interval_ns = UINT64_MAX,
		.stalled = never,
	};

	return heddle_monitor_start(pool, &options);
}

/* Whoever returned 0 last left nobody: one thread less than before. */
static void is_none(void)
{
	LAB_ASSERT(!pool->monitor);
}

static const struct rules no_worker =
	RULES(.workers = 0, .workers_max = 1, .threads = 2);

static void setup(void)
{
	pool_make(&no_worker);
}

static void setup_started(void)
{
	setup();
	LAB_ASSERT(start_with(0) == 0);
}

static void setup_host(void)
{
	setup();
	LAB_ASSERT(start_with(HEDDLE_MONITOR_HOST) == 0);
}

static void start(void)
{
	int rc = start_with(0);

	LAB_ASSERT(rc == 0 || rc == -EALREADY);
	thread_ends();
}

static void start_and_stop(void)
{
	LAB_ASSERT(start_with(0) == 0);
	LAB_ASSERT(heddle_monitor_stop(pool, HEDDLE_FOREVER) == 0);
	is_none();
	thread_ends();
}

static void stop(void)
{
	LAB_ASSERT(heddle_monitor_stop(pool, HEDDLE_FOREVER) == 0);
	thread_ends();
}

static void stop_at_once(void)
{
	int rc = heddle_monitor_stop(pool, HEDDLE_NOW);

	LAB_ASSERT(rc == 0 || rc == -ETIMEDOUT);
	LAB_ASSERT(heddle_monitor_stop(pool, HEDDLE_FOREVER) == 0);
	thread_ends();
}

static void poll_once(void)
{
	int rc = heddle_monitor_poll(pool);

	LAB_ASSERT(rc == 1 || rc == -ENOENT || rc == -ESHUTDOWN ||
		   rc == -EBUSY);
	thread_ends();
}

static void destroy(void)
{
	int rc =
		heddle_pool_destroy(pool, HEDDLE_R3_GONE, NULL, HEDDLE_FOREVER);

	LAB_ASSERT(rc == 0);
	is_none();
	thread_ends();
}

static void start_or_late(void)
{
	int rc = start_with(0);

	LAB_ASSERT(rc == 0 || rc == -ESHUTDOWN);
	thread_ends();
}

static const char *at_rest(void)
{
	if (ghost.ended_threads != rules->threads)
		return "lost wake-up: a thread does not come to its end";
	return NULL;
}

static const char *gone_at_rest(void)
{
	if (ghost.ended_threads == rules->threads && pool->monitor)
		return "leak: the monitor is left";
	return at_rest();
}

#define LIFE(id, title, what, how, verdict, first, second) \
 LAB_SCENARIO(id, .name = title, .claim = what, .setup = how, \
	      .reset = pool_reset, .thread = { first, second }, \
	      .at_rest = verdict, UP_TO(2, 1))

LIFE(starts, "monitor-starts", "of two starts one makes it", setup, at_rest,
     start, start);
LIFE(start_stop, "monitor-start-stop", "a stop takes it back, or was earlier",
     setup, at_rest, start_and_stop, stop);
LIFE(stops, "monitor-stops", "two stops end, one thread is joined once",
     setup_started, gone_at_rest, stop, stop);
LIFE(stop_late, "monitor-stop-late", "a stop that gave up goes on",
     setup_started, gone_at_rest, stop_at_once, stop);
LIFE(poll_stop, "monitor-poll-stop", "a stop waits for a poll", setup_host,
     gone_at_rest, poll_once, stop);
LIFE(polls, "monitor-polls", "of two polls one looks", setup_host, at_rest,
     poll_once, poll_once);
LIFE(start_destroy, "monitor-start-destroy",
     "a destroy leaves none, however late the start", setup, gone_at_rest,
     start_or_late, destroy);

/* -- the question of the monitor in the word of those who ask for a spare -- */

static void start_host(void)
{
	LAB_ASSERT(start_with(HEDDLE_MONITOR_HOST) == 0);
}

static void poll_it(void)
{
	LAB_ASSERT(heddle_monitor_poll(pool) == 1);
	thread_ends();
}

/* It returns: its worker stands between two tasks afterwards, and is relied on. */
static void returns(void *arg)
{
	(void)arg;
	lab_touch(&ghost);
	ghost_begin(0);
	lab_touch(&ghost);
	ghost_end(0);
}

static void one_and_three_stuck(void)
{
	LAB_ASSERT(heddle_submit_call(groups[0], returns, NULL) == 0);
	ghost_submitted(0);
	submit(0);
	submit(0);
	submit(0);
	thread_ends();
}

POOL_AND(spare, "monitor-spare", "a look hides no question for a spare",
	 RULES(.workers = 1, .will_live = 3, .workers_max = 3,
	       .flags = HEDDLE_POOL_ELASTIC, .stuck = true, .threads = 2),
	 start_host(), pool_reset, THREADS(one_and_three_stuck, poll_it), USUAL,
	 .settle = true);
