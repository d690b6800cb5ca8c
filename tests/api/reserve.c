/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reserves: all n or none, and the group that is too small is named; others never eat
 * what is prepaid, and get everything that it does not keep from them; joins and regions
 * across groups with and without a reserve; closing and freeing with prepaid units.
 *
 * Method: tasks that end only when they are told, so that each state is at rest; then
 * random changes, joins and regions with counters of who is inside which group.
 *
 * clause: C1 C2 C3 C6 H2 H5 N1 B1
 * fault: F15
 */
#include <errno.h>
#include <sched.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define WORKERS 3u

static struct heddle_pool *pool;
static struct heddle_group *root;

static void set_up(uint32_t workers)
{
	pool = su_pool(workers);
	root = heddle_pool_group(pool);
}

static struct heddle_group *group_in(struct heddle_group *parent, uint32_t cap)
{
	return su_group(parent, (struct heddle_group_options){ .cap = cap });
}

static struct heddle_group *tenant_in(struct heddle_group *parent, uint32_t cap)
{
	return su_group(parent,
			(struct heddle_group_options){
				.cap = cap, .flags = HEDDLE_GROUP_RESERVE });
}

static struct heddle_group_stat stat_of(struct heddle_group *group)
{
	struct heddle_group_stat stat = { .struct_size = sizeof(stat) };

	if (heddle_group_stat(group, &stat))
		bail("stat");
	return stat;
}

static int reserve(struct heddle_group *group, uint32_t n)
{
	return heddle_group_reserve(group, n, NULL);
}

static void end(void)
{
	su_check_at_rest(pool);
	su_destroy(pool);
}

/* -- tasks that end when they are told -- */

struct held {
	_Atomic uint64_t begun, may_end, ended;
};

static void hold(void *arg)
{
	struct held *held = arg;

	atomic_store(&held->begun, 1);
	while (!atomic_load(&held->may_end))
		sched_yield();
	atomic_store(&held->ended, 1);
}

static void submit(struct heddle_group *group, struct held *held)
{
	*held = (struct held){ 0 };
	if (heddle_submit_call(group, hold, held))
		bail("submit");
}

static bool begins(struct held *held)
{
	return su_wait_at_least(&held->begun, 1, 10000);
}

static void start(struct heddle_group *group, struct held *held)
{
	submit(group, held);
	if (!begins(held))
		bail("a task does not begin");
}

static void finish(struct held *held)
{
	atomic_store(&held->may_end, 1);
	if (!su_wait_at_least(&held->ended, 1, 10000))
		bail("a task does not end");
}

/* -- the call -- */

static void refusals(void)
{
	struct heddle_group_options below = { .struct_size = sizeof(below),
					      .flags = HEDDLE_GROUP_RESERVE };
	struct heddle_group *plain, *tenant, *none;

	set_up(2);
	plain = group_in(root, 2);
	tenant = tenant_in(root, 2);
	ok(reserve(plain, 1) == -EINVAL && reserve(root, 1) == -EINVAL &&
		   reserve(NULL, 1) == -EINVAL,
	   "a group that was not made for it");
	ok(reserve(tenant, HEDDLE_CAP_MAX + 1) == -EINVAL, "more than a cap");
	ok(heddle_group_create(tenant, &below, &none) == -EINVAL,
	   "an account below an account");
	below.order = HEDDLE_ORDER_SERIAL;
	ok(heddle_group_create(plain, &below, &none) == -EINVAL,
	   "an account of a SERIAL group");
	ok(heddle_group_close(tenant, HEDDLE_CLOSE_REFUSE, HEDDLE_FOREVER) ==
			   0 &&
		   reserve(tenant, 1) == -ESHUTDOWN,
	   "a closed group");
	end();
}

