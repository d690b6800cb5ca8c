/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tasks that submit calls to their own group and return: each call is made exactly once,
 * by whoever, whatever becomes of the one that submitted it.
 *
 * Method: trees whose nodes submit two more, counted exactly, on one to four workers;
 * while they grow caps change, groups close, workers stop, threads end.
 *
 * clause: C1 C2 C7 D5 E4 E5 H3 Q1 Q3
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define MS    20000
#define DEPTH 13
#define NODES ((UINT64_C(2) << DEPTH) - 1)

static struct heddle_pool *pool;
static struct heddle_group *where, *beside;
static _Atomic uint64_t made, accepted, flag, beside_made;
static _Atomic uint32_t running, running_most;
static _Atomic bool leaves, blocks;
static _Atomic unsigned int slow; /* loops of a node: some ns each */

static void enter(void)
{
	uint32_t now = atomic_fetch_add(&running, 1) + 1;
	uint32_t most = atomic_load(&running_most);

	while (now > most &&
	       !atomic_compare_exchange_weak(&running_most, &most, now))
		;
}

static void node(void *arg);

static void submit(struct heddle_group *group, uintptr_t depth)
{
	int rc;

	atomic_fetch_add(&accepted, 1);
	while ((rc = heddle_submit_call(group, node, (void *)depth)) == -EAGAIN)
		;
	if (rc)
		atomic_fetch_sub(&accepted, 1);
	if (rc && rc != -ESHUTDOWN)
		bail("submit: %d", rc);
}

static void node(void *arg)
{
	uintptr_t depth = (uintptr_t)arg;
	uint64_t n = atomic_fetch_add(&made, 1);
	unsigned int i, loops = slow;

	enter();
	for (i = 0; i < loops; i++)
		atomic_load(&running);
	if (depth) {
		submit(where, depth - 1);
		submit(where, depth - 1);
	}
	if (blocks && n % 64 == 1 &&
	    heddle_block_begin(HEDDLE_BLOCK_OTHER, NULL, NULL) == 0 && n % 128)
		heddle_block_end(); /* else it returns inside */
	atomic_fetch_sub(&running, 1);
	if (leaves && n % 1024 == 7)
		pthread_exit(NULL);
}

static void begin(struct heddle_group *group)
{
	where = group;
	while (running) /* the last ones of the tree before */
		usleep(10);
	made = 0;
	accepted = 0;
	running_most = 0;
	submit(where, DEPTH);
}

static void tree(const char *what)
{
	begin(heddle_pool_group(pool));
	su_wait_at_least(&made, NODES, MS);
	if (!is_u64(made, NODES, "%s: each call is made once", what))
		bail("what follows would wait as long");
}

static void caps(uint32_t workers)
{
	struct heddle_ticket ticket;
	uint64_t before = 0;
	bool stands = true;
	int i;

	begin(heddle_pool_group(pool));
	for (i = 0; i < 40; i++) {
		uint32_t cap = (uint32_t)(tap_random() % (workers + 1));

		if (heddle_group_set_cap(where, cap, &ticket) ||
		    heddle_group_wait(ticket, su_in_ms(MS)))
			bail("a cap of %u", cap);
		if (cap)
			continue;
		before = made;
		usleep(200);
		stands = stands && made == before && !running;
	}
	ok(stands, "nothing runs under a cap of 0");
	if (heddle_group_set_cap(where, HEDDLE_CAP_MAX, NULL))
		bail("the cap");
	su_wait_at_least(&made, NODES, MS);
	is_u64(made, NODES, "caps change: each call is made once");
	ok(running_most <= workers, "at most %u at a time, and it was %u",
	   workers, running_most);
}

static void closes(int mode, const char *what)
{
	struct heddle_group *group = su_group(
		heddle_pool_group(pool), (struct heddle_group_options){ 0 });
	uint64_t after;
	int rc;

	begin(group);
	su_wait_at_least(&made, 100, MS);
	rc = heddle_group_close(group, mode | HEDDLE_CLOSE_FREE, su_in_ms(MS));
	after = made;
	if (mode == HEDDLE_CLOSE_DRAIN)
		is_u64(after, NODES, "%s waits for all", what);
	usleep(2000);
	ok(!rc && made == after && after >= 100,
	   "%s: behind it nothing is called (%d)", what, rc);
	ok(mode == HEDDLE_CLOSE_DRAIN || after <= accepted,
	   "%s: what was not called was dropped", what);
}

