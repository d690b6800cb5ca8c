/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A deque of node indices with a fixed ring: the owner pushes and pops at the
 * bottom, thieves take at the top. Chase and Lev, SPAA 2005; the orders follow
 * Le, Pop, Cohen and Zappa Nardelli, PPoPP 2013, with sequentially consistent
 * accesses where they have fences, so that sanitizers understand it.
 *
 *          push   pop  steal  length
 * push      X      X     -      -     - safe together
 * pop       X      X     -      -     X caller must exclude: one owner
 * steal     -      -     -      -
 *
 * Progress: push and length wait-free; pop wait-free; steal lock-free (it says
 * RETRY when another took the same task).
 *
 * top and bottom are 64 bits wide and only grow apart by the ring's size: at
 * 1 ns an operation they wrap after 584 years. The ring is freed a grace
 * period after it was retired; indices go on where they were, so that a thief
 * with an old ring loses its CAS: whoever took the task at top has moved top.
 */
#ifndef HEDDLE_LOCKFREE_DEQUE_H
#define HEDDLE_LOCKFREE_DEQUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lockfree/reclaim.h"
#include "platform/cacheline.h"

#define HD_DEQUE_RETRY UINT32_MAX

struct hd_ring {
	struct hd_retired retired;
	uint32_t mask;
	_Atomic uint32_t slot[];
};

struct hd_deque {
	HD_ALIGNED _Atomic uint64_t bottom;    /* owner writes */
	_Atomic(struct hd_ring *) ring;        /* see above */
	HD_ALIGNED _Atomic uint64_t top;       /* thieves and owner, CAS */
};

/* Gives the deque a ring of slots (a power of two) if it has none. */
int hd_deque_init(struct hd_deque *deque, uint32_t slots);

/* Frees the ring at once: nobody uses the deque any more. */
void hd_deque_fini(struct hd_deque *deque);

/* Takes the ring away from an empty deque without owner; freed by a flush. */
void hd_deque_retire_ring(struct hd_deque *deque, struct hd_reclaim *reclaim);

/* For tests: both ends at a value, before the first use. */
static inline void hd_deque_init_at(struct hd_deque *deque, uint64_t at)
{
	atomic_store_explicit(&deque->top, at,
			      memory_order_relaxed); /* not shared yet */
	atomic_store_explicit(&deque->bottom, at,
			      memory_order_relaxed); /* not shared yet */
}

static inline struct hd_ring *hd_deque_ring(struct hd_deque *deque)
{
	/* deque-3: the ring is complete before it can be seen. */
	return atomic_load_explicit(&deque->ring,
				    memory_order_acquire); /* deque-3 */
}

static inline bool hd_deque_push_ordered(struct hd_deque *deque, uint32_t index,
					 bool publish)
{
	uint64_t bottom = atomic_load_explicit(
		&deque->bottom, memory_order_relaxed); /* own word */
	uint64_t top = atomic_load_explicit(
		&deque->top, memory_order_acquire); /* deque-2 */
	struct hd_ring *ring = hd_deque_ring(deque);

	if (bottom - top > ring->mask)
		return false;
	atomic_store_explicit(&ring->slot[bottom & ring->mask], index,
			      memory_order_relaxed); /* by bottom */
	/* deque-1: a thief that sees the bottom sees the slot and the node.
	 * deque-4: a pushed task is work (doc/design/permits.md). Forbidden:
	 * the owner reads "nobody sleeps" and the sleeper reads length 0.
	 */
	if (publish)
		atomic_store_explicit(&deque->bottom, bottom + 1,
				      memory_order_seq_cst); /* deque-1 deque-4 */
	else
		atomic_store_explicit(&deque->bottom, bottom + 1,
				      memory_order_release); /* deque-1 */
	return true;
}

/* False when the ring is full. */
static inline bool hd_deque_push_owner(struct hd_deque *deque, uint32_t index)
{
	return hd_deque_push_ordered(deque, index, true);
}

/* Part of a batch: a later push_owner publishes it as work. */
static inline bool hd_deque_push_quiet_owner(struct hd_deque *deque,
					     uint32_t index)
{
	return hd_deque_push_ordered(deque, index, false);
}

/*
 * The newest, 0 when empty.
 *
 * deque-5: the owner lowers bottom, then reads top; a thief reads top, then
 * bottom. Forbidden: both take the last task, the owner reading the old top
 * and the thief the old bottom.
 */
static inline uint32_t hd_deque_pop_owner(struct hd_deque *deque)
{
	uint64_t bottom = atomic_load_explicit(
		&deque->bottom, memory_order_relaxed); /* own word */
	uint64_t top = atomic_load_explicit(
		&deque->top, memory_order_relaxed); /* may only have grown */
	struct hd_ring *ring;
	uint32_t index;

	if (bottom == top)
		return 0;
	bottom--;
	atomic_store_explicit(&deque->bottom, bottom,
			      memory_order_seq_cst); /* deque-5 */
	top = atomic_load_explicit(&deque->top,
				   memory_order_seq_cst); /* deque-5 */
	if ((int64_t)(bottom - top) < 0) {
		atomic_store_explicit(&deque->bottom, bottom + 1,
				      memory_order_relaxed); /* empty either way */
		return 0;
	}
	ring = hd_deque_ring(deque);
	index = atomic_load_explicit(&ring->slot[bottom & ring->mask],
				     memory_order_relaxed); /* own push */
	if (bottom > top)
		return index;
	/* The last one: thieves may want it too. */
	if (!atomic_compare_exchange_strong_explicit(
		    &deque->top, &top, top + 1,
		    memory_order_seq_cst,  /* deque-2 deque-5 */
		    memory_order_relaxed)) /* lost */
		index = 0;
	atomic_store_explicit(&deque->bottom, bottom + 1,
			      memory_order_relaxed); /* empty either way */
	return index;
}

/*
 * The oldest, 0 when empty, HD_DEQUE_RETRY when somebody else got it. Inside
 * a read section of RCU, or where no ring can be retired.
 */
static inline uint32_t hd_deque_steal_any(struct hd_deque *deque)
{
	uint64_t top = atomic_load_explicit(&deque->top,
					    memory_order_seq_cst); /* deque-5 */
	uint64_t bottom = atomic_load_explicit(
		&deque->bottom, memory_order_seq_cst); /* deque-1 deque-5 */
	struct hd_ring *ring;
	uint32_t index;

	if ((int64_t)(bottom - top) <= 0)
		return 0;
	ring = hd_deque_ring(deque);
	if (!ring)
		return 0; /* the owner has left, so it was empty */
	index = atomic_load_explicit(&ring->slot[top & ring->mask],
				     memory_order_relaxed); /* by bottom */
	/* deque-2: the owner reuses the slot after it has seen the new top. */
	if (!atomic_compare_exchange_strong_explicit(
		    &deque->top, &top, top + 1,
		    memory_order_seq_cst,  /* deque-2 deque-5 */
		    memory_order_relaxed)) /* lost */
		return HD_DEQUE_RETRY;
	return index;
}

/* Linearisable for "empty". */
static inline uint32_t hd_deque_length_any(struct hd_deque *deque)
{
	uint64_t top = atomic_load_explicit(&deque->top,
					    memory_order_seq_cst); /* deque-4 */
	uint64_t bottom = atomic_load_explicit(
		&deque->bottom, memory_order_seq_cst); /* deque-4 */

	return (int64_t)(bottom - top) > 0 ? (uint32_t)(bottom - top) : 0;
}

#endif /* HEDDLE_LOCKFREE_DEQUE_H */
