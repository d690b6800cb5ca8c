/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: a control call that would wait for its own caller fails at once with
 * -EDEADLK: from a task, from one inside a blocking region, from the hooks of
 * a worker. Elsewhere the caller held up the grace period that it waited for.
 * So it is with two pools, where a task of one joins a task of the other: no
 * stack holds both, each is refused the control of its own pool, and a call
 * for the other one ends at its deadline.
 *
 * fault: F45
 * clause: D3 H5
 */
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

static struct heddle_pool *pool;
static struct heddle_group *inner;
static int hook_rc[2] = { 1, 1 };
static int rc[2][5];

/* Of two pools. */
static struct heddle_pool *outer;
static _Atomic uint64_t napping;
static int outer_rc[4], inner_rc[5], across_rc;
static pthread_t outer_thread, inner_thread;

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

static void below(struct heddle_task *self)
{
	(void)self;
	inner_thread = pthread_self();
	call_all(inner_rc);
	/* The outer task is live, and waits for us: never at rest. */
	across_rc = heddle_group_close(heddle_pool_group(outer),
				       HEDDLE_CLOSE_QUIESCE, su_in_ms(5));
}

static void nap(void *arg)
{
	const struct timespec time = { 0, 20000000 };

	(void)arg;
	atomic_fetch_add_explicit(&napping, 1, memory_order_release);
	nanosleep(&time, NULL);
}

static void above(struct heddle_task *self)
{
	struct heddle_task task = HEDDLE_TASK_INIT(below);

	(void)self;
	outer_thread = pthread_self();
	/* Queued when we join it: a join could take it, if it were of our pool. */
	if (heddle_submit_call(inner, nap, NULL) ||
	    heddle_submit_call(inner, nap, NULL) ||
	    !su_wait_at_least(&napping, 2, 10000))
		bail("two naps");
	if (heddle_submit(inner, &task) ||
	    heddle_join(&task, 0, su_in_ms(10000)))
		bail("the task below");
	outer_rc[0] = heddle_pool_stop(outer, 0, HEDDLE_R4_CLEAN, NULL,
				       HEDDLE_FOREVER);
	outer_rc[1] = heddle_pool_destroy(outer, HEDDLE_R4_CLEAN, NULL,
					  HEDDLE_FOREVER);
	outer_rc[2] = heddle_group_close(heddle_pool_group(outer),
					 HEDDLE_CLOSE_DRAIN, HEDDLE_FOREVER);
	/* The other pool is not ours. */
	outer_rc[3] = heddle_pool_stop(pool, 1, HEDDLE_R4_CLEAN, NULL,
				       su_in_ms(10000));
}

/* A task of one pool waits for a task of the other. */
static void two_pools(void)
{
	struct heddle_task task = HEDDLE_TASK_INIT(above);

	outer = su_pool(1);
	if (heddle_submit(heddle_pool_group(outer), &task) ||
	    heddle_join(&task, 0, su_in_ms(10000)))
		bail("the task above");
	ok(!pthread_equal(outer_thread, inner_thread),
	   "no stack holds tasks of two pools");
	is_u64(refused(inner_rc), 5, "five calls below a task of another pool");
	ok(across_rc == -ETIMEDOUT, "to quiesce that one: %d", across_rc);
	ok(outer_rc[0] == -EDEADLK && outer_rc[1] == -EDEADLK &&
		   outer_rc[2] == -EDEADLK,
	   "and above, behind the join: %d %d %d", outer_rc[0], outer_rc[1],
	   outer_rc[2]);
	ok(outer_rc[3] == 0, "where the other pool may be stopped: %d",
	   outer_rc[3]);
	if (heddle_group_close(heddle_pool_group(outer), HEDDLE_CLOSE_RESUME,
			       HEDDLE_NOW))
		bail("resume");
	su_check_at_rest(outer);
	su_destroy(outer);
	tap_on_deadline(su_dump, pool);
}

int main(void)
{
	struct heddle_pool_options options = { .struct_size = sizeof(options),
					       .workers_max = 2,
					       .worker_init = begins,
					       .worker_exit = ends };
	struct heddle_task task = HEDDLE_TASK_INIT(body);
	int i;

	plan(14);
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
	two_pools();
	su_check_at_rest(pool);
	su_destroy(pool);
	ok(hook_rc[0] == -EDEADLK, "from the first hook: %d", hook_rc[0]);
	ok(hook_rc[1] == -EDEADLK, "from the last hook: %d", hook_rc[1]);
	return tap_done();
}
