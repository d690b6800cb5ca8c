/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of a guest's record, in one word that is also the futex of joiners.
 * Every step names where it comes from, and a step from anywhere else is a
 * broken invariant.
 *
 *   FREED -> RESERVED    the spawner has a berth and a tid
 *   RESERVED -> CREATED  the record is complete
 *   CREATED -> FREED     no worker could be bound
 *   CREATED -> STARTING  a worker has it, and waits for permits
 *   STARTING -> RUNNING <-> BLOCKED  user code; inside a blocking region
 *   RUNNING -> EXITING   the entry function is left, destructors run
 *   EXITING -> SCRUB     no user code any more, permits are given back
 *   SCRUB -> EXITED      clean, the worker idle again, the berth passed on
 *   EXITED -> RETIRED    joined, detached or collected
 *   RETIRED -> FREED     the tid comes back
 *
 * life-1: who waits for EXITED sees what was written before: the joiner all that the
 * guest did, and which worker it had. The other steps are handed on otherwise: the record
 * to the worker by its parker, a record that is used again by the process's lock.
 */
#ifndef HEDDLE_TLS_LIFE_H
#define HEDDLE_TLS_LIFE_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "platform/cacheline.h"
#include "platform/futex.h"

enum hd_life {
	HD_LIFE_FREED = 0,
	HD_LIFE_RESERVED = 1,
	HD_LIFE_CREATED = 2,
	HD_LIFE_STARTING = 3,
	HD_LIFE_RUNNING = 4,
	HD_LIFE_BLOCKED = 5,
	HD_LIFE_EXITING = 6,
	HD_LIFE_SCRUB = 7,
	HD_LIFE_EXITED = 8,
	HD_LIFE_RETIRED = 9,
	HD_LIFE_STATE = 0xff,
	HD_LIFE_WAITED = 0x100, /* a joiner sleeps on the word */
};

/* Under the process's lock, under which records end. */
static inline uint32_t hd_life_of(const _Atomic uint32_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed) /* locked */
	       & HD_LIFE_STATE;
}

/* One step. Returns whether somebody sleeps on the word. */
static inline bool hd_life_step(_Atomic uint32_t *word, uint32_t from,
				uint32_t to)
{
	/* Only the bits that differ: WAITED may come at any time. */
	uint32_t before = atomic_fetch_xor_explicit(
		word, from ^ to, memory_order_release); /* life-1 */

	hd_assert((before & HD_LIFE_STATE) == from);
	return before & HD_LIFE_WAITED;
}

/* The last step, under the lock: nobody waits for the record any more. */
static inline void hd_life_free(_Atomic uint32_t *word, uint32_t from)
{
	uint32_t before = atomic_exchange_explicit(
		word, HD_LIFE_FREED, memory_order_relaxed); /* locked */

	hd_assert((before & HD_LIFE_STATE) == from);
}

/* Sleeps until EXITED or later: 0 or -ETIMEDOUT. */
int hd_life_wait(_Atomic uint32_t *word, uint64_t deadline);

#endif /* HEDDLE_TLS_LIFE_H */
