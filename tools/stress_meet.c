/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a worker is brought into each state of its life, and held there until somebody
 * lets it go; and the actors that do the other half of it.
 */
#include "tools/stress_stop.h"

#include <errno.h>
#include <time.h>

#include <heddle/heddle.h>
#include <heddle/testing.h>

enum {
	QUEUED = 8,      /* tasks behind another one */
	SEE_US = 20000,  /* how long a state is waited for */
	MOMENT_US = 200, /* for which a delay holds one, at first */
	MOMENT_MAX_US = 25600,
	SPINS = 50, /* looks before the CPU is left to others */
};

const char *const ht_met_names[HT_MET_STATES] = {
	"parked",  "searching", "running",  "blocked", "returning",
	"guest",   "scrub",     "starting", "leaving", "left",
	"helping", "cap",       "close",    "queued",  "retry",
};

static bool is_set(_Atomic(bool) *flag)
{
	return atomic_load_explicit(flag, memory_order_acquire);
}

static void set(_Atomic(bool) *flag, bool value)
{
	atomic_store_explicit(flag, value, memory_order_release);
}

/* Looks again soon, and then leaves the CPU to whom it waits for. */
static void look_again(uint32_t *looks)
{
	if (++*looks < SPINS)
		ht_spin(20);
	else
		ht_sleep_us(1);
}

static void wait_for(_Atomic(bool) *flag)
{
	uint32_t looks = 0;

	while (!is_set(flag))
		look_again(&looks);
}

static void add(_Atomic(uint64_t) *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_release);
}

/* -- what runs on workers -- */

int ht_stop_init(struct heddle_pool *pool, uint32_t index, void *arg)
{
	struct ht_stops *stops = arg;

	(void)pool;
	(void)index;
	if (is_set(&stops->hooks_wait))
		wait_for(&stops->let_go);
	add(&stops->inits);
	return 0;
}

void ht_stop_exit(struct heddle_pool *pool, uint32_t index, void *arg)
{
	struct ht_stops *stops = arg;

	(void)pool;
	(void)index;
	if (is_set(&stops->hooks_wait))
		wait_for(&stops->let_go);
	add(&stops->exits);
}

static void run_short(void *arg)
{
	struct ht_stops *stops = arg;

	add(&stops->ran);
}

static void run_held(void *arg)
{
	struct ht_stops *stops = arg;

	wait_for(&stops->let_go);
	add(&stops->ran);
}

static void run_blocked(void *arg)
{
	struct ht_stops *stops = arg;

	ht_expect(stops->run, "heddle_block_begin",
		  heddle_block_begin(HEDDLE_BLOCK_OTHER, NULL, NULL));
	wait_for(&stops->wakes);
	ht_expect(stops->run, "heddle_block_end", heddle_block_end());
	add(&stops->ran);
}

struct helped {
	struct heddle_task task; /* first, so that it leads to the rest */
	struct ht_stops *stops;
};

static void run_helped(struct heddle_task *task)
{
	run_held(((struct helped *)(void *)task)->stops);
}

static int32_t guest_short(void *arg)
{
	run_short(arg);
	return 0;
}

static int32_t guest_held(void *arg)
{
	run_held(arg);
	return 0;
}

/* -- the other two actors -- */

static void help(struct ht_stops *stops)
{
	struct helped helped = { HEDDLE_TASK_INIT(run_helped), stops };

	ht_expect(stops->run, "heddle_submit",
		  heddle_submit(stops->group, &helped.task));
	add(&stops->accepted);
	ht_expect(stops->run, "heddle_join",
		  heddle_join(&helped.task, HEDDLE_JOIN_HELP, HEDDLE_FOREVER));
}

