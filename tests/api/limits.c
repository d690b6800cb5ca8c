/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: the limits of the machine are an upper bound of the root's cap: of the
 * user's cap, the applied limits and workers_max the smallest is in force, in
 * whatever order they are set; each change is one change, which disturbs no
 * running task and starts what a raise allows. Method: recorded machines with
 * other limits (heddle_limits_root()).
 *
 * clause: C1
 * clause: C4
 * clause: C5
 * clause: C6
 * clause: E3
 * fault: F42
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <heddle/testing.h>

#include "tests/support/support.h"
#include "tests/support/tree.h"
#include "tests/tap/tap.h"

#define WORKERS 6

static struct su_tree tree;

/* A machine of eight CPUs whose group may use so many. */
static void set_quota(uint32_t cpus)
{
	char text[64];

	snprintf(text, sizeof(text), "%u 100000\n", cpus * 100000);
	su_tree_put(&tree, "/sys/fs/cgroup/kubepods/burstable/pod7/cpu.max",
		    text);
}

static struct heddle_group_stat stat_of(struct heddle_pool *pool)
{
	struct heddle_group_stat stat = { .struct_size = sizeof(stat) };

	if (heddle_group_stat(heddle_pool_group(pool), &stat))
		bail("stat");
	return stat;
}

static uint32_t cap_of(struct heddle_pool *pool)
{
	return stat_of(pool).cap;
}

static void test_get(void)
{
	struct heddle_limits limits = { .struct_size = sizeof(limits) };
	struct heddle_limits shorter = { .struct_size = 8, .affinity = 77 };
	char expect[512];

	ok(heddle_limits_get(&limits) == 0 && limits.cpus >= 1 &&
		   limits.cpus <= limits.affinity && limits.source[0],
	   "this machine: %u of %u CPUs by %s", limits.cpus, limits.affinity,
	   limits.source);
	is_u64((uint64_t)-heddle_limits_get(NULL), EINVAL, "no struct");
	is_u64((uint64_t)-heddle_limits_root(NULL), EINVAL, "no folder");
	su_tree_make(&tree);
	su_tree_record(&tree, "pod", expect, sizeof(expect));
	if (heddle_limits_root(tree.root))
		bail("root");
	ok(heddle_limits_get(&limits) == 0 && limits.cpus == 2 &&
		   limits.decided == HEDDLE_LIMIT_QUOTA &&
		   limits.quota_us == 200000 && limits.period_us == 100000 &&
		   strstr(limits.source, "/pod7/cpu.max"),
	   "a limit two levels above: %u by %s", limits.cpus, limits.source);
	ok(heddle_limits_get(&shorter) == 0 && shorter.cpus == 2 &&
		   shorter.affinity == 77 && shorter.struct_size == 8,
	   "a shorter struct gets what it has room for");
	limits.struct_size = 0;
	is_u64((uint64_t)-heddle_limits_get(&limits), EINVAL, "no size");
}

/* The rule, step by step. */
static void test_rule(void)
{
	struct heddle_pool *pool = su_pool(WORKERS);
	struct heddle_group *root = heddle_pool_group(pool);
	struct heddle_ticket ticket;
	uint32_t generation;

	set_quota(3);
	is_u64(cap_of(pool), WORKERS, "nothing was applied yet");
	is_u64((uint64_t)heddle_limits_apply(pool), 3, "applied");
	is_u64(cap_of(pool), 3, "and in force");
	generation = stat_of(pool).generation;
	is_u64((uint64_t)heddle_limits_apply(pool), 3, "once more");
	is_u64(stat_of(pool).generation, generation,
	       "what changes nothing is no change");
	if (heddle_group_set_cap(root, 2, &ticket))
		bail("set_cap");
	is_u64(cap_of(pool), 2, "the user's cap is smaller");
	set_quota(4);
	is_u64((uint64_t)heddle_limits_apply(pool), 2,
	       "a limit never lifts the user's cap");
	is_u64((uint64_t)heddle_group_wait(ticket, HEDDLE_NOW), 0,
	       "and does not touch the user's ticket");
	if (heddle_group_set_cap(root, 100, &ticket))
		bail("set_cap");
	is_u64(cap_of(pool), 4, "the user's cap never lifts a limit");
	set_quota(5);
	is_u64(cap_of(pool), 4, "a limit is read when it is applied");
	is_u64((uint64_t)heddle_limits_apply(pool), 5,
	       "what the user asked for is not forgotten");
	is_u64((uint64_t)-heddle_group_wait(ticket, HEDDLE_NOW), ESTALE,
	       "the earlier change is superseded");
	set_quota(8);
	is_u64((uint64_t)heddle_limits_apply(pool), WORKERS,
	       "never above workers_max");
	if (heddle_group_set_cap(root, 0, NULL))
		bail("set_cap");
	is_u64((uint64_t)heddle_limits_apply(pool), 0, "paused stays paused");
	is_u64((uint64_t)-heddle_limits_apply(NULL), EINVAL, "no pool");
	su_destroy(pool);
}

