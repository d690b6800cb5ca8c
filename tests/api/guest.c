/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest threads through the public calls: that a recycled worker cannot be
 * told from a fresh thread, that berths are exact, that everything comes back.
 *
 * Method: guests leave behind what a hostile one would (canaries on the stack,
 * slot values, a name, a signal mask) and the next one on the same OS thread
 * looks for it; live tids are kept in a bitmap that the guests themselves
 * write; bounds are reached exactly before one more is tried.
 *
 * clause: T2
 * clause: T3
 * clause: T4
 * clause: T6
 * clause: C9
 * clause: D6
 * property: P8
 * property: P9
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
#include <fenv.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <heddle/heddle.h>
#include <heddle/testing.h>

#include "tests/tap/tap.h"

#define MS UINT64_C(1000000)
#define RAW \
 __attribute__((noinline, no_sanitize("address", "thread", "undefined")))

static uint64_t after(uint64_t ns)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 * MS + (uint64_t)now.tv_nsec + ns;
}

static int os_thread(void)
{
	return (int)syscall(SYS_gettid);
}

/* ---- making and ending things ---- */

static struct heddle_pool *make_pool(uint32_t workers, uint32_t flags)
{
	struct heddle_pool_options options = {
		.struct_size = sizeof(options),
		.flags = flags,
		.workers_max = workers,
		/* The sanitizers need much of a stack for themselves. */
		.stack_size = (uint64_t)4 << 20,
	};
	struct heddle_pool *pool;

	if (heddle_pool_create(&options, &pool) < 0)
		bail("no pool");
	if (!(flags & HEDDLE_POOL_ELASTIC) &&
	    heddle_pool_start(pool, workers, NULL, HEDDLE_FOREVER) < 0)
		bail("the pool does not start");
	return pool;
}

static struct heddle_process *make_process(struct heddle_pool *pool,
					   uint32_t threads, uint32_t cap)
{
	struct heddle_process_options options = {
		.struct_size = sizeof(options),
		.threads_max = threads,
		.cap = cap,
	};
	struct heddle_process *process;
	int rc = heddle_process_create(pool, &options, &process);

	if (rc < 0)
		bail("no process: %d", rc);
	return process;
}

static void end_process(struct heddle_process *process)
{
	int rc = heddle_process_destroy(process, HEDDLE_R4_CLEAN,
					after(20000 * MS));

	if (rc < 0)
		bail("the process does not end: %d", rc);
}

/* Every invariant holds, nothing was stale; then the pool goes. */
static void end_pool(struct heddle_pool *pool)
{
	struct heddle_check check = { .struct_size = sizeof(check) };
	int rc = heddle_check(pool, &check);

	ok(rc == 0 && check.violations == 0, "no invariant is violated: %d, %s",
	   rc, check.violation[0].name);
	is_u64(check.stale_bytes, 0, "no stale byte in %llu recycled guests",
	       (unsigned long long)check.guests_recycled);
	rc = heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL,
				 after(20000 * MS));
	if (rc < 0)
		bail("the pool does not end: %d", rc);
}

static int spawn(struct heddle_process *process, int32_t (*fn)(void *arg),
		 void *arg, uint32_t flags, struct heddle_guest **guest,
		 int32_t *exit_code, uint64_t deadline)
{
	struct heddle_guest_options options = {
		.struct_size = sizeof(options),
		.flags = flags,
		.fn = fn,
		.arg = arg,
		.exit_code = exit_code,
	};

	return heddle_guest_spawn(process, &options, guest, deadline);
}

/* Spawns and joins; the exit code. */
static int32_t call(struct heddle_process *process, int32_t (*fn)(void *arg),
		    void *arg)
{
	struct heddle_guest *guest;
	int32_t code = -1;
	int rc = spawn(process, fn, arg, 0, &guest, &code, after(20000 * MS));

	if (rc == 0)
		rc = heddle_guest_join(guest, HEDDLE_R0_QUIET,
				       after(20000 * MS));
	if (rc < 0)
		bail("a guest does not come or go: %d", rc);
	return code;
}

/* A gate that guests wait at, in a blocking region. */
struct gate {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned int arrived;
	bool open;
};

#define GATE \
 { \
  PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false \
 }

