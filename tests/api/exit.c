/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A task that ends its thread, by pthread_exit() or by cancellation: its permits and
 * those below it come back, the tasks of that stack end as CANCELLED, and the worker
 * has a successor with its index and a new incarnation.
 *
 * Method: tasks leave from where it is hardest (a stack of joins, a region, an ordered
 * group, the action of a detached task, while a stop waits, without a thread to be
 * had); afterwards every count is 0, a task runs on the same index, and the pool goes
 * at R4.
 *
 * clause: E5 S3 S4 D1
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <heddle/testing.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define LONG_MS 20000

static struct heddle_pool *pool;
static _Atomic uint64_t ran, entered, cleaned, handled;
static _Atomic int last_status;

static void leave(struct heddle_task *task)
{
	(void)task;
	atomic_fetch_add(&entered, 1);
	pthread_exit(NULL);
}

static void nothing(struct heddle_task *task)
{
	(void)task;
	atomic_fetch_add(&ran, 1);
}

static struct heddle_worker_info first_worker(void)
{
	struct heddle_worker_info info[8];

	if (heddle_workers(pool, info, 8) < 1)
		memset(info, 0, sizeof(info));
	return info[0];
}

static uint64_t threads_left(void)
{
	struct heddle_check check = { .struct_size = sizeof(check) };

	heddle_check(pool, &check);
	return check.threads_left;
}

static int run(struct heddle_group *group, heddle_task_fn fn)
{
	struct heddle_task task = { .fn = fn };

	if (heddle_submit(group, &task))
		bail("submit");
	return heddle_join(&task, 0, su_in_ms(LONG_MS));
}

/* One worker, which is another one afterwards in the same place. */
static void replaced(const char *what, struct heddle_group *group,
		     heddle_task_fn fn)
{
	struct heddle_worker_info before = first_worker(), after;
	uint64_t left = threads_left();

	ok(run(group, fn) == -ECANCELED, "%s: it ends as CANCELLED", what);
	ok(run(group, nothing) == 0, "%s: the next one runs", what);
	after = first_worker();
	ok(after.index == before.index && after.tid != before.tid &&
		   after.incarnation > before.incarnation,
	   "%s: index %u, incarnation %llu after %llu", what, after.index,
	   (unsigned long long)after.incarnation,
	   (unsigned long long)before.incarnation);
	is_u64(threads_left(), left + 1, "%s: it is counted", what);
	su_check_at_rest(pool);
}

/* ---- cancellation ---- */

static void cancelled(struct heddle_task *task)
{
	(void)task;
	pthread_cancel(pthread_self());
	pthread_testcancel();
}

/* With a cancellation pending no call of the library ends the thread. */
static void no_point(struct heddle_task *task)
{
	struct heddle_task other = { .fn = nothing };
	struct heddle_pool *mine;
	int rc;

	(void)task;
	pthread_cancel(pthread_self());
	rc = heddle_submit(heddle_pool_group(pool), &other);
	rc |= heddle_join(&other, 0, HEDDLE_FOREVER);
	rc |= heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL);
	rc |= heddle_block_end();
	rc |= heddle_pool_create(NULL, &mine);
	rc |= heddle_pool_start(mine, 2, NULL, HEDDLE_FOREVER);
	rc |= heddle_pool_stop(mine, 0, HEDDLE_R4_CLEAN, NULL, HEDDLE_FOREVER);
	rc |= heddle_pool_destroy(mine, HEDDLE_R4_CLEAN, NULL, HEDDLE_FOREVER);
	atomic_store(&last_status, rc ? rc : 1);
	pthread_testcancel();
}

/* ---- a stack of joins ---- */

static struct heddle_group *chain_group[3];

static void clean(void *arg)
{
	(void)arg;
	/* User code of a task below: it has its permits, and may block. */
	if (heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL) == 0 &&
	    heddle_block_end() == 0)
		atomic_fetch_add(&cleaned, 1);
}

static void top(struct heddle_task *task)
{
	(void)task;
	if (heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL))
		bail("no region");
	pthread_exit(NULL);
}

/* Static: others join them, as they may with tasks that outlive the stack. */
static struct heddle_task top_task = { .fn = top };
static struct heddle_task middle_task;

static void middle(struct heddle_task *task)
{
	(void)task;
	pthread_cleanup_push(clean, NULL);
	heddle_submit(chain_group[2], &top_task);
	heddle_join(&top_task, 0, HEDDLE_FOREVER);
	pthread_cleanup_pop(0);
}

static void bottom(struct heddle_task *task)
{
	(void)task;
	pthread_cleanup_push(clean, NULL);
	middle_task = (struct heddle_task){ .fn = middle };
	heddle_submit(chain_group[1], &middle_task);
	heddle_join(&middle_task, 0, HEDDLE_FOREVER);
	pthread_cleanup_pop(0);
}

