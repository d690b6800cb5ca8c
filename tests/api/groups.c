/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Groups as objects: trees, closing in all modes, blocking regions, what
 * stat says.
 *
 * clause: B1 B2 C2 C6 C7 H5 E1
 * fault: F12 F17
 */
#include <errno.h>
#include <stdlib.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

static _Atomic uint64_t ran, hold, blocked_now, most_blocked;

static void count(void *arg)
{
	(void)arg;
	atomic_fetch_add(&ran, 1);
}

static void wait_hold(void *arg)
{
	(void)arg;
	atomic_fetch_add(&ran, 1);
	while (atomic_load(&hold))
		su_wait_at_least(&most_blocked, UINT64_MAX, 1);
}

static struct heddle_group *below(struct heddle_group *parent, uint32_t cap)
{
	struct heddle_group_options o = { .struct_size = sizeof(o),
					  .cap = cap };
	struct heddle_group *group;

	if (heddle_group_create(parent, &o, &group))
		bail("group");
	return group;
}

static void submit_n(struct heddle_group *group, void (*fn)(void *), int n)
{
	while (n-- > 0)
		if (heddle_submit_call(group, fn, NULL))
			bail("submit");
}

static void deep(struct heddle_pool *pool)
{
	struct heddle_group *group = heddle_pool_group(pool), *top = NULL;
	int i;

	for (i = 0; i < 40; i++) {
		group = below(group, 2);
		if (!top)
			top = group;
	}
	atomic_store(&ran, 0);
	submit_n(group, count, 1000);
	ok(su_wait_at_least(&ran, 1000, 10000), "a path of 41 groups");
	ok(heddle_group_close(top, HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
			      su_in_ms(5000)) == 0,
	   "freed with all below");
}

static void many(struct heddle_pool *pool)
{
	struct heddle_group *group[300];
	int i;

	atomic_store(&ran, 0);
	for (i = 0; i < 300; i++) {
		group[i] = below(heddle_pool_group(pool), 1);
		submit_n(group[i], count, 10);
	}
	ok(su_wait_at_least(&ran, 3000, 10000), "300 siblings");
	for (i = 0; i < 300; i++)
		if (heddle_group_close(group[i],
				       HEDDLE_CLOSE_REFUSE | HEDDLE_CLOSE_FREE,
				       su_in_ms(5000)))
			bail("free %d", i);
	ok(true, "all freed, and again:");
	group[0] = below(heddle_pool_group(pool), 1);
	submit_n(group[0], count, 1);
	ok(su_wait_at_least(&ran, 3001, 5000), "a recycled entry works");
}

/* An entry with tables of 30 children serves for 5, and below another group. */
static void lives(struct heddle_pool *pool)
{
	struct heddle_group_options large = { .struct_size = sizeof(large),
					      .children_max = 30,
					      .flags = HEDDLE_GROUP_WIDE };
	struct heddle_group_options small = { .struct_size = sizeof(small),
					      .children_max = 2 };
	struct heddle_group *root = heddle_pool_group(pool);
	struct heddle_group *a = below(root, 3), *b = below(root, 2);
	struct heddle_group *group, *next, *child[3];
	int rc, i;

	atomic_store(&ran, 0);
	if (heddle_group_create(a, &large, &group))
		bail("group");
	submit_n(group, count, 10);
	ok(heddle_group_close(group, HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
			      su_in_ms(5000)) == 0 &&
		   ran == 10,
	   "a drain that frees has run all");
	ok(heddle_group_create(b, &small, &next) == 0 && next == group,
	   "the entry serves for a smaller group elsewhere");
	for (i = 0; i < 2; i++)
		if (heddle_group_create(next, NULL, &child[i]))
			bail("child");
	rc = heddle_group_create(next, NULL, &child[2]);
	ok(rc == -ENOSPC, "with its own limit of children: %d", rc);
	submit_n(child[1], count, 10);
	ok(heddle_group_close(b, HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
			      su_in_ms(5000)) == 0 &&
		   ran == 20,
	   "freed with all below");
	ok(heddle_group_close(a, HEDDLE_CLOSE_REFUSE, su_in_ms(5000)) == 0,
	   "refused");
	ok(heddle_group_close(a, HEDDLE_CLOSE_QUIESCE, 0) == -EINVAL &&
		   heddle_group_close(a, HEDDLE_CLOSE_RESUME, 0) == -EINVAL,
	   "what refuses does not open again");
	ok(heddle_group_close(a, HEDDLE_CLOSE_DRAIN, su_in_ms(5000)) == 0 &&
		   heddle_submit_call(a, count, NULL) == -ESHUTDOWN,
	   "and a drain of it is a refusal");
	ok(heddle_group_close(a, HEDDLE_CLOSE_REFUSE | HEDDLE_CLOSE_FREE,
			      su_in_ms(5000)) == 0,
	   "free");
}

