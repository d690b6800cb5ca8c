/* SPDX-License-Identifier: BSD-2-Clause */
/* Waiting for room in a full queue: room-1 of room.h. */
#include "sched/room.h"

#include <errno.h>

#include <heddle/block.h>

#include "sched/block.h"
#include "sched/pool.h"

struct wanted {
	struct heddle_group *group;
	uint32_t room;
};

static int has_room(void *context)
{
	struct wanted *wanted = context;
	struct heddle_group *group = wanted->group;
	uint32_t queued = atomic_load_explicit(
		&group->queued, memory_order_seq_cst); /* room-1 */

	if (hd_submit_refused(group))
		return -ESHUTDOWN;
	return queued <= group->queue_slots - wanted->room;
}

int heddle_group_wait_room(struct heddle_group *group, uint32_t n,
			   uint64_t deadline)
{
	struct wanted wanted = { group, n };
	int rc;

	if (!group || !n || n > group->queue_slots)
		return -EINVAL;
	if (hd_pool_forked(group->pool))
		return -ECHILD;
	rc = has_room(&wanted);
	if (rc)
		return rc > 0 ? 0 : rc;
	if (deadline == HEDDLE_NOW)
		return -ETIMEDOUT;
	atomic_fetch_add_explicit(&group->room_waiters, 1,
				  memory_order_seq_cst); /* room-1 */
	rc = hd_block_until(group->pool, has_room, &wanted, deadline);
	atomic_fetch_sub_explicit(&group->room_waiters, 1,
				  memory_order_relaxed); /* only a count */
	return rc;
}
