/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tenants: weights, changes of several values at once, deep and large trees, the
 * parallelism that is told to be there, turns by the real clock, and that nobody is woken
 * for a group at its cap.
 *
 * clause: C5 H1 H2 H3 H4
 * fault: F15 F16 F35
 */
#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define FAN    10u
#define LEVELS 4u
#define MANY   10000u /* FAN to the power of LEVELS */
#define DEPTH  6u
/* Of the heap, for an idle group: heddle_group_create() says so. */
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
	both[1].what = 8;
	ok(heddle_group_update(both, 2, &ticket) == -EINVAL, "unknown bit");
	ok(heddle_group_wait(old, HEDDLE_NOW) == 0, "the ticket is as it was");
	both[1] = (struct heddle_change){ b, 1, 0, 0, 0 };
	ok(heddle_group_update(&both[1], 1, NULL) == 0 && stat_of(b).cap == 1 &&
		   stat_of(b).weight == HEDDLE_WEIGHT_MAX,
	   "0 is the cap alone");
	su_destroy(pool);
}

static _Atomic uint32_t inside[DEPTH];
static _Atomic uint64_t too_many;

static uint32_t cap_at(uint32_t level)
{
	return level % 2 + 1;
}

/* A task at a level is inside of those above. */
static void at_level(void *arg)
{
	uint32_t level = (uint32_t)(uintptr_t)arg, i;

	for (i = 0; i <= level; i++)
		if (atomic_fetch_add(&inside[i], 1) >= cap_at(i))
			atomic_fetch_add(&too_many, 1);
	sched_yield();
	for (i = 0; i <= level; i++)
		atomic_fetch_sub(&inside[i], 1);
	atomic_fetch_add(&ran, 1);
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
				   cap_at(i), i);
	for (k = 0; k < 1000; k++)
		for (i = 0; i < DEPTH; i++)
			if (heddle_submit_call(group[i], at_level,
					       (void *)(uintptr_t)i))
				bail("submit");
	ok(su_wait_at_least(&ran, 1000 * DEPTH, 30000), "six levels");
	is_u64(atomic_load(&too_many), 0, "tasks that met one too many");
	su_check_at_rest(pool);
	ok(heddle_group_close(group[0], HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
			      su_in_ms(10000)) == 0,
	   "freed from the top");
	su_destroy(pool);
}

/* Ten below each, LEVELS deep; a task in each of the last level. */
static void grow(struct heddle_group *above, uint32_t level)
{
	uint32_t i;

	for (i = 0; i < FAN; i++) {
		struct heddle_group *group =
			group_with(above, level == LEVELS ? 1 : 0, i);

		if (level < LEVELS)
			grow(group, level + 1);
		else if (heddle_submit_call(group, count, NULL))
			bail("submit");
	}
}

