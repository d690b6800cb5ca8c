/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CPUs: what quotas and cpusets of control groups leave, at whatever level they are
 * set, and the CPU that a thread is on. Method: trees of files, laid out here or
 * recorded (tests/data/limits), where only an ancestor is limited, where CPUs are
 * offline, where the process is in a name space, and where nothing makes sense.
 *
 * fault: F42
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "platform/cpu.h"
#include "platform/cpuset.h"
#include "platform/limits.h"
#include "platform/quota.h"
#include "tests/support/tree.h"
#include "tests/tap/tap.h"

/* -- control groups -- */

static struct su_tree tree;

static void put(const char *path, const char *text)
{
	su_tree_put(&tree, path, text);
}

static uint64_t milli(void)
{
	return hd_quota_milli(tree.root);
}

#define V2_MOUNT "35 24 0:30 / /cg rw,nosuid shared:9 - cgroup2 cgroup2 rw\n"
#define V1_MOUNT "36 24 0:31 / /v1 rw - cgroup cgroup rw,cpuacct,cpu\n"

static void test_quota_v2(void)
{
	su_tree_make(&tree);
	is_u64(milli(), UINT64_MAX, "no /proc: no quota");
	put("/proc/self/mountinfo",
	    "1 2 0:1 / /x rw - ext4 /dev/a rw\n" V2_MOUNT);
	put("/proc/self/cgroup", "0::/a/b/c\n");
	is_u64(milli(), UINT64_MAX, "v2 without files: none");
	put("/cg/a/b/c/cpu.max", "max 100000\n");
	is_u64(milli(), UINT64_MAX, "v2 max: none");
	put("/cg/a/b/c/cpu.max", "250000 100000\n");
	is_u64(milli(), 2500, "v2 own limit");
	put("/cg/a/b/cpu.max", "150000 100000\n");
	is_u64(milli(), 1500, "v2 parent is tighter");
	put("/cg/a/cpu.max", "70000 50000\n");
	is_u64(milli(), 1400, "v2 grandparent is tighter");
	put("/cg/cpu.max", "100 100000\n");
	is_u64(milli(), 1, "v2 limit at the mount point");
	put("/cg/cpu.max", "100000 0\n");
	is_u64(milli(), 1400, "a period of 0 is no limit");
	put("/cg/cpu.max", "18446744073709551615 1\n");
	is_u64(milli(), 1400, "an absurd quota is no limit");
	put("/cg/a/cpu.max", "garbage\n");
	is_u64(milli(), 1500, "a broken file hides nothing else");
	put("/cg/a/bb/cpu.max", "10000 100000\n");
	is_u64(milli(), 1500, "a sibling does not count");
	su_tree_drop(&tree);
}

static void test_quota_v1(void)
{
	su_tree_make(&tree);
	put("/proc/self/mountinfo", V1_MOUNT);
	put("/proc/self/cgroup", "5:memory:/m\n4:cpuset:/s\n"
				 "3:cpuacct,cpu:/p/q\n0::/\n");
	put("/v1/p/q/cpu.cfs_quota_us", "-1\n");
	put("/v1/p/q/cpu.cfs_period_us", "100000\n");
	is_u64(milli(), UINT64_MAX, "v1 -1: none");
	put("/v1/p/cpu.cfs_quota_us", "300000\n");
	put("/v1/p/cpu.cfs_period_us", "100000\n");
	is_u64(milli(), 3000, "v1 parent limits");
	put("/v1/p/q/cpu.cfs_quota_us", "200000\n");
	is_u64(milli(), 2000, "v1 own limit is tighter");
	/* Hybrid: both hierarchies hold. */
	put("/proc/self/mountinfo", V1_MOUNT V2_MOUNT);
	put("/proc/self/cgroup", "3:cpuacct,cpu:/p/q\n0::/u\n");
	put("/cg/u/cpu.max", "50000 100000\n");
	is_u64(milli(), 500, "hybrid: the tighter one of both");
	su_tree_drop(&tree);
}

