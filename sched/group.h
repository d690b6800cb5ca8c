/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A group: its word, its ready bits and its queues. Groups are type-stable
 * until their pool is destroyed, so a look may follow a stale bit to a group
 * that was freed: its word has target 0 then and no permit is to be had, unless
 * the entry is in use again, and then it is a permit of the new group.
 *
 * Who may touch a field:
 *   E  set when the entry is used first, constant from then on
 *   I  set before publication, constant while the group is in use; read only by who
 *      keeps it in use: with a handle, a permit, a blocked task or a pin
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
#include "sched/share.h"

/* Who may submit and whether queued tasks may start; stricter is larger. */
enum hd_gate {
	HD_GATE_OPEN = 0,
	HD_GATE_DRAIN = 1,   /* starts; submits only from own live tasks */
	HD_GATE_QUIESCE = 2, /* submits are queued, nothing starts */
	HD_GATE_DRAINED = 3, /* no submits, nothing is left to start */
	HD_GATE_REFUSE = 4,  /* no submits, what is queued is cancelled */
};

struct heddle_group {
	/* Read by every submit and every start. */
	HD_ALIGNED struct heddle_pool *pool;  /* E */
	_Atomic(struct heddle_group *) above; /* A  NULL for the root */
	uint32_t index;                       /* E  in pool->group */
	_Atomic uint32_t slot;                /* A  its ready bit above */
	_Atomic uint32_t depth;               /* A  0 for the root */
	_Atomic uint32_t lanes;               /* A  lists, 1 or CPUs */
	_Atomic uint32_t reserve_slot;        /* A  0: it has no account */
	/* A  the group at or above this one that has an account, or NULL */
	_Atomic(struct heddle_group *) reserve;
	uint32_t queue_slots;    /* I  0: no bound of its own */
	_Atomic uint32_t order;  /* A  enum heddle_group_order */
	struct hd_inject *lane;  /* E */
	uint32_t lane_room;      /* L */
	bool has_waitq;          /* L */
	_Atomic uint32_t gate;   /* A  strictest on the path */
	uint32_t own_gate;       /* L */
	bool in_use;             /* L */
	bool owned_by_process;   /* L  freed by its process */
	uint32_t children;       /* L */
	uint32_t children_limit; /* L  most children now */
	uint32_t kept;           /* L  target while sealed */
	char name[16];           /* I */

	/* The count of permits: taken and given once a turn. */
	HD_ALIGNED _Atomic uint64_t word; /* A */
	_Atomic uint64_t change;          /* A  number of the last change */
	_Atomic uint64_t account; /* A  of its reserve; lockfree/account.h */
	_Atomic uint32_t prepaid; /* A  units that accounts below hold here */
	struct hd_share share;    /* A  among its siblings */
	struct hd_share own; /* A  of its own tasks, among the groups below */
	_Atomic uint64_t virtual_time; /* A  of the turns of those */

	/* Hints for searches. */
	struct hd_bitset ready;  /* A */
	_Atomic uint32_t cursor; /* A  where the next search begins */
	uint32_t children_max;   /* E  that the tables have room for */
	/* A  by slot, entry 0 unused; made with the first child, then E */
	_Atomic(struct heddle_group *) *child;

	/* Queues that are touched rarely. */
	HD_ALIGNED struct hd_tagstack spill; /* A  chains of tasks */
	struct hd_waitq returners;           /* A */
	_Atomic uint32_t taker;              /* A  1: somebody takes in order */
	_Atomic uint32_t ordered;            /* A  the taker's chain */
	_Atomic uint32_t returners_row;      /* A  hand-overs without a start */

	HD_ALIGNED _Atomic uint32_t queued;  /* A  only if queue_slots != 0 */
	_Atomic uint32_t room_waiters;       /* A  for room in the queue */
	_Atomic uint32_t dead;               /* A  cancelled, still linked */
	_Atomic uint32_t spilled;            /* A  tasks in the spill list */
	HD_ALIGNED _Atomic uint32_t blocked; /* A  tasks of the subtree */
	_Atomic uint32_t moves;              /* A  changes of blocked */
	_Atomic uint64_t pins;               /* A  ever << 32 | out */
};

/*
 * One level up. With a permit of the group, or a task that is blocked in it, the answer
 * is the path that was taken. A look that follows a stale bit may get that of another
 * life; it only marks and searches there.
 */
static inline struct heddle_group *
hd_group_above(const struct heddle_group *group)
{
	return atomic_load_explicit(&group->above,
				    memory_order_acquire); /* group-1 */
}

/* The one account on the path, by the same rule; groups do not move. */
static inline struct heddle_group *
hd_group_reserve(const struct heddle_group *group)
{
	return atomic_load_explicit(&group->reserve,
				    memory_order_acquire); /* group-1 */
}

/* Of a group that has an account: its bit and its place in the pool's table. */
static inline uint32_t hd_group_reserve_slot(const struct heddle_group *group)
{
	return atomic_load_explicit(&group->reserve_slot,
				    memory_order_relaxed); /* constant */
}

/* May nothing that is queued here start? */
static inline bool hd_group_shut(const struct heddle_group *group)
{
	return atomic_load_explicit(&group->gate,
				    memory_order_seq_cst) /* close-1 */
	       > HD_GATE_DRAIN;
}

static inline uint32_t hd_group_depth(const struct heddle_group *group)
{
	return atomic_load_explicit(&group->depth,
				    memory_order_relaxed); /* constant */
}

/*
 * Below or equal. The group is in use; top may have been freed: then it is not on the
 * way up from one that is in use, whatever depth it has.
 */
static inline bool hd_group_within(const struct heddle_group *group,
				   const struct heddle_group *top)
{
	uint32_t depth = hd_group_depth(top);

	while (group && hd_group_depth(group) > depth)
		group = hd_group_above(group);
	return group == top;
}

#endif /* HEDDLE_SCHED_GROUP_H */
