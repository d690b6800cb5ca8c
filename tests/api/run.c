/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread that is lent to a pool: each mode runs what it says and returns when it says,
 * a stop and a destroy get it out, and nothing of it remains on the thread. Method: a
 * pool that is never started, so that only donated threads can have run what ran.
 *
 * clause: S2 D1 D3 E1 E4 N1 B1 Q4 C1
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/guests.h"
#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define ONE     HEDDLE_RUN_ONE
#define IDLE    HEDDLE_RUN_UNTIL_IDLE
#define STOPPED HEDDLE_RUN_UNTIL_STOPPED
#define LONG_MS 20000
#define MANY    1000

static struct heddle_pool *pool;
static struct heddle_group *root;
static struct heddle_slot *slot;
static _Atomic uint64_t calls, begins, ends, deaths, here, go;
static _Atomic int hook_error, from_hook;

static int begin(struct heddle_pool *of, uint32_t index, void *arg)
{
	(void)index;
	(void)arg;
	atomic_store(&from_hook, heddle_pool_run(of, IDLE, HEDDLE_NOW));
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

static void die(void *value)
{
	(void)value;
	atomic_fetch_add(&deaths, 1);
}

static void make(struct heddle_pool_options o)
{
	struct heddle_slot_options s = { .struct_size = sizeof(s),
					 .destructor = die };

	o.struct_size = sizeof(o);
	o.worker_init = begin;
	o.worker_exit = end;
	if (heddle_pool_create(&o, &pool))
		bail("pool");
	root = heddle_pool_group(pool);
	if (heddle_slot_create(pool, &s, &slot))
		bail("slot");
	atomic_store(&calls, 0);
	atomic_store(&begins, 0);
	atomic_store(&ends, 0);
	atomic_store(&here, 0);
	atomic_store(&go, 0);
	tap_on_deadline(su_dump, pool);
}

static void call(void *arg)
{
	(void)arg;
	atomic_fetch_add(&calls, 1);
}

static void submit(struct heddle_group *group, void (*fn)(void *), void *arg)
{
	if (heddle_submit_call(group, fn, arg))
		bail("submit");
}

/* A thread that lends itself. */
struct donor {
	pthread_t thread;
	uint32_t flags;
	uint64_t deadline;
	int rc;
	_Atomic uint64_t returned;
};

static void *donate(void *arg)
{
	struct donor *donor = arg;

	donor->rc = heddle_pool_run(pool, donor->flags, donor->deadline);
	atomic_store(&donor->returned, 1);
	return NULL;
}

static void donate_begins(struct donor *donor, uint32_t flags,
			  uint64_t deadline)
{
	*donor = (struct donor){ .flags = flags, .deadline = deadline };
	if (pthread_create(&donor->thread, NULL, donate, donor))
		bail("thread");
}

static int donate_ends(struct donor *donor)
{
	pthread_join(donor->thread, NULL);
	return donor->rc;
}

/* So many donated threads, or workers, show that they sleep. */
static bool asleep(uint32_t n)
{
	uint64_t until = su_in_ms(LONG_MS);
	struct heddle_worker_info info[16];
	uint32_t parked;
	int i, seen;

	do {
		parked = 0;
		seen = heddle_workers(pool, info, 16);
		for (i = 0; i < seen; i++)
			parked += info[i].state == HEDDLE_WORKER_PARKED;
	} while (parked != n && su_now_ns() < until && !sched_yield());
	return parked == n;
}

/* ---- misuse ---- */

static _Atomic int from_task;

static void runs_inside(void *arg)
{
	atomic_store(&from_task, heddle_pool_run(arg, IDLE, HEDDLE_NOW));
}

static void misuse(void)
{
	struct heddle_pool_options none = {
		.struct_size = sizeof(none), .helpers_max = HEDDLE_HELPERS_NONE
	};
	struct heddle_pool *other;
	int status, rc;
	pid_t child;

	make((struct heddle_pool_options){ .workers_max = 1 });
	ok(heddle_pool_run(NULL, IDLE, HEDDLE_NOW) == -EINVAL &&
		   heddle_pool_run(pool, 0, HEDDLE_NOW) == -EINVAL &&
		   heddle_pool_run(pool, ONE | IDLE, HEDDLE_NOW) == -EINVAL &&
		   heddle_pool_run(pool, 8, HEDDLE_NOW) == -EINVAL &&
		   heddle_pool_eventfd(NULL) == -EINVAL,
	   "no pool, no mode, two modes, an unknown one");
	if (heddle_pool_create(&none, &other))
		bail("pool");
	ok(heddle_pool_run(other, IDLE, HEDDLE_NOW) == -EAGAIN,
	   "a pool that lends nothing");
	submit(root, runs_inside, other);
	rc = heddle_pool_run(pool, IDLE, HEDDLE_FOREVER);
	ok(rc == 0 && atomic_load(&from_task) == -EDEADLK &&
		   atomic_load(&from_hook) == -EDEADLK,
	   "in a hook, and from a task of another pool");
	submit(root, runs_inside, pool);
	heddle_pool_run(pool, IDLE, HEDDLE_FOREVER);
	ok(atomic_load(&from_task) == -EDEADLK, "from a task of this one");
	su_destroy(other);
	child = fork();
	if (child == 0)
		_exit(heddle_pool_run(pool, IDLE, HEDDLE_NOW) != -ECHILD ||
		      heddle_pool_eventfd(pool) != -ECHILD);
	if (child < 0 || waitpid(child, &status, 0) != child)
		bail("fork");
	ok(status == 0, "a forked child lends nothing");
	atomic_store(&hook_error, -ENOTDIR);
	submit(root, call, NULL);
	ok(heddle_pool_run(pool, IDLE, HEDDLE_FOREVER) == -ENOTDIR &&
		   atomic_load(&calls) == 0,
	   "the init hook refuses: nothing has happened");
	atomic_store(&hook_error, 0);
	ok(heddle_pool_run(pool, ONE, HEDDLE_NOW) == 0 &&
		   atomic_load(&calls) == 1,
	   "and the task is there still");
	su_check_at_rest(pool);
	su_destroy(pool);
}

/* ---- the thread ---- */

struct around {
	pthread_t thread;
	struct heddle_worker_info info;
	bool slot, stop_refused;
};

static void looks_around(void *arg)
{
	struct around *around = arg;

	around->thread = pthread_self();
	around->slot = !heddle_slot_get(slot) &&
		       !heddle_slot_set(slot, around) &&
		       heddle_slot_get(slot) == around;
	around->stop_refused = heddle_pool_stop(pool, 0, HEDDLE_R1_LEFT, NULL,
						HEDDLE_FOREVER) == -EDEADLK &&
			       heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL,
						   HEDDLE_FOREVER) == -EDEADLK;
	heddle_workers(pool, &around->info, 1);
}