static void all_or_none(void)
{
	struct heddle_group *middle, *one, *other, *aside, *full = NULL;
	struct heddle_change both[2];

	set_up(4);
	middle = group_in(root, 2);
	one = tenant_in(middle, 9);
	other = tenant_in(root, 9);
	aside = group_in(root, 3);
	ok(heddle_group_reserve(one, 3, &full) == -EBUSY && full == middle,
	   "three of two: the group in the middle is named");
	ok(stat_of(root).count == 0 && stat_of(middle).count == 0 &&
		   stat_of(one).reserve == 0,
	   "and nothing is prepaid");
	ok(heddle_group_reserve(one, 2, &full) == 0 && !full, "two of two");
	ok(stat_of(root).count == 2 && stat_of(middle).count == 2 &&
		   stat_of(one).count == 0 && stat_of(one).reserve == 2,
	   "on each group above, and not on its own");
	ok(heddle_group_reserve(other, 3, &full) == -EBUSY && full == root,
	   "three beside it: the root is too small");
	ok(reserve(other, 2) == 0 && stat_of(root).count == 4, "two fit");
	is_u64(stat_of(aside).parallelism, 0, "nothing is left for others");
	is_u64(stat_of(one).parallelism, 2, "and two for each of them");
	both[0] = (struct heddle_change){ aside, 1, 0, 0, 0 };
	both[1] = (struct heddle_change){ middle, 1, 0, 0, 0 };
	ok(heddle_group_update(both, 2, NULL) == -EBUSY &&
		   stat_of(aside).cap == 3 && stat_of(middle).cap == 2,
	   "a cap below what is prepaid is refused, and with it all others");
	both[0].group = root;
	both[0].cap = 4;
	both[1].cap = 2;
	ok(heddle_group_update(both, 2, NULL) == 0, "what is prepaid is not");
	ok(heddle_group_set_cap(one, 1, NULL) == 0, "nor its own cap");
	su_check_at_rest(pool);
	ok(reserve(one, 0) == 0 && stat_of(middle).count == 0 &&
		   stat_of(root).count == 2,
	   "given back");
	ok(heddle_group_set_cap(middle, 0, NULL) == 0, "then the cap goes");
	ok(heddle_group_reserve(one, 1, &full) == -EBUSY && full == middle,
	   "nothing can be prepaid in a paused group");
	ok(reserve(other, 0) == 0 && stat_of(root).count == 0,
	   "all is given back");
	end();
}

/* -- what it keeps from others, and what not -- */

static void not_eaten(void)
{
	struct heddle_group *others, *tenant;
	struct held other[3], mine;

	set_up(WORKERS);
	others = group_in(root, 9);
	tenant = tenant_in(root, 9);
	if (reserve(tenant, 1))
		bail("reserve");
	start(others, &other[0]);
	start(others, &other[1]);
	submit(others, &other[2]);
	ok(stat_of(others).reason == HEDDLE_REASON_RESERVED &&
		   stat_of(others).reason_group == root,
	   "the third is told that the rest is prepaid");
	is_u64(stat_of(others).parallelism, 2, "and how many could run");
	start(tenant, &mine);
	ok(!atomic_load(&other[2].begun), "the reserve serves its own");
	finish(&mine);
	su_wait_at_least(&other[2].begun, 1, 20);
	ok(!atomic_load(&other[2].begun), "and waits for the next of them");
	ok(reserve(tenant, 0) == 0 && begins(&other[2]),
	   "others start when it is given back");
	finish(&other[0]);
	finish(&other[1]);
	finish(&other[2]);
	end();
}

/* Of two tasks of the tenant one ends; the other is enough for a reserve of 1. */
static void nothing_idle(bool first)
{
	struct heddle_group *others, *tenant;
	struct held mine[2], other;

	set_up(2);
	others = group_in(root, 9);
	tenant = tenant_in(root, 9);
	if (reserve(tenant, 1))
		bail("reserve");
	start(tenant, &mine[0]);
	start(tenant, &mine[1]);
	submit(others, &other);
	finish(&mine[first ? 0 : 1]);
	ok(begins(&other), "the %s of two ended: the other one is its reserve",
	   first ? "first" : "second");
	is_u64(stat_of(root).count, 2, "and no more is taken");
	finish(&mine[first ? 1 : 0]);
	finish(&other);
	end();
}

