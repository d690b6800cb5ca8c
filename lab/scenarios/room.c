/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for room in a bounded queue.
 *
 * clause: Q3
 */
#include "lab/scenarios/pool.h"

static void bounded(const struct rules *these)
{
	pool_make(these);
	groups[0]->queue_slots = 1;
}

static void submit_wait_submit(void)
{
	submit(0);
	LAB_ASSERT(heddle_group_wait_room(groups[0], 1, HEDDLE_FOREVER) == 0);
	submit(0);
	thread_ends();
}

#define BOUNDED(id, title, what, pool_rules, threads, ...) \
 static const struct rules rules_##id = pool_rules; \
 static void setup_##id(void) \
 { \
  bounded(&rules_##id); \
 } \
 LAB_SCENARIO(id, .name = title, .claim = what, .setup = setup_##id, \
	      .reset = pool_reset, .thread = threads, .at_rest = pool_at_rest, \
	      __VA_ARGS__)

BOUNDED(room, "room", "a start makes room, and who waits is told",
	RULES(.workers = 1, .cap = { 1 }, .threads = 1),
	THREADS(submit_wait_submit), UP_TO(2, 0));
BOUNDED(room_old, "room-old", "and loads may give an old value",
	RULES(.workers = 1, .cap = { 1 }, .threads = 1),
	THREADS(submit_wait_submit), UP_TO(1, 1));
