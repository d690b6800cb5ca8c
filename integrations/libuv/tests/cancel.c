/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A cancel in every state of a request: refused, queued, running, ended and not yet
 * reported, reported, cancelled already; in a paused group; from a report; of requests
 * whose group is refused or whose pool is destroyed meanwhile; and against workers that
 * take the same requests, many times.
 *
 * clause: U2
 */
#include "integrations/libuv/tests/uvtest.h"

#ifdef HEDDLE_WITH_LIBUV

# define SOME   8
# define ROUNDS 400
# define RACING 16

struct request {
	struct heddle_uv_work uv;
	_Atomic uint64_t ran;
	int reports, status, cancelled;
};

static struct heddle_pool *pool;
static uv_loop_t loop;
static struct heddle_uv *uv;
static struct request request[SOME];
static _Atomic uint64_t entered, gate;

static void work(struct heddle_uv_work *req)
{
	atomic_fetch_add(&((struct request *)req)->ran, 1);
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
}

static struct heddle_group *paused(void)
{
	return su_group(
		heddle_pool_group(pool),
		(struct heddle_group_options){ .flags = HEDDLE_GROUP_PAUSED });
}

static void fresh(void)
{
	int i;

	for (i = 0; i < SOME; i++)
		request[i] = (struct request){ .status = 1 };
	entered = gate = 0;
}

static bool was_cancelled(const struct request *own)
{
	return own->reports == 1 && own->status == UV_ECANCELED && !own->ran;
}

