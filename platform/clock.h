/* SPDX-License-Identifier: BSD-2-Clause */
/* CLOCK_MONOTONIC in nanoseconds; never used for correctness. */
#ifndef HEDDLE_PLATFORM_CLOCK_H
#define HEDDLE_PLATFORM_CLOCK_H

#include <stdint.h>

uint64_t hd_now_ns(void);

#endif /* HEDDLE_PLATFORM_CLOCK_H */