/* Raised and lowered under tasks of its own, which count. */
static void under_tasks(void)
{
	struct heddle_group *others, *tenant;
	struct held mine[3], other;

	set_up(2);
	others = group_in(root, 9);
	tenant = tenant_in(root, 9);
	start(tenant, &mine[0]);
	start(tenant, &mine[1]);
	ok(reserve(tenant, 2) == 0 && stat_of(root).count == 2,
	   "what runs is prepaid, with no permit free");
	submit(others, &other);
	finish(&mine[0]);
	start(tenant, &mine[2]);
	ok(!atomic_load(&other.begun), "and kept for the next one");
	ok(reserve(tenant, 1) == 0 && stat_of(root).count == 2,
	   "lowered: both run still");
	finish(&mine[1]);
	ok(begins(&other), "the end of one is for others");
	finish(&mine[2]);
	is_u64(stat_of(root).count, 2, "and the last one stays prepaid");
	finish(&other);
	end();
}

/*
 * A cap was lowered below what runs, while nothing was prepaid. Were what runs made
 * prepaid now, the tenant would start tasks on it with the cap exceeded.
 */
static void above_target(void)
{
	struct heddle_group *middle, *tenant, *full = NULL;
	struct held mine[3], later;

	set_up(WORKERS);
	middle = group_in(root, 3);
	tenant = tenant_in(middle, 9);
	start(tenant, &mine[0]);
	start(tenant, &mine[1]);
	start(tenant, &mine[2]);
	if (heddle_group_set_cap(middle, 1, NULL))
		bail("set_cap");
	ok(heddle_group_reserve(tenant, 3, &full) == -EBUSY && full == middle,
	   "what runs above a lowered cap cannot be made prepaid");
	ok(heddle_group_reserve(tenant, 1, &full) == -EBUSY && full == middle,
	   "not even as many as the cap");
	ok(reserve(tenant, 0) == 0, "none at all is no change");
	submit(tenant, &later);
	finish(&mine[0]);
	finish(&mine[1]);
	su_wait_at_least(&later.begun, 1, 20);
	ok(!atomic_load(&later.begun), "nothing starts above the cap");
	ok(reserve(tenant, 1) == 0, "what is left below it can");
	finish(&mine[2]);
	ok(begins(&later), "and the next one runs on it");
	finish(&later);
	ok(reserve(tenant, 0) == 0, "given back");
	end();
}

/* -- turns -- */

static _Atomic bool enough;
static _Atomic uint64_t rounds;

static void again(struct heddle_task *task)
{
	if (atomic_load(&enough) ||
	    heddle_submit(*(struct heddle_group **)(void *)(task + 1), task))
		atomic_fetch_add(&rounds, 1);
}

/*
 * One worker of three, so that the root is never full, and always work beside the
 * tenant, which no way from the root leads to.
 */
static void has_its_turn(void)
{
	struct heddle_group *middle, *tenant, *others;
	struct {
		struct heddle_task task;
		struct heddle_group *group;
	} busy[2];
	struct held mine;
	uint32_t i;

	set_up(WORKERS);
	middle = group_in(root, 1);
	tenant = tenant_in(middle, 1);
	others = group_in(root, 9);
	if (reserve(tenant, 1) ||
	    heddle_pool_stop(pool, 1, HEDDLE_R2_JOINED, NULL, HEDDLE_FOREVER))
		bail("one worker");
	atomic_store(&enough, false);
	atomic_store(&rounds, 0);
	for (i = 0; i < 2; i++) {
		busy[i].task = (struct heddle_task)HEDDLE_TASK_INIT(again);
		busy[i].task.flags = HEDDLE_TASK_DETACHED;
		busy[i].group = others;
		if (heddle_submit(others, &busy[i].task))
			bail("submit");
	}
	submit(tenant, &mine);
	ok(begins(&mine), "prepaid work has its turn beside work without end");
	finish(&mine);
	atomic_store(&enough, true);
	if (!su_wait_at_least(&rounds, 2, 10000))
		bail("the others do not end");
	end();
}

/* -- joins and regions across accounts -- */

struct nested {
	struct heddle_task task;
	struct heddle_group *in;
	struct nested *next; /* joined inside */
	bool region;
	int *thread; /* where its errno is */
};

static _Atomic uint64_t nested_ended;

static void nest(struct heddle_task *task)
{
	struct nested *nested = (struct nested *)task;
	struct nested *next = nested->next;

	nested->thread = &errno;
	if (nested->region) {
		heddle_block_begin(HEDDLE_BLOCK_OTHER, NULL, NULL);
		sched_yield();
		heddle_block_end();
	}
	if (next) {
		if (heddle_submit(next->in, &next->task) ||
		    heddle_join(&next->task, 0, HEDDLE_FOREVER))
			bail("join");
		if (nested->region) {
			heddle_block_begin(HEDDLE_BLOCK_OTHER, NULL, NULL);
			heddle_block_end();
		}
	}
	atomic_fetch_add(&nested_ended, 1);
}

