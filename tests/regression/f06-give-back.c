/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: what a burst made is given back: after the load and keep_alive_ns there are as
 * many threads as the floor of the start and one spare, not fewer and not later; the
 * highest index goes first; a pool at its floor has no timer; a pool that was never
 * started and only ran guests gives all back. Elsewhere idle threads stayed for ever.
 *
 * Method: tasks for all workers that must meet; the kernel's list of threads is counted,
 * and the pool's log says when each one left.
 *
 * fault: F06
 * clause: S2 C8
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/support/guests.h"
#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define WORKERS  8
#define FLOOR    2
#define KEEP_NS  UINT64_C(100000000)
#define LONG_MS  20000
#define LOG_ROOM 64

static _Atomic uint64_t met, go;

static void meet(void *arg)
{
	(void)arg;
	atomic_fetch_add(&met, 1);
	su_wait_at_least(&go, 1, LONG_MS);
}

static void meet_in_region(void *arg)
{
	if (heddle_block_begin(HEDDLE_BLOCK_OTHER, NULL, NULL))
		bail("block_begin");
	meet(arg);
	heddle_block_end();
}

static unsigned int workers(void)
{
	return tap_threads() - 1;
}

/* Until there are so many, or fewer: then it was one too many that left. */
static bool down_to(unsigned int n)
{
	uint64_t end = su_in_ms(LONG_MS);

	while (workers() > n && su_now_ns() < end)
		su_wait_at_least(&go, UINT64_MAX, 1);
	return workers() == n;
}

static void burst(struct heddle_pool *pool, void (*fn)(void *), unsigned int n)
{
	unsigned int i;

	atomic_store(&met, 0);
	atomic_store(&go, 0);
	for (i = 0; i < n; i++)
		if (heddle_submit_call(heddle_pool_group(pool), fn, NULL))
			bail("submit");
	if (!su_wait_at_least(&met, n, LONG_MS))
		bail("%u tasks do not meet", n);
}

/* The retirements since *next: none before its time, each below the one before. */
static void look_at_log(struct heddle_pool *pool, uint64_t *next,
			uint64_t released, unsigned int wanted)
{
	struct heddle_log_entry entry[LOG_ROOM];
	unsigned int retired = 0, early = 0, rising = 0;
	uint32_t last = UINT32_MAX;
	uint64_t lost;
	int i, n = heddle_pool_log(pool, next, entry, LOG_ROOM, &lost);

	for (i = 0; i < n; i++) {
		if (entry[i].decision != HEDDLE_DECISION_RETIRED)
			continue;
		retired++;
		early += entry[i].time_ns < released + KEEP_NS ||
			 entry[i].reason != HEDDLE_BECAUSE_KEEP_ALIVE;
		rising += entry[i].worker > last;
		last = entry[i].worker;
	}
	is_u64(lost, 0, "no entry of the log is lost");
	is_u64(retired, wanted, "so many left by themselves");
	is_u64(early, 0, "none before its time");
	is_u64(rising, 0, "the highest index first");
}

/* Times that threads went to sleep so far, or 0: the kernel does not say. */
static uint64_t sleeps(struct heddle_pool *pool)
{
	struct heddle_worker_info info[2 * WORKERS];
	int i, n = heddle_workers(pool, info, 2 * WORKERS);
	uint64_t sum = 0;

	for (i = 0; i < n; i++) {
		unsigned long long value;
		char path[64], line[256];
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%d/status",
			 (int)info[i].tid);
		file = fopen(path, "re");
		while (file && fgets(line, sizeof(line), file))
			if (sscanf(line, "voluntary_ctxt_switches: %llu",
				   &value) == 1)
				sum += value;
		if (file)
			fclose(file);
	}
	return sum;
}

static uint64_t cpu_ns(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
}

