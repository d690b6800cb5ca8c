/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ordered groups: FIFO starts in the order of submission, SERIAL runs one task at a
 * time through its blocking regions and joins.
 *
 * clause: Q4 B1 C4 N1 N2
 */
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include <heddle/testing.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define LONG_MS 20000
#define EACH    3000

struct job {
	struct heddle_task task;
	uint64_t number;
	struct job *other;
	struct heddle_group *group;
	int rc;
};

static struct heddle_pool *pool;
static _Atomic uint64_t inside, most, ended, disorder, turns, late, last[4];
static struct job jobs[4][EACH];

static struct heddle_group *ordered(struct heddle_group *parent, uint32_t order,
				    uint32_t cap, uint32_t flags)
{
	return su_group(parent,
			(struct heddle_group_options){
				.order = order, .cap = cap, .flags = flags });
}

static void enter(void)
{
	uint64_t now = atomic_fetch_add(&inside, 1) + 1;

	if (now > atomic_load(&most))
		atomic_store(&most, now);
}

static void leave(void)
{
	atomic_fetch_sub(&inside, 1);
	atomic_fetch_add(&ended, 1);
}

static void restart(void)
{
	atomic_store(&ended, 0);
	atomic_store(&most, 0);
	atomic_store(&disorder, 0);
	atomic_store(&turns, 0);
	atomic_store(&late, 0);
	for (int i = 0; i < 4; i++)
		atomic_store(&last[i], 0);
}

/* number: submitter << 32 | 1, 2, ... */
static void in_order(struct heddle_task *task)
{
	struct job *job = (struct job *)task;
	uint64_t who = job->number >> 32, n = (uint32_t)job->number;

	enter();
	if (atomic_exchange(&last[who], n) != n - 1)
		atomic_fetch_add(&disorder, 1);
	leave();
}

static void in_order_blocking(struct heddle_task *task)
{
	enter();
	heddle_block_begin(HEDDLE_BLOCK_SLEEP, NULL, NULL);
	heddle_block_end();
	atomic_fetch_sub(&inside, 1);
	in_order(task);
}

struct submitter {
	struct heddle_group *group;
	heddle_task_fn fn;
	uint64_t who;
};

static void *submits(void *arg)
{
	struct submitter *s = arg;
	uint64_t i;

	for (i = 0; i < EACH; i++) {
		struct job *job = &jobs[s->who][i];

		*job = (struct job){ .task.fn = s->fn,
				     .task.flags = HEDDLE_TASK_DETACHED,
				     .number = s->who << 32 | (i + 1) };
		if (heddle_submit(s->group, &job->task))
			bail("submit");
	}
	return NULL;
}

