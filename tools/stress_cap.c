/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cap-walk: caps change all the time and hold at every instant.
 *
 * A tree of groups, tasks in all of its leaves, and one walker that changes
 * the caps of several groups at once, 0 and the root's included. Each group
 * has a gauge, one 64-bit word: how many tasks say they run below the group,
 * and what that number is checked against in the same atomic step. A task
 * raises the gauges of its path when it starts and when it comes out of a
 * blocking region (clause: C1, clause: C6).
 *
 * - The bound is the larger of old and new while a change is on its way, and
 *   the new cap once heddle_group_wait() has returned 0 (clause: C4).
 * - The target is the new cap as soon as heddle_group_update() has returned.
 *   It binds those tasks that were submitted after that, because their
 *   admission came later than the change.
 *
 * At the end every task has run (clause: C2) and every count is zero
 * (clause: C3).
 */
#include "tools/stress.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <heddle/heddle.h>

enum {
	SUBMITTERS = 2,
	TASKS = 48,
	MIDDLES = 3,
	LEAVES = 2, /* below each middle group */
	GROUPS = 1 + MIDDLES + MIDDLES * LEAVES,
	ROOT = 0,
	WORKERS = 4,
	FIELD = 0xff, /* of tasks, bound and target; the change has 40 bits */
	BOUND_SHIFT = 8,
	TARGET_SHIFT = 16,
	CHANGE_SHIFT = 24,
};

/* A group, its gauge and what the walker knows of it. */
struct node {
	struct heddle_group *group;
	uint32_t parent;
	uint32_t latest; /* the cap set last */
	uint32_t bound;  /* the walker's copy of the gauge's */
	uint64_t rules;  /* all of the gauge but the number of tasks */
	uint64_t change; /* which change set it */

	/* change : target : bound : tasks */
	_Alignas(128) _Atomic(uint64_t) gauge;
};

struct walk {
	struct ht_stress *run;
	struct heddle_pool *pool;
	struct node nodes[GROUPS];
	uint64_t changes;

	/* The last change whose update has returned. */
	_Alignas(128) _Atomic(uint64_t) returned;
};

struct job {
	struct heddle_task task; /* first, so that it leads to the job */
	struct walk *walk;
	uint32_t leaf;
	uint32_t spin;
	bool blocks;
	bool is_accepted;
	uint64_t epoch; /* changes that had returned before the submit */
	uint32_t runs;  /* plain: the join gives the order */
};

struct submitter {
	struct walk *walk;
	struct job jobs[TASKS];
};

static uint64_t changes_returned(struct walk *walk)
{
	/* cap-1: the rules of that change are in the gauges. */
	return atomic_load_explicit(&walk->returned, memory_order_acquire);
}

static void check_gauge(struct walk *walk, uint32_t number, uint64_t gauge,
			uint64_t epoch)
{
	uint32_t in = gauge & FIELD;
	uint32_t bound = gauge >> BOUND_SHIFT & FIELD;
	uint32_t target = gauge >> TARGET_SHIFT & FIELD;

	if (in > bound)
		ht_violation(walk->run, HT_CAP,
			     "group %u runs %u tasks, its cap is %u", number,
			     in, bound);
	else if (in > target && epoch >= gauge >> CHANGE_SHIFT)
		ht_violation(walk->run, HT_CAP,
			     "group %u started its task number %u, its cap "
			     "had been lowered to %u",
			     number, in, target);
	else if (in == bound || in == target)
		atomic_fetch_add_explicit(&walk->run->near, 1,
					  memory_order_relaxed); /* count */
}

/*
 * Relaxed: the gauge is one word, and the count of the library that it is
 * compared with is changed before and after by the same thread. The checker
 * must not add ordering that the library should have.
 */
static void enter(struct walk *walk, uint32_t leaf, uint64_t epoch)
{
	uint32_t at = leaf;

	for (;;) {
		check_gauge(
			walk, at,
			1 + atomic_fetch_add_explicit(&walk->nodes[at].gauge, 1,
						      memory_order_relaxed),
			epoch);
		if (at == ROOT)
			break;
		at = walk->nodes[at].parent;
	}
}

