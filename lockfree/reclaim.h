/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that was unlinked while readers may still hold it: retired now, freed
 * after a grace period that somebody waits for (never by a hidden thread).
 *
 *          retire  flush
 * retire     -       -     - safe together
 * flush      -       -
 *
 * Progress: retire lock-free; flush blocking (it waits for a grace period).
 */
#ifndef HEDDLE_LOCKFREE_RECLAIM_H
#define HEDDLE_LOCKFREE_RECLAIM_H

#include <stdatomic.h>

struct hd_retired {
	struct hd_retired *next;
	void (*free_fn)(struct hd_retired *retired);
};

struct hd_reclaim {
	_Atomic(struct hd_retired *) list;
};

/* The memory must be unreachable for readers that begin from now on. */
void hd_reclaim_retire_any(struct hd_reclaim *reclaim,
			   struct hd_retired *retired);

/* Frees what was retired before the call; returns how many. No lock held. */
unsigned int hd_reclaim_flush(struct hd_reclaim *reclaim);

#endif /* HEDDLE_LOCKFREE_RECLAIM_H */