static void change_caps(struct ht_stops *stops)
{
	uint32_t cap = 1;

	while (!is_set(&stops->let_go)) {
		cap = 3 - cap;
		set(&stops->is_changing, true);
		ht_expect(stops->run, "heddle_group_set_cap",
			  heddle_group_set_cap(stops->group, cap, NULL));
		set(&stops->is_changing, false);
	}
	ht_expect(stops->run, "heddle_group_set_cap",
		  heddle_group_set_cap(stops->group, 1, NULL));
}

static void obey(struct ht_stops *stops, struct ht_actor *actor,
		 enum ht_order order)
{
	switch (order) {
	case HT_ORDER_START:
		ht_expect(stops->run, "heddle_pool_start",
			  heddle_pool_start(stops->pool, 1, NULL,
					    HEDDLE_FOREVER));
		break;
	case HT_ORDER_RETIRE:
		ht_expect(stops->run, "heddle_pool_stop at R1",
			  heddle_pool_stop(stops->pool, 0, HEDDLE_R1_LEFT, NULL,
					   HEDDLE_FOREVER));
		break;
	case HT_ORDER_HELP:
		help(stops);
		break;
	case HT_ORDER_CAP:
		change_caps(stops);
		break;
	case HT_ORDER_CLOSE:
		ht_expect(stops->run, "heddle_group_close",
			  heddle_group_close(stops->group, HEDDLE_CLOSE_QUIESCE,
					     HEDDLE_FOREVER));
		break;
	case HT_ORDER_LET_GO:
		ht_spin(ht_random_below(&actor->random, 20000));
		set(&stops->wakes, true);
		set(&stops->let_go, true);
		break;
	default:
		break;
	}
}

static void hand_body(struct ht_actor *actor)
{
	struct ht_hand *hand = actor->data;
	enum ht_order order;

	pthread_mutex_lock(&hand->lock);
	while (!atomic_load_explicit(&actor->run->is_stopping,
				     memory_order_acquire)) {
		struct timespec soon;

		/* A beat now and then: waiting here is no stall. */
		clock_gettime(CLOCK_REALTIME, &soon);
		soon.tv_sec++;
		ht_actor_doing(actor, "waiting for an order");
		if (!hand->order)
			pthread_cond_timedwait(&hand->changed, &hand->lock,
					       &soon);
		order = hand->order;
		if (!order)
			continue;
		pthread_mutex_unlock(&hand->lock);
		ht_actor_step(actor);
		ht_actor_doing(actor, "obeying an order");
		obey(hand->stops, actor, order);
		pthread_mutex_lock(&hand->lock);
		hand->order = HT_ORDER_NOTHING;
		pthread_cond_broadcast(&hand->changed);
	}
	pthread_mutex_unlock(&hand->lock);
}

void ht_hand_tell(struct ht_hand *hand, enum ht_order order)
{
	pthread_mutex_lock(&hand->lock);
	hand->order = order;
	pthread_cond_broadcast(&hand->changed);
	pthread_mutex_unlock(&hand->lock);
}

void ht_hand_wait(struct ht_hand *hand)
{
	pthread_mutex_lock(&hand->lock);
	while (hand->order)
		pthread_cond_wait(&hand->changed, &hand->lock);
	pthread_mutex_unlock(&hand->lock);
}

void ht_hand_add(struct ht_stops *stops, struct ht_hand *hand, const char *role)
{
	hand->stops = stops;
	pthread_mutex_init(&hand->lock, NULL);
	pthread_cond_init(&hand->changed, NULL);
	ht_actor_add(stops->run, role, hand_body, hand);
}

/* -- bringing a worker into a state -- */

/* Is there a worker in that state, or in any state with a guest? */
static bool sees(struct ht_stops *stops, uint32_t state, bool guest)
{
	struct heddle_worker_info info[2 * HT_STOP_WORKERS];
	int n = heddle_workers(stops->pool, info, 2 * HT_STOP_WORKERS), i;

	for (i = 0; i < n && i < 2 * HT_STOP_WORKERS; i++)
		if (info[i].state == state && (!guest || info[i].guest))
			return true;
	return false;
}

