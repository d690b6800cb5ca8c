/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exact caps. Method: tasks count themselves in and out of their group with
 * one atomic; the highest value seen is compared with the cap, and a step of
 * tasks that do not return shows that the cap is also reached.
 *
 * clause: C1 C2 C4 C5 C6 C7 C8 H1
 * fault: F08 F14 F35 F37
 * property: P2
 */
#include <errno.h>
#include <sched.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

static _Atomic uint64_t inside, highest, ended, started, hold;

static void enter(void)
{
	uint64_t now = atomic_fetch_add(&inside, 1) + 1;
	uint64_t seen = atomic_load(&highest);

	while (now > seen &&
	       !atomic_compare_exchange_weak(&highest, &seen, now))
		;
	atomic_fetch_add(&started, 1);
}

static void leave(void)
{
	atomic_fetch_sub(&inside, 1);
	atomic_fetch_add(&ended, 1);
}

static void quick(void *arg)
{
	volatile int i;

	(void)arg;
	enter();
	for (i = 0; i < 30; i++)
		;
	/* Now and then another thread may run while this task is inside. */
	if (atomic_load(&started) % 64 == 0)
		sched_yield();
	leave();
}

/* Does not return before hold is lifted. */
static void held(void *arg)
{
	(void)arg;
	enter();
	while (atomic_load(&hold))
		su_wait_at_least(&ended, UINT64_MAX, 1);
	leave();
}

static void reset(void)
{
	atomic_store(&highest, 0);
	atomic_store(&started, 0);
	atomic_store(&ended, 0);
}

static void submit_n(struct heddle_group *group, void (*fn)(void *), int n)
{
	while (n-- > 0)
		if (heddle_submit_call(group, fn, NULL))
			bail("submit");
}

static struct heddle_group *group_below(struct heddle_group *parent,
					uint32_t cap)
{
	struct heddle_group_options o = { .struct_size = sizeof(o),
					  .cap = cap };
	struct heddle_group *group;

	if (heddle_group_create(parent, &o, &group))
		bail("group");
	return group;
}

static void never_over(uint32_t workers, uint32_t cap)
{
	struct heddle_pool *pool = su_pool(workers);
	struct heddle_group *group = group_below(heddle_pool_group(pool), cap);
	int round;

	reset();
	for (round = 0; round < 20; round++) {
		submit_n(group, quick, 2000);
		su_wait_at_least(&ended, (uint64_t)round * 2000, 10000);
	}
	ok(su_wait_at_least(&ended, 40000, 20000) && highest <= cap,
	   "%u workers, cap %u: 40 000 tasks, at most %llu at once", workers,
	   cap, (unsigned long long)highest);
	su_check_at_rest(pool);
	su_destroy(pool);
}

/* C2: tasks that never return settle at what caps and workers allow. */
static void never_under(uint32_t workers, uint32_t a_cap, uint32_t b_cap,
			uint32_t root_cap, uint32_t want)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = workers,
					 .cap = root_cap };
	struct heddle_pool *pool = su_pool_with(&o, workers);
	struct heddle_group *a = group_below(heddle_pool_group(pool), a_cap);
	struct heddle_group *b = group_below(heddle_pool_group(pool), b_cap);
	struct heddle_group_stat stat = { .struct_size = sizeof(stat) };

	reset();
	atomic_store(&hold, 1);
	submit_n(a, held, 4);
	submit_n(b, held, 4);
	ok(su_wait_at_least(&started, want, 10000),
	   "caps %u and %u below %u, %u workers: %llu of %u run", a_cap, b_cap,
	   root_cap, workers, (unsigned long long)started, want);
	heddle_group_stat(heddle_pool_group(pool), &stat);
	is_u64(stat.count, want, "and no more");
	atomic_store(&hold, 0);
	ok(su_wait_at_least(&ended, 8, 10000), "all end");
	ok(highest <= want, "never over");
	su_check_at_rest(pool);
	su_destroy(pool);
}

