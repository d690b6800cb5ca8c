/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A set of up to 4096 bits with a summary word: the idle set of workers, the
 * ready sets of groups. Who clears a bit owns what it stood for; there is no
 * ABA and no version. The summary bit of a word says that the word may have a
 * bit set.
 *
 * ck_bitmap was considered: it states no order for its operations, and every
 * access here is one side of a store-buffering pair.
 *
 *        set  clear  claim  next
 * set     -     -      -     -     - safe together
 * clear   -     -      -     -
 *
 * Progress: all lock-free; test and any are wait-free.
 *
 * All accesses are sequentially consistent (bitset-1): sleepers and ready
 * groups are facts of doc/design/permits.md. Forbidden: one side sets a bit
 * and reads "no work", the other publishes work and reads "no bit".
 * Summary: set writes the word, then the summary; clear empties the word,
 * clears the summary, then reads the word again. Forbidden: set reads the
 * summary bit as set and clear reads the word as empty.
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
	HD_ALIGNED _Atomic uint64_t summary;
	_Atomic uint64_t *word;
	uint32_t bits;
};

/* 0, -EINVAL or -ENOMEM; all bits clear. */
int hd_bitset_init(struct hd_bitset *set, uint32_t bits);
void hd_bitset_fini(struct hd_bitset *set);

static inline uint64_t hd_bitset_word(const struct hd_bitset *set, uint32_t w)
{
	return atomic_load_explicit(&set->word[w],
				    memory_order_seq_cst); /* bitset-1 */
}

static inline uint64_t hd_bitset_summary(const struct hd_bitset *set)
{
	return atomic_load_explicit(&set->summary,
				    memory_order_seq_cst); /* bitset-1 */
}

static inline void hd_bitset_show_word(struct hd_bitset *set, uint32_t w)
{
	if (!(hd_bitset_summary(set) >> w & 1))
		atomic_fetch_or_explicit(&set->summary, UINT64_C(1) << w,
					 memory_order_seq_cst); /* bitset-1 */
}

/* True when the bit was clear before. */
static inline bool hd_bitset_set_any(struct hd_bitset *set, uint32_t bit)
{
	uint64_t mask = UINT64_C(1) << (bit & 63);
	uint64_t before = atomic_fetch_or_explicit(
		&set->word[bit >> 6], mask, memory_order_seq_cst); /* bitset-1 */

	hd_bitset_show_word(set, bit >> 6);
	return !(before & mask);
}

/* True when the bit was set and this call cleared it. */
static inline bool hd_bitset_clear_any(struct hd_bitset *set, uint32_t bit)
{
	uint64_t mask = UINT64_C(1) << (bit & 63);
	uint32_t w = bit >> 6;
	uint64_t before;

	if (!(hd_bitset_word(set, w) & mask))
		return false;
	before = atomic_fetch_and_explicit(&set->word[w], ~mask,
					   memory_order_seq_cst); /* bitset-1 */
	if (!(before & ~mask)) {
		atomic_fetch_and_explicit(&set->summary, ~(UINT64_C(1) << w),
					  memory_order_seq_cst); /* bitset-1 */
		if (hd_bitset_word(set, w))
			hd_bitset_show_word(set, w);
	}
	return before & mask;
}

/* Set, and to be found: its word's summary bit is set as well. */
static inline bool hd_bitset_test_any(const struct hd_bitset *set, uint32_t bit)
{
	return (hd_bitset_word(set, bit >> 6) >> (bit & 63) & 1) &&
	       (hd_bitset_summary(set) >> (bit >> 6) & 1);
}

static inline bool hd_bitset_any(const struct hd_bitset *set)
{
	return hd_bitset_summary(set) != 0;
}

/* The first set bit from there on, going round once; HD_BITSET_NONE. */
uint32_t hd_bitset_next_any(const struct hd_bitset *set, uint32_t from);

/* Clears the lowest, or highest, set bit and returns it; HD_BITSET_NONE. */
uint32_t hd_bitset_claim_lowest_any(struct hd_bitset *set);
uint32_t hd_bitset_claim_highest_any(struct hd_bitset *set);

uint32_t hd_bitset_count_any(const struct hd_bitset *set);

#endif /* HEDDLE_LOCKFREE_BITSET_H */
