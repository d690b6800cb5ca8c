/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Affinity, cpusets and quotas brought together. Sets are intersected, and
 * an intersection that would leave nothing is not believed: it comes from files
 * that were read at different moments.
 */
#include "platform/limits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <heddle/testing.h>

#include "platform/cpu.h"
#include "platform/cpuset.h"
#include "platform/quota.h"

#define ONLINE_FOLDER "/sys/devices/system/cpu"
#define STATUS_SIZE   (64u << 10)

static char test_root[1024];

int heddle_limits_root(const char *folder)
{
	if (!folder || strlen(folder) >= sizeof(test_root))
		return -EINVAL;
	snprintf(test_root, sizeof(test_root), "%s", folder);
	return 0;
}

/* The kernel leaves CPUs out that are offline. */
static int live_affinity(struct hd_cpus *set)
{
	size_t size = hd_cpu_set_size();
	unsigned char *bytes = malloc(size);
	size_t i;
	int rc;

	if (!bytes)
		return -ENOMEM;
	rc = hd_cpu_set_get(bytes, size);
	memset(set, 0, sizeof(*set));
	/* Bit by bit: a cpu_set_t is made of longs of either byte order. */
	for (i = 0; rc == 0 && i < size * 8 && i < HD_CPUS_MAX; i++)
		if (((unsigned long *)(void *)bytes)[i / (8 * sizeof(long))] >>
			    i % (8 * sizeof(long)) &
		    1)
			set->word[i / 64] |= UINT64_C(1) << i % 64;
	free(bytes);
	return rc;
}

static int recorded_affinity(const char *root, struct hd_cpus *set)
{
	static const char key[] = "\nCpus_allowed_list:\t";
	char *text = malloc(STATUS_SIZE);
	const char *at;
	int rc;

	if (!text)
		return -ENOMEM;
	rc = hd_cgroup_read(root, "/proc/self", "status", text, STATUS_SIZE);
	if (rc >= 0) {
		at = strstr(text, key);
		rc = at && hd_cpus_parse(at + strlen(key), set) ? 0 : -EINVAL;
	}
	free(text);
	return rc;
}

static void decide(struct hd_limits *out, uint32_t cpus, uint32_t by,
		   const char *source)
{
	out->cpus = cpus;
	out->decided = by;
	snprintf(out->source, sizeof(out->source), "%s", source);
}

int hd_limits_read_at(const char *root, struct hd_limits *out)
{
	struct hd_cpus usable, online;
	struct hd_cpuset cpuset;
	struct hd_quota quota;
	uint32_t n_online, n;
	bool is_live = !*root;
	int rc = is_live ? live_affinity(&usable)
			 : recorded_affinity(root, &usable);

	if (rc < 0)
		return rc;
	memset(out, 0, sizeof(*out));
	if (!hd_cpus_read(root, ONLINE_FOLDER, "online", &online))
		online = usable;
	n_online = hd_cpus_count(&online);
	hd_cpus_and(&usable, &online);
	if (!hd_cpus_count(&usable))
		usable = online;
	out->affinity = hd_cpus_count(&usable);
	hd_cpuset_read(root, &cpuset);
	hd_cpus_and(&cpuset.set, &online);
	out->cpuset = hd_cpus_count(&cpuset.set);
	hd_quota_read(root, &quota);
	out->quota_us = quota.quota_us;
	out->period_us = quota.period_us;

	decide(out, out->affinity, HD_LIMIT_ONLINE, ONLINE_FOLDER "/online");
	if (out->affinity < n_online)
		decide(out, out->affinity, HD_LIMIT_AFFINITY,
		       is_live ? "sched_getaffinity" : "/proc/self/status");
	hd_cpus_and(&usable, &cpuset.set);
	n = hd_cpus_count(&usable);
	/* The kernel cuts an affinity down to the cpuset: that is the reason. */
	if (n && n < n_online)
		decide(out, n, HD_LIMIT_CPUSET, cpuset.file);
	if (n && n == out->affinity && out->affinity < out->cpuset)
		decide(out, n, HD_LIMIT_AFFINITY,
		       is_live ? "sched_getaffinity" : "/proc/self/status");
	if (hd_quota_cpus(&quota) < out->cpus)
		decide(out, hd_quota_cpus(&quota), HD_LIMIT_QUOTA, quota.file);
	return 0;
}

int hd_limits_read(struct hd_limits *out)
{
	return hd_limits_read_at(test_root, out);
}