static void leave(struct walk *walk, uint32_t leaf)
{
	uint32_t at = leaf;

	for (;;) {
		atomic_fetch_sub_explicit(&walk->nodes[at].gauge, 1,
					  memory_order_relaxed); /* see enter */
		if (at == ROOT)
			break;
		at = walk->nodes[at].parent;
	}
}

static void run_job(struct heddle_task *task)
{
	struct job *job = (struct job *)(void *)task;
	struct walk *walk = job->walk;

	uint64_t epoch = job->epoch;

	enter(walk, job->leaf, epoch);
	job->runs++;
	ht_spin(job->spin);
	if (job->blocks) {
		leave(walk, job->leaf);
		ht_expect(walk->run, "heddle_block_begin",
			  heddle_block_begin(HEDDLE_BLOCK_SLEEP, NULL, NULL));
		ht_sleep_us(20);
		epoch = changes_returned(walk);
		ht_expect(walk->run, "heddle_block_end", heddle_block_end());
		enter(walk, job->leaf, epoch);
		ht_spin(job->spin);
	}
	leave(walk, job->leaf);
}

static void settle_job(struct job *job)
{
	struct ht_stress *run = job->walk->run;

	if (job->is_accepted) {
		ht_expect(run, "heddle_join",
			  heddle_join(&job->task, 0, HEDDLE_FOREVER));
		atomic_fetch_add_explicit(&run->tasks, 1, memory_order_relaxed);
	}
	if (job->runs != job->is_accepted)
		ht_violation(run, job->runs ? HT_DUP : HT_LOST,
			     "a task ran %u times, accepted: %u", job->runs,
			     job->is_accepted);
	job->is_accepted = false;
	job->runs = 0;
}

/* What the twin does: a task that the library knows nothing of. */
static void run_outside(struct walk *walk, struct ht_random *random)
{
	uint32_t leaf = 1 + MIDDLES + ht_random_below(random, MIDDLES * LEAVES);

	enter(walk, leaf, changes_returned(walk));
	ht_sleep_us(200);
	leave(walk, leaf);
}

static void submitter_body(struct ht_actor *actor)
{
	struct submitter *owner = actor->data;
	struct walk *walk = owner->walk;
	struct ht_random *random = &actor->random;
	struct job *job;
	uint32_t i;
	int rc;

	while (ht_actor_step(actor)) {
		job = &owner->jobs[actor->steps % TASKS];
		ht_actor_doing(actor, "joining");
		settle_job(job);
		ht_actor_doing(actor, "submitting");
		memset(&job->task, 0, sizeof(job->task));
		job->task.fn = run_job;
		job->walk = walk;
		job->leaf =
			1 + MIDDLES + ht_random_below(random, MIDDLES * LEAVES);
		job->spin = ht_random_below(random, 2000);
		job->blocks = ht_random_chance(random, 16);
		job->epoch = changes_returned(walk);
		rc = heddle_submit(walk->nodes[job->leaf].group, &job->task);
		if (rc != -EAGAIN)
			ht_expect(walk->run, "heddle_submit", rc);
		job->is_accepted = !rc;
		if (walk->run->is_busted && ht_random_chance(random, 64))
			run_outside(walk, random);
	}
	ht_actor_doing(actor, "joining the last tasks");
	for (i = 0; i < TASKS; i++)
		settle_job(&owner->jobs[i]);
}

/* Give a gauge new rules; what is running now is under the bound as well. */
static void set_rules(struct walk *walk, uint32_t number, uint32_t bound,
		      uint32_t target)
{
	struct node *node = &walk->nodes[number];
	uint64_t rules = node->change << CHANGE_SHIFT |
			 (uint64_t)target << TARGET_SHIFT |
			 (uint64_t)bound << BOUND_SHIFT;
	uint64_t before;

	/* A difference, so that no count is lost; it wraps as it should. */
	before = atomic_fetch_add_explicit(&node->gauge, rules - node->rules,
					   memory_order_seq_cst);
	node->rules = rules;
	node->bound = bound;
	/* Epoch 0: a task that runs now may be older than the target. */
	check_gauge(walk, number, (before & FIELD) | rules, 0);
}