struct looks {
	char name[16];
	sigset_t mask;
	cpu_set_t cpus;
	int policy;
};

static void look(struct looks *looks)
{
	struct sched_param parameter;

	memset(looks, 0, sizeof(*looks));
	pthread_getname_np(pthread_self(), looks->name, sizeof(looks->name));
	pthread_sigmask(SIG_SETMASK, NULL, &looks->mask);
	pthread_getaffinity_np(pthread_self(), sizeof(looks->cpus),
			       &looks->cpus);
	pthread_getschedparam(pthread_self(), &looks->policy, &parameter);
}

static void the_thread(void)
{
	struct around around[2];
	struct heddle_worker_info info;
	struct looks before, after;
	sigset_t odd;
	int i;

	make((struct heddle_pool_options){ .workers_max = 1 });
	sigemptyset(&odd);
	sigaddset(&odd, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &odd, NULL);
	look(&before);
	for (i = 0; i < 2; i++) {
		submit(root, looks_around, &around[i]);
		if (heddle_pool_run(pool, ONE, HEDDLE_NOW))
			bail("run");
	}
	look(&after);
	ok(pthread_equal(around[0].thread, pthread_self()) &&
		   around[0].info.tid == (int32_t)syscall(SYS_gettid) &&
		   around[0].info.state == HEDDLE_WORKER_RUNNING,
	   "the caller ran it, and shows as a worker");
	ok(around[0].info.index == around[1].info.index &&
		   around[0].info.incarnation != around[1].info.incarnation,
	   "the same index, another life: %lu, %lu",
	   (unsigned long)around[0].info.incarnation,
	   (unsigned long)around[1].info.incarnation);
	ok(around[0].slot && around[1].slot && atomic_load(&deaths) == 2,
	   "slots are fresh, and their destructors are called");
	ok(atomic_load(&begins) == 2 && atomic_load(&ends) == 2,
	   "hooks first and last, each time");
	ok(around[0].stop_refused, "stop and destroy from inside");
	ok(!memcmp(&before, &after, sizeof(before)),
	   "name, mask, affinity and class are as before");
	ok(heddle_workers(pool, &info, 1) == 0 && !heddle_slot_get(slot) &&
		   heddle_slot_set(slot, &info) == -EPERM &&
		   heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL) == -EPERM,
	   "nothing of a worker remains on the thread");
	pthread_sigmask(SIG_UNBLOCK, &odd, NULL);
	su_check_at_rest(pool);
	su_destroy(pool);
}