/* Four threads submit; something changes the cap of a group above meanwhile. */
static void all_in_order(uint32_t order, heddle_task_fn fn, const char *what)
{
	struct heddle_group *above =
		ordered(heddle_pool_group(pool), HEDDLE_ORDER_ANY, 2, 0);
	struct heddle_group *group = ordered(above, order, 1, 0);
	struct submitter submitter[4];
	pthread_t thread[4];
	bool all;
	int i;

	restart();
	for (i = 0; i < 4; i++) {
		submitter[i] = (struct submitter){ group, fn, (uint64_t)i };
		if (pthread_create(&thread[i], NULL, submits, &submitter[i]))
			bail("thread");
	}
	for (i = 0; i < 200; i++) {
		struct heddle_group *which = i & 1 ? above : group;

		heddle_group_set_cap(which, 0, NULL);
		heddle_group_set_cap(which, which == above ? 2 : 1, NULL);
	}
	for (i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	all = su_wait_at_least(&ended, 4 * EACH, 60000);
	ok(all && atomic_load(&disorder) == 0 && atomic_load(&most) == 1,
	   "%s: each submitter's in order, at most %lu at once, %lu astray",
	   what, (unsigned long)atomic_load(&most),
	   (unsigned long)atomic_load(&disorder));
	ok(heddle_group_close(above, HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
			      su_in_ms(LONG_MS)) == 0,
	   "%s: drained and freed", what);
}

static void counts(struct heddle_task *task)
{
	(void)task;
	enter();
	leave();
}

/* number: how many were submitted before it. */
static void by_turn(struct heddle_task *task)
{
	const struct timespec others_run = { 0, 20000 };
	struct job *job = (struct job *)task;
	uint64_t before = atomic_fetch_add(&turns, 1);

	enter();
	if (job->number > before)
		atomic_fetch_add(&late, 1);
	if (job->number > before + 2)
		atomic_fetch_add(&disorder, 1);
	nanosleep(&others_run, NULL);
	leave();
}

/*
 * Who holds one of three permits may have claimed its task and not have entered it. So
 * of the tasks before one that enters, two at most have not: claims come in order. The
 * delay between claim and call lets it come to that.
 */
static void together(void)
{
	struct heddle_group *group = ordered(heddle_pool_group(pool),
					     HEDDLE_ORDER_FIFO, 3,
					     HEDDLE_GROUP_PAUSED);
	uint64_t i;
	bool all;

	restart();
	for (i = 0; i < EACH; i++) {
		jobs[0][i] = (struct job){ .task.fn = by_turn,
					   .task.flags = HEDDLE_TASK_DETACHED,
					   .number = i };
		if (heddle_submit(group, &jobs[0][i].task))
			bail("submit");
	}
	heddle_delay_set(HEDDLE_DELAY_CLAIM, 20000);
	if (heddle_group_set_cap(group, 3, NULL))
		bail("cap");
	all = su_wait_at_least(&ended, EACH, LONG_MS);
	heddle_delay_set(HEDDLE_DELAY_CLAIM, 0);
	ok(all && atomic_load(&most) > 1 && atomic_load(&most) <= 3,
	   "FIFO with a cap of 3: all ran, at most %lu at once",
	   (unsigned long)atomic_load(&most));
	ok(atomic_load(&disorder) == 0,
	   "FIFO with a cap of 3: claimed in order, %lu astray, %lu entered late",
	   (unsigned long)atomic_load(&disorder),
	   (unsigned long)atomic_load(&late));
	heddle_group_close(group, HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
			   HEDDLE_FOREVER);
}

/* ---- closes and cancels ---- */

static void closes(void)
{
	struct heddle_group *group = ordered(heddle_pool_group(pool),
					     HEDDLE_ORDER_SERIAL, 1,
					     HEDDLE_GROUP_PAUSED);
	struct heddle_group_stat stat = { .struct_size = sizeof(stat) };
	int i, rc = 0, cancelled = 0;

	restart();
	for (i = 0; i < 10; i++) {
		jobs[0][i] = (struct job){ .task.fn = counts };
		rc |= heddle_submit(group, &jobs[0][i].task);
	}
	rc |= heddle_cancel(&jobs[0][4].task, HEDDLE_NOW);
	rc |= heddle_group_stat(group, &stat);
	ok(rc == 0 && stat.queued == 9, "one of ten cancelled, %lu are queued",
	   (unsigned long)stat.queued);
	rc = heddle_group_set_cap(group, 1, NULL);
	for (i = 0; i < 10; i++)
		if (i != 4)
			rc |= heddle_join(&jobs[0][i].task, 0, HEDDLE_FOREVER);
	ok(rc == 0 && atomic_load(&ended) == 9, "the others ran");
	heddle_group_set_cap(group, 0, NULL);
	for (i = 0; i < 10; i++)
		rc |= heddle_submit(group, &jobs[0][i].task);
	rc |= heddle_group_close(group, HEDDLE_CLOSE_REFUSE, HEDDLE_FOREVER);
	for (i = 0; i < 10; i++)
		cancelled += heddle_join(&jobs[0][i].task, 0, HEDDLE_FOREVER) ==
			     -ECANCELED;
	ok(rc == 0 && cancelled == 10, "a refusal cancels ten");
	heddle_group_close(group, HEDDLE_CLOSE_REFUSE | HEDDLE_CLOSE_FREE,
			   HEDDLE_FOREVER);
}

/* ---- joins ---- */

static void joins_own(struct heddle_task *task)
{
	struct job *job = (struct job *)task;

	job->rc = heddle_submit(job->group, &job->other->task);
	if (job->rc == 0)
		job->rc = heddle_join(&job->other->task, 0, HEDDLE_FOREVER);
	atomic_fetch_add(&ended, 1);
}

/* With one worker a join runs its task itself, or nobody does. */
static void joins(bool alone)
{
	struct heddle_group *root = heddle_pool_group(pool);
	struct heddle_group *serial = ordered(root, HEDDLE_ORDER_SERIAL, 0, 0);
	struct heddle_group *fifo = ordered(root, HEDDLE_ORDER_FIFO, 1, 0);
	struct job child = { .task.fn = counts };
	struct job parent = { .task.fn = joins_own,
			      .group = serial,
			      .other = &child };
	struct job outer = { .task.fn = joins_own,
			     .group = root,
			     .other = &parent };

	restart();
	if (heddle_submit(serial, &parent.task) ||
	    heddle_join(&parent.task, 0, HEDDLE_FOREVER) ||
	    heddle_join(&child.task, 0, HEDDLE_FOREVER))
		bail("serial");
	ok(parent.rc == -EDEADLK,
	   "a task that stands behind the caller in its SERIAL group");
	/* Through a task of another group that runs above. */
	child = (struct job){ .task.fn = counts };
	parent = (struct job){ .task.fn = joins_own,
			       .group = serial,
			       .other = &child };
	if (alone && (heddle_submit(serial, &outer.task) ||
		      heddle_join(&outer.task, 0, HEDDLE_FOREVER) ||
		      heddle_join(&child.task, 0, HEDDLE_FOREVER)))
		bail("through");
	ok(!alone || (outer.rc == 0 && parent.rc == -EDEADLK),
	   "and through another group: %d", parent.rc);
	child = (struct job){ .task.fn = counts };
	parent = (struct job){ .task.fn = joins_own,
			       .group = fifo,
			       .other = &child };
	if (heddle_submit(fifo, &parent.task) ||
	    heddle_join(&parent.task, 0, HEDDLE_FOREVER))
		bail("fifo");
	ok(parent.rc == 0, "in a FIFO group the next one runs at the join");
	heddle_group_close(serial, HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
			   HEDDLE_FOREVER);
	heddle_group_close(fifo, HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
			   HEDDLE_FOREVER);
}

static void joins_often(struct heddle_task *task)
{
	struct job *job = (struct job *)task;
	int i;

	for (i = 0; i < 50 && !job->rc; i++) {
		struct job gone = { .task.fn = counts };
		struct job child = { .task.fn = counts };

		job->rc = heddle_submit(job->group, &gone.task);
		if (job->rc == 0)
			job->rc = heddle_cancel(&gone.task, HEDDLE_NOW);
		if (job->rc == 0)
			job->rc = heddle_submit(job->group, &child.task);
		if (job->rc == 0)
			job->rc =
				heddle_join(&child.task, 0, su_in_ms(LONG_MS));
		if (job->rc)
			heddle_cancel(&child.task, HEDDLE_FOREVER);
	}
}

/* Nobody else can run them: what was joined or cancelled must not be in the way. */
static void joins_in_place(void)
{
	struct heddle_group *fifo =
		ordered(heddle_pool_group(pool), HEDDLE_ORDER_FIFO, 0, 0);
	struct job parent = { .task.fn = joins_often, .group = fifo };

	if (heddle_submit(heddle_pool_group(pool), &parent.task) ||
	    heddle_join(&parent.task, 0, HEDDLE_FOREVER))
		bail("parent");
	ok(parent.rc == 0, "50 joins in a row run their own task: %d",
	   parent.rc);
	ok(heddle_group_close(fifo, HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
			      su_in_ms(LONG_MS)) == 0,
	   "and leave nothing behind");
}

static void waits_for_itself(struct heddle_task *task)
{
	struct job *job = (struct job *)task;
	struct heddle_ticket ticket;

	heddle_block_begin(HEDDLE_BLOCK_OTHER, NULL, NULL);
	job->rc = heddle_group_set_cap(job->group, 0, &ticket);
	if (job->rc == 0)
		job->rc = heddle_group_wait(ticket, su_in_ms(LONG_MS));
	heddle_block_end();
}

/* Its unit is kept in the region, so the wait could not end. */
static void kept_in_region(void)
{
	struct heddle_group *serial =
		ordered(heddle_pool_group(pool), HEDDLE_ORDER_SERIAL, 0, 0);
	struct job job = { .task.fn = waits_for_itself, .group = serial };

	if (heddle_submit(serial, &job.task) ||
	    heddle_join(&job.task, 0, HEDDLE_FOREVER))
		bail("region");
	ok(job.rc == -EDEADLK,
	   "a SERIAL task in a region waits for its group to be empty: %d",
	   job.rc);
	heddle_group_close(serial, HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
			   HEDDLE_FOREVER);
}

static void quiesces(void)
{
	struct heddle_group *serial =
		ordered(heddle_pool_group(pool), HEDDLE_ORDER_SERIAL, 0, 0);
	uint64_t i;
	int rc = heddle_group_close(serial, HEDDLE_CLOSE_QUIESCE,
				    HEDDLE_FOREVER);

	restart();
	for (i = 0; i < 10; i++) {
		jobs[0][i] =
			(struct job){ .task.fn = in_order, .number = i + 1 };
		rc |= heddle_submit(serial, &jobs[0][i].task);
	}
	ok(rc == 0 && atomic_load(&ended) == 0,
	   "quiesced: queued, not started");
	rc = heddle_group_close(serial, HEDDLE_CLOSE_RESUME, HEDDLE_FOREVER);
	for (i = 0; i < 10; i++)
		rc |= heddle_join(&jobs[0][i].task, 0, HEDDLE_FOREVER);
	ok(rc == 0 && atomic_load(&ended) == 10 && atomic_load(&disorder) == 0,
	   "resumed: all, in order");
	heddle_group_close(serial, HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
			   HEDDLE_FOREVER);
}

static void errors(void)
{
	struct heddle_group *root = heddle_pool_group(pool), *serial, *group;
	struct heddle_group_options o = { .struct_size = sizeof(o) };
	int rc[5];

	o.order = 3;
	rc[0] = heddle_group_create(root, &o, &group);
	o.order = HEDDLE_ORDER_FIFO;
	o.flags = HEDDLE_GROUP_WIDE;
	rc[1] = heddle_group_create(root, &o, &group);
	o.flags = 0;
	o.order = HEDDLE_ORDER_SERIAL;
	o.cap = 2;
	rc[2] = heddle_group_create(root, &o, &group);
	serial = ordered(root, HEDDLE_ORDER_SERIAL, 0, 0);
	rc[3] = heddle_group_set_cap(serial, 2, NULL);
	rc[4] = heddle_group_create(serial, NULL, &group);
	ok(rc[0] == -EINVAL && rc[1] == -EINVAL && rc[2] == -EINVAL &&
		   rc[3] == -EINVAL && rc[4] == -EINVAL,
	   "an unknown order, WIDE, a cap of 2, a group below: %d %d %d %d %d",
	   rc[0], rc[1], rc[2], rc[3], rc[4]);
	heddle_group_close(serial, HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
			   HEDDLE_FOREVER);
}

int main(void)
{
	tap_deadline(110);
	pool = su_pool(4);
	all_in_order(HEDDLE_ORDER_FIFO, in_order, "FIFO");
	all_in_order(HEDDLE_ORDER_SERIAL, in_order, "SERIAL");
	all_in_order(HEDDLE_ORDER_SERIAL, in_order_blocking,
		     "SERIAL with blocking regions");
	together();
	closes();
	joins(false);
	kept_in_region();
	quiesces();
	errors();
	su_check_at_rest(pool);
	su_destroy(pool);
	pool = su_pool(1);
	joins(true);
	joins_in_place();
	su_destroy(pool);
	return tap_done();
}
