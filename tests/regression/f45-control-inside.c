/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: a control call that would wait for its own caller fails at once with
 * -EDEADLK: from a task, from one inside a blocking region, from the hooks of
 * a worker. Elsewhere the caller held up the grace period that it waited for.
 *
 * fault: F45
 * clause: D3 H5
 */
#include <errno.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

static struct heddle_pool *pool;
static struct heddle_group *inner;
static int hook_rc[2] = { 1, 1 };
static int rc[2][5];

static int begins(struct heddle_pool *self, uint32_t index, void *arg)
{
	(void)arg;
	if (!index)
		hook_rc[0] = heddle_pool_stop(self, 0, HEDDLE_R4_CLEAN, NULL,
					      HEDDLE_FOREVER);
	return 0;
}

static void ends(struct heddle_pool *self, uint32_t index, void *arg)
{
	(void)arg;
	if (!index)
		hook_rc[1] = heddle_pool_stop(self, 0, HEDDLE_R4_CLEAN, NULL,
					      HEDDLE_FOREVER);
}

static void call_all(int *result)
{
	result[0] = heddle_pool_stop(pool, 0, HEDDLE_R4_CLEAN, NULL,
				     HEDDLE_FOREVER);
	result[1] = heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL,
					HEDDLE_FOREVER);
	result[2] =
		heddle_group_close(inner, HEDDLE_CLOSE_DRAIN, HEDDLE_FOREVER);
	result[3] = heddle_group_close(heddle_pool_group(pool),
				       HEDDLE_CLOSE_REFUSE, HEDDLE_FOREVER);
	result[4] =
		heddle_group_close(inner, HEDDLE_CLOSE_QUIESCE, HEDDLE_FOREVER);
}

static void body(struct heddle_task *self)
{
	(void)self;
	call_all(rc[0]);
	heddle_block_begin(HEDDLE_BLOCK_OTHER, NULL, NULL);
	call_all(rc[1]);
	heddle_block_end();
}

static uint32_t refused(const int *result)
{
	uint32_t i, n = 0;

	for (i = 0; i < 5; i++)
		n += result[i] == -EDEADLK;
	return n;
}

int main(void)
{
	struct heddle_pool_options options = { .struct_size = sizeof(options),
					       .workers_max = 2,
					       .worker_init = begins,
					       .worker_exit = ends };
	struct heddle_task task = HEDDLE_TASK_INIT(body);
	int i;

	plan(7);
	tap_deadline(60);
	pool = su_pool_with(&options, 2);
	if (heddle_group_create(heddle_pool_group(pool), NULL, &inner) ||
	    heddle_submit(inner, &task) ||
	    heddle_join(&task, 0, su_in_ms(10000)))
		bail("the task");
	is_u64(refused(rc[0]), 5, "five calls from a task");
	is_u64(refused(rc[1]), 5, "and from its blocking region");
	for (i = 0; i < 5; i++)
		diag("call %d: %d %d", i, rc[0][i], rc[1][i]);
	task = (struct heddle_task)HEDDLE_TASK_INIT(body);
	ok(heddle_submit(inner, &task) == 0 &&
		   heddle_join(&task, 0, su_in_ms(10000)) == 0,
	   "nothing has happened: the group still runs tasks");
	su_check_at_rest(pool);
	su_destroy(pool);
	ok(hook_rc[0] == -EDEADLK, "from the first hook: %d", hook_rc[0]);
	ok(hook_rc[1] == -EDEADLK, "from the last hook: %d", hook_rc[1]);
	return tap_done();
}
