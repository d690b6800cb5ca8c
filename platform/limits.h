/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How many CPUs this process may really use, and what decides it.
 */
#ifndef HEDDLE_PLATFORM_LIMITS_H
#define HEDDLE_PLATFORM_LIMITS_H

#include <stdint.h>

#include "platform/cgroup.h"

/* As enum heddle_limit. */
enum hd_limit {
	HD_LIMIT_ONLINE = 0,
	HD_LIMIT_AFFINITY = 1,
	HD_LIMIT_CPUSET = 2,
	HD_LIMIT_QUOTA = 3,
};

struct hd_limits {
	uint32_t cpus; /* at least 1 */
	uint32_t affinity;
	uint32_t cpuset; /* 0: none */
	uint32_t decided;
	uint64_t quota_us; /* 0: none */
	uint64_t period_us;
	char source[HD_CGROUP_FILE];
};

/* Of this machine, or of what heddle_limits_root() says. 0 or -errno. */
int hd_limits_read(struct hd_limits *out);

/*
 * Of the files below root, "" being this machine. With another root the affinity
 * is that of its /proc/self/status.
 */
int hd_limits_read_at(const char *root, struct hd_limits *out);

#endif /* HEDDLE_PLATFORM_LIMITS_H */
