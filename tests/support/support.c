/* SPDX-License-Identifier: BSD-2-Clause */
/* See support.h. */
#include "tests/support/support.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "tests/tap/tap.h"

uint64_t su_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t su_in_ms(uint64_t ms)
{
	return su_now_ns() + ms * 1000000u;
}

bool su_wait_at_least(_Atomic uint64_t *word, uint64_t value, uint64_t ms)
{
	const struct timespec pause = { 0, 50000 };
	uint64_t end = su_in_ms(ms);

	while (atomic_load_explicit(word, memory_order_acquire) < value) {
		if (su_now_ns() >= end)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

struct heddle_pool *su_pool_with(const struct heddle_pool_options *options,
				 uint32_t n)
{
	struct heddle_report report = { .struct_size = sizeof(report) };
	struct heddle_pool *pool;
	int rc = heddle_pool_create(options, &pool);

	if (rc < 0)
		bail("heddle_pool_create: %s", strerror(-rc));
	rc = heddle_pool_start(pool, n, &report, su_in_ms(10000));
	if (rc < 0)
		bail("heddle_pool_start: %s", report.text);
	tap_on_deadline(su_dump, pool);
	return pool;
}

struct heddle_pool *su_pool(uint32_t n)
{
	struct heddle_pool_options options = { .struct_size = sizeof(options),
					       .workers_max = n };

	return su_pool_with(&options, n);
}

struct heddle_group *su_group(struct heddle_group *parent,
			      struct heddle_group_options options)
{
	struct heddle_group *group;
	int rc;

	options.struct_size = sizeof(options);
	rc = heddle_group_create(parent, &options, &group);
	if (rc)
		bail("group: %d", rc);
	return group;
}

bool su_destroy(struct heddle_pool *pool)
{
	struct heddle_report report = { .struct_size = sizeof(report) };
	int rc;

	tap_on_deadline(NULL, NULL);
	rc = heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, &report,
				 su_in_ms(20000));
	return ok(rc == 0, "destroy at R4: %d %s", rc, report.text);
}

bool su_check_at_rest(struct heddle_pool *pool)
{
	struct heddle_check check = { .struct_size = sizeof(check) };
	const struct timespec pause = { 0, 200000 };
	uint64_t end = su_in_ms(5000);
	uint32_t i;

	do {
		nanosleep(&pause, NULL);
		heddle_check(pool, &check);
	} while (!check.at_rest && su_now_ns() < end);
	for (i = 0; i < check.violations && i < 8; i++)
		diag("%s: %s", check.violation[i].name,
		     check.violation[i].detail);
	return ok(check.at_rest && !check.violations,
		  "at rest: %u, violations: %u", check.at_rest,
		  check.violations);
}

void su_dump(void *arg)
{
	struct heddle_worker_info info[64];
	struct heddle_pool *pool = arg;
	int n, i;

	if (!pool)
		return;
	n = heddle_workers(pool, info, 64);
	for (i = 0; i < n && i < 64; i++)
		diag("worker %u state %u tid %d group %d guest %u kind %u",
		     info[i].index, info[i].state, info[i].tid,
		     (int)info[i].group, info[i].guest, info[i].kind);
}
