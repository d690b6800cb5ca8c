/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: the cap of a pool follows quota, cpuset and CPUs that go offline while it runs,
 * also if they are set at an ancestor of the process's control group; each change is told
 * with the file that decided; the cap that the user sets stays the upper bound; two pools
 * side by side follow alike, and nobody is pinned. Method: recorded machines
 * whose files change, then the control groups of this machine, if we may make some.
 *
 * clause: B3
 * clause: C4
 * clause: C5
 * fault: F42
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <heddle/testing.h>

#include "tests/support/support.h"
#include "tests/support/tree.h"
#include "tests/tap/tap.h"

#define MS      UINT64_C(1000000)
#define WORKERS 6
#define CHANGES 32

/* What was told of one pool. */
struct log {
	struct {
		uint32_t from, to, decided;
		char source[192];
	} change[CHANGES];
	_Atomic uint64_t n;
};

static struct su_tree tree;
static struct log log_a, log_b;

static void changed(struct heddle_pool *pool, uint32_t old_cap,
		    uint32_t new_cap, const struct heddle_limits *reason,
		    void *arg)
{
	struct log *log = arg;
	uint64_t n = atomic_load_explicit(&log->n, memory_order_relaxed);

	(void)pool;
	if (n == CHANGES)
		return;
	log->change[n].from = old_cap;
	log->change[n].to = new_cap;
	log->change[n].decided = reason->decided;
	memcpy(log->change[n].source, reason->source, sizeof(reason->source));
	atomic_store_explicit(&log->n, n + 1, memory_order_release);
}

static struct heddle_pool *following_pool(struct log *log)
{
	struct heddle_monitor_options options = {
		.struct_size = sizeof(options),
		.flags = HEDDLE_MONITOR_LIMITS,
		.interval_ns = 5 * MS,
		.limits_interval_ns = 1,
		.changed = changed,
		.arg = log,
	};
	struct heddle_pool *pool = su_pool(WORKERS);
	int rc = heddle_monitor_start(pool, &options);

	if (rc)
		bail("monitor: %d", rc);
	return pool;
}

static uint32_t cap_of(struct heddle_pool *pool)
{
	struct heddle_group_stat stat = { .struct_size = sizeof(stat) };

	if (heddle_group_stat(heddle_pool_group(pool), &stat))
		bail("stat");
	return stat.cap;
}

/* Waits until the monitor has set it. */
static uint32_t cap_becomes(struct heddle_pool *pool, uint32_t wanted)
{
	const struct timespec pause = { 0, MS };
	uint64_t end = su_in_ms(10000);

	while (cap_of(pool) != wanted && su_now_ns() < end)
		nanosleep(&pause, NULL);
	return cap_of(pool);
}

/* ---- recorded ---- */

static void set_pod(const char *text)
{
	su_tree_put(&tree, "/sys/fs/cgroup/kubepods/burstable/pod7/cpu.max",
		    text);
}

static void test_follows(void)
{
	struct heddle_pool *a, *b;
	uint64_t n;
	char expect[512];

	su_tree_make(&tree);
	su_tree_record(&tree, "pod", expect, sizeof(expect));
	if (heddle_limits_root(tree.root))
		bail("root");
	a = following_pool(&log_a);
	b = following_pool(&log_b);
	is_u64(cap_becomes(a, 2), 2, "the quota two levels above");
	is_u64(cap_becomes(b, 2), 2, "also of a second pool");
	if (!su_wait_at_least(&log_a.n, 1, 10000))
		bail("nothing was told");
	ok(log_a.change[0].from == WORKERS && log_a.change[0].to == 2 &&
		   log_a.change[0].decided == HEDDLE_LIMIT_QUOTA &&
		   strstr(log_a.change[0].source, "/pod7/cpu.max"),
	   "told: %u to %u by %s", log_a.change[0].from, log_a.change[0].to,
	   log_a.change[0].source);
	set_pod("350000 100000\n");
	is_u64(cap_becomes(a, 4), 4, "3.5 CPUs keep four tasks busy");
	is_u64(cap_becomes(b, 4), 4, "of the other one too");
	n = log_a.n;
	if (heddle_group_set_cap(heddle_pool_group(a), 1, NULL))
		bail("set_cap");
	set_pod("300000 100000\n");
	is_u64(cap_becomes(b, 3), 3, "a limit falls");
	is_u64(cap_of(a), 1, "the user's cap is below it");
	is_u64(log_a.n, n, "and what changes nothing is not told");
	if (heddle_group_set_cap(heddle_pool_group(a), 100, NULL))
		bail("set_cap");
	is_u64(cap_becomes(a, 3), 3, "the user lets go: the limit holds");
	set_pod("max 100000\n");
	is_u64(cap_becomes(a, WORKERS), WORKERS, "no limit any more");
	su_tree_put(&tree, "/sys/devices/system/cpu/online", "0,2-4\n");
	is_u64(cap_becomes(a, 4), 4, "CPUs go offline");
	su_tree_put(&tree, "/sys/fs/cgroup/kubepods/cpuset.cpus.effective",
		    "4-7\n");
	is_u64(cap_becomes(a, 1), 1, "a cpuset leaves one of those");
	is_u64(log_a.change[log_a.n - 1].decided, HEDDLE_LIMIT_CPUSET,
	       "and is named");
	if (cap_becomes(b, 1) != 1 || heddle_monitor_stop(b, su_in_ms(9000)))
		bail("stop");
	n = cap_of(b);
	is_u64(n, 1, "the other one has followed");
	su_tree_put(&tree, "/sys/devices/system/cpu/online", "0-7\n");
	is_u64(cap_becomes(a, 4), 4, "they come back");
	is_u64(cap_of(b), n, "not to who is not told: its limit stays");
	su_destroy(a);
	su_destroy(b);
	if (heddle_limits_root(""))
		bail("root");
	su_tree_drop(&tree);
}