static void stack_of_joins(void)
{
	struct heddle_group_options two = { .cap = 2, .children_max = 4 };
	struct heddle_group_stat stat = { .struct_size = sizeof(stat) };
	int i;

	chain_group[0] = su_group(heddle_pool_group(pool), two);
	chain_group[1] = su_group(chain_group[0], two);
	chain_group[2] = su_group(heddle_pool_group(pool), two);
	atomic_store(&cleaned, 0);
	replaced("three joins and a region", chain_group[0], bottom);
	is_u64(atomic_load(&cleaned), 2,
	       "their clean-up blocked and came back");
	ok(heddle_join(&middle_task, 0, HEDDLE_NOW) == -ECANCELED &&
		   heddle_join(&top_task, 0, HEDDLE_NOW) == -ECANCELED,
	   "those above end as CANCELLED");
	for (i = 0; i < 3; i++) {
		heddle_group_stat(chain_group[i], &stat);
		ok(stat.count == 0 && stat.blocked == 0,
		   "group %d: %u permits out, %u blocked", i, stat.count,
		   stat.blocked);
	}
	for (i = 0; i < 3; i++)
		ok(heddle_group_close(chain_group[2 - i],
				      HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
				      su_in_ms(LONG_MS)) == 0,
		   "group %d can be freed", 2 - i);
}

static _Thread_local unsigned int depth;

static void deep(struct heddle_task *task)
{
	struct heddle_task next = { .fn = deep };

	(void)task;
	if (++depth == 200)
		pthread_exit(NULL);
	pthread_cleanup_push(clean, NULL);
	heddle_submit(heddle_pool_group(pool), &next);
	heddle_join(&next, 0, HEDDLE_FOREVER);
	pthread_cleanup_pop(0);
}

/* ---- ordered groups ---- */

static void ordered(uint32_t order, const char *what)
{
	struct heddle_group_options o = { .cap = 1, .order = order };
	struct heddle_group *group;
	struct heddle_task task[6] = { { 0 } };
	uint64_t before = atomic_load(&ran);
	int i, n = 0;

	group = su_group(heddle_pool_group(pool), o);
	for (i = 0; i < 6; i++) {
		task[i].fn = i == 1 ? leave : i == 3 ? top : nothing;
		if (heddle_submit(group, &task[i]))
			bail("submit");
	}
	for (i = 0; i < 6; i++)
		n += heddle_join(&task[i], 0, su_in_ms(LONG_MS)) ==
		     (i == 1 || i == 3 ? -ECANCELED : 0);
	ok(n == 6 && atomic_load(&ran) == before + 4,
	   "%s: two of six leave, the others run: %d", what, n);
	su_check_at_rest(pool);
	ok(heddle_group_close(group, HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
			      su_in_ms(LONG_MS)) == 0,
	   "%s: nothing of the group is left out", what);
}

/* ---- detached tasks ---- */

static void action(struct heddle_task *task, int status)
{
	(void)task;
	atomic_store(&last_status, status);
	atomic_fetch_add(&handled, 1);
}

static void action_leaves(struct heddle_task *task, int status)
{
	action(task, status);
	pthread_exit(NULL);
}

static void detached(heddle_task_fn fn,
		     void (*after)(struct heddle_task *task, int status),
		     int status, const char *what)
{
	static struct heddle_task task;
	uint64_t before = atomic_load(&handled);

	task = (struct heddle_task){ .fn = fn,
				     .flags = HEDDLE_TASK_DETACHED,
				     .after = after };
	if (heddle_submit(heddle_pool_group(pool), &task))
		bail("submit");
	ok(run(heddle_pool_group(pool), nothing) == 0 &&
		   atomic_load(&handled) == before + 1 &&
		   atomic_load(&last_status) == status,
	   "%s: called once, with %d", what, atomic_load(&last_status));
}

static void calls(void *arg)
{
	(void)arg;
	pthread_exit(NULL);
}

/* ---- stops, and a thread that cannot be made ---- */

static _Atomic uint64_t may_leave;

static void leave_when_told(struct heddle_task *task)
{
	(void)task;
	atomic_fetch_add(&entered, 1);
	su_wait_at_least(&may_leave, 1, LONG_MS);
	pthread_exit(NULL);
}

static void *tell(void *arg)
{
	const struct timespec pause = { 0, 20000000 };

	(void)arg;
	nanosleep(&pause, NULL);
	atomic_store(&may_leave, 1);
	return NULL;
}

static void while_a_stop_waits(void)
{
	struct heddle_task task = { .fn = leave_when_told };
	pthread_t teller;
	int rc;

	atomic_store(&entered, 0);
	heddle_submit(heddle_pool_group(pool), &task);
	su_wait_at_least(&entered, 1, LONG_MS);
	if (pthread_create(&teller, NULL, tell, NULL))
		bail("thread");
	rc = heddle_pool_stop(pool, 0, HEDDLE_R3_GONE, NULL, su_in_ms(LONG_MS));
	pthread_join(teller, NULL);
	ok(rc == 0 && tap_threads() == 1 && heddle_workers(pool, NULL, 0) == 0,
	   "a stop that waits for it: %d, %u threads, no successor", rc,
	   tap_threads());
	ok(heddle_join(&task, 0, HEDDLE_NOW) == -ECANCELED,
	   "and its task is CANCELLED");
	if (heddle_pool_start(pool, 1, NULL, su_in_ms(LONG_MS)))
		bail("start");
}

