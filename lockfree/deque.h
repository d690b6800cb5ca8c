/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The work-stealing deque: the owner pushes and pops at the bottom, thieves take
 * from the top. D. Chase and Y. Lev, "Dynamic Circular Work-Stealing Deque",
 * SPAA 2005, with a ring of fixed size (a full one says so) and the orders of
 * N. M. Le, A. Pop, A. Cohen and F. Zappa Nardelli, "Correct and Efficient
 * Work-Stealing for Weak Memory Models", PPoPP 2013, where sequentially consistent
 * accesses stand in place of their fences.
 *
 *                push/pop/retire_owner  steal_any  length_any  init/fini
 * ..._owner                X                -          -           X
 * steal_any                -                -          -           X
 * length_any               -                -          -           -
 *
 * -  safe together      X  caller must exclude (here: one owner thread)
 *
 * Progress: push and pop are wait-free. A steal is one attempt and wait-free;
 * RETRY says that another steal or a pop had the task, so a loop around it is
 * lock-free.
 *
 * Life: the indices never go back, not even from one life of the deque to the
 * next. A thief that slept through the end of a life fails its CAS, whatever ring
 * it read. So the ring alone must outlast its readers: a thief holds a read
 * section of RCU where the owner may retire the ring, and a ring is retired or
 * replaced only when the deque is empty.
 *
 * Wrap: top and bottom are 64 bits and only their difference is used; at a push
 * each nanosecond they wrap after 584 years, and even then nothing breaks. The
 * place in the ring is the index modulo a power of two.
 *
 * ABA: top never takes a value twice, and while it is t the task at t can only be
 * had by moving it, for the owner too. So a thief whose CAS succeeds had read the
 * slot of the task it takes.
 *
 * Emptiness is linearizable. A steal or length reads top, then bottom: the top
 * had not fallen when bottom was read, so bottom <= top means empty then. Below
 * the last task bottom is lowered before it is decided whether the owner or a
 * thief has it; a call that begins afterwards reads "empty", and a thief that
 * still wins read bottom before, so its steal is ordered first.
 *
 * deque-1: who reads bottom sees the tasks below it and the ring they are in.
 *
 * deque-2: the last task is not taken twice (store buffering):
 *
 *   owner                            thief
 *   O1  bottom = b (seq_cst)         T1  read top (seq_cst)
 *   O2  read top (seq_cst)           T2  read bottom (seq_cst)
 *   O3  no CAS if top < b            T3  CAS top (seq_cst)
 *
 * Forbidden: O2 reads top < b, T1 reads top = b and T2 reads bottom > b. Then both
 * had task b. With release and acquire alone it happens.
 *
 * deque-3: a slot is written again only after the thief that took its task has
 * read it: its CAS releases, the owner's look at top acquires.
 *
 * deque-4: a thief sees the ring whole.
 *
 * deque-5: a push is work that is published; the pusher then reads who is idle,
 * who goes idle then reads the length. Forbidden: both read the old value.
 *
 * deque-6: a tag says whose tasks the deque holds. The owner changes it only while
 * the deque is empty, and takes one index for nothing:
 *
 *   owner, with top = bottom = t        thief
 *   O1  tag = new                       T1  read top (seq_cst)
 *   O2  top: t to t + 1 (CAS, acq_rel)  T2  read the tag
 *   O3  bottom = t + 1                  T3  read bottom (seq_cst)
 *                                       T4  CAS top (seq_cst)
 *
 * Who reads t + 1 or more at T1 has the new tag, or a newer one. Who reads t there
 * and the old tag fails at T4. Who reads t and the new tag finds the deque empty, or
 * fails at T4: whoever took the task at t, if there ever was one, moved top. Forbidden:
 * a steal returns a task that was pushed under another tag than the one it read. A
 * length is read before the tag: who sees a task sees the tag under which it was pushed,
 * or a newer one.
 */
#ifndef HEDDLE_LOCKFREE_DEQUE_H
#define HEDDLE_LOCKFREE_DEQUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lockfree/reclaim.h"
#include "platform/cacheline.h"

/* A steal lost a race; the deque need not be empty. Never an index. */
#define HD_DEQUE_RETRY UINT32_MAX

#define HD_DEQUE_SLOTS_MAX (UINT32_C(1) << 30)

struct hd_deque {
	/* Written by the owner. */
	HD_ALIGNED _Atomic uint64_t bottom; /* A  owner writes */
	/* A  the ring, or NULL; owner writes. Its memory is touched by the first push. */
	_Atomic(_Atomic uint32_t *) ring;
	uint64_t slots;       /* I  a power of two, the same in all lives */
	uint64_t top_seen;    /* O  top is at least this */
	_Atomic uint32_t tag; /* A  owner writes */

