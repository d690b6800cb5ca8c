/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests are run and reported once each, in order, on the loop's thread; the loop
 * lives as long as requests are out; many are reported with one wake-up; a tenant's
 * cap and the bound of its queue hold.
 *
 * Method: a SERIAL group for the order; a prepare handle counts iterations; a tenant of
 * cap 2 whose work counts itself; a paused group with 4 places.
 *
 * clause: U1 U3 U4
 */
#include "integrations/libuv/tests/uvtest.h"

#ifdef HEDDLE_WITH_LIBUV
# include <pthread.h>
# include <string.h>

# define MANY 2000
# define CAP  2

static struct heddle_pool *pool;
static uv_loop_t loop;
static struct heddle_uv *uv;
static struct heddle_uv_work request[MANY];
static pthread_t loop_thread;
static unsigned int reported, misordered, elsewhere, failed, iterations;
static _Atomic uint64_t ran, running, most, on_loop;

static unsigned int number_of(const struct heddle_uv_work *req)
{
	return (unsigned int)(req - request);
}

static void work(struct heddle_uv_work *req)
{
	uint64_t now = atomic_fetch_add(&running, 1) + 1, seen = most;

	(void)req;
	while (now > seen && !atomic_compare_exchange_weak(&most, &seen, now))
		;
	if (pthread_equal(pthread_self(), loop_thread))
		atomic_fetch_add(&on_loop, 1);
	atomic_fetch_sub(&running, 1);
	atomic_fetch_add(&ran, 1);
}

static void after(struct heddle_uv_work *req, int status)
{
	misordered += number_of(req) != reported;
	elsewhere += !pthread_equal(pthread_self(), loop_thread);
	failed += status != 0;
	reported++;
}

static void reset(void)
{
	reported = misordered = elsewhere = failed = iterations = 0;
	ran = running = most = on_loop = 0;
}

static int queue_all(struct heddle_group *group)
{
	int i, rc = 0;

	for (i = 0; i < MANY && !rc; i++)
		rc = heddle_uv_queue_work(uv, &request[i], group, work, after);
	return rc;
}

static void in_order(void)
{
	struct heddle_group *serial =
		su_group(heddle_pool_group(pool),
			 (struct heddle_group_options){
				 .order = HEDDLE_ORDER_SERIAL, .cap = 1 });
	int rc;

	reset();
	memset(request, 0xa5, sizeof(request));
	rc = queue_all(serial);
	ok(rc == 0 && uv_loop_alive(&loop), "requests keep the loop alive");
	rc = uv_run(&loop, UV_RUN_DEFAULT);
	ok(rc == 0 && reported == MANY && ran == MANY && failed == 0,
	   "%u ran and %u were reported, %u not as done", (unsigned int)ran,
	   reported, failed);
	is_u64(misordered, 0, "of a SERIAL group in the order of the queue");
	ok(elsewhere == 0 && on_loop == 0,
	   "work on workers, reports on the loop's thread");
	ok(!uv_loop_alive(&loop), "an idle binding does not keep it alive");
}

static void capped(void)
{
	struct heddle_group *tenant =
		su_group(heddle_pool_group(pool),
			 (struct heddle_group_options){ .cap = CAP });
	int rc;

	reset();
	rc = queue_all(tenant);
	uv_run(&loop, UV_RUN_DEFAULT);
	ok(rc == 0 && reported == MANY && failed == 0 && most <= CAP,
	   "a tenant of cap %u: at most %u at once", CAP, (unsigned int)most);
}

static void count_iteration(uv_check_t *check)
{
	(void)check;
	iterations++;
}

static void batched(void)
{
	uv_check_t check;
	int rc;

	reset();
	uv_check_init(&loop, &check);
	uv_check_start(&check, count_iteration);
	uv_unref((uv_handle_t *)&check);
	rc = queue_all(NULL);
	su_wait_at_least(&ran, MANY, 20000);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&check, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	ok(rc == 0 && reported == MANY && iterations <= 3,
	   "%u reports in %u iterations of the loop", reported, iterations);
}