static void stops(uint32_t workers)
{
	int i, rc = 0;

	begin(heddle_pool_group(pool));
	for (i = 0; i < 6; i++) {
		rc |= heddle_pool_stop(pool, i & 1, HEDDLE_R2_JOINED, NULL,
				       su_in_ms(MS));
		rc |= heddle_pool_start(pool, workers, NULL, su_in_ms(MS));
	}
	su_wait_at_least(&made, NODES, MS);
	ok(!rc, "stops and starts, while it grows");
	is_u64(made, NODES, "stops: each call is made once");
}

/* ---- one task, and what it sees ---- */

static void run_task(heddle_task_fn fn)
{
	struct heddle_task task = HEDDLE_TASK_INIT(fn);
	int rc;

	while ((rc = heddle_submit(where, &task)) == -EAGAIN)
		usleep(100); /* entries that a worker has not given back yet */
	if (rc || heddle_join(&task, 0, HEDDLE_FOREVER))
		bail("a task");
}

static void raise_flag(void *arg)
{
	(void)arg;
	atomic_fetch_add(&flag, 1);
}

static uint64_t queued;

static void counts(struct heddle_task *task)
{
	struct heddle_group_stat stat = { .struct_size = sizeof(stat) };
	int i;

	(void)task;
	for (i = 0; i < 3; i++)
		heddle_submit_call(where, raise_flag, NULL);
	heddle_group_stat(where, &stat);
	queued = stat.queued;
}

static bool elsewhere;

/* Its worker does not come back until somebody else has made the call. */
static void waits(struct heddle_task *task)
{
	uint64_t before = flag;

	(void)task;
	heddle_submit_call(where, raise_flag, NULL);
	elsewhere &= su_wait_at_least(&flag, before + 1, MS);
	heddle_submit_call(where, raise_flag, NULL);
	elsewhere &= su_wait_at_least(&flag, before + 2, MS);
}

/* The index of a group is used again, and so is the stack that has had it. */
static void groups_anew(void)
{
	int i;

	elsewhere = true;
	for (i = 0; i < 50; i++) {
		where = su_group(heddle_pool_group(pool),
				 (struct heddle_group_options){ 0 });
		run_task(waits);
		if (i & 1)
			usleep(500); /* all sleep */
		if (heddle_group_close(where,
				       HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
				       su_in_ms(MS)))
			bail("a close");
	}
	ok(elsewhere, "an owner that waits for its calls has them made");
}

static void again(void *arg)
{
	if (!flag)
		heddle_submit_call(where, again, arg);
}

static void set_flag(struct heddle_task *task)
{
	(void)task;
	atomic_store(&flag, 1);
}

static void in_turn(struct heddle_task *task)
{
	static struct heddle_task setter;

	(void)task;
	setter = (struct heddle_task)HEDDLE_TASK_INIT(set_flag);
	flag = 0;
	heddle_submit(where, &setter);
	heddle_submit_call(where, again, NULL);
}

/* In a row, for the others look at caps anyway. */
static _Atomic uint64_t lowered;

static void lowers(void *arg)
{
	if (heddle_group_set_cap(where, 0, NULL) ||
	    heddle_submit_call(where, raise_flag, arg))
		bail("a cap of 0");
	atomic_store(&lowered, 1);
}

static void calls_lowers(void *arg)
{
	heddle_submit_call(where, lowers, arg);
}

static void behind_none(void)
{
	uint64_t under;

	where = heddle_pool_group(pool);
	flag = 0;
	lowered = 0;
	heddle_submit_call(where, calls_lowers, NULL);
	su_wait_at_least(&lowered, 1, MS);
	usleep(2000);
	under = flag;
	heddle_group_set_cap(where, HEDDLE_CAP_MAX, NULL);
	ok(!under && su_wait_at_least(&flag, 1, MS),
	   "a call behind a cap of 0 waits for another one");
}

static uint64_t refused;

static void fills(struct heddle_task *task)
{
	uint64_t n;

	(void)task;
	for (n = 0; n < 5000 && !refused; n++)
		if (heddle_submit_call(where, raise_flag, NULL) == -EAGAIN)
			refused = n + 1;
}

