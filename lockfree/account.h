/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The account of a reserve: how many holders it has prepaid for (prepaid), and how many
 * there are (used). Who comes while fewer are used than prepaid is paid for; everybody
 * else has paid elsewhere before he joins. So
 * what is paid in all is max(prepaid, used), and which holder is which does not matter:
 * who leaves takes a payment from elsewhere along while used is above prepaid.
 *
 *              take_any  join_any  leave_any  cover_any  raise_any  lower_any
 * take_any        -         -          -          -          -          -
 * join_any        -         -          -          -          -          -
 * leave_any       -         -          -          -          -          -
 * the last three: one changer at a time beside all of the first three
 * -  safe together
 *
 * One 64-bit word; doc/design/reserves.md is the protocol around it. Progress: lock-free.
 * Context: any thread. ABA: the word is the whole state.
 *
 * account-1: headroom of an account is a fact as that of a word is (groupword-1):
 *
 *   giver                               searcher
 *   G1  used - 1 (seq_cst CAS)          S1  clear the account's bit (seq_cst)
 *   G2  read the ready bits (seq_cst)   S2  read the account (seq_cst)
 *
 * Forbidden: G2 finds nothing to be marked and S2 reads "no headroom".
 */
#ifndef HEDDLE_LOCKFREE_ACCOUNT_H
#define HEDDLE_LOCKFREE_ACCOUNT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "platform/cacheline.h"

static inline uint64_t hd_account_make(uint32_t prepaid, uint32_t used)
{
	return (uint64_t)prepaid << 32 | used;
}

static inline uint32_t hd_account_used(uint64_t word)
{
	return (uint32_t)word;
}

static inline uint32_t hd_account_prepaid(uint64_t word)
{
	return (uint32_t)(word >> 32);
}

/* The next one is paid for. */
static inline bool hd_account_room(uint64_t word)
{
	return hd_account_used(word) < hd_account_prepaid(word);
}

/* Of those there are, one or more have paid elsewhere. */
static inline bool hd_account_beyond(uint64_t word)
{
	return hd_account_used(word) > hd_account_prepaid(word);
}

/* What is paid in all. */
static inline uint32_t hd_account_paid(uint64_t word)
{
	return hd_account_beyond(word) ? hd_account_used(word)
				       : hd_account_prepaid(word);
}

static inline uint64_t hd_account_load_any(const _Atomic uint64_t *account)
{
	return atomic_load_explicit(account,
				    memory_order_seq_cst); /* account-1 */
}

/* One CAS; on failure *seen is what the word is now. */
static inline bool hd_account_change(_Atomic uint64_t *account, uint64_t *seen,
				     uint64_t wanted)
{
	return atomic_compare_exchange_weak_explicit(
		account, seen, wanted, memory_order_seq_cst, /* account-1 */
		memory_order_seq_cst); /* account-1: "none" is an answer */
}

/* One more who is paid for; false if there was no headroom at some instant. */
static inline bool hd_account_take_any(_Atomic uint64_t *account)
{
	uint64_t seen = hd_account_load_any(account);

	do {
		if (!hd_account_room(seen))
			return false;
	} while (!hd_account_change(account, &seen, seen + 1));
	return true;
}

/*
 * One more who has paid elsewhere. Returns the word before: if that had headroom, the
 * account pays after all, and the caller has a payment to take back.
 */
static inline uint64_t hd_account_join_any(_Atomic uint64_t *account)
{
	uint64_t seen = hd_account_load_any(account);

	do
		hd_assert(hd_account_used(seen) < UINT32_MAX);
	while (!hd_account_change(account, &seen, seen + 1));
	return seen;
}

/*
 * One less. Returns the word before: if that was beyond what is prepaid, the caller has
 * a payment to take back; if used was equal to prepaid, he has made headroom.
 */
static inline uint64_t hd_account_leave_any(_Atomic uint64_t *account)
{
	uint64_t seen = hd_account_load_any(account);

	do {
		hd_assert(hd_account_used(seen) > 0);
		if (hd_account_used(seen) == 0)
			return seen; /* no borrow, even without asserts */
	} while (!hd_account_change(account, &seen, seen - 1));
	return seen;
}

static inline uint64_t hd_account_with(uint64_t word, uint32_t prepaid)
{
	return hd_account_make(prepaid, hd_account_used(word));
}

/* Prepays one more with what one of those there are has paid elsewhere, if any has. */
static inline bool hd_account_cover_any(_Atomic uint64_t *account)
{
	uint64_t seen = hd_account_load_any(account);

	do {
		if (!hd_account_beyond(seen))
			return false;
	} while (!hd_account_change(
		account, &seen,
		hd_account_with(seen, hd_account_prepaid(seen) + 1)));
	return true;
}

/*
 * Prepays one more, which the caller has paid. True if somebody had paid elsewhere in
 * the meantime, so that the caller takes his payment back.
 */
static inline bool hd_account_raise_any(_Atomic uint64_t *account)
{
	uint64_t seen = hd_account_load_any(account);

	while (!hd_account_change(
		account, &seen,
		hd_account_with(seen, hd_account_prepaid(seen) + 1)))
		;
	return hd_account_beyond(seen);
}

/* Prepays less; returns how many payments the caller takes back. */
static inline uint32_t hd_account_lower_any(_Atomic uint64_t *account,
					    uint32_t prepaid)
{
	uint64_t seen = hd_account_load_any(account);

	while (!hd_account_change(account, &seen,
				  hd_account_with(seen, prepaid)))
		;
	return hd_account_paid(seen) -
	       hd_account_paid(hd_account_with(seen, prepaid));
}

#endif /* HEDDLE_LOCKFREE_ACCOUNT_H */
