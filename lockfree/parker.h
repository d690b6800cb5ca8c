/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One word for one worker to sleep on. A wake hands over a token: what the
 * worker is to do, permits included. At most one token is under way, because
 * only who cleared the worker's idle bit, or took it from a queue, unparks it.
 *
 *          park  unpark
 * park      X      -     X one owner
 * unpark    -      X     X one waker at a time
 *
 * Progress: unpark wait-free (one system call when the owner sleeps); park
 * blocking.
 */
#ifndef HEDDLE_LOCKFREE_PARKER_H
#define HEDDLE_LOCKFREE_PARKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* 0: awake, no token; 1: asleep, or about to be; else the token. */
struct hd_parker {
	_Atomic uint32_t word;
};

#define HD_PARKER_ASLEEP    1u
#define HD_PARKER_TOKEN_MIN 2u

/* Hands over a token; true when the owner slept and was woken. */
bool hd_parker_unpark_any(struct hd_parker *parker, uint32_t token);

/* Waits for a token and takes it. */
uint32_t hd_parker_park_owner(struct hd_parker *parker);

#endif /* HEDDLE_LOCKFREE_PARKER_H */