static void test_quota_namespaces(void)
{
	su_tree_make(&tree);
	/* A mount that shows a part of the hierarchy, at a path with a blank. */
	put("/proc/self/mountinfo", "35 24 0:30 /docker/x /c\\040g rw shared:1 "
				    "master:2 - cgroup2 cgroup2 rw\n");
	put("/proc/self/cgroup", "0::/docker/x/job\n");
	put("/c g/job/cpu.max", "400000 100000\n");
	is_u64(milli(), 4000, "below the mount's root");
	put("/c g/cpu.max", "300000 100000\n");
	is_u64(milli(), 3000, "the mount's root counts too");
	put("/proc/self/cgroup", "0::/docker/xy\n");
	put("/c gy/cpu.max", "100 100000\n");
	is_u64(milli(), 3000, "a prefix is not an ancestor");
	put("/proc/self/cgroup", "0::/../../other\n");
	is_u64(milli(), 3000, "outside of the namespace");
	su_tree_drop(&tree);
}

/* -- recorded trees -- */

static const char *const recorded[] = {
	"affinity", "disjoint", "docker-v1", "docker-v2",
	"hostile",  "hybrid",   "offline",   "outside",
	"pod",      "v1",       "v2-cpuset", "v2-nested",
};

static void test_recorded(const char *name)
{
	static const char *const by[] = { "online", "affinity", "cpuset",
					  "quota" };
	struct hd_limits limits;
	char want[512], got[512];
	int rc;

	su_tree_make(&tree);
	su_tree_record(&tree, name, want, sizeof(want));
	rc = hd_limits_read_at(tree.root, &limits);
	snprintf(got, sizeof(got),
		 "cpus=%u affinity=%u cpuset=%u decided=%s quota=%llu/%llu "
		 "source=%s",
		 limits.cpus, limits.affinity, limits.cpuset,
		 by[limits.decided], (unsigned long long)limits.quota_us,
		 (unsigned long long)limits.period_us, limits.source);
	ok(rc == 0 && !strcmp(want, got), "recorded: %s", name);
	if (strcmp(want, got))
		diag("%d\nwant %s\ngot  %s", rc, want, got);
	su_tree_drop(&tree);
}

static void test_files(void)
{
	char path[1100], text[8], file[HD_CGROUP_FILE], folder[600];
	struct hd_limits limits;
	struct hd_cpus set;

	su_tree_make(&tree);
	is_u64((uint64_t)-hd_limits_read_at(tree.root, &limits), ENOENT,
	       "without a status file there is an error");
	put("/f/eight", "1234567\n");
	is_u64((uint64_t)-hd_cgroup_read(tree.root, "/f", "eight", text,
					 sizeof(text)),
	       E2BIG, "a file that does not fit is not cut");
	snprintf(path, sizeof(path), "%s/f/pipe", tree.root);
	if (mkfifo(path, 0600))
		bail("mkfifo: %s", strerror(errno));
	is_u64((uint64_t)hd_cgroup_read(tree.root, "/f", "pipe", text,
					sizeof(text)),
	       0, "a pipe is not waited for");
	ok(hd_cpus_parse("0,8191", &set) && hd_cpus_count(&set) == 2,
	   "the largest CPU number");
	ok(!hd_cpus_parse("8192", &set), "one beyond is an error");
	memset(folder, 'x', sizeof(folder));
	folder[sizeof(folder) - 1] = '\0';
	hd_cgroup_file(file, folder, "cpu.max");
	is_u64(strlen(file), sizeof(file) - 1, "a long path is cut");
	ok(!strcmp(file + strlen(file) - 9, "x/cpu.max"), "at its beginning");
	su_tree_drop(&tree);
}

static void test_cpu(void)
{
	cpu_set_t mine;
	size_t size = hd_cpu_set_size();
	uint64_t quota = hd_quota_milli("");
	uint64_t want;
	bool in_mask = true;

	if (sched_getaffinity(0, sizeof(mine), &mine) < 0)
		bail("sched_getaffinity: %s", strerror(errno));
	ok(hd_cpu_possible() >= 1, "%u possible CPUs", hd_cpu_possible());
	ok(size >= sizeof(long) && size % sizeof(long) == 0,
	   "affinity of %zu bytes", size);
	want = (uint64_t)CPU_COUNT(&mine); /* the kernel has cut it already */
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
	for (size_t i = 0; i < sizeof(recorded) / sizeof(recorded[0]); i++)
		test_recorded(recorded[i]);
	test_files();
	test_cpu();
	return tap_done();
}
