/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tenants: weights, changes of several values at once, deep and large trees, and the
 * parallelism that is told to be there.
 *
 * clause: H1 C5
 * fault: F15 F16 F35
 */
#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <stdlib.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define MANY  10000u
#define WIDE  100u
#define DEPTH 6u
/* What an idle group may take beside its entry, in bytes (doc/design/tenants.md). */
#define GROUP_BYTES 512u

static _Atomic uint64_t ran, meeting, together;

static void count(void *arg)
{
	(void)arg;
	atomic_fetch_add(&ran, 1);
}

static struct heddle_group *group_with(struct heddle_group *parent,
				       uint32_t cap, uint32_t weight)
{
	struct heddle_group_options o = { .struct_size = sizeof(o),
					  .cap = cap,
					  .weight = weight,
					  .children_max = 128 };
	struct heddle_group *group;

	if (heddle_group_create(parent, &o, &group))
		bail("group");
	return group;
}

static struct heddle_group_stat stat_of(struct heddle_group *group)
{
	struct heddle_group_stat stat = { .struct_size = sizeof(stat) };

	if (heddle_group_stat(group, &stat))
		bail("stat");
	return stat;
}

static void values(void)
{
	struct heddle_pool *pool = su_pool(2);
	struct heddle_group *root = heddle_pool_group(pool), *none;
	struct heddle_group *a = group_with(root, 3, 0);
	struct heddle_group *b = group_with(root, 3, 7);
	struct heddle_group_options o = { .struct_size = sizeof(o),
					  .weight = HEDDLE_WEIGHT_MAX + 1 };
	struct heddle_change both[2] = {
		{ .group = a,
		  .what = HEDDLE_CHANGE_CAP | HEDDLE_CHANGE_WEIGHT,
		  .cap = 2,
		  .weight = 5 },
		{ .group = b,
		  .what = HEDDLE_CHANGE_WEIGHT,
		  .cap = 1,
		  .weight = HEDDLE_WEIGHT_MAX },
	};
	struct heddle_ticket ticket, old;

	is_u64(stat_of(a).weight, 1, "no weight is weight 1");
	is_u64(stat_of(b).weight, 7, "a weight");
	ok(heddle_group_create(root, &o, &none) == -EINVAL, "too heavy");
	o.weight = 1;
	o.reserve = 1;
	ok(heddle_group_create(root, &o, &none) == -ENOTSUP,
	   "a reserve fails loudly");
	ok(heddle_group_update(both, 2, &ticket) == 0, "two groups at once");
	ok(heddle_group_wait(ticket, HEDDLE_FOREVER) == 0, "one ticket");
	ok(stat_of(a).cap == 2 && stat_of(a).weight == 5, "cap and weight");
	ok(stat_of(b).cap == 3 && stat_of(b).weight == HEDDLE_WEIGHT_MAX,
	   "a weight alone leaves the cap");
	is_u64(stat_of(a).generation, stat_of(b).generation, "one change");
	old = ticket;
	both[0].weight = 9;
	both[1].weight = HEDDLE_WEIGHT_MAX + 1;
	ok(heddle_group_update(both, 2, &ticket) == -EINVAL &&
		   stat_of(a).weight == 5,
	   "an error in the second changes nothing of the first");
	both[1].weight = 1;
	both[1].what |= HEDDLE_CHANGE_RESERVE;
	both[1].reserve = 1;
	ok(heddle_group_update(both, 2, &ticket) == -ENOTSUP &&
		   stat_of(a).weight == 5,
	   "nor does a reserve");
	both[1].what = 8;
	ok(heddle_group_update(both, 2, &ticket) == -EINVAL, "unknown bit");
	ok(heddle_group_wait(old, HEDDLE_NOW) == 0, "the ticket is as it was");
	both[1] = (struct heddle_change){ b, 1, 0, 0, 0 };
	ok(heddle_group_update(&both[1], 1, NULL) == 0 && stat_of(b).cap == 1 &&
		   stat_of(b).weight == HEDDLE_WEIGHT_MAX,
	   "0 is the cap alone");
	su_destroy(pool);
}

static void deep(void)
{
	struct heddle_pool *pool = su_pool(4);
	struct heddle_group *group[DEPTH];
	uint32_t i, k;

	atomic_store(&ran, 0);
	for (i = 0; i < DEPTH; i++)
		group[i] =
			group_with(i ? group[i - 1] : heddle_pool_group(pool),
				   i % 2 + 1, i);
	for (k = 0; k < 1000; k++)
		for (i = 0; i < DEPTH; i++)
			if (heddle_submit_call(group[i], count, NULL))
				bail("submit");
	ok(su_wait_at_least(&ran, 1000 * DEPTH, 30000), "six levels");
	su_check_at_rest(pool);
	ok(heddle_group_close(group[0], HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
			      su_in_ms(10000)) == 0,
	   "freed from the top");
	su_destroy(pool);
}

