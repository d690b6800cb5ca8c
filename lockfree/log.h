/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The last records of a few words each, for who looks later: a ring that is written
 * by many and never waits. It overwrites the oldest. A record that would be written
 * over one that another thread is still writing is dropped. Each has a number; a
 * reader sees by the numbers what it missed.
 *
 *                 write_any  read_any  next_any
 * write_any           X         X         X
 * read_any            X         X         X
 * next_any            X         X         X
 *
 * X  safe together
 *
 * Progress: all are wait-free but for a write, which is lock-free: its exchange goes
 * round only if another writer has taken the slot meanwhile, and then drops. Context: any
 * thread, also a signal handler. Nothing is allocated after init.
 *
 * Source: the sequence lock as in H.-J. Boehm, "Can seqlocks get along with programming
 * language memory models?" (MSPC 2012), one for each slot, with the number of the record
 * in place of a count, so that a reader also knows which record it has met.
 *
 * A slot's sequence: 2n + 1 while record n is written, 2n + 2 when it is whole.
 *
 * log-1: the words are stored with release behind the odd sequence, and loaded with
 * acquire before the sequence is read again. Forbidden: a reader has a word of a later
 * record and reads the sequence of its own record twice.
 */
#ifndef HEDDLE_LOCKFREE_LOG_H
#define HEDDLE_LOCKFREE_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define HD_LOG_WORDS 5

struct hd_log_slot {
	_Atomic uint64_t sequence;           /* A */
	_Atomic uint64_t word[HD_LOG_WORDS]; /* A */
};

struct hd_log {
	_Atomic uint64_t next;    /* A  number of the next record */
	uint64_t slots;           /* I  a power of two */
	struct hd_log_slot *slot; /* I */
};

/* slots: a power of two. 0 or -ENOMEM. */
int hd_log_init(struct hd_log *log, uint64_t slots);
void hd_log_fini(struct hd_log *log);

/* False: dropped, another thread is writing there. */
bool hd_log_write_any(struct hd_log *log, const uint64_t word[HD_LOG_WORDS]);

/* False: that record was overwritten, dropped, or is not whole yet. */
bool hd_log_read_any(const struct hd_log *log, uint64_t number,
		     uint64_t word[HD_LOG_WORDS]);

/* One more than the number of the newest record. */
static inline uint64_t hd_log_next_any(const struct hd_log *log)
{
	return atomic_load_explicit(&log->next,
				    memory_order_relaxed); /* a bound */
}

#endif /* HEDDLE_LOCKFREE_LOG_H */