/* A report queues its request again: the loop goes on until it does not. */
static void again(struct heddle_uv_work *req, int status)
{
	failed += status != 0;
	if (++reported < MANY)
		failed += heddle_uv_queue_work(uv, req, NULL, work, again) != 0;
}

static void chained(void)
{
	int rc;

	reset();
	rc = heddle_uv_queue_work(uv, &request[0], NULL, work, again);
	rc |= heddle_uv_queue_work(uv, &request[1], NULL, work, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	ok(rc == 0 && reported == MANY && failed == 0,
	   "a request is queued again from its own report");
	ok(su_wait_at_least(&ran, MANY + 1, 20000),
	   "and one without a report runs");
}

static void bounded(void)
{
	struct heddle_group *tenant = su_group(
		heddle_pool_group(pool),
		(struct heddle_group_options){ .flags = HEDDLE_GROUP_PAUSED,
					       .queue_slots = 4,
					       .cap = 0 });
	int i, rc = 0, full;

	reset();
	for (i = 0; i < 4; i++)
		rc |= heddle_uv_queue_work(uv, &request[i], tenant, work,
					   after);
	full = heddle_uv_queue_work(uv, &request[4], tenant, work, after);
	ok(rc == 0 && full == UV_EAGAIN, "4 places are full: %s",
	   uv_err_name(full));
	rc = heddle_uv_cancel(&request[4]);
	ok(rc == UV_EBUSY, "a refused request is not out");
	heddle_group_set_cap(tenant, 1, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	ok(reported == 4 && misordered == 0 && failed == 0,
	   "what was refused is not reported");
	rc = heddle_uv_queue_work(uv, &request[4], tenant, work, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	ok(rc == 0 && su_wait_at_least(&ran, 5, 20000), "and fits later");
	rc = heddle_group_close(tenant, HEDDLE_CLOSE_REFUSE, HEDDLE_FOREVER);
	ok(rc == 0 && heddle_uv_queue_work(uv, &request[0], tenant, work,
					   after) == UV_ESHUTDOWN,
	   "nothing is queued in a closed group");
}

static void wrong(void)
{
	struct heddle_uv *none = uv;
	struct heddle_uv_work zero = { 0 };

	ok(heddle_uv_open(NULL, heddle_pool_group(pool), &none) == UV_EINVAL &&
		   !none && heddle_uv_open(&loop, NULL, &none) == UV_EINVAL &&
		   heddle_uv_open(&loop, heddle_pool_group(pool), NULL) ==
			   UV_EINVAL,
	   "no loop, no group, nowhere to put it");
	ok(heddle_uv_queue_work(NULL, &zero, NULL, work, after) == UV_EINVAL &&
		   heddle_uv_queue_work(uv, NULL, NULL, work, after) ==
			   UV_EINVAL &&
		   heddle_uv_queue_work(uv, &zero, NULL, NULL, after) ==
			   UV_EINVAL,
	   "no binding, no request, no work");
	ok(heddle_uv_cancel(NULL) == UV_EINVAL &&
		   heddle_uv_cancel(&zero) == UV_EINVAL &&
		   heddle_uv_close(NULL, NULL, NULL) == UV_EINVAL,
	   "nothing to cancel, nothing to close");
}

static void all(void)
{
	loop_thread = pthread_self();
	pool = su_pool(2);
	uv = uvt_open(&loop, heddle_pool_group(pool));
	ok(!uv_loop_alive(&loop), "a fresh binding does not keep it alive");
	in_order();
	capped();
	batched();
	chained();
	bounded();
	wrong();
	uvt_close(&loop, uv);
	su_check_at_rest(pool);
	is_u64(tap_threads(), 3, "the workers and nobody else");
	su_destroy(pool);
}
#endif

HEDDLE_UV_TEST(all)
