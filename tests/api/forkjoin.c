/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Forks and joins: each call is made exactly once, whatever refuses it; the stack is
 * no deeper than that of the serial program, and nothing foreign runs above a join.
 *
 * clause: N1 Q1 Q3
 * fault: F27 F30 F31
 */
#include <pthread.h>
#include <string.h>

#include <heddle/forkjoin.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define CHILDREN 40

static struct heddle_pool *pool;
static struct heddle_group *where;
static _Thread_local uint32_t depth;
static _Atomic uint64_t deepest, calls, foreign;

static void goes_down(void)
{
	uint64_t seen = atomic_load(&deepest);

	depth++;
	while (depth > seen &&
	       !atomic_compare_exchange_weak(&deepest, &seen, depth))
		;
}

static long fib(long n);
HEDDLE_FORK_1(long, fib, long)

static long fib(long n)
{
	struct fib_fork left;
	long right;

	if (n < 2)
		return n;
	goes_down();
	fib_fork(where, &left, n - 1);
	right = fib(n - 2);
	right += fib_join(&left);
	memset(&left, 0x77, sizeof(left)); /* F27: nobody looks any more */
	depth--;
	return right;
}

static long add(long a, long b);
HEDDLE_FORK_2(long, add, long, long)

static long add(long a, long b)
{
	return a + b;
}

static void store(long *to, long a, long b);
HEDDLE_FORK_VOID_3(store, long *, long, long)

static void store(long *to, long a, long b)
{
	*to = a - b;
}

struct job {
	struct heddle_task task;
	long n, value;
};

static void run_fib(struct heddle_task *task)
{
	struct job *job = (struct job *)task;

	job->value = fib(job->n);
}

static long fib_in(struct heddle_group *group, long n)
{
	struct job job = { .task = HEDDLE_TASK_INIT(run_fib), .n = n };

	where = group;
	atomic_store(&deepest, 0);
	if (heddle_submit(group, &job.task) ||
	    heddle_join(&job.task, 0, HEDDLE_FOREVER))
		bail("fib");
	return job.value;
}

static struct heddle_group *group_with(uint32_t order, uint32_t slots,
				       uint32_t cap)
{
	return su_group(heddle_pool_group(pool),
			(struct heddle_group_options){ .order = order,
						       .queue_slots = slots,
						       .cap = cap });
}

static void values(void)
{
	struct heddle_group *root = heddle_pool_group(pool);
	struct add_fork sum;
	struct store_fork stored;
	long number = 0;

	ok(fib_in(root, 20) == 6765, "fib(20)");
	ok(atomic_load(&deepest) <= 20, "at most %lu deep",
	   (unsigned long)atomic_load(&deepest));
	ok(fib_in(group_with(0, 0, 1), 16) == 987, "under a cap of 1");
	ok(fib_in(group_with(0, 2, 2), 16) == 987, "with a queue of two");
	ok(fib_in(group_with(HEDDLE_ORDER_SERIAL, 0, 0), 12) == 144,
	   "behind itself in a SERIAL group");
	add_fork(root, &sum, 3, 4);
	store_fork(root, &stored, &number, 9, 4);
	store_join(&stored);
	ok(add_join(&sum) == 7 && number == 5, "from an outside thread");
}

/* ---- what was joined makes room ---- */

#define ROOM     64u
#define AT_ONCE  40u
#define JOIN_ALL 200u

static _Atomic uint64_t refused;

static void nothing(struct heddle_task *task)
{
	(void)task;
}

/* Forks and joins of one task, many times as often as there is room for. */
static void fork_and_join(struct heddle_task *task)
{
	struct heddle_group *group = where;
	struct heddle_task child[AT_ONCE];
	uint32_t round, i;

	(void)task;
	for (round = 0; round < JOIN_ALL; round++) {
		for (i = 0; i < AT_ONCE; i++) {
			child[i] = (struct heddle_task){ .fn = nothing };
			if (heddle_submit(group, &child[i]))
				atomic_fetch_add(&refused, 1);
		}
		/* Newest first, oldest first, every second one. */
		for (i = 0; i < AT_ONCE; i++) {
			uint32_t at = round % 3 == 0   ? AT_ONCE - 1 - i
				      : round % 3 == 1 ? i
						       : i * 3 % AT_ONCE;

			heddle_join(&child[at], 0, HEDDLE_FOREVER);
		}
	}
}

