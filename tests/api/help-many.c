/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many joins that help at once, beside workers: caps are exact, order holds, nobody is
 * left waiting, and the bounds of an ELASTIC pool are what they are without helpers.
 *
 * Method: gauges in the tasks; each test shows that helpers ran some of them. Pools
 * whose only threads are helpers show that every wait of one is ended by another.
 *
 * clause: N3 C1 C2 C6 B1 B2 D5 Q3 Q4 S2
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define HELP    HEDDLE_JOIN_HELP
#define LONG_MS 20000
#define HELPERS 4

static _Thread_local bool is_outside; /* helpers say so of themselves */
static _Atomic uint64_t next_start, disorder;

/* How many are inside a group now, and at most. */
struct gauge {
	_Atomic uint64_t now, most;
};

struct item {
	struct heddle_task task;
	struct heddle_group *group;
	struct gauge *gauge[2];
	_Atomic uint64_t *helped;
	uint64_t number;
};

static void enter(struct gauge *gauge)
{
	uint64_t now = atomic_fetch_add(&gauge->now, 1) + 1;
	uint64_t most = atomic_load(&gauge->most);

	while (most < now &&
	       !atomic_compare_exchange_weak(&gauge->most, &most, now))
		;
}

static void leave(struct gauge *gauge)
{
	atomic_fetch_sub(&gauge->now, 1);
}

static void wait_a_little(void)
{
	uint64_t end = su_now_ns() + 20000;

	while (su_now_ns() < end)
		;
}

static void gauged(struct heddle_task *task)
{
	struct item *item = (struct item *)(void *)task;

	enter(item->gauge[0]);
	enter(item->gauge[1]);
	if (is_outside)
		atomic_fetch_add(item->helped, 1);
	wait_a_little();
	leave(item->gauge[1]);
	leave(item->gauge[0]);
}

/* In a region nobody is inside, and afterwards again. */
static void gauged_region(struct heddle_task *task)
{
	struct item *item = (struct item *)(void *)task;

	gauged(task);
	heddle_block_begin(HEDDLE_BLOCK_OTHER, NULL, NULL);
	wait_a_little();
	heddle_block_end();
	gauged(task);
	(void)item;
}

/* ---- caps ---- */

struct crowd {
	pthread_t thread;
	struct heddle_group *group;
	struct gauge *gauge[2];
	_Atomic uint64_t *helped;
	uint64_t rounds;
	uint64_t bad;
	bool by_regions;
};

static void *submits_and_helps(void *arg)
{
	struct crowd *crowd = arg;
	struct item item[8];
	uint64_t i, k;

	is_outside = true;
	for (i = 0; i < crowd->rounds; i++) {
		for (k = 0; k < 8; k++) {
			item[k] = (struct item){
				.task = HEDDLE_TASK_INIT(crowd->by_regions
								 ? gauged_region
								 : gauged),
				.gauge = { crowd->gauge[0], crowd->gauge[1] },
				.helped = crowd->helped,
			};
			if (heddle_submit(crowd->group, &item[k].task))
				bail("submit");
		}
		/* The newest first: workers begin at the other end. */
		for (k = 8; k-- > 0;)
			crowd->bad += heddle_join(&item[k].task, HELP,
						  su_in_ms(LONG_MS)) != 0;
	}
	return NULL;
}

static void caps(bool by_regions)
{
	struct heddle_pool *pool = su_pool_with(
		&(struct heddle_pool_options){
			.struct_size = sizeof(struct heddle_pool_options),
			.workers_max = 4,
		},
		2);
	static struct gauge whole, below[2];
	static _Atomic uint64_t helped;
	struct crowd crowd[HELPERS];
	struct heddle_group *group[2];
	uint64_t bad = 0, total = 0;
	int i;

	memset(&whole, 0, sizeof(whole));
	memset(below, 0, sizeof(below));
	atomic_store(&helped, 0);
	heddle_group_set_cap(heddle_pool_group(pool), 3, NULL);
	for (i = 0; i < 2; i++)
		group[i] = su_group(heddle_pool_group(pool),
				    (struct heddle_group_options){ .cap = 2 });
	for (i = 0; i < HELPERS; i++) {
		crowd[i] = (struct crowd){
			.group = group[i % 2],
			.gauge = { &whole, &below[i % 2] },
			.helped = &helped,
			.rounds = by_regions ? 40 : 100,
			.by_regions = by_regions,
		};
		if (pthread_create(&crowd[i].thread, NULL, submits_and_helps,
				   &crowd[i]))
			bail("thread");
	}
	for (i = 0; i < HELPERS; i++) {
		pthread_join(crowd[i].thread, NULL);
		bad += crowd[i].bad;
		total += crowd[i].rounds * 8 * (by_regions ? 2 : 1);
	}
	is_u64(bad, 0, "%d threads that submit and help: every join", HELPERS);
	ok(whole.most <= 3 && below[0].most <= 2 && below[1].most <= 2,
	   "caps of 3, 2, 2 with helpers%s: %lu, %lu, %lu",
	   by_regions ? " in regions" : "", (unsigned long)whole.most,
	   (unsigned long)below[0].most, (unsigned long)below[1].most);
	ok(whole.most >= 2, "more than one at once");
	ok(helped > 0 && helped < total, "helpers ran %lu of %lu",
	   (unsigned long)helped, (unsigned long)total);
	su_check_at_rest(pool);
	su_destroy(pool);
}

