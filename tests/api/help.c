/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A join that helps: what a task finds on a thread that runs it as a donated worker,
 * and that nothing of it remains there. Method: a pool without workers, so that only
 * the calling thread can have run what ran; the same calls from inside and afterwards.
 *
 * clause: N1 N2 N3 D1 D3 E1 E4 T6
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <heddle/testing.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define HELP    HEDDLE_JOIN_HELP
#define LONG_MS 20000

static struct heddle_pool *pool;
static struct heddle_group *root;
static struct heddle_slot *slot;
static _Atomic uint64_t deaths, begins, ends, calls;
static _Atomic int hook_error;
static pthread_t caller;

struct job {
	struct heddle_task task, child;
	struct heddle_group *group;
	_Atomic uint64_t started, released, stopped;
	int rc[6];
	struct heddle_worker_info info;
	bool same_thread;
};

static void die(void *value)
{
	(void)value;
	/* It is still a worker's thread: slots work in a destructor. */
	if (heddle_slot_set(slot, NULL) == 0)
		atomic_fetch_add(&deaths, 1);
}

static int begin(struct heddle_pool *of, uint32_t index, void *arg)
{
	(void)of;
	(void)index;
	(void)arg;
	if (atomic_load(&hook_error))
		return atomic_load(&hook_error);
	atomic_fetch_add(&begins, 1);
	return 0;
}

static void end(struct heddle_pool *of, uint32_t index, void *arg)
{
	(void)of;
	(void)index;
	(void)arg;
	atomic_fetch_add(&ends, 1);
}

static struct heddle_pool *make(struct heddle_pool_options o)
{
	struct heddle_slot_options s = { .struct_size = sizeof(s),
					 .destructor = die };
	struct heddle_pool *made;

	o.struct_size = sizeof(o);
	o.worker_init = begin;
	o.worker_exit = end;
	if (heddle_pool_create(&o, &made))
		bail("pool");
	if (heddle_slot_create(made, &s, &slot))
		bail("slot");
	tap_on_deadline(su_dump, made);
	return made;
}

static void count(struct heddle_task *task)
{
	(void)task;
	atomic_fetch_add(&calls, 1);
}

static struct job *job_with(heddle_task_fn fn)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		bail("memory");
	job->task.fn = fn;
	job->child.fn = count;
	job->group = root;
	return job;
}

static void submit(struct job *job)
{
	if (heddle_submit(job->group, &job->task))
		bail("submit");
}

/* ---- alone ---- */

static void looks_around(struct heddle_task *task)
{
	struct job *job = (struct job *)(void *)task;

	job->same_thread = pthread_equal(pthread_self(), caller);
	job->rc[0] = heddle_slot_get(slot) == NULL &&
		     heddle_slot_set(slot, task) == 0 &&
		     heddle_slot_get(slot) == task;
	job->rc[1] = heddle_workers(pool, &job->info, 1);
	job->rc[2] = heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL);
	job->rc[3] = heddle_block_end();
	job->rc[4] = heddle_join(task, 0, HEDDLE_FOREVER);
	job->rc[5] =
		heddle_group_close(root, HEDDLE_CLOSE_REFUSE, HEDDLE_FOREVER);
	if (heddle_pool_stop(pool, 0, HEDDLE_R1_LEFT, NULL, HEDDLE_FOREVER) !=
		    -EDEADLK ||
	    heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL, HEDDLE_FOREVER) !=
		    -EDEADLK)
		job->rc[5] = 1;
}

