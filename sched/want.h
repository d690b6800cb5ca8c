/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is a donated thread wanted? The event of a pool, which a poll loop watches: who
 * publishes something that can start, and finds nobody asleep to wake for it, signals
 * it once. doc/design/donated.md has the states and the forbidden outcomes.
 *
 * want-1: the publisher publishes (work, or headroom), then reads the word; a donated
 * thread puts the word to QUIET, then searches; who makes the event does so too.
 * Forbidden: the publisher reads RAISED, or NONE, and the search misses what it
 * published.
 *
 * want-2: who reads QUIET sees the descriptor.
 */
#ifndef HEDDLE_SCHED_WANT_H
#define HEDDLE_SCHED_WANT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "sched/pool.h"

enum hd_want {
	HD_WANT_NONE = 0,  /* there is no event */
	HD_WANT_QUIET = 1, /* nobody has been asked for since it was drained */
	HD_WANT_RAISED =
		2, /* it is readable, or its writer is about to write */
};

static inline bool hd_want_is(struct heddle_pool *pool, uint32_t state)
{
	return atomic_load_explicit(&pool->want, memory_order_seq_cst) ==
	       state; /* want-1, want-2 */
}

/* QUIET to RAISED, and then one write; nothing if another was first. */
void hd_want_raise(struct heddle_pool *pool);

/* With QUIET: raises if a search sees something to start. */
void hd_want_search(struct heddle_pool *pool);

/* Headroom was published, and nobody sleeps; or a donated thread leaves. */
static inline void hd_want(struct heddle_pool *pool)
{
	if (hd_want_is(pool, HD_WANT_QUIET))
		hd_want_search(pool);
}

/*
 * By a donated thread before it searches. It reads the descriptor, then puts the word to
 * QUIET: the other way round it could read away a later signal, and the word say RAISED.
 */
void hd_want_drain(struct heddle_pool *pool);

#endif /* HEDDLE_SCHED_WANT_H */