/* ---- order ---- */

static void numbered(struct heddle_task *task)
{
	struct item *item = (struct item *)(void *)task;

	if (atomic_fetch_add(&next_start, 1) != item->number)
		atomic_fetch_add(&disorder, 1);
	if (atomic_fetch_add(&item->gauge[0]->now, 1))
		atomic_fetch_add(&disorder, 1);
	wait_a_little();
	atomic_fetch_sub(&item->gauge[0]->now, 1);
	if (is_outside)
		atomic_fetch_add(item->helped, 1);
}

static void *helps_one(void *arg)
{
	struct item *item = arg;

	is_outside = true;
	if (heddle_join(&item->task, HELP, su_in_ms(LONG_MS)))
		atomic_fetch_add(&disorder, 1);
	return NULL;
}

/* As many helpers as tasks, each with its own, the last one first. */
static void in_order(uint32_t workers, uint32_t order, const char *name)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = 4 };
	static struct gauge gauge;
	static _Atomic uint64_t helped;
	struct heddle_group *group;
	struct heddle_pool *pool = su_pool_with(&o, 0);
	struct item item[12];
	pthread_t thread[12];
	uint32_t round, i;

	group = su_group(heddle_pool_group(pool),
			 (struct heddle_group_options){ .order = order,
							.cap = 1 });
	atomic_store(&helped, 0);
	atomic_store(&disorder, 0);
	for (round = 0; round < 40; round++) {
		atomic_store(&next_start, 0);
		for (i = 0; i < 12; i++) {
			item[i] = (struct item){
				.task = HEDDLE_TASK_INIT(numbered),
				.gauge = { &gauge },
				.helped = &helped,
				.number = i,
			};
			if (heddle_submit(group, &item[i].task))
				bail("submit");
		}
		/* The workers come when some helpers are at work. */
		for (i = 12; i-- > 0;) {
			if (pthread_create(&thread[i], NULL, helps_one,
					   &item[i]))
				bail("thread");
			if (i == 0)
				su_wait_at_least(&next_start, 1, LONG_MS);
			if (i == 0 && workers &&
			    heddle_pool_start(pool, workers, NULL,
					      HEDDLE_FOREVER))
				bail("start");
		}
		for (i = 0; i < 12; i++)
			pthread_join(thread[i], NULL);
		if (heddle_pool_stop(pool, 0, HEDDLE_R1_LEFT, NULL,
				     HEDDLE_FOREVER))
			bail("stop");
	}
	ok(atomic_load(&disorder) == 0, "%s, %u workers: in order", name,
	   workers);
	ok(workers ? helped > 0 : helped == 480, "helpers ran %lu of 480",
	   (unsigned long)helped);
	su_check_at_rest(pool);
	su_destroy(pool);
}

/* ---- bounds ---- */

static _Atomic uint64_t here, go;

static void waits(struct heddle_task *task)
{
	struct item *item = (struct item *)(void *)task;

	if (item->number)
		heddle_block_begin(HEDDLE_BLOCK_OTHER, NULL, NULL);
	atomic_fetch_add(&here, 1);
	su_wait_at_least(&go, 1, LONG_MS);
	if (item->number)
		heddle_block_end();
}

static pthread_t waiter(struct heddle_group *group, struct item *item,
			bool in_region)
{
	pthread_t thread;

	*item = (struct item){ .task = HEDDLE_TASK_INIT(waits),
			       .number = in_region };
	if (heddle_submit(group, &item->task) ||
	    pthread_create(&thread, NULL, helps_one, item))
		bail("helper");
	return thread;
}

