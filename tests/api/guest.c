/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest threads through the public calls: that berths and tids are exact, that
 * every life ends, that everything comes back.
 *
 * Method: live tids are kept in a bitmap that the guests themselves write; bounds
 * are reached exactly before one more is tried.
 *
 * clause: T3
 * clause: T4
 * clause: T6
 * clause: C9
 * property: P8
 * property: P33
 * wasi: W4
 * wasi: W5
 * wasi: W6
 * wasi: W11
 * wasi: W19
 * wasi: W22
 */
#include <alloca.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/guests.h"
#include "tests/support/sanitizer.h"
#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define RAW \
 __attribute__((noinline, no_sanitize("address", "thread", "undefined")))

/* ---- many lives ---- */

static _Atomic unsigned char live[UINT32_C(1) << 26]; /* a bit a tid */
static _Atomic uint64_t ran, bad_tids;

static int32_t checks_tid(void *arg)
{
	struct heddle_guest *self = heddle_guest_self();
	uint32_t tid = heddle_guest_tid(self);
	unsigned char bit = (unsigned char)(1u << tid % 8), before;
	uint64_t bad = 0;

	/* arg, when given, is what the spawn stored before we began. */
	bad += arg && *(struct heddle_guest **)arg != self;
	bad += tid < 1 || tid >= UINT32_C(1) << 29;
	if (!bad) {
		before = atomic_fetch_or_explicit(&live[tid / 8], bit,
						  memory_order_relaxed);
		bad += (before & bit) != 0;
		atomic_fetch_and_explicit(&live[tid / 8], (unsigned char)~bit,
					  memory_order_relaxed);
	}
	atomic_fetch_add_explicit(&bad_tids, bad, memory_order_relaxed);
	atomic_fetch_add_explicit(&ran, 1, memory_order_relaxed);
	return (int32_t)tid;
}

static unsigned int lives(unsigned int usual)
{
	return SU_SANITIZED ? usual / 10 : usual;
}

static void test_cycles(void)
{
	struct heddle_pool *pool = su_guest_pool(2, HEDDLE_POOL_ELASTIC);
	struct heddle_process *process = su_process(pool, 4, 0);
	struct heddle_check check = { .struct_size = sizeof(check) };
	unsigned int i, n = lives(100000), wrong = 0;
	uint64_t start = su_now_ns();

	atomic_store_explicit(&ran, 0, memory_order_relaxed);
	for (i = 0; i < n; i++) {
		struct heddle_guest *guest;
		int32_t code = -1;
		uint32_t tid;

		if (su_spawn(process, checks_tid, &guest, 0, &guest, &code,
			     HEDDLE_NOW) < 0) {
			wrong++;
			continue;
		}
		tid = heddle_guest_tid(guest);
		if (heddle_guest_join(guest, HEDDLE_R3_GONE, su_in_ms(20000)) <
		    0)
			bail("no join");
		wrong += code != (int32_t)tid;
	}
	diag("%u ns for a spawn and its join",
	     (unsigned int)((su_now_ns() - start) / n));
	is_u64(wrong, 0, "%u spawns: each returned the tid it was given", n);
	is_u64(atomic_load_explicit(&ran, memory_order_relaxed), n,
	       "each ran once");
	is_u64(atomic_load_explicit(&bad_tids, memory_order_relaxed), 0,
	       "tids in range, unique, known to both sides");
	heddle_check(pool, &check);
	is_u64(check.guests_recycled, n, "all on recycled workers");
	ok(tap_threads() <= 3, "of which there are %u", tap_threads() - 1);
	su_process_end(process);
	su_guest_pool_end(pool);
}

static struct heddle_process *shared;
static _Atomic uint64_t spawned, no_berth;

static void *spawns(void *arg)
{
	unsigned int i;

	(void)arg;
	for (i = 0; i < lives(20000); i++) {
		struct heddle_guest *guest;
		bool now = i % 3 == 0;

		if (su_spawn(shared, checks_tid, NULL,
			     i % 5 ? 0 : HEDDLE_GUEST_DETACHED, &guest, NULL,
			     now ? HEDDLE_NOW : HEDDLE_FOREVER) < 0) {
			atomic_fetch_add_explicit(now ? &no_berth : &bad_tids,
						  1, memory_order_relaxed);
			continue;
		}
		atomic_fetch_add_explicit(&spawned, 1, memory_order_relaxed);
		if (i % 5 && heddle_guest_join(guest, HEDDLE_R0_QUIET,
					       HEDDLE_FOREVER) < 0)
			bail("no join");
	}
	return NULL;
}