static void bounds(void)
{
	struct heddle_pool_options few = { .struct_size = sizeof(few),
					   .workers_max = 1,
					   .tasks_max = 64 };

	pool = su_pool_with(&few, 1);
	where = heddle_pool_group(pool);
	flag = 0;
	refused = 0;
	run_task(fills);
	ok(refused > 1024 && refused < 2000,
	   "a task that submits is refused in the end, behind %u",
	   (unsigned int)refused - 1);
	su_wait_at_least(&flag, refused - 1, MS);
	is_u64(flag, refused - 1, "all that was accepted is called");
	where = su_group(where,
			 (struct heddle_group_options){ .queue_slots = 10 });
	flag = 0;
	refused = 0;
	run_task(fills);
	is_u64(refused, 11, "a queue of 10 has its bound");
	su_wait_at_least(&flag, 10, MS);
	su_check_at_rest(pool);
	su_destroy(pool);
}

static void nothing(void *arg)
{
	(void)arg;
}

static void beside_part(void *arg)
{
	(void)arg;
	enter();
	usleep(10);
	atomic_fetch_sub(&running, 1);
	atomic_fetch_add(&beside_made, 1);
}

static void calls_beside(void *arg)
{
	int i;

	(void)arg;
	heddle_submit_call(where, nothing, NULL);
	for (i = 0; i < 4; i++)
		if (heddle_submit_call(beside, beside_part, NULL))
			bail("beside");
	atomic_fetch_add(&made, 1);
}

/* Calls for another group than the task's own are on that one's permits. */
static void two_groups(void)
{
	int i;

	where = heddle_pool_group(pool);
	beside = su_group(where, (struct heddle_group_options){ .cap = 1 });
	made = 0;
	beside_made = 0;
	running_most = 0;
	for (i = 0; i < 200; i++)
		if (heddle_submit_call(where, calls_beside, NULL))
			bail("two groups");
	su_wait_at_least(&beside_made, 800, MS);
	is_u64(beside_made, 800, "calls for another group are made");
	is_u64(running_most, 1, "and one at a time, for that is its cap");
}

static _Atomic uint64_t verdict;

static void call_that_forks(void *arg)
{
	int status = 0;
	pid_t pid;

	(void)arg;
	heddle_submit_call(where, raise_flag, NULL);
	pid = fork();
	if (pid == 0) {
		alarm(20);
		_exit(heddle_submit_call(where, nothing, NULL) == -ECHILD ? 7
									  : 8);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	heddle_submit_call(where, raise_flag, NULL);
	atomic_store(&verdict,
		     WIFEXITED(status) ? (uint64_t)WEXITSTATUS(status) : 99);
}

static void children(void)
{
	where = heddle_pool_group(pool);
	flag = 0;
	verdict = 0;
	if (heddle_submit_call(where, call_that_forks, NULL))
		bail("a call");
	su_wait_at_least(&flag, 2, MS);
	su_wait_at_least(&verdict, 1, MS);
	is_u64(verdict, 7, "a child gets -ECHILD");
	is_u64(flag, 2, "and the parent goes on");
}

static void on(uint32_t workers)
{
	char name[32];

	snprintf(name, sizeof(name), "%u workers", workers);
	pool = su_pool(workers);
	tree(name);
	tree(name);
	slow = 500;
	tree("slow ones");
	caps(workers);
	closes(HEDDLE_CLOSE_DRAIN, "a drain");
	closes(HEDDLE_CLOSE_REFUSE, "a refusal");
	stops(workers);
	slow = 20;
	leaves = true;
	tree("threads that end in calls");
	leaves = false;
	blocks = true;
	tree("calls that block, or return inside a region");
	blocks = false;
	slow = 0;
	su_check_at_rest(pool);
	su_destroy(pool);
}

int main(void)
{
	uint32_t workers;

	tap_deadline(110);
	tap_seed();
	for (workers = 1; workers <= 4; workers++)
		on(workers);
	pool = su_pool(1);
	where = heddle_pool_group(pool);
	run_task(counts);
	is_u64(queued, 3, "calls are counted as queued");
	su_wait_at_least(&flag, 3, MS);
	run_task(in_turn);
	ok(su_wait_at_least(&flag, 1, MS),
	   "a call that submits itself again lets a task have its turn");
	behind_none();
	su_destroy(pool);
	bounds();
	pool = su_pool(2);
	groups_anew();
	two_groups();
	children();
	su_check_at_rest(pool);
	su_destroy(pool);
	return tap_done();
}
