/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waits of tasks that fork: what runs above them, circles in which a run waits, calls
 * that a join in a region makes in place, and a worker that gets no memory.
 *
 * Method: who waits for what is settled by flags, so that each case has one order.
 *
 * clause: N1 N2 Q1 C1
 */
#include <errno.h>
#include <unistd.h>

#include <heddle/forkjoin.h>
#include <heddle/testing.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define is_i(got, want, ...) \
 is_u64((uint64_t)(got), (uint64_t)(want), __VA_ARGS__)

static struct heddle_pool *pool;
static struct heddle_group *where;
static _Atomic int begun[8];

#define LONG_TIME (20 * 1000 * 1000)

static void until_begun(int n)
{
	while (!atomic_load(&begun[n]))
		;
}

static void forget(void)
{
	for (int i = 0; i < 8; i++)
		atomic_store(&begun[i], 0);
}

static int run_task(struct heddle_task *task, heddle_task_fn fn)
{
	int rc;

	*task = (struct heddle_task)HEDDLE_TASK_INIT(fn);
	rc = heddle_submit(where, task);
	return rc ? rc : heddle_join(task, 0, HEDDLE_FOREVER);
}

/* ---- the older of two forks that were taken is joined first ---- */

static long value;

static long part(long n);
HEDDLE_FORK_1(long, part, long)

static long part(long n)
{
	struct part_fork inner = { .value = 1000 };
	long sum = n, i;

	atomic_fetch_add(&begun[n], 1);
	for (i = 0; n == 2 && i < LONG_TIME && !begun[4]; i++)
		; /* out for so long */
	if (n == 1)
		until_begun(2);
	if (n == 1 || n == 3) {
		part_fork(where, &inner, n == 1 ? 3 : 4);
		for (i = 0; n == 1 && i < LONG_TIME && !begun[3]; i++)
			; /* who joins takes it, if it does not sleep yet */
		sum += part_join(&inner);
	}
	return sum;
}

static void join_older(struct heddle_task *task)
{
	struct part_fork one, two;

	(void)task;
	part_fork(where, &one, 1);
	until_begun(1);
	part_fork(where, &two, 2);
	until_begun(2);
	value = part_join(&one);
	value += 100 * part_join(&two);
}

static void crossed(void)
{
	struct heddle_task task;
	int i, good = 0;

	/* Mostly who joins is the one that gets what is forked last. */
	for (i = 0; i < 30 && good == i; i++) {
		forget();
		run_task(&task, join_older);
		good += value == 208;
	}
	is_i(good, 30, "what runs above a fork leaves newer ones: %ld", value);
}

/* ---- a circle over a run ---- */

static struct heddle_task runner;
static struct heddle_group *paused;
static int calls, rc_inside;
static _Atomic int submits;

HEDDLE_TASK_1(long, leads_back, long, n)
{
	if (n == 2) {
		atomic_fetch_add(&begun[2], 1);
		rc_inside = heddle_join(&runner, 0, HEDDLE_FOREVER);
		return 2;
	}
	calls++;
	HEDDLE_SPAWN(leads_back, 2);
	until_begun(2);
	usleep(1000); /* it waits; if not yet, it finds the circle itself */
	return n + HEDDLE_SYNC(leads_back);
}

static void runs(struct heddle_task *task)
{
	(void)task;
	atomic_store(&submits, 1);
	value = HEDDLE_RUN(leads_back, paused, 1);
}

static void circle(void)
{
	forget();
	heddle_group_create(where, NULL, &paused);
	heddle_group_close(paused, HEDDLE_CLOSE_QUIESCE, HEDDLE_FOREVER);
	runner = (struct heddle_task)HEDDLE_TASK_INIT(runs);
	heddle_submit(where, &runner);
	while (!atomic_load(&submits))
		;
	usleep(10000); /* it waits for the run */
	heddle_group_close(paused, HEDDLE_CLOSE_RESUME, HEDDLE_FOREVER);
	is_i(heddle_join(&runner, 0, HEDDLE_FOREVER), 0, "a run in a circle");
	ok(calls == 1 && value == 3, "is made once: %d, %ld", calls, value);
	is_i(rc_inside, -EDEADLK, "the join that may return is told");
	heddle_group_close(paused, HEDDLE_CLOSE_DRAIN, HEDDLE_FOREVER);
}

/* ---- a circle over a fork that is a submit ---- */

static struct heddle_task submitter;
static struct heddle_group *other;

