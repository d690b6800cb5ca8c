/* SPDX-License-Identifier: BSD-2-Clause */
/* The clock of deadlines and statistics. Nothing is ordered by it. */
#include <time.h>

#include "platform/cacheline.h"
#include "platform/clock.h"

uint64_t hd_now_ns(void)
{
	struct timespec now;
	int rc = clock_gettime(CLOCK_MONOTONIC, &now);

	hd_assert(rc == 0);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) +
	       (uint64_t)now.tv_nsec;
}