static void test_storm(void)
{
	struct heddle_pool *pool = su_guest_pool(3, HEDDLE_POOL_ELASTIC);
	pthread_t thread[6];
	int i;

	shared = su_process(pool, 3, 2);
	atomic_store_explicit(&ran, 0, memory_order_relaxed);
	for (i = 0; i < 6; i++)
		pthread_create(&thread[i], NULL, spawns, NULL);
	for (i = 0; i < 6; i++)
		pthread_join(thread[i], NULL);
	su_process_end(shared);
	is_u64(atomic_load_explicit(&ran, memory_order_relaxed),
	       atomic_load_explicit(&spawned, memory_order_relaxed),
	       "six spawners, three berths: every accepted guest ran "
	       "(%llu times no berth at NOW)",
	       (unsigned long long)atomic_load_explicit(&no_berth,
							memory_order_relaxed));
	is_u64(atomic_load_explicit(&bad_tids, memory_order_relaxed), 0,
	       "no tid was live twice, no patient spawn was refused");
	su_guest_pool_end(pool);
}

/* ---- bounds ---- */

static void test_berths(void)
{
	enum {
		MAX = 8
	};
	struct heddle_pool *pool = su_guest_pool(2, HEDDLE_POOL_ELASTIC);
	struct heddle_process *process = su_process(pool, MAX, 0);
	struct heddle_guest *guest[MAX], *more;
	struct su_gate gate = SU_GATE;
	int i;

	/* Two workers: each guest that waits makes room for one more. */
	for (i = 0; i < MAX; i++) {
		if (su_spawn(process, su_wait_at_gate, &gate, 0, &guest[i],
			     NULL, HEDDLE_NOW) < 0)
			bail("guest %d of %d does not come", i + 1, MAX);
		su_gate_wait(&gate, (unsigned int)i + 1);
	}
	ok(su_spawn(process, su_wait_at_gate, &gate, 0, &more, NULL,
		    HEDDLE_NOW) == -EAGAIN &&
		   !more,
	   "all wait for each other: one more is -EAGAIN");
	ok(su_spawn(process, su_wait_at_gate, &gate, 0, &more, NULL,
		    su_in_ms(20)) == -EAGAIN,
	   "also after 20 ms");
	ok(heddle_guest_join(guest[0], HEDDLE_R0_QUIET, HEDDLE_NOW) ==
		   -ETIMEDOUT,
	   "a join at NOW does not wait");
	ok(heddle_guest_join(guest[0], HEDDLE_R0_QUIET, su_in_ms(20)) ==
		   -ETIMEDOUT,
	   "nor longer than its deadline");
	su_gate_open(&gate);
	for (i = 0; i < MAX; i++)
		ok(heddle_guest_join(guest[i], HEDDLE_R0_QUIET,
				     HEDDLE_FOREVER) == 0,
		   "join %d", i + 1);
	ok(su_spawn(process, su_wait_at_gate, &gate, 0, &more, NULL,
		    HEDDLE_NOW) == 0 &&
		   heddle_guest_join(more, HEDDLE_R0_QUIET, HEDDLE_FOREVER) ==
			   0,
	   "then there is room again");
	su_process_end(process);
	su_guest_pool_end(pool);
}

static _Atomic int running, most_running;

/* Stays for a moment, until it has seen another one or too long. */
static int32_t counts_itself(void *arg)
{
	int now = 1 +
		  atomic_fetch_add_explicit(&running, 1, memory_order_relaxed);
	uint64_t until = su_in_ms(2);

	while (now < 2 && su_now_ns() < until)
		now = atomic_load_explicit(&running, memory_order_relaxed);
	if (now > atomic_load_explicit(&most_running, memory_order_relaxed))
		atomic_store_explicit(&most_running, now, memory_order_relaxed);
	atomic_fetch_sub_explicit(&running, 1, memory_order_relaxed);
	return arg != NULL;
}

