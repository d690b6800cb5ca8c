/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tasks that fork into the stack of their worker: typed functions, forks in the old form
 * in any order, and what may happen to who forks. Each call is made exactly once, by
 * whoever, and its join sees the result.
 *
 * clause: C2 N1 Q1 E4 E5
 * fault: F25 F30
 */
#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <heddle/forkjoin.h>
#include <heddle/testing.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define MANY 10000

static struct heddle_pool *pool;
static struct heddle_group *where;

struct job {
	struct heddle_task task;
	long n, value;
	int rc;
};

static long run_in(struct heddle_group *group, heddle_task_fn fn, long n)
{
	struct job job = { .task = HEDDLE_TASK_INIT(fn), .n = n };

	where = group;
	if (heddle_submit(group, &job.task) ||
	    heddle_join(&job.task, 0, HEDDLE_FOREVER))
		bail("a job");
	return job.value;
}

/* ---- typed ---- */

HEDDLE_TASK_1(long, fib, long, n)
{
	long right;

	if (n < 2)
		return n;
	HEDDLE_SPAWN(fib, n - 1);
	right = HEDDLE_CALL(fib, n - 2);
	return right + HEDDLE_SYNC(fib);
}

HEDDLE_TASK_3(signed char, mixed, signed char, a, short, b, const long *, c)
{
	signed char sum;

	if (!b)
		return (signed char)(a + *c);
	HEDDLE_SPAWN(mixed, (signed char)(a - 1), (short)(b - 1), c);
	sum = HEDDLE_CALL(mixed, a, (short)(b - 1), c);
	return (signed char)(sum - HEDDLE_SYNC(mixed));
}

static signed char mixed_serial(signed char a, short b, const long *c)
{
	if (!b)
		return (signed char)(a + *c);
	return (signed char)(mixed_serial(a, (short)(b - 1), c) -
			     mixed_serial((signed char)(a - 1), (short)(b - 1),
					  c));
}

HEDDLE_TASK_2(double, half, double, x, int, n)
{
	if (!n)
		return x;
	HEDDLE_SPAWN(half, x / 2, n - 1);
	return HEDDLE_SYNC(half);
}

HEDDLE_TASK_VOID_2(fill, long *, from, long, n)
{
	if (n == 1) {
		*from += 1;
		return;
	}
	HEDDLE_SPAWN(fill, from, n / 2);
	HEDDLE_CALL(fill, from + n / 2, n - n / 2);
	HEDDLE_SYNC(fill);
}

/* Ever so many at a time, more than a stack has slots. */
HEDDLE_TASK_1(long, many, long, n)
{
	long i, sum = 0;

	if (n < 0)
		return -n;
	for (i = 0; i < n; i++)
		HEDDLE_SPAWN(many, -i - 1);
	for (i = 0; i < n; i++)
		sum += HEDDLE_SYNC(many);
	return sum;
}

/* As deep, and a run inside a run at the bottom. */
HEDDLE_TASK_1(long, deep, long, n)
{
	if (!n)
		return HEDDLE_RUN(fib, where, 10);
	HEDDLE_SPAWN(deep, n - 1);
	return 1 + HEDDLE_SYNC(deep);
}

static void run_fib(struct heddle_task *task)
{
	struct job *job = (struct job *)task;

	job->value = HEDDLE_RUN(fib, where, job->n);
}

static void run_typed(struct heddle_task *task)
{
	static const long forty = 40;
	static long cell[1000];
	struct job *job = (struct job *)task;
	long i, sum = 0;

	ok(HEDDLE_RUN(mixed, where, -3, 7, &forty) ==
		   mixed_serial(-3, 7, &forty),
	   "small and negative arguments and results");
	ok(HEDDLE_RUN(half, where, 1024.0, 10) == 1.0, "of floating point");
	HEDDLE_RUN(fill, where, cell, 1000);
	for (i = 0; i < 1000; i++)
		sum += cell[i] == 1;
	is_u64((uint64_t)sum, 1000, "without a result: each cell once");
	ok(HEDDLE_RUN(many, where, MANY) == MANY * (MANY + 1L) / 2,
	   "%d forks at a time", MANY);
	ok(HEDDLE_RUN(deep, where, 3000) == 3055,
	   "3000 deep, with a run inside");
	job->value = 1;
}

