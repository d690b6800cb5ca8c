/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of a binding with everything out: requests that run, are queued, are
 * cancelled or have ended and were not yet reported; places of cancelled ones that the
 * pool keeps longer than the binding lives.
 *
 * Method: a held request, a paused group that outlives the binding, and the order of the
 * callbacks; AddressSanitizer sees what is freed too early or never. Then bindings that
 * come and go while workers are in the middle of waking them.
 *
 * clause: U5
 */
#include "integrations/libuv/tests/uvtest.h"

#ifdef HEDDLE_WITH_LIBUV

# define QUEUED 4
# define ROUNDS 300

struct request {
	struct heddle_uv_work uv;
	int reports, status;
};

static struct heddle_pool *pool;
static uv_loop_t loop;
static struct heddle_uv *uv;
static struct request running, finished, early, queued[QUEUED];
static _Atomic uint64_t entered, gate, ran;
static int reports, closed_after = -1, refused, twice;

static void work(struct heddle_uv_work *req)
{
	(void)req;
	atomic_fetch_add(&ran, 1);
}

static void held(struct heddle_uv_work *req)
{
	atomic_fetch_add(&entered, 1);
	su_wait_at_least(&gate, 1, 60000);
	work(req);
}

static void after(struct heddle_uv_work *req, int status)
{
	struct request *own = (struct request *)req;

	own->reports++;
	own->status = status;
	reports++;
	/* Nothing is accepted from here on. */
	refused = heddle_uv_queue_work(uv, req, NULL, work, after);
	twice = heddle_uv_close(uv, NULL, NULL);
}

static void closed(void *arg)
{
	*(int *)arg = reports;
}

static void let_run(uv_timer_t *timer)
{
	atomic_store(&gate, 1);
	uv_close((uv_handle_t *)timer, NULL);
}

static void with_all_out(void)
{
	struct heddle_group *paused = su_group(
		heddle_pool_group(pool),
		(struct heddle_group_options){ .flags = HEDDLE_GROUP_PAUSED });
	uv_timer_t timer;
	int i, rc, bad = 0;

	uv = uvt_open(&loop, heddle_pool_group(pool));
	rc = heddle_uv_queue_work(uv, &running.uv, NULL, held, after);
	su_wait_at_least(&entered, 1, 20000);
	rc |= heddle_uv_queue_work(uv, &finished.uv, NULL, work, after);
	su_wait_at_least(&ran, 1, 20000);
	rc |= heddle_uv_queue_work(uv, &early.uv, paused, work, after);
	for (i = 0; i < QUEUED; i++)
		rc |= heddle_uv_queue_work(uv, &queued[i].uv, paused, work,
					   after);
	rc |= heddle_uv_cancel(&early.uv);
	rc |= heddle_uv_close(uv, closed, &closed_after);
	ok(rc == 0 && reports == 0 && uv_loop_alive(&loop),
	   "closed with seven out, and nothing was called from within");
	ok(heddle_uv_queue_work(uv, &early.uv, NULL, work, after) ==
		   UV_ESHUTDOWN,
	   "nothing is queued any more");
	uv_timer_init(&loop, &timer);
	uv_timer_start(&timer, let_run, 20, 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	for (i = 0; i < QUEUED; i++)
		bad += queued[i].reports != 1 ||
		       queued[i].status != UV_ECANCELED;
	ok(running.reports == 1 && running.status == 0, "what ran was let run");
	ok(finished.reports == 1 && finished.status == 0,
	   "what had ended is reported as done");
	ok(bad == 0 && early.reports == 1 && early.status == UV_ECANCELED,
	   "what was queued is reported as cancelled, once");
	is_u64((uint64_t)closed_after, QUEUED + 3, "and then it is closed");
	ok(refused == UV_ESHUTDOWN && twice == UV_EALREADY,
	   "a report may not queue or close again");
	is_u64((uint64_t)-uv_loop_close(&loop), 0, "the loop is empty");
	/* Some of the places go with a worker, some with the group. */
	heddle_group_set_cap(paused, 1, NULL);
	rc = heddle_group_close(paused, HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
				HEDDLE_FOREVER);
	ok(rc == 0 && ran == 2, "the places go when a worker passes them");
}

static void count(struct heddle_uv_work *req, int status)
{
	(void)req;
	(void)status;
	reports++;
}

static void with_wakes_on_their_way(void)
{
	static struct heddle_uv_work request[32];
	int round, i, rc = 0, wrong = 0;

	tap_seed();
	for (round = 0; round < ROUNDS; round++) {
		int n = 1 + (int)(tap_random() % 32);

		uv = uvt_open(&loop, heddle_pool_group(pool));
		reports = 0;
		for (i = 0; i < n; i++)
			rc |= heddle_uv_queue_work(uv, &request[i], NULL, work,
						   count);
		for (i = (int)(tap_random() % 4); i > 0; i--)
			uv_run(&loop, UV_RUN_NOWAIT);
		rc |= heddle_uv_close(uv, NULL, NULL);
		uv_run(&loop, UV_RUN_DEFAULT);
		wrong += reports != n || uv_loop_close(&loop);
	}
	ok(rc == 0 && wrong == 0, "%d bindings came and went", ROUNDS);
}

static void with_the_pool(void)
{
	struct heddle_group *paused = su_group(
		heddle_pool_group(pool),
		(struct heddle_group_options){ .flags = HEDDLE_GROUP_PAUSED });
	struct heddle_uv_work request = { 0 };
	int rc;

	uv = uvt_open(&loop, paused);
	reports = 0;
	rc = heddle_uv_queue_work(uv, &request, NULL, work, count);
	rc |= heddle_uv_close(uv, NULL, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	ok(rc == 0 && reports == 1 && uv_loop_close(&loop) == 0,
	   "a binding goes before its pool");
	su_destroy(pool);
}

static void all(void)
{
	pool = su_pool(2);
	with_all_out();
	with_wakes_on_their_way();
	su_check_at_rest(pool);
	with_the_pool();
}
#endif

HEDDLE_UV_TEST(all)