/* The change is in effect: its caps are the bounds from here on. */
static void settle(struct walk *walk, uint64_t change)
{
	struct node *node;
	uint32_t i;

	for (i = 0; i < GROUPS; i++) {
		node = &walk->nodes[i];
		if (node->change != change)
			continue;
		set_rules(walk, i, node->latest, node->latest);
	}
}

static void update(struct walk *walk, const uint32_t *numbers,
		   const uint32_t *caps, uint32_t n,
		   struct heddle_ticket *ticket)
{
	struct heddle_change changes[GROUPS] = { { NULL, 0, 0, 0, 0 } };
	struct node *node;
	uint32_t bound, i;

	walk->changes++;
	for (i = 0; i < n; i++) {
		node = &walk->nodes[numbers[i]];
		changes[i].group = node->group;
		changes[i].cap = caps[i];
		changes[i].what = HEDDLE_CHANGE_CAP;
		node->latest = caps[i];
		node->change = walk->changes;
		/* The bound only rises here; it falls when waited for. */
		bound = caps[i] > node->bound ? caps[i] : node->bound;
		set_rules(walk, numbers[i], bound, bound);
	}
	ht_expect(walk->run, "heddle_group_update",
		  heddle_group_update(changes, n, ticket));
	for (i = 0; i < n; i++)
		set_rules(walk, numbers[i], walk->nodes[numbers[i]].bound,
			  caps[i]);
	/* cap-1: tasks submitted from here on are under these rules. */
	atomic_store_explicit(&walk->returned, walk->changes,
			      memory_order_release);
}

/* Wait for a change, sometimes without patience. */
static void await(struct walk *walk, struct heddle_ticket ticket,
		  uint64_t change, uint64_t deadline)
{
	int rc = heddle_group_wait(ticket, deadline);

	if (!rc)
		settle(walk, change);
	else if (rc == -ESTALE && change < walk->changes)
		return;
	else if (rc != -ETIMEDOUT || deadline == HEDDLE_FOREVER)
		ht_expect(walk->run, "heddle_group_wait", rc);
}

static uint32_t any_cap(struct ht_random *random, uint32_t group)
{
	uint32_t cap = ht_random_below(random, WORKERS + 3);

	/* The root at 0 stops everything, so it is rarely there. */
	if (group == ROOT && !cap && !ht_random_chance(random, 4))
		return 1;
	return cap;
}

static void walk_once(struct walk *walk, struct ht_actor *self)
{
	struct ht_random *random = &self->random;
	uint32_t n = 1 + ht_random_below(random, 4);
	uint32_t first = ht_random_below(random, GROUPS);
	uint32_t numbers[4], caps[4];
	struct heddle_ticket ticket, later;
	uint64_t change;
	uint32_t i;

	/* 3 and the number of groups have no common factor. */
	_Static_assert(GROUPS % 3, "n groups of one change must differ");
	for (i = 0; i < n; i++) {
		numbers[i] = (first + 3 * i) % GROUPS;
		caps[i] = any_cap(random, numbers[i]);
	}
	ht_actor_doing(self, "changing caps");
	update(walk, numbers, caps, n, &ticket);
	change = walk->changes;
	if (ht_random_chance(random, 4)) {
		/* A second change before the first one was waited for. */
		caps[0] = any_cap(random, numbers[0]);
		update(walk, numbers, caps, 1, &later);
		ht_actor_doing(self, "waiting for an older change");
		await(walk, ticket, change, HEDDLE_FOREVER);
		ticket = later;
		change = walk->changes;
	}
	ht_actor_doing(self, "waiting for a change");
	if (ht_random_chance(random, 3))
		await(walk, ticket, change, ht_now() + 20000);
	else
		await(walk, ticket, change, HEDDLE_FOREVER);
	if (ht_random_chance(random, 2))
		ht_sleep_us(ht_random_below(random, 300));
}

