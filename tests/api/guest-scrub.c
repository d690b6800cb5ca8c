/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest threads: a recycled worker cannot be told from a fresh thread, and a FRESH
 * one is gone when a join says so.
 *
 * Method: guests leave behind what a hostile one would (canaries on the stack,
 * slot values, a name, a rounding mode) and the next one on the same OS thread
 * looks for it.
 *
 * clause: T2
 * clause: T3
 * clause: D6
 * property: P9
 */
#include <alloca.h>
#include <errno.h>
#include <fenv.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/support/guests.h"
#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define RAW \
 __attribute__((noinline, no_sanitize("address", "thread", "undefined")))

static int os_thread(void)
{
	return (int)syscall(SYS_gettid);
}

/* ---- nothing is left behind ---- */

static uint64_t not_canary;
static int first_thread, second_thread;
static uint64_t canaries;
static struct heddle_slot *slots[4];

static RAW void fill(volatile uint64_t *at, size_t words)
{
	size_t i;

	for (i = 0; i < words; i++)
		at[i] = ~not_canary;
}

/* How far the stack can be read: a part that both guests have for sure. */
#define AREA ((size_t)200000)

static RAW uint64_t scan(void)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	volatile const uint64_t *at = (volatile const uint64_t *)(here - AREA);
	uint64_t found = 0;

	for (; (uintptr_t)at < here - 256; at++)
		found += ~*at == not_canary;
	return found;
}

static RAW int32_t dirties(void *arg)
{
	first_thread = os_thread();
	fill(alloca(AREA), AREA / sizeof(uint64_t));
	prctl(PR_SET_NAME, "secret", 0, 0, 0);
	fesetround(FE_UPWARD);
	errno = EDOM;
	return arg != NULL;
}

/* As dirties(), but scans itself, to show that there is something to find. */
static RAW int32_t finds_own(void *arg)
{
	dirties(arg);
	canaries = scan();
	return 0;
}

static uint64_t next_canaries;
static int next_errno, next_rounding;
static char next_name[16];

static RAW int32_t looks(void *arg)
{
	next_errno = errno;
	next_canaries = scan();
	next_rounding = fegetround();
	second_thread = os_thread();
	prctl(PR_GET_NAME, next_name, 0, 0, 0);
	return arg != NULL;
}

static int32_t dirties_slots(void *arg)
{
	int i;

	for (i = 0; i < 4; i++)
		heddle_slot_set(slots[i], &slots[i]);
	return arg != NULL;
}

static int32_t counts_slots(void *arg)
{
	int i, seen = 0;

	(void)arg;
	for (i = 0; i < 4; i++)
		seen += heddle_slot_get(slots[i]) != NULL;
	return seen;
}

static _Atomic int destructed;

static void counts_destructions(void *value)
{
	(void)value;
	atomic_fetch_add_explicit(&destructed, 1, memory_order_relaxed);
}

/* Of the only worker, between two guests. */
static uint64_t incarnation(struct heddle_pool *pool)
{
	struct heddle_worker_info info;

	if (heddle_workers(pool, &info, 1) != 1)
		bail("the pool has another number of workers");
	return info.incarnation;
}

