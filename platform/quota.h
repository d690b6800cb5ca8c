/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CPU quota of control groups. Internal to platform/; root as in
 * platform/cgroup.h.
 */
#ifndef HEDDLE_PLATFORM_QUOTA_H
#define HEDDLE_PLATFORM_QUOTA_H

#include <stdint.h>

#include "platform/cgroup.h"

/* CPU time in so many microseconds of each period; quota_us 0: none. */
struct hd_quota {
	uint64_t quota_us;
	uint64_t period_us;
	char file[HD_CGROUP_FILE]; /* that says so */
};

/* The tightest one of this process's group and all its visible ancestors. */
void hd_quota_read(const char *root, struct hd_quota *out);

/* CPUs that it keeps busy, rounded up; UINT32_MAX for none. */
uint32_t hd_quota_cpus(const struct hd_quota *quota);

/* The tightest one in thousandths of a CPU; UINT64_MAX for none. */
uint64_t hd_quota_milli(const char *root);

#endif /* HEDDLE_PLATFORM_QUOTA_H */
