/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: worker_recycle is called on the worker between two guests, not for a FRESH one;
 * create_failed on the thread that tried, with no lock held, and not again from below
 * itself; both may submit, and control calls from them are -EDEADLK; the log forgets the
 * oldest first and says how many.
 *
 * clause: D3 D6 L3 S2 S4
 */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <heddle/testing.h>

#include "tests/support/guests.h"
#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define LONG_MS 20000

static pid_t self(void)
{
	return (pid_t)syscall(SYS_gettid);
}

static _Atomic uint64_t done;

static void count(void *arg)
{
	(void)arg;
	atomic_fetch_add(&done, 1);
}

/* What a hook saw when it was called last. */
static struct {
	unsigned int calls;
	pid_t tid;
	uint32_t index, step;
	uint64_t incarnation;
	int error, submit, stop, destroy;
} seen;

static void call_control(struct heddle_pool *pool)
{
	seen.submit = heddle_submit_call(heddle_pool_group(pool), count, NULL);
	seen.stop =
		heddle_pool_stop(pool, 0, HEDDLE_R0_QUIET, NULL, HEDDLE_NOW);
	seen.destroy =
		heddle_pool_destroy(pool, HEDDLE_R0_QUIET, NULL, HEDDLE_NOW);
}

static void recycled(struct heddle_pool *pool, uint32_t index,
		     uint64_t incarnation, void *arg)
{
	(void)arg;
	seen.calls++;
	seen.tid = self();
	seen.index = index;
	seen.incarnation = incarnation;
	call_control(pool);
}

static int32_t guest_tid(void *arg)
{
	*(pid_t *)arg = self();
	return 0;
}

static void test_recycle(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .flags = HEDDLE_POOL_ELASTIC,
					 .workers_max = 2,
					 .worker_recycle = recycled };
	struct heddle_worker_info info;
	struct heddle_process *process;
	struct heddle_guest *guest;
	struct heddle_pool *pool;
	pid_t tid = 0;

	memset(&seen, 0, sizeof(seen));
	if (heddle_pool_create(&o, &pool))
		bail("create");
	process = su_process(pool, 2, 0);
	su_call(process, guest_tid, &tid);
	is_u64(seen.calls, 1, "recycled once, when the join returns");
	if (heddle_workers(pool, &info, 1) != 1)
		bail("one worker");
	ok(seen.tid == tid && seen.index == info.index && seen.incarnation &&
		   seen.incarnation < info.incarnation,
	   "on the guest's thread, with its index and the life that ends");
	ok(seen.submit == 0 && seen.stop == -EDEADLK &&
		   seen.destroy == -EDEADLK,
	   "a submit %d, a stop %d, a destroy %d", seen.submit, seen.stop,
	   seen.destroy);
	if (su_spawn(process, guest_tid, &tid, HEDDLE_GUEST_FRESH, &guest, NULL,
		     su_in_ms(LONG_MS)) ||
	    heddle_guest_join(guest, HEDDLE_R3_GONE, su_in_ms(LONG_MS)))
		bail("a fresh guest");
	is_u64(seen.calls, 1, "a fresh guest's thread is not recycled");
	su_call(process, guest_tid, &tid);
	is_u64(seen.calls, 2, "the next one's is");
	su_process_end(process);
	su_destroy(pool);
}

static struct heddle_process *again; /* to spawn from below the hook */

static void failed(struct heddle_pool *pool, uint32_t index, int error,
		   uint32_t step, void *arg)
{
	(void)arg;
	seen.calls++;
	seen.tid = self();
	seen.index = index;
	seen.error = error;
	seen.step = step;
	call_control(pool);
	if (again) {
		pid_t tid;
		struct heddle_guest *guest;

		su_spawn(again, guest_tid, &tid, HEDDLE_GUEST_FRESH, &guest,
			 NULL, HEDDLE_NOW);
	}
}

static int refuse;

static int init(struct heddle_pool *pool, uint32_t index, void *arg)
{
	(void)pool;
	(void)index;
	(void)arg;
	return refuse ? -EPERM : 0;
}