static void test_isolation(void)
{
	struct heddle_slot_options options = { .struct_size = sizeof(options),
					       .destructor =
						       counts_destructions };
	struct heddle_pool *pool = su_guest_pool(1, HEDDLE_POOL_ELASTIC);
	struct heddle_process *process = su_process(pool, 2, 0);
	uint64_t before, renewed = 0;
	int i, round;

	for (i = 0; i < 4; i++)
		heddle_slot_create(pool, i % 2 ? &options : NULL, &slots[i]);
	for (round = 0; round < 20; round++) {
		su_call(process, finds_own, NULL);
		before = incarnation(pool);
		su_call(process, looks, NULL);
		renewed += incarnation(pool) > before;
		if (canaries < AREA / 16 || next_canaries || next_errno ||
		    next_rounding != FE_TONEAREST ||
		    !strcmp(next_name, "secret") ||
		    first_thread != second_thread)
			break;
	}
	is_u64((uint64_t)round, 20, "20 times the next guest finds nothing");
	is_u64(renewed, 20, "each on the same thread, in another incarnation");
	ok(canaries > AREA / 16, "there was something: %llu canaries",
	   (unsigned long long)canaries);
	is_u64(next_canaries, 0, "none on the stack");
	ok(first_thread == second_thread, "of the same OS thread");
	ok(next_errno == 0, "errno is 0");
	ok(next_rounding == FE_TONEAREST, "rounding is to nearest");
	ok(!strncmp(next_name, "heddle-", 7), "name is '%s'", next_name);

	is_u64((uint64_t)su_call(process, counts_slots, NULL), 0, "no slot");
	su_call(process, dirties_slots, NULL);
	is_u64((uint64_t)atomic_load_explicit(&destructed,
					      memory_order_relaxed),
	       2, "destructors are done when the join returns");
	is_u64((uint64_t)su_call(process, counts_slots, NULL), 0,
	       "no slot value is seen by the next guest");
	su_process_end(process);
	su_guest_pool_end(pool);
}

/* ---- FRESH ---- */

static pthread_key_t key;
static _Atomic int key_destructed;

static void key_destructor(void *value)
{
	(void)value;
	atomic_fetch_add_explicit(&key_destructed, 1, memory_order_relaxed);
}

static int32_t sets_key(void *arg)
{
	*(int *)arg = os_thread();
	pthread_setspecific(key, arg);
	return 3;
}

static void test_fresh(void)
{
	struct heddle_pool *pool = su_guest_pool(2, HEDDLE_POOL_ELASTIC);
	struct heddle_process *process = su_process(pool, 2, 0);
	struct heddle_guest *guest;
	static int detached_id[50];
	int i, id[3], wrong = 0;

	pthread_key_create(&key, key_destructor);
	for (i = 0; i < 3; i++) {
		int32_t code = 0;

		id[i] = 0;
		wrong += su_spawn(process, sets_key, &id[i], HEDDLE_GUEST_FRESH,
				  &guest, &code, HEDDLE_NOW) != 0;
		wrong += heddle_guest_join(guest, HEDDLE_R3_GONE,
					   su_in_ms(20000)) != 0;
		wrong += code != 3;
		wrong += syscall(SYS_tgkill, getpid(), id[i], 0) == 0;
		wrong += atomic_load_explicit(&key_destructed,
					      memory_order_relaxed) != i + 1;
	}
	is_u64((uint64_t)wrong, 0,
	       "three FRESH guests: thread gone, its TLS destructors done");
	is_u64(tap_threads(), 1, "no thread is left");
	wrong = 0;
	for (i = 0; i < 50; i++)
		wrong += su_spawn(process, sets_key, &detached_id[i],
				  HEDDLE_GUEST_FRESH | HEDDLE_GUEST_DETACHED,
				  NULL, NULL, HEDDLE_FOREVER) != 0;
	diag("of 50 FRESH detached ones %d were refused", wrong);
	ok(heddle_process_destroy(process, HEDDLE_R3_GONE, su_in_ms(20000)) ==
		   0,
	   "a destroy to R3 follows those too");
	is_u64(tap_threads(), 1, "to the last of them");
	pthread_key_delete(key);
	su_guest_pool_end(pool);

	pool = su_guest_pool(1, 0);
	process = su_process(pool, 2, 0);
	ok(su_spawn(process, sets_key, &id[0], HEDDLE_GUEST_FRESH, &guest, NULL,
		    HEDDLE_NOW) == -EINVAL,
	   "a STATIC pool has no FRESH ones");
	is_u64((uint64_t)su_call(process, sets_key, &id[0]), 3, "but shells");
	su_process_end(process);
	su_guest_pool_end(pool);
}

int main(void)
{
	tap_deadline(120);
	not_canary = tap_random();
	test_isolation();
	test_fresh();
	return tap_done();
}
