/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bound on a group's queue, and who waits for room in it.
 *
 * room-1: a waiter is counted, then reads how many are queued; who takes one out lowers
 * that number, then reads the count of waiters. Forbidden: the waiter reads a full
 * queue and sleeps, and the taker reads no waiter.
 */
#ifndef HEDDLE_SCHED_ROOM_H
#define HEDDLE_SCHED_ROOM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "sched/group.h"
#include "sched/permit.h"

/* A task of the group is queued no more, or was not accepted after all. */
static inline void hd_room_give(struct heddle_group *group)
{
	if (!group->queue_slots)
		return;
	atomic_fetch_sub_explicit(&group->queued, 1,
				  memory_order_seq_cst); /* room-1 */
	if (atomic_load_explicit(&group->room_waiters,
				 memory_order_seq_cst)) /* room-1 */
		hd_effect_signal(group->pool);
}

/* Would a submit of the caller be refused, whatever room there is? */
bool hd_submit_refused(struct heddle_group *group);

#endif /* HEDDLE_SCHED_ROOM_H */
