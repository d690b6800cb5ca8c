/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scrub: after a guest nothing of it is left on its worker's stack, in its
 * record, in its slots or in the state of the OS thread.
 *
 * Method: a thread on a stack of ours plays the worker. Guests write a canary
 * all over their stack, shallow and deep, and leave by return or by longjmp;
 * the scan finds it before the scrub, or the test has shown nothing, and must
 * not find it afterwards. The next guest then counts the bytes below its own
 * frame that are not zero: on a fresh thread there is none.
 *
 * clause: T2
 * clause: D6
 * property: P8
 */
#include <alloca.h>
#include <errno.h>
#include <fenv.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include <heddle/testing.h>

#include "platform/clock.h"
#include "platform/cpu.h"
#include "platform/memory.h"
#include "platform/mutex.h"
#include "platform/stack.h"
#include "platform/thread.h"
#include "sched/pool.h"
#include "sched/worker.h"
#include "tests/support/sanitizer.h"
#include "tests/tap/tap.h"
#include "tls/guest.h"
#include "tls/scrub.h"
#include "tls/slot.h"

#define RAW \
 __attribute__((noinline, no_sanitize("address", "thread", "undefined")))

static uint64_t not_canary; /* its complement: the canary itself is nowhere */
static struct hd_worker *worker;
static struct heddle_guest record;

/* ---- reading the stack ---- */

static RAW uint64_t count_canaries(uintptr_t from, uintptr_t to)
{
	volatile const uint64_t *at = (volatile const uint64_t *)from;
	uint64_t found = 0;

	for (; (uintptr_t)at < to; at++)
		found += ~*at == not_canary;
	return found;
}

static RAW uint64_t canaries_below(void)
{
	return count_canaries((uintptr_t)worker->stack,
			      (uintptr_t)__builtin_frame_address(0) - 512);
}

static RAW uint64_t count_bytes(uintptr_t from, uintptr_t to)
{
	volatile const unsigned char *at = (volatile const unsigned char *)from;
	uint64_t found = 0;

	for (; (uintptr_t)at < to; at++)
		found += *at != 0;
	return found;
}

/* ---- guests ---- */

static size_t depth;
static jmp_buf *way_out;
static uint64_t dirty_bytes;

static RAW void fill(volatile uint64_t *at, size_t words)
{
	size_t i;

	for (i = 0; i < words; i++)
		at[i] = ~not_canary;
}

static RAW int32_t writes_canaries(void *arg)
{
	fill(alloca(depth), depth / sizeof(uint64_t));
	if (way_out)
		longjmp(*way_out, 1);
	return arg != NULL;
}

static RAW int32_t counts_dirt(void *arg)
{
	dirty_bytes = count_bytes((uintptr_t)worker->stack,
				  (uintptr_t)__builtin_frame_address(0) - 256);
	return arg != NULL;
}

static __attribute__((noinline)) uintptr_t run(int32_t (*fn)(void *arg),
					       bool jumps)
{
	static uintptr_t top;
	static jmp_buf exit;

	way_out = jumps ? &exit : NULL;
	if (setjmp(exit) == 0)
		hd_stack_call(fn, NULL, &top);
	return top;
}

static uint64_t stale(void)
{
	return atomic_load_explicit(&worker->pool->stale_bytes,
				    memory_order_relaxed);
}

static void test_canaries(size_t bytes, bool jumps)
{
	uintptr_t top;
	uint64_t before;

	depth = bytes;
	top = run(writes_canaries, jumps);
	before = canaries_below();
	/* Calls in between have used a little of it. */
	ok(before > bytes / sizeof(uint64_t) / 2,
	   "%zu bytes, %s: %llu canaries to be found", bytes,
	   jumps ? "longjmp" : "return", (unsigned long long)before);
	hd_slots_guest_begin(worker);
	hd_scrub_guest(worker, &record, top);
	is_u64(canaries_below(), 0, "none after the scrub");
	is_u64(stale(), 0, "and nothing was found stale");
}

static void test_next_guest(void)
{
	uintptr_t top;

	depth = 100000;
	top = run(writes_canaries, false);
	hd_slots_guest_begin(worker);
	hd_scrub_guest(worker, &record, top);
	/* What a task does between two guests. */
	run(writes_canaries, false);
	hd_scrub_before(worker);
	run(counts_dirt, false);
	if (SU_TSAN)
		skip(1, "the sanitizer's own frames lie on this stack");
	else
		is_u64(dirty_bytes, 0,
		       "every byte below the next guest's frame is zero");
}

static void test_moat(void)
{
	uintptr_t top = run(counts_dirt, false);

	ok((uintptr_t)__builtin_frame_address(0) - top >= 1024,
	   "guests run below a moat");
}

/* ---- the record and the worker's words ---- */

static void test_record(void)
{
	static const struct hd_guest_state fresh;
	uintptr_t top = run(counts_dirt, false);

	memset(&record.state, 0xa5, sizeof(record.state));
	hd_slots_guest_begin(worker);
	hd_scrub_guest(worker, &record, top);
	ok(!memcmp(&record.state, &fresh, sizeof(fresh)),
	   "poison in the record: every byte is that of a fresh one");
	is_u64(stale(), 0, "nothing stale");

	worker->block_depth = 1;
	hd_slots_guest_begin(worker);
	hd_scrub_guest(worker, &record, top);
	is_u64(stale(), sizeof(worker->block_depth),
	       "a word of the worker that is not as it was is counted");
	worker->block_depth = 0;
	atomic_store_explicit(&worker->pool->stale_bytes, 0,
			      memory_order_relaxed);
}