static bool make_tree(struct walk *walk)
{
	struct heddle_group_options options = {
		.struct_size = sizeof(options),
		.cap = WORKERS,
		.name = "walk",
	};
	struct node *node;
	uint32_t i;
	int rc;

	walk->nodes[ROOT].group = heddle_pool_group(walk->pool);
	for (i = 0; i < GROUPS; i++) {
		node = &walk->nodes[i];
		node->latest = node->bound = WORKERS;
		node->rules = (uint64_t)WORKERS << BOUND_SHIFT |
			      (uint64_t)WORKERS << TARGET_SHIFT;
		atomic_init(&node->gauge, node->rules);
		if (i == ROOT)
			continue;
		node->parent = i <= MIDDLES ? ROOT
					    : 1 + (i - 1 - MIDDLES) / LEAVES;
		/* Some leaves have a queue for each CPU. */
		options.flags = i > MIDDLES && i % LEAVES ? HEDDLE_GROUP_WIDE
							  : 0;
		rc = heddle_group_create(walk->nodes[node->parent].group,
					 &options, &node->group);
		ht_expect(walk->run, "heddle_group_create", rc);
		if (rc)
			return false;
		ht_stress_watch_group(walk->run, node->group);
	}
	return true;
}

static bool open_pool(struct walk *walk)
{
	struct heddle_pool_options options = {
		.struct_size = sizeof(options),
		.flags = HEDDLE_POOL_ELASTIC,
		.workers_max = WORKERS,
		.blocked_max = 8,
		.cap = WORKERS,
		.tasks_max = 1024,
		.name = "walk",
	};
	int rc = heddle_pool_create(&options, &walk->pool);

	ht_expect(walk->run, "heddle_pool_create", rc);
	if (rc)
		return false;
	ht_stress_watch(walk->run, walk->pool);
	if (!make_tree(walk))
		return false;
	rc = heddle_pool_start(walk->pool, WORKERS, NULL, HEDDLE_FOREVER);
	ht_expect(walk->run, "heddle_pool_start", rc);
	return !rc;
}

static void run_walk(struct walk *walk)
{
	struct submitter *owners = ht_alloc(SUBMITTERS, sizeof(*owners));
	struct ht_stress *run = walk->run;
	struct ht_actor *self = &run->actors[0];
	uint32_t numbers[GROUPS], caps[GROUPS];
	struct heddle_ticket ticket;
	uint32_t i, k;

	for (i = 0; i < SUBMITTERS; i++) {
		owners[i].walk = walk;
		for (k = 0; k < TASKS; k++)
			owners[i].jobs[k].walk = walk;
		ht_actor_add(run, "submitter", submitter_body, &owners[i]);
	}
	while (!ht_stress_over(run)) {
		ht_actor_step(self);
		walk_once(walk, self);
	}
	/* One worker for every group is enough for all that is left. */
	for (i = 0; i < GROUPS; i++) {
		numbers[i] = i;
		caps[i] = 1;
	}
	ht_actor_doing(self, "opening all groups");
	update(walk, numbers, caps, GROUPS, &ticket);
	await(walk, ticket, walk->changes, HEDDLE_FOREVER);
	ht_actors_join(run);
	ht_stress_rest(run, walk->pool);
	for (i = 0; i < GROUPS; i++)
		if (atomic_load_explicit(&walk->nodes[i].gauge,
					 memory_order_relaxed) &
		    FIELD)
			ht_violation(run, HT_LEAK,
				     "group %u: a task never ended", i);
	free(owners);
}

static void body(struct ht_stress *run)
{
	/* Gauges have lines of their own, which calloc does not promise. */
	static struct walk walk;

	memset(&walk, 0, sizeof(walk));
	walk.run = run;
	if (open_pool(&walk))
		run_walk(&walk);
	ht_actor_doing(&run->actors[0], "destroying the pool");
	if (walk.pool)
		ht_expect(run, "heddle_pool_destroy",
			  heddle_pool_destroy(walk.pool, HEDDLE_R4_CLEAN, NULL,
					      HEDDLE_FOREVER));
	ht_stress_watch(run, NULL);
}

const struct ht_scenario ht_stress_cap = {
	.name = "cap-walk",
	.help = "caps of a tree of groups change while its tasks run",
	.twin = "tasks that run outside the library but count themselves",
	.twin_kinds = 1u << HT_CAP,
	.near = "tasks that filled a group to its bound",
	.body = body,
};
