/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heddle_submit_join(): it runs on the caller and wakes nobody, where that can be; else
 * somebody else runs it. Method: counts of wakes, a pool without workers, an init hook
 * that forbids the caller to help, a cap of zero, a guest.
 *
 * clause: N1 N3 C2 C8
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define LONG_MS 20000

static struct heddle_pool *pool;
static struct heddle_group *root;
static _Atomic int hook_error;

struct job {
	struct heddle_task task;
	pthread_t thread;
	struct job *inner;
	_Atomic uint64_t runs;
	int rc;
};

static void run(struct heddle_task *task)
{
	struct job *job = (struct job *)(void *)task;

	job->thread = pthread_self();
	if (job->inner)
		job->rc = heddle_submit_join(root, &job->inner->task,
					     HEDDLE_FOREVER);
	atomic_fetch_add(&job->runs, 1);
}

static int begin(struct heddle_pool *of, uint32_t index, void *arg)
{
	(void)of;
	(void)index;
	(void)arg;
	return atomic_load(&hook_error);
}

static void make(uint32_t workers)
{
	const struct heddle_pool_options o = {
		.struct_size = sizeof(o),
		.workers_max = 2,
		.tasks_max = 4,
		.worker_init = begin,
	};

	if (heddle_pool_create(&o, &pool) ||
	    (workers && heddle_pool_start(pool, workers, NULL, HEDDLE_FOREVER)))
		bail("pool");
	tap_on_deadline(su_dump, pool);
	root = heddle_pool_group(pool);
}

static uint64_t wakes(void)
{
	struct heddle_check check = { .struct_size = sizeof(check) };

	if (heddle_check(pool, &check))
		bail("%s", check.violation[0].detail);
	return check.wakes;
}

static bool ran_here(struct job *job, int rc)
{
	return rc == 0 && atomic_load(&job->runs) == 1 &&
	       pthread_equal(job->thread, pthread_self());
}

static void on_the_caller(void)
{
	struct job job = { .task = { .fn = run } };
	struct job outer = { .task = { .fn = run }, .inner = &job };
	unsigned int before = tap_threads();
	uint64_t woken;
	int i, here = 0;

	make(0);
	ok(ran_here(&job, heddle_submit_join(root, &job.task, HEDDLE_FOREVER)),
	   "a pool without workers: on the caller");
	su_destroy(pool);
	make(1);
	su_check_at_rest(pool);
	woken = wakes();
	for (i = 0; i < 1000; i++) {
		struct job one = { .task = { .fn = run } };

		here += ran_here(&one, heddle_submit_join(root, &one.task,
							  HEDDLE_FOREVER));
	}
	ok(here == 1000, "beside a worker that sleeps: %d of 1000", here);
	ok(wakes() == woken, "and it was not woken: %llu",
	   (unsigned long long)(wakes() - woken));
	atomic_store(&job.runs, 0);
	ok(ran_here(&outer,
		    heddle_submit_join(root, &outer.task, HEDDLE_FOREVER)) &&
		   ran_here(&job, outer.rc),
	   "and from a task, on its stack");
	su_destroy(pool);
	ok(tap_threads() == before, "no thread is left");
}

static void by_a_worker(void)
{
	struct job job = { .task = { .fn = run } };

	make(1);
	su_check_at_rest(pool);
	atomic_store(&hook_error, -EPROTO);
	ok(heddle_submit_join(root, &job.task, HEDDLE_FOREVER) == -EPROTO,
	   "the init hook forbids the caller to help");
	ok(heddle_join(&job.task, 0, su_in_ms(LONG_MS)) == 0 &&
		   atomic_load(&job.runs) == 1,
	   "but the task is queued, and a worker was woken for it");
	atomic_store(&hook_error, 0);
	heddle_group_set_cap(root, 0, NULL);
	ok(heddle_submit_join(root, &job.task, su_in_ms(20)) == -ETIMEDOUT,
	   "paused: the deadline");
	heddle_group_set_cap(root, 1, NULL);
	ok(heddle_join(&job.task, 0, su_in_ms(LONG_MS)) == 0 &&
		   atomic_load(&job.runs) == 2,
	   "and it runs behind the raise");
	su_destroy(pool);
}

static int32_t calls(void *arg)
{
	struct job *job = arg;

	job->rc = heddle_submit_join(root, &job->task, su_in_ms(LONG_MS));
	return 0;
}

static void by_a_guest(void)
{
	struct job job = { .task = { .fn = run } };
	struct heddle_process_options p = { .struct_size = sizeof(p) };
	struct heddle_guest_options g = { .struct_size = sizeof(g),
					  .fn = calls,
					  .arg = &job };
	struct heddle_process *process;
	struct heddle_guest *guest;

	make(2);
	if (heddle_process_create(pool, &p, &process) ||
	    heddle_guest_spawn(process, &g, &guest, HEDDLE_FOREVER) ||
	    heddle_guest_join(guest, HEDDLE_R0_QUIET, su_in_ms(LONG_MS)))
		bail("guest");
	ok(job.rc == 0 && atomic_load(&job.runs) == 1, "from a guest: %d",
	   job.rc);
	heddle_process_destroy(process, HEDDLE_R1_LEFT, su_in_ms(LONG_MS));
	su_destroy(pool);
}

static void refused(void)
{
	struct job job[5];
	int i, rc;

	memset(job, 0, sizeof(job));
	for (i = 0; i < 5; i++)
		job[i].task.fn = run;
	make(0);
	ok(heddle_submit_join(NULL, &job[0].task, HEDDLE_NOW) == -EINVAL &&
		   heddle_submit_join(root, NULL, HEDDLE_NOW) == -EINVAL,
	   "no group, no task");
	job[0].task.flags = HEDDLE_TASK_DETACHED;
	ok(heddle_submit_join(root, &job[0].task, HEDDLE_NOW) == -EINVAL,
	   "detached");
	job[0].task.flags = 0;
	for (i = 0; i < 4; i++)
		if (heddle_submit(root, &job[i].task))
			bail("submit");
	ok(heddle_submit_join(root, &job[0].task, HEDDLE_NOW) == -EBUSY,
	   "queued already");
	rc = heddle_submit_join(root, &job[4].task, HEDDLE_FOREVER);
	ok(rc == -EAGAIN, "the queue is full: %d", rc);
	heddle_group_close(root, HEDDLE_CLOSE_REFUSE, HEDDLE_FOREVER);
	ok(heddle_submit_join(root, &job[4].task, HEDDLE_FOREVER) == -ESHUTDOWN,
	   "closed");
	su_destroy(pool);
}

int main(void)
{
	tap_deadline(60);
	on_the_caller();
	by_a_worker();
	by_a_guest();
	refused();
	return tap_done();
}
