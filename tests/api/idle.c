/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: an idle pool does nothing: over HEDDLE_TEST_SECONDS (2 if not set,
 * 10 for a release) no worker makes a voluntary context switch or runs at all.
 * A parked worker is inside one futex call; to make another one it must leave
 * that, which the kernel's counters of its switches would show. And wakes stay
 * within what was started.
 *
 * clause: C8
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define WORKERS 3
#define TASKS   2000

static _Atomic uint64_t done;

static void body(void *arg)
{
	(void)arg;
	atomic_fetch_add_explicit(&done, 1, memory_order_release);
}

/* Switches of a thread so far, of both kinds; false if the kernel is silent. */
static bool switches(int32_t tid, uint64_t *sum)
{
	unsigned long long value;
	char path[64], line[256];
	uint32_t found = 0;
	FILE *file;

	*sum = 0;
	snprintf(path, sizeof(path), "/proc/self/task/%d/status", (int)tid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "voluntary_ctxt_switches: %llu", &value) !=
			    1 &&
		    sscanf(line, "nonvoluntary_ctxt_switches: %llu", &value) !=
			    1)
			continue;
		*sum += value;
		found++;
	}
	if (file)
		fclose(file);
	return found == 2;
}

static bool all_switches(struct heddle_pool *pool, uint64_t *sum)
{
	struct heddle_worker_info info[WORKERS];
	uint64_t one;
	int i;

	*sum = 0;
	if (heddle_workers(pool, info, WORKERS) != WORKERS)
		bail("the pool has another number of workers");
	for (i = 0; i < WORKERS; i++) {
		if (!switches(info[i].tid, &one))
			return false;
		*sum += one;
	}
	return true;
}

/*
 * A worker shows that it is parked a moment before it sleeps, and with no CPU free
 * the moment may last: idleness begins when no switch came for a while.
 */
static bool await_idle(struct heddle_pool *pool, uint64_t *sum)
{
	const struct timespec pause = { 0, 50000000 };
	uint64_t before;
	uint32_t i;

	for (i = 0; i < 400; i++) {
		if (!all_switches(pool, &before))
			return false;
		nanosleep(&pause, NULL);
		if (!all_switches(pool, sum))
			return false;
		if (*sum == before)
			return true;
	}
	bail("the workers of an idle pool never rest");
	return false;
}

static void stay_idle(struct heddle_pool *pool)
{
	double seconds = tap_seconds(2);
	struct timespec pause = { (time_t)seconds, 0 };
	uint64_t before, after;

	pause.tv_nsec = (long)((seconds - (double)pause.tv_sec) * 1e9);
	if (!await_idle(pool, &before) || !before) {
		skip(1, "/proc does not count the switches of a thread");
		return;
	}
	nanosleep(&pause, NULL);
	if (!all_switches(pool, &after))
		bail("/proc");
	is_u64(after - before, 0, "switches of %d workers in %.1f s idle",
	       WORKERS, seconds);
}

static void bound_wakes(struct heddle_pool *pool, const char *what,
			uint64_t starts, const struct heddle_check *before)
{
	struct heddle_check after = { .struct_size = sizeof(after) };

	heddle_check(pool, &after);
	/* A useless one is a kick that found the task taken already. */
	ok(after.wakes - before->wakes <=
		   starts + after.useless_wakes - before->useless_wakes,
	   "%s: %llu wakes for %llu starts", what,
	   (unsigned long long)(after.wakes - before->wakes),
	   (unsigned long long)starts);
	ok(after.useless_wakes - before->useless_wakes <= starts,
	   "%s: at most one useless wake a submit", what);
}

int main(void)
{
	struct heddle_check before = { .struct_size = sizeof(before) };
	struct heddle_group_options options = { .struct_size = sizeof(options),
						.cap = 1 };
	struct heddle_pool *pool;
	struct heddle_group *group[2];
	uint32_t i;

	tap_deadline(100);
	pool = su_pool(WORKERS);
	group[0] = heddle_pool_group(pool);
	if (heddle_group_create(group[0], &options, &group[1]))
		bail("group");
	su_check_at_rest(pool);
	stay_idle(pool);
	heddle_check(pool, &before);
	for (i = 0; i < TASKS; i++)
		if (heddle_submit_call(group[0], body, NULL))
			bail("submit");
	su_wait_at_least(&done, TASKS, 10000);
	su_check_at_rest(pool);
	bound_wakes(pool, "a burst", TASKS, &before);
	heddle_check(pool, &before);
	for (i = 0; i < 200; i++) {
		if (heddle_submit_call(group[i % 2], body, NULL))
			bail("submit");
		su_wait_at_least(&done, TASKS + i + 1, 10000);
	}
	su_check_at_rest(pool);
	bound_wakes(pool, "one by one", 200, &before);
	stay_idle(pool);
	su_destroy(pool);
	return tap_done();
}
