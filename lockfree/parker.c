/* SPDX-License-Identifier: BSD-2-Clause */
/* Sleeping on a word until it holds a token. */
#include "lockfree/parker.h"

#include <errno.h>

#include "platform/cacheline.h"
#include "platform/futex.h"

bool hd_parker_unpark_any(struct hd_parker *parker, uint32_t token)
{
	uint32_t before;

	hd_assert(token >= HD_PARKER_TOKEN_FIRST);
	before = atomic_exchange_explicit(&parker->word, token,
					  memory_order_release); /* parker-1 */
	/* A second token would overwrite the first, and its wake be lost. */
	hd_assert(before < HD_PARKER_TOKEN_FIRST);
	if (before != HD_PARKER_ASLEEP)
		return false;
	/* The owner may have gone on already; then nobody is woken. */
	hd_futex_wake(&parker->word, 1);
	return true;
}

uint32_t hd_parker_try_owner(struct hd_parker *parker)
{
	uint32_t word = atomic_load_explicit(
		&parker->word, memory_order_acquire); /* parker-1 */

	if (word < HD_PARKER_TOKEN_FIRST)
		return 0;
	/* The waker is done with the word until the next announcement. */
	atomic_store_explicit(&parker->word, HD_PARKER_EMPTY,
			      memory_order_relaxed); /* owned with the token */
	return word;
}

uint32_t hd_parker_park_owner(struct hd_parker *parker)
{
	for (;;) {
		uint32_t token = hd_parker_try_owner(parker);
		uint32_t empty = HD_PARKER_EMPTY;

		if (token)
			return token;
		/* Fails if the token has come, or if we were asleep before. */
		atomic_compare_exchange_strong_explicit(
			&parker->word, &empty, HD_PARKER_ASLEEP,
			memory_order_relaxed,  /* the waker reads only this */
			memory_order_relaxed); /* read again above */
		hd_futex_wait(&parker->word, HD_PARKER_ASLEEP, UINT64_MAX);
	}
}

uint32_t hd_parker_park_until_owner(struct hd_parker *parker, uint64_t deadline)
{
	for (;;) {
		uint32_t token = hd_parker_try_owner(parker);
		uint32_t empty = HD_PARKER_EMPTY, asleep = HD_PARKER_ASLEEP;

		if (token)
			return token;
		/* As in hd_parker_park_owner(). */
		atomic_compare_exchange_strong_explicit(
			&parker->word, &empty, HD_PARKER_ASLEEP,
			memory_order_relaxed,  /* the waker reads only this */
			memory_order_relaxed); /* read again above */
		if (hd_futex_wait(&parker->word, HD_PARKER_ASLEEP, deadline) !=
		    -ETIMEDOUT)
			continue;
		/* Fails if the token has come: then it is taken, and not lost. */
		if (atomic_compare_exchange_strong_explicit(
			    &parker->word, &asleep, HD_PARKER_EMPTY,
			    memory_order_relaxed, /* the waker reads only this */
			    memory_order_relaxed)) /* read again above */
			return 0;
	}
}
