/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that was unlinked while readers may still hold it. Retiring is one
 * push; a flush waits for the readers and frees. Nothing is freed behind
 * anybody's back and no thread works here on its own: who retires also decides
 * when to flush, and memory stays bounded by what was retired since.
 *
 *              retire_any  flush
 * retire_any       -         -
 * flush            -         -
 *
 * -  safe together
 *
 * Progress: retire_any is lock-free; flush blocks for one grace period
 * (liburcu, "User-Level Implementations of Read-Copy Update", IEEE TPDS 2012)
 * if there is something to free. Context: flush is called with no lock held and
 * from no read section.
 *
 * ABA: a push that finds the same first block again links to what is the first
 * block again; nothing but the whole list is ever taken.
 *
 * reclaim-1: the flusher sees the block as its retirer left it, and its grace
 * period begins after every unlinking that went before a retire it has taken.
 */
#ifndef HEDDLE_LOCKFREE_RECLAIM_H
#define HEDDLE_LOCKFREE_RECLAIM_H

#include <stdatomic.h>

/* Lies in the block that is to be freed; O by the list once it is retired. */
struct hd_retired {
	struct hd_retired *next;
	void (*free_fn)(struct hd_retired *retired);
};

struct hd_reclaim {
	_Atomic(struct hd_retired *) list; /* A  zeroed is empty */
	/* I  NULL, or waits for readers that RCU does not know, as a grace period. */
	void (*wait_for_others)(struct hd_reclaim *reclaim);
};

/* The block can no longer be reached by a reader that begins now. */
void hd_reclaim_retire_any(struct hd_reclaim *reclaim,
			   struct hd_retired *retired);

/*
 * Frees what was retired before the call, but for what another flush took, which may
 * still be at it; returns how many blocks.
 */
unsigned int hd_reclaim_flush(struct hd_reclaim *reclaim);

#endif /* HEDDLE_LOCKFREE_RECLAIM_H */