static void test_cap(void)
{
	enum {
		GUESTS = 400
	};
	struct heddle_pool *pool = su_guest_pool(4, HEDDLE_POOL_ELASTIC);
	struct heddle_process *process = su_process(pool, 4, 2);
	int i, failed = 0;

	for (i = 0; i < GUESTS; i++)
		failed += su_spawn(process, counts_itself, NULL,
				   HEDDLE_GUEST_DETACHED, NULL, NULL,
				   HEDDLE_FOREVER) < 0;
	is_u64((uint64_t)failed, 0, "%d detached guests", GUESTS);
	su_process_end(process);
	is_u64((uint64_t)atomic_load_explicit(&most_running,
					      memory_order_relaxed),
	       2, "at most, and once really, two ran at the same time");
	su_guest_pool_end(pool);
}

/* One berth: each spawn waits for the end of the one before. */
static void test_patience(void)
{
	struct heddle_pool *pool = su_guest_pool(2, HEDDLE_POOL_ELASTIC);
	struct heddle_process *process = su_process(pool, 1, 0);
	unsigned int i, n = lives(20000), failed = 0;

	atomic_store_explicit(&ran, 0, memory_order_relaxed);
	for (i = 0; i < n; i++)
		failed += su_spawn(process, checks_tid, NULL,
				   HEDDLE_GUEST_DETACHED, NULL, NULL,
				   HEDDLE_FOREVER) < 0;
	is_u64(failed, 0, "one berth, %u spawns in a row: none is refused", n);
	su_process_end(process);
	is_u64(atomic_load_explicit(&ran, memory_order_relaxed), n,
	       "and all of them ran");
	su_guest_pool_end(pool);
}

static void test_unjoined(void)
{
	struct heddle_pool *pool = su_guest_pool(2, HEDDLE_POOL_ELASTIC);
	struct heddle_process *process = su_process(pool, 2, 0);
	struct heddle_guest *guest[8];
	int n = 0, rc = 0;

	while (n < 8 && rc == 0) {
		rc = su_spawn(process, checks_tid, NULL, 0, &guest[n], NULL,
			      su_in_ms(50));
		n += rc == 0;
	}
	ok(rc == -EAGAIN && n == 4, "%d guests that nobody joins", n);
	heddle_guest_join(guest[0], HEDDLE_R0_QUIET, HEDDLE_FOREVER);
	ok(su_spawn(process, checks_tid, NULL, 0, &guest[0], NULL,
		    HEDDLE_FOREVER) == 0,
	   "a join makes room");
	su_process_end(process);
	su_guest_pool_end(pool);
}

/* ---- exit ---- */

static int exit_in_region, exit_in_task, exit_in_destructor;

static void exits(struct heddle_task *task)
{
	(void)task;
	exit_in_task = heddle_guest_exit(1);
}

static RAW int32_t deeper(int levels)
{
	int keep[16];
	volatile int *used = keep;

	used[levels % 16] = levels;
	if (levels == 0)
		return heddle_guest_exit(42);
	return deeper(levels - 1) + used[levels % 16];
}

static int32_t exits_from_depth(void *arg)
{
	struct heddle_task task = { .fn = exits };

	heddle_block_begin(HEDDLE_BLOCK_OTHER, NULL, NULL);
	exit_in_region = heddle_guest_exit(1);
	heddle_block_end();
	/* A task that nobody else can run, so the join runs it here. */
	heddle_submit(arg, &task);
	heddle_join(&task, 0, HEDDLE_FOREVER);
	return deeper(100);
}

static void exits_again(void *value)
{
	(void)value;
	exit_in_destructor = heddle_guest_exit(1);
}

static struct heddle_slot *exit_slot;

static int32_t sets_and_exits(void *arg)
{
	heddle_slot_set(exit_slot, arg);
	heddle_guest_exit(7);
	return 0;
}

static int32_t leaves_in_region(void *arg)
{
	(void)arg;
	heddle_block_begin(HEDDLE_BLOCK_OTHER, NULL, NULL);
	heddle_block_begin(HEDDLE_BLOCK_OTHER, NULL, NULL);
	return 9;
}

