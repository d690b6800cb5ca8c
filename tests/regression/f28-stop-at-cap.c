/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: a pool whose cap is below its number of workers, with tasks queued,
 * can be stopped and destroyed at any moment: no worker that waits for its
 * turn misses the order to leave. Every task has run or was cancelled.
 *
 * fault: F28
 * clause: D1 Q1
 */
#include <errno.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define TASKS 64

static struct heddle_task task[TASKS];
static _Atomic uint64_t ran;

static void body(struct heddle_task *self)
{
	uint64_t end = su_now_ns() + 2000;

	(void)self;
	while (su_now_ns() < end)
		;
	atomic_fetch_add_explicit(&ran, 1, memory_order_relaxed);
}

static bool cycle(uint64_t *cancelled)
{
	struct heddle_pool_options options = { .struct_size = sizeof(options),
					       .workers_max = 4,
					       .cap = 1 };
	struct heddle_pool *pool = su_pool_with(&options, 4);
	uint64_t end, before = ran, gone = 0, joined = 0;
	int i, rc;

	for (i = 0; i < TASKS; i++) {
		task[i] = (struct heddle_task)HEDDLE_TASK_INIT(body);
		if (heddle_submit(heddle_pool_group(pool), &task[i]))
			bail("submit");
	}
	end = su_now_ns() + tap_random() % 100000;
	while (su_now_ns() < end)
		;
	tap_on_deadline(NULL, NULL);
	if (tap_random() % 2)
		heddle_pool_stop(pool, (uint32_t)(tap_random() % 3),
				 HEDDLE_R2_JOINED, NULL, HEDDLE_FOREVER);
	rc = heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL, HEDDLE_FOREVER);
	if (rc < 0)
		bail("destroy: %d", rc);
	for (i = 0; i < TASKS; i++) {
		rc = heddle_join(&task[i], 0, HEDDLE_NOW);
		joined += rc == 0;
		gone += rc == -ECANCELED;
	}
	*cancelled += gone;
	return joined + gone == TASKS && ran - before == joined;
}

int main(void)
{
	uint64_t cancelled = 0, bad = 0;
	int i;

	plan(3);
	tap_deadline(100);
	tap_seed();
	for (i = 0; i < 200; i++)
		bad += !cycle(&cancelled);
	is_u64(bad, 0, "cycles in which a task was lost or ran twice");
	ok(cancelled > 0, "the situation was reached: %llu tasks cancelled",
	   (unsigned long long)cancelled);
	ok(ran > 0, "and %llu ran", (unsigned long long)ran);
	return tap_done();
}