static void test_failed(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .flags = HEDDLE_POOL_ELASTIC,
					 .workers_max = 2,
					 .worker_init = init,
					 .create_failed = failed };
	struct heddle_guest *guest;
	struct heddle_pool *pool;
	pid_t tid;
	int rc;

	memset(&seen, 0, sizeof(seen));
	if (heddle_pool_create(&o, &pool))
		bail("create");
	again = su_process(pool, 4, 0);
	heddle_fault_set(HEDDLE_FAULT_STACK_MAP, 0, UINT32_MAX, ENOMEM);
	rc = su_spawn(again, guest_tid, &tid, 0, &guest, NULL, HEDDLE_NOW);
	heddle_fault_set(HEDDLE_FAULT_STACK_MAP, 0, 0, 0);
	ok(rc == -ENOMEM && seen.calls == 1,
	   "a spawn without a stack: %d; told once, though it failed again "
	   "below the hook: %u",
	   rc, seen.calls);
	ok(seen.tid == self() && seen.error == ENOMEM &&
		   seen.step == HEDDLE_STEP_STACK && seen.index == 0,
	   "on the caller's thread: error %d, step %u, worker %u", seen.error,
	   seen.step, seen.index);
	ok(seen.submit == 0 && seen.stop == -EDEADLK &&
		   seen.destroy == -EDEADLK,
	   "a submit %d, a stop %d, a destroy %d", seen.submit, seen.stop,
	   seen.destroy);
	refuse = 1;
	rc = su_spawn(again, guest_tid, &tid, 0, &guest, NULL, HEDDLE_NOW);
	ok(rc == -EAGAIN && seen.tid != self() && seen.error == EPERM &&
		   seen.step == HEDDLE_STEP_HOOK,
	   "an init hook that refuses: %d; on the new thread: error %d, step "
	   "%u",
	   rc, seen.error, seen.step);
	ok(seen.stop == -EDEADLK && seen.destroy == -EDEADLK,
	   "from there: a stop %d, a destroy %d", seen.stop, seen.destroy);
	refuse = 0;
	ok(heddle_pool_stop(pool, 0, HEDDLE_R3_GONE, NULL, su_in_ms(LONG_MS)) ==
		   0,
	   "outside of the hook a stop is one");
	su_process_end(again);
	again = NULL;
	su_destroy(pool);
}

/* Of more decisions than are kept the newest are there, and the rest is counted. */
static void test_log(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .flags = HEDDLE_POOL_ELASTIC,
					 .workers_max = 2 };
	struct heddle_log_entry entry[64];
	uint64_t next = 0, lost = 0, wrong = 0, last;
	struct heddle_process *process;
	struct heddle_guest *guest;
	struct heddle_pool *pool;
	pid_t tid;
	int i, n;

	if (heddle_pool_create(&o, &pool))
		bail("create");
	is_u64(heddle_pool_log(pool, &next, entry, 64, &lost), 0,
	       "a new pool has decided nothing");
	process = su_process(pool, 2, 0);
	for (i = 0; i < 50; i++)
		if (su_spawn(process, guest_tid, &tid, HEDDLE_GUEST_FRESH,
			     &guest, NULL, su_in_ms(LONG_MS)) ||
		    heddle_guest_join(guest, HEDDLE_R3_GONE, su_in_ms(LONG_MS)))
			bail("a fresh guest");
	n = heddle_pool_log(pool, &next, entry, 64, &lost);
	ok(n == 64 && lost == 36 && next == 100,
	   "created and retired 50 times: %d entries, %llu lost, next %llu", n,
	   (unsigned long long)lost, (unsigned long long)next);
	for (i = 0; i < n; i++)
		wrong += entry[i].number != 36 + (uint64_t)i ||
			 entry[i].reason != HEDDLE_BECAUSE_FRESH ||
			 (entry[i].decision != HEDDLE_DECISION_CREATED &&
			  entry[i].decision != HEDDLE_DECISION_RETIRED) ||
			 entry[i].error || !entry[i].incarnation ||
			 entry[i].time_ns > su_now_ns();
	is_u64(wrong, 0, "each with its number and reason, oldest first");
	last = 70;
	n = heddle_pool_log(pool, &last, entry, 10, &lost);
	ok(n == 10 && lost == 0 && last == 80 && entry[0].number == 70,
	   "in parts: %d from 70, next %llu", n, (unsigned long long)last);
	is_u64(heddle_pool_log(pool, &next, entry, 64, &lost), 0,
	       "and then there is no more");
	ok(heddle_pool_log(NULL, &next, entry, 1, NULL) == -EINVAL &&
		   heddle_pool_log(pool, NULL, entry, 1, NULL) == -EINVAL &&
		   heddle_pool_log(pool, &next, NULL, 1, NULL) == -EINVAL,
	   "missing arguments are refused");
	su_process_end(process);
	su_destroy(pool);
}

int main(void)
{
	tap_deadline(60);
	test_recycle();
	test_failed();
	test_log();
	return tap_done();
}
