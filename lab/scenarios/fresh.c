/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FRESH guests: each has a thread of its own, which is followed to its end.
 *
 * clause: C9
 * clause: T4
 */
#include <limits.h>

#include "lab/scenarios/guest.h"
#include "platform/futex.h"

/* -- a thread of its own, ended afterwards -- */

static void spawn_fresh(void)
{
	spawn_join(guest_body, 0, HEDDLE_GUEST_FRESH);
	spawn_join(guest_body, 1, HEDDLE_GUEST_FRESH);
	thread_ends();
}

LAB_SCENARIO(fresh, .name = "guest-fresh",
	     .claim = "fresh guests in a row, one berth", .setup = setup_one,
	     .reset = guest_reset, .thread = { spawn_fresh },
	     .at_rest = recycled, UP_TO(2, 0));

/* -- a fresh guest is followed to the end of its thread -- */

static struct heddle_guest *spawn_one(void)
{
	struct heddle_guest_options options = {
		.struct_size = sizeof(options),
		.flags = HEDDLE_GUEST_FRESH,
		.fn = guest_body,
	};
	struct heddle_guest *guest;

	LAB_ASSERT(heddle_guest_spawn(process, &options, &guest,
				      HEDDLE_FOREVER) == 0);
	return guest;
}

static void spawn_followed(void)
{
	struct heddle_guest *guest = spawn_one();

	LAB_ASSERT(heddle_guest_join(guest, HEDDLE_R3_GONE, HEDDLE_FOREVER) ==
		   0);
	LAB_ASSERT(heddle_workers(pool, NULL, 0) == 0);
	thread_ends();
}

LAB_SCENARIO(followed, .name = "guest-fresh-gone",
	     .claim = "a joiner that wants the thread gone finds its worker",
	     .setup = setup_one, .reset = guest_reset,
	     .thread = { spawn_followed }, .at_rest = pool_at_rest,
	     UP_TO(2, 0));

/* -- more threads that end than there are entries: only one comes so far -- */

static const struct rules elastic_single = RULES(.workers_max = 1,
						 .flags = HEDDLE_POOL_ELASTIC,
						 .stuck = true, .threads = 2);
static _Atomic uint32_t may_exit;

static void exit_late(struct heddle_pool *of, uint32_t index, void *arg)
{
	(void)of;
	(void)arg;
	if (index)
		lab_sleep_for_ever();
	while (!atomic_load_explicit(&may_exit, memory_order_relaxed))
		hd_futex_wait(&may_exit, 0, UINT64_MAX);
}

static void let_exit(void)
{
	atomic_store_explicit(&may_exit, 1, memory_order_relaxed);
	hd_futex_wake(&may_exit, INT_MAX);
	thread_ends();
}

static void setup_single(void)
{
	make_process(&elastic_single, 4);
	pool->worker_exit = exit_late;
}

static void spawn_many(void)
{
	for (uint32_t i = 0; i < 2 * (1 + 1) + 1; i++)
		spawn_join(guest_body, 0, HEDDLE_GUEST_FRESH);
	thread_ends();
}

LAB_SCENARIO(fresh_many, .name = "guest-fresh-many",
	     .claim = "a spawn waits for a thread to end if need be",
	     .setup = setup_single, .reset = guest_reset,
	     .thread = { spawn_many, let_exit }, .at_rest = pool_at_rest,
	     USUAL);

/* -- a tid comes back with the join, wherever the thread is by then -- */

static void spawn_fresh_row(void)
{
	/* There are two entries for one berth: the third uses the first again. */
	spawn_join(guest_body, 0, HEDDLE_GUEST_FRESH);
	spawn_join(guest_body, 1, HEDDLE_GUEST_FRESH);
	spawn_join(guest_body, 2, HEDDLE_GUEST_FRESH);
	thread_ends();
}

LAB_SCENARIO(fresh_row, .name = "guest-fresh-row",
	     .claim = "three fresh guests, each joined, with two entries",
	     .setup = setup_one, .reset = guest_reset,
	     .thread = { spawn_fresh_row }, .at_rest = recycled_twice, USUAL);

static void fresh_first_two(void)
{
	struct heddle_guest *first = spawn_one(), *second = spawn_one();

	LAB_ASSERT(heddle_guest_join(first, HEDDLE_R0_QUIET, HEDDLE_FOREVER) ==
		   0);
	LAB_ASSERT(heddle_guest_join(second, HEDDLE_R0_QUIET, HEDDLE_FOREVER) ==
		   0);
	thread_ends();
}

static void fresh_third(void)
{
	spawn_join(guest_body, 2, HEDDLE_GUEST_FRESH);
	thread_ends();
}

static const char *three_ran(void)
{
	return guests.ran == 3 ? pool_at_rest() : "lost: a guest did not run";
}

LAB_SCENARIO(fresh_wait, .name = "guest-fresh-wait",
	     .claim = "a spawn that waits gets the tid of a fresh guest",
	     .setup = setup_two, .reset = guest_reset,
	     .thread = { fresh_first_two, fresh_third }, .at_rest = three_ran,
	     UP_TO(1, 0));

/* -- the process ends, and so do the threads made for it -- */

static void spawn_and_destroy_gone(void)
{
	spawn_join(guest_body, 0, HEDDLE_GUEST_FRESH);
	LAB_ASSERT(heddle_process_destroy(process, HEDDLE_R3_GONE,
					  HEDDLE_FOREVER) == 0);
	LAB_ASSERT(heddle_workers(pool, NULL, 0) == 0);
	thread_ends();
}

LAB_SCENARIO(fresh_destroy, .name = "guest-fresh-destroy",
	     .claim = "a destroy follows the threads of joined fresh guests",
	     .setup = setup_one, .reset = guest_reset,
	     .thread = { spawn_and_destroy_gone }, .at_rest = pool_at_rest,
	     UP_TO(2, 0));
