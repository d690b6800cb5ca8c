/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The word of a group: generation, target and count in one 64-bit atomic, so
 * that a permit is taken against the target that is in force at that instant.
 * No field can borrow from another: count is only raised below target and
 * only lowered above zero, and the others are written whole.
 *
 *            take  give  give_over  set
 * take         -     -       -       -     - safe together
 * give         -     -       -       -     X caller must exclude
 * give_over    -     -       -       -
 * set          -     -       -       X     (two sets: the control lock)
 *
 * Progress: lock-free, each a CAS loop that fails only when another succeeded;
 * give is one fetch_sub.
 *
 * All are sequentially consistent: headroom is one of the three facts of
 * doc/design/permits.md. Forbidden: a give-back reads "nothing is ready" and
 * the one who made it ready reads the count before the give-back.
 * The labels of these pairs are ready-2, permit-1 and close-1 in sched/.
 */
#ifndef HEDDLE_LOCKFREE_GROUPWORD_H
#define HEDDLE_LOCKFREE_GROUPWORD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "platform/cacheline.h"

#define HD_WORD_COUNT_BITS      20
#define HD_WORD_TARGET_BITS     20
#define HD_WORD_GENERATION_BITS 24
#define HD_WORD_FIELD ((UINT64_C(1) << HD_WORD_COUNT_BITS) - 1)
#define HD_WORD_GENERATION_MASK ((UINT32_C(1) << HD_WORD_GENERATION_BITS) - 1)

_Static_assert(HD_WORD_COUNT_BITS + HD_WORD_TARGET_BITS +
			       HD_WORD_GENERATION_BITS ==
		       64,
	       "the fields fill the word");
_Static_assert(HD_WORD_COUNT_BITS == HD_WORD_TARGET_BITS,
	       "a count that stays within the target fits its field");

static inline uint64_t hd_word_make(uint32_t generation, uint32_t target,
				    uint32_t count)
{
	return (uint64_t)(generation & HD_WORD_GENERATION_MASK)
		       << (HD_WORD_COUNT_BITS + HD_WORD_TARGET_BITS) |
	       ((uint64_t)target & HD_WORD_FIELD) << HD_WORD_COUNT_BITS |
	       ((uint64_t)count & HD_WORD_FIELD);
}

static inline uint32_t hd_word_count(uint64_t word)
{
	return (uint32_t)(word & HD_WORD_FIELD);
}

static inline uint32_t hd_word_target(uint64_t word)
{
	return (uint32_t)(word >> HD_WORD_COUNT_BITS & HD_WORD_FIELD);
}

static inline uint32_t hd_word_generation(uint64_t word)
{
	return (uint32_t)(word >>
			  (HD_WORD_COUNT_BITS + HD_WORD_TARGET_BITS));
}

static inline bool hd_word_room(uint64_t word)
{
	return hd_word_count(word) < hd_word_target(word);
}

static inline bool hd_word_over(uint64_t word)
{
	return hd_word_count(word) > hd_word_target(word);
}

/* Takes a permit if there is one. */
static inline bool hd_word_take_any(_Atomic uint64_t *word)
{
	uint64_t seen = atomic_load_explicit(
		word, memory_order_seq_cst); /* groupword-1 */

	while (hd_word_room(seen))
		if (atomic_compare_exchange_weak_explicit(
			    word, &seen, seen + 1,
			    memory_order_seq_cst,  /* groupword-1 */
			    memory_order_seq_cst)) /* groupword-1 */
			return true;
	return false;
}

/* Gives a permit back that the caller holds; returns the word before. */
static inline uint64_t hd_word_give_any(_Atomic uint64_t *word)
{
	uint64_t before = atomic_fetch_sub_explicit(
		word, 1, memory_order_seq_cst); /* groupword-1 */

	hd_assert(hd_word_count(before) > 0);
	return before;
}

/* The same, but only while the count is above the target. */
static inline bool hd_word_give_over_any(_Atomic uint64_t *word,
					 uint64_t *before)
{
	uint64_t seen = atomic_load_explicit(
		word, memory_order_seq_cst); /* groupword-1 */

	while (hd_word_over(seen))
		if (atomic_compare_exchange_weak_explicit(
			    word, &seen, seen - 1,
			    memory_order_seq_cst,    /* groupword-1 */
			    memory_order_seq_cst)) { /* groupword-1 */
			*before = seen;
			return true;
		}
	return false;
}

/* Sets generation and target, keeps the count; returns the word before. */
static inline uint64_t hd_word_set_any(_Atomic uint64_t *word,
				       uint32_t generation, uint32_t target)
{
	uint64_t seen = atomic_load_explicit(
		word, memory_order_seq_cst); /* groupword-1 */

	while (!atomic_compare_exchange_weak_explicit(
		word, &seen,
		hd_word_make(generation, target, hd_word_count(seen)),
		memory_order_seq_cst,  /* groupword-1 */
		memory_order_seq_cst)) /* groupword-1 */
		;
	return seen;
}

#endif /* HEDDLE_LOCKFREE_GROUPWORD_H */
