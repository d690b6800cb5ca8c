/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * User code that ends its thread where it is no plain task: in a guest, in a
 * destructor, in a hook, on a thread that helps in a join.
 *
 * Method: each leaves by pthread_exit(); then joiners have been released, the berth
 * and the tid can be used again, no byte is stale, every count is 0, the hooks
 * balance, and the pool goes at R4.
 *
 * clause: E5 T3 T6 S1 N3
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "tests/support/guests.h"
#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define LONG_MS 20000

static struct heddle_pool *pool;
static struct heddle_slot *slot;
static _Atomic uint64_t destroyed, inits, exits, ran;

/* ---- guests ---- */

static void leave_with_value(void *value)
{
	atomic_fetch_add(&destroyed, 1);
	if (value == &destroyed)
		pthread_exit(NULL);
}

static int32_t returns(void *arg)
{
	(void)arg;
	return 7;
}

static int32_t leaves(void *arg)
{
	(void)arg;
	heddle_slot_set(slot, &ran);
	pthread_exit(NULL);
}

static int32_t leaves_region(void *arg)
{
	(void)arg;
	heddle_slot_set(slot, &ran);
	if (heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL) ||
	    heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL))
		return 1;
	pthread_exit(NULL);
}

static void leave_task(struct heddle_task *task)
{
	(void)task;
	pthread_exit(NULL);
}

static int32_t leaves_in_task(void *arg)
{
	struct heddle_task task = { .fn = leave_task };

	(void)arg;
	heddle_slot_set(slot, &ran);
	heddle_submit(heddle_pool_group(pool), &task);
	return heddle_join(&task, 0, HEDDLE_FOREVER);
}

static int32_t cancelled(void *arg)
{
	(void)arg;
	heddle_slot_set(slot, &ran);
	pthread_cancel(pthread_self());
	pthread_testcancel();
	return 1;
}

static int32_t leaves_in_destructor(void *arg)
{
	(void)arg;
	heddle_slot_set(slot, &destroyed);
	return 3;
}

/* One guest that leaves, then one in its berth. threads_max is 1. */
static void guest(const char *what, struct heddle_process *process,
		  int32_t (*fn)(void *arg), uint32_t flags)
{
	uint64_t before = atomic_load(&destroyed);
	struct heddle_guest *one;
	int32_t code = 99;
	int rc = su_spawn(process, fn, NULL, flags, &one, &code,
			  su_in_ms(LONG_MS));

	if (rc)
		bail("%s: spawn %d", what, rc);
	rc = heddle_guest_join(one, HEDDLE_R3_GONE, su_in_ms(LONG_MS));
	ok(rc == 0 && code == -ECANCELED, "%s: joined %d, code %d", what, rc,
	   (int)code);
	is_u64(atomic_load(&destroyed), before + 1,
	       "%s: its destructor ran once", what);
	ok(su_call(process, returns, NULL) == 7, "%s: its berth is free", what);
}

static void guests(uint32_t flags)
{
	struct heddle_slot_options o = { .struct_size = sizeof(o),
					 .destructor = leave_with_value };
	struct heddle_process *process;

	pool = su_guest_pool(flags ? 3 : 1, flags);
	process = su_process(pool, 1, 1);
	if (heddle_slot_create(pool, &o, &slot))
		bail("slot");
	guest("a guest", process, leaves, 0);
	guest("in a region", process, leaves_region, 0);
	guest("in a task of its join", process, leaves_in_task, 0);
	guest("a cancellation", process, cancelled, 0);
	guest("in a destructor", process, leaves_in_destructor, 0);
	if (flags & HEDDLE_POOL_ELASTIC)
		guest("a FRESH one", process, leaves, HEDDLE_GUEST_FRESH);
	su_process_end(process);
	su_guest_pool_end(pool);
}

/* ---- hooks, and destructors of a worker ---- */

static int where; /* 1 init, 2 exit, 3 destructor */

static int init(struct heddle_pool *of, uint32_t index, void *arg)
{
	(void)of;
	(void)index;
	(void)arg;
	atomic_fetch_add(&inits, 1);
	if (where == 1)
		pthread_exit(NULL);
	return 0;
}

static void fini(struct heddle_pool *of, uint32_t index, void *arg)
{
	(void)of;
	(void)index;
	(void)arg;
	atomic_fetch_add(&exits, 1);
	if (where == 2)
		pthread_exit(NULL);
}

static void set_value(struct heddle_task *task)
{
	(void)task;
	heddle_slot_set(slot, where == 3 ? (void *)&destroyed : (void *)&ran);
}

static void set_and_leave(struct heddle_task *task)
{
	set_value(task);
	pthread_exit(NULL);
}

static void pool_with_hooks(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = 2,
					 .worker_init = init,
					 .worker_exit = fini };
	struct heddle_slot_options s = { .struct_size = sizeof(s),
					 .destructor = leave_with_value };

	atomic_store(&inits, 0);
	atomic_store(&exits, 0);
	atomic_store(&destroyed, 0);
	if (heddle_pool_create(&o, &pool) ||
	    heddle_slot_create(pool, &s, &slot))
		bail("pool");
}

static void in_init(void)
{
	struct heddle_report report = { .struct_size = sizeof(report) };
	int rc;

	where = 1;
	pool_with_hooks();
	rc = heddle_pool_start(pool, 1, &report, su_in_ms(LONG_MS));
	ok(rc == -ECANCELED && report.step == HEDDLE_STEP_HOOK,
	   "an init hook leaves: %d, step %u, %s", rc, report.step,
	   report.text);
	ok(tap_threads() == 1 && atomic_load(&exits) == 0,
	   "nothing of the start remains");
	su_destroy(pool);
}

