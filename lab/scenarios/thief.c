/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A donated thief at the ring of a worker that ends: the owner empties its deque, the
 * ring is retired and freed. sched/thief.h has the orders.
 *
 * clause: D1
 */
#include "sched/thief.h"

#include "lab/scenarios/pool.h"

static const struct rules thief_rules =
	RULES(.workers_max = 1, .helpers = 1, .threads = 2);

static struct hd_worker *owner, *thief;
static unsigned int had; /* ghost: tasks that came out */

LAB_GHOST static void thief_reset(void)
{
	pool_reset();
	had = 0;
}

LAB_GHOST static void ghost_had(uint32_t node)
{
	had += node && node != HD_DEQUE_RETRY;
}

static void thief_setup(void)
{
	pool_make(&thief_rules);
	owner = &pool->worker[0];
	thief = &pool->worker[1];
	thief->donated = true;
	atomic_store_explicit(&pool->entries_used, 2, memory_order_release);
	LAB_ASSERT(hd_deque_init(&owner->deque, 4) == 0);
	LAB_ASSERT(hd_deque_push_owner(&owner->deque, 7));
}

static void steals(void)
{
	uint32_t node;

	hd_thief_begin(thief);
	node = hd_deque_steal_any(&owner->deque, 0);
	hd_thief_end(thief);
	ghost_had(node);
	thread_ends();
}

static void steals_twice(void)
{
	for (int i = 0; i < 2; i++) {
		hd_thief_begin(thief);
		ghost_had(hd_deque_steal_any(&owner->deque, 0));
		hd_thief_end(thief);
	}
	thread_ends();
}

static void ends(void)
{
	ghost_had(hd_deque_pop_owner(&owner->deque));
	hd_deque_retire_owner(&owner->deque, &pool->reclaim);
	hd_reclaim_flush(&pool->reclaim);
	thread_ends();
}

static const char *one_had_it(void)
{
	if (ghost.ended_threads != 2)
		return "lost wake-up: a thread does not come to its end";
	return had == 1 ? NULL : "a task came out more than once, or not";
}

LAB_SCENARIO(thief, .name = "thief",
	     .claim = "no ring is freed while a donated thief is at it",
	     .setup = thief_setup, .reset = thief_reset,
	     .thread = { steals, ends }, .at_rest = one_had_it, UP_TO(3, 0));
LAB_SCENARIO(thief_old, .name = "thief-old",
	     .claim = "and loads may give an old value", .setup = thief_setup,
	     .reset = thief_reset, .thread = { steals, ends },
	     .at_rest = one_had_it, UP_TO(2, 2));
LAB_SCENARIO(thief_again, .name = "thief-again",
	     .claim = "it begins a second attempt while somebody waits",
	     .setup = thief_setup, .reset = thief_reset,
	     .thread = { steals_twice, ends }, .at_rest = one_had_it,
	     UP_TO(3, 0));
