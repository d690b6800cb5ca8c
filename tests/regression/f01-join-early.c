/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: a join does not return before the task has returned. Elsewhere the
 * step that takes a task and the step that counts it as running were two, and
 * a join saw "nothing queued, nobody busy" in between. Method: one task, one
 * join, many times; then with a delay put between claim and call.
 *
 * fault: F01
 * clause: Q2
 */
#include <heddle/testing.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

struct job {
	struct heddle_task task;
	uint64_t ran; /* plain: the join orders it */
};

static void body(struct heddle_task *task)
{
	struct job *job = (struct job *)task;

	job->ran++;
}

static uint64_t early(struct heddle_group *group, uint64_t cycles,
		      uint64_t *errors)
{
	struct job job = { HEDDLE_TASK_INIT(body), 0 };
	uint64_t i, bad = 0;

	for (i = 1; i <= cycles; i++) {
		if (heddle_submit(group, &job.task) ||
		    heddle_join(&job.task, 0, HEDDLE_FOREVER))
			++*errors;
		bad += job.ran != i;
	}
	return bad;
}

int main(void)
{
	struct heddle_pool *pool;
	uint32_t workers;

	plan(12);
	tap_deadline(100);
	for (workers = 1; workers <= 4; workers *= 2) {
		uint64_t errors = 0;

		pool = su_pool(workers);
		is_u64(early(heddle_pool_group(pool), 20000, &errors), 0,
		       "%u workers: joins that returned early", workers);
		heddle_delay_set(HEDDLE_DELAY_CLAIM, 20000);
		is_u64(early(heddle_pool_group(pool), 2000, &errors), 0,
		       "%u workers, delay after the claim", workers);
		heddle_delay_set(HEDDLE_DELAY_CLAIM, 0);
		is_u64(errors, 0, "%u workers: every call returned 0", workers);
		su_destroy(pool);
	}
	return tap_done();
}
