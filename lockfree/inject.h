/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list that outsiders push tasks on: many push one, a taker takes all.
 * It is Treiber's stack (IBM RJ 5118, 1986) without the pop: since nothing but
 * the whole list is ever removed, there is no link to be stale and no tag is
 * needed. The length stands in the same word, so the bound and the test for
 * work are one load. What was pushed last comes first; the taker turns it
 * round.
 *
 *             push_any  take_any  length_any
 * push_any       -         -          -
 * take_any       -         -          -
 * length_any     -         -          -
 *
 * -  safe together
 *
 * Progress: push is lock-free, take and length are wait-free. Context: any
 * thread.
 *
 * Bound and emptiness are linearizable: both are read from the one word.
 * Between a take and the moment its tasks can be seen elsewhere they are in the
 * taker's hand; the taker announces them again.
 *
 * ABA: a push whose head went away and came back (same length, same first node)
 * links its node to what is the first node again: that is the right link.
 *
 * Wrap: the length is at most length_max, checked before it is raised; the
 * index fills its half. No carry from the length, and none into it.
 *
 * inject-1: the taker sees fn, arg and the links as the pushers wrote them. All
 * changes are read-modify-writes: one acquire pairs with every push in the list.
 *
 * inject-2: no lost work (store buffering):
 *
 *   pusher                           worker
 *   P1  CAS head (seq_cst)           W1  set own idle bit (seq_cst)
 *   P2  read idle set (seq_cst)      W2  read length (seq_cst)
 *
 * Forbidden: P2 reads nobody idle and W2 reads 0. Then the task would wait for
 * the next submit with a worker asleep.
 */
#ifndef HEDDLE_LOCKFREE_INJECT_H
#define HEDDLE_LOCKFREE_INJECT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lockfree/ahead.h"
#include "lockfree/node.h"
#include "platform/cacheline.h"

struct hd_inject {
	HD_ALIGNED _Atomic uint64_t head; /* A  length 32 | index 32 */
};
_Static_assert(sizeof(struct hd_inject) == HD_CACHELINE,
	       "lists of two CPUs share no line");

static inline uint32_t hd_inject_word_length(uint64_t head)
{
	return (uint32_t)(head >> 32);
}

static inline uint32_t hd_inject_word_index(uint64_t head)
{
	return (uint32_t)head;
}

/* False: the list held length_max tasks at some instant of the call. */
static inline bool hd_inject_push_any(struct hd_inject *list,
				      struct hd_nodes *nodes, uint32_t index,
				      uint32_t length_max)
{
	struct hd_node *node = hd_node_at(nodes, index);
	uint32_t length;
	uint64_t head, wanted;

	hd_prefetch_to_write(&list->head);
	hd_ahead_set_owner(nodes, index);
	head = atomic_load_explicit(&list->head,
				    memory_order_seq_cst); /* inject-2 */
	do {
		length = hd_inject_word_length(head);
		if (length >= length_max)
			return false;
		atomic_store_explicit(&node->next, hd_inject_word_index(head),
				      memory_order_relaxed); /* by the CAS */
		wanted = (uint64_t)(length + 1) << 32 | index;
	} while (!atomic_compare_exchange_weak_explicit(
		&list->head, &head, wanted,
		memory_order_seq_cst,   /* inject-1, inject-2 */
		memory_order_seq_cst)); /* inject-2: the bound */
	hd_ahead_pushed_owner(nodes, index);
	return true;
}

/* The whole list, newest first, linked by next up to 0; 0 if it was empty. */
static inline uint32_t hd_inject_take_any(struct hd_inject *list,
					  uint32_t *length)
{
	uint64_t head = atomic_exchange_explicit(
		&list->head, 0, memory_order_acq_rel); /* inject-1, pin-1 */

	*length = hd_inject_word_length(head);
	return hd_inject_word_index(head);
}

static inline uint32_t hd_inject_length_any(const struct hd_inject *list)
{
	return hd_inject_word_length(atomic_load_explicit(
		&list->head, memory_order_seq_cst)); /* inject-2 */
}

#endif /* HEDDLE_LOCKFREE_INJECT_H */
