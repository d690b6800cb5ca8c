/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Submit, join and cancel: exactly once or cancelled, bounds, order of
 * memory, joins from inside, deadlocks that are named.
 *
 * clause: Q1 Q2 Q3 N1 N2 N3 E1
 * fault: F30 F31 F32
 */
#include <errno.h>
#include <stdlib.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

struct job {
	struct heddle_task task;
	struct heddle_group *group;
	struct job *other;
	uint64_t depth, value;
	int rc;
};

static _Atomic uint64_t ran, hold, waiting;

static void count(struct heddle_task *task)
{
	(void)task;
	atomic_fetch_add(&ran, 1);
}

static void wait_hold(struct heddle_task *task)
{
	(void)task;
	atomic_fetch_add(&waiting, 1);
	while (atomic_load(&hold))
		su_wait_at_least(&ran, UINT64_MAX, 1);
	atomic_fetch_add(&ran, 1);
}

static void bounds(struct heddle_pool *pool)
{
	struct heddle_group_options o = { .struct_size = sizeof(o),
					  .flags = HEDDLE_GROUP_PAUSED,
					  .queue_slots = 10 };
	struct heddle_task task[12], *list[12];
	struct heddle_group *group;
	size_t accepted;
	int i, rc = 0;

	if (heddle_group_create(heddle_pool_group(pool), &o, &group))
		bail("group");
	for (i = 0; i < 12; i++) {
		task[i] = (struct heddle_task)HEDDLE_TASK_INIT(count);
		list[i] = &task[i];
	}
	ok(heddle_submit_many(group, list, 12, &accepted) == -EAGAIN &&
		   accepted == 10,
	   "a batch of 12 into a queue of 10: the first %zu", accepted);
	ok(heddle_submit(group, &task[0]) == -EBUSY, "accepted already");
	ok(heddle_cancel(&task[3], HEDDLE_NOW) == 0, "cancel a queued one");
	ok(heddle_join(&task[3], 0, HEDDLE_NOW) == -ECANCELED, "it says so");
	ok(heddle_cancel(&task[3], HEDDLE_NOW) == -EALREADY, "only once");
	ok(heddle_submit(group, &task[10]) == 0, "room for another");
	ok(heddle_submit(group, &task[11]) == -EAGAIN, "and no more");
	ok(heddle_join(&task[11], 0, HEDDLE_NOW) == -EINVAL,
	   "a refused one was never submitted");
	atomic_store(&ran, 0);
	heddle_group_set_cap(group, 1, NULL);
	for (i = 0; i < 11; i++)
		if (i != 3)
			rc |= heddle_join(&task[i], 0, su_in_ms(5000));
	ok(rc == 0 && ran == 10, "ten ran: %llu", (unsigned long long)ran);
	ok(heddle_group_close(group, HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
			      su_in_ms(5000)) == 0,
	   "drain and free");
}

static void never(void *arg)
{
	(void)arg;
	abort();
}

static void pool_bound(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = 1,
					 .tasks_max = 1000 };
	struct heddle_pool *pool;
	int n = 0, rc;

	if (heddle_pool_create(&o, &pool))
		bail("create");
	while ((rc = heddle_submit_call(heddle_pool_group(pool), never,
					NULL)) == 0)
		n++;
	ok(rc == -EAGAIN && n == 1000, "the pool takes exactly 1000: %d", n);
	su_destroy(pool);
}

/* N1: what the topmost frame of this thread's stack waits for. */
static _Thread_local struct heddle_task *joins_now;
static _Atomic uint64_t strangers;

static int join_here(struct heddle_task *task)
{
	struct heddle_task *below = joins_now;
	int rc;

	joins_now = task;
	rc = heddle_join(task, 0, HEDDLE_FOREVER);
	joins_now = below;
	return rc;
}

/* A recursive sum: each level joins two tasks of its own. */
static void tree(struct heddle_task *task)
{
	struct job *job = (struct job *)task, child[2];
	int i;

	if (joins_now && joins_now != task)
		atomic_fetch_add(&strangers, 1);
	if (job->depth == 0) {
		job->value = 1;
		return;
	}
	for (i = 0; i < 2; i++) {
		child[i] = (struct job){ .task = HEDDLE_TASK_INIT(tree),
					 .group = job->group,
					 .depth = job->depth - 1 };
		if (heddle_submit(job->group, &child[i].task))
			bail("submit in a task");
	}
	for (i = 1; i >= 0; i--) {
		int rc = join_here(&child[i].task);

		if (rc)
			bail("join in a task: %d", rc);
	}
	job->value = child[0].value + child[1].value;
}

