/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stack of indices with a tag in its head (Treiber 1986), for type-stable
 * elements that are linked by one of their own fields.
 *
 *        push  pop  any
 * push    -     -    -     - safe together
 * pop     -     -    -
 *
 * Progress: lock-free; any is wait-free.
 *
 * ABA: pop reads the link of an element that somebody else may have taken and
 * pushed again meanwhile. Every push and every pop gives the head a new tag, so
 * its CAS fails unless 2^32 operations passed between its load and its CAS with
 * the same index on top again: at 5 ns each that is a thread stopped for
 * exactly one of the multiples of 21 s, inside these two instructions.
 */
#ifndef HEDDLE_LOCKFREE_TAGSTACK_H
#define HEDDLE_LOCKFREE_TAGSTACK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Tag in the upper half, index in the lower; index 0: empty. */
struct hd_tagstack {
	_Atomic uint64_t head;
};

/* The link field of an element; elements are never unmapped. */
typedef _Atomic uint32_t *(*hd_tagstack_link)(void *context, uint32_t index);

static inline uint64_t hd_tagstack_head(uint64_t seen, uint32_t index)
{
	return ((seen >> 32) + 1) << 32 | index;
}

/* For tests: as if so many operations had been done. */
static inline void hd_tagstack_init_at(struct hd_tagstack *stack, uint32_t tag)
{
	atomic_store_explicit(&stack->head, (uint64_t)tag << 32,
			      memory_order_relaxed); /* not shared yet */
}

/* tagstack-2: a pushed chain is work; see doc/design/permits.md. */
static inline bool hd_tagstack_any(const struct hd_tagstack *stack)
{
	return (uint32_t)atomic_load_explicit(
		       &stack->head, memory_order_seq_cst) /* tagstack-2 */
	       != 0;
}

/*
 * Pushes the chain first..last, which is linked already. tagstack-1: who pops
 * sees the elements as the pusher left them.
 */
static inline void hd_tagstack_push_any(struct hd_tagstack *stack,
					hd_tagstack_link link, void *context,
					uint32_t first, uint32_t last)
{
	uint64_t seen = atomic_load_explicit(
		&stack->head, memory_order_relaxed); /* checked by the CAS */

	do
		atomic_store_explicit(link(context, last), (uint32_t)seen,
				      memory_order_relaxed); /* by the CAS */
	while (!atomic_compare_exchange_weak_explicit(
		&stack->head, &seen, hd_tagstack_head(seen, first),
		memory_order_seq_cst,   /* tagstack-1 tagstack-2 */
		memory_order_relaxed)); /* tried again */
}

/* The newest element, 0 when there was none. */
static inline uint32_t hd_tagstack_pop_any(struct hd_tagstack *stack,
					   hd_tagstack_link link,
					   void *context)
{
	uint64_t seen = atomic_load_explicit(
		&stack->head, memory_order_acquire); /* tagstack-1 */

	while ((uint32_t)seen) {
		uint32_t next = atomic_load_explicit(
			link(context, (uint32_t)seen),
			memory_order_relaxed); /* checked by the CAS */

		if (atomic_compare_exchange_weak_explicit(
			    &stack->head, &seen, hd_tagstack_head(seen, next),
			    memory_order_acq_rel,  /* tagstack-1 */
			    memory_order_acquire)) /* tagstack-1 */
			return (uint32_t)seen;
	}
	return 0;
}

#endif /* HEDDLE_LOCKFREE_TAGSTACK_H */
