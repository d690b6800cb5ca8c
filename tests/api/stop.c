/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a task is asked to stop, how its blocking region is interrupted, what is done
 * after its return, and what can be seen of it.
 *
 * clause: Q1 L3 E1
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

struct job {
	struct heddle_task task;
	struct heddle_group *group;
	_Atomic uint64_t started, stopped, interrupts, released;
	bool with_interrupt;
	int rc;
	struct job *child;
};

#define LONG_MS 20000

static _Atomic uint64_t ended, cancelled, again;

/* ---- after the return ---- */

static void nothing(struct heddle_task *task)
{
	(void)task;
}

static struct heddle_group *where;

static void count_and_free(struct heddle_task *task, int status)
{
	atomic_fetch_add(status == 0 ? &ended : &cancelled, 1);
	/* L3: it would wait for itself if a lock were held here. */
	if (status)
		heddle_group_set_cap(where, HEDDLE_CAP_MAX, NULL);
	free(task);
}

static void three_times(struct heddle_task *task, int status)
{
	if (status == 0 && atomic_fetch_add(&again, 1) + 1 < 3)
		heddle_submit(where, task);
}

static struct heddle_task *detached(void)
{
	struct heddle_task *task = calloc(1, sizeof(*task));

	if (!task)
		bail("memory");
	task->fn = nothing;
	task->flags = HEDDLE_TASK_DETACHED;
	task->after = count_and_free;
	return task;
}

static void after_return(void)
{
	struct heddle_group_options paused = { .struct_size = sizeof(paused),
					       .flags = HEDDLE_GROUP_PAUSED };
	struct heddle_task repeated = HEDDLE_TASK_INIT(nothing);
	struct heddle_pool *pool = su_pool(2);
	struct heddle_group *group;
	int i, rc = 0;

	repeated.after = three_times;
	where = heddle_pool_group(pool);
	ok(heddle_submit(where, &repeated) == -EINVAL,
	   "an action needs a detached task");
	repeated.flags = HEDDLE_TASK_DETACHED;
	for (i = 0; i < 100; i++)
		rc |= heddle_submit(where, detached());
	rc |= heddle_submit(where, &repeated);
	su_wait_at_least(&ended, 100, LONG_MS);
	su_wait_at_least(&again, 3, LONG_MS);
	ok(rc == 0 && atomic_load(&ended) == 100 && atomic_load(&again) == 3,
	   "100 freed by their action, one submitted again by it");
	if (heddle_group_create(where, &paused, &group))
		bail("group");
	for (i = 0; i < 10; i++)
		rc |= heddle_submit(group, detached());
	rc |= heddle_group_close(group, HEDDLE_CLOSE_REFUSE, HEDDLE_FOREVER);
	ok(rc == 0 && atomic_load(&cancelled) == 10,
	   "ten refused, each action was told before the close returned");
	if (heddle_group_create(where, &paused, &group))
		bail("group");
	for (i = 0; i < 10; i++)
		rc |= heddle_submit(group, detached());
	su_destroy(pool);
	ok(rc == 0 && atomic_load(&cancelled) == 20,
	   "ten cancelled by the destroy");
}

/* ---- asked to stop ---- */

static void interrupt(void *arg)
{
	struct job *job = arg;

	atomic_fetch_add(&job->interrupts, 1);
	atomic_store(&job->released, 1);
}

static void until_stopped(struct heddle_task *task)
{
	struct job *job = (struct job *)task;

	atomic_store(&job->started, 1);
	while (!heddle_stop_requested())
		su_wait_at_least(&job->released, UINT64_MAX, 1);
	atomic_store(&job->stopped, 1);
	job->rc = heddle_block_begin(HEDDLE_BLOCK_OTHER, interrupt, job);
}

static void waits(struct heddle_task *task)
{
	struct job *job = (struct job *)task;

	job->rc = heddle_block_begin(HEDDLE_BLOCK_OTHER,
				     job->with_interrupt ? interrupt : NULL,
				     job);
	atomic_store(&job->started, 1);
	su_wait_at_least(&job->released, 1, LONG_MS);
	heddle_block_end();
	atomic_store(&job->stopped, (uint64_t)heddle_stop_requested() + 1);
}

static void joins_child(struct heddle_task *task)
{
	struct job *job = (struct job *)task;

	if (heddle_submit(job->group, &job->child->task))
		return;
	job->rc = heddle_join(&job->child->task, 0, HEDDLE_FOREVER);
}

static struct job *start(struct heddle_group *group, heddle_task_fn fn)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		bail("memory");
	job->task.fn = fn;
	job->group = group;
	job->with_interrupt = true;
	return job;
}

static void go(struct job *job)
{
	if (heddle_submit(job->group, &job->task))
		bail("submit");
	su_wait_at_least(&job->started, 1, LONG_MS);
}

static struct heddle_task_stat stat_of(struct job *job)
{
	struct heddle_task_stat stat = { .struct_size = sizeof(stat) };

	if (heddle_task_stat(&job->task, &stat))
		bail("stat");
	return stat;
}