static void alone(void)
{
	struct heddle_check check = { .struct_size = sizeof(check) };
	struct heddle_worker_info info;
	unsigned int before = tap_threads();
	struct job *job;

	pool = make((struct heddle_pool_options){ .workers_max = 1 });
	root = heddle_pool_group(pool);
	job = job_with(looks_around);
	submit(job);
	caller = pthread_self();
	ok(heddle_join(&job->task, HELP, HEDDLE_NOW) == 0 && job->same_thread,
	   "a pool without workers: the caller ran it, without a wait");
	ok(job->rc[0] == 1, "slots are those of a new worker");
	ok(job->rc[1] == 1 && job->info.state == HEDDLE_WORKER_RUNNING &&
		   job->info.tid == (int)syscall(SYS_gettid) &&
		   job->info.group == 0 && job->info.incarnation,
	   "the registry shows it");
	ok(job->rc[2] == 0 && job->rc[3] == 0, "a blocking region");
	ok(job->rc[4] == -EDEADLK && job->rc[5] == -EDEADLK,
	   "a join of itself, a close, a stop, a destroy from inside");
	ok(atomic_load(&begins) == 1 && atomic_load(&ends) == 1 &&
		   atomic_load(&deaths) == 1,
	   "hooks and a destructor, all before the join returned");
	ok(heddle_slot_get(slot) == NULL && errno == EPERM &&
		   heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL) == -EPERM &&
		   !heddle_stop_requested(),
	   "nothing remains on the thread");
	ok(heddle_workers(pool, &info, 1) == 0 &&
		   heddle_check(pool, &check) == 0 && check.at_rest &&
		   !check.workers && !check.permits,
	   "nor in the pool");
	ok(tap_threads() == before, "no thread was made");
	ok(heddle_join(&job->task, HELP, HEDDLE_NOW) == 0, "joined again");
	free(job);
}

/* ---- errors ---- */

static void errors(void)
{
	struct job *job = job_with(count);
	int rc;

	ok(heddle_join(&job->task, HELP, HEDDLE_NOW) == -EINVAL,
	   "never submitted");
	submit(job);
	ok(heddle_join(&job->task, HELP | 2, HEDDLE_NOW) == -EINVAL,
	   "unknown flags");
	heddle_fault_set(HEDDLE_FAULT_ALLOC, 0, UINT32_MAX, ENOMEM);
	heddle_fault_set(HEDDLE_FAULT_MAP, 0, UINT32_MAX, ENOMEM);
	rc = heddle_join(&job->task, HELP, HEDDLE_NOW);
	heddle_fault_set(HEDDLE_FAULT_ALLOC, 0, 0, 0);
	heddle_fault_set(HEDDLE_FAULT_MAP, 0, 0, 0);
	ok(rc == 0, "a helper needs no memory: %d", rc);
	submit(job);
	atomic_store(&hook_error, -EPROTO);
	rc = heddle_join(&job->task, HELP, HEDDLE_FOREVER);
	atomic_store(&hook_error, 0);
	ok(rc == -EPROTO, "what the init hook says: %d", rc);
	ok(heddle_cancel(&job->task, HEDDLE_NOW) == 0 &&
		   heddle_join(&job->task, HELP, HEDDLE_NOW) == -ECANCELED,
	   "the task was still queued, and is cancelled");
	job->task.flags = HEDDLE_TASK_DETACHED;
	ok(heddle_join(&job->task, HELP, HEDDLE_NOW) == -EINVAL, "detached");
	job->task.flags = 0;
	submit(job);
	heddle_group_set_cap(root, 0, NULL);
	ok(heddle_join(&job->task, HELP, HEDDLE_NOW) == -ETIMEDOUT &&
		   heddle_join(&job->task, HELP, su_in_ms(20)) == -ETIMEDOUT,
	   "paused: it waits");
	heddle_group_set_cap(root, 1, NULL);
	heddle_group_close(root, HEDDLE_CLOSE_QUIESCE, HEDDLE_FOREVER);
	ok(heddle_join(&job->task, HELP, su_in_ms(20)) == -ETIMEDOUT,
	   "quiesced: it waits");
	heddle_group_close(root, HEDDLE_CLOSE_RESUME, HEDDLE_NOW);
	ok(heddle_join(&job->task, HELP, HEDDLE_NOW) == 0, "resumed: it runs");
	free(job);
}

