/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: a start that returns has its workers, ready, whatever becomes of another one
 * that began before it and made some of them: that one may miss its deadline or fail,
 * and takes only its own back.
 *
 * Method: init hooks that wait until they are told what to return.
 *
 * clause: S1 S2
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define LONG_MS 20000

/* The hook of that index waits; 1: not told, else what it is to return, negated. */
static _Atomic int told;
static _Atomic uint32_t waits_at;
static _Atomic uint64_t inside, inits, exits, ran;

static void pause_ms(long ms)
{
	const struct timespec pause = { 0, ms * 1000000 };

	nanosleep(&pause, NULL);
}

static void is_int(int got, int want, const char *what)
{
	ok(got == want, "%s: %d", what, got);
}

static int init(struct heddle_pool *pool, uint32_t index, void *arg)
{
	int rc = 0;

	(void)pool;
	(void)arg;
	if (index == atomic_load(&waits_at) && !atomic_fetch_add(&inside, 1)) {
		while ((rc = atomic_load(&told)) == 1)
			pause_ms(1);
	}
	if (!rc)
		atomic_fetch_add(&inits, 1);
	return rc;
}

static void leave(struct heddle_pool *pool, uint32_t index, void *arg)
{
	(void)pool;
	(void)index;
	(void)arg;
	atomic_fetch_add(&exits, 1);
}

struct start {
	struct heddle_pool *pool;
	uint32_t n;
	uint64_t deadline;
	int rc;
	_Atomic uint64_t done;
	pthread_t thread;
};

static void *starts(void *arg)
{
	struct start *start = arg;

	start->rc =
		heddle_pool_start(start->pool, start->n, NULL, start->deadline);
	atomic_fetch_add(&start->done, 1);
	return NULL;
}

static void begin(struct start *start, struct heddle_pool *pool, uint32_t n,
		  uint64_t deadline)
{
	*start = (struct start){ .pool = pool, .n = n, .deadline = deadline };
	if (pthread_create(&start->thread, NULL, starts, start))
		bail("a thread");
}

static int end(struct start *start)
{
	pthread_join(start->thread, NULL);
	return start->rc;
}

static struct heddle_pool *make(uint32_t index)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = 3,
					 .worker_init = init,
					 .worker_exit = leave };
	struct heddle_pool *pool;

	atomic_store(&told, 1);
	atomic_store(&waits_at, index);
	atomic_store(&inside, 0);
	atomic_store(&inits, 0);
	atomic_store(&exits, 0);
	if (heddle_pool_create(&o, &pool))
		bail("create");
	return pool;
}

static void count(void *arg)
{
	(void)arg;
	atomic_fetch_add(&ran, 1);
}

static void end_pool(struct heddle_pool *pool, const char *what)
{
	ok(heddle_workers(pool, NULL, 0) == 1, "%s keeps its worker", what);
	is_u64(inits - exits, 1, "%s: one init hook without its exit hook",
	       what);
	atomic_store(&ran, 0);
	if (heddle_submit_call(heddle_pool_group(pool), count, NULL))
		bail("submit");
	ok(su_wait_at_least(&ran, 1, LONG_MS), "%s: and that runs tasks", what);
	su_check_at_rest(pool);
	su_destroy(pool);
}

/* The first start makes the only worker, whose hook outlasts its deadline. */
static void late(void)
{
	struct heddle_pool *pool = make(0);
	struct start first, second;

	begin(&first, pool, 1, su_in_ms(150));
	if (!su_wait_at_least(&inside, 1, LONG_MS))
		bail("the hook");
	begin(&second, pool, 1, HEDDLE_FOREVER);
	pause_ms(50);
	is_u64(second.done, 0, "a start waits for who is not ready");
	pause_ms(150);
	atomic_store(&told, 0);
	is_int(end(&first), -ETIMEDOUT, "the first one was late");
	is_int(end(&second), 0, "the second one is content");
	end_pool(pool, "behind a late one, a start");
}

/* The first start's second worker is not born: the one it shares is the other's. */
static void fails(void)
{
	struct heddle_pool *pool = make(1);
	struct start first;

	begin(&first, pool, 2, HEDDLE_FOREVER);
	if (!su_wait_at_least(&inside, 1, LONG_MS))
		bail("the hook");
	is_int(heddle_pool_start(pool, 1, NULL, su_in_ms(LONG_MS)), 0,
	       "a start of one, beside one that waits");
	atomic_store(&told, -EPERM);
	is_int(end(&first), -EPERM, "that one fails");
	end_pool(pool, "beside a failure, a start");
}

/* A stop behind a start that waits: it has less to wait for. */
static void stopped(void)
{
	struct heddle_pool *pool = make(1);
	struct start first, second;

	begin(&first, pool, 2, HEDDLE_FOREVER);
	if (!su_wait_at_least(&inside, 1, LONG_MS))
		bail("the hook");
	begin(&second, pool, 2, HEDDLE_FOREVER);
	pause_ms(20);
	is_int(heddle_pool_stop(pool, 1, HEDDLE_R0_QUIET, NULL,
				su_in_ms(LONG_MS)),
	       0, "a stop to one");
	atomic_store(&told, 0);
	is_int(end(&first), 0, "the first start is over");
	is_int(end(&second), 0, "and the second one");
	if (heddle_pool_stop(pool, 1, HEDDLE_R3_GONE, NULL, su_in_ms(LONG_MS)))
		bail("stop");
	end_pool(pool, "before a stop, a start");
}

int main(void)
{
	tap_deadline(60);
	late();
	fails();
	stopped();
	return tap_done();
}
