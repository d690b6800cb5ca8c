/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sleep while a word has a value, on private futexes. EINTR, spurious returns
 * and re-used addresses are the caller's to handle by reading the word again.
 */
#ifndef HEDDLE_PLATFORM_FUTEX_H
#define HEDDLE_PLATFORM_FUTEX_H

#include <stdatomic.h>
#include <stdint.h>

/*
 * Sleeps while *word == expected. Returns 0 after a wake or for no reason,
 * -EAGAIN when the value differed, -ETIMEDOUT at the deadline (absolute ns of
 * CLOCK_MONOTONIC; 0 does not sleep, UINT64_MAX never ends).
 */
int hd_futex_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t deadline);

/* Wakes at most n sleepers; returns how many. The address may be dead. */
int hd_futex_wake(const void *word, int n);

#endif /* HEDDLE_PLATFORM_FUTEX_H */