static struct heddle_group *group_with(uint32_t order, uint32_t slots,
				       uint32_t cap)
{
	return su_group(heddle_pool_group(pool),
			(struct heddle_group_options){ .order = order,
						       .queue_slots = slots,
						       .cap = cap });
}

static struct heddle_group *other;

static void run_for_other(struct heddle_task *task)
{
	struct job *job = (struct job *)task;

	job->value = HEDDLE_RUN(fib, other, job->n);
}

static void typed(void)
{
	struct heddle_group *root = heddle_pool_group(pool);

	run_in(root, run_typed, 0);
	ok(run_in(root, run_fib, 22) == 17711, "fib(22)");
	ok(HEDDLE_RUN(fib, root, 20) == 6765, "from an outside thread");
	ok(run_in(group_with(0, 0, 1), run_fib, 18) == 2584,
	   "under a cap of 1");
	ok(run_in(group_with(0, 2, 2), run_fib, 12) == 144,
	   "with a queue of 2");
	ok(run_in(group_with(HEDDLE_ORDER_SERIAL, 0, 0), run_fib, 12) == 144,
	   "in a SERIAL group");
	other = group_with(0, 0, 2);
	ok(run_in(root, run_for_other, 16) == 987, "for another group");
	ok(HEDDLE_RUN(fib, (struct heddle_group *)NULL, 12) == 144,
	   "for none at all");
	heddle_group_close(other, HEDDLE_CLOSE_REFUSE, HEDDLE_FOREVER);
	ok(run_in(root, run_for_other, 12) == 144, "for one that is closed");
}

/* ---- forks that are joined in any order, in regions too, beside typed ones ---- */

static long wild(long n, long seed);
HEDDLE_FORK_2(long, wild, long, long)
static bool regions;

HEDDLE_TASK_2(long, tame, long, n, long, seed)
{
	long sum = 1, i, k = 0;

	if (n <= 0)
		return 1;
	for (i = 0; i < seed % 4; i++, k++)
		HEDDLE_SPAWN(tame, n - 1 - i % 2, seed * 7 + i);
	if (seed % 5 == 0)
		sum += wild(n - 2, seed + 3);
	while (k--)
		sum += HEDDLE_SYNC(tame);
	return sum;
}

static long join_all(struct wild_fork *f, long m, long order)
{
	long sum = 0, i;

	for (i = 0; i < m; i++)
		sum += wild_join(
			&f[order == 0        ? i
			   : order == 1      ? m - 1 - i
			   : i < (m + 1) / 2 ? 2 * i
					     : 2 * (i - (m + 1) / 2) + 1]);
	return sum;
}

static long wild(long n, long seed)
{
	struct wild_fork f[5];
	long sum = 1, m = seed % 5, i;

	if (n <= 0)
		return 1;
	for (i = 0; i < m; i++)
		wild_fork(where, &f[i], n - 1, seed * 3 + i);
	if (seed % 3 == 0)
		sum += HEDDLE_RUN(tame, where, n - 2, seed + 1);
	if (regions && seed % 11 == 0) {
		heddle_block_begin(HEDDLE_BLOCK_OTHER, NULL, NULL);
		if (m)
			sum += wild_join(&f[--m]);
		heddle_block_end();
	}
	return sum + join_all(f, m, seed / 7 % 3);
}

static long tame_serial(long n, long seed);