static void forked(void)
{
	struct job *job = job_with(count);
	int status = -1;
	pid_t child;

	submit(job);
	child = fork();
	if (child == 0)
		_exit(heddle_join(&job->task, HELP, HEDDLE_FOREVER) == -ECHILD
			      ? 0
			      : 1);
	if (child < 0 || waitpid(child, &status, 0) != child)
		bail("fork");
	ok(status == 0, "a forked child does not help");
	ok(heddle_join(&job->task, HELP, HEDDLE_NOW) == 0, "its parent does");
	free(job);
}

/* ---- nesting ---- */

static void has_child(struct heddle_task *task)
{
	struct job *job = (struct job *)(void *)task;
	void *mine = job;

	heddle_slot_set(slot, mine);
	job->rc[0] = heddle_submit(job->group, &job->child);
	job->rc[1] = heddle_submit(job->group, &job->child);
	job->rc[2] = heddle_join(&job->child, 0, HEDDLE_NOW);
	/* The flag changes nothing where a worker joins. */
	job->rc[3] = heddle_submit(job->group, &job->child);
	job->rc[4] = heddle_join(&job->child, HELP, HEDDLE_NOW);
	job->rc[5] = heddle_slot_get(slot) == mine;
}

static void tree(struct heddle_task *task)
{
	struct job *job = (struct job *)(void *)task, *child[2];
	int i;

	if (job->rc[0] == 0) {
		job->rc[1] = 1;
		return;
	}
	for (i = 0; i < 2; i++) {
		child[i] = job_with(tree);
		child[i]->rc[0] = job->rc[0] - 1;
		submit(child[i]);
	}
	for (i = 0; i < 2; i++) {
		if (heddle_join(&child[i]->task, 0, HEDDLE_NOW))
			bail("a child of a helper is not run by it");
		job->rc[1] += child[i]->rc[1];
		free(child[i]);
	}
}

static void nesting(void)
{
	struct job *job = job_with(has_child);

	atomic_store(&calls, 0);
	submit(job);
	ok(heddle_join(&job->task, HELP, HEDDLE_NOW) == 0 && !job->rc[0] &&
		   job->rc[1] == -EBUSY && !job->rc[2] && !job->rc[3] &&
		   !job->rc[4] && job->rc[5],
	   "a helper's task runs what it submits and joins");
	is_u64(atomic_load(&calls), 2, "both were called");
	job->group = su_group(root, (struct heddle_group_options){ .cap = 1 });
	submit(job);
	ok(heddle_join(&job->task, HELP, HEDDLE_NOW) == 0 && !job->rc[4],
	   "in a group below, with the permits it has");
	job->child.fn = count;
	ok(heddle_group_close(job->group,
			      HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
			      su_in_ms(LONG_MS)) == 0,
	   "which is drained, without a worker");
	free(job);
	job = job_with(tree);
	job->rc[0] = 7;
	submit(job);
	ok(heddle_join(&job->task, HELP, HEDDLE_NOW) == 0 && job->rc[1] == 128,
	   "a tree of 255 tasks on one stack");
	free(job);
}

/* Is left in the queue by a helper, and run by who comes next. */
static void leaves_some(struct heddle_task *task)
{
	struct job *job = (struct job *)(void *)task;

	job->rc[0] = heddle_submit(job->group, &job->child);
}

static void left_behind(void)
{
	struct job *job = job_with(leaves_some);

	submit(job);
	ok(heddle_join(&job->task, HELP, HEDDLE_NOW) == 0 && !job->rc[0],
	   "a helper runs one task");
	ok(heddle_join(&job->child, 0, HEDDLE_NOW) == -ETIMEDOUT,
	   "what that submitted is queued");
	if (heddle_pool_start(pool, 1, NULL, HEDDLE_FOREVER))
		bail("start");
	ok(heddle_join(&job->child, 0, su_in_ms(LONG_MS)) == 0,
	   "and run by the first worker");
	if (heddle_pool_stop(pool, 0, HEDDLE_R3_GONE, NULL, HEDDLE_FOREVER))
		bail("stop");
	free(job);
}

