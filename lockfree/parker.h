/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One word on which one thread sleeps until it is handed a token. Not an event
 * that may be signalled twice: between two parks exactly one thread hands over
 * one token (who cleared the sleeper's bit in the idle set). The token stays
 * until it is taken, so a wake that comes before the sleep is not lost.
 *
 *                     unpark_any  park/try_owner
 * unpark_any              X             -
 * park/try_owner          -             X      (park_until too)
 *
 * -  safe together      X  caller must exclude (one waker, one owner)
 *
 * Progress: unpark and try are wait-free (unpark may make a system call), park
 * blocks. Context: unpark from any thread.
 *
 * park_until with a deadline that has passed ends without a token, and the word is 0
 * again as if nobody had slept.
 *
 * The word: 0 nobody sleeps, 1 the owner sleeps or is about to, else a token.
 * Only the owner puts 0 or 1, only the waker a token. Early returns of the
 * futex, signals, and wakes meant for an earlier user of the address end in
 * another look at the word.
 *
 * parker-1: who takes the token sees what the waker did before it handed it
 * over.
 */
#ifndef HEDDLE_LOCKFREE_PARKER_H
#define HEDDLE_LOCKFREE_PARKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define HD_PARKER_EMPTY       UINT32_C(0)
#define HD_PARKER_ASLEEP      UINT32_C(1)
#define HD_PARKER_TOKEN_FIRST UINT32_C(2)

struct hd_parker {
	_Atomic uint32_t word; /* A  zeroed is nobody asleep */
};

/* Hands over the token and wakes; true if that took a call of the kernel. */
bool hd_parker_unpark_any(struct hd_parker *parker, uint32_t token);

/* Sleeps until there is a token, and takes it. */
uint32_t hd_parker_park_owner(struct hd_parker *parker);

/* The same until the deadline: then 0, and nobody is announced as asleep any more. */
uint32_t hd_parker_park_until_owner(struct hd_parker *parker,
				    uint64_t deadline);

/* The token if it is there, else 0. */
uint32_t hd_parker_try_owner(struct hd_parker *parker);

#endif /* HEDDLE_LOCKFREE_PARKER_H */
