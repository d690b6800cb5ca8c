/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets of CPUs, as the kernel writes them, and the cpusets of control groups.
 * Internal to platform/; root as in platform/cgroup.h.
 */
#ifndef HEDDLE_PLATFORM_CPUSET_H
#define HEDDLE_PLATFORM_CPUSET_H

#include <stdbool.h>
#include <stdint.h>

#include "platform/cgroup.h"

#define HD_CPUS_MAX  8192 /* of the largest kernels */
#define HD_CPU_WORDS (HD_CPUS_MAX / 64)

struct hd_cpus {
	uint64_t word[HD_CPU_WORDS];
};

uint32_t hd_cpus_count(const struct hd_cpus *set);

/* Keeps in set what is in both. */
void hd_cpus_and(struct hd_cpus *set, const struct hd_cpus *other);

/* Parses "0-3,8\n". False for an empty list and one with an error in it. */
bool hd_cpus_parse(const char *text, struct hd_cpus *set);

/* Reads a file of one such list; false also when it is not there. */
bool hd_cpus_read(const char *root, const char *folder, const char *name,
		  struct hd_cpus *set);

struct hd_cpuset {
	struct hd_cpus set;
	bool is_known;             /* false: no level tells one */
	char file[HD_CGROUP_FILE]; /* the highest level that leaves so few */
};

/* What the cpusets of this process's group and of all its ancestors leave. */
void hd_cpuset_read(const char *root, struct hd_cpuset *out);

#endif /* HEDDLE_PLATFORM_CPUSET_H */
