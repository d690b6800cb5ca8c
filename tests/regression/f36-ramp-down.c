/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: to give threads back needs no new one. While no thread can be made, a stop
 * reaches its level, the surplus of an ELASTIC pool leaves, and the tasks run on.
 * Elsewhere a core could be released only by a new thread, whose creation failed
 * once.
 *
 * Method: after a burst every creation fails, and so it stays.
 *
 * fault: F36
 * clause: D1 D2 S4
 */
#include <errno.h>

#include <heddle/testing.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define WORKERS 6
#define LONG_MS 20000

static _Atomic uint64_t met, go, done;

static void meet(void *arg)
{
	(void)arg;
	atomic_fetch_add(&met, 1);
	su_wait_at_least(&go, 1, LONG_MS);
}

static void count(void *arg)
{
	(void)arg;
	atomic_fetch_add(&done, 1);
}

static void submit(struct heddle_pool *pool, void (*fn)(void *), int n)
{
	while (n-- > 0)
		if (heddle_submit_call(heddle_pool_group(pool), fn, NULL))
			bail("submit");
}

static struct heddle_pool *after_burst(uint64_t keep_alive_ns)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .flags = HEDDLE_POOL_ELASTIC,
					 .workers_max = WORKERS,
					 .keep_alive_ns = keep_alive_ns };
	struct heddle_pool *pool = su_pool_with(&o, 0);

	atomic_store(&met, 0);
	atomic_store(&go, 0);
	atomic_store(&done, 0);
	submit(pool, meet, WORKERS);
	if (!su_wait_at_least(&met, WORKERS, LONG_MS))
		bail("the burst does not meet");
	is_u64(tap_threads() - 1, WORKERS, "threads of the burst");
	heddle_fault_set(HEDDLE_FAULT_THREAD_CREATE, 0, UINT32_MAX, EAGAIN);
	return pool;
}

static void still_runs(struct heddle_pool *pool)
{
	submit(pool, count, 100);
	ok(su_wait_at_least(&done, 100, LONG_MS), "100 tasks run: %llu",
	   (unsigned long long)done);
}

static void by_stop(void)
{
	struct heddle_pool *pool = after_burst(HEDDLE_KEEP_ALIVE_FOREVER);
	int rc;

	/* Half of them busy, all of them on their way. */
	atomic_store(&go, 1);
	rc = heddle_pool_stop(pool, 1, HEDDLE_R3_GONE, NULL, su_in_ms(LONG_MS));
	ok(rc == 0 && tap_threads() == 2, "a stop to one: %d, %u threads", rc,
	   tap_threads() - 1);
	still_runs(pool);
	rc = heddle_pool_stop(pool, 0, HEDDLE_R4_CLEAN, NULL,
			      su_in_ms(LONG_MS));
	ok(rc == 0 && tap_threads() == 1, "a stop to none: %d", rc);
	heddle_fault_set(HEDDLE_FAULT_THREAD_CREATE, 0, 0, 0);
	su_destroy(pool);
}

static void by_time(void)
{
	struct heddle_pool *pool = after_burst(1000000);
	uint64_t end = su_in_ms(LONG_MS);

	atomic_store(&go, 1);
	while (tap_threads() > 2 && su_now_ns() < end)
		su_wait_at_least(&done, UINT64_MAX, 1);
	is_u64(tap_threads() - 1, 1, "the surplus has left, the spare stays");
	still_runs(pool);
	su_check_at_rest(pool);
	su_destroy(pool);
	heddle_fault_set(HEDDLE_FAULT_THREAD_CREATE, 0, 0, 0);
}

int main(void)
{
	tap_deadline(100);
	by_stop();
	by_time();
	return tap_done();
}