static void no_timer(struct heddle_pool *pool)
{
	const struct timespec window = { 0, 5 * KEEP_NS };
	uint64_t before = sleeps(pool), used = cpu_ns();

	/* Long enough for a timer of this pool to go off. */
	nanosleep(&window, NULL);
	used = cpu_ns() - used;
	if (!before)
		skip(1, "/proc does not count how often a thread sleeps");
	else
		is_u64(sleeps(pool) - before, 0, "at the floor nobody wakes");
	ok(used < 5 * KEEP_NS / 10, "at the floor nobody works: %llu us",
	   (unsigned long long)used / 1000);
	is_u64(workers(), FLOOR + 1, "and nobody else leaves");
}

static void elastic(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .flags = HEDDLE_POOL_ELASTIC,
					 .workers_max = WORKERS,
					 .blocked_max = WORKERS,
					 .keep_alive_ns = KEEP_NS };
	struct heddle_pool *pool = su_pool_with(&o, FLOOR);
	uint64_t next = 0, released;
	unsigned int round;

	is_u64(workers(), FLOOR + 1, "the floor and the spare");
	for (round = 0; round < 2; round++) {
		burst(pool, meet, WORKERS);
		is_u64(workers(), WORKERS, "a burst: threads");
		released = su_now_ns();
		atomic_store(&go, 1);
		ok(down_to(FLOOR + 1), "burst %u: down to %u: %u after %llu ms",
		   round, FLOOR + 1, workers(),
		   (unsigned long long)(su_now_ns() - released) / 1000000);
		look_at_log(pool, &next, released, WORKERS - FLOOR - 1);
	}
	no_timer(pool);
	burst(pool, meet_in_region, WORKERS);
	atomic_store(&go, 1);
	ok(down_to(FLOOR + 1), "after regions: %u", workers());
	if (heddle_pool_stop(pool, 0, HEDDLE_R3_GONE, NULL,
			     su_in_ms(LONG_MS)) ||
	    heddle_pool_start(pool, 0, NULL, su_in_ms(LONG_MS)))
		bail("stop and start");
	burst(pool, meet, WORKERS);
	atomic_store(&go, 1);
	ok(down_to(1), "a floor of 0: the spare is left: %u", workers());
	su_check_at_rest(pool);
	su_destroy(pool);
}

static void stays(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .flags = HEDDLE_POOL_ELASTIC,
					 .workers_max = 4,
					 .keep_alive_ns =
						 HEDDLE_KEEP_ALIVE_FOREVER };
	struct heddle_pool *pool = su_pool_with(&o, 0);

	burst(pool, meet, 4);
	atomic_store(&go, 1);
	su_wait_at_least(&go, UINT64_MAX, 300);
	is_u64(workers(), 4, "with keep-alive for ever all stay");
	su_destroy(pool);
}

static void guests_only(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .flags = HEDDLE_POOL_ELASTIC,
					 .workers_max = 4,
					 .keep_alive_ns = KEEP_NS };
	struct heddle_guest *guest[4];
	struct su_gate gate = SU_GATE;
	struct heddle_process *process;
	struct heddle_pool *pool;
	unsigned int i;

	if (heddle_pool_create(&o, &pool))
		bail("create");
	process = su_process(pool, 4, 0);
	for (i = 0; i < 4; i++)
		if (su_spawn(process, su_wait_at_gate, &gate, 0, &guest[i],
			     NULL, su_in_ms(LONG_MS)))
			bail("spawn");
	su_gate_wait(&gate, 4);
	is_u64(workers(), 4, "a pool that was never started runs four guests");
	su_gate_open(&gate);
	for (i = 0; i < 4; i++)
		heddle_guest_join(guest[i], HEDDLE_R0_QUIET, su_in_ms(LONG_MS));
	ok(down_to(0), "and has no thread later: %u", workers());
	is_u64(su_call(process, su_wait_at_gate, &gate) == 0, 1,
	       "another guest runs");
	su_process_end(process);
	su_destroy(pool);
}

int main(void)
{
	tap_deadline(110);
	elastic();
	stays();
	guests_only();
	return tap_done();
}