static size_t heap(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static void many(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = 2,
					 .tasks_max = MANY,
					 .groups_max = MANY + 1112 };
	struct heddle_pool *pool = su_pool_with(&o, 2);
	uint32_t round;

	for (round = 0; round < 2; round++) {
		size_t before = heap(), each;
		struct heddle_group *top =
			group_with(heddle_pool_group(pool), 0, 1);

		atomic_store(&ran, 0);
		grow(top, 1);
		ok(su_wait_at_least(&ran, MANY, 30000),
		   "a task in each of %u groups, %u levels down", MANY,
		   LEVELS + 1);
		each = (heap() - before) / MANY;
		if (!before)
			skip(1, "this allocator does not count");
		else
			ok(each <= GROUP_BYTES && (each || round),
			   "%zu bytes of the heap for each group", each);
		ok(heddle_group_close(top,
				      HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
				      su_in_ms(30000)) == 0,
		   "all are freed");
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

/*
 * Two groups that always have work, weights 1 and 3, one worker; each task spins for a
 * quarter of the quantum at least. A turn begins with the one that is behind and ends at
 * the end of a task, so who is ahead by a quantum of its own time begins none. Time that
 * the machine takes between two turns is in no charge: such a round is repeated.
 */
#define QUANTUM_NS 400000u
#define EACH       200u
#define ROUNDS     10

static const double of_weight[2] = { 1, 3 };
static struct {
	uint64_t last_ns; /* the end of the task before */
	double ns[2], slack;
	uint32_t ran[2];
	double lead; /* the largest at the begin of a task, in quanta */
} turns;

static void spin(void *arg)
{
	uintptr_t i = (uintptr_t)arg;
	uint64_t start = su_now_ns(), now;
	double lead = turns.ns[i] -
		      turns.ns[!i] * of_weight[i] / of_weight[!i] - turns.slack;

	if (turns.ran[!i] < EACH && lead / QUANTUM_NS > turns.lead)
		turns.lead = lead / QUANTUM_NS;
	do
		now = su_now_ns();
	while (now - start < QUANTUM_NS / 4);
	if (turns.last_ns && start - turns.last_ns < QUANTUM_NS / 20)
		start = turns.last_ns;
	else if (turns.last_ns)
		turns.slack += of_weight[1] * (double)(start - turns.last_ns);
	turns.ns[i] += (double)(now - start);
	turns.last_ns = now;
	turns.ran[i]++;
}

static double by_the_clock(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = 1,
					 .tasks_max = 2 * EACH,
					 .quantum_ns = QUANTUM_NS };
	struct heddle_pool *pool = su_pool_with(&o, 1);
	struct heddle_group *root = heddle_pool_group(pool);
	struct heddle_group *group[2] = { group_with(root, 2, 1),
					  group_with(root, 2, 3) };
	uint32_t i, k;

	memset(&turns, 0, sizeof(turns));
	heddle_group_set_cap(root, 0, NULL);
	for (k = 0; k < EACH; k++)
		for (i = 0; i < 2; i++)
			if (heddle_submit_call(group[i], spin,
					       (void *)(uintptr_t)i))
				bail("submit");
	heddle_group_set_cap(root, 1, NULL);
	if (heddle_group_close(root, HEDDLE_CLOSE_DRAIN, su_in_ms(60000)) ||
	    heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL, HEDDLE_FOREVER))
		bail("drain");
	return turns.lead;
}

static void leads(void)
{
	double least = by_the_clock();
	int round;

	for (round = 1; round < ROUNDS && least > 1.5; round++) {
		double lead = by_the_clock();

		least = lead < least ? lead : least;
	}
	ok(least <= 1.5,
	   "weights 1 and 3: nobody begins with a lead of more than %.2f quanta",
	   least);
}

static uint64_t wakes(struct heddle_pool *pool)
{
	struct heddle_check check = { .struct_size = sizeof(check) };

	heddle_check(pool, &check);
	return check.wakes;
}

static struct heddle_group *capped;

/* From inside, with three workers asleep. */
static void submit_many(void *arg)
{
	uint32_t k;

	(void)arg;
	for (k = 0; k < 1000; k++)
		if (heddle_submit_call(capped, count, NULL))
			bail("submit");
	atomic_fetch_add(&together, 1);
}

/* H4: 2 000 tasks for a group at its cap wake none of the sleepers. */
static void no_wakes(void)
{
	struct heddle_pool *pool = su_pool(4);
	struct heddle_group *other = group_with(heddle_pool_group(pool), 4, 1);
	uint64_t before;

	capped = group_with(heddle_pool_group(pool), 1, 1);
	atomic_store(&ran, 0);
	atomic_store(&meeting, 0);
	atomic_store(&together, 0);
	heddle_submit_call(capped, meet, (void *)(uintptr_t)2);
	if (!su_wait_at_least(&meeting, 1, 10000))
		bail("start");
	heddle_submit_call(other, submit_many, NULL);
	if (!su_wait_at_least(&together, 1, 10000))
		bail("submits");
	before = wakes(pool);
	ok(before <= 2, "1 000 submits from inside: %llu wakes, of two tasks",
	   (unsigned long long)before);
	submit_many(NULL);
	is_u64(wakes(pool), before, "nor any for 1 000 from outside");
	is_u64(atomic_load(&ran), 0, "none has run");
	atomic_fetch_add(&meeting, 1);
	ok(su_wait_at_least(&ran, 2000, 20000), "they run when the cap lets");
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
	leads();
	no_wakes();
	return tap_done();
}
