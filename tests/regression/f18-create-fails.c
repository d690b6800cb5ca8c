/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: whichever creation of a thread fails, once or for ever, a start says
 * so and leaves nothing, and an ELASTIC pool loses and strands no task.
 * Method: for every k the k-th pass of each fault point of a start fails.
 *
 * fault: F18 F19
 * clause: S1 S4
 */
#include <errno.h>

#include <heddle/testing.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define WORKERS 4

static const struct {
	int site;
	int error;
	uint32_t step;
	const char *name;
} site[] = {
	{ HEDDLE_FAULT_THREAD_CREATE, EAGAIN, HEDDLE_STEP_CREATE, "create" },
	{ HEDDLE_FAULT_STACK_MAP, ENOMEM, HEDDLE_STEP_STACK, "stack" },
	{ HEDDLE_FAULT_AFFINITY, EINVAL, HEDDLE_STEP_AFFINITY, "affinity" },
};

static void start_fails(struct heddle_pool *pool, unsigned int s, uint32_t k)
{
	struct heddle_report report = { .struct_size = sizeof(report) };
	int rc;

	heddle_fault_set(site[s].site, k, 1, site[s].error);
	rc = heddle_pool_start(pool, WORKERS, &report, su_in_ms(5000));
	heddle_fault_set(site[s].site, 0, 0, 0);
	ok(rc == -site[s].error && report.step == site[s].step,
	   "%s %u: %d, step %u: %s", site[s].name, k, rc, report.step,
	   report.text);
	ok(heddle_workers(pool, NULL, 0) == 0 && tap_threads() == 1,
	   "%s %u: nothing is left (%u threads)", site[s].name, k,
	   tap_threads());
}

static int hook(struct heddle_pool *pool, uint32_t index, void *arg)
{
	(void)pool;
	(void)arg;
	return index == 2 ? -EPERM : 0;
}

static void hook_fails(void)
{
	struct heddle_pool_options options = { .struct_size = sizeof(options),
					       .workers_max = WORKERS,
					       .worker_init = hook };
	struct heddle_report report = { .struct_size = sizeof(report) };
	struct heddle_pool *pool;
	int rc = heddle_pool_create(&options, &pool);

	if (rc < 0)
		bail("create: %d", rc);
	rc = heddle_pool_start(pool, WORKERS, &report, su_in_ms(5000));
	ok(rc == -EPERM && report.step == HEDDLE_STEP_HOOK &&
		   report.worker == 2,
	   "hook: %d, step %u, worker %u", rc, report.step, report.worker);
	su_destroy(pool);
}

static _Atomic uint64_t done, first_runs, second_runs, hold_first, hold_second;

static void count(void *arg)
{
	(void)arg;
	atomic_fetch_add_explicit(&done, 1, memory_order_release);
}

static void wait_while(_Atomic uint64_t *hold)
{
	while (atomic_load(hold))
		su_wait_at_least(&done, UINT64_MAX, 1);
}

static void first(void *arg)
{
	(void)arg;
	atomic_store(&first_runs, 1);
	wait_while(&hold_first);
}

static void second(void *arg)
{
	(void)arg;
	atomic_store(&second_runs, 1);
	wait_while(&hold_second);
}

static void submit(struct heddle_pool *pool, void (*fn)(void *), int n)
{
	while (n-- > 0)
		if (heddle_submit_call(heddle_pool_group(pool), fn, NULL))
			bail("submit");
}

/* The only worker never gets a successor, and everything runs all the same. */
static struct heddle_pool *elastic_alone(void)
{
	struct heddle_pool_options options = { .struct_size = sizeof(options),
					       .flags = HEDDLE_POOL_ELASTIC,
					       .workers_max = 4 };
	struct heddle_check check = { .struct_size = sizeof(check) };
	struct heddle_pool *pool;

	heddle_fault_set(HEDDLE_FAULT_THREAD_CREATE, 1, UINT32_MAX, EAGAIN);
	pool = su_pool_with(&options, 1);
	submit(pool, count, 1000);
	ok(su_wait_at_least(&done, 1000, 10000), "1000 tasks: %llu ran",
	   (unsigned long long)done);
	heddle_check(pool, &check);
	ok(check.create_failures > 0, "creations failed meanwhile: %llu",
	   (unsigned long long)check.create_failures);
	return pool;
}

/*
 * The worker goes from one task to the next without having been idle, so that
 * nothing but the failed creation asks for another.
 */
static void retried(struct heddle_pool *pool)
{
	uint64_t end;

	atomic_store(&hold_first, 1);
	atomic_store(&hold_second, 1);
	submit(pool, first, 1);
	if (!su_wait_at_least(&first_runs, 1, 10000))
		bail("the first task does not start");
	submit(pool, second, 1);
	heddle_fault_set(HEDDLE_FAULT_THREAD_CREATE, 0, 0, 0);
	is_u64(heddle_workers(pool, NULL, 0), 1, "one worker while it failed");
	atomic_store(&hold_first, 0);
	if (!su_wait_at_least(&second_runs, 1, 10000))
		bail("the second task does not start");
	end = su_in_ms(5000);
	while (heddle_workers(pool, NULL, 0) < 2 && su_now_ns() < end)
		su_wait_at_least(&done, UINT64_MAX, 1);
	ok(heddle_workers(pool, NULL, 0) >= 2, "the creation was retried");
	atomic_store(&hold_second, 0);
	su_check_at_rest(pool);
	su_destroy(pool);
}

int main(void)
{
	struct heddle_pool_options options = { .struct_size = sizeof(options),
					       .workers_max = WORKERS };
	struct heddle_pool *pool;
	unsigned int s;
	uint32_t k;

	tap_deadline(100);
	if (heddle_pool_create(&options, &pool))
		bail("create");
	for (s = 0; s < sizeof(site) / sizeof(site[0]); s++)
		for (k = 0; k < WORKERS; k++)
			start_fails(pool, s, k);
	ok(heddle_pool_start(pool, WORKERS, NULL, su_in_ms(5000)) == 0 &&
		   heddle_workers(pool, NULL, 0) == WORKERS,
	   "and then it starts");
	su_destroy(pool);
	hook_fails();
	retried(elastic_alone());
	return tap_done();
}