static void by_cancel(struct heddle_group *group)
{
	struct job *job = start(group, until_stopped);
	struct heddle_task_stat seen = stat_of(job);

	ok(seen.state == HEDDLE_TASK_NEW && seen.worker == UINT32_MAX &&
		   !seen.group,
	   "a new task");
	go(job);
	seen = stat_of(job);
	ok(seen.state == HEDDLE_TASK_RUNNING && seen.worker != UINT32_MAX &&
		   seen.group == group && !seen.stop_requested,
	   "it runs, on worker %u", seen.worker);
	ok(heddle_stop_requested() == 0, "no stop outside of tasks");
	ok(heddle_cancel(&job->task, HEDDLE_FOREVER) == -EALREADY &&
		   atomic_load(&job->stopped) == 1,
	   "a cancel makes a running task stop");
	ok(job->rc == -ECANCELED && atomic_load(&job->interrupts) == 0,
	   "and then no region begins that could be interrupted");
	seen = stat_of(job);
	ok(seen.state == HEDDLE_TASK_DONE && !seen.group, "it has ended");
	free(job);
}

static void by_close(struct heddle_group *root)
{
	struct heddle_group *above, *group;
	struct job *job, *child;
	int rc;

	if (heddle_group_create(root, NULL, &above) ||
	    heddle_group_create(above, NULL, &group))
		bail("group");
	job = start(group, joins_child);
	child = start(root, until_stopped);
	job->child = child;
	job->group = root;
	child->group = root;
	/* The parent belongs to the group that is refused, the child does not. */
	if (heddle_submit(group, &job->task))
		bail("submit");
	su_wait_at_least(&child->started, 1, LONG_MS);
	rc = heddle_group_close(above, HEDDLE_CLOSE_REFUSE, su_in_ms(LONG_MS));
	ok(rc == 0 && atomic_load(&child->stopped) == 1,
	   "who runs above a task of a refused group is to stop too");
	if (rc)
		bail("it does not stop");
	heddle_join(&child->task, 0, HEDDLE_FOREVER);
	heddle_join(&job->task, 0, HEDDLE_FOREVER);
	free(child);
	free(job);
}

/* ---- interrupted ---- */

static void interrupted(struct heddle_group *root)
{
	struct heddle_group *above, *group;
	struct job *job, *other;
	struct heddle_task_stat seen;

	if (heddle_group_create(root, NULL, &above) ||
	    heddle_group_create(above, NULL, &group))
		bail("group");
	job = start(group, waits);
	other = start(root, waits);
	go(job);
	go(other);
	seen = stat_of(job);
	ok(seen.state == HEDDLE_TASK_BLOCKED && !seen.stop_requested,
	   "it is blocked");
	ok(heddle_cancel(&job->task, HEDDLE_FOREVER) == -EALREADY &&
		   atomic_load(&job->interrupts) == 1 &&
		   atomic_load(&job->stopped) == 2,
	   "a cancel interrupts the region once, and the task knows why");
	ok(atomic_load(&other->interrupts) == 0, "no other region");
	free(job);
	job = start(group, waits);
	go(job);
	ok(heddle_group_close(above, HEDDLE_CLOSE_REFUSE, HEDDLE_FOREVER) ==
			   0 &&
		   atomic_load(&job->interrupts) == 1,
	   "so does a refusal of the group above");
	ok(atomic_load(&other->interrupts) == 0, "no region beside it");
	heddle_join(&job->task, 0, HEDDLE_FOREVER);
	free(job);
	atomic_store(&other->released, 1);
	ok(heddle_join(&other->task, 0, HEDDLE_FOREVER) == 0 &&
		   atomic_load(&other->interrupts) == 0 &&
		   atomic_load(&other->stopped) == 1,
	   "who was not told to stop was not interrupted");
	free(other);
}

/* The region ends by itself at about the same moment. */
static void *cancel_now(void *arg)
{
	struct job *job = arg;

	heddle_cancel(&job->task, HEDDLE_FOREVER);
	return NULL;
}

static void at_the_same_time(struct heddle_group *root)
{
	uint64_t most = 0;
	int i;

	for (i = 0; i < 500; i++) {
		struct job *job = start(root, waits);
		pthread_t thread;

		go(job);
		if (pthread_create(&thread, NULL, cancel_now, job))
			bail("thread");
		atomic_store(&job->released, 1);
		pthread_join(thread, NULL);
		if (atomic_load(&job->interrupts) > most)
			most = atomic_load(&job->interrupts);
		free(job);
	}
	ok(most <= 1, "500 regions that ended meanwhile: at most %lu calls",
	   (unsigned long)most);
}

static void errors(struct heddle_group *root)
{
	struct heddle_task_stat stat = { .struct_size = 2 };
	struct heddle_task task = HEDDLE_TASK_INIT(nothing);

	(void)root;
	ok(heddle_task_stat(NULL, &stat) == -EINVAL &&
		   heddle_task_stat(&task, &stat) == -EINVAL &&
		   heddle_task_stat(&task, NULL) == -EINVAL,
	   "nothing to look at, nowhere to write");
	stat.struct_size = sizeof(stat);
	task.flags = HEDDLE_TASK_DETACHED;
	ok(heddle_task_stat(&task, &stat) == -EINVAL,
	   "a detached task is not looked at");
}

int main(void)
{
	struct heddle_pool *pool;
	struct heddle_group *root;

	tap_deadline(40);
	after_return();
	pool = su_pool(1); /* a join has to run the child itself */
	by_close(heddle_pool_group(pool));
	su_destroy(pool);
	pool = su_pool(3);
	root = heddle_pool_group(pool);
	by_cancel(root);
	interrupted(root);
	at_the_same_time(root);
	errors(root);
	su_check_at_rest(pool);
	su_destroy(pool);
	return tap_done();
}