/* ---- nobody is pinned to the first CPUs ---- */

static void test_not_pinned(void)
{
	struct heddle_pool *pool[2] = { su_pool(2), su_pool(2) };
	cpu_set_t ours, theirs;
	bool alike = true;
	int i, k;

	if (sched_getaffinity(0, sizeof(ours), &ours))
		bail("sched_getaffinity: %s", strerror(errno));
	for (i = 0; i < 2; i++) {
		struct heddle_worker_info info[2];

		if (heddle_limits_apply(pool[i]) < 0 ||
		    heddle_workers(pool[i], info, 2) != 2)
			bail("workers");
		for (k = 0; k < 2; k++)
			alike &= !sched_getaffinity(info[k].tid, sizeof(theirs),
						    &theirs) &&
				 CPU_EQUAL(&ours, &theirs);
	}
	ok(alike, "workers of two pools may run on all CPUs");
	su_destroy(pool[0]);
	su_destroy(pool[1]);
}

/* ---- this machine ---- */

struct live {
	char outer[600], inner[700];
	bool is_v2;
};

static bool write_file(const char *folder, const char *name, const char *text)
{
	char path[900];
	ssize_t put = -1;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		put = write(fd, text, strlen(text));
		close(fd);
	}
	return put == (ssize_t)strlen(text);
}

static bool set_live(const struct live *live, const char *quota)
{
	char text[64];

	if (!live->is_v2)
		return write_file(live->outer, "cpu.cfs_quota_us", quota);
	snprintf(text, sizeof(text), "%s 100000",
		 *quota == '-' ? "max" : quota);
	return write_file(live->outer, "cpu.max", text);
}

/* A group with one below it, at the top of a hierarchy that we may write. */
static bool make_live(struct live *live)
{
	static const char *const mount[] = { "/sys/fs/cgroup/cpu",
					     "/sys/fs/cgroup/cpu,cpuacct",
					     "/sys/fs/cgroup" };
	int i;

	for (i = 0; i < 3; i++) {
		snprintf(live->outer, sizeof(live->outer), "%s/heddle-f42-%ld",
			 mount[i], (long)getpid());
		snprintf(live->inner, sizeof(live->inner), "%s/inner",
			 live->outer);
		live->is_v2 = i == 2;
		if (mkdir(live->outer, 0700))
			continue;
		if (!mkdir(live->inner, 0700) && set_live(live, "-1"))
			return true;
		rmdir(live->inner);
		rmdir(live->outer);
	}
	return false;
}

/* In the child: 0, or the step that was wrong. */
static int follow_live(const struct live *live, uint32_t cpus)
{
	struct heddle_limits limits = { .struct_size = sizeof(limits) };
	struct heddle_pool *pool;
	char pid[32];

	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	if (!write_file(live->inner, "cgroup.procs", pid))
		return 10; /* not allowed */
	if (!set_live(live, "50000"))
		return 1;
	if (heddle_limits_get(&limits) || limits.cpus != 1 ||
	    limits.quota_us != 50000 || limits.period_us != 100000 ||
	    (cpus > 1 && !strstr(limits.source, "/heddle-f42-")))
		return 2;
	if (strstr(limits.source, "/inner/"))
		return 3;
	pool = following_pool(&log_a);
	if (cap_becomes(pool, 1) != 1)
		return 4;
	if (!set_live(live, "-1") || cap_becomes(pool, cpus) != cpus)
		return 5;
	if (!set_live(live, "100000") || cap_becomes(pool, 1) != 1)
		return 6;
	return heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL, su_in_ms(10000))
		       ? 7
		       : 0;
}

static void test_live(void)
{
	struct heddle_limits limits = { .struct_size = sizeof(limits) };
	struct live live;
	int status = 0;
	pid_t child;

	if (heddle_limits_get(&limits))
		bail("limits");
	if (limits.cpus > WORKERS)
		limits.cpus = WORKERS;
	if (!make_live(&live)) {
		skip(1, "no hierarchy with the cpu controller is writable");
		return;
	}
	child = fork();
	if (child < 0)
		bail("fork: %s", strerror(errno));
	if (child == 0)
		_exit(follow_live(&live, limits.cpus));
	if (waitpid(child, &status, 0) != child)
		bail("waitpid: %s", strerror(errno));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 10)
		skip(1, "%s: a process cannot be moved there", live.inner);
	else
		is_u64((uint64_t)status, 0,
		       "the quota of an ancestor, live: %u CPUs", limits.cpus);
	if (rmdir(live.inner) || rmdir(live.outer))
		diag("%s is left: %s", live.outer, strerror(errno));
}

int main(void)
{
	test_live(); /* first: its child makes threads, we have none yet */
	tap_deadline(110);
	test_follows();
	test_not_pinned();
	return tap_done();
}
