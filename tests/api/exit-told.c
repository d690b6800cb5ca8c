/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A successor that fails after a stop has told it to leave is not lost: nobody makes a
 * worker up for it in the pool that was stopped.
 *
 * Method: a task ends its thread; the successor waits in its init hook until a stop has
 * told it to leave, then the hook fails. A lent thread runs a task, and the
 * hook must not have been called for anybody but that thread.
 *
 * clause: E5
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define LONG_MS 20000

static _Atomic uint64_t inits, told;

static int init(struct heddle_pool *of, uint32_t index, void *arg)
{
	(void)of;
	(void)index;
	(void)arg;
	if (atomic_fetch_add(&inits, 1) != 1)
		return 0;
	su_wait_at_least(&told, 1, LONG_MS);
	return -EIO;
}

static void leaves(struct heddle_task *task)
{
	(void)task;
	pthread_exit(NULL);
}

static void nothing(struct heddle_task *task)
{
	(void)task;
}

int main(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = 2,
					 .worker_init = init };
	struct heddle_task first = { .fn = leaves }, next = { .fn = nothing };
	struct heddle_worker_info info[4];
	struct heddle_pool *pool;
	int rc;

	tap_deadline(60);
	if (heddle_pool_create(&o, &pool) ||
	    heddle_pool_start(pool, 1, NULL, su_in_ms(LONG_MS)) ||
	    heddle_submit(heddle_pool_group(pool), &first))
		bail("pool");
	su_wait_at_least(&inits, 2, LONG_MS);
	rc = heddle_pool_stop(pool, 0, HEDDLE_R1_LEFT, NULL, su_in_ms(10));
	ok(rc == -ETIMEDOUT, "the successor is told, and in its hook: %d", rc);
	atomic_store(&told, 1);
	ok(heddle_pool_stop(pool, 0, HEDDLE_R3_GONE, NULL, su_in_ms(LONG_MS)) ==
		   0,
	   "the pool is stopped");
	if (heddle_submit(heddle_pool_group(pool), &next))
		bail("submit");
	heddle_pool_run(pool, HEDDLE_RUN_UNTIL_IDLE, su_in_ms(LONG_MS));
	is_u64((uint64_t)heddle_workers(pool, info, 4), 0,
	       "nobody is in the pool that was stopped");
	is_u64(atomic_load(&inits), 3, "init hooks: first, successor, lent");
	su_destroy(pool);
	return tap_done();
}
