/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the platform reads from /proc about one thread. Internal to platform/;
 * a header of its own so that a test can feed the parser hostile names.
 */
#ifndef HEDDLE_PLATFORM_PROCFS_H
#define HEDDLE_PLATFORM_PROCFS_H

#include <stdint.h>

/* Field 22 of a stat line, whatever the thread's name holds. 0 or -EINVAL. */
int hd_procfs_parse_start(const char *line, uint64_t *start_time);

/* Field 3, the letter of its state. 0 or -EINVAL. */
int hd_procfs_parse_state(const char *line, char *state);

/* The same of a thread of this process. 0 or -errno (-ENOENT: no such thread). */
int hd_procfs_start(int32_t tid, uint64_t *start_time);

/* The present time as a start time, rounded down; 0 if it cannot be told. */
uint64_t hd_procfs_now(void);
int hd_procfs_state(int32_t tid, char *state);

#endif /* HEDDLE_PLATFORM_PROCFS_H */