	/* Written by thieves, and by the owner at the last task. */
	HD_ALIGNED _Atomic uint64_t top; /* A */
};
_Static_assert(sizeof(struct hd_deque) == 2 * HD_CACHELINE,
	       "the owner's words and the thieves' share no line");

/*
 * Gives the deque a ring. The memory was zeroed before the first life; in a
 * later one the indices go on where they were, and slots is the same. 0, -EINVAL if
 * that is not a power of two from 2 to HD_DEQUE_SLOTS_MAX, -ENOMEM.
 */
int hd_deque_init(struct hd_deque *deque, uint32_t slots);

/* The same with both indices at that value: for tests of the wrap. */
int hd_deque_init_at(struct hd_deque *deque, uint32_t slots, uint64_t index);

/* Frees the ring at once: there is no thief any more. */
void hd_deque_fini(struct hd_deque *deque);

/*
 * Ends a life while thieves may look: the deque must be empty, the ring goes to
 * the list of what is freed a grace period later.
 */
void hd_deque_retire_owner(struct hd_deque *deque, struct hd_reclaim *reclaim);

/* A ring outlives its owner until it is retired; the next owner takes it up. */
static inline bool hd_deque_has_ring_owner(struct hd_deque *deque)
{
	return atomic_load_explicit(&deque->ring, memory_order_relaxed) !=
	       NULL; /* own word */
}

static inline uint32_t hd_deque_tag_owner(const struct hd_deque *deque)
{
	return atomic_load_explicit(&deque->tag,
				    memory_order_relaxed); /* own word */
}

/* What is pushed from now on belongs to tag. The deque must be empty. Wait-free. */
static inline void hd_deque_retag_owner(struct hd_deque *deque, uint32_t tag)
{
	uint64_t bottom = atomic_load_explicit(
		&deque->bottom, memory_order_relaxed); /* own word */
	uint64_t top = bottom;
	bool moved;

	atomic_store_explicit(&deque->tag, tag,
			      memory_order_relaxed); /* published by top */
	/* Empty: no thief can move it any more, so this cannot fail. */
	moved = atomic_compare_exchange_strong_explicit(
		&deque->top, &top, bottom + 1,
		memory_order_acq_rel,  /* deque-6, deque-3 */
		memory_order_relaxed); /* never */
	hd_assert(moved);
	(void)moved;
	deque->top_seen = bottom + 1;
	atomic_store_explicit(&deque->bottom, bottom + 1,
			      memory_order_relaxed); /* nothing is below it */
}

/* Writes the slot that the next bottom will cover; false when it is taken. */
static inline bool hd_deque_place_owner(struct hd_deque *deque, uint64_t bottom,
					uint32_t index)
{
	_Atomic uint32_t *ring = atomic_load_explicit(
		&deque->ring, memory_order_relaxed); /* own word */
	uint64_t slots = deque->slots;

	if (bottom - deque->top_seen >= slots) {
		deque->top_seen = atomic_load_explicit(
			&deque->top, memory_order_acquire); /* deque-3 */
		if (bottom - deque->top_seen >= slots)
			return false;
	}
	atomic_store_explicit(&ring[bottom & (slots - 1)], index,
			      memory_order_relaxed); /* published by bottom */
	return true;
}

/* False when the deque is full. */
static inline bool hd_deque_push_owner(struct hd_deque *deque, uint32_t index)
{
	uint64_t bottom = atomic_load_explicit(
		&deque->bottom, memory_order_relaxed); /* own word */

	if (!hd_deque_place_owner(deque, bottom, index))
		return false;
	atomic_store_explicit(&deque->bottom, bottom + 1,
			      memory_order_seq_cst); /* deque-1, deque-5 */
	return true;
}

/*
 * As above for all but the last of a batch: a thief may see the task, but only
 * the push that ends the batch publishes it to who is about to sleep.
 */
static inline bool hd_deque_push_quiet_owner(struct hd_deque *deque,
					     uint32_t index)
{
	uint64_t bottom = atomic_load_explicit(
		&deque->bottom, memory_order_relaxed); /* own word */

	if (!hd_deque_place_owner(deque, bottom, index))
		return false;
	atomic_store_explicit(&deque->bottom, bottom + 1,
			      memory_order_release); /* deque-1 */
	return true;
}

