/* SPDX-License-Identifier: BSD-2-Clause */
/* Searches in a bitset. */
#include "lockfree/bitset.h"

#include <errno.h>
#include <stddef.h>

#include "platform/memory.h"

int hd_bitset_init(struct hd_bitset *set, uint32_t bits)
{
	if (bits == 0 || bits > HD_BITSET_MAX)
		return -EINVAL;
	set->word = hd_alloc((bits + 63) / 64 * sizeof(*set->word));
	if (!set->word)
		return -ENOMEM;
	set->bits = bits;
	atomic_store_explicit(&set->summary, 0,
			      memory_order_relaxed); /* not shared yet */
	return 0;
}

void hd_bitset_fini(struct hd_bitset *set)
{
	hd_free(set->word);
	set->word = NULL;
}

/* The first set bit in [from, to). */
static uint32_t first_in(const struct hd_bitset *set, uint32_t from,
			 uint32_t to)
{
	uint32_t w = from >> 6;

	while (w << 6 < to) {
		uint64_t some = hd_bitset_summary(set) >> w << w;
		uint64_t word;

		if (!some)
			return HD_BITSET_NONE;
		w = (uint32_t)__builtin_ctzll(some);
		word = hd_bitset_word(set, w);
		if (w == from >> 6)
			word = word >> (from & 63) << (from & 63);
		if (word) {
			uint32_t bit = (w << 6) +
				       (uint32_t)__builtin_ctzll(word);

			return bit < to ? bit : HD_BITSET_NONE;
		}
		if (w == 63)
			break;
		w++;
	}
	return HD_BITSET_NONE;
}

uint32_t hd_bitset_next_any(const struct hd_bitset *set, uint32_t from)
{
	uint32_t bit;

	if (from >= set->bits)
		from = 0;
	bit = first_in(set, from, set->bits);
	if (bit == HD_BITSET_NONE && from)
		bit = first_in(set, 0, from);
	return bit;
}

uint32_t hd_bitset_claim_lowest_any(struct hd_bitset *set)
{
	for (;;) {
		uint32_t bit = first_in(set, 0, set->bits);

		if (bit == HD_BITSET_NONE || hd_bitset_clear_any(set, bit))
			return bit;
	}
}

uint32_t hd_bitset_claim_highest_any(struct hd_bitset *set)
{
	uint64_t some;

	while ((some = hd_bitset_summary(set))) {
		while (some) {
			uint32_t w = 63 - (uint32_t)__builtin_clzll(some);
			uint64_t word = hd_bitset_word(set, w);
			uint32_t bit;

			some &= ~(UINT64_C(1) << w);
			if (!word)
				continue;
			bit = (w << 6) + 63 - (uint32_t)__builtin_clzll(word);
			if (hd_bitset_clear_any(set, bit))
				return bit;
			break; /* somebody else got it: look again */
		}
	}
	return HD_BITSET_NONE;
}

uint32_t hd_bitset_count_any(const struct hd_bitset *set)
{
	uint32_t w, n = 0;

	for (w = 0; w << 6 < set->bits; w++)
		n += (uint32_t)__builtin_popcountll(hd_bitset_word(set, w));
	return n;
}