/* Of tasks that never end by themselves as many run as the root lets. */
static void workers_and_helpers(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .flags = HEDDLE_POOL_ELASTIC,
					 .workers_max = 2,
					 .blocked_max = 1 };
	struct heddle_check check = { .struct_size = sizeof(check) };
	struct item item[3], own[2];
	struct heddle_group *root;
	struct heddle_pool *pool;
	pthread_t thread[3];
	int i, rc;

	if (heddle_pool_create(&o, &pool))
		bail("pool");
	tap_on_deadline(su_dump, pool);
	root = heddle_pool_group(pool);
	atomic_store(&disorder, 0);
	atomic_store(&here, 0);
	atomic_store(&go, 0);
	for (i = 0; i < 3; i++)
		thread[i] = waiter(root, &item[i], true);

	su_wait_at_least(&here, 3, LONG_MS);

	rc = heddle_pool_start(pool, 2, NULL, su_in_ms(LONG_MS));
	heddle_check(pool, &check);
	ok(rc == 0, "a start beside helpers in regions: %d", rc);
	for (i = 0; i < 2; i++) {
		own[i] = (struct item){ .task = HEDDLE_TASK_INIT(waits) };
		if (heddle_submit(root, &own[i].task))
			bail("submit");
	}
	ok(su_wait_at_least(&here, 5, LONG_MS),
	   "all that the root lets run, run beside them");
	heddle_check(pool, &check);
	ok(!check.violations, "no bound is broken: %s",
	   check.violations ? check.violation[0].detail : "none");
	atomic_store(&go, 1);
	for (i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	for (i = 0; i < 2; i++)
		if (heddle_join(&own[i].task, 0, su_in_ms(LONG_MS)))
			bail("join");
	ok(atomic_load(&disorder) == 0, "every join has returned");
	su_check_at_rest(pool);
	su_destroy(pool);
}

/* Helpers alone, all in regions: blocked_max bounds replacements, not them. */
static void regions_of_helpers(void)
{
	struct heddle_pool_options o = {
		.struct_size = sizeof(o),
		.flags = HEDDLE_POOL_ELASTIC,
		.workers_max = 1,
		.blocked_max = 1,
		.blocked_policy = HEDDLE_BLOCKED_REFUSE,
	};
	struct heddle_check check = { .struct_size = sizeof(check) };
	struct heddle_pool *pool;
	struct item item[6];
	pthread_t thread[6];
	int i;

	if (heddle_pool_create(&o, &pool))
		bail("pool");
	atomic_store(&here, 0);
	atomic_store(&go, 0);
	for (i = 0; i < 6; i++)
		thread[i] = waiter(heddle_pool_group(pool), &item[i], true);
	ok(su_wait_at_least(&here, 6, LONG_MS),
	   "one unit, and six helpers in regions");
	heddle_check(pool, &check);
	ok(check.blocked_bound_hits == 0 && check.workers == 6 &&
		   !check.violations,
	   "none is counted as one that is replaced: %lu hits, %u entries",
	   (unsigned long)check.blocked_bound_hits, check.workers);
	atomic_store(&go, 1);
	for (i = 0; i < 6; i++)
		pthread_join(thread[i], NULL);
	su_check_at_rest(pool);
	su_destroy(pool);
}

static void at_most(uint32_t helpers_max)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = 4,
					 .helpers_max = helpers_max };
	struct heddle_pool *pool;
	struct item item[3];
	pthread_t thread[3];
	int i;

	if (heddle_pool_create(&o, &pool))
		bail("pool");
	atomic_store(&here, 0);
	atomic_store(&go, 0);
	atomic_store(&disorder, 0);
	for (i = 0; i < 3; i++)
		thread[i] = waiter(heddle_pool_group(pool), &item[i], false);
	su_wait_at_least(&here, helpers_max, LONG_MS);
	ok(!su_wait_at_least(&here, helpers_max + 1, 50),
	   "%u helpers at once, with units for four", helpers_max);
	atomic_store(&go, 1);
	for (i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	ok(atomic_load(&here) == 3 && !atomic_load(&disorder),
	   "the others come later");
	su_destroy(pool);
}