/* The newest task, or 0 when there is none (for certain: only we push). */
static inline uint32_t hd_deque_pop_owner(struct hd_deque *deque)
{
	uint64_t bottom = atomic_load_explicit(
		&deque->bottom, memory_order_relaxed); /* own word */
	uint64_t top = atomic_load_explicit(
		&deque->top, memory_order_relaxed); /* only grows */
	_Atomic uint32_t *ring;
	uint32_t index;

	if ((int64_t)(bottom - top) <= 0)
		return 0;
	bottom--;
	atomic_store_explicit(&deque->bottom, bottom,
			      memory_order_seq_cst); /* deque-1, deque-2 */
	top = atomic_load_explicit(&deque->top,
				   memory_order_seq_cst); /* deque-2, deque-3 */
	deque->top_seen = top;
	if ((int64_t)(bottom - top) < 0) {
		index = 0; /* the last one was stolen */
		goto raise_bottom;
	}
	ring = atomic_load_explicit(&deque->ring,
				    memory_order_relaxed); /* own word */
	index = atomic_load_explicit(&ring[bottom & (deque->slots - 1)],
				     memory_order_relaxed); /* own store */
	if (bottom != top)
		return index;
	if (!atomic_compare_exchange_strong_explicit(
		    &deque->top, &top, top + 1,
		    memory_order_seq_cst,  /* deque-2, deque-3 */
		    memory_order_relaxed)) /* a thief was first */
		index = 0;
raise_bottom:
	atomic_store_explicit(&deque->bottom, bottom + 1,
			      memory_order_release); /* deque-1 */
	return index;
}

/* What a pop would return if no thief came first; 0: nothing. */
static inline uint32_t hd_deque_newest_owner(struct hd_deque *deque)
{
	uint64_t bottom = atomic_load_explicit(
		&deque->bottom, memory_order_relaxed); /* own word */
	uint64_t top = atomic_load_explicit(
		&deque->top, memory_order_relaxed); /* only grows */
	_Atomic uint32_t *ring;

	if ((int64_t)(bottom - top) <= 0)
		return 0;
	ring = atomic_load_explicit(&deque->ring,
				    memory_order_relaxed); /* own word */
	return atomic_load_explicit(&ring[(bottom - 1) & (deque->slots - 1)],
				    memory_order_relaxed); /* own store */
}

/*
 * The oldest task of tag; 0 when there was none at some instant of the call;
 * HD_DEQUE_RETRY when somebody else had it. In a read section of RCU if the
 * owner may retire its ring.
 */
static inline uint32_t hd_deque_steal_any(struct hd_deque *deque, uint32_t tag)
{
	uint64_t top = atomic_load_explicit(&deque->top,
					    memory_order_seq_cst); /* deque-2 */
	_Atomic uint32_t *ring;
	uint64_t bottom;
	uint32_t index;

	if (atomic_load_explicit(&deque->tag, memory_order_relaxed) !=
	    tag) /* deque-6: acquired with top */
		return 0;
	bottom = atomic_load_explicit(
		&deque->bottom,
		memory_order_seq_cst); /* deque-1, deque-2, deque-5 */
	if ((int64_t)(bottom - top) <= 0)
		return 0;
	ring = atomic_load_explicit(&deque->ring,
				    memory_order_acquire); /* deque-4 */
	if (!ring)
		return HD_DEQUE_RETRY; /* it was emptied, then retired */
	index = atomic_load_explicit(&ring[top & (deque->slots - 1)],
				     memory_order_relaxed); /* by the CAS */
	if (!atomic_compare_exchange_strong_explicit(
		    &deque->top, &top, top + 1,
		    memory_order_seq_cst,  /* deque-2, deque-3 */
		    memory_order_relaxed)) /* only that it was lost */
		return HD_DEQUE_RETRY;
	return index;
}

/* 0 means empty at some instant of the call; more is out of date at once. */
static inline uint32_t hd_deque_length_any(const struct hd_deque *deque)
{
	uint64_t top = atomic_load_explicit(&deque->top,
					    memory_order_seq_cst); /* deque-2 */
	uint64_t bottom = atomic_load_explicit(
		&deque->bottom, memory_order_seq_cst); /* deque-1, deque-5 */
	int64_t length = (int64_t)(bottom - top);

	return length > 0 ? (uint32_t)length : 0;
}

/* The same, of tasks that were pushed under this tag. */
static inline uint32_t hd_deque_length_of_any(const struct hd_deque *deque,
					      uint32_t tag)
{
	uint32_t length = hd_deque_length_any(deque);

	if (!length ||
	    atomic_load_explicit(&deque->tag, memory_order_relaxed) !=
		    tag) /* deque-6: acquired with bottom */
		return 0;
	return length;
}

#endif /* HEDDLE_LOCKFREE_DEQUE_H */
