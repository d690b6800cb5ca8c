/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: the options of a worker's thread are checked and kept: guard, signal mask, class
 * and placement. CPUs that are not there are no error; that none of them is, is one of
 * the start, and the report says at which step.
 *
 * clause: S1 E1
 * fault: F42
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define LONG_MS 20000

static _Atomic uint64_t done;

/* The mapping below the caller's stack: how many bytes that cannot be touched. */
static void find_guard(void *arg)
{
	unsigned long here = (unsigned long)__builtin_frame_address(0);
	unsigned long from, to, below = 0, before_from = 0, before_to = 0;
	char line[512], rights[8], before[8] = "";
	FILE *file = fopen("/proc/self/maps", "re");

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) != 3)
			continue;
		if (here >= from && here < to && before_to == from &&
		    !strncmp(before, "---", 3))
			below = before_to - before_from;
		before_from = from;
		before_to = to;
		memcpy(before, rights, sizeof(before));
	}
	if (file)
		fclose(file);
	*(unsigned long *)arg = below;
	atomic_fetch_add(&done, 1);
}

static void guard(uint64_t wanted, unsigned long bytes)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = 1,
					 .guard_size = wanted };
	struct heddle_pool *pool = su_pool_with(&o, 1);
	uint64_t before = atomic_load(&done);
	unsigned long below = 1;

	if (heddle_submit_call(heddle_pool_group(pool), find_guard, &below) ||
	    !su_wait_at_least(&done, before + 1, LONG_MS))
		bail("the task");
	/* Guards of neighbours may be one mapping. */
	ok(below >= bytes && below % (unsigned long)sysconf(_SC_PAGESIZE) == 0,
	   "a guard of %llu: %lu bytes", (unsigned long long)wanted, below);
	su_destroy(pool);
}

static void refused(const char *what, struct heddle_pool_options o)
{
	struct heddle_pool *pool;
	int rc;

	o.struct_size = sizeof(o);
	rc = heddle_pool_create(&o, &pool);
	ok(rc == -EINVAL && !pool, "%s: %d", what, rc);
}

static void refusals(void)
{
	sigset_t mask;
	struct heddle_pool_options none = { .workers_max = 1 }, o;

	sigemptyset(&mask);
#define REFUSED(what, ...) \
 do { \
  o = none; \
  __VA_ARGS__; \
  refused(what, o); \
 } while (0)
	REFUSED("a placement that there is not", o.placement = 3);
	REFUSED("a flag that there is not", o.flags = 4);
	REFUSED("a mask without its size", o.sig_mask = &mask);
	REFUSED("a size without a mask", o.sig_mask_size = sizeof(mask));
	REFUSED("a mask of four bytes", o.sig_mask = &mask;
		o.sig_mask_size = 4);
	REFUSED("a mask that is too long", o.sig_mask = &mask;
		o.sig_mask_size = sizeof(mask) + 1);
	REFUSED("a class without the flag", o.sched_policy = SCHED_BATCH);
	REFUSED("a nice value without the flag", o.nice = 1);
	REFUSED("a priority without the flag", o.sched_priority = 1);
	REFUSED("a class that there is not", o.flags = HEDDLE_POOL_TEMPLATE;
		o.sched_policy = 77);
	REFUSED("SCHED_DEADLINE", o.flags = HEDDLE_POOL_TEMPLATE;
		o.sched_policy = 6);
	REFUSED("a priority of SCHED_OTHER", o.flags = HEDDLE_POOL_TEMPLATE;
		o.sched_priority = 1);
	REFUSED("no priority of SCHED_FIFO", o.flags = HEDDLE_POOL_TEMPLATE;
		o.sched_policy = SCHED_FIFO);
	REFUSED("a nice value of 20", o.flags = HEDDLE_POOL_TEMPLATE;
		o.nice = 20);
	REFUSED("a nice value of -21", o.flags = HEDDLE_POOL_TEMPLATE;
		o.nice = -21);
	REFUSED("a guard of more than 4 GiB",
		o.guard_size = (UINT64_C(1) << 32) + 1);
	REFUSED("a keep-alive of a STATIC pool", o.keep_alive_ns = 1);
}

/* CPUs: far beyond the machine's, and one that is there. */
static void far_cpus(uint32_t placement, bool with_real, int wanted)
{
	struct heddle_report report = { .struct_size = sizeof(report) };
	cpu_set_t all, set;
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = 3,
					 .cpu_set = &set,
					 .cpu_set_size = sizeof(set),
					 .placement = placement };
	struct heddle_pool *pool;
	int cpu, rc;

	CPU_ZERO(&set);
	for (cpu = CPU_SETSIZE - 8; cpu < CPU_SETSIZE; cpu++)
		CPU_SET(cpu, &set);
	sched_getaffinity(0, sizeof(all), &all);
	CPU_AND(&all, &all, &set);
	if (CPU_COUNT(&all)) {
		skip(2, "a machine of %d CPUs", CPU_SETSIZE);
		return;
	}
	sched_getaffinity(0, sizeof(all), &all);
	for (cpu = 0; !CPU_ISSET(cpu, &all); cpu++)
		;
	if (with_real)
		CPU_SET(cpu, &set);
	if (heddle_pool_create(&o, &pool))
		bail("create");
	rc = heddle_pool_start(pool, 3, &report, su_in_ms(LONG_MS));
	ok(rc == wanted && report.step == (rc ? HEDDLE_STEP_AFFINITY
					      : HEDDLE_STEP_NONE),
	   "placement %u, %s: %d, step %u: %s", placement,
	   with_real ? "one CPU of nine is there" : "none is there", rc,
	   report.step, report.text);
	su_destroy(pool);
}

static void classes(void)
{
	struct heddle_report report = { .struct_size = sizeof(report) };
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .flags = HEDDLE_POOL_TEMPLATE,
					 .workers_max = 1,
					 .sched_policy = SCHED_IDLE };
	struct heddle_worker_info info;
	struct heddle_pool *pool = su_pool_with(&o, 1);
	int rc;

	if (heddle_workers(pool, &info, 1) != 1)
		bail("one worker");
	is_u64((uint64_t)sched_getscheduler(info.tid), SCHED_IDLE,
	       "the class when the start returns");
	su_destroy(pool);
	o.sched_policy = SCHED_FIFO;
	o.sched_priority = 1;
	if (heddle_pool_create(&o, &pool))
		bail("create");
	rc = heddle_pool_start(pool, 1, &report, su_in_ms(LONG_MS));
	ok(rc == 0 || (rc == -EPERM && report.step == HEDDLE_STEP_AFFINITY &&
		       heddle_workers(pool, NULL, 0) == 0),
	   "SCHED_FIFO is had, or the start says that it is not: %d, %s", rc,
	   report.text);
	su_destroy(pool);
}

int main(void)
{
	uint32_t placement;

	tap_deadline(60);
	guard(0, (unsigned long)sysconf(_SC_PAGESIZE));
	guard(1, (unsigned long)sysconf(_SC_PAGESIZE));
	guard(100000, 100000);
	refusals();
	for (placement = 0; placement <= HEDDLE_PLACE_COMPACT; placement++) {
		far_cpus(placement, true, 0);
		far_cpus(placement, false, -EINVAL);
	}
	classes();
	return tap_done();
}