static void run_nested(struct nested *nested, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		nested[i].task = (struct heddle_task)HEDDLE_TASK_INIT(nest);
		nested[i].next = i + 1 < n ? &nested[i + 1] : NULL;
	}
	if (heddle_submit(nested[0].in, &nested[0].task) ||
	    heddle_join(&nested[0].task, 0, su_in_ms(20000)))
		bail("a chain of joins does not end");
}

/*
 * One worker. The group between the root and the tenant has no permit but the prepaid
 * one, so the join can run its task only with that.
 */
static void join_prepaid(void)
{
	struct heddle_group *middle, *tenant, *others;
	struct nested chain[2] = { 0 };

	set_up(2);
	others = group_in(root, 1);
	middle = group_in(root, 1);
	tenant = tenant_in(middle, 1);
	if (reserve(tenant, 1) ||
	    heddle_pool_stop(pool, 1, HEDDLE_R2_JOINED, NULL, HEDDLE_FOREVER))
		bail("one worker");
	chain[0].in = others;
	chain[1].in = tenant;
	run_nested(chain, 2);
	ok(chain[0].thread == chain[1].thread,
	   "a join runs one that only a prepaid permit lets run");
	chain[0].in = tenant;
	chain[1].in = others;
	run_nested(chain, 2);
	ok(chain[0].thread == chain[1].thread, "and out of it");
	su_check_at_rest(pool);
	is_u64(stat_of(root).count + stat_of(middle).count, 2,
	       "the prepaid permits are all that is left");
	su_destroy(pool);
}

static void join_regions(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .flags = HEDDLE_POOL_ELASTIC,
					 .workers_max = 3 };
	struct heddle_group *in[4];
	struct nested chain[6];
	uint32_t round, i, n;
	uint64_t all = 0;

	atomic_store(&nested_ended, 0);
	pool = su_pool_with(&o, 2);
	root = heddle_pool_group(pool);
	in[0] = group_in(root, 1);
	in[1] = tenant_in(root, 2);
	in[2] = group_in(in[1], 1);
	in[3] = tenant_in(group_in(root, 1), 1);
	for (round = 0; round < 1000; round++) {
		if (round % 50 == 0) {
			reserve(in[1], (uint32_t)(tap_random() % 2));
			reserve(in[3], (uint32_t)(tap_random() % 2));
		}
		for (i = 0; i < 6; i++) {
			chain[i] = (struct nested){ 0 };
			chain[i].in = in[tap_random() % 4];
			chain[i].region = tap_random() % 2;
		}
		n = 2 + (uint32_t)(tap_random() % 5);
		run_nested(chain, n);
		all += n;
	}
	is_u64(atomic_load(&nested_ended), all,
	       "joins and regions across two accounts have ended");
	reserve(in[1], 0);
	reserve(in[3], 0);
	su_check_at_rest(pool);
	is_u64(stat_of(root).count, 0, "nothing is left taken");
	su_destroy(pool);
}

/* -- closing -- */

