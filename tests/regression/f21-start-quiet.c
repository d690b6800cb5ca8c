/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: the affinity of each worker is right when the start returns, for any placement
 * and from whatever CPU it is started; and a start of workers that nobody needs wakes
 * nobody else. Elsewhere pinning took effect 2.5 s later, and the repair woke all CPUs.
 *
 * Method: the affinity of each tid is asked of the kernel from outside, at once; the
 * kernel counts how often a worker that sleeps was woken by the start of others.
 *
 * fault: F21
 * clause: S1 C8
 */
#include <sched.h>
#include <stdio.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define WORKERS 6

static cpu_set_t all, first;

/* How many of the pool's threads are on exactly one CPU, that of the set. */
static unsigned int with_set(struct heddle_pool *pool, const cpu_set_t *set,
			     bool one_each)
{
	struct heddle_worker_info info[WORKERS];
	int i, n = heddle_workers(pool, info, WORKERS);
	unsigned int right = 0;

	for (i = 0; i < n; i++) {
		cpu_set_t now, both;

		if (sched_getaffinity(info[i].tid, sizeof(now), &now))
			bail("sched_getaffinity");
		CPU_AND(&both, &now, set);
		right += one_each
				 ? CPU_COUNT(&now) == 1 && CPU_COUNT(&both) == 1
				 : CPU_EQUAL(&now, set) != 0;
	}
	return right;
}

static void placed(const char *what, const cpu_set_t *set, uint32_t placement)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = WORKERS,
					 .cpu_set = set,
					 .cpu_set_size = sizeof(*set),
					 .placement = placement };
	struct heddle_pool *pool = su_pool_with(&o, WORKERS);

	is_u64(with_set(pool, set, placement != HEDDLE_PLACE_ANY), WORKERS,
	       "%s: right when the start returns", what);
	su_destroy(pool);
}

/* Voluntary and other switches of one worker so far. */
static uint64_t switches(int32_t tid)
{
	unsigned long long value;
	char path[64], line[256];
	uint64_t sum = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", (int)tid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "voluntary_ctxt_switches: %llu", &value) == 1)
			sum += value;
	if (file)
		fclose(file);
	return sum;
}

static void wakes_nobody(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = WORKERS };
	struct heddle_check check = { .struct_size = sizeof(check) };
	struct heddle_pool *pool = su_pool_with(&o, 2);
	struct heddle_worker_info info[WORKERS];
	_Atomic uint64_t never = 0;
	uint64_t before = 0, now;
	int quiet = 0;

	su_check_at_rest(pool);
	if (heddle_workers(pool, info, WORKERS) != 2)
		bail("two workers");
	/* Parked is said before the thread sleeps: until it does. */
	while (quiet < 20) {
		now = switches(info[0].tid) + switches(info[1].tid);
		quiet = now == before ? quiet + 1 : 0;
		before = now;
		su_wait_at_least(&never, 1, 2);
	}
	if (heddle_pool_start(pool, WORKERS, NULL, su_in_ms(20000)))
		bail("start");
	/* Who is woken is seen when it sleeps again: time for that. */
	su_wait_at_least(&never, 1, 100);
	now = switches(info[0].tid) + switches(info[1].tid);
	if (!before)
		skip(1, "/proc does not count how often a thread sleeps");
	else
		is_u64(now - before, 0,
		       "two that sleep are not woken by a start");
	heddle_check(pool, &check);
	is_u64(check.wakes, 0, "no wake of the pool");
	su_destroy(pool);
}

int main(void)
{
	int cpu;

	tap_deadline(60);
	sched_getaffinity(0, sizeof(all), &all);
	for (cpu = 0; !CPU_ISSET(cpu, &all); cpu++)
		;
	CPU_SET(cpu, &first);
	placed("the whole set", &all, HEDDLE_PLACE_ANY);
	placed("one CPU", &first, HEDDLE_PLACE_ANY);
	placed("spread", &all, HEDDLE_PLACE_SPREAD);
	placed("compact", &all, HEDDLE_PLACE_COMPACT);
	sched_setaffinity(0, sizeof(first), &first);
	placed("the whole set, from one CPU", &all, HEDDLE_PLACE_ANY);
	sched_setaffinity(0, sizeof(all), &all);
	wakes_nobody();
	return tap_done();
}
