/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claims: a pool whose every permit is held by a task that waits for another task
 * of the same pool goes on, whether the wait is a join or a region; and of two
 * classes side by side the slow one, at its cap, takes nothing from the fast one.
 * Elsewhere such a pool hung, and a slow class starved a fast one.
 *
 * fault: F32
 * clause: N1 N2 B1 C1 C2
 */
#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define N      4
#define ROUNDS 200
#define SLOW   40
#define FAST   400

static struct heddle_group *group;
static _Atomic uint64_t met, started, release, slow_now, slow_most, fast_done,
	slow_done;

/* ---- n tasks under a cap of n ---- */

struct pair {
	struct heddle_task task, child;
	_Atomic uint64_t ran;
	struct pair *next;
	uint64_t target;
};

static void child(struct heddle_task *task)
{
	struct pair *pair =
		(struct pair *)(void *)((char *)task -
					offsetof(struct pair, child));

	atomic_fetch_add(&pair->ran, 1);
}

/* All n hold their permits before the first child is there. */
static void all_here(struct pair *pair)
{
	atomic_fetch_add(&met, 1);
	if (!su_wait_at_least(&met, pair->target, 10000))
		bail("n tasks do not run together");
	if (heddle_submit(group, &pair->child))
		bail("submit of a child");
}

static void joins_own(struct heddle_task *task)
{
	struct pair *pair = (struct pair *)(void *)task;

	all_here(pair);
	if (heddle_join(&pair->child, 0, su_in_ms(10000)))
		bail("the join of an own child hangs");
}

/* Joins what another task has made, or is about to. */
static void joins_next(struct heddle_task *task)
{
	struct pair *pair = (struct pair *)(void *)task;

	all_here(pair);
	atomic_fetch_add(&met, 1);
	if (!su_wait_at_least(&met, pair->target + N, 10000))
		bail("n children are not there");
	if (heddle_join(&pair->next->child, 0, su_in_ms(10000)))
		bail("the join of another's child hangs");
}

/* Waits in a region: the child needs a permit, and a worker in its place. */
static void waits_in_region(struct heddle_task *task)
{
	struct pair *pair = (struct pair *)(void *)task;

	all_here(pair);
	if (heddle_block_begin(HEDDLE_BLOCK_OTHER, NULL, NULL))
		bail("block_begin");
	if (!su_wait_at_least(&pair->ran, 1, 10000))
		bail("the wait in a region hangs");
	heddle_block_end();
}

static void waiters(heddle_task_fn fn, const char *how)
{
	struct pair pair[N];
	uint64_t ran = 0;
	int round, i;

	for (round = 0; round < ROUNDS; round++) {
		atomic_store(&met, 0);
		for (i = 0; i < N; i++) {
			pair[i].task = (struct heddle_task)HEDDLE_TASK_INIT(fn);
			pair[i].child =
				(struct heddle_task)HEDDLE_TASK_INIT(child);
			atomic_store(&pair[i].ran, 0);
			pair[i].next = &pair[(i + 1) % N];
			pair[i].target = N;
		}
		for (i = 0; i < N; i++)
			if (heddle_submit(group, &pair[i].task))
				bail("submit");
		for (i = 0; i < N; i++)
			if (heddle_join(&pair[i].task, 0, su_in_ms(20000)))
				bail("%s: hangs", how);
		for (i = 0; i < N; i++)
			ran += heddle_join(&pair[i].child, 0,
					   su_in_ms(20000)) == 0;
	}
	is_u64(ran, (uint64_t)ROUNDS * N, "%s: children", how);
}

/* ---- a join of what is started and waits ---- */

static void blocked_child(struct heddle_task *task)
{
	(void)task;
	if (heddle_block_begin(HEDDLE_BLOCK_OTHER, NULL, NULL))
		bail("block_begin");
	atomic_fetch_add(&started, 1);
	su_wait_at_least(&release, 1, 60000);
	heddle_block_end();
}

static void joins_started(struct heddle_task *task)
{
	struct heddle_task own = HEDDLE_TASK_INIT(blocked_child);

	(void)task;
	if (heddle_submit(group, &own))
		bail("submit of a child");
	if (!su_wait_at_least(&started, N - 1, 10000))
		bail("the children do not start");
	if (heddle_join(&own, 0, HEDDLE_FOREVER))
		bail("join");
}

static void meet(struct heddle_task *task)
{
	(void)task;
	atomic_fetch_add(&met, 1);
	if (!su_wait_at_least(&met, N, 10000))
		bail("joins that wait keep the permits");
}