static void at_end(int at, heddle_task_fn fn, const char *what)
{
	struct heddle_task task = { .fn = fn };
	int rc;

	where = at;
	pool_with_hooks();
	if (heddle_pool_start(pool, 1, NULL, su_in_ms(LONG_MS)) ||
	    heddle_submit(heddle_pool_group(pool), &task))
		bail("start");
	rc = heddle_join(&task, 0, su_in_ms(LONG_MS));
	ok(rc == (fn == set_and_leave ? -ECANCELED : 0), "%s: %d", what, rc);
	rc = heddle_pool_stop(pool, 0, HEDDLE_R3_GONE, NULL, su_in_ms(LONG_MS));
	ok(rc == 0 && tap_threads() == 1, "%s: stopped at R3, %d", what, rc);
	ok(atomic_load(&inits) == atomic_load(&exits) &&
		   atomic_load(&inits) >= 1 && atomic_load(&inits) <= 2 &&
		   atomic_load(&destroyed) == 1,
	   "%s: %llu init hooks, %llu exit hooks, %llu destructors", what,
	   (unsigned long long)inits, (unsigned long long)exits,
	   (unsigned long long)destroyed);
	su_check_at_rest(pool);
	su_destroy(pool);
}

/* ---- on a thread that helps ---- */

static struct heddle_task helped;

static void top(struct heddle_task *task)
{
	(void)task;
	heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL);
	pthread_exit(NULL);
}

static void two_tasks(struct heddle_task *task)
{
	struct heddle_task above = { .fn = top };

	(void)task;
	heddle_submit(heddle_pool_group(pool), &above);
	heddle_join(&above, 0, HEDDLE_FOREVER);
}

static void *help(void *arg)
{
	(void)arg;
	heddle_join(&helped, HEDDLE_JOIN_HELP, HEDDLE_FOREVER);
	return &helped;
}

static void helper(int at, heddle_task_fn fn, const char *what)
{
	struct heddle_worker_info info[4];
	pthread_t thread;
	void *rc = &thread;

	where = at;
	pool_with_hooks();
	helped = (struct heddle_task){ .fn = fn };
	if (heddle_submit(heddle_pool_group(pool), &helped) ||
	    pthread_create(&thread, NULL, help, NULL) ||
	    pthread_join(thread, &rc))
		bail("%s: no helper", what);
	ok(rc == NULL, "%s: the thread was ended", what);
	is_u64((uint64_t)heddle_workers(pool, info, 4), 0,
	       "%s: its entry is free", what);
	if (at == 1) {
		where = 0;
		ok(heddle_join(&helped, HEDDLE_JOIN_HELP, su_in_ms(LONG_MS)) ==
			   0,
		   "%s: the task is as it was", what);
	} else {
		ok(heddle_join(&helped, 0, HEDDLE_NOW) ==
			   (fn == set_value ? 0 : -ECANCELED),
		   "%s: the task has ended", what);
		is_u64(atomic_load(&exits), 1, "%s: the exit hook ran", what);
	}
	su_check_at_rest(pool);
	su_destroy(pool);
}

/* ---- on a thread that is lent ---- */

static void *lend(void *arg)
{
	(void)arg;
	heddle_pool_run(pool, HEDDLE_RUN_UNTIL_STOPPED, HEDDLE_FOREVER);
	return &helped;
}

static void lent(int at, heddle_task_fn fn, const char *what)
{
	struct heddle_task task = { .fn = fn }, next = { .fn = set_value };
	struct heddle_worker_info info[4];
	pthread_t thread;
	void *rc = &thread;

	where = at;
	pool_with_hooks();
	if (heddle_submit(heddle_pool_group(pool), &task) ||
	    heddle_submit(heddle_pool_group(pool), &next) ||
	    pthread_create(&thread, NULL, lend, NULL))
		bail("%s: no thread", what);
	if (at == 2) {
		su_wait_at_least(&inits, 1, LONG_MS);
		heddle_join(&next, 0, su_in_ms(LONG_MS));
		heddle_pool_stop(pool, 0, HEDDLE_R1_LEFT, NULL,
				 su_in_ms(LONG_MS));
	}
	pthread_join(thread, &rc);
	ok(rc == NULL, "%s: the lent thread was ended", what);
	is_u64((uint64_t)heddle_workers(pool, info, 4), 0,
	       "%s: its entry is free", what);
	where = 0;
	if (heddle_pool_start(pool, 1, NULL, su_in_ms(LONG_MS)))
		bail("start");
	ok(heddle_join(&task, 0, su_in_ms(LONG_MS)) ==
			   (fn == leave_task || fn == two_tasks ? -ECANCELED
								: 0) &&
		   heddle_join(&next, 0, su_in_ms(LONG_MS)) == 0,
	   "%s: what was queued behind it runs", what);
	su_check_at_rest(pool);
	su_destroy(pool);
}

int main(void)
{
	tap_deadline(110);
	guests(0);
	guests(HEDDLE_POOL_ELASTIC);
	in_init();
	at_end(2, set_value, "an exit hook");
	at_end(3, set_value, "a destructor");
	at_end(0, set_and_leave, "a task with a value");
	helper(0, leave_task, "a helper");
	helper(0, two_tasks, "a helper with two tasks and a region");
	helper(1, set_value, "a helper's init hook");
	helper(2, set_value, "a helper's exit hook");
	helper(3, set_value, "a helper's destructor");
	lent(0, leave_task, "a task");
	lent(0, two_tasks, "two tasks and a region");
	lent(1, set_value, "an init hook");
	lent(2, set_value, "an exit hook");
	return tap_done();
}
