/* SPDX-License-Identifier: BSD-2-Clause */
/* 64 random bits from the kernel; seeds and keys, not a generator. */
#ifndef HEDDLE_PLATFORM_RANDOM_H
#define HEDDLE_PLATFORM_RANDOM_H

#include <stdint.h>

uint64_t hd_random_u64(void);

#endif /* HEDDLE_PLATFORM_RANDOM_H */
