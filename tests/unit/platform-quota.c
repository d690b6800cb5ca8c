/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CPUs: quotas of control groups, and the CPU that a thread is on. Method: a tree of
 * groups where only an ancestor is limited.
 *
 * fault: F41
 */
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/cpu.h"
#include "platform/quota.h"
#include "tests/tap/tap.h"

/* -- control groups -- */

static char tree[PATH_MAX / 4];

/* Writes a file below the tree and makes the folders above it. */
static void put(const char *path, const char *text)
{
	char full[PATH_MAX];
	FILE *file;

	snprintf(full, sizeof(full), "%s%s", tree, path);
	for (char *at = full + strlen(tree) + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		if (mkdir(full, 0700) < 0 && errno != EEXIST)
			bail("mkdir %s: %s", full, strerror(errno));
		*at = '/';
	}
	file = fopen(full, "w");
	if (!file || fputs(text, file) < 0 || fclose(file))
		bail("write %s: %s", full, strerror(errno));
}

static void new_tree(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(tree, sizeof(tree), "%s/heddle-platform-XXXXXX",
		 tmp && strlen(tmp) < 512 ? tmp : "/tmp");
	if (!mkdtemp(tree))
		bail("mkdtemp: %s", strerror(errno));
}

static void drop_tree(void)
{
	char command[PATH_MAX];

	snprintf(command, sizeof(command), "rm -rf '%s'", tree);
	if (system(command))
		diag("%s is left", tree);
}

#define V2_MOUNT "35 24 0:30 / /cg rw,nosuid shared:9 - cgroup2 cgroup2 rw\n"
#define V1_MOUNT "36 24 0:31 / /v1 rw - cgroup cgroup rw,cpuacct,cpu\n"

static void test_quota_v2(void)
{
	new_tree();
	is_u64(hd_quota_milli(tree), UINT64_MAX, "no /proc: no quota");
	put("/proc/self/mountinfo",
	    "1 2 0:1 / /x rw - ext4 /dev/a rw\n" V2_MOUNT);
	put("/proc/self/cgroup", "0::/a/b/c\n");
	is_u64(hd_quota_milli(tree), UINT64_MAX, "v2 without files: none");
	put("/cg/a/b/c/cpu.max", "max 100000\n");
	is_u64(hd_quota_milli(tree), UINT64_MAX, "v2 max: none");
	put("/cg/a/b/c/cpu.max", "250000 100000\n");
	is_u64(hd_quota_milli(tree), 2500, "v2 own limit");
	put("/cg/a/b/cpu.max", "150000 100000\n");
	is_u64(hd_quota_milli(tree), 1500, "v2 parent is tighter");
	put("/cg/a/cpu.max", "70000 50000\n");
	is_u64(hd_quota_milli(tree), 1400, "v2 grandparent is tighter");
	put("/cg/cpu.max", "100 100000\n");
	is_u64(hd_quota_milli(tree), 1, "v2 limit at the mount point");
	put("/cg/cpu.max", "100000 0\n");
	is_u64(hd_quota_milli(tree), 1400, "a period of 0 is no limit");
	put("/cg/cpu.max", "18446744073709551615 1\n");
	is_u64(hd_quota_milli(tree), 1400, "an absurd quota is no limit");
	put("/cg/a/cpu.max", "garbage\n");
	is_u64(hd_quota_milli(tree), 1500, "a broken file hides nothing else");
	put("/cg/a/bb/cpu.max", "10000 100000\n");
	is_u64(hd_quota_milli(tree), 1500, "a sibling does not count");
	drop_tree();
}

static void test_quota_v1(void)
{
	new_tree();
	put("/proc/self/mountinfo", V1_MOUNT);
	put("/proc/self/cgroup", "5:memory:/m\n4:cpuset:/s\n"
				 "3:cpuacct,cpu:/p/q\n0::/\n");
	put("/v1/p/q/cpu.cfs_quota_us", "-1\n");
	put("/v1/p/q/cpu.cfs_period_us", "100000\n");
	is_u64(hd_quota_milli(tree), UINT64_MAX, "v1 -1: none");
	put("/v1/p/cpu.cfs_quota_us", "300000\n");
	put("/v1/p/cpu.cfs_period_us", "100000\n");
	is_u64(hd_quota_milli(tree), 3000, "v1 parent limits");
	put("/v1/p/q/cpu.cfs_quota_us", "200000\n");
	is_u64(hd_quota_milli(tree), 2000, "v1 own limit is tighter");
	/* Hybrid: both hierarchies hold. */
	put("/proc/self/mountinfo", V1_MOUNT V2_MOUNT);
	put("/proc/self/cgroup", "3:cpuacct,cpu:/p/q\n0::/u\n");
	put("/cg/u/cpu.max", "50000 100000\n");
	is_u64(hd_quota_milli(tree), 500, "hybrid: the tighter one of both");
	drop_tree();
}

static void test_quota_namespaces(void)
{
	new_tree();
	/* A mount that shows a part of the hierarchy, at a path with a blank. */
	put("/proc/self/mountinfo", "35 24 0:30 /docker/x /c\\040g rw shared:1 "
				    "master:2 - cgroup2 cgroup2 rw\n");
	put("/proc/self/cgroup", "0::/docker/x/job\n");
	put("/c g/job/cpu.max", "400000 100000\n");
	is_u64(hd_quota_milli(tree), 4000, "below the mount's root");
	put("/c g/cpu.max", "300000 100000\n");
	is_u64(hd_quota_milli(tree), 3000, "the mount's root counts too");
	put("/proc/self/cgroup", "0::/docker/xy\n");
	put("/c gy/cpu.max", "100 100000\n");
	is_u64(hd_quota_milli(tree), 3000, "a prefix is not an ancestor");
	put("/proc/self/cgroup", "0::/../../other\n");
	is_u64(hd_quota_milli(tree), 3000, "outside of the namespace");
	drop_tree();
}

static void test_cpu(void)
{
	cpu_set_t mine;
	size_t size = hd_cpu_set_size();
	uint64_t quota = hd_cpu_quota_milli();
	uint64_t want;
	bool in_mask = true;

	if (sched_getaffinity(0, sizeof(mine), &mine) < 0)
		bail("sched_getaffinity: %s", strerror(errno));
	ok(hd_cpu_possible() >= 1, "%u possible CPUs", hd_cpu_possible());
	ok(size >= sizeof(long) && size % sizeof(long) == 0,
	   "affinity of %zu bytes", size);
	want = (uint64_t)CPU_COUNT(&mine);
	if (quota != UINT64_MAX && (quota + 999) / 1000 < want)
		want = (quota + 999) / 1000;
	is_u64(hd_cpu_usable(), want, "usable CPUs: mask and quota");
	for (int i = 0; i < 1000; i++)
		in_mask &= CPU_ISSET(hd_cpu_current(), &mine);
	ok(in_mask, "the current CPU, by %s, is in the mask", hd_cpu_source());
	/* Pinned, the number is exact, whichever source gives it. */
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		cpu_set_t one;

		if (!CPU_ISSET(cpu, &mine))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (sched_setaffinity(0, sizeof(one), &one) < 0)
			continue;
		is_u64(hd_cpu_current(), (uint64_t)cpu, "pinned to CPU %d",
		       cpu);
	}
	sched_setaffinity(0, sizeof(mine), &mine);
}

int main(void)
{
	tap_deadline(60);
	test_quota_v2();
	test_quota_v1();
	test_quota_namespaces();
	test_cpu();
	return tap_done();
}
