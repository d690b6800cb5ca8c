/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An injection list: any thread pushes a node, a worker takes all of them. No
 * consumer can block another and there is no ABA, because nobody removes a
 * single node. The head carries the length, so that the list is bounded and
 * emptiness is one load.
 *
 *         push  take  length
 * push     -     -      -     - safe together
 * take     -     -      -
 *
 * Progress: push lock-free (one CAS), take and length wait-free.
 */
#ifndef HEDDLE_LOCKFREE_INJECT_H
#define HEDDLE_LOCKFREE_INJECT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lockfree/nodes.h"
#include "platform/cacheline.h"

/* Length in the upper half, index of the newest node in the lower. */
struct hd_inject {
	HD_ALIGNED _Atomic uint64_t head;
};

/*
 * Pushes one node; false when the list has length_max already.
 *
 * inject-1: the taker sees the node's fields.
 * inject-2: a pushed node is work (doc/design/permits.md). Forbidden: the
 * pusher reads "nobody sleeps" and the sleeper reads length 0.
 */
static inline bool hd_inject_push_any(struct hd_inject *list,
				      struct hd_nodes *nodes, uint32_t index,
				      uint32_t length_max)
{
	uint64_t seen = atomic_load_explicit(
		&list->head, memory_order_relaxed); /* checked by the CAS */

	do {
		if (seen >> 32 >= length_max)
			return false;
		atomic_store_explicit(&hd_node_at(nodes, index)->next,
				      (uint32_t)seen,
				      memory_order_relaxed); /* by the CAS */
	} while (!atomic_compare_exchange_weak_explicit(
		&list->head, &seen, ((seen >> 32) + 1) << 32 | index,
		memory_order_seq_cst,   /* inject-1 inject-2 */
		memory_order_relaxed)); /* tried again */
	return true;
}

/* Takes all: the newest first, linked by next, 0 at the end. */
static inline uint32_t hd_inject_take_any(struct hd_inject *list,
					  uint32_t *length)
{
	uint64_t head = atomic_exchange_explicit(
		&list->head, 0, memory_order_acquire); /* inject-1 */

	*length = (uint32_t)(head >> 32);
	return (uint32_t)head;
}

static inline uint32_t hd_inject_length_any(const struct hd_inject *list)
{
	return (uint32_t)(atomic_load_explicit(
				  &list->head,
				  memory_order_seq_cst) /* inject-2 */
			  >> 32);
}

#endif /* HEDDLE_LOCKFREE_INJECT_H */
