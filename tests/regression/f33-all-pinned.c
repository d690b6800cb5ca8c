/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: when tasks block every worker without a region, the pool says so: asked, by
 * the workers that are shown as running, and since when, and by a group with queued
 * tasks that names what it lacks; unasked, by the monitor, which reports each of
 * them within its time. When one task lets go, what is queued runs.
 *
 * fault: F33
 * clause: B3
 */
#include <semaphore.h>
#include <time.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

static sem_t gate;
static _Atomic uint64_t inside, done;

static void pin(void *arg)
{
	(void)arg;
	atomic_fetch_add_explicit(&inside, 1, memory_order_release);
	while (sem_wait(&gate))
		;
	atomic_fetch_add_explicit(&done, 1, memory_order_release);
}

/* ---- unasked ---- */

#define INTERVAL_MS 20
#define STALL_MS    200
#define TOLD_MAX    16

static struct {
	uint32_t worker, group;
	uint64_t when_ns;
} told[TOLD_MAX];
static _Atomic uint64_t told_n;

static void stalled(struct heddle_pool *pool,
		    const struct heddle_worker_info *worker, uint64_t age_ns,
		    void *arg)
{
	uint64_t n = atomic_load_explicit(&told_n, memory_order_relaxed);

	(void)pool;
	(void)arg;
	(void)age_ns;
	if (n == TOLD_MAX)
		return;
	told[n].worker = worker->index;
	told[n].group = worker->group;
	told[n].when_ns = su_now_ns();
	atomic_store_explicit(&told_n, n + 1, memory_order_release);
}

static void watch(struct heddle_pool *pool)
{
	struct heddle_monitor_options options = {
		.struct_size = sizeof(options),
		.interval_ns = INTERVAL_MS * UINT64_C(1000000),
		.stall_ns = STALL_MS * UINT64_C(1000000),
		.stalled = stalled,
	};

	if (heddle_monitor_start(pool, &options))
		bail("monitor");
}

/* Both, each with the group whose permit it has, in the time that is promised. */
static void check_told(uint64_t pinned_ns)
{
	uint64_t late;

	if (!ok(su_wait_at_least(&told_n, 2, 10000),
		"two workers are reported unasked"))
		return;
	ok(told[0].worker != told[1].worker &&
		   told[0].group + told[1].group == 1,
	   "one of each group, once");
	/* Ten intervals because the pool was idle; the rest is a busy machine. */
	late = told[1].when_ns - pinned_ns;
	ok(late <= (STALL_MS + 10 * INTERVAL_MS + 2000) * UINT64_C(1000000),
	   "within the time of the monitor: %llu ms",
	   (unsigned long long)(late / 1000000));
}

static void quick(void *arg)
{
	(void)arg;
	atomic_fetch_add_explicit(&done, 1, memory_order_release);
}

/* A permit in the hand of a look passes; so it is asked again. */
static uint32_t reason(struct heddle_group *group, uint32_t wanted)
{
	const struct timespec pause = { 0, 100000 };
	struct heddle_group_stat stat = { .struct_size = sizeof(stat) };
	uint64_t end = su_in_ms(5000);

	do {
		if (heddle_group_stat(group, &stat))
			bail("stat");
		if (stat.reason == wanted)
			break;
		nanosleep(&pause, NULL);
	} while (su_now_ns() < end);
	return stat.reason;
}

int main(void)
{
	struct heddle_group_options options = { .struct_size = sizeof(options),
						.cap = 1 };
	struct heddle_worker_info info[4];
	struct heddle_group *root, *group, *other;
	struct heddle_pool *pool;
	uint64_t now;
	int n;

	plan(10);
	tap_deadline(60);
	sem_init(&gate, 0, 0);
	pool = su_pool(2);
	root = heddle_pool_group(pool);
	if (heddle_group_create(root, &options, &group) ||
	    heddle_group_create(root, NULL, &other))
		bail("groups");
	watch(pool);
	if (heddle_submit_call(group, pin, NULL) ||
	    heddle_submit_call(root, pin, NULL))
		bail("submit");
	if (!su_wait_at_least(&inside, 2, 5000))
		bail("two tasks do not start");
	now = su_now_ns();
	check_told(now);
	if (heddle_submit_call(group, quick, NULL) ||
	    heddle_submit_call(other, quick, NULL))
		bail("submit");
	is_u64(reason(group, HEDDLE_REASON_CAP), HEDDLE_REASON_CAP,
	       "the capped group waits for its cap");
	is_u64(reason(other, HEDDLE_REASON_NO_WORKER), HEDDLE_REASON_NO_WORKER,
	       "the other one for a worker");
	n = heddle_workers(pool, info, 4);
	now = su_now_ns();
	ok(n == 2 && info[0].state == HEDDLE_WORKER_RUNNING &&
		   info[1].state == HEDDLE_WORKER_RUNNING,
	   "both workers are shown as running");
	ok(n == 2 && info[0].since_ns <= now && info[1].since_ns <= now,
	   "and since when");
	is_u64(done, 0, "nothing else ran");
	sem_post(&gate);
	sem_post(&gate);
	ok(su_wait_at_least(&done, 4, 5000), "all run when they let go");
	su_destroy(pool);
	return tap_done();
}