/* ---- asked to stop, waited for ---- */

static void until_stopped(struct heddle_task *task)
{
	struct job *job = (struct job *)(void *)task;

	atomic_store(&job->started, 1);
	while (!heddle_stop_requested() && !atomic_load(&job->released))
		su_wait_at_least(&job->released, 1, 1);
	atomic_store(&job->stopped, (uint64_t)heddle_stop_requested() + 1);
	su_wait_at_least(&job->released, 1, LONG_MS);
}

static void *help(void *arg)
{
	struct job *job = arg;

	job->rc[0] = heddle_join(&job->task, HELP, su_in_ms(LONG_MS));
	return NULL;
}

static pthread_t helper_of(struct job *job)
{
	pthread_t thread;

	submit(job);
	if (pthread_create(&thread, NULL, help, job))
		bail("thread");
	if (!su_wait_at_least(&job->started, 1, LONG_MS))
		bail("nobody helps");
	return thread;
}

static void by_cancel(void)
{
	struct job *job = job_with(until_stopped);
	pthread_t thread = helper_of(job);

	ok(heddle_cancel(&job->task, su_in_ms(20)) == -ETIMEDOUT,
	   "a task that is helped has started");
	ok(su_wait_at_least(&job->stopped, 2, LONG_MS), "and is asked to stop");
	atomic_store(&job->released, 1);
	ok(heddle_cancel(&job->task, su_in_ms(LONG_MS)) == -EALREADY,
	   "its end is waited for");
	pthread_join(thread, NULL);
	ok(job->rc[0] == 0, "the helper says that it ran");
	free(job);
}

/* Who waits for a permit is told: by nobody else, since nothing else happens. */
static void while_it_waits(void)
{
	static _Atomic uint64_t never;
	uint64_t from = su_now_ns();
	int i, rc = 0;

	heddle_group_set_cap(root, 0, NULL);
	for (i = 0; i < 10; i++) {
		struct job *job = job_with(count);
		pthread_t thread;

		submit(job);
		if (pthread_create(&thread, NULL, help, job))
			bail("thread");
		/* Most of them are asleep by then. */
		su_wait_at_least(&never, 1, 3);
		rc |= heddle_cancel(&job->task, HEDDLE_NOW);
		pthread_join(thread, NULL);
		rc |= job->rc[0] != -ECANCELED;
		free(job);
	}
	heddle_group_set_cap(root, 1, NULL);
	ok(rc == 0 && su_now_ns() < from + UINT64_C(1000000) * LONG_MS,
	   "cancelled while a helper waits for a permit");
}

static void by_close(void)
{
	struct job *job = job_with(until_stopped);
	pthread_t thread;

	job->group = su_group(root, (struct heddle_group_options){ .cap = 1 });
	thread = helper_of(job);
	ok(heddle_group_close(job->group, HEDDLE_CLOSE_REFUSE, su_in_ms(20)) ==
			   -ETIMEDOUT &&
		   su_wait_at_least(&job->stopped, 2, LONG_MS),
	   "a refusal asks the helper's task to stop, and waits");
	atomic_store(&job->released, 1);
	ok(heddle_group_close(job->group,
			      HEDDLE_CLOSE_REFUSE | HEDDLE_CLOSE_FREE,
			      su_in_ms(LONG_MS)) == 0,
	   "until it has returned");
	pthread_join(thread, NULL);
	free(job);
}