static int32_t waits_at(void *arg)
{
	struct gate *gate = arg;

	heddle_block_begin(HEDDLE_BLOCK_LOCK, NULL, NULL);
	pthread_mutex_lock(&gate->lock);
	gate->arrived++;
	pthread_cond_broadcast(&gate->changed);
	while (!gate->open)
		pthread_cond_wait(&gate->changed, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
	heddle_block_end();
	return 0;
}

static void wait_arrived(struct gate *gate, unsigned int n)
{
	pthread_mutex_lock(&gate->lock);
	while (gate->arrived < n)
		pthread_cond_wait(&gate->changed, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

static void open_gate(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->open = true;
	pthread_cond_broadcast(&gate->changed);
	pthread_mutex_unlock(&gate->lock);
}

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
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
	return usual / 10;
#else
	return usual;
#endif
}

static void test_cycles(void)
{
	struct heddle_pool *pool = make_pool(2, HEDDLE_POOL_ELASTIC);
	struct heddle_process *process = make_process(pool, 4, 0);
	struct heddle_check check = { .struct_size = sizeof(check) };
	unsigned int i, n = lives(100000), wrong = 0;
	uint64_t start = after(0);

	atomic_store_explicit(&ran, 0, memory_order_relaxed);
	for (i = 0; i < n; i++) {
		struct heddle_guest *guest;
		int32_t code = -1;
		uint32_t tid;

		if (spawn(process, checks_tid, &guest, 0, &guest, &code,
			  HEDDLE_NOW) < 0) {
			wrong++;
			continue;
		}
		tid = heddle_guest_tid(guest);
		if (heddle_guest_join(guest, HEDDLE_R3_GONE,
				      after(20000 * MS)) < 0)
			bail("no join");
		wrong += code != (int32_t)tid;
	}
	diag("%u ns for a spawn and its join",
	     (unsigned int)((after(0) - start) / n));
	is_u64(wrong, 0, "%u spawns: each returned the tid it was given", n);
	is_u64(atomic_load_explicit(&ran, memory_order_relaxed), n,
	       "each ran once");
	is_u64(atomic_load_explicit(&bad_tids, memory_order_relaxed), 0,
	       "tids in range, unique, known to both sides");
	heddle_check(pool, &check);
	is_u64(check.guests_recycled, n, "all on recycled workers");
	ok(tap_threads() <= 3, "of which there are %u", tap_threads() - 1);
	end_process(process);
	end_pool(pool);
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

		if (spawn(shared, checks_tid, NULL,
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
	struct heddle_pool *pool = make_pool(3, HEDDLE_POOL_ELASTIC);
	pthread_t thread[6];
	int i;

	shared = make_process(pool, 3, 2);
	atomic_store_explicit(&ran, 0, memory_order_relaxed);
	for (i = 0; i < 6; i++)
		pthread_create(&thread[i], NULL, spawns, NULL);
	for (i = 0; i < 6; i++)
		pthread_join(thread[i], NULL);
	end_process(shared);
	is_u64(atomic_load_explicit(&ran, memory_order_relaxed),
	       atomic_load_explicit(&spawned, memory_order_relaxed),
	       "six spawners, three berths: every accepted guest ran "
	       "(%llu times no berth at NOW)",
	       (unsigned long long)atomic_load_explicit(&no_berth,
							memory_order_relaxed));
	is_u64(atomic_load_explicit(&bad_tids, memory_order_relaxed), 0,
	       "no tid was live twice, no patient spawn was refused");
	end_pool(pool);
}

/* ---- bounds ---- */

static void test_berths(void)
{
	enum {
		MAX = 8
	};
	struct heddle_pool *pool = make_pool(2, HEDDLE_POOL_ELASTIC);
	struct heddle_process *process = make_process(pool, MAX, 0);
	struct heddle_guest *guest[MAX], *more;
	struct gate gate = GATE;
	int i;

	/* Two workers: each guest that waits makes room for one more. */
	for (i = 0; i < MAX; i++) {
		if (spawn(process, waits_at, &gate, 0, &guest[i], NULL,
			  HEDDLE_NOW) < 0)
			bail("guest %d of %d does not come", i + 1, MAX);
		wait_arrived(&gate, (unsigned int)i + 1);
	}
	ok(spawn(process, waits_at, &gate, 0, &more, NULL, HEDDLE_NOW) ==
			   -EAGAIN &&
		   !more,
	   "all wait for each other: one more is -EAGAIN");
	ok(spawn(process, waits_at, &gate, 0, &more, NULL, after(20 * MS)) ==
		   -EAGAIN,
	   "also after 20 ms");
	ok(heddle_guest_join(guest[0], HEDDLE_R0_QUIET, HEDDLE_NOW) ==
		   -ETIMEDOUT,
	   "a join at NOW does not wait");
	ok(heddle_guest_join(guest[0], HEDDLE_R0_QUIET, after(20 * MS)) ==
		   -ETIMEDOUT,
	   "nor longer than its deadline");
	open_gate(&gate);
	for (i = 0; i < MAX; i++)
		ok(heddle_guest_join(guest[i], HEDDLE_R0_QUIET,
				     HEDDLE_FOREVER) == 0,
		   "join %d", i + 1);
	ok(spawn(process, waits_at, &gate, 0, &more, NULL, HEDDLE_NOW) == 0 &&
		   heddle_guest_join(more, HEDDLE_R0_QUIET, HEDDLE_FOREVER) ==
			   0,
	   "then there is room again");
	end_process(process);
	end_pool(pool);
}

static _Atomic int running, most_running;

/* Stays for a moment, until it has seen another one or too long. */
static int32_t counts_itself(void *arg)
{
	int now = 1 +
		  atomic_fetch_add_explicit(&running, 1, memory_order_relaxed);
	uint64_t until = after(2 * MS);

	while (now < 2 && after(0) < until)
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
	struct heddle_pool *pool = make_pool(4, HEDDLE_POOL_ELASTIC);
	struct heddle_process *process = make_process(pool, 4, 2);
	int i, failed = 0;

	for (i = 0; i < GUESTS; i++)
		failed += spawn(process, counts_itself, NULL,
				HEDDLE_GUEST_DETACHED, NULL, NULL,
				HEDDLE_FOREVER) < 0;
	is_u64((uint64_t)failed, 0, "%d detached guests", GUESTS);
	end_process(process);
	is_u64((uint64_t)atomic_load_explicit(&most_running,
					      memory_order_relaxed),
	       2, "at most, and once really, two ran at the same time");
	end_pool(pool);
}

/* One berth: each spawn waits for the end of the one before. */
static void test_patience(void)
{
	struct heddle_pool *pool = make_pool(2, HEDDLE_POOL_ELASTIC);
	struct heddle_process *process = make_process(pool, 1, 0);
	unsigned int i, n = lives(20000), failed = 0;

	atomic_store_explicit(&ran, 0, memory_order_relaxed);
	for (i = 0; i < n; i++)
		failed += spawn(process, checks_tid, NULL,
				HEDDLE_GUEST_DETACHED, NULL, NULL,
				HEDDLE_FOREVER) < 0;
	is_u64(failed, 0, "one berth, %u spawns in a row: none is refused", n);
	end_process(process);
	is_u64(atomic_load_explicit(&ran, memory_order_relaxed), n,
	       "and all of them ran");
	end_pool(pool);
}

static void test_unjoined(void)
{
	struct heddle_pool *pool = make_pool(2, HEDDLE_POOL_ELASTIC);
	struct heddle_process *process = make_process(pool, 2, 0);
	struct heddle_guest *guest[8];
	int n = 0, rc = 0;

	while (n < 8 && rc == 0) {
		rc = spawn(process, checks_tid, NULL, 0, &guest[n], NULL,
			   after(50 * MS));
		n += rc == 0;
	}
	ok(rc == -EAGAIN && n == 4, "%d guests that nobody joins", n);
	heddle_guest_join(guest[0], HEDDLE_R0_QUIET, HEDDLE_FOREVER);
	ok(spawn(process, checks_tid, NULL, 0, &guest[0], NULL,
		 HEDDLE_FOREVER) == 0,
	   "a join makes room");
	end_process(process);
	end_pool(pool);
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
	struct heddle_pool *pool = make_pool(1, HEDDLE_POOL_ELASTIC);
	struct heddle_process *process = make_process(pool, 2, 0);
	struct heddle_group *group;

	heddle_group_create(heddle_pool_group(pool), NULL, &group);
	heddle_slot_create(pool, &slot, &exit_slot);
	exit_in_task = 1;
	is_u64((uint64_t)call(process, exits_from_depth, group), 42,
	       "exit from 100 frames down");
	ok(exit_in_region == -EBUSY, "not from a blocking region");
	ok(exit_in_task == -EBUSY || exit_in_task == -EPERM,
	   "not from a task: %d", exit_in_task);
	is_u64((uint64_t)call(process, sets_and_exits, pool), 7, "exit 7");
	ok(exit_in_destructor == -EBUSY, "not from a destructor");
	ok(heddle_guest_exit(0) == -EPERM, "not from outside");
	is_u64((uint64_t)call(process, leaves_in_region, NULL), 9,
	       "a return from inside two regions");
	is_u64((uint64_t)call(process, leaves_in_region, NULL), 9, "twice");
	end_process(process);
	end_pool(pool);
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

static void test_isolation(void)
{
	struct heddle_slot_options options = { .struct_size = sizeof(options),
					       .destructor =
						       counts_destructions };
	struct heddle_pool *pool = make_pool(1, HEDDLE_POOL_ELASTIC);
	struct heddle_process *process = make_process(pool, 2, 0);
	int i, round;

	for (i = 0; i < 4; i++)
		heddle_slot_create(pool, i % 2 ? &options : NULL, &slots[i]);
	for (round = 0; round < 20; round++) {
		call(process, finds_own, NULL);
		call(process, looks, NULL);
		if (canaries < AREA / 16 || next_canaries || next_errno ||
		    next_rounding != FE_TONEAREST ||
		    !strcmp(next_name, "secret") ||
		    first_thread != second_thread)
			break;
	}
	is_u64((uint64_t)round, 20, "20 times the next guest finds nothing");
	ok(canaries > AREA / 16, "there was something: %llu canaries",
	   (unsigned long long)canaries);
	is_u64(next_canaries, 0, "none on the stack");
	ok(first_thread == second_thread, "of the same OS thread");
	ok(next_errno == 0, "errno is 0");
	ok(next_rounding == FE_TONEAREST, "rounding is to nearest");
	ok(!strncmp(next_name, "heddle-", 7), "name is '%s'", next_name);

	is_u64((uint64_t)call(process, counts_slots, NULL), 0, "no slot");
	call(process, dirties_slots, NULL);
	is_u64((uint64_t)atomic_load_explicit(&destructed,
					      memory_order_relaxed),
	       2, "destructors are done when the join returns");
	is_u64((uint64_t)call(process, counts_slots, NULL), 0,
	       "no slot value is seen by the next guest");
	end_process(process);
	end_pool(pool);
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
	struct heddle_pool *pool = make_pool(2, HEDDLE_POOL_ELASTIC);
	struct heddle_process *process = make_process(pool, 2, 0);
	struct heddle_guest *guest;
	static int detached_id[50];
	int i, id[3], wrong = 0;

	pthread_key_create(&key, key_destructor);
	for (i = 0; i < 3; i++) {
		int32_t code = 0;

		id[i] = 0;
		wrong += spawn(process, sets_key, &id[i], HEDDLE_GUEST_FRESH,
			       &guest, &code, HEDDLE_NOW) != 0;
		wrong += heddle_guest_join(guest, HEDDLE_R3_GONE,
					   after(20000 * MS)) != 0;
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
		wrong += spawn(process, sets_key, &detached_id[i],
			       HEDDLE_GUEST_FRESH | HEDDLE_GUEST_DETACHED, NULL,
			       NULL, HEDDLE_FOREVER) != 0;
	diag("of 50 FRESH detached ones %d were refused", wrong);
	ok(heddle_process_destroy(process, HEDDLE_R3_GONE, after(20000 * MS)) ==
		   0,
	   "a destroy to R3 follows those too");
	is_u64(tap_threads(), 1, "to the last of them");
	pthread_key_delete(key);
	end_pool(pool);

	pool = make_pool(1, 0);
	process = make_process(pool, 2, 0);
	ok(spawn(process, sets_key, &id[0], HEDDLE_GUEST_FRESH, &guest, NULL,
		 HEDDLE_NOW) == -EINVAL,
	   "a STATIC pool has no FRESH ones");
	is_u64((uint64_t)call(process, sets_key, &id[0]), 3, "but shells");
	end_process(process);
	end_pool(pool);
}

/* ---- errors ---- */

static struct heddle_guest *itself;
static struct heddle_process *its_process;

static int32_t misuses(void *arg)
{
	int rc = 0;

	itself = heddle_guest_self();
	rc |= heddle_guest_join(itself, HEDDLE_R0_QUIET, HEDDLE_NOW) !=
	      -EDEADLK;
	rc |= (heddle_guest_join(itself, HEDDLE_R0_QUIET, HEDDLE_FOREVER) !=
	       -EDEADLK)
	      << 1;
	rc |= (heddle_process_destroy(its_process, HEDDLE_R0_QUIET,
				      HEDDLE_FOREVER) != -EDEADLK)
	      << 2;
	return rc + (arg != NULL) * 8;
}

static void test_errors(void)
{
	struct heddle_pool *pool = make_pool(2, HEDDLE_POOL_ELASTIC);
	struct heddle_process_options options = { .struct_size =
							  sizeof(options) };
	struct heddle_guest_options spawn_options = {
		.struct_size = sizeof(spawn_options), .fn = misuses
	};
	struct heddle_process *process = NULL;
	struct heddle_group *group;
	struct heddle_guest *guest;

	options.threads_max = 65536;
	ok(heddle_process_create(pool, &options, &process) == -EINVAL &&
		   !process,
	   "65 536 berths are too many");
	options.threads_max = 65535;
	options.flags = 1;
	ok(heddle_process_create(pool, &options, &process) == -EINVAL,
	   "an unknown flag");
	options.flags = 0;
	options.cap = HEDDLE_CAP_MAX + 1;
	ok(heddle_process_create(pool, &options, &process) == -EINVAL,
	   "a cap too large");
	options.cap = 0;
	ok(heddle_process_create(NULL, &options, &process) == -EINVAL &&
		   heddle_process_create(pool, &options, NULL) == -EINVAL,
	   "NULL");
	ok(heddle_process_destroy(NULL, HEDDLE_R0_QUIET, HEDDLE_NOW) == 0,
	   "no process to destroy");
	heddle_group_create(heddle_pool_group(pool), NULL, &group);
	options.parent = group;
	ok(heddle_process_create(pool, &options, &process) == 0,
	   "65 535 berths below a group");
	its_process = process;
	is_u64((uint64_t)call(process, misuses, NULL), 0,
	       "a guest cannot join itself nor destroy its process");
	ok(heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL, HEDDLE_NOW) ==
		   -EBUSY,
	   "the pool cannot go before its process");
	ok(heddle_group_close(group, HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
			      HEDDLE_FOREVER) == -EBUSY,
	   "nor the group above it");
	ok(heddle_guest_spawn(process, &spawn_options, &guest, HEDDLE_NOW) ==
			   -ESHUTDOWN &&
		   !guest,
	   "which now takes no more guests");
	ok(heddle_guest_spawn(process, NULL, &guest, HEDDLE_NOW) == -EINVAL &&
		   heddle_guest_spawn(NULL, &spawn_options, &guest,
				      HEDDLE_NOW) == -EINVAL &&
		   heddle_guest_spawn(process, &spawn_options, NULL,
				      HEDDLE_NOW) == -EINVAL,
	   "NULL");
	spawn_options.flags = 8;
	ok(heddle_guest_spawn(process, &spawn_options, &guest, HEDDLE_NOW) ==
		   -EINVAL,
	   "an unknown flag");
	spawn_options.flags = 0;
	spawn_options.fn = NULL;
	ok(heddle_guest_spawn(process, &spawn_options, &guest, HEDDLE_NOW) ==
		   -EINVAL,
	   "no function");
	ok(heddle_guest_join(NULL, HEDDLE_R0_QUIET, HEDDLE_NOW) == -EINVAL &&
		   heddle_guest_tid(NULL) == 0 && !heddle_guest_self(),
	   "no guest");
	end_process(process);
	ok(heddle_group_close(group, HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
			      HEDDLE_FOREVER) == 0,
	   "the group above can be freed afterwards");
	end_pool(pool);
}

/* Nothing of a failed attempt remains. */
static void test_no_thread(void)
{
	struct heddle_pool *pool = make_pool(2, HEDDLE_POOL_ELASTIC);
	struct heddle_process *process = make_process(pool, 1, 0);
	struct heddle_guest *guest;
	int i, wrong = 0;

	heddle_fault_set(HEDDLE_FAULT_THREAD_CREATE, 0, UINT32_MAX, EAGAIN);
	for (i = 0; i < 10; i++)
		wrong += spawn(process, checks_tid, NULL, 0, &guest, NULL,
			       HEDDLE_NOW) != -EAGAIN ||
			 guest;
	heddle_fault_set(HEDDLE_FAULT_THREAD_CREATE, 0, 0, 0);
	is_u64((uint64_t)wrong, 0, "no thread can be made: -EAGAIN, ten times");
	ok(call(process, checks_tid, NULL) > 0,
	   "the only berth is free afterwards");
	end_process(process);
	end_pool(pool);
}

static void test_fork(void)
{
	struct heddle_pool *pool = make_pool(1, HEDDLE_POOL_ELASTIC);
	struct heddle_process *process = make_process(pool, 2, 0), *other;
	struct heddle_guest *guest, *unused;
	struct gate gate = GATE;
	int status = -1;
	pid_t pid;

	if (spawn(process, waits_at, &gate, 0, &guest, NULL, HEDDLE_NOW) < 0)
		bail("a guest on one worker does not come");
	wait_arrived(&gate, 1);
	pid = fork();
	if (pid == 0) {
		int bad = 0;

		bad |= spawn(process, waits_at, &gate, 0, &unused, NULL,
			     HEDDLE_NOW) != -ECHILD;
		bad |= (heddle_guest_join(guest, HEDDLE_R0_QUIET,
					  HEDDLE_FOREVER) != -ECHILD)
		       << 1;
		bad |= (heddle_process_create(pool, NULL, &other) != -ECHILD)
		       << 2;
		bad |= (heddle_process_destroy(process, HEDDLE_R4_CLEAN,
					       HEDDLE_FOREVER) != 0)
		       << 3;
		bad |= (heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL,
					    HEDDLE_FOREVER) != 0)
		       << 4;
		_exit(bad);
	}
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	   "a forked child is told so, and can free: 0x%x", (unsigned)status);
	open_gate(&gate);
	heddle_guest_join(guest, HEDDLE_R0_QUIET, HEDDLE_FOREVER);
	end_process(process);
	end_pool(pool);
}

/* ---- guests that spawn guests ---- */

static int32_t family(void *arg)
{
	intptr_t levels = (intptr_t)arg;
	struct heddle_guest *child;
	int32_t code = 0;

	if (levels == 0)
		return 1;
	if (spawn(its_process, family, (void *)(levels - 1), 0, &child, &code,
		  HEDDLE_NOW) < 0)
		return -100;
	if (heddle_guest_join(child, HEDDLE_R0_QUIET, HEDDLE_FOREVER) < 0)
		return -1000;
	return code + 1;
}

/* Each waits for the next, so two that are not blocked serve them all. */
static void test_family(void)
{
	struct heddle_pool *pool = make_pool(2, HEDDLE_POOL_ELASTIC);

	its_process = make_process(pool, 16, 1);
	is_u64((uint64_t)call(its_process, family, (void *)(intptr_t)15), 16,
	       "16 generations, each joins the next, cap 1");
	end_process(its_process);
	end_pool(pool);
}

static _Atomic int ended;

static int32_t ends(void *arg)
{
	waits_at(arg);
	atomic_fetch_add_explicit(&ended, 1, memory_order_relaxed);
	return 0;
}

static void test_destroy(void)
{
	struct heddle_pool *pool = make_pool(2, HEDDLE_POOL_ELASTIC);
	struct heddle_process *process = make_process(pool, 2, 0);
	struct heddle_guest *guest;
	struct gate gate = GATE;

	if (spawn(process, ends, &gate, 0, &guest, NULL, HEDDLE_NOW) < 0 ||
	    spawn(process, ends, &gate, HEDDLE_GUEST_DETACHED, NULL, NULL,
		  HEDDLE_NOW) < 0)
		bail("two guests on two workers do not come");
	wait_arrived(&gate, 2);
	ok(heddle_process_destroy(process, HEDDLE_R0_QUIET, HEDDLE_NOW) ==
		   -ETIMEDOUT,
	   "destroy at NOW does not wait for guests");
	ok(heddle_process_destroy(process, HEDDLE_R0_QUIET, after(20 * MS)) ==
		   -ETIMEDOUT,
	   "nor beyond its deadline");
	ok(spawn(process, ends, &gate, 0, &guest, NULL, HEDDLE_FOREVER) ==
		   -ESHUTDOWN,
	   "no guest comes any more");
	open_gate(&gate);
	ok(heddle_process_destroy(process, HEDDLE_R0_QUIET, HEDDLE_FOREVER) ==
		   0,
	   "the same call goes on");
	is_u64((uint64_t)atomic_load_explicit(&ended, memory_order_relaxed), 2,
	       "both guests have ended, nobody joined them");
	end_pool(pool);
}

int main(void)
{
	tap_deadline(120);
	not_canary = tap_random();
	test_cycles();
	test_storm();
	test_berths();
	test_cap();
	test_patience();
	test_unjoined();
	test_exit();
	test_isolation();
	test_fresh();
	test_errors();
	test_no_thread();
	test_fork();
	test_family();
	test_destroy();
	return tap_done();
}
