/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: memory does not follow the number of workers for longer than they are needed.
 * Work that comes one task after the other stays on a few workers, so that the memory of
 * the others is not touched again; and what a burst has used is back after a stop of
 * those. Elsewhere tasks rotated over all threads, whose arenas and stacks were never
 * trimmed. Method: bursts in which each of eight workers uses half of its stack, then
 * tasks one by one, whose threads are counted, then a stop to one; the resident memory is
 * compared.
 *
 * fault: F44
 * clause: D1 D4
 */
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/support/sanitizer.h"
#include "tests/support/support.h"
#include "tests/support/usage.h"
#include "tests/tap/tap.h"

#define WORKERS 8
#define USED    (512u * 1024)
#define ROUNDS  10
#define SINGLE  400
#define SLACK \
 1024 /* KiB that may differ: the test's own, and the C library's */

static _Atomic uint64_t inside, done;
static _Atomic int32_t seen[WORKERS]; /* kernel's numbers of threads */

static void __attribute__((noinline)) use_stack(void)
{
	volatile char deep[USED];
	size_t i;

	for (i = 0; i < sizeof(deep); i += 1024)
		deep[i] = 1;
}

/* All workers are in it at once. */
static void burst(void *arg)
{
	use_stack();
	atomic_fetch_add(&inside, 1);
	su_wait_at_least(&inside, (uintptr_t)arg, 20000);
	atomic_fetch_add(&done, 1);
}

static void single(void *arg)
{
	int32_t tid = (int32_t)syscall(SYS_gettid), none;
	int i;

	(void)arg;
	for (i = 0; i < WORKERS; i++) {
		none = 0;
		if (atomic_load(&seen[i]) == tid ||
		    atomic_compare_exchange_strong(&seen[i], &none, tid))
			break;
	}
	atomic_fetch_add(&done, 1);
}

static uint32_t threads_seen(void)
{
	uint32_t n = 0;

	while (n < WORKERS && atomic_load(&seen[n]))
		n++;
	return n;
}

static void submit(struct heddle_pool *pool, heddle_call_fn fn, uint64_t arg)
{
	if (heddle_submit_call(heddle_pool_group(pool), fn,
			       (void *)(uintptr_t)arg))
		bail("submit");
}

static void all_use_stack(struct heddle_pool *pool)
{
	int i;

	atomic_store(&inside, 0);
	atomic_store(&done, 0);
	for (i = 0; i < WORKERS; i++)
		submit(pool, burst, WORKERS);
	if (!su_wait_at_least(&done, WORKERS, 20000))
		bail("a burst hangs");
}

/* Each when the one before has ended. Their number of threads. */
static uint32_t one_by_one(struct heddle_pool *pool)
{
	uint64_t i;

	memset(seen, 0, sizeof(seen));
	atomic_store(&done, 0);
	for (i = 1; i <= SINGLE; i++) {
		submit(pool, single, 0);
		if (!su_wait_at_least(&done, i, 20000))
			bail("a task does not run");
	}
	return threads_seen();
}

static void start(struct heddle_pool *pool)
{
	if (heddle_pool_start(pool, WORKERS, NULL, su_in_ms(20000)))
		bail("start");
}

static void stop(struct heddle_pool *pool)
{
	if (heddle_pool_stop(pool, 1, HEDDLE_R4_CLEAN, NULL, su_in_ms(20000)))
		bail("stop");
}

int main(void)
{
	uint64_t first = 0, full = 0, least = UINT64_MAX, now = 0;
	struct heddle_pool_options options = {
		.struct_size = sizeof(options),
		.workers_max = WORKERS,
		/* The sanitizers need much of a stack for themselves. */
		.stack_size = (uint64_t)4 << 20,
	};
	struct heddle_pool *pool = su_pool_with(&options, WORKERS);
	uint32_t threads = 0, n;
	int i;

	tap_deadline(110);
	for (i = 0; i < ROUNDS; i++) {
		start(pool);
		all_use_stack(pool);
		full = su_status(0, "VmRSS");
		least = full < least ? full : least;
		n = one_by_one(pool);
		threads = n > threads ? n : threads;
		stop(pool);
		now = su_status(0, "VmRSS");
		if (!i)
			first = now;
	}
	ok(threads <= WORKERS / 2,
	   "tasks one by one stay on a few of %d threads: %u", WORKERS,
	   threads);
#if SU_SANITIZED
	skip(2, "a sanitizer keeps memory of its own");
#else
	ok(least > now + (WORKERS - 1) * (USED / 1024) - SLACK,
	   "a burst uses %llu KiB, after a stop to one there are %llu",
	   (unsigned long long)least, (unsigned long long)now);
	ok(now <= first + SLACK,
	   "bursts leave nothing: %llu KiB after the first, %llu after %d",
	   (unsigned long long)first, (unsigned long long)now, ROUNDS);
#endif
	su_check_at_rest(pool);
	su_destroy(pool);
	return tap_done();
}
