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

static _Atomic uint64_t done;

static void count(void *arg)
{
	(void)arg;
	atomic_fetch_add_explicit(&done, 1, memory_order_release);
}

/* The only worker never gets a successor, and everything runs all the same. */
static void elastic(void)
{
	struct heddle_pool_options options = { .struct_size = sizeof(options),
					       .flags = HEDDLE_POOL_ELASTIC,
					       .workers_max = 4 };
	struct heddle_check check = { .struct_size = sizeof(check) };
	struct heddle_pool *pool;
	uint64_t end;
	int i;

	heddle_fault_set(HEDDLE_FAULT_THREAD_CREATE, 1, UINT32_MAX, EAGAIN);
	pool = su_pool_with(&options, 1);
	for (i = 0; i < 1000; i++)
		if (heddle_submit_call(heddle_pool_group(pool), count, NULL))
			bail("submit");
	ok(su_wait_at_least(&done, 1000, 10000), "1000 tasks: %llu ran",
	   (unsigned long long)done);
	heddle_check(pool, &check);
	ok(check.create_failures > 0, "creations failed meanwhile: %llu",
	   (unsigned long long)check.create_failures);
	heddle_fault_set(HEDDLE_FAULT_THREAD_CREATE, 0, 0, 0);
	for (i = 0; i < 1000; i++)
		if (heddle_submit_call(heddle_pool_group(pool), count, NULL))
			bail("submit");
	ok(su_wait_at_least(&done, 2000, 10000), "2000 tasks");
	end = su_in_ms(5000);
	while (heddle_workers(pool, NULL, 0) < 2 && su_now_ns() < end)
		su_wait_at_least(&done, UINT64_MAX, 1);
	ok(heddle_workers(pool, NULL, 0) >= 2, "the creation was retried");
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
	elastic();
	return tap_done();
}