/* ---- one ---- */

static void by_one(void)
{
	struct donor donor;
	uint64_t from;
	int rc;

	make((struct heddle_pool_options){ .workers_max = 2 });
	from = su_now_ns();
	rc = heddle_pool_run(pool, ONE, from + 20000000);
	ok(rc == -ETIMEDOUT && su_now_ns() >= from + 20000000,
	   "ONE waits until its deadline");
	ok(heddle_pool_run(pool, ONE, HEDDLE_NOW) == -ETIMEDOUT &&
		   heddle_pool_run(pool, ONE, 1) == -ETIMEDOUT,
	   "and for none that has passed");
	submit(root, call, NULL);
	submit(root, call, NULL);
	submit(root, call, NULL);
	ok(heddle_pool_run(pool, ONE, 1) == 0 && atomic_load(&calls) == 1,
	   "ONE runs one of three");
	ok(heddle_pool_run(pool, ONE, HEDDLE_NOW) == 0 &&
		   atomic_load(&calls) == 2,
	   "then another one");
	ok(heddle_pool_run(pool, ONE, HEDDLE_FOREVER) == 0 &&
		   heddle_pool_run(pool, ONE, HEDDLE_NOW) == -ETIMEDOUT &&
		   atomic_load(&calls) == 3,
	   "and the last");
	donate_begins(&donor, ONE, su_in_ms(LONG_MS));
	asleep(1);
	submit(root, call, NULL);
	ok(donate_ends(&donor) == 0 && atomic_load(&calls) == 4,
	   "asleep, it hears of a submit");
	su_check_at_rest(pool);
	su_destroy(pool);
}

/* ---- until idle ---- */

struct tree {
	struct heddle_task task;
	uint32_t depth;
	struct tree *child;
};

static void grow(struct heddle_task *task)
{
	struct tree *tree = (struct tree *)(void *)task;
	struct tree child[2];
	int i;

	atomic_fetch_add(&calls, 1);
	if (!tree->depth)
		return;
	for (i = 0; i < 2; i++) {
		child[i] = (struct tree){ .task = HEDDLE_TASK_INIT(grow),
					  .depth = tree->depth - 1 };
		if (heddle_submit(root, &child[i].task))
			bail("submit");
	}
	for (i = 0; i < 2; i++)
		if (heddle_join(&child[i].task, 0, HEDDLE_FOREVER))
			bail("join");
}

static _Atomic uint64_t turn, disorder, inside, most_inside;

static void in_turn(void *arg)
{
	uint64_t now = atomic_fetch_add(&inside, 1) + 1;

	if (now > atomic_load(&most_inside))
		atomic_store(&most_inside, now);
	if (atomic_fetch_add(&turn, 1) != (uint64_t)(uintptr_t)arg)
		atomic_fetch_add(&disorder, 1);
	heddle_block_begin(HEDDLE_BLOCK_OTHER, NULL, NULL);
	heddle_block_end();
	atomic_fetch_sub(&inside, 1);
}