static void no_thread(void)
{
	struct heddle_check check = { .struct_size = sizeof(check) };

	if (heddle_pool_start(pool, 2, NULL, su_in_ms(LONG_MS)))
		bail("start");
	heddle_fault_set(HEDDLE_FAULT_THREAD_CREATE, 0, 1, EAGAIN);
	ok(run(heddle_pool_group(pool), leave) == -ECANCELED,
	   "no thread is to be had: the task is CANCELLED");
	/* The other worker makes up for it when it begins a task. */
	while (heddle_workers(pool, NULL, 0) < 2 || first_worker().index ||
	       check.create_failures < 1) {
		if (run(heddle_pool_group(pool), nothing))
			bail("nobody runs a task");
		heddle_check(pool, &check);
	}
	ok(check.create_failures == 1,
	   "and the loss is counted, and made up for");
	su_check_at_rest(pool);
	if (heddle_pool_stop(pool, 1, HEDDLE_R3_GONE, NULL, su_in_ms(LONG_MS)))
		bail("stop");
}

static uint64_t mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	uint64_t n = 0;
	int c;

	while (maps && (c = getc(maps)) != EOF)
		n += c == '\n';
	if (maps)
		fclose(maps);
	return n;
}

static void many(void)
{
	uint64_t before = 0;
	int i, wrong = 0;

	for (i = 0; i < 300; i++) {
		if (i == 100)
			before = mappings();
		wrong += run(heddle_pool_group(pool), leave) != -ECANCELED;
	}
	ok(!wrong && mappings() <= before + 3,
	   "300 successors: %llu mappings, %llu before",
	   (unsigned long long)mappings(), (unsigned long long)before);
	is_u64((uint64_t)heddle_workers(pool, NULL, 0), 1, "one worker");
}

/* Many at once, on all workers, with tasks that stay: each runs or is CANCELLED. */
static void storm(uint32_t flags)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = 4,
					 .flags = flags };
	static struct heddle_task task[2000];
	uint64_t gone = 0, done = 0, before = atomic_load(&ran);
	int i;

	pool = su_pool_with(&o, 4);
	for (i = 0; i < 2000; i++) {
		task[i] = (struct heddle_task){ .fn = i % 7 ? nothing : leave };
		if (heddle_submit(heddle_pool_group(pool), &task[i]))
			bail("submit");
	}
	for (i = 0; i < 2000; i++) {
		int rc = heddle_join(&task[i], 0, su_in_ms(LONG_MS));

		gone += rc == -ECANCELED && i % 7 == 0;
		done += rc == 0 && i % 7;
	}
	ok(gone == 286 && done == 1714 && atomic_load(&ran) == before + 1714,
	   "%s: %llu left, %llu returned", flags ? "ELASTIC" : "STATIC",
	   (unsigned long long)gone, (unsigned long long)done);
	su_check_at_rest(pool);
	su_destroy(pool);
}

int main(void)
{
	tap_deadline(110);
	pool = su_pool(2);
	if (heddle_pool_stop(pool, 1, HEDDLE_R3_GONE, NULL, su_in_ms(LONG_MS)))
		bail("stop");
	replaced("pthread_exit", heddle_pool_group(pool), leave);
	replaced("a cancellation", heddle_pool_group(pool), cancelled);
	atomic_store(&last_status, 0);
	replaced("calls, then a point", heddle_pool_group(pool), no_point);
	is_u64((uint64_t)atomic_load(&last_status), 1,
	       "no call of the library is a cancellation point");
	replaced("a region", heddle_pool_group(pool), top);
	stack_of_joins();
	atomic_store(&cleaned, 0);
	replaced("200 joins", heddle_pool_group(pool), deep);
	is_u64(atomic_load(&cleaned), 199, "each of them was cleaned up");
	ordered(HEDDLE_ORDER_FIFO, "FIFO");
	ordered(HEDDLE_ORDER_SERIAL, "SERIAL");
	detached(leave, action, -ECANCELED, "the action of a detached task");
	detached(nothing, action_leaves, 0, "an action that leaves");
	detached(leave, action_leaves, -ECANCELED, "task and action leave");
	ok(heddle_submit_call(heddle_pool_group(pool), calls, NULL) == 0 &&
		   run(heddle_pool_group(pool), nothing) == 0,
	   "a call");
	su_check_at_rest(pool);
	while_a_stop_waits();
	no_thread();
	many();
	su_destroy(pool);
	storm(0);
	storm(HEDDLE_POOL_ELASTIC);
	return tap_done();
}
