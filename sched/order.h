/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ordered groups: one list, one taker at a time. Submits push to the group's injection
 * list; the taker moves all of it, oldest first, to a chain that only a taker touches,
 * and takes from its front. It remains the taker until the task is claimed, or is
 * put back in front; so tasks are claimed in the order of the list. Nobody waits for a
 * taker: to others the group has nothing to start meanwhile.
 *
 * order-1: a taker lets go, then reads whether there is work, and if so marks the group:
 * reads its ready bit; a searcher clears the bit, then reads whether somebody is taker.
 * Forbidden: the searcher reads that there is one and the taker reads the bit as set.
 * Then work would wait with headroom, a sleeper, and no bit.
 *
 * order-2: what the last taker did to the chain is seen by the next one.
 *
 * SERIAL: the group's own unit is kept from the start of a task to its return. Its
 * regions give back and take again what hd_order_needs() names. So that no path leads
 * through such a unit, a SERIAL group has no groups below it.
 */
#ifndef HEDDLE_SCHED_ORDER_H
#define HEDDLE_SCHED_ORDER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <heddle/group.h>

#include "sched/group.h"

struct hd_task;
struct hd_worker;

static inline uint32_t hd_order_of(const struct heddle_group *group)
{
	return atomic_load_explicit(&group->order,
				    memory_order_relaxed); /* constant */
}

static inline bool hd_order_serial(const struct heddle_group *group)
{
	return hd_order_of(group) == HEDDLE_ORDER_SERIAL;
}

/* The lowest group whose unit a task of this one gives back when it blocks. */
static inline struct heddle_group *hd_order_needs(struct heddle_group *group)
{
	return hd_order_serial(group) ? hd_group_above(group) : group;
}

/* Is somebody the taker? */
static inline bool hd_order_taken(const struct heddle_group *group)
{
	return atomic_load_explicit(&group->taker, memory_order_seq_cst) !=
	       0; /* order-1 */
}

/*
 * With a permit of the group: the oldest node, and the caller is the taker; or 0 and it
 * is not. Lock-free.
 */
uint32_t hd_order_take(struct hd_worker *worker, struct heddle_group *group);

/* By the taker. What is left is published; looks owed are added. */
void hd_order_let_go(struct heddle_group *group, uint32_t *owe);

/* The taker gives the node back, to be the first again, and lets go. */
void hd_order_put_back(struct heddle_group *group, uint32_t node,
		       uint32_t *owe);

/*
 * Claims a task that is the next of its group, for somebody with a permit of it. False if
 * it is not, or somebody else is the taker.
 */
bool hd_order_claim_next(struct heddle_group *group, struct hd_task *task,
			 bool (*claim)(struct hd_task *task), uint32_t *owe);

/* A task of an ordered group was claimed: a helper may have its turn now. */
void hd_order_moved(struct heddle_group *group);

/*
 * For a helper, without a permit: is the task the next of its group? False also while
 * somebody is the taker, who then tells those that wait when he lets go.
 */
bool hd_order_is_turn(struct heddle_group *group, struct hd_task *task,
		      uint32_t *owe);

/* All of the chain, to be cancelled; 0 also while somebody is the taker. */
uint32_t hd_order_take_all(struct heddle_group *group);

#endif /* HEDDLE_SCHED_ORDER_H */
