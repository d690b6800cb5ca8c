/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Workers that have been idle for long enough, against those who have work for them:
 * doc/design/elastic.md. The time is so short that it has passed when a worker begins to
 * sleep, for in the laboratory time stands still while anybody can run.
 *
 * clause: S2
 * clause: C2
 * fault: F48
 */
#include "lab/scenarios/guest.h"
#include "sched/keep.h"
#include "sched/worker.h"

/* The workers that setup started are too many from here on. */
static void lower_floor(uint32_t to)
{
	hd_mutex_lock(&pool->control);
	pool->floor = to;
	hd_keep_count(pool);
	hd_mutex_unlock(&pool->control);
	hd_keep_check(pool);
}

/* Nobody watches the time while somebody is wanted to leave: never at rest. */
static const char *unwatched(void)
{
	uint32_t surplus =
		atomic_load_explicit(&pool->surplus, memory_order_relaxed);

	if (surplus > atomic_load_explicit(&pool->blocked_workers,
					   memory_order_relaxed) &&
	    atomic_load_explicit(&pool->available, memory_order_relaxed) >
		    atomic_load_explicit(&pool->started, memory_order_relaxed))
		return "unwatched: all sleep, and one has been idle too long";
	return NULL;
}

static const char *keep_at_rest(void)
{
	const char *verdict = pool_at_rest();

	return verdict ? verdict : unwatched();
}

#define KEEP(id, title, what, floor, pool_rules, threads, ...) \
 static const struct rules rules_##id = pool_rules; \
 POOL_SETUP_(id, lower_floor(floor)) \
 LAB_SCENARIO(id, .name = title, .claim = what, .setup = setup_##id, \
	      .reset = pool_reset, .thread = threads, .at_rest = keep_at_rest, \
	      __VA_ARGS__)

/* -- retire against submit -- */

/* Two tasks that never return need two workers, whoever was about to leave. */
KEEP(keep_submit, "keep-submit", "a task met by a worker that leaves is run", 0,
     RULES(.workers = 2, .workers_max = 2, .flags = HEDDLE_POOL_ELASTIC,
	   .stuck = true, .threads = 1, .keep_alive_ns = 1),
     THREADS(submit_two), UP_TO(2, 0));
KEEP(keep_submit_two, "keep-submit-two", "and so with two submitters", 0,
     RULES(.workers = 2, .workers_max = 2, .flags = HEDDLE_POOL_ELASTIC,
	   .stuck = true, .threads = 2, .keep_alive_ns = 1),
     THREADS(submit_one, submit_one), USUAL);
KEEP(keep_submit_old, "keep-submit-old", "and loads may give an old value", 0,
     RULES(.workers = 2, .workers_max = 2, .flags = HEDDLE_POOL_ELASTIC,
	   .stuck = true, .threads = 1, .keep_alive_ns = 1),
     THREADS(submit_two), UP_TO(1, 1));

/* -- all sleep: one worker is left, and no timer -- */

static void block_shortly(void *arg)
{
	(void)arg;
	lab_touch(&ghost);
	ghost_begin(0);
	lab_touch(&ghost);
	ghost_leave(0);
	LAB_ASSERT(heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL) == 0);
	LAB_ASSERT(heddle_block_end() == 0);
	lab_touch(&ghost);
	ghost_enter(0);
	lab_touch(&ghost);
	ghost_end(0);
}

static void submit_block(void)
{
	LAB_ASSERT(heddle_submit_call(groups[0], block_shortly, NULL) == 0);
	ghost_submitted(0);
	thread_ends();
}

KEEP(keep_rest, "keep-rest", "who is one too many leaves, and who is not stays",
     0,
     RULES(.workers = 3, .workers_max = 3, .flags = HEDDLE_POOL_ELASTIC,
	   .threads = 1, .keep_alive_ns = 1),
     THREADS(submit_block), USUAL);

KEEP(keep_rest_old, "keep-rest-old", "and loads may give an old value", 0,
     RULES(.workers = 2, .workers_max = 2, .flags = HEDDLE_POOL_ELASTIC,
	   .threads = 1, .keep_alive_ns = 1),
     THREADS(submit_one), UP_TO(1, 1));

/* The lowest idle one has the role, and is the one that a submit wakes. */
static const struct rules role_rules =
	RULES(.workers = 3, .workers_max = 3, .flags = HEDDLE_POOL_ELASTIC,
	      .stuck = true, .threads = 1, .keep_alive_ns = 20000);

static void role_setup(void)
{
	pool_make(&role_rules);
	LAB_ASSERT(hd_bitset_clear_any(&pool->idle, 0));
	atomic_store_explicit(&pool->keeper, 1, memory_order_relaxed);
	hd_parker_unpark_any(&pool->worker[0].parker, HD_TOKEN_KEEP);
	lower_floor(0);
}

LAB_SCENARIO(keep_role, .name = "keep-role",
	     .claim = "a worker that watched and has a task hands it on",
	     .setup = role_setup, .reset = pool_reset, .thread = { submit_one },
	     .at_rest = keep_at_rest, USUAL);