static void until_idle(void)
{
	struct tree tree = { .task = HEDDLE_TASK_INIT(grow), .depth = 6 };
	struct heddle_group *serial, *fifo;
	unsigned int threads = tap_threads();
	uintptr_t i;

	make((struct heddle_pool_options){ .workers_max = 1 });
	ok(heddle_pool_run(pool, IDLE, HEDDLE_NOW) == 0,
	   "UNTIL_IDLE of nothing");
	for (i = 0; i < MANY; i++)
		submit(root, call, NULL);
	ok(heddle_pool_run(pool, IDLE, HEDDLE_FOREVER) == 0 &&
		   atomic_load(&calls) == MANY,
	   "%d tasks", MANY);
	if (heddle_submit(root, &tree.task))
		bail("submit");
	atomic_store(&calls, 0);
	ok(heddle_pool_run(pool, IDLE, HEDDLE_FOREVER) == 0 &&
		   atomic_load(&calls) == 127 &&
		   heddle_join(&tree.task, 0, HEDDLE_NOW) == 0,
	   "joins in tasks: %lu of 127", (unsigned long)atomic_load(&calls));
	serial = su_group(root, (struct heddle_group_options){
					.order = HEDDLE_ORDER_SERIAL });
	fifo = su_group(root, (struct heddle_group_options){
				      .order = HEDDLE_ORDER_FIFO });
	for (i = 0; i < 100; i++)
		submit(serial, in_turn, (void *)i);
	ok(heddle_pool_run(pool, IDLE, HEDDLE_FOREVER) == 0 &&
		   atomic_load(&turn) == 100 && atomic_load(&disorder) == 0,
	   "a SERIAL group in order, through regions");
	atomic_store(&turn, 0);
	for (i = 0; i < 100; i++)
		submit(fifo, in_turn, (void *)i);
	ok(heddle_pool_run(pool, IDLE, HEDDLE_FOREVER) == 0 &&
		   atomic_load(&turn) == 100 && atomic_load(&disorder) == 0 &&
		   atomic_load(&most_inside) == 1,
	   "and a FIFO group");
	ok(tap_threads() == threads, "no thread was made for any of it");
	su_check_at_rest(pool);
	su_destroy(pool);
}

/* ---- the deadline ---- */

static void for_ever(void *arg)
{
	call(NULL);
	if (heddle_submit_call(arg, for_ever, arg) != 0 &&
	    !heddle_stop_requested())
		bail("submit");
}

static void deadlines(void)
{
	uint64_t from;
	int rc;

	make((struct heddle_pool_options){ .workers_max = 1 });
	submit(root, for_ever, root);
	rc = heddle_pool_run(pool, IDLE, HEDDLE_NOW);
	ok(rc == -ETIMEDOUT && atomic_load(&calls) == 1,
	   "a task that submits itself: one, without a deadline to come");
	rc = heddle_pool_run(pool, STOPPED, HEDDLE_NOW);
	ok(rc == -ETIMEDOUT && atomic_load(&calls) == 2, "UNTIL_STOPPED too");
	from = su_now_ns();
	rc = heddle_pool_run(pool, IDLE, from + 5000000);
	ok(rc == -ETIMEDOUT && su_now_ns() >= from + 5000000 &&
		   atomic_load(&calls) > 3,
	   "and as many as fit: %lu", (unsigned long)atomic_load(&calls));
	su_destroy(pool);
}

/* ---- a stop, a destroy ---- */

static void waits(void *arg)
{
	if (arg)
		heddle_block_begin(HEDDLE_BLOCK_OTHER, NULL, NULL);
	atomic_fetch_add(&here, 1);
	su_wait_at_least(&go, 1, LONG_MS);
	if (arg)
		heddle_block_end();
}

