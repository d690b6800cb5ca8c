/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: a task that comes while a worker decides to leave is run by another one, or by
 * that one, at once. Elsewhere the enqueuer picked a worker that had just decided to go.
 *
 * Method: the time is so short that a surplus worker leaves whenever it sleeps; two tasks
 * that must meet each other need both workers, in pauses of random length. The order of
 * each single access is explored in lab/scenarios/keep.c.
 *
 * fault: F48
 * clause: S2 C2
 */
#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define LONG_MS 20000

static _Atomic uint64_t met, done;

static void meet(void *arg)
{
	uint64_t round = (uint64_t)(uintptr_t)arg;

	atomic_fetch_add(&met, 1);
	if (!su_wait_at_least(&met, 2 * round, LONG_MS))
		bail("round %llu: alone", (unsigned long long)round);
	atomic_fetch_add(&done, 1);
}

static void pause_shortly(void)
{
	uint64_t n = tap_random() % 4096, i;

	for (i = 0; i < n; i++)
		__asm__ volatile("" ::: "memory");
}

int main(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .flags = HEDDLE_POOL_ELASTIC,
					 .workers_max = 2,
					 .keep_alive_ns = 1 };
	struct heddle_log_entry entry;
	struct heddle_pool *pool;
	uint64_t round, end, next = 0, lost;

	tap_deadline(110);
	pool = su_pool_with(&o, 0);
	end = su_now_ns() + (uint64_t)(tap_seconds(2) * 1e9);
	for (round = 1; su_now_ns() < end; round++) {
		int i;

		for (i = 0; i < 2; i++) {
			if (heddle_submit_call(heddle_pool_group(pool), meet,
					       (void *)(uintptr_t)round))
				bail("submit");
			pause_shortly();
		}
		if (!su_wait_at_least(&done, 2 * round, LONG_MS))
			bail("round %llu does not end",
			     (unsigned long long)round);
		pause_shortly();
	}
	ok(1, "%llu pairs met", (unsigned long long)round - 1);
	heddle_pool_log(pool, &next, &entry, 1, &lost);
	ok(entry.number > 10, "workers came and left meanwhile: %llu decisions",
	   (unsigned long long)entry.number + 64);
	su_check_at_rest(pool);
	su_destroy(pool);
	return tap_done();
}