/* N - 1 joins wait, and so do the tasks they join: all N permits are free. */
static void one_round(void)
{
	struct heddle_task task[2 * N - 1];
	int i;

	atomic_store(&met, 0);
	atomic_store(&started, 0);
	atomic_store(&release, 0);
	for (i = 0; i < 2 * N - 1; i++) {
		task[i] = (struct heddle_task)HEDDLE_TASK_INIT(
			i < N - 1 ? joins_started : meet);
		if (i == N - 1 && !su_wait_at_least(&started, N - 1, 10000))
			bail("the children do not start");
		if (heddle_submit(group, &task[i]))
			bail("submit");
	}
	for (i = N - 1; i < 2 * N - 1; i++)
		if (heddle_join(&task[i], 0, su_in_ms(20000)))
			bail("the tasks that meet hang");
	atomic_store(&release, 1);
	for (i = 0; i < N - 1; i++)
		if (heddle_join(&task[i], 0, su_in_ms(20000)))
			bail("the joins hang");
}

static void joins_occupy_nothing(void)
{
	int round;

	for (round = 0; round < ROUNDS / 4; round++)
		one_round();
	ok(true, "N tasks run together while N - 1 joins wait");
}

/* ---- two classes ---- */

static void slow(void *arg)
{
	uint64_t now = atomic_fetch_add(&slow_now, 1) + 1;
	uint64_t seen = atomic_load(&slow_most);

	while (now > seen &&
	       !atomic_compare_exchange_weak(&slow_most, &seen, now))
		;
	if (arg)
		heddle_block_begin(HEDDLE_BLOCK_SLEEP, NULL, NULL);
	su_wait_at_least(&release, 1, 60000);
	if (arg)
		heddle_block_end();
	atomic_fetch_sub(&slow_now, 1);
	atomic_fetch_add(&slow_done, 1);
}

static void fast(void *arg)
{
	(void)arg;
	atomic_fetch_add(&fast_done, 1);
}

static void classes(struct heddle_pool *pool, uint32_t cap, void *in_region)
{
	struct heddle_group_options leaf = { .struct_size = sizeof(leaf),
					     .cap = cap };
	struct heddle_group *slow_group, *fast_group;
	int i;

	atomic_store(&release, 0);
	atomic_store(&slow_done, 0);
	atomic_store(&fast_done, 0);
	atomic_store(&slow_most, 0);
	if (heddle_group_create(heddle_pool_group(pool), &leaf, &slow_group) ||
	    heddle_group_create(heddle_pool_group(pool), NULL, &fast_group))
		bail("groups");
	for (i = 0; i < SLOW; i++)
		if (heddle_submit_call(slow_group, slow, in_region))
			bail("submit");
	if (!su_wait_at_least(&slow_now, cap, 10000))
		bail("the slow ones do not start");
	for (i = 0; i < FAST; i++)
		if (heddle_submit_call(fast_group, fast, NULL))
			bail("submit");
	ok(su_wait_at_least(&fast_done, FAST, 10000),
	   "slow ones at their cap of %u%s: all %d fast ones run", cap,
	   in_region ? ", blocked" : "", FAST);
	ok(atomic_load(&slow_done) == 0 &&
		   (in_region || atomic_load(&slow_most) == cap),
	   "while no slow one ended, %lu of them at once",
	   (unsigned long)atomic_load(&slow_most));
	atomic_store(&release, 1);
	ok(su_wait_at_least(&slow_done, SLOW, 20000), "then the slow ones end");
}

int main(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .flags = HEDDLE_POOL_ELASTIC,
					 .workers_max = N };
	struct heddle_group_options leaf = { .struct_size = sizeof(leaf),
					     .cap = N };
	struct heddle_pool *pool;

	tap_deadline(110);
	pool = su_pool_with(&o, N);
	if (heddle_group_create(heddle_pool_group(pool), &leaf, &group))
		bail("group");
	waiters(joins_own, "each joins its own");
	waiters(joins_next, "each joins another's");
	waiters(waits_in_region, "each waits in a region");
	joins_occupy_nothing();
	classes(pool, N, pool);
	su_check_at_rest(pool);
	su_destroy(pool);

	pool = su_pool(N);
	if (heddle_group_create(heddle_pool_group(pool), &leaf, &group))
		bail("group");
	waiters(joins_own, "STATIC: each joins its own");
	classes(pool, N - 1, NULL);
	su_check_at_rest(pool);
	su_destroy(pool);
	return tap_done();
}