static void stopped(void)
{
	struct heddle_report report = { .struct_size = sizeof(report) };
	struct donor donor[3];
	int rc;

	make((struct heddle_pool_options){ .workers_max = 3 });
	donate_begins(&donor[0], STOPPED, HEDDLE_FOREVER);
	donate_begins(&donor[1], ONE, HEDDLE_FOREVER);
	donate_begins(&donor[2], STOPPED, su_in_ms(LONG_MS));
	asleep(3);
	rc = heddle_pool_stop(pool, 3, HEDDLE_R3_GONE, &report,
			      su_in_ms(LONG_MS));
	ok(rc == 0 && atomic_load(&ends) == 3 &&
		   heddle_workers(pool, NULL, 0) == 0,
	   "a stop gets three out of their sleep, whatever number stays");
	ok(donate_ends(&donor[0]) == 0 &&
		   donate_ends(&donor[1]) == -ESHUTDOWN &&
		   donate_ends(&donor[2]) == 0,
	   "UNTIL_STOPPED has done what it was asked, ONE has not");
	submit(root, waits, NULL);
	donate_begins(&donor[0], IDLE, HEDDLE_FOREVER);
	su_wait_at_least(&here, 1, LONG_MS);
	donate_begins(&donor[1], STOPPED, HEDDLE_FOREVER);
	submit(root, waits, root);
	su_wait_at_least(&here, 2, LONG_MS);
	submit(root, call, NULL);
	rc = heddle_pool_stop(pool, 0, HEDDLE_R3_GONE, &report, su_in_ms(20));
	ok(rc == -ETIMEDOUT && report.threads == 2 && report.donated == 2,
	   "it reports those that are busy: %u of %u, %s", report.donated,
	   report.threads, report.text);
	atomic_store(&go, 1);
	rc = heddle_pool_stop(pool, 0, HEDDLE_R4_CLEAN, &report,
			      su_in_ms(LONG_MS));
	ok(rc == 0 && atomic_load(&ends) == 5 && report.donated == 0,
	   "and waits until their exit hooks have returned");
	rc = donate_ends(&donor[0]);
	donate_ends(&donor[1]);
	ok((rc == -ESHUTDOWN && atomic_load(&calls) == 0) ||
		   atomic_load(&calls) == 1,
	   "who was asked to leave says so: %d", rc);
	ok(heddle_pool_run(pool, IDLE, HEDDLE_FOREVER) == 0 &&
		   atomic_load(&calls) == 1,
	   "what was queued is there for the next one");
	su_check_at_rest(pool);
	su_destroy(pool);
}

static void destroyed(void)
{
	struct heddle_report report = { .struct_size = sizeof(report) };
	struct donor donor[2];
	int rc;

	make((struct heddle_pool_options){ .workers_max = 2 });
	donate_begins(&donor[0], STOPPED, HEDDLE_FOREVER);
	donate_begins(&donor[1], STOPPED, HEDDLE_FOREVER);
	asleep(2);
	submit(root, waits, NULL);
	su_wait_at_least(&here, 1, LONG_MS);
	rc = heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, &report, su_in_ms(20));
	ok(rc == -ETIMEDOUT && report.step == HEDDLE_STEP_QUIET,
	   "a destroy waits for the task: %s", report.text);
	ok(heddle_pool_run(pool, IDLE, HEDDLE_NOW) == -ESHUTDOWN &&
		   heddle_pool_eventfd(pool) == -ESHUTDOWN,
	   "nobody comes any more");
	atomic_store(&go, 1);
	su_destroy(pool);
	ok(donate_ends(&donor[0]) == 0 && donate_ends(&donor[1]) == 0,
	   "both were asked to leave");
}

/* ---- bounds ---- */

static void bounds(void)
{
	struct heddle_group_stat stat = { .struct_size = sizeof(stat) };
	unsigned int threads = tap_threads();
	struct donor donor[3];
	int i, rc;

	make((struct heddle_pool_options){ .workers_max = 1,
					   .helpers_max = 3 });
	heddle_group_stat(root, &stat);
	ok(stat.parallelism == 0, "nobody is there");
	for (i = 0; i < 3; i++)
		donate_begins(&donor[i], STOPPED, HEDDLE_FOREVER);
	asleep(3);
	heddle_group_stat(root, &stat);
	ok(stat.parallelism == 1, "three, and one unit");
	ok(heddle_pool_run(pool, IDLE, HEDDLE_NOW) == -EAGAIN,
	   "helpers_max is the most that are lent");
	for (i = 0; i < 3; i++)
		submit(root, waits, root);
	rc = su_wait_at_least(&here, 3, LONG_MS);
	ok(rc && tap_threads() == threads + 3,
	   "all in regions, one after the other; nobody replaces them");
	submit(root, call, NULL);
	atomic_store(&go, 1);
	rc = heddle_group_close(root, HEDDLE_CLOSE_DRAIN, su_in_ms(LONG_MS));
	ok(rc == 0 && atomic_load(&calls) == 1, "they drain the pool");
	su_destroy(pool);
	for (i = 0; i < 3; i++)
		donate_ends(&donor[i]);
}

