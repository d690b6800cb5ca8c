/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: an idle pool costs nothing and a nearly idle one what its wakes cost. Elsewhere
 * idle workers spun, yielded and armed timers again and again. Method: a task each
 * millisecond, on a STATIC pool of four workers and on an ELASTIC one; the kernel counts
 * how often each worker gave its CPU away, which a wake explains once: bounded by
 * the wakes, and these by the tasks. No time is compared. Then nothing is submitted, and
 * nothing may be counted.
 *
 * fault: F46
 * clause: C8
 */
#include <time.h>

#include "tests/support/support.h"
#include "tests/support/usage.h"
#include "tests/tap/tap.h"

#define WORKERS 4
#define TASKS   500

static _Atomic uint64_t done;

static void body(void *arg)
{
	(void)arg;
	atomic_fetch_add_explicit(&done, 1, memory_order_release);
}

static void sleep_ms(long ms)
{
	const struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

/* How often the workers slept so far, and how many there are. */
static uint64_t sleeps(struct heddle_pool *pool, int *n)
{
	struct heddle_worker_info info[WORKERS];
	uint64_t sum = 0;
	int i;

	*n = heddle_workers(pool, info, WORKERS);
	if (*n < 1 || *n > WORKERS)
		bail("%d workers", *n);
	for (i = 0; i < *n; i++)
		sum += su_status(info[i].tid, "voluntary_ctxt_switches");
	return sum;
}

/* All asleep: a worker shows that it parks a moment before it does. */
static uint64_t settled(struct heddle_pool *pool, int *n)
{
	uint64_t before, now = sleeps(pool, n), end = su_in_ms(3000);
	int still = 0;

	do {
		sleep_ms(20);
		before = now;
		now = sleeps(pool, n);
		still = now == before ? still + 1 : 0;
	} while (still < 5 && su_now_ns() < end);
	return now;
}

static void watch(const char *kind, uint32_t flags, uint32_t start)
{
	struct heddle_pool_options options = { .struct_size = sizeof(options),
					       .flags = flags,
					       .workers_max = WORKERS };
	struct heddle_check before = { .struct_size = sizeof(before) };
	struct heddle_check after = { .struct_size = sizeof(after) };
	struct heddle_pool *pool = su_pool_with(&options, start);
	uint64_t slept, wakes, useless;
	int workers, i, n;

	atomic_store(&done, 0);
	slept = settled(pool, &workers);
	heddle_check(pool, &before);
	for (i = 0; i < TASKS; i++) {
		if (heddle_submit_call(heddle_pool_group(pool), body, NULL))
			bail("submit");
		sleep_ms(1);
	}
	if (!su_wait_at_least(&done, TASKS, 20000))
		bail("the tasks do not run");
	slept = settled(pool, &n) - slept;
	heddle_check(pool, &after);
	wakes = after.wakes - before.wakes;
	useless = after.useless_wakes - before.useless_wakes;
	ok(wakes <= TASKS + useless && useless <= TASKS,
	   "%s: %d tasks, %llu wakes, %llu of them useless", kind, TASKS,
	   (unsigned long long)wakes, (unsigned long long)useless);
	/* Two tasks that a loaded machine lets overlap make another spare. */
	ok(n == workers || ((flags & HEDDLE_POOL_ELASTIC) && n > workers),
	   "%s: %d workers, then %d", kind, workers, n);
	/* Beside that, at most a lock that another one held. */
	ok(slept >= wakes / 2 && slept <= wakes + wakes / 10 + WORKERS,
	   "%s: and %llu sleeps", kind, (unsigned long long)slept);
	slept = settled(pool, &n);
	sleep_ms((long)(tap_seconds(2) * 1000));
	is_u64(sleeps(pool, &n) - slept, 0, "%s: idle, none", kind);
	su_check_at_rest(pool);
	su_destroy(pool);
}

int main(void)
{
	tap_deadline(110);
	if (su_status(0, "voluntary_ctxt_switches") == UINT64_MAX)
		plan_skip_all("/proc does not count the switches of a thread");
	watch("static", 0, WORKERS);
	/* The spare that it has from the start on is enough. */
	watch("elastic", HEDDLE_POOL_ELASTIC, 1);
	return tap_done();
}
