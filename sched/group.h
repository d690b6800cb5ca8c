/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A group: its word, its ready bits and its queues. Groups are type-stable
 * until their pool is destroyed, so a look may follow a stale bit to a group
 * that was freed: its word has target 0 then and no permit is to be had.
 *
 * Who may touch a field:
 *   I  set before publication, constant while the group is in use
 *   A  any thread, atomically
 *   L  under pool->control
 */
#ifndef HEDDLE_SCHED_GROUP_H
#define HEDDLE_SCHED_GROUP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <heddle/group.h>

#include "lockfree/bitset.h"
#include "lockfree/inject.h"
#include "lockfree/tagstack.h"
#include "lockfree/waitq.h"
#include "platform/cacheline.h"

/* Who may submit and whether queued tasks may start; stricter is larger. */
enum hd_gate {
	HD_GATE_OPEN = 0,
	HD_GATE_DRAIN = 1,   /* starts; submits only from own live tasks */
	HD_GATE_QUIESCE = 2, /* submits are queued, nothing starts */
	HD_GATE_REFUSE = 3,  /* no submits, nothing starts */
};

struct heddle_group {
	/* Read by every submit and every start. */
	HD_ALIGNED struct heddle_pool *pool; /* I */
	struct heddle_group *parent;         /* I  NULL for the root */
	uint32_t index;                      /* I  in pool->group */
	uint32_t slot;                       /* I  its ready bit in parent */
	uint32_t depth;                      /* I  0 for the root */
	uint32_t lanes;                      /* I  injection lists, 1 or CPUs */
	uint32_t queue_slots;                /* I  0: no bound of its own */
	struct hd_inject *lane;              /* I */
	uint32_t lane_room;                  /* L */
	bool has_waitq;                      /* L */
	_Atomic uint32_t gate;               /* A  strictest on the path */
	uint32_t own_gate;                   /* L */
	bool in_use;                         /* L */
	bool owned_by_process;               /* L  freed by its process */
	uint32_t children;                   /* L */
	char name[16];                       /* I */

	/* The count of permits: taken and given once a turn. */
	HD_ALIGNED _Atomic uint64_t word; /* A */
	_Atomic uint64_t change;          /* A  number of the last change */

	/* Hints for searches. */
	struct hd_bitset ready;  /* A */
	_Atomic uint32_t cursor; /* A  where the next search begins */
	uint32_t children_max;   /* I */
	_Atomic(struct heddle_group *) *child; /* A  by slot, entry 0 unused */

	/* Queues that are touched rarely. */
	HD_ALIGNED struct hd_tagstack spill; /* A  chains of tasks */
	struct hd_waitq returners;           /* A */
	_Atomic uint32_t returners_row;      /* A  hand-overs without a start */

	HD_ALIGNED _Atomic uint32_t queued;  /* A  only if queue_slots != 0 */
	_Atomic uint32_t dead;               /* A  cancelled, still linked */
	_Atomic uint32_t spilled;            /* A  tasks in the spill list */
	HD_ALIGNED _Atomic uint32_t blocked; /* A  tasks of the subtree */
	_Atomic uint32_t moves;              /* A  changes of blocked */
};

/* Below or equal. */
static inline bool hd_group_within(const struct heddle_group *group,
				   const struct heddle_group *top)
{
	while (group && group->depth > top->depth)
		group = group->parent;
	return group == top;
}

#endif /* HEDDLE_SCHED_GROUP_H */
