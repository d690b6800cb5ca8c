/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: n requests in flight make at most n + 1 threads, whatever the affinity of
 * the pool and of who submits. Elsewhere eight requests made 311 threads, and pinning
 * the submitter to another CPU made 400.
 *
 * Method: requests that block in a region until all are in flight, many rounds; the
 * submitter is on each CPU in turn; the kernel's list of threads is counted.
 *
 * fault: F09
 * clause: S2 B2
 */
#include <sched.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define FLIGHT  8
#define ROUNDS  20
#define LONG_MS 20000

static _Atomic uint64_t inside, go, done;
static cpu_set_t all, first;

static void request(void *arg)
{
	if (heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL))
		bail("block_begin");
	atomic_fetch_add(&inside, 1);
	su_wait_at_least(&go, (uint64_t)(uintptr_t)arg, LONG_MS);
	heddle_block_end();
	atomic_fetch_add(&done, 1);
}

/* As many in flight, and again; most threads that were seen. */
static unsigned int most_threads(struct heddle_pool *pool, const cpu_set_t *on)
{
	unsigned int most = 0, i;
	uint64_t round;

	atomic_store(&inside, 0);
	atomic_store(&go, 0);
	atomic_store(&done, 0);
	if (sched_setaffinity(0, sizeof(*on), on))
		bail("sched_setaffinity");
	for (round = 1; round <= ROUNDS; round++) {
		for (i = 0; i < FLIGHT; i++)
			if (heddle_submit_call(heddle_pool_group(pool), request,
					       (void *)(uintptr_t)round))
				bail("submit");
		if (!su_wait_at_least(&inside, FLIGHT * round, LONG_MS))
			bail("not all are in flight");
		if (tap_threads() - 1 > most)
			most = tap_threads() - 1;
		atomic_store(&go, round);
		if (!su_wait_at_least(&done, FLIGHT * round, LONG_MS))
			bail("not all come back");
	}
	sched_setaffinity(0, sizeof(all), &all);
	return most;
}

static void with(const char *what, const cpu_set_t *set, uint32_t placement)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .flags = HEDDLE_POOL_ELASTIC,
					 .workers_max = 64,
					 .blocked_max = 400,
					 .cpu_set = set,
					 .cpu_set_size = sizeof(*set),
					 .placement = placement };
	int cpu;

	for (cpu = -1; cpu < CPU_SETSIZE; cpu++) {
		cpu_set_t on = all;
		struct heddle_pool *pool;
		unsigned int most;

		if (cpu >= 0 && !CPU_ISSET(cpu, &all))
			continue;
		if (cpu >= 0) {
			CPU_ZERO(&on);
			CPU_SET(cpu, &on);
		}
		pool = su_pool_with(&o, 0);
		most = most_threads(pool, &on);
		ok(most <= FLIGHT + 1, "%s, submitter on CPU %d: %u threads",
		   what, cpu, most);
		su_destroy(pool);
		if (cpu >= 3)
			break; /* of a large machine the first ones */
	}
}

int main(void)
{
	int cpu;

	tap_deadline(110);
	sched_getaffinity(0, sizeof(all), &all);
	for (cpu = 0; !CPU_ISSET(cpu, &all); cpu++)
		;
	CPU_SET(cpu, &first);
	with("the whole set", &all, HEDDLE_PLACE_ANY);
	with("one CPU", &first, HEDDLE_PLACE_ANY);
	with("spread", &all, HEDDLE_PLACE_SPREAD);
	with("compact", &all, HEDDLE_PLACE_COMPACT);
	return tap_done();
}