/* ---- guests ---- */

static _Atomic int guest_tid, guest_run;

static int32_t guest(void *arg)
{
	atomic_store(&guest_tid, (int)syscall(SYS_gettid));
	atomic_store(&guest_run, heddle_pool_run(arg, IDLE, HEDDLE_NOW));
	return 7;
}

static void guests(void)
{
	struct heddle_process *process;
	struct heddle_worker_info info;
	struct donor donor;
	int i, with_donor = 0;

	make((struct heddle_pool_options){ .workers_max = 4,
					   .flags = HEDDLE_POOL_ELASTIC });
	donate_begins(&donor, STOPPED, HEDDLE_FOREVER);
	asleep(1);
	heddle_workers(pool, &info, 1);
	process = su_process(pool, 2, 0);
	for (i = 0; i < 20; i++) {
		if (su_call(process, guest, pool) != 7)
			bail("guest");
		with_donor += atomic_load(&guest_tid) == info.tid;
	}
	is_u64((uint64_t)with_donor, 0, "no guest on a donated thread");
	ok(atomic_load(&guest_run) == -EDEADLK, "a guest is not lent");
	su_process_end(process);
	su_destroy(pool);
	donate_ends(&donor);
}

/* ---- beside the workers of an ELASTIC pool ---- */

static void elastic(void)
{
	struct heddle_check check = { .struct_size = sizeof(check) };
	struct donor donor;
	int i;

	make((struct heddle_pool_options){ .workers_max = 2,
					   .blocked_max = 2,
					   .flags = HEDDLE_POOL_ELASTIC });
	donate_begins(&donor, STOPPED, su_in_ms(LONG_MS));
	asleep(1);
	if (heddle_pool_start(pool, 1, NULL, HEDDLE_FOREVER))
		bail("start");
	ok(asleep(3), "the spare is made beside a donated thread");
	for (i = 0; i < 3; i++)
		submit(root, waits, root);
	ok(su_wait_at_least(&here, 3, LONG_MS), "three in regions");
	submit(root, call, NULL);
	submit(root, call, NULL);
	ok(su_wait_at_least(&calls, 2, LONG_MS),
	   "those of the library are replaced");
	heddle_check(pool, &check);
	ok(!check.violations && check.blocked_bound_hits == 0,
	   "and the donated one is not counted as one that is");
	atomic_store(&go, 1);
	su_check_at_rest(pool);
	su_destroy(pool);
	donate_ends(&donor);
}

/* It sleeps, and yet the worker that leaves the idle set last makes a successor. */
static void spare(void)
{
	struct donor donor;
	uint64_t until = su_in_ms(LONG_MS);

	make((struct heddle_pool_options){ .workers_max = 3,
					   .flags = HEDDLE_POOL_ELASTIC });
	if (heddle_pool_start(pool, 1, NULL, HEDDLE_FOREVER))
		bail("start");
	donate_begins(&donor, STOPPED, HEDDLE_FOREVER);
	asleep(3);
	submit(root, waits, NULL);
	su_wait_at_least(&here, 1, LONG_MS);
	submit(root, waits, NULL);
	su_wait_at_least(&here, 2, LONG_MS);
	while (heddle_workers(pool, NULL, 0) < 4 && su_now_ns() < until)
		sched_yield();
	ok(heddle_workers(pool, NULL, 0) == 4,
	   "a donated sleeper does not stand for the spare");
	atomic_store(&go, 1);
	su_destroy(pool);
	donate_ends(&donor);
}

int main(void)
{
	misuse();
	the_thread();
	by_one();
	until_idle();
	deadlines();
	stopped();
	destroyed();
	bounds();
	guests();
	elastic();
	spare();
	return tap_done();
}