static long joins_submitter(long n);
HEDDLE_FORK_1(long, joins_submitter, long)

static long joins_submitter(long n)
{
	calls++;
	atomic_fetch_add(&begun[1], 1);
	rc_inside = heddle_join(&submitter, 0, HEDDLE_FOREVER);
	return n;
}

/* It has begun, and perhaps waits; or it cannot begin before the join waits. */
static bool begins_first;

static void submits_fork(struct heddle_task *task)
{
	struct joins_submitter_fork f;

	(void)task;
	joins_submitter_fork(other, &f, 7);
	if (begins_first) {
		until_begun(1);
		usleep(5000);
	}
	atomic_store(&submits, 1);
	value = joins_submitter_join(&f);
}

static void circle_of_submit(bool first)
{
	forget();
	calls = 0;
	atomic_store(&submits, 0);
	begins_first = first;
	heddle_group_create(where, NULL, &other);
	if (!first)
		heddle_group_close(other, HEDDLE_CLOSE_QUIESCE, HEDDLE_FOREVER);
	submitter = (struct heddle_task)HEDDLE_TASK_INIT(submits_fork);
	heddle_submit(where, &submitter);
	while (!atomic_load(&submits))
		;
	usleep(5000);
	if (!first)
		heddle_group_close(other, HEDDLE_CLOSE_RESUME, HEDDLE_FOREVER);
	heddle_join(&submitter, 0, HEDDLE_FOREVER);
	ok(calls == 1 && value == 7 && rc_inside == -EDEADLK,
	   "a fork in a circle is called once%s: %d, %ld, %d",
	   first ? ", where it was there first" : "", calls, value, rc_inside);
	heddle_group_close(other, HEDDLE_CLOSE_DRAIN, HEDDLE_FOREVER);
}

/* ---- a call in place, of a join in a region ---- */

static int depth_inside;

static long looks(long n);
HEDDLE_FORK_1(long, looks, long)

static long looks(long n)
{
	/* In a region this would end it. */
	depth_inside = heddle_block_end() == 0;
	return n;
}

static void joins_in_region(struct heddle_task *task)
{
	struct looks_fork f;

	(void)task;
	heddle_block_begin(HEDDLE_BLOCK_OTHER, NULL, NULL);
	looks_fork(paused, &f, 5); /* refused: the group is closed */
	value = looks_join(&f);
	rc_inside = heddle_block_end();
}

static void region(void)
{
	struct heddle_task task;

	heddle_group_create(where, NULL, &paused);
	heddle_group_close(paused, HEDDLE_CLOSE_DRAIN, HEDDLE_FOREVER);
	run_task(&task, joins_in_region);
	ok(value == 5 && !depth_inside,
	   "a call in place is outside the region");
	is_i(rc_inside, 0, "which goes on behind it");
}

/* ---- memory ---- */

static void forks_without_memory(struct heddle_task *task)
{
	struct part_fork f;

	(void)task;
	heddle_fault_set(HEDDLE_FAULT_MAP, 1, UINT32_MAX, ENOMEM);
	part_fork(where, &f, 5);
	until_begun(5);
	value = part_join(&f);
	heddle_fault_set(HEDDLE_FAULT_MAP, 0, 0, 0);
}

static void no_memory(void)
{
	struct heddle_task task;

	forget();
	pool = su_pool(2);
	where = heddle_pool_group(pool);
	run_task(&task, forks_without_memory);
	is_u64((uint64_t)value, 5, "a thief without memory makes the call");
	su_destroy(pool);
}

static void forks_once(struct heddle_task *task)
{
	struct part_fork f;

	(void)task;
	part_fork(where, &f, 5);
	rc_inside = heddle_forks_->group == where; /* not a submit */
	part_join(&f);
}

static void many_slots(void)
{
	struct heddle_pool_options options = {
		.struct_size = sizeof(options),
		.workers_max = 1,
		.deque_slots = 1u << 18,
	};
	struct heddle_task task;

	pool = su_pool_with(&options, 1);
	where = heddle_pool_group(pool);
	run_task(&task, forks_once);
	is_i(rc_inside, 1, "deques may have more slots than stacks");
	su_destroy(pool);
}

int main(void)
{
	tap_deadline(60);
	no_memory();
	many_slots();
	pool = su_pool(3);
	where = heddle_pool_group(pool);
	crossed();
	circle();
	circle_of_submit(false);
	circle_of_submit(true);
	region();
	su_check_at_rest(pool);
	su_destroy(pool);
	return tap_done();
}
