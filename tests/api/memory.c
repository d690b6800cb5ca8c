/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a pool keeps in memory: at most 32 bytes a queued task, little for a worker that
 * sleeps, at most 1 MiB when a burst of 10^6 tasks has been run or cancelled, and half a
 * MiB when the pool is gone.
 *
 * Method: resident memory of the process. The library has promised to give memory back
 * without saying in how many milliseconds, so the test waits until it has; it would be
 * ended by its time limit.
 *
 * property: P38
 */
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "tests/support/sanitizer.h"
#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define BURST   1000000u
#define WORKERS 64u
#define HANDS   100u /* nodes that two workers may have in the hand */

static long resident_kib(void)
{
	FILE *in = fopen("/proc/self/smaps_rollup", "re");
	char line[256];
	long kib = -1;

	while (in && fgets(line, sizeof(line), in))
		if (sscanf(line, "Rss: %ld", &kib) == 1)
			break;
	if (in)
		fclose(in);
	return kib;
}

static _Atomic uint64_t inside, ran;
static _Atomic bool is_open;

static void stand(void *arg)
{
	static const struct timespec moment = { 0, 100000 };

	(void)arg;
	atomic_fetch_add(&inside, 1);
	while (!atomic_load(&is_open))
		nanosleep(&moment, NULL);
}

static void count(void *arg)
{
	(void)arg;
	atomic_fetch_add_explicit(&ran, 1, memory_order_relaxed);
}

static void meet(void *barrier)
{
	pthread_barrier_wait(barrier);
}

/* Each worker has run a task and sleeps. */
static void prove(struct heddle_pool *pool, uint32_t workers)
{
	pthread_barrier_t barrier;
	uint32_t i;

	pthread_barrier_init(&barrier, NULL, workers + 1);
	for (i = 0; i < workers; i++)
		if (heddle_submit_call(heddle_pool_group(pool), meet, &barrier))
			bail("a submit");
	pthread_barrier_wait(&barrier);
	pthread_barrier_destroy(&barrier);
}

static void sleepers(void)
{
	const struct heddle_pool_options options = {
		.struct_size = sizeof(options),
		.workers_max = 4 * WORKERS,
	};
	struct heddle_pool *pool;
	long before, made, idle;

	/* What the first pool of a process costs once. */
	pool = su_pool(2);
	prove(pool, 2);
	su_destroy(pool);
	before = resident_kib();
	if (heddle_pool_create(&options, &pool))
		bail("a pool");
	made = resident_kib() - before;
	ok(made <= 256, "room for %u workers takes %ld KiB", 4 * WORKERS, made);
	if (heddle_pool_start(pool, WORKERS, NULL, HEDDLE_FOREVER))
		bail("a start");
	prove(pool, WORKERS);
	su_check_at_rest(pool);
	idle = resident_kib() - before - made;
	/* Two pages of a stack, an entry, a page of the C library and a half. */
	ok(idle <= 12L * WORKERS, "%u that sleep take %ld KiB", WORKERS, idle);
	su_destroy(pool);
}

/* What is kept above before, once it is at most 1 MiB; the time limit ends the wait. */
static long kept_kib(long before)
{
	static const struct timespec moment = { 0, 1000000 };
	long kept;

	while ((kept = resident_kib() - before) > 1024)
		nanosleep(&moment, NULL);
	return kept;
}

static void fill(struct heddle_pool *pool)
{
	struct heddle_group *group = heddle_pool_group(pool);
	uint32_t i;

	atomic_store(&inside, 0);
	atomic_store(&is_open, false);
	if (heddle_submit_call(group, stand, NULL) ||
	    heddle_submit_call(group, stand, NULL) ||
	    !su_wait_at_least(&inside, 2, 60000))
		bail("two tasks that stand");
	for (i = 0; i < BURST; i++)
		if (heddle_submit_call(group, count, NULL))
			bail("submit %u", i);
}

static void bursts(void)
{
	const struct heddle_pool_options options = {
		.struct_size = sizeof(options),
		.workers_max = 2,
		.tasks_max = BURST + HANDS,
	};
	long at_first = resident_kib(), before, full, kept = 0;
	struct heddle_pool *pool = su_pool_with(&options, 2);
	int i;

	prove(pool, 2);
	before = resident_kib();
	for (i = 0; i < 2; i++) {
		fill(pool);
		full = resident_kib() - before;
		ok(full * 1024 <= 32L * BURST + 65536 + kept * 1024,
		   "%ld KiB for %u queued tasks", full - kept, BURST);
		atomic_store(&is_open, true);
		su_wait_at_least(&ran, (uint64_t)BURST * (i + 1), 60000);
		/* A trim may still be at it, and is over when the next come. */
		kept = kept_kib(before);
		ok(kept <= 1024, "at most 1 MiB when all have run");
	}
	fill(pool);
	atomic_store(&is_open, true);
	ok(heddle_group_close(heddle_pool_group(pool), HEDDLE_CLOSE_REFUSE,
			      HEDDLE_FOREVER) == 0 &&
		   kept_kib(before) <= 1024,
	   "at most 1 MiB when they were refused");
	su_destroy(pool);
	malloc_trim(0);
	full = resident_kib() - at_first;
	ok(full <= 512, "%ld KiB when the pool is gone", full);
}

int main(void)
{
	tap_deadline(100);
	if (SU_SANITIZED || resident_kib() < 0)
		plan_skip_all("a sanitizer has memory of its own, or there "
			      "is no smaps_rollup");
	sleepers();
	bursts();
	return tap_done();
}