static void while_queued(void)
{
	struct heddle_group *group = paused();
	int i, rc = 0, twice, early;

	fresh();
	for (i = 0; i < SOME; i++)
		rc |= heddle_uv_queue_work(uv, &request[i].uv, group, work,
					   after);
	rc |= heddle_uv_cancel(&request[1].uv);
	rc |= heddle_uv_cancel(&request[0].uv);
	twice = heddle_uv_cancel(&request[0].uv);
	early = request[0].reports + request[1].reports;
	ok(rc == 0 && twice == UV_EBUSY && early == 0,
	   "queued: taken back once, and not reported from within");
	uv_run(&loop, UV_RUN_ONCE);
	ok(was_cancelled(&request[0]) && was_cancelled(&request[1]) &&
		   !request[2].reports,
	   "reported while the group is paused");
	rc = heddle_uv_queue_work(uv, &request[0].uv, NULL, work, after);
	while (request[0].reports < 2)
		uv_run(&loop, UV_RUN_ONCE);
	ok(rc == 0 && request[0].ran == 1 && request[0].status == 0,
	   "and queued again at once, elsewhere");
	heddle_group_set_cap(group, HEDDLE_CAP_MAX, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	ok(was_cancelled(&request[1]) && request[2].ran == 1 &&
		   request[SOME - 1].reports == 1,
	   "resumed: the others run, the cancelled one does not");
	ok(heddle_uv_cancel(&request[2].uv) == UV_EBUSY &&
		   heddle_uv_cancel(&request[1].uv) == UV_EBUSY,
	   "reported: too late");
}

static void while_running(void)
{
	int rc;

	fresh();
	rc = heddle_uv_queue_work(uv, &request[0].uv, NULL, held, after);
	su_wait_at_least(&entered, 1, 20000);
	ok(rc == 0 && heddle_uv_cancel(&request[0].uv) == UV_EBUSY,
	   "running: UV_EBUSY");
	atomic_store(&gate, 1);
	su_wait_at_least(&request[0].ran, 1, 20000);
	ok(heddle_uv_cancel(&request[0].uv) == UV_EBUSY &&
		   request[0].reports == 0,
	   "ended and not yet reported: UV_EBUSY");
	uv_run(&loop, UV_RUN_DEFAULT);
	ok(request[0].reports == 1 && request[0].status == 0 &&
		   request[0].ran == 1,
	   "it is reported as done, once");
}

static void cancel_next(struct heddle_uv_work *req, int status)
{
	struct request *own = (struct request *)req;

	after(req, status);
	own[1].cancelled = heddle_uv_cancel(&own[1].uv);
}

static void from_reports(void)
{
	struct heddle_group *group = paused();
	int rc;

	fresh();
	rc = heddle_uv_queue_work(uv, &request[1].uv, group, work, cancel_next);
	rc |= heddle_uv_queue_work(uv, &request[2].uv, group, work, after);
	rc |= heddle_uv_queue_work(uv, &request[0].uv, NULL, work, cancel_next);
	uv_run(&loop, UV_RUN_DEFAULT);
	ok(rc == 0 && request[0].ran == 1 && was_cancelled(&request[1]) &&
		   was_cancelled(&request[2]) && !request[1].cancelled &&
		   !request[2].cancelled,
	   "a report cancels another request, and its report the next");
	rc = heddle_group_close(group, HEDDLE_CLOSE_REFUSE | HEDDLE_CLOSE_FREE,
				HEDDLE_FOREVER);
	uv_run(&loop, UV_RUN_NOWAIT);
	ok(rc == 0 && request[2].reports == 1,
	   "the places of cancelled ones do not keep a group");
}

static void refused(void)
{
	struct heddle_group *group = paused();
	int i, rc = 0, bad = 0;

	fresh();
	for (i = 0; i < SOME; i++)
		rc |= heddle_uv_queue_work(uv, &request[i].uv, group, work,
					   after);
	rc |= heddle_uv_cancel(&request[3].uv);
	rc |= heddle_group_close(group, HEDDLE_CLOSE_REFUSE, HEDDLE_FOREVER);
	ok(rc == 0 && heddle_uv_cancel(&request[4].uv) == UV_EBUSY,
	   "the group was refused: UV_EBUSY");
	uv_run(&loop, UV_RUN_DEFAULT);
	for (i = 0; i < SOME; i++)
		bad += !was_cancelled(&request[i]);
	is_u64((uint64_t)bad, 0, "each is reported as cancelled, once");
}

/* Workers take requests while the loop takes them back. */
static void raced(void)
{
	static struct request racing[RACING];
	unsigned int both = 0, neither = 0, again = 0, counts[2] = { 0, 0 };
	int round, i, rc = 0;

	tap_seed();
	for (round = 0; round < ROUNDS; round++) {
		unsigned int late = (unsigned int)(tap_random() % RACING);

		for (i = 0; i < RACING; i++) {
			racing[i] = (struct request){ .status = 1 };
			rc |= heddle_uv_queue_work(uv, &racing[i].uv, NULL,
						   work, after);
		}
		for (i = RACING - 1; i >= (int)late; i--)
			racing[i].cancelled = heddle_uv_cancel(&racing[i].uv);
		uv_run(&loop, UV_RUN_DEFAULT);
		for (i = 0; i < RACING; i++) {
			bool taken = racing[i].status == UV_ECANCELED;

			both += taken && racing[i].ran;
			neither += !taken && racing[i].ran != 1;
			again += racing[i].reports != 1;
			again += i >= (int)late &&
				 taken != (racing[i].cancelled == 0);
			counts[taken]++;
		}
	}
	ok(rc == 0 && both == 0 && neither == 0 && again == 0,
	   "%u ran, %u were taken back; %u both, %u neither, %u wrong",
	   counts[0], counts[1], both, neither, again);
	ok(counts[0] && counts[1], "both happened");
}

static void destroyed(void)
{
	struct heddle_group *group = paused();
	int i, rc = 0, bad = 0;

	fresh();
	for (i = 0; i < SOME; i++)
		rc |= heddle_uv_queue_work(uv, &request[i].uv, group, work,
					   after);
	rc |= heddle_uv_cancel(&request[0].uv);
	ok(rc == 0, "requests are out when the pool goes");
	su_destroy(pool);
	uv_run(&loop, UV_RUN_DEFAULT);
	for (i = 0; i < SOME; i++)
		bad += !was_cancelled(&request[i]);
	is_u64((uint64_t)bad, 0, "each is reported as cancelled, once");
}

static void all(void)
{
	pool = su_pool(2);
	uv = uvt_open(&loop, heddle_pool_group(pool));
	while_queued();
	while_running();
	from_reports();
	refused();
	raced();
	su_check_at_rest(pool);
	destroyed();
	uvt_close(&loop, uv);
}
#endif

HEDDLE_UV_TEST(all)