static void test_bytes(void)
{
	unsigned char bytes[200];
	size_t from, size, i;
	unsigned int bad = 0;

	for (from = 0; from < 40; from++)
		for (size = 0; size < 100; size++) {
			memset(bytes, 0xff, sizeof(bytes));
			bad += hd_bytes_clear(bytes + from, size) != 0;
			for (i = 0; i < sizeof(bytes); i++) {
				bool inside = i >= from && i < from + size;

				bad += bytes[i] != (inside ? 0 : 0xff);
			}
		}
	is_u64(bad, 0, "exactly the bytes named are cleared");
}

/* ---- the OS thread ---- */

static void test_host(void)
{
	static char alternate[65536];
	stack_t stack = { .ss_sp = alternate, .ss_size = sizeof(alternate) };
	sigset_t open, mask;
	char name[16];
	cpu_set_t one, now;
	uintptr_t top = run(counts_dirt, false);

	prctl(PR_SET_NAME, "tid-17-secret", 0, 0, 0);
	CPU_ZERO(&one);
	CPU_SET((int)hd_cpu_current(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	sigemptyset(&open);
	pthread_sigmask(SIG_SETMASK, &open, NULL);
	fesetround(FE_UPWARD);
	sigaltstack(&stack, NULL);
	errno = EDOM;

	hd_slots_guest_begin(worker);
	hd_scrub_guest(worker, &record, top);

	ok(errno == 0, "errno");
	prctl(PR_GET_NAME, name, 0, 0, 0);
	ok(!strcmp(name, worker->thread_name), "name is '%s'", name);
	sched_getaffinity(0, sizeof(now), &now);
	ok(CPU_COUNT(&now) > 1 ||
		   CPU_COUNT((cpu_set_t *)worker->pool->cpu_set) == 1,
	   "affinity");
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	ok(sigismember(&mask, SIGUSR1) == 1, "signal mask");
	ok(fegetround() == FE_TONEAREST, "rounding");
	sigaltstack(NULL, &stack);
	ok(stack.ss_flags & SS_DISABLE, "alternate stack");
}

/* ---- cost ---- */

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void report_cost(void)
{
	enum {
		TIMES = 2001
	};
	static uint64_t clear[TIMES], whole[TIMES];
	uintptr_t top = run(counts_dirt, false);
	uint64_t start;
	int i;

	for (i = 0; i < TIMES; i++) {
		start = hd_now_ns();
		hd_stack_clear(worker->stack, worker->stack_size, top,
			       (uint32_t)i);
		clear[i] = hd_now_ns() - start;
		hd_slots_guest_begin(worker);
		record.tid = (uint32_t)i;
		start = hd_now_ns();
		hd_scrub_guest(worker, &record, top);
		whole[i] = hd_now_ns() - start;
	}
	qsort(clear, TIMES, sizeof(*clear), by_value);
	qsort(whole, TIMES, sizeof(*whole), by_value);
	diag("stack alone %llu ns, whole scrub %llu ns (medians of %d)",
	     (unsigned long long)clear[TIMES / 2],
	     (unsigned long long)whole[TIMES / 2], TIMES);
}

/* ---- the thread that plays the worker ---- */

static const uint32_t not_forked = 1;
static size_t stack_size;

/* Most of what is left: libc keeps static TLS at the top of the mapping. */
static size_t room(void)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	return (here - (uintptr_t)worker->stack) / 4 * 3;
}

static void play(void *arg)
{
	struct heddle_pool *pool = hd_alloc(sizeof(*pool));

	pool->fork_mark = &not_forked;
	pool->slots_max = 16;
	pool->cpu_set_size = hd_cpu_set_size();
	pool->cpu_set = hd_alloc(pool->cpu_set_size);
	hd_cpu_set_get(pool->cpu_set, pool->cpu_set_size);
	hd_slots_pool_create(pool);
	worker = hd_alloc(sizeof(*worker));
	worker->pool = pool;
	worker->stack = arg;
	worker->stack_size = stack_size;
	memcpy(worker->thread_name, "shell-0", 8);
	hd_slots_worker_begin(worker);

	test_canaries(2000, false);
	test_canaries(20000, true);
	test_canaries(room(), false);
	test_canaries(room(), true);
	test_next_guest();
	test_moat();
	test_record();
	test_bytes();
	test_host();
	report_cost();

	hd_slots_worker_end(worker);
	hd_slots_pool_destroy(pool);
	hd_free(pool->cpu_set);
	hd_free(worker);
	hd_free(pool);
}

static void on_stack_of(size_t size)
{
	struct hd_thread_options options = { .stack_size = size };
	struct hd_thread thread;

	diag("a stack of %zu bytes", size);
	stack_size = size;
	options.stack = hd_stack_map(size, 0);
	if (hd_thread_create(&thread, &options, play, options.stack) < 0)
		bail("no thread");
	hd_thread_join(&thread, HEDDLE_FOREVER);
	hd_stack_unmap(options.stack, size, 0);
}

int main(void)
{
	tap_deadline(60);
	not_canary = tap_random();
	on_stack_of((size_t)1 << 20);
	/* The sanitizer alone needs most of 1 MiB for its static TLS. */
	on_stack_of((size_t)1 << (SU_TSAN ? 21 : 17));
	return tap_done();
}