static void changes(void)
{
	struct heddle_pool *pool = su_pool(4);
	struct heddle_group *group = group_below(heddle_pool_group(pool), 4);
	struct heddle_ticket first, second;

	reset();
	atomic_store(&hold, 1);
	submit_n(group, held, 8);
	ok(su_wait_at_least(&started, 4, 10000), "four run");
	ok(heddle_group_set_cap(group, 2, &first) == 0, "cap 4 to 2");
	is_u64(started, 4, "no running task was disturbed");
	ok(heddle_group_wait(first, su_in_ms(20)) == -ETIMEDOUT,
	   "not in effect while four run");
	ok(heddle_group_set_cap(group, 3, &second) == 0, "cap 2 to 3");
	ok(heddle_group_wait(first, HEDDLE_FOREVER) == -ESTALE,
	   "the first ticket is superseded");
	atomic_store(&hold, 0);
	ok(heddle_group_wait(second, su_in_ms(10000)) == 0, "in effect");
	ok(su_wait_at_least(&ended, 8, 10000), "all end");

	ok(heddle_group_set_cap(group, 0, &first) == 0 &&
		   heddle_group_wait(first, su_in_ms(5000)) == 0,
	   "pause");
	reset();
	submit_n(group, quick, 10);
	su_wait_at_least(&started, 1, 30);
	is_u64(started, 0, "nothing starts while paused");
	ok(heddle_group_set_cap(group, 1, NULL) == 0 &&
		   su_wait_at_least(&ended, 10, 10000),
	   "raised: all start without another call");
	is_u64(highest, 1, "one at a time");
	ok(heddle_group_wait((struct heddle_ticket){ pool, 0 }, 0) == -EINVAL,
	   "a ticket that nobody gave");
	su_check_at_rest(pool);
	su_destroy(pool);
}

/* C5: two caps are exchanged again and again; the sum never rises. */
static _Atomic uint64_t both, both_highest;

static void count_both(void *arg)
{
	uint64_t now = atomic_fetch_add(&both, 1) + 1;
	uint64_t seen = atomic_load(&both_highest);
	volatile int i;

	(void)arg;
	while (now > seen &&
	       !atomic_compare_exchange_weak(&both_highest, &seen, now))
		;
	for (i = 0; i < 200; i++)
		;
	atomic_fetch_sub(&both, 1);
	atomic_fetch_add(&ended, 1);
}

static void exchange(void)
{
	struct heddle_pool *pool = su_pool(4);
	struct heddle_group *a = group_below(heddle_pool_group(pool), 3);
	struct heddle_group *b = group_below(heddle_pool_group(pool), 1);
	uint32_t i, stale = 0;

	reset();
	for (i = 0; i < 500; i++) {
		struct heddle_change swap[2] = {
			{ a, 1 + 2 * (i & 1), 0, 0, 0 },
			{ b, 3 - 2 * (i & 1), 0, 0, 0 }
		};
		struct heddle_ticket ticket;

		submit_n(a, count_both, 10);
		submit_n(b, count_both, 10);
		if (heddle_group_update(swap, 2, &ticket))
			bail("update");
		stale += heddle_group_wait(ticket, su_in_ms(10000)) != 0;
	}
	ok(su_wait_at_least(&ended, 10000, 20000), "10 000 tasks");
	is_u64(stale, 0, "every exchange came into effect");
	ok(both_highest <= 4 + 2,
	   "at most 4 by caps, 2 above while lowered: "
	   "%llu",
	   (unsigned long long)both_highest);
	su_check_at_rest(pool);
	su_destroy(pool);
}

/* C8: a group at its cap, and an idle pool, wake nobody. */
static void no_wakes(void)
{
	struct heddle_pool *pool = su_pool(2);
	struct heddle_group *group = group_below(heddle_pool_group(pool), 1);
	struct heddle_check before = { .struct_size = sizeof(before) };
	struct heddle_check after = { .struct_size = sizeof(after) };

	reset();
	atomic_store(&hold, 1);
	submit_n(group, held, 1);
	su_wait_at_least(&started, 1, 10000);
	su_wait_at_least(&ended, 1, 20);
	heddle_check(pool, &before);
	submit_n(group, quick, 1000);
	su_wait_at_least(&ended, 1, 20);
	heddle_check(pool, &after);
	is_u64(after.wakes, before.wakes, "1000 submits at the cap, no wake");
	atomic_store(&hold, 0);
	ok(su_wait_at_least(&ended, 1001, 10000), "they run afterwards");
	su_check_at_rest(pool);
	su_destroy(pool);
}

int main(void)
{
	uint32_t workers;

	tap_deadline(110);
	for (workers = 1; workers <= 4; workers++) {
		never_over(workers, 1);
		never_over(workers, workers);
	}
	never_under(2, 1, 1, 1, 1);
	never_under(2, 1, 1, 2, 2);
	never_under(4, 2, 2, 3, 3);
	never_under(3, 4, 4, 8, 3);
	never_under(4, 1, 3, 4, 4);
	changes();
	exchange();
	no_wakes();
	return tap_done();
}
