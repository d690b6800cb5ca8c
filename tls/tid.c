/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ring of ids. It holds the tid that an entry will have next, so nothing
 * else needs to remember generations. Entries that were never drawn are not in
 * it: they come first, in order, from a counter, and the ring's memory is not
 * touched before its first use.
 */
#include "tls/tid.h"

#include <errno.h>
#include <string.h>

#include "platform/cacheline.h"
#include "platform/memory.h"

#define ENTRIES_MAX (UINT32_C(1) << 20)

uint32_t hd_tids_generations(const struct hd_tids *tids)
{
	return UINT32_C(1) << (HD_TID_BITS - tids->entry_bits);
}

int hd_tids_init(struct hd_tids *tids, uint32_t entries, uint32_t generation)
{
	memset(tids, 0, sizeof(*tids));
	hd_assert(entries > 0 && entries <= ENTRIES_MAX);
	while (UINT32_C(1) << tids->entry_bits < entries)
		tids->entry_bits++;
	hd_assert(generation > 0 && generation < hd_tids_generations(tids));
	tids->entries = entries;
	tids->generation = generation;
	tids->ring = hd_map(entries * sizeof(*tids->ring));
	return tids->ring ? 0 : -ENOMEM;
}

void hd_tids_fini(struct hd_tids *tids)
{
	hd_unmap(tids->ring, tids->entries * sizeof(*tids->ring));
	tids->ring = NULL;
}

uint32_t hd_tids_draw(struct hd_tids *tids)
{
	uint32_t tid;

	if (tids->fresh < tids->entries)
		return tids->generation << tids->entry_bits | tids->fresh++;
	if (!tids->count)
		return 0;
	tid = tids->ring[tids->head];
	tids->head = (tids->head + 1) % tids->entries;
	tids->count--;
	return tid;
}

void hd_tids_give(struct hd_tids *tids, uint32_t tid)
{
	uint32_t entry = hd_tids_entry(tids, tid);
	uint32_t generation = (tid >> tids->entry_bits) + 1;

	hd_assert(entry < tids->fresh && tids->count < tids->fresh);
	/* Generation 0 is not used, so that no tid is 0. */
	if (generation == hd_tids_generations(tids))
		generation = 1;
	tids->ring[(tids->head + tids->count) % tids->entries] =
		generation << tids->entry_bits | entry;
	tids->count++;
}
