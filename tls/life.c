/* SPDX-License-Identifier: BSD-2-Clause */
/* Waiting for the end of a guest: the only sleep on its word. */
#include "tls/life.h"

#include <errno.h>

#include <heddle/api.h>

int hd_life_wait(_Atomic uint32_t *word, uint64_t deadline)
{
	for (;;) {
		uint32_t seen = atomic_load_explicit(
			word, memory_order_acquire); /* life-1 */

		if ((seen & HD_LIFE_STATE) >= HD_LIFE_EXITED)
			return 0;
		if (deadline == HEDDLE_NOW)
			return -ETIMEDOUT;
		if (!(seen & HD_LIFE_WAITED)) {
			if (!atomic_compare_exchange_weak_explicit(
				    word, &seen, seen | HD_LIFE_WAITED,
				    memory_order_relaxed,  /* read again */
				    memory_order_relaxed)) /* read again */
				continue;
			seen |= HD_LIFE_WAITED;
		}
		/* Each step of the guest changes the word; wakes come last. */
		if (hd_futex_wait(word, seen, deadline) == -ETIMEDOUT)
			deadline = HEDDLE_NOW;
	}
}