static void modes(struct heddle_pool *pool)
{
	struct heddle_group *group = below(heddle_pool_group(pool), 1);
	struct heddle_group *child = below(group, 1);
	struct heddle_group_stat stat = { .struct_size = sizeof(stat) };

	ok(heddle_group_close(group, HEDDLE_CLOSE_QUIESCE, su_in_ms(5000)) == 0,
	   "quiesce");
	atomic_store(&ran, 0);
	submit_n(child, count, 5);
	su_wait_at_least(&ran, 1, 30);
	heddle_group_stat(child, &stat);
	ok(ran == 0 && stat.queued == 5 && stat.reason == HEDDLE_REASON_CLOSED,
	   "queued, not started: %llu queued, reason %u",
	   (unsigned long long)stat.queued, stat.reason);
	ok(heddle_group_close(group, HEDDLE_CLOSE_RESUME, 0) == 0 &&
		   su_wait_at_least(&ran, 5, 5000),
	   "resume starts them");

	atomic_store(&hold, 1);
	submit_n(child, wait_hold, 1);
	su_wait_at_least(&ran, 6, 5000);
	submit_n(child, count, 3);
	ok(heddle_group_close(group, HEDDLE_CLOSE_REFUSE, su_in_ms(30)) ==
		   -ETIMEDOUT,
	   "refuse waits for the running task");
	ok(heddle_submit_call(child, count, NULL) == -ESHUTDOWN, "closed");
	heddle_group_stat(child, &stat);
	is_u64(stat.queued, 0, "what was queued is cancelled");
	atomic_store(&hold, 0);
	ok(heddle_group_close(group, HEDDLE_CLOSE_REFUSE | HEDDLE_CLOSE_FREE,
			      su_in_ms(5000)) == 0,
	   "refuse and free");
	is_u64(ran, 6, "no cancelled task ran");
	ok(heddle_group_close(heddle_pool_group(pool),
			      HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
			      0) == -EINVAL,
	   "the root is not freed");
	ok(heddle_group_close(heddle_pool_group(pool), 77, 0) == -EINVAL,
	   "an unknown mode");
}

/* DRAIN takes submits from its own live tasks. */
static struct heddle_group *drained;

static void spawns(void *arg)
{
	uintptr_t n = (uintptr_t)arg;

	if (n && heddle_submit_call(drained, spawns, (void *)(n - 1)))
		bail("a live task of a draining group may submit");
	atomic_fetch_add(&ran, 1);
}

static void drain(struct heddle_pool *pool)
{
	drained = below(heddle_pool_group(pool), 1);
	atomic_store(&ran, 0);
	if (heddle_submit_call(drained, spawns, (void *)50))
		bail("submit");
	ok(heddle_group_close(drained, HEDDLE_CLOSE_DRAIN, su_in_ms(5000)) == 0,
	   "drain");
	is_u64(ran, 51, "with all that its tasks submitted");
	ok(heddle_submit_call(drained, count, NULL) == -ESHUTDOWN,
	   "not from outside");
	ok(heddle_group_close(drained, HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
			      su_in_ms(5000)) == 0,
	   "free");
}

static void blocks(void *arg)
{
	uint64_t now, seen;

	(void)arg;
	heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL);
	now = atomic_fetch_add(&blocked_now, 1) + 1;
	seen = atomic_load(&most_blocked);
	while (now > seen &&
	       !atomic_compare_exchange_weak(&most_blocked, &seen, now))
		;
	/* Goes on when all are blocked at once: each gave its permit back. */
	if (!su_wait_at_least(&most_blocked, 8, 10000))
		diag("only %llu blocked", (unsigned long long)most_blocked);
	atomic_fetch_sub(&blocked_now, 1);
	heddle_block_end();
	atomic_fetch_add(&ran, 1);
}

static void blocking(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .flags = HEDDLE_POOL_ELASTIC,
					 .workers_max = 2,
					 .blocked_max = 8 };
	struct heddle_pool *pool = su_pool_with(&o, 1);
	struct heddle_group *group = below(heddle_pool_group(pool), 1);

	atomic_store(&ran, 0);
	atomic_store(&most_blocked, 0);
	submit_n(group, blocks, 8);
	ok(su_wait_at_least(&ran, 8, 15000) && most_blocked == 8,
	   "cap 1: %llu blocked at once, all return",
	   (unsigned long long)most_blocked);
	ok(heddle_workers(pool, NULL, 0) <= 2 + 8, "workers bounded: %d",
	   heddle_workers(pool, NULL, 0));
	su_check_at_rest(pool);
	su_destroy(pool);
}

static void reasons(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = 2,
					 .cap = 1 };
	struct heddle_group_stat stat = { .struct_size = sizeof(stat) };
	struct heddle_group *a, *b;
	struct heddle_pool *pool;

	if (heddle_pool_create(&o, &pool))
		bail("create");
	a = below(heddle_pool_group(pool), 1);
	b = below(heddle_pool_group(pool), 2);
	atomic_store(&hold, 1);
	atomic_store(&ran, 0);
	submit_n(a, wait_hold, 2);
	submit_n(b, count, 1);
	heddle_group_stat(a, &stat);
	ok(stat.reason == HEDDLE_REASON_NOT_STARTED, "not started: %u",
	   stat.reason);
	if (heddle_pool_start(pool, 2, NULL, su_in_ms(5000)))
		bail("start");
	su_wait_at_least(&ran, 1, 5000);
	heddle_group_stat(a, &stat);
	ok((stat.reason == HEDDLE_REASON_CAP ||
	    stat.reason == HEDDLE_REASON_ANCESTOR) &&
		   stat.cap == 1 && stat.parallelism == 1,
	   "at its cap: %u", stat.reason);
	atomic_store(&hold, 0);
	ok(su_wait_at_least(&ran, 3, 5000), "all ran");
	su_check_at_rest(pool);
	su_destroy(pool);
}

int main(void)
{
	struct heddle_pool *pool;

	tap_deadline(110);
	pool = su_pool(2);
	deep(pool);
	many(pool);
	lives(pool);
	modes(pool);
	drain(pool);
	su_check_at_rest(pool);
	su_destroy(pool);
	blocking();
	reasons();
	return tap_done();
}
