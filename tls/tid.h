/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Thread ids of a process: tid = generation : entry, where the entry is the
 * index of the guest's record. An entry is in one place at a time, in the ring
 * or with one guest, so ids of live guests differ by construction; nothing is
 * drawn at random and looked up afterwards.
 *
 * The ring is first in, first out: an entry that was given back waits until
 * all others were drawn, and comes back with the next generation.
 *
 * No locks here: the caller holds that of the process.
 */
#ifndef HEDDLE_TLS_TID_H
#define HEDDLE_TLS_TID_H

#include <stdint.h>

/* wasi-threads: 1 <= tid < 2^29. */
#define HD_TID_BITS 29

struct hd_tids {
	uint32_t entries;
	uint32_t entry_bits;
	uint32_t generation; /* of entries that were never drawn */
	uint32_t fresh;      /* entries below were drawn at least once */
	uint32_t head;       /* of the ring, which holds the next tids */
	uint32_t count;      /* in the ring */
	uint32_t *ring;
};

/*
 * entries: at most 2^20. generation: the first one, at least 1 and below
 * hd_tids_generations(); other values than 1 are for tests of the wrap. 0 or
 * -ENOMEM.
 */
int hd_tids_init(struct hd_tids *tids, uint32_t entries, uint32_t generation);
void hd_tids_fini(struct hd_tids *tids);

/* Generations run from 1 up to, but without, this number, then from 1 again. */
uint32_t hd_tids_generations(const struct hd_tids *tids);

/* A tid, or 0 when every entry is with a guest. */
uint32_t hd_tids_draw(struct hd_tids *tids);

/* The guest with this tid was freed. */
void hd_tids_give(struct hd_tids *tids, uint32_t tid);

static inline uint32_t hd_tids_free(const struct hd_tids *tids)
{
	return tids->entries - tids->fresh + tids->count;
}

static inline uint32_t hd_tids_entry(const struct hd_tids *tids, uint32_t tid)
{
	return tid & ((UINT32_C(1) << tids->entry_bits) - 1);
}

#endif /* HEDDLE_TLS_TID_H */