static bool see_soon(struct ht_stops *stops, uint32_t state, bool guest,
		     uint32_t within_us)
{
	uint64_t end = ht_now() + UINT64_C(1000) * within_us;
	uint32_t looks = 0;

	while (!sees(stops, state, guest)) {
		if (ht_now() > end)
			return false;
		look_again(&looks);
	}
	return true;
}

static bool see(struct ht_stops *stops, uint32_t state)
{
	return see_soon(stops, state, false, SEE_US);
}

void ht_stop_start(struct ht_stops *stops)
{
	ht_expect(stops->run, "heddle_pool_start",
		  heddle_pool_start(stops->pool, 1, NULL, HEDDLE_FOREVER));
}

static void submit(struct ht_stops *stops, struct heddle_group *group,
		   heddle_call_fn fn)
{
	int rc = heddle_submit_call(group, fn, stops);

	ht_expect(stops->run, "heddle_submit_call", rc);
	if (!rc)
		add(&stops->accepted);
}

static void spawn(struct ht_stops *stops, int32_t (*fn)(void *arg))
{
	struct heddle_guest_options options = {
		.struct_size = sizeof(options),
		.flags = HEDDLE_GUEST_DETACHED,
		.fn = fn,
		.arg = stops,
	};
	int rc = heddle_guest_spawn(stops->process, &options, NULL,
				    HEDDLE_FOREVER);

	ht_expect(stops->run, "heddle_guest_spawn", rc);
	if (!rc)
		add(&stops->accepted);
}

static bool arrange_returning(struct ht_stops *stops)
{
	submit(stops, stops->group, run_blocked);
	if (!see(stops, HEDDLE_WORKER_BLOCKED))
		return false;
	submit(stops, stops->group, run_held);
	if (!see(stops, HEDDLE_WORKER_RUNNING))
		return false;
	set(&stops->wakes, true);
	return see(stops, HEDDLE_WORKER_RETURNING);
}

static bool arrange_guest(struct ht_stops *stops)
{
	spawn(stops, guest_held);
	return see_soon(stops, HEDDLE_WORKER_RUNNING, true, SEE_US);
}

static bool arrange_cap(struct ht_stops *stops)
{
	uint64_t end = ht_now() + UINT64_C(1000) * SEE_US;
	uint32_t looks = 0;

	submit(stops, stops->group, run_held);
	ht_hand_tell(&stops->other, HT_ORDER_CAP);
	while (!is_set(&stops->is_changing)) {
		if (ht_now() > end)
			return false;
		look_again(&looks);
	}
	return true;
}

static bool arrange_close(struct ht_stops *stops)
{
	struct heddle_group_stat stat = { .struct_size = sizeof(stat) };
	uint64_t end = ht_now() + UINT64_C(1000) * SEE_US;
	uint32_t looks = 0;

	submit(stops, stops->group, run_held);
	if (!see(stops, HEDDLE_WORKER_RUNNING))
		return false;
	submit(stops, stops->group, run_short);
	ht_hand_tell(&stops->other, HT_ORDER_CLOSE);
	for (;;) {
		ht_expect(stops->run, "heddle_group_stat",
			  heddle_group_stat(stops->group, &stat));
		if (stat.reason == HEDDLE_REASON_CLOSED)
			return true;
		if (ht_now() > end)
			return false;
		look_again(&looks);
	}
}

static bool arrange_queued(struct ht_stops *stops)
{
	struct heddle_group_stat stat = { .struct_size = sizeof(stat) };
	int i;

	submit(stops, stops->group, run_held);
	for (i = 0; i < QUEUED; i++)
		submit(stops, stops->group, run_short);
	ht_expect(stops->run, "heddle_group_stat",
		  heddle_group_stat(stops->group, &stat));
	return stat.queued >= QUEUED && see(stops, HEDDLE_WORKER_RUNNING);
}

