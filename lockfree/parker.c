/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parker-1: what the waker wrote before the hand-over is seen by the woken
 * worker. EINTR, spurious wakes and wakes meant for an earlier user of the
 * address are harmless, since the word is read again.
 */
#include "lockfree/parker.h"

#include "platform/cacheline.h"
#include "platform/futex.h"

bool hd_parker_unpark_any(struct hd_parker *parker, uint32_t token)
{
	uint32_t before = atomic_exchange_explicit(
		&parker->word, token, memory_order_acq_rel); /* parker-1 */

	hd_assert(before <= HD_PARKER_ASLEEP);
	if (before != HD_PARKER_ASLEEP)
		return false;
	hd_futex_wake(&parker->word, 1);
	return true;
}

uint32_t hd_parker_park_owner(struct hd_parker *parker)
{
	uint32_t seen = 0;

	if (atomic_compare_exchange_strong_explicit(
		    &parker->word, &seen, HD_PARKER_ASLEEP,
		    memory_order_acquire,    /* parker-1 */
		    memory_order_acquire)) { /* parker-1 */
		do {
			hd_futex_wait(&parker->word, HD_PARKER_ASLEEP,
				      UINT64_MAX);
			seen = atomic_load_explicit(
				&parker->word,
				memory_order_acquire); /* parker-1 */
		} while (seen == HD_PARKER_ASLEEP);
	}
	atomic_store_explicit(&parker->word, 0,
			      memory_order_relaxed); /* own word again */
	return seen;
}