/* -- while tasks run -- */

static _Atomic uint64_t inside, started, let_go;

static void body(void *arg)
{
	(void)arg;
	atomic_fetch_add_explicit(&inside, 1, memory_order_acq_rel);
	atomic_fetch_add_explicit(&started, 1, memory_order_acq_rel);
	su_wait_at_least(&let_go, 1, 20000);
	atomic_fetch_sub_explicit(&inside, 1, memory_order_acq_rel);
}

static void test_running(void)
{
	struct heddle_pool *pool = su_pool(WORKERS);
	const struct timespec pause = { 0, 30000000 };
	int i;

	set_quota(2);
	is_u64((uint64_t)heddle_limits_apply(pool), 2, "two may run");
	for (i = 0; i < WORKERS; i++)
		if (heddle_submit_call(heddle_pool_group(pool), body, NULL))
			bail("submit");
	su_wait_at_least(&started, 2, 10000);
	nanosleep(&pause, NULL);
	is_u64(started, 2, "two started");
	set_quota(4);
	is_u64((uint64_t)heddle_limits_apply(pool), 4, "now four");
	ok(su_wait_at_least(&started, 4, 10000), "a raise starts two more");
	set_quota(1);
	is_u64((uint64_t)heddle_limits_apply(pool), 1, "now one");
	is_u64(inside, 4, "nobody was disturbed");
	is_u64(stat_of(pool).count, 4, "the count falls as tasks end");
	atomic_store_explicit(&let_go, 1, memory_order_release);
	ok(su_wait_at_least(&started, WORKERS, 10000), "all have run");
	su_check_at_rest(pool);
	su_destroy(pool);
}

/* A promise that was made stands: five of six are prepaid. */
static void test_reserve(void)
{
	struct heddle_group_options options = {
		.flags = HEDDLE_GROUP_RESERVE,
	};
	struct heddle_pool *pool = su_pool(WORKERS);
	struct heddle_group *root = heddle_pool_group(pool);
	struct heddle_group *group = su_group(root, options);

	if (heddle_group_reserve(group, 5, NULL))
		bail("reserve");
	set_quota(2);
	is_u64((uint64_t)heddle_limits_apply(pool), 5,
	       "a limit falls as far as the reserve allows");
	is_u64(cap_of(pool), 5, "which is the cap in force");
	is_u64((uint64_t)heddle_group_set_cap(root, 100, NULL), 0,
	       "a raise of the user's is no fall");
	if (heddle_group_reserve(group, 3, NULL))
		bail("reserve");
	is_u64((uint64_t)heddle_limits_apply(pool), 3, "then further");
	if (heddle_group_reserve(group, 0, NULL))
		bail("reserve");
	is_u64((uint64_t)heddle_limits_apply(pool), 2, "and to its end");
	set_quota(4);
	is_u64((uint64_t)heddle_limits_apply(pool), 4, "and up again");
	su_check_at_rest(pool);
	su_destroy(pool);
}

static void test_create(void)
{
	struct heddle_pool_options options = { .struct_size = sizeof(options) };
	struct heddle_pool *pool;

	set_quota(3);
	pool = su_pool_with(&options, 3);
	is_u64(cap_of(pool), 3, "workers_max of a pool that does not say it");
	if (heddle_limits_root(""))
		bail("root");
	su_destroy(pool);
}

static void test_fork(void)
{
	struct heddle_pool *pool = su_pool(1);
	int status = 0;
	pid_t child = fork();

	if (child < 0)
		bail("fork: %s", strerror(errno));
	if (child == 0)
		_exit(heddle_limits_apply(pool) == -ECHILD ? 0 : 1);
	if (waitpid(child, &status, 0) != child)
		bail("waitpid: %s", strerror(errno));
	is_u64((uint64_t)status, 0, "a forked child is told");
	su_destroy(pool);
}

int main(void)
{
	tap_deadline(90);
	test_get();
	test_rule();
	test_running();
	test_reserve();
	test_create();
	su_tree_drop(&tree);
	test_fork();
	return tap_done();
}