/* Its deadline passes while the task runs, so it must be called again. */
static bool arrange_retry(struct ht_stops *stops)
{
	int rc;

	submit(stops, stops->group, run_held);
	if (!see(stops, HEDDLE_WORKER_RUNNING))
		return false;
	rc = heddle_pool_stop(stops->pool, 0, HEDDLE_R4_CLEAN, NULL,
			      ht_now() + 20000);
	if (rc != -ETIMEDOUT)
		ht_expect(stops->run, "heddle_pool_stop that is too early",
			  rc ? rc : 1);
	return rc == -ETIMEDOUT;
}

static bool arrange_in_hook(struct ht_stops *stops, enum ht_order order,
			    uint32_t state)
{
	set(&stops->hooks_wait, true);
	ht_hand_tell(&stops->other, order);
	return see(stops, state);
}

static bool arrange_left(struct ht_stops *stops)
{
	ht_expect(stops->run, "heddle_pool_stop at R1",
		  heddle_pool_stop(stops->pool, 0, HEDDLE_R1_LEFT, NULL,
				   HEDDLE_FOREVER));
	return sees(stops, HEDDLE_WORKER_LEFT, false);
}

/*
 * The delay holds the worker where it is while we look and stop. Where we were not let
 * run in time, on a machine that is busy, the next one is longer.
 */
static bool arrange_delayed(struct ht_stops *stops, enum ht_met state)
{
	uint32_t moment_us = stops->moment_us ? stops->moment_us : MOMENT_US;
	bool seen;

	if (state == HT_MET_SEARCHING) {
		heddle_delay_set(HEDDLE_DELAY_CLAIM, moment_us * 1000);
		submit(stops, stops->group, run_short);
		seen = see_soon(stops, HEDDLE_WORKER_SEARCHING, false,
				10 * moment_us);
	} else {
		heddle_delay_set(HEDDLE_DELAY_SCRUB, moment_us * 1000);
		spawn(stops, guest_short);
		seen = see_soon(stops, HEDDLE_WORKER_SCRUB, false,
				10 * moment_us);
	}
	if (!seen && moment_us < MOMENT_MAX_US)
		stops->moment_us = 2 * moment_us;
	return seen;
}

bool ht_stop_arrange(struct ht_stops *stops, enum ht_met state)
{
	if (state != HT_MET_STARTING && state != HT_MET_HELPING)
		ht_stop_start(stops);
	switch (state) {
	case HT_MET_PARKED:
		return see(stops, HEDDLE_WORKER_PARKED);
	case HT_MET_SEARCHING:
	case HT_MET_SCRUB:
		return arrange_delayed(stops, state);
	case HT_MET_RUNNING:
		submit(stops, stops->group, run_held);
		return see(stops, HEDDLE_WORKER_RUNNING);
	case HT_MET_BLOCKED:
		submit(stops, stops->group, run_blocked);
		return see(stops, HEDDLE_WORKER_BLOCKED);
	case HT_MET_RETURNING:
		return arrange_returning(stops);
	case HT_MET_GUEST:
		return arrange_guest(stops);
	case HT_MET_STARTING:
		return arrange_in_hook(stops, HT_ORDER_START,
				       HEDDLE_WORKER_STARTING);
	case HT_MET_LEAVING:
		return arrange_in_hook(stops, HT_ORDER_RETIRE,
				       HEDDLE_WORKER_LEAVING);
	case HT_MET_LEFT:
		return arrange_left(stops);
	case HT_MET_HELPING:
		ht_hand_tell(&stops->other, HT_ORDER_HELP);
		return see(stops, HEDDLE_WORKER_RUNNING);
	case HT_MET_CAP:
		return arrange_cap(stops);
	case HT_MET_CLOSING:
		return arrange_close(stops);
	case HT_MET_QUEUED:
		return arrange_queued(stops);
	default:
		return arrange_retry(stops);
	}
}