static long wild_serial(long n, long seed)
{
	long sum = 1, i;

	if (n <= 0)
		return 1;
	for (i = 0; i < seed % 5; i++)
		sum += wild_serial(n - 1, seed * 3 + i);
	return sum + (seed % 3 ? 0 : tame_serial(n - 2, seed + 1));
}

static long tame_serial(long n, long seed)
{
	long sum = 1, i;

	if (n <= 0)
		return 1;
	for (i = 0; i < seed % 4; i++)
		sum += tame_serial(n - 1 - i % 2, seed * 7 + i);
	return sum + (seed % 5 ? 0 : wild_serial(n - 2, seed + 3));
}

static void run_wild(struct heddle_task *task)
{
	struct job *job = (struct job *)task;

	job->value = wild(8, job->n);
}

static void in_any_order(const char *what)
{
	struct heddle_group *root = heddle_pool_group(pool);
	int i, good = 0;

	for (i = 0; i < 60; i++) {
		long seed = (long)(tap_random() % 100000);

		good += run_in(root, run_wild, seed) == wild_serial(8, seed);
	}
	is_u64((uint64_t)good, 60, "60 wild trees, %s", what);
}

/* ---- who forks and does not come back for it ---- */

static _Atomic uint64_t begun;

static long tells(long n);
HEDDLE_FORK_1(long, tells, long)

static long tells(long n)
{
	atomic_fetch_add(&begun, 1);
	return n;
}

static void computes(struct heddle_task *task)
{
	struct job *job = (struct job *)task;
	struct tells_fork first, f;

	/* Who was woken for the first one is on its way to sleep. */
	tells_fork(where, &first, 0);
	tells_join(&first);
	if (job->n)
		usleep((useconds_t)job->n);
	atomic_store(&begun, 0);
	tells_fork(where, &f, 5);
	job->rc = !su_wait_at_least(&begun, 1, 10000);
	job->value = job->rc ? 0 : tells_join(&f);
}

static void busy(void)
{
	int i, good = 0;

	for (i = 0; i < 200 && good == i; i++)
		good += run_in(heddle_pool_group(pool), computes, i % 4 * 30) ==
			5;
	is_u64((uint64_t)good, 200,
	       "a fork of who computes is called by another worker");
}

static void counts(struct heddle_task *task)
{
	struct heddle_group_stat stat = { .struct_size = sizeof(stat) };
	struct job *job = (struct job *)task;
	struct tells_fork f[3];
	int i;

	for (i = 0; i < 3; i++)
		tells_fork(where, &f[i], i);
	heddle_group_stat(where, &stat);
	job->value = (long)stat.queued;
	while (i--)
		tells_join(&f[i]);
}

/* ---- circles, ends ---- */

static struct job circle;

static long joins_maker(long n);
HEDDLE_FORK_1(long, joins_maker, long)

static long joins_maker(long n)
{
	atomic_fetch_add(&begun, 1);
	return n + heddle_join(&circle.task, 0, HEDDLE_FOREVER);
}

static void makes_circle(struct heddle_task *task)
{
	struct job *job = (struct job *)task;
	struct joins_maker_fork f;

	atomic_store(&begun, 0);
	joins_maker_fork(where, &f, 0);
	if (job->n)
		su_wait_at_least(&begun, 1, 10000);
	job->value = joins_maker_join(&f);
}

static void circles(void)
{
	int i, good = 0;

	for (i = 0; i < 20; i++) {
		where = heddle_pool_group(pool);
		circle = (struct job){ .task = HEDDLE_TASK_INIT(makes_circle),
				       .n = i % 2 };
		if (heddle_submit(where, &circle.task) ||
		    heddle_join(&circle.task, 0, HEDDLE_FOREVER))
			bail("a circle");
		good += circle.value == -EDEADLK;
	}
	is_u64((uint64_t)good, 20, "a join of who waits for one's fork: %s",
	       "-EDEADLK, wherever the fork runs");
}

static pthread_t maker;

static long leaves(long n);
HEDDLE_FORK_1(long, leaves, long)