static void joins(struct heddle_pool *pool, struct heddle_group *group)
{
	struct job root = { .task = HEDDLE_TASK_INIT(tree),
			    .group = group,
			    .depth = 10 };
	int round, bad = 0;

	(void)pool;
	for (round = 0; round < 20; round++) {
		if (heddle_submit(group, &root.task))
			bail("submit");
		bad += heddle_join(&root.task, 0, su_in_ms(10000)) != 0 ||
		       root.value != 1024;
	}
	is_u64((uint64_t)bad, 0, "20 trees of 2047 tasks that join");
	is_u64(strangers, 0, "only the task to join ran above a join");
}

static void join_self(struct heddle_task *task)
{
	struct job *job = (struct job *)task;

	job->rc = heddle_join(task, 0, HEDDLE_FOREVER);
}

/* Joins the other one, which joins us; at least one is told. */
static void join_other(struct heddle_task *task)
{
	struct job *job = (struct job *)task;

	atomic_fetch_add(&waiting, 1);
	su_wait_at_least(&waiting, 2, 5000);
	job->rc = heddle_join(&job->other->task, 0, HEDDLE_FOREVER);
}

static void deadlocks(struct heddle_pool *pool)
{
	struct heddle_group *group = heddle_pool_group(pool);
	struct job a = { .task = HEDDLE_TASK_INIT(join_self) }, b;
	int i, told = 0;

	heddle_submit(group, &a.task);
	if (heddle_join(&a.task, 0, su_in_ms(5000)))
		bail("a task that joins itself hangs");
	ok(a.rc == -EDEADLK, "a task that joins itself: %d", a.rc);
	for (i = 0; i < 50; i++) {
		atomic_store(&waiting, 0);
		a = (struct job){ .task = HEDDLE_TASK_INIT(join_other),
				  .other = &b };
		b = (struct job){ .task = HEDDLE_TASK_INIT(join_other),
				  .other = &a };
		heddle_submit(group, &a.task);
		heddle_submit(group, &b.task);
		if (heddle_join(&a.task, 0, su_in_ms(5000)) ||
		    heddle_join(&b.task, 0, su_in_ms(5000)))
			bail("two tasks that join each other hang");
		told += a.rc == -EDEADLK || b.rc == -EDEADLK;
	}
	is_u64((uint64_t)told, 50, "two tasks that join each other");
}

static void started_task(struct heddle_pool *pool)
{
	struct heddle_task task = HEDDLE_TASK_INIT(wait_hold);

	atomic_store(&hold, 1);
	atomic_store(&waiting, 0);
	heddle_submit(heddle_pool_group(pool), &task);
	su_wait_at_least(&waiting, 1, 5000);
	ok(heddle_cancel(&task, HEDDLE_NOW) == -ETIMEDOUT,
	   "a started task is not cancelled");
	ok(heddle_join(&task, 0, su_in_ms(20)) == -ETIMEDOUT, "nor ended");
	atomic_store(&hold, 0);
	ok(heddle_cancel(&task, su_in_ms(5000)) == -EALREADY, "it has run");
	ok(heddle_join(&task, 2, HEDDLE_NOW) == -EINVAL, "unknown flags");
	ok(heddle_submit(NULL, &task) == -EINVAL &&
		   heddle_submit(heddle_pool_group(pool), NULL) == -EINVAL &&
		   heddle_submit_call(heddle_pool_group(pool), NULL, NULL) ==
			   -EINVAL,
	   "nothing to run");
}

int main(void)
{
	struct heddle_group_options leaf = { .struct_size = sizeof(leaf),
					     .cap = 1 };
	struct heddle_group *group;
	struct heddle_pool *pool;

	tap_deadline(110);
	pool = su_pool(2);
	bounds(pool);
	joins(pool, heddle_pool_group(pool));
	if (heddle_group_create(heddle_pool_group(pool), &leaf, &group))
		bail("group");
	joins(pool, group);
	deadlocks(pool);
	started_task(pool);
	su_check_at_rest(pool);
	su_destroy(pool);
	pool = su_pool(1);
	joins(pool, heddle_pool_group(pool));
	su_destroy(pool);
	pool_bound();
	return tap_done();
}