static void makes_room(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = 1,
					 .tasks_max = ROOM };
	struct heddle_pool *small = su_pool_with(&o, 1);
	struct heddle_task task = HEDDLE_TASK_INIT(fork_and_join);

	where = heddle_pool_group(small);
	if (heddle_submit(where, &task) ||
	    heddle_join(&task, 0, HEDDLE_FOREVER))
		bail("no forks");
	is_u64(atomic_load(&refused), 0,
	       "of %u forks in a pool with room for %u none is refused",
	       JOIN_ALL * AT_ONCE, ROOM);
	su_destroy(small);
}

/* ---- scopes ---- */

struct counted {
	struct heddle_child child;
	_Atomic int ran;
};

static void count(struct heddle_task *task)
{
	struct counted *c = (struct counted *)(void *)task;

	atomic_fetch_add(&c->ran, 1);
	atomic_fetch_add(&calls, 1);
}

static bool each_once(struct heddle_group *group, bool close)
{
	struct counted child[CHILDREN];
	struct heddle_scope scope;
	bool once = true;
	int i;

	heddle_scope_begin(&scope, group);
	for (i = 0; i < CHILDREN; i++) {
		atomic_init(&child[i].ran, 0);
		heddle_scope_fork(&scope, &child[i].child, count);
		if (close && i == CHILDREN / 2)
			heddle_group_close(group, HEDDLE_CLOSE_REFUSE,
					   HEDDLE_FOREVER);
	}
	heddle_scope_join(&scope);
	for (i = 0; i < CHILDREN; i++)
		once &= atomic_load(&child[i].ran) == 1;
	return once;
}

static struct heddle_group *paused(void)
{
	return su_group(
		heddle_pool_group(pool),
		(struct heddle_group_options){ .flags = HEDDLE_GROUP_PAUSED });
}

static void scopes(void)
{
	int i, good = 0;

	for (i = 0; i < 200; i++)
		good += each_once(heddle_pool_group(pool), false);
	ok(good == 200, "200 scopes of %d: each child once", CHILDREN);
	ok(each_once(group_with(0, 3, 1), false), "with a queue of three");
	ok(each_once(group_with(HEDDLE_ORDER_FIFO, 0, 2), false),
	   "in a FIFO group");
	ok(each_once(paused(), true), "cancelled, and refused: in place");
}

/* ---- a lock above a join: F30 ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local bool holds;

static void take_lock(void)
{
	heddle_block_begin(HEDDLE_BLOCK_LOCK, NULL, NULL);
	pthread_mutex_lock(&lock);
	heddle_block_end();
}

static void takes_lock(struct heddle_task *task)
{
	(void)task;
	if (holds) {
		atomic_fetch_add(&foreign, 1); /* it would hang */
		return;
	}
	take_lock();
	pthread_mutex_unlock(&lock);
}

static void joins_with_lock(struct heddle_task *task)
{
	struct counted child;
	struct heddle_scope scope;

	(void)task;
	take_lock();
	holds = true;
	atomic_init(&child.ran, 0);
	heddle_scope_begin(&scope, where);
	heddle_scope_fork(&scope, &child.child, count);
	heddle_scope_join(&scope);
	holds = false;
	pthread_mutex_unlock(&lock);
}

static void locks(void)
{
	static struct counted job[CHILDREN];
	struct heddle_scope scope;
	int i, k;

	where = heddle_pool_group(pool);
	for (k = 0; k < 50; k++) {
		heddle_scope_begin(&scope, where);
		for (i = 0; i < CHILDREN; i++)
			heddle_scope_fork(&scope, &job[i].child,
					  i % 4 ? takes_lock : joins_with_lock);
		/* The joiner outside runs nothing by itself. */
		heddle_scope_join(&scope);
	}
	ok(atomic_load(&foreign) == 0,
	   "nothing that takes the lock runs above a join that holds it");
}

int main(void)
{
	tap_deadline(110);
	pool = su_pool(3);
	values();
	scopes();
	locks();
	makes_room();
	su_check_at_rest(pool);
	su_destroy(pool);
	return tap_done();
}