static void test_exit(void)
{
	struct heddle_slot_options slot = { .struct_size = sizeof(slot),
					    .destructor = exits_again };
	struct heddle_pool *pool = su_guest_pool(1, HEDDLE_POOL_ELASTIC);
	struct heddle_process *process = su_process(pool, 2, 0);
	struct heddle_group *group;

	heddle_group_create(heddle_pool_group(pool), NULL, &group);
	heddle_slot_create(pool, &slot, &exit_slot);
	exit_in_task = 1;
	is_u64((uint64_t)su_call(process, exits_from_depth, group), 42,
	       "exit from 100 frames down");
	ok(exit_in_region == -EBUSY, "not from a blocking region");
	ok(exit_in_task == -EBUSY || exit_in_task == -EPERM,
	   "not from a task: %d", exit_in_task);
	is_u64((uint64_t)su_call(process, sets_and_exits, pool), 7, "exit 7");
	ok(exit_in_destructor == -EBUSY, "not from a destructor");
	ok(heddle_guest_exit(0) == -EPERM, "not from outside");
	is_u64((uint64_t)su_call(process, leaves_in_region, NULL), 9,
	       "a return from inside two regions");
	is_u64((uint64_t)su_call(process, leaves_in_region, NULL), 9, "twice");
	su_process_end(process);
	su_guest_pool_end(pool);
}

/* ---- guests that spawn guests ---- */

static struct heddle_process *its_process;

static int32_t family(void *arg)
{
	intptr_t levels = (intptr_t)arg;
	struct heddle_guest *child;
	int32_t code = 0;

	if (levels == 0)
		return 1;
	if (su_spawn(its_process, family, (void *)(levels - 1), 0, &child,
		     &code, HEDDLE_NOW) < 0)
		return -100;
	if (heddle_guest_join(child, HEDDLE_R0_QUIET, HEDDLE_FOREVER) < 0)
		return -1000;
	return code + 1;
}

/* Each waits for the next, so two that are not blocked serve them all. */
static void test_family(void)
{
	struct heddle_pool *pool = su_guest_pool(2, HEDDLE_POOL_ELASTIC);

	its_process = su_process(pool, 16, 1);
	is_u64((uint64_t)su_call(its_process, family, (void *)(intptr_t)15), 16,
	       "16 generations, each joins the next, cap 1");
	su_process_end(its_process);
	su_guest_pool_end(pool);
}

static _Atomic int ended;

static int32_t ends(void *arg)
{
	su_wait_at_gate(arg);
	atomic_fetch_add_explicit(&ended, 1, memory_order_relaxed);
	return 0;
}

static void test_destroy(void)
{
	struct heddle_pool *pool = su_guest_pool(2, HEDDLE_POOL_ELASTIC);
	struct heddle_process *process = su_process(pool, 2, 0);
	struct heddle_guest *guest;
	struct su_gate gate = SU_GATE;

	if (su_spawn(process, ends, &gate, 0, &guest, NULL, HEDDLE_NOW) < 0 ||
	    su_spawn(process, ends, &gate, HEDDLE_GUEST_DETACHED, NULL, NULL,
		     HEDDLE_NOW) < 0)
		bail("two guests on two workers do not come");
	su_gate_wait(&gate, 2);
	ok(heddle_process_destroy(process, HEDDLE_R0_QUIET, HEDDLE_NOW) ==
		   -ETIMEDOUT,
	   "destroy at NOW does not wait for guests");
	ok(heddle_process_destroy(process, HEDDLE_R0_QUIET, su_in_ms(20)) ==
		   -ETIMEDOUT,
	   "nor beyond its deadline");
	ok(su_spawn(process, ends, &gate, 0, &guest, NULL, HEDDLE_FOREVER) ==
		   -ESHUTDOWN,
	   "no guest comes any more");
	su_gate_open(&gate);
	ok(heddle_process_destroy(process, HEDDLE_R0_QUIET, HEDDLE_FOREVER) ==
		   0,
	   "the same call goes on");
	is_u64((uint64_t)atomic_load_explicit(&ended, memory_order_relaxed), 2,
	       "both guests have ended, nobody joined them");
	su_guest_pool_end(pool);
}

int main(void)
{
	tap_deadline(120);
	test_cycles();
	test_storm();
	test_berths();
	test_cap();
	test_patience();
	test_unjoined();
	test_exit();
	test_family();
	test_destroy();
	return tap_done();
}
