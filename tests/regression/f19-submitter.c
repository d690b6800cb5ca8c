/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: that no thread can be made is no panic, no abort and no sleep in the thread
 * that submits: submits are taken as ever, the tasks run, a start and a spawn say so
 * at once; the hook is told, on a thread of the pool, and the log has each failure.
 * Elsewhere it was a terminate, an abort, or a loop around sleep(1).
 *
 * Method: every creation fails; the kernel counts how often the submitter slept.
 *
 * fault: F19
 * clause: S2 S4 N3 L3
 */
#include <errno.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <heddle/testing.h>

#include "tests/support/guests.h"
#include "tests/support/sanitizer.h"
#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define TASKS   1000
#define LONG_MS 20000
/* Locks of ThreadSanitizer's own, where the code has none. */
#define SLEEPS_MAX (SU_TSAN ? TASKS / 20 : 0)

static _Atomic uint64_t done, failures, wrong, on_submitter;
static pid_t submitter;

static pid_t self(void)
{
	return (pid_t)syscall(SYS_gettid);
}

static void count(void *arg)
{
	(void)arg;
	atomic_fetch_add(&done, 1);
}

static void failed(struct heddle_pool *pool, uint32_t index, int error,
		   uint32_t step, void *arg)
{
	(void)pool;
	(void)arg;
	atomic_fetch_add(&failures, 1);
	if (self() == submitter)
		atomic_fetch_add(&on_submitter, 1);
	if (error != EAGAIN || step != HEDDLE_STEP_CREATE || index > 8)
		atomic_fetch_add(&wrong, 1);
}

static void submits(struct heddle_pool *pool)
{
	struct rusage before, after;
	uint64_t began;
	int i, rc = 0;

	getrusage(RUSAGE_THREAD, &before);
	began = su_now_ns();
	for (i = 0; i < TASKS; i++)
		rc |= heddle_submit_call(heddle_pool_group(pool), count, NULL);
	getrusage(RUSAGE_THREAD, &after);
	ok(rc == 0, "%d submits are accepted: %d", TASKS, rc);
	ok(after.ru_nvcsw - before.ru_nvcsw <= SLEEPS_MAX,
	   "the submitter did not sleep: %ld times, in %llu us",
	   after.ru_nvcsw - before.ru_nvcsw,
	   (unsigned long long)(su_now_ns() - began) / 1000);
	ok(su_wait_at_least(&done, TASKS, LONG_MS), "and the tasks run: %llu",
	   (unsigned long long)done);
}

static void log_tells(struct heddle_pool *pool)
{
	struct heddle_log_entry entry[64];
	uint64_t next = 0, lost, told = 0;
	int i, n = heddle_pool_log(pool, &next, entry, 64, &lost);

	for (i = 0; i < n; i++)
		told += entry[i].decision == HEDDLE_DECISION_FAILED &&
			entry[i].reason == HEDDLE_BECAUSE_SPARE &&
			entry[i].error == EAGAIN &&
			entry[i].step == HEDDLE_STEP_CREATE;
	ok(told > 0 && told + lost >= failures,
	   "the log has %llu of %llu failures, %llu entries are lost",
	   (unsigned long long)told, (unsigned long long)failures,
	   (unsigned long long)lost);
}

static int32_t nothing(void *arg)
{
	(void)arg;
	return 0;
}

/* A caller that is told is told at once, and the hook as well. */
static void calls(struct heddle_pool *pool)
{
	struct heddle_report report = { .struct_size = sizeof(report) };
	struct heddle_process *process = su_process(pool, 4, 0);
	struct heddle_guest *guest;
	uint64_t before = atomic_load(&failures), began = su_now_ns();
	int rc = heddle_pool_start(pool, 3, &report, su_in_ms(LONG_MS));

	ok(rc == -EAGAIN && report.step == HEDDLE_STEP_CREATE,
	   "a start: %d, %s", rc, report.text);
	rc = su_spawn(process, nothing, NULL, HEDDLE_GUEST_FRESH, &guest, NULL,
		      su_in_ms(LONG_MS));
	ok(rc == -EAGAIN, "a spawn: %d", rc);
	ok(su_now_ns() - began < UINT64_C(5000000000), "both at once");
	ok(failures == before + 1 && on_submitter == 1,
	   "the hook is told of the spawn, on its thread: %llu, %llu",
	   (unsigned long long)(failures - before),
	   (unsigned long long)on_submitter);
	su_process_end(process);
}

int main(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .flags = HEDDLE_POOL_ELASTIC,
					 .workers_max = 4,
					 .create_failed = failed };
	struct heddle_pool *pool;

	tap_deadline(100);
	submitter = self();
	heddle_fault_set(HEDDLE_FAULT_THREAD_CREATE, 1, UINT32_MAX, EAGAIN);
	pool = su_pool_with(&o, 1);
	submits(pool);
	ok(failures > 0 && !on_submitter,
	   "the hook is told %llu times, never by a submit",
	   (unsigned long long)failures);
	log_tells(pool);
	su_check_at_rest(pool);
	calls(pool);
	is_u64(wrong, 0, "each time of the creation and its error");
	heddle_fault_set(HEDDLE_FAULT_THREAD_CREATE, 0, 0, 0);
	su_destroy(pool);
	return tap_done();
}
