/* SPDX-License-Identifier: BSD-2-Clause */
/* Searches in a bitset, and the upkeep of its summary. See the header. */
#include "lockfree/bitset.h"

#include <errno.h>
#include <stddef.h>

#include "platform/memory.h"

#define GUARD_COUNT   UINT64_C(1)
#define GUARD_VERSION (UINT64_C(1) << 32)

int hd_bitset_init_at(struct hd_bitset *set, uint32_t bits, uint32_t version)
{
	if (bits == 0 || bits > HD_BITSET_MAX)
		return -EINVAL;
	set->bits = bits;
	set->words = (bits + 63) / 64;
	atomic_store_explicit(&set->summary, 0,
			      memory_order_relaxed); /* not shared yet */
	atomic_store_explicit(&set->guard, version * GUARD_VERSION,
			      memory_order_relaxed); /* not shared yet */
	set->word = &set->summary;
	if (set->words > 1)
		set->word = hd_alloc(set->words * sizeof(*set->word));
	return set->word ? 0 : -ENOMEM;
}

int hd_bitset_init(struct hd_bitset *set, uint32_t bits)
{
	return hd_bitset_init_at(set, bits, 0);
}

void hd_bitset_fini(struct hd_bitset *set)
{
	if (set->word != &set->summary)
		hd_free(set->word);
	set->word = NULL;
}

void hd_bitset_raise(struct hd_bitset *set, uint32_t w)
{
	atomic_fetch_or_explicit(&set->summary, UINT64_C(1) << w,
				 memory_order_seq_cst); /* bitset-2 bitset-3 */
	/* Who cleared our bit meanwhile found no summary bit to clear. */
	if (!hd_bitset_word(set, w))
		hd_bitset_lower(set, w);
}

/* Goes round only if the word was changed by others in between. */
void hd_bitset_lower(struct hd_bitset *set, uint32_t w)
{
	uint64_t mask = UINT64_C(1) << w;

	atomic_fetch_add_explicit(&set->guard, GUARD_VERSION + GUARD_COUNT,
				  memory_order_seq_cst); /* bitset-3 */
	for (;;) {
		atomic_fetch_and_explicit(
			&set->summary, ~mask,
			memory_order_seq_cst); /* bitset-2 bitset-3 */
		if (!hd_bitset_word(set, w))
			break;
		atomic_fetch_or_explicit(
			&set->summary, mask,
			memory_order_seq_cst); /* bitset-2 bitset-3 */
		if (hd_bitset_word(set, w))
			break;
	}
	atomic_fetch_sub_explicit(&set->guard, GUARD_COUNT,
				  memory_order_seq_cst); /* bitset-3 */
}

static uint64_t guard_of(const struct hd_bitset *set)
{
	return atomic_load_explicit(&set->guard,
				    memory_order_seq_cst); /* bitset-3 */
}

/* The words that may have a bit: the summary if it is to be believed, or all. */
static uint64_t candidates(const struct hd_bitset *set)
{
	uint64_t all = UINT64_MAX >> (64 - set->words);
	uint64_t guard, summary;

	if (set->words == 1)
		return all;
	guard = guard_of(set);
	if ((uint32_t)guard)
		return all;
	summary = hd_bitset_summary(set);
	return guard_of(set) == guard ? summary : all;
}

/* The lowest bit, not below from in from's word, in these words. */
static uint32_t lowest_in(const struct hd_bitset *set, uint64_t words,
			  uint32_t from)
{
	for (; words; words &= words - 1) {
		uint32_t w = (uint32_t)__builtin_ctzll(words);
		uint64_t word = hd_bitset_word(set, w);

		if (w == from >> 6)
			word &= UINT64_MAX << (from & 63);
		if (word)
			return (w << 6) + (uint32_t)__builtin_ctzll(word);
	}
	return HD_BITSET_NONE;
}

uint32_t hd_bitset_next_any(const struct hd_bitset *set, uint32_t from)
{
	uint64_t words = candidates(set);
	uint32_t first, bit;

	if (from >= set->bits)
		from = 0;
	first = from >> 6;
	bit = lowest_in(set, words & UINT64_MAX << first, from);
	if (bit != HD_BITSET_NONE || from == 0)
		return bit;
	/* Round: the words before, and the lower part of from's. */
	return lowest_in(set, words & ((UINT64_C(2) << first) - 1), 0);
}

uint32_t hd_bitset_claim_lowest_any(struct hd_bitset *set)
{
	for (;;) {
		uint32_t bit = hd_bitset_next_any(set, 0);

		/* A failed clear means that another claimer had it. */
		if (bit == HD_BITSET_NONE || hd_bitset_clear_any(set, bit))
			return bit;
	}
}

static uint32_t highest(const struct hd_bitset *set)
{
	uint64_t words = candidates(set);

	while (words) {
		uint32_t w = 63 - (uint32_t)__builtin_clzll(words);
		uint64_t word = hd_bitset_word(set, w);

		if (word)
			return (w << 6) + 63 - (uint32_t)__builtin_clzll(word);
		words &= ~(UINT64_C(1) << w);
	}
	return HD_BITSET_NONE;
}

uint32_t hd_bitset_claim_highest_any(struct hd_bitset *set)
{
	for (;;) {
		uint32_t bit = highest(set);

		if (bit == HD_BITSET_NONE || hd_bitset_clear_any(set, bit))
			return bit;
	}
}

uint32_t hd_bitset_count_any(const struct hd_bitset *set)
{
	uint32_t w, n = 0;

	for (w = 0; w < set->words; w++)
		n += (uint32_t)__builtin_popcountll(hd_bitset_word(set, w));
	return n;
}
