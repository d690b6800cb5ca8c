/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A timer as a file descriptor, for a host's own loop; never used for
 * correctness.
 */
#ifndef HEDDLE_PLATFORM_TIMER_H
#define HEDDLE_PLATFORM_TIMER_H

#include <stdbool.h>
#include <stdint.h>

/* A descriptor that is not armed, closed on exec; or -errno. */
int hd_timer_create(void);

/* Readable once, so many ns from now; at least 1. */
void hd_timer_arm(int fd, uint64_t ns);

/* Was it time? Then it is not readable any more. */
bool hd_timer_take(int fd);

void hd_timer_close(int fd);

#endif /* HEDDLE_PLATFORM_TIMER_H */
