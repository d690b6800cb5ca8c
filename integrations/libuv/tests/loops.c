/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two loops on threads of their own share one pool, with a group for each and one for
 * both, random requests, cancels and full queues; the caps hold, every request is
 * reported once by its own loop. The pool has grown to four workers before; after the
 * load and the keep-alive time its floor of one and the spare are left, and nobody was
 * asked to stop.
 *
 * clause: U1 U2 U4
 */
#include "integrations/libuv/tests/uvtest.h"

#ifdef HEDDLE_WITH_LIBUV
# include <pthread.h>
# include <time.h>

# define LOOPS    2
# define IN_LOOP  48
# define REQUESTS 20000
# define CAP      2
# define HELD     4

struct tenant {
	struct heddle_group *group;
	_Atomic uint64_t running, over;
};

struct request {
	struct heddle_uv_work uv;
	struct side *side;
	struct tenant *tenant;
	_Atomic uint64_t ran;
	bool is_out;
};

struct side {
	uv_loop_t loop;
	struct heddle_uv *uv;
	struct tenant own;
	struct request request[IN_LOOP];
	pthread_t thread;
	uint64_t stream, queued, done, cancelled, full, wrong;
};

static struct heddle_pool *pool;
static struct tenant shared;
static struct side side[LOOPS];
static _Atomic uint64_t entered, gate;

static void work(struct heddle_uv_work *req)
{
	struct request *own = (struct request *)req;
	struct tenant *tenant = own->tenant;

	if (atomic_fetch_add(&tenant->running, 1) >= CAP)
		atomic_fetch_add(&tenant->over, 1);
	atomic_fetch_add(&own->ran, 1);
	atomic_fetch_sub(&tenant->running, 1);
}

static void after(struct heddle_uv_work *req, int status);

static void queue(struct side *at, struct request *own)
{
	int rc;

	if (at->queued == REQUESTS)
		return;
	own->tenant = tap_next(&at->stream) % 3 ? &at->own : &shared;
	own->ran = 0;
	rc = heddle_uv_queue_work(at->uv, &own->uv, own->tenant->group, work,
				  after);
	own->is_out = rc == 0;
	if (rc == 0)
		at->queued++;
	else if (rc == UV_EAGAIN)
		at->full++; /* another's report brings it up again */
	else
		at->wrong++;
}

static void after(struct heddle_uv_work *req, int status)
{
	struct request *own = (struct request *)req;
	struct side *at = own->side;
	int i;

	at->wrong +=
		!own->is_out || !pthread_equal(pthread_self(), at->thread) ||
		own->ran != (status == 0) || (status && status != UV_ECANCELED);
	own->is_out = false;
	if (status)
		at->cancelled++;
	else
		at->done++;
	if (tap_next(&at->stream) % 8 == 0) {
		struct request *other =
			&at->request[tap_next(&at->stream) % IN_LOOP];

		if (other->is_out)
			heddle_uv_cancel(&other->uv);
	}
	for (i = 0; i < IN_LOOP; i++)
		if (!at->request[i].is_out)
			queue(at, &at->request[i]);
}

static void *run(void *arg)
{
	struct side *at = arg;
	int i;

	for (i = 0; i < IN_LOOP; i++) {
		at->request[i].side = at;
		queue(at, &at->request[i]);
	}
	uv_run(&at->loop, UV_RUN_DEFAULT);
	if (heddle_uv_close(at->uv, NULL, NULL))
		at->wrong++;
	uv_run(&at->loop, UV_RUN_DEFAULT);
	at->wrong += uv_loop_close(&at->loop) != 0;
	return NULL;
}

static void held(struct heddle_uv_work *req)
{
	(void)req;
	atomic_fetch_add(&entered, 1);
	su_wait_at_least(&gate, 1, 60000);
}

static void grow(void)
{
	struct heddle_uv_work request[HELD];
	struct heddle_uv *uv;
	uv_loop_t loop;
	int i, rc = 0;

	uv = uvt_open(&loop, heddle_pool_group(pool));
	for (i = 0; i < HELD; i++)
		rc |= heddle_uv_queue_work(uv, &request[i], NULL, held, NULL);
	su_wait_at_least(&entered, HELD, 20000);
	ok(rc == 0 && tap_threads() == 1 + HELD,
	   "%u requests that wait have %u threads", HELD, tap_threads());
	atomic_store(&gate, 1);
	uv_run(&loop, UV_RUN_DEFAULT);
	uvt_close(&loop, uv);
}

static void shrunk(void)
{
	const struct timespec pause = { 0, 1000000 };
	uint64_t end = su_in_ms(20000);

	while (tap_threads() > 3 && su_now_ns() < end)
		nanosleep(&pause, NULL);
	is_u64(tap_threads(), 3,
	       "the caller, the floor and the spare are left");
}

static void make_tenant(struct tenant *tenant, uint32_t slots)
{
	tenant->group = su_group(heddle_pool_group(pool),
				 (struct heddle_group_options){
					 .cap = CAP, .queue_slots = slots });
}

static void all(void)
{
	struct heddle_pool_options options = { .struct_size = sizeof(options),
					       .flags = HEDDLE_POOL_ELASTIC,
					       .workers_max = HELD,
					       .keep_alive_ns = 50000000 };
	uint64_t over = 0;
	int i;

	pool = su_pool_with(&options, 1);
	grow();
	make_tenant(&shared, 16);
	for (i = 0; i < LOOPS; i++) {
		make_tenant(&side[i].own, 24);
		side[i].stream = tap_stream((uint64_t)i);
		side[i].uv = uvt_open(&side[i].loop, heddle_pool_group(pool));
	}
	for (i = 0; i < LOOPS; i++)
		if (pthread_create(&side[i].thread, NULL, run, &side[i]))
			bail("thread");
	for (i = 0; i < LOOPS; i++)
		pthread_join(side[i].thread, NULL);
	for (i = 0; i < LOOPS; i++) {
		const struct side *at = &side[i];

		ok(at->done + at->cancelled == REQUESTS && at->wrong == 0,
		   "loop %d: %lu done, %lu cancelled, %lu wrong", i,
		   (unsigned long)at->done, (unsigned long)at->cancelled,
		   (unsigned long)at->wrong);
		ok(at->cancelled && at->full,
		   "it cancelled some, and found the queue full %lu times",
		   (unsigned long)at->full);
		over += at->own.over;
	}
	is_u64(over + shared.over, 0, "no tenant was over its cap");
	su_check_at_rest(pool);
	shrunk();
	su_destroy(pool);
}
#endif

HEDDLE_UV_TEST(all)
