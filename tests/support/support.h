/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What tests of the public surface share: deadlines, waiting for a condition
 * without sleeping on a guess, and pools that must come up and go away.
 */
#ifndef HEDDLE_TESTS_SUPPORT_SUPPORT_H
#define HEDDLE_TESTS_SUPPORT_SUPPORT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <heddle/heddle.h>

/* Absolute deadline, so many milliseconds from now. */
uint64_t su_in_ms(uint64_t ms);
uint64_t su_now_ns(void);

/* Waits until *word has at least the value; false after so many ms. */
bool su_wait_at_least(_Atomic uint64_t *word, uint64_t value, uint64_t ms);

/* A STATIC pool with n workers started; bails out when that fails. */
struct heddle_pool *su_pool(uint32_t n);
struct heddle_pool *su_pool_with(const struct heddle_pool_options *options,
				 uint32_t n);

/* A group; bails out when it cannot be made. struct_size is filled in. */
struct heddle_group *su_group(struct heddle_group *parent,
			      struct heddle_group_options options);

/* Destroys at R4; one point of the test. */
bool su_destroy(struct heddle_pool *pool);

/* heddle_check() finds nothing; one point. Waits for rest first. */
bool su_check_at_rest(struct heddle_pool *pool);

/* Prints workers and groups when a test hangs: for tap_on_deadline(). */
void su_dump(void *pool);

#endif /* HEDDLE_TESTS_SUPPORT_SUPPORT_H */