static void none(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = 1,
					 .helpers_max = HEDDLE_HELPERS_NONE };
	struct item item = { .task = HEDDLE_TASK_INIT(waits) };
	struct heddle_pool *pool;

	atomic_store(&go, 1);
	if (heddle_pool_create(&o, &pool) ||
	    heddle_submit(heddle_pool_group(pool), &item.task))
		bail("pool");
	ok(heddle_join(&item.task, HELP, su_in_ms(20)) == -ETIMEDOUT,
	   "a pool that takes no helpers");
	su_destroy(pool);
	o.helpers_max = 5000;
	ok(heddle_pool_create(&o, &pool) == -EINVAL, "too many helpers");
	o.helpers_max = 0;
	o.reserved = 1;
	ok(heddle_pool_create(&o, &pool) == -EINVAL, "the reserved field");
}

/* ---- dead nodes ---- */

static void counts(struct heddle_task *task)
{
	(void)task;
	atomic_fetch_add(&here, 1);
}

static void call(void *arg)
{
	(void)arg;
	atomic_fetch_add(&here, 1);
}

/* Where no worker comes by, claimed nodes must not fill the pool. */
static void many_without_workers(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = 1,
					 .tasks_max = 256 };
	struct item item = { .task = HEDDLE_TASK_INIT(counts) };
	struct heddle_group_stat stat = { .struct_size = sizeof(stat) };
	struct heddle_pool *pool;
	struct heddle_group *root;
	int i, rc = 0;

	if (heddle_pool_create(&o, &pool))
		bail("pool");
	root = heddle_pool_group(pool);
	atomic_store(&here, 0);
	for (i = 0; i < 60; i++)
		rc |= heddle_submit_call(root, call, NULL);
	for (i = 0; i < 5000 && !rc; i++) {
		rc |= heddle_submit(root, &item.task);
		rc |= heddle_join(&item.task, HELP, HEDDLE_NOW);
		if (i % 100 == 0 && i < 4000)
			rc |= heddle_submit_call(root, call, NULL);
	}
	ok(rc == 0 && i == 5000, "5000 helped in a pool of 256 tasks: %d, %d",
	   i, rc);
	heddle_group_stat(root, &stat);
	ok(stat.queued == 100 && atomic_load(&here) == 5000,
	   "what nobody joins is still queued: %lu",
	   (unsigned long)stat.queued);
	if (heddle_pool_start(pool, 1, NULL, HEDDLE_FOREVER))
		bail("start");
	ok(su_wait_at_least(&here, 5100, LONG_MS), "and run by a worker");
	su_check_at_rest(pool);
	su_destroy(pool);
}

/* ---- destroyed meanwhile ---- */

static void *help_or_not(void *arg)
{
	struct item *item = arg;
	int rc = heddle_join(&item->task, HELP, HEDDLE_FOREVER);

	if (rc && rc != -ECANCELED)
		atomic_fetch_add(&disorder, 1);
	if (!rc)
		atomic_fetch_add(&go, 1);
	return NULL;
}

static void destroyed(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = 1 };
	int i, k, rc = 0;

	atomic_store(&disorder, 0);
	atomic_store(&here, 0);
	atomic_store(&go, 0);
	for (i = 0; i < 300; i++) {
		struct item item[2];
		struct heddle_pool *pool;
		pthread_t thread[2];

		if (heddle_pool_create(&o, &pool))
			bail("pool");
		for (k = 0; k < 2; k++) {
			item[k] = (struct item){ .task = HEDDLE_TASK_INIT(
							 counts) };
			if (heddle_submit(heddle_pool_group(pool),
					  &item[k].task) ||
			    pthread_create(&thread[k], NULL, help_or_not,
					   &item[k]))
				bail("helper");
		}
		if (i % 3)
			su_wait_at_least(&here, atomic_load(&here) + i % 3, 0);
		rc |= heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL,
					  HEDDLE_FOREVER);
		for (k = 0; k < 2; k++)
			pthread_join(thread[k], NULL);
	}
	ok(rc == 0 && !atomic_load(&disorder) &&
		   atomic_load(&go) == atomic_load(&here),
	   "300 pools destroyed under two helpers, %lu tasks ran",
	   (unsigned long)atomic_load(&go));
}

int main(void)
{
	tap_deadline(100);
	caps(false);
	caps(true);
	in_order(0, HEDDLE_ORDER_SERIAL, "SERIAL");
	in_order(0, HEDDLE_ORDER_FIFO, "FIFO");
	in_order(2, HEDDLE_ORDER_SERIAL, "SERIAL");
	in_order(2, HEDDLE_ORDER_FIFO, "FIFO");
	workers_and_helpers();
	regions_of_helpers();
	at_most(1);
	at_most(2);
	none();
	many_without_workers();
	destroyed();
	return tap_done();
}