/* A region ends, and its task goes on for good: now there is one idle too many. */
static void block_and_stay(void *arg)
{
	(void)arg;
	lab_touch(&ghost);
	ghost_begin(0);
	lab_touch(&ghost);
	ghost_leave(0);
	LAB_ASSERT(heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL) == 0);
	LAB_ASSERT(heddle_block_end() == 0);
	lab_touch(&ghost);
	ghost_enter(0);
	lab_sleep_for_ever();
}

static void submit_stay(void)
{
	LAB_ASSERT(heddle_submit_call(groups[0], block_and_stay, NULL) == 0);
	ghost_submitted(0);
	thread_ends();
}

KEEP(keep_region, "keep-region", "the end of a region makes one too many", 1,
     RULES(.workers = 3, .workers_max = 3, .flags = HEDDLE_POOL_ELASTIC,
	   .stuck = true, .threads = 1, .keep_alive_ns = 1),
     THREADS(submit_stay), USUAL);

/* -- retire against stop and start -- */

static void stop_all(void)
{
	LAB_ASSERT(heddle_pool_stop(pool, 0, HEDDLE_R3_GONE, NULL,
				    HEDDLE_FOREVER) == 0);
	LAB_ASSERT(heddle_workers(pool, NULL, 0) == 0);
	thread_ends();
}

KEEP(keep_stop, "keep-stop",
     "a stop and a retirement, each leaver counted once", 0,
     RULES(.workers = 2, .workers_max = 2, .flags = HEDDLE_POOL_ELASTIC,
	   .threads = 1, .keep_alive_ns = 1),
     THREADS(stop_all), USUAL);

/* S1: two and the spare are there when it returns, whoever was about to leave. */
static void start_two(void)
{
	LAB_ASSERT(heddle_pool_start(pool, 2, NULL, HEDDLE_FOREVER) == 0);
	hd_mutex_lock(&pool->control);
	LAB_ASSERT(pool->live >= 2 + 1);
	hd_mutex_unlock(&pool->control);
	thread_ends();
}

KEEP(keep_start, "keep-start", "who is counted by a start does not leave", 0,
     RULES(.workers = 2, .workers_max = 3, .flags = HEDDLE_POOL_ELASTIC,
	   .threads = 1, .keep_alive_ns = 1),
     THREADS(start_two), USUAL);

/* While it lasts nobody is too many: who sleeps meanwhile is seen at its end. */
static void start_none(void)
{
	LAB_ASSERT(heddle_pool_start(pool, 0, NULL, HEDDLE_FOREVER) == 0);
	thread_ends();
}

KEEP(keep_end, "keep-start-end", "who slept during a start is too many again",
     0,
     RULES(.workers = 2, .workers_max = 2, .flags = HEDDLE_POOL_ELASTIC,
	   .threads = 1, .keep_alive_ns = 1),
     THREADS(start_none), UP_TO(1, 1));

/* Never started: a start that fails leaves one who is too many, alone. */
static const struct rules start_fails_rules =
	RULES(.workers = 1, .workers_max = 2, .flags = HEDDLE_POOL_ELASTIC,
	      .threads = 1, .keep_alive_ns = 1);

static void unstarted(void)
{
	atomic_store_explicit(&pool->started, 0, memory_order_relaxed);
	lower_floor(0);
}

static void start_fails_setup(void)
{
	pool_make(&start_fails_rules);
	LAB_ASSERT(heddle_pool_stop(pool, 1, HEDDLE_R3_GONE, NULL,
				    HEDDLE_FOREVER) == 0);
	unstarted();
}

static void start_fails(void)
{
	LAB_ASSERT(heddle_pool_start(pool, 2, NULL, HEDDLE_FOREVER) == -EAGAIN);
	thread_ends();
}

LAB_SCENARIO(keep_fails, .name = "keep-start-fails",
	     .claim = "and one that slept during a start that fails",
	     .setup = start_fails_setup, .reset = pool_reset,
	     .thread = { start_fails }, .at_rest = keep_at_rest,
	     .create_fails = 3, UP_TO(1, 1));

/* -- a spawn needs a worker: one that is, or one that is made -- */

static const struct rules keep_guest_rules =
	RULES(.workers = 1, .workers_max = 1, .flags = HEDDLE_POOL_ELASTIC,
	      .threads = 1, .keep_alive_ns = 1);

/* Never started, as it were: the last one goes too. */
static void keep_guest_setup(void)
{
	make_process(&keep_guest_rules, 1);
	unstarted();
}

static void spawn_two(void)
{
	spawn_join(guest_body, 0, 0);
	spawn_join(guest_body, 1, 0);
	thread_ends();
}

LAB_SCENARIO(keep_guest, .name = "keep-guest",
	     .claim = "a guest met by a worker that leaves is run",
	     .setup = keep_guest_setup, .reset = guest_reset,
	     .thread = { spawn_two }, .at_rest = recycled, USUAL);
