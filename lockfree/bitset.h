/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A set of up to 4096 small numbers: the idle set of workers, the ready sets of
 * groups. Who clears a bit owns what it stood for, so a claim needs no version.
 * One bit in a summary word for each word of the set makes "empty" and "the
 * next one" cost a few loads; a set of one word (64 numbers) is its own summary.
 * Not a counter and not a queue: a bit that is set twice is set once. Two-level
 * bitmaps are common under a lock; the guard that lets readers believe this one
 * without a lock is our own (bitset-3). ck_bitmap names no orders and has no
 * summary.
 *
 *              set  clear  test  any/next  claim  init/fini
 * set           -     -     -       -        -        X
 * clear         -     -     -       -        -        X
 * test          -     -     -       -        -        X
 * any/next      -     -     -       -        -        X
 * claim         -     -     -       -        -        X
 *
 * -  safe together      X  caller must exclude
 *
 * Progress: test, any, next and count are wait-free; set and clear are wait-free
 * on a set of one word and lock-free on more (they go round while others change
 * the same word); claim is lock-free. Context: any thread.
 *
 * What is promised:
 * - a bit whose set, or whose true test, has returned is found by every any,
 *   next and claim that begins later, until somebody clears it;
 * - "none" means that each bit was clear at some instant of the call. It is not
 *   one instant for all bits: a bit that its claimer cleared may have been
 *   replaced by one that was read before. Who needs more announces itself and
 *   looks again, as the sleepers and searchers do;
 * - at rest a summary bit equals (word != 0).
 *
 * bitset-1: the bits are one of the facts of the wake protocol:
 *
 *   sleeper                          submitter
 *   S1  set own bit (seq_cst)        U1  push the task (seq_cst)
 *   S2  read the work (seq_cst)      U2  read the bits (seq_cst)
 *
 * Forbidden: S2 reads no task and U2 reads no bit.
 *
 * bitset-2: set writes the word, then reads the summary; lower clears the
 * summary, then reads the word:
 *
 *   set                              lower
 *   A1  word |= bit (seq_cst)        B1  summary &= ~w (seq_cst)
 *   A2  read summary (seq_cst)       B2  read word (seq_cst)
 *
 * Forbidden: A2 reads the summary bit as set and B2 reads the word as empty.
 *
 * bitset-3: between B1 and the repair that follows B2 the summary lies, and the
 * set may have returned. So lower counts itself in the guard around it, and a
 * reader believes the summary only if no lower was under way before and after
 * it read it; otherwise it reads all words:
 *
 *   lower                            reader
 *   B0  guard: version+1, count+1    R1  read guard
 *   B1..B3  summary, word, repair    R2  read summary
 *   B4  guard: count-1               R3  read guard again
 *
 * Forbidden: R2 reads what B1 wrote, R1 and R3 read equal words with count 0,
 * and the word has a bit whose set has returned. Only 2^32 lowers between R1 and
 * R3 would bring the same guard back, minutes between two loads.
 */
#ifndef HEDDLE_LOCKFREE_BITSET_H
#define HEDDLE_LOCKFREE_BITSET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "platform/cacheline.h"

#define HD_BITSET_MAX  4096u
#define HD_BITSET_NONE UINT32_MAX

struct hd_bitset {
	/* A set of one word: the word. Else: bit w, word w may have a bit. */
	HD_ALIGNED _Atomic uint64_t summary; /* A */
	_Atomic uint64_t guard;              /* A  version 32 | count 32 */
	_Atomic uint64_t *word;              /* I */
	uint32_t bits;                       /* I */
	uint32_t words;                      /* I */
};

/* 0, -EINVAL for more bits than HD_BITSET_MAX or none, -ENOMEM. All clear. */
int hd_bitset_init(struct hd_bitset *set, uint32_t bits);

/* The same with the guard at that version: for tests of the wrap. */
int hd_bitset_init_at(struct hd_bitset *set, uint32_t bits, uint32_t version);

void hd_bitset_fini(struct hd_bitset *set);

/* The summary bit of a word that has a bit was clear: sets it. */
void hd_bitset_raise(struct hd_bitset *set, uint32_t w);

/* The word was seen empty: clears its summary bit unless that is wrong. */
void hd_bitset_lower(struct hd_bitset *set, uint32_t w);

/* The first set bit from there on, going round once; HD_BITSET_NONE. */
uint32_t hd_bitset_next_any(const struct hd_bitset *set, uint32_t from);

/* Clears the lowest, or highest, set bit and returns it; HD_BITSET_NONE. */
uint32_t hd_bitset_claim_lowest_any(struct hd_bitset *set);
uint32_t hd_bitset_claim_highest_any(struct hd_bitset *set);

/* For statistics: the words are read one after the other. */
uint32_t hd_bitset_count_any(const struct hd_bitset *set);

static inline uint64_t hd_bitset_word(const struct hd_bitset *set, uint32_t w)
{
	return atomic_load_explicit(
		&set->word[w], memory_order_seq_cst); /* bitset-1 bitset-2 */
}

static inline uint64_t hd_bitset_summary(const struct hd_bitset *set)
{
	return atomic_load_explicit(
		&set->summary, memory_order_seq_cst); /* bitset-2 bitset-3 */
}

/* True when the bit was clear before. */
static inline bool hd_bitset_set_any(struct hd_bitset *set, uint32_t bit)
{
	uint64_t mask = UINT64_C(1) << (bit & 63);
	uint32_t w = bit >> 6;
	uint64_t before;

	hd_assert(bit < set->bits);
	before = atomic_fetch_or_explicit(
		&set->word[w], mask,
		memory_order_seq_cst); /* bitset-1 bitset-2 */
	/* Also when the bit was set: who set it may not have come so far. */
	if (set->words > 1 && !(hd_bitset_summary(set) >> w & 1))
		hd_bitset_raise(set, w);
	return !(before & mask);
}

/* True when the bit was set and this call cleared it. */
static inline bool hd_bitset_clear_any(struct hd_bitset *set, uint32_t bit)
{
	uint64_t mask = UINT64_C(1) << (bit & 63);
	uint32_t w = bit >> 6;
	uint64_t before;

	hd_assert(bit < set->bits);
	if (!(hd_bitset_word(set, w) & mask))
		return false;
	before = atomic_fetch_and_explicit(
		&set->word[w], ~mask,
		memory_order_seq_cst); /* bitset-1 bitset-2 */
	if (set->words > 1 && !(before & ~mask))
		hd_bitset_lower(set, w);
	return before & mask;
}

/* Set, and found by every search from now on until it is cleared. */
static inline bool hd_bitset_test_any(const struct hd_bitset *set, uint32_t bit)
{
	uint32_t w = bit >> 6;

	hd_assert(bit < set->bits);
	if (!(hd_bitset_word(set, w) >> (bit & 63) & 1))
		return false;
	return set->words == 1 || hd_bitset_summary(set) >> w & 1;
}

static inline bool hd_bitset_any(const struct hd_bitset *set)
{
	if (set->words == 1)
		return hd_bitset_word(set, 0) != 0;
	return hd_bitset_next_any(set, 0) != HD_BITSET_NONE;
}

#endif /* HEDDLE_LOCKFREE_BITSET_H */
