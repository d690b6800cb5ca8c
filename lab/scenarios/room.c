/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for room in a bounded queue.
 *
 * clause: Q3
 */
#include "lab/scenarios/pool.h"

static void submit_wait_submit(void)
{
	submit(0);
	LAB_ASSERT(heddle_group_wait_room(groups[0], 1, HEDDLE_FOREVER) == 0);
	submit(0);
	thread_ends();
}

#define ONE_SLOT groups[0]->queue_slots = 1

POOL_AND(room, "room", "a start makes room, and who waits is told",
	 RULES(.workers = 1, .cap = { 1 }, .threads = 1), ONE_SLOT, pool_reset,
	 THREADS(submit_wait_submit), UP_TO(2, 0));
POOL_AND(room_old, "room-old", "and loads may give an old value",
	 RULES(.workers = 1, .cap = { 1 }, .threads = 1), ONE_SLOT, pool_reset,
	 THREADS(submit_wait_submit), UP_TO(1, 1));