static void by_stop(void)
{
	struct heddle_report report = { .struct_size = sizeof(report) };
	struct job *job = job_with(until_stopped);
	pthread_t thread = helper_of(job);
	uint64_t before = atomic_load(&ends);
	int rc = heddle_pool_stop(pool, 0, HEDDLE_R3_GONE, &report,
				  su_in_ms(20));

	ok(rc == -ETIMEDOUT && report.threads == 1 && report.donated == 1,
	   "a stop reports the helper: %u of %u, %s", report.donated,
	   report.threads, report.text);
	atomic_store(&job->released, 1);
	ok(heddle_pool_stop(pool, 0, HEDDLE_R3_GONE, &report,
			    su_in_ms(LONG_MS)) == 0 &&
		   atomic_load(&ends) == before + 1,
	   "and waits until its exit hook has returned");
	pthread_join(thread, NULL);
	free(job);
}

static void by_destroy(void)
{
	struct heddle_report report = { .struct_size = sizeof(report) };
	struct job *job = job_with(until_stopped);
	struct job *queued = job_with(count);
	pthread_t thread = helper_of(job), second;
	int rc;

	submit(queued);
	if (pthread_create(&second, NULL, help, queued))
		bail("thread");
	rc = heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, &report, su_in_ms(20));
	ok(rc == -ETIMEDOUT && report.step == HEDDLE_STEP_QUIET,
	   "a destroy waits for the helper: %s", report.text);
	pthread_join(second, NULL);
	ok(queued->rc[0] == -ECANCELED, "who waits for a permit is cancelled");
	atomic_store(&job->released, 1);
	su_destroy(pool);
	pthread_join(thread, NULL);
	ok(job->rc[0] == 0, "who ran has run");
	free(queued);
	free(job);
}

/* ---- guests ---- */

static int32_t guest_helps(void *arg)
{
	struct job *job = arg;

	job->rc[0] = heddle_join(&job->task, HELP, HEDDLE_FOREVER);
	job->rc[1] = heddle_join(&job->task, 0, HEDDLE_FOREVER);
	return 0;
}

static void joins_child(struct heddle_task *task)
{
	struct job *job = (struct job *)(void *)task;

	job->rc[2] = heddle_submit(job->group, &job->child);
	job->rc[3] = heddle_join(&job->child, HELP, HEDDLE_FOREVER);
	job->rc[4] = heddle_join(&job->child, 0, HEDDLE_FOREVER);
}

static void guests(void)
{
	struct heddle_process_options p = { .struct_size = sizeof(p) };
	struct heddle_guest_options g = { .struct_size = sizeof(g),
					  .fn = guest_helps };
	struct heddle_process *process;
	struct heddle_guest *guest;
	struct job *job = job_with(joins_child);

	pool = make((struct heddle_pool_options){ .workers_max = 1 });
	root = job->group = heddle_pool_group(pool);
	if (heddle_pool_start(pool, 1, NULL, HEDDLE_FOREVER) ||
	    heddle_process_create(pool, &p, &process))
		bail("process");
	heddle_group_set_cap(root, 0, NULL);
	submit(job);
	g.arg = job;
	if (heddle_guest_spawn(process, &g, &guest, HEDDLE_FOREVER))
		bail("guest");
	heddle_group_set_cap(root, 1, NULL);
	if (heddle_guest_join(guest, HEDDLE_R0_QUIET, su_in_ms(LONG_MS)))
		bail("guest's join");
	ok(job->rc[0] == -EINVAL && job->rc[1] == 0, "not from a guest: %d",
	   job->rc[0]);
	ok(job->rc[2] == 0 && job->rc[4] == 0 && job->rc[3] == -EINVAL,
	   "nor from a task above one: %d", job->rc[3]);
	heddle_process_destroy(process, HEDDLE_R1_LEFT, su_in_ms(LONG_MS));
	su_destroy(pool);
	free(job);
}

int main(void)
{
	tap_deadline(60);
	alone();
	errors();
	forked();
	nesting();
	left_behind();
	by_cancel();
	while_it_waits();
	by_close();
	by_stop();
	su_check_at_rest(pool);
	by_destroy();
	guests();
	return tap_done();
}