static void closing(void)
{
	struct heddle_group *middle, *tenant;
	struct held mine;

	set_up(2);
	middle = group_in(root, 2);
	tenant = tenant_in(middle, 2);
	if (reserve(tenant, 1))
		bail("reserve");
	ok(heddle_group_close(middle, HEDDLE_CLOSE_QUIESCE, su_in_ms(10000)) ==
		   0,
	   "units that are only prepaid keep nobody from quiet");
	heddle_group_close(middle, HEDDLE_CLOSE_RESUME, HEDDLE_NOW);
	start(tenant, &mine);
	ok(heddle_group_close(middle, HEDDLE_CLOSE_QUIESCE, su_in_ms(20)) ==
		   -ETIMEDOUT,
	   "a task that runs on them does");
	finish(&mine);
	ok(heddle_group_close(middle, HEDDLE_CLOSE_QUIESCE, su_in_ms(10000)) ==
		   0,
	   "until it ends");
	heddle_group_close(middle, HEDDLE_CLOSE_RESUME, HEDDLE_NOW);
	is_u64(stat_of(tenant).reserve, 1, "the reserve is there afterwards");
	start(tenant, &mine);
	ok(heddle_group_close(tenant, HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
			      su_in_ms(20)) == -ETIMEDOUT,
	   "a drain waits for it as well");
	finish(&mine);
	ok(heddle_group_close(tenant, HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
			      su_in_ms(10000)) == 0 &&
		   stat_of(root).count + stat_of(middle).count == 0,
	   "freed: what was prepaid is given back");
	tenant = tenant_in(middle, 1);
	ok(stat_of(tenant).reserve == 0 && reserve(tenant, 2) == 0,
	   "the entry's next life begins with none");
	ok(heddle_group_close(middle, HEDDLE_CLOSE_REFUSE | HEDDLE_CLOSE_FREE,
			      su_in_ms(10000)) == 0 &&
		   stat_of(root).count == 0,
	   "freed from above");
	end();
}

/* -- everything at once -- */

#define GROUPS 5u

static struct {
	struct heddle_group *group;
	uint32_t above; /* index, GROUPS: the root */
	uint32_t cap;   /* of its life */
	_Atomic uint32_t inside;
} node[GROUPS] = { { .above = GROUPS, .cap = 2 },
		   { .above = 0, .cap = 2 },
		   { .above = 1, .cap = 1 },
		   { .above = 0, .cap = 2 },
		   { .above = GROUPS, .cap = 3 } };
static _Atomic uint64_t ran, too_many;

static void inside(void *arg)
{
	uint32_t i;

	for (i = (uint32_t)(uintptr_t)arg; i < GROUPS; i = node[i].above)
		if (atomic_fetch_add(&node[i].inside, 1) >= node[i].cap)
			atomic_fetch_add(&too_many, 1);
	sched_yield();
	for (i = (uint32_t)(uintptr_t)arg; i < GROUPS; i = node[i].above)
		atomic_fetch_sub(&node[i].inside, 1);
	atomic_fetch_add(&ran, 1);
}

static void random_changes(void)
{
	uint64_t submitted = 0, until;
	uint32_t i, k, refused = 0, done = 0;

	set_up(WORKERS);
	for (i = 0; i < GROUPS; i++) {
		struct heddle_group *above = node[i].above < GROUPS
						     ? node[node[i].above].group
						     : root;

		node[i].group = i == 1 || i == 4 ? tenant_in(above, node[i].cap)
						 : group_in(above, node[i].cap);
	}
	atomic_store(&ran, 0);
	until = su_in_ms(1000 * (uint64_t)tap_seconds(2));
	while (su_now_ns() < until) {
		for (k = 0; k < 100; k++, submitted++) {
			i = (uint32_t)(tap_random() % GROUPS);
			if (heddle_submit_call(node[i].group, inside,
					       (void *)(uintptr_t)i))
				bail("submit");
		}
		for (k = 0; k < 4; k++) {
			i = tap_random() % 2 ? 1 : 4;
			if (reserve(node[i].group,
				    (uint32_t)(tap_random() % 4)))
				refused++;
			else
				done++;
		}
		/* So that something is left for each of the others. */
		if (reserve(node[1].group, 0) || reserve(node[4].group, 0))
			bail("lower");
		done += !reserve(node[1].group, 1) + !reserve(node[4].group, 1);
		if (!su_wait_at_least(&ran, submitted, 20000))
			bail("a task is stranded");
	}
	ok(done && refused, "%u changes, %u refused", done, refused);
	is_u64(atomic_load(&too_many), 0, "tasks that met one too many");
	su_check_at_rest(pool);
	ok(reserve(node[1].group, 0) == 0 && reserve(node[4].group, 0) == 0 &&
		   stat_of(root).count == 0,
	   "all is given back");
	end();
}

int main(void)
{
	tap_deadline(110);
	tap_seed();
	refusals();
	all_or_none();
	not_eaten();
	nothing_idle(true);
	nothing_idle(false);
	under_tasks();
	above_target();
	has_its_turn();
	join_prepaid();
	join_regions();
	closing();
	random_changes();
	return tap_done();
}