static long leaves(long n)
{
	atomic_fetch_add(&begun, 1);
	if (!pthread_equal(pthread_self(), maker))
		pthread_exit(NULL);
	return n;
}

static void joins_left(struct heddle_task *task)
{
	struct job *job = (struct job *)task;
	struct leaves_fork f;

	maker = pthread_self();
	atomic_store(&begun, 0);
	leaves_fork(where, &f, 3);
	su_wait_at_least(&begun, 1, 10000);
	job->value = leaves_join(&f);
}

static void forks_and_leaves(struct heddle_task *task)
{
	static struct tells_fork f[3];
	int i;

	(void)task;
	for (i = 0; i < 3; i++)
		tells_fork(where, &f[i], i);
	pthread_exit(NULL);
}

static void forks_and_forks(struct heddle_task *task)
{
	struct job *job = (struct job *)task;
	struct tells_fork f, g;
	int status = 1;
	pid_t child;

	tells_fork(where, &f, 20);
	tells_fork(where, &g, 22);
	child = fork();
	if (child == 0) {
		alarm(20);
		_exit(tells_join(&g) + tells_join(&f) == 42 ? 0 : 1);
	}
	waitpid(child, &status, 0);
	job->value = tells_join(&g) + tells_join(&f) + status;
}

static void ends(void)
{
	struct heddle_group *root = heddle_pool_group(pool);
	struct job job = { .task = HEDDLE_TASK_INIT(forks_and_leaves) };
	int i, good = 0;

	for (i = 0; i < 10; i++)
		good += run_in(root, joins_left, 0) == 3;
	is_u64((uint64_t)good, 10, "a thief's thread ends in a fork");
	where = root;
	heddle_submit(root, &job.task);
	ok(heddle_join(&job.task, 0, HEDDLE_FOREVER) == -ECANCELED,
	   "a thread ends with forks that nobody has joined");
	ok(run_in(root, run_fib, 15) == 610, "and others go on");
	for (good = i = 0; i < 10; i++)
		good += run_in(root, forks_and_forks, 0) == 42;
	is_u64((uint64_t)good, 10,
	       "a forked child joins what it has inherited");
}

static void unbarred(void)
{
	struct heddle_group *root = heddle_pool_group(pool);

	if (heddle_fault_set(HEDDLE_FAULT_MEMBARRIER, 0, UINT32_MAX, EPERM)) {
		skip(1, "built without fault points");
		return;
	}
	ok(run_in(root, run_fib, 16) == 987 &&
		   run_in(root, run_wild, 77) == wild_serial(8, 77),
	   "without a barrier of all threads");
	heddle_fault_set(HEDDLE_FAULT_MEMBARRIER, 0, 0, 0);
}

int main(void)
{
	struct heddle_pool_options elastic = {
		.struct_size = sizeof(elastic),
		.flags = HEDDLE_POOL_ELASTIC,
		.workers_max = 3,
		.blocked_max = 64,
	};
	/* Frames are large with a sanitizer. */
	struct heddle_pool_options high = {
		.struct_size = sizeof(high),
		.workers_max = 3,
		.stack_size = (uint64_t)8 << 20,
	};

	tap_deadline(110);
	tap_seed();
	pool = su_pool(1);
	is_u64((uint64_t)run_in(heddle_pool_group(pool), counts, 0), 3,
	       "forks are counted as queued");
	in_any_order("one worker");
	su_destroy(pool);
	pool = su_pool_with(&high, 3);
	typed();
	in_any_order("three workers");
	busy();
	circles();
	unbarred();
	su_check_at_rest(pool);
	ends();
	su_check_at_rest(pool);
	su_destroy(pool);
	pool = su_pool_with(&elastic, 3);
	regions = true;
	in_any_order("with joins in regions");
	su_check_at_rest(pool);
	su_destroy(pool);
	return tap_done();
}