static void many(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = 2,
					 .tasks_max = 2 * MANY,
					 .groups_max = MANY + WIDE + 1 };
	struct heddle_pool *pool = su_pool_with(&o, 2);
	struct heddle_group *wide[WIDE];
	uint32_t round, i, k;

	for (round = 0; round < 2; round++) {
		size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
		size_t each;

		atomic_store(&ran, 0);
		for (i = 0; i < WIDE; i++)
			wide[i] = group_with(heddle_pool_group(pool), 0, 1);
		for (i = 0; i < WIDE; i++)
			for (k = 0; k < MANY / WIDE; k++)
				if (heddle_submit_call(group_with(wide[i], 1,
								  k),
						       count, NULL))
					bail("submit");
		ok(su_wait_at_least(&ran, MANY, 30000),
		   "a task in each of %u groups", MANY);
		each = (mallinfo2().uordblks + mallinfo2().hblkhd - before) /
		       MANY;
		ok(each <= GROUP_BYTES, "%zu bytes for each group", each);
		for (i = 0, k = 0; i < WIDE; i++)
			k += heddle_group_close(wide[i],
						HEDDLE_CLOSE_DRAIN |
							HEDDLE_CLOSE_FREE,
						su_in_ms(10000)) != 0;
		is_u64(k, 0, "all are freed");
	}
	su_check_at_rest(pool);
	su_destroy(pool);
}

/* F16: so many as were told to run together do. */
static void meet(void *arg)
{
	uint64_t want = (uint64_t)(uintptr_t)arg;

	atomic_fetch_add(&meeting, 1);
	while (atomic_load(&meeting) < want)
		sched_yield();
	atomic_fetch_add(&together, 1);
}

static void barrier(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = 6 };
	struct heddle_pool *pool = su_pool_with(&o, 6);
	struct heddle_group *above = group_with(heddle_pool_group(pool), 6, 2);
	struct heddle_group *group = group_with(above, 6, 1);
	uint32_t round, met = 0, k;

	for (round = 0; round < 100; round++) {
		struct heddle_change caps[2] = {
			{ above, 1 + (uint32_t)(tap_random() % 8), 0, 0, 0 },
			{ group, 1 + (uint32_t)(tap_random() % 8), 0, 0, 0 },
		};
		uint32_t n;

		if (heddle_group_update(caps, 2, NULL))
			bail("update");
		n = stat_of(group).parallelism;
		atomic_store(&meeting, 0);
		atomic_store(&together, 0);
		for (k = 0; k < n; k++)
			if (heddle_submit_call(group, meet,
					       (void *)(uintptr_t)n))
				bail("submit");
		met += n && su_wait_at_least(&together, n, 10000);
	}
	is_u64(met, 100, "as many as were told met, in so many rounds");
	su_check_at_rest(pool);
	su_destroy(pool);
}

/* F35: one setter for all values, in any order, while tasks run. */
static void random_changes(void)
{
	struct heddle_pool *pool = su_pool(3);
	struct heddle_group *group[3];
	uint64_t submitted = 0;
	uint32_t i, k, wrong = 0;

	atomic_store(&ran, 0);
	for (i = 0; i < 3; i++)
		group[i] = group_with(i ? group[0] : heddle_pool_group(pool), 3,
				      1);
	for (k = 0; k < 2000; k++) {
		struct heddle_change change[3];
		uint32_t n = 0;

		for (i = 0; i < 3; i++)
			if (tap_random() % 2)
				change[n++] = (struct heddle_change){
					group[i], (uint32_t)(tap_random() % 4),
					(uint32_t)(tap_random() % 4),
					(uint32_t)(tap_random() % 1000), 0
				};
		wrong += n && heddle_group_update(change, n, NULL);
		for (i = 0; i < 3; i++, submitted++)
			if (heddle_submit_call(group[i], count, NULL))
				bail("submit");
	}
	is_u64(wrong, 0, "changes that were refused");
	for (i = 0; i < 3; i++)
		heddle_group_set_cap(group[i], 2, NULL);
	ok(su_wait_at_least(&ran, submitted, 20000), "no task is left");
	su_check_at_rest(pool);
	su_destroy(pool);
}

/* F15: long tasks hold every permit; it is told, and the rest runs after them. */
static void minimal(uint32_t workers)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = workers };
	struct heddle_pool *pool = su_pool_with(&o, workers);
	struct heddle_group *both = group_with(heddle_pool_group(pool), 1, 1);
	struct heddle_group *a = group_with(both, 1, 1);
	struct heddle_group *b = group_with(both, 1, 1);

	atomic_store(&ran, 0);
	atomic_store(&meeting, 0);
	heddle_submit_call(a, meet, (void *)(uintptr_t)2);
	su_wait_at_least(&meeting, 1, 10000);
	heddle_submit_call(b, count, NULL);
	is_u64(stat_of(b).reason, HEDDLE_REASON_ANCESTOR,
	       "%u workers: what holds the second back is told", workers);
	atomic_fetch_add(&meeting, 1);
	ok(su_wait_at_least(&ran, 1, 10000), "and it runs afterwards");
	su_check_at_rest(pool);
	su_destroy(pool);
}

int main(void)
{
	tap_deadline(110);
	tap_seed();
	values();
	deep();
	many();
	barrier();
	random_changes();
	minimal(1);
	minimal(2);
	return tap_done();
}
