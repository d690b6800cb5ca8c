/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The word that makes a cap exact: how many permits of a group are out (count),
 * how many may be (target), and which change set the target (generation). One
 * 64-bit word, so that count < target is decided where count is raised. Fields
 * cannot run into each other: count is raised only below target, lowered only
 * above 0, both by a CAS that has seen the whole word; generation wraps
 * within its field. Count above target is a state of its own: the cap was
 * lowered, and it falls by what is given back.
 *
 *              take_any  give_any  give_over_any  set_any, lower_any
 * take_any        -         -           -            -
 * give_any        -         -           -            -
 * give_over_any   -         -           -            -
 * set_any         -         -           -            -   (one changer at a
 * lower_any       -         -           -            -    time, for the
 *                                                         generation)
 * -  safe together
 *
 * Progress: lock-free. Context: any thread.
 *
 * ABA: the word is the whole state; the same value again is the same state.
 *
 * groupword-1: headroom is one of three facts (work, headroom, a worker), and
 * whoever makes one true looks at the others afterwards:
 *
 *   giver                             searcher
 *   G1  count - 1 (seq_cst CAS)       S1  clear the ready bit (seq_cst)
 *   G2  read the ready bit (seq_cst)  S2  read the word (seq_cst)
 *
 * Forbidden: G2 reads the bit as still set and S2 reads "full". Then nobody
 * would set the bit again. A give also hands over what its worker did to the
 * next one that takes: the CAS releases and acquires.
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

#define HD_WORD_COUNT_MAX      ((UINT32_C(1) << HD_WORD_COUNT_BITS) - 1)
#define HD_WORD_TARGET_MAX     ((UINT32_C(1) << HD_WORD_TARGET_BITS) - 1)
#define HD_WORD_GENERATION_MAX ((UINT32_C(1) << HD_WORD_GENERATION_BITS) - 1)

_Static_assert(HD_WORD_COUNT_BITS + HD_WORD_TARGET_BITS +
			       HD_WORD_GENERATION_BITS ==
		       64,
	       "the three fields fill the word");
_Static_assert(HD_WORD_TARGET_MAX <= HD_WORD_COUNT_MAX,
	       "a count below a target can be raised");

static inline uint64_t hd_word_make(uint32_t generation, uint32_t target,
				    uint32_t count)
{
	hd_assert(target <= HD_WORD_TARGET_MAX);
	hd_assert(count <= HD_WORD_COUNT_MAX);
	return (uint64_t)(generation & HD_WORD_GENERATION_MAX)
		       << (HD_WORD_TARGET_BITS + HD_WORD_COUNT_BITS) |
	       (uint64_t)(target & HD_WORD_TARGET_MAX) << HD_WORD_COUNT_BITS |
	       (count & HD_WORD_COUNT_MAX);
}

static inline uint32_t hd_word_count(uint64_t word)
{
	return (uint32_t)word & HD_WORD_COUNT_MAX;
}

static inline uint32_t hd_word_target(uint64_t word)
{
	return (uint32_t)(word >> HD_WORD_COUNT_BITS) & HD_WORD_TARGET_MAX;
}

static inline uint32_t hd_word_generation(uint64_t word)
{
	return (uint32_t)(word >> (HD_WORD_TARGET_BITS + HD_WORD_COUNT_BITS));
}

static inline bool hd_word_room(uint64_t word)
{
	return hd_word_count(word) < hd_word_target(word);
}

static inline bool hd_word_over(uint64_t word)
{
	return hd_word_count(word) > hd_word_target(word);
}

static inline uint64_t hd_word_load_any(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word,
				    memory_order_seq_cst); /* groupword-1 */
}

/* One CAS; on failure *seen is what the word is now. */
static inline bool hd_word_change(_Atomic uint64_t *word, uint64_t *seen,
				  uint64_t wanted)
{
	return atomic_compare_exchange_weak_explicit(
		word, seen, wanted, memory_order_seq_cst, /* groupword-1 */
		memory_order_seq_cst); /* groupword-1: "full" is an answer */
}

/* One permit; false if there was no room at some instant of the call. */
static inline bool hd_word_take_any(_Atomic uint64_t *word)
{
	uint64_t seen = hd_word_load_any(word);

	do {
		if (!hd_word_room(seen))
			return false;
	} while (!hd_word_change(word, &seen, seen + 1));
	return true;
}

/* Gives a permit back; returns the word before. */
static inline uint64_t hd_word_give_any(_Atomic uint64_t *word)
{
	uint64_t seen = hd_word_load_any(word);

	do {
		hd_assert(hd_word_count(seen) > 0);
		if (hd_word_count(seen) == 0)
			return seen; /* no borrow, even without asserts */
	} while (!hd_word_change(word, &seen, seen - 1));
	return seen;
}

/*
 * Gives a permit back only while more are out than may be: of n holders that
 * try at once exactly count - target succeed. *before is the word before, or
 * the one that was not over.
 */
static inline bool hd_word_give_over_any(_Atomic uint64_t *word,
					 uint64_t *before)
{
	*before = hd_word_load_any(word);
	do {
		if (!hd_word_over(*before))
			return false;
	} while (!hd_word_change(word, before, *before - 1));
	return true;
}

/* A lower target, unless more permits are out: false then. One changer at a time. */
static inline bool hd_word_lower_any(_Atomic uint64_t *word, uint32_t target)
{
	uint64_t seen = hd_word_load_any(word);

	do {
		if (hd_word_count(seen) > target)
			return false;
	} while (!hd_word_change(word, &seen,
				 hd_word_make(hd_word_generation(seen), target,
					      hd_word_count(seen))));
	return true;
}

/* A new target; the count stays. Returns the word before. */
static inline uint64_t hd_word_set_any(_Atomic uint64_t *word,
				       uint32_t generation, uint32_t target)
{
	uint64_t seen = hd_word_load_any(word);

	while (!hd_word_change(word, &seen,
			       hd_word_make(generation, target,
					    hd_word_count(seen))))
		;
	return seen;
}

#endif /* HEDDLE_LOCKFREE_GROUPWORD_H */
