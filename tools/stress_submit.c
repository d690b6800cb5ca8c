/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * submit-mix: several threads submit in every way there is and keep a ledger.
 *
 * Every accepted task runs exactly once or is cancelled, a refused one never
 * runs (clause: Q1), also in a queue that is often full (clause: Q3). Each
 * task is a mailbox: a plain value is written before the submit and read by
 * the task, its answer is written by the task and read after the join
 * (clause: Q2). Tasks submit and join tasks of their own (clause: N1).
 */
#include "tools/stress.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <heddle/heddle.h>

enum {
	SUBMITTERS = 3,
	ITEMS = 48,
	CALLS = 128,
	CHILDREN = 2,
	DEPTH_MAX = 3,
	TASKS_MAX = 192, /* small, so that submits are refused */
	QUEUE_SLOTS = 40,
	TWIN_EVERY = 64,
};

/* What a task of the broken twin does. */
enum twin {
	TWIN_NONE,
	TWIN_REPEATS,     /* runs twice */
	TWIN_FORGETS,     /* does not run */
	TWIN_ANSWERS_OLD, /* reads the mailbox of the round before */
};

struct submitter;

/* A task that is joined or cancelled, and what its owner knows of it. */
struct item {
	struct heddle_task task;
	struct submitter *owner;
	uint64_t question;
	uint64_t answer;
	uint64_t last_question; /* of the round before; for the twin */
	struct heddle_group *group;
	uint32_t spin;
	uint32_t depth; /* levels of tasks below this one */
	struct item *child[CHILDREN];
	bool is_outstanding;
	enum twin twin; /* how it does wrong on purpose */
	_Atomic(uint32_t) runs;
};

/* A task that nobody joins: a plain call or a DETACHED task. */
struct call {
	struct heddle_task task;
	uint64_t question;
	uint64_t seen; /* question as the task saw it */
	bool is_accepted;
	_Atomic(uint32_t) runs;
};

struct mix {
	struct heddle_pool *pool;
	struct heddle_group *groups[3];
};

struct submitter {
	struct ht_stress *run;
	struct ht_actor *actor;
	struct mix *mix;
	struct item items[ITEMS];
	struct call calls[CALLS];
	uint32_t next_call;
};

static void run_item(struct heddle_task *task);

/* The client's half of a submit: the plain writes that the task must see. */
static void prepare(struct item *item, uint64_t question)
{
	item->last_question = item->question;
	item->question = question;
	item->answer = 0;
	atomic_store_explicit(&item->runs, 0, memory_order_relaxed); /* ours */
	memset(&item->task, 0, sizeof(item->task));
	item->task.fn = run_item;
}

/* What must be true of a task that ended: ran once and answered. */
static void check_ran(struct item *item)
{
	struct ht_stress *run = item->owner->run;
	/* Relaxed: the join or cancel that just returned gives the order. */
	uint32_t runs = atomic_load_explicit(&item->runs, memory_order_relaxed);

	if (!runs)
		ht_violation(run, HT_LOST, "a joined task did not run");
	if (runs > 1)
		ht_violation(run, HT_DUP, "a task ran %u times", runs);
	if (runs == 1 && item->answer != ht_mix(item->question))
		ht_violation(run, HT_ORDER, "a task answered 0x%jx to 0x%jx",
			     (uintmax_t)item->answer,
			     (uintmax_t)item->question);
	atomic_fetch_add_explicit(&run->tasks, 1, memory_order_relaxed);
}

/* Refused or cancelled: it must not have run, and must not run later. */
static void check_idle(struct item *item, const char *why)
{
	uint32_t runs = atomic_load_explicit(&item->runs, memory_order_acquire);

	if (runs)
		ht_violation(item->owner->run, HT_DUP, "a %s task ran %u times",
			     why, runs);
}

static void near_miss(struct submitter *owner)
{
	atomic_fetch_add_explicit(&owner->run->near, 1,
				  memory_order_relaxed); /* a count */
}

static int submit_rc(struct submitter *owner, int rc)
{
	if (rc == -EAGAIN)
		near_miss(owner);
	else if (rc)
		ht_expect(owner->run, "heddle_submit", rc);
	return rc;
}

/* The end of an accepted task: wait for it, or take it back. */
static void finish(struct item *item, bool is_cancelled, uint64_t first)
{
	struct submitter *owner = item->owner;
	int rc;

	if (!is_cancelled) {
		rc = heddle_join(&item->task, 0, first);
		if (rc == -ETIMEDOUT && first != HEDDLE_FOREVER) {
			near_miss(owner);
			rc = heddle_join(&item->task, 0, HEDDLE_FOREVER);
		}
		if (rc)
			ht_expect(owner->run, "heddle_join", rc);
		else
			check_ran(item);
		return;
	}
	rc = heddle_cancel(&item->task, first);
	if (rc == -ETIMEDOUT && first != HEDDLE_FOREVER) {
		near_miss(owner);
		rc = heddle_cancel(&item->task, HEDDLE_FOREVER);
	}
	if (rc == -EALREADY)
		check_ran(item);
	else if (rc)
		ht_expect(owner->run, "heddle_cancel", rc);
	else
		check_idle(item, "cancelled");
}

/* A task that submits tasks and joins them, from inside. */
static void run_children(struct item *item)
{
	bool is_accepted[CHILDREN];
	uint32_t i;

	for (i = 0; i < CHILDREN; i++) {
		struct item *child = item->child[i];

		child->depth = item->depth - 1;
		child->group = item->group;
		child->spin = item->spin;
		prepare(child, ht_mix(item->question + i));
		is_accepted[i] = !submit_rc(
			item->owner, heddle_submit(child->group, &child->task));
	}
	/* The last one first, as a fork-join program would. */
	for (i = CHILDREN; i-- > 0;) {
		if (is_accepted[i])
			finish(item->child[i],
			       item->question >> i & 1 &&
				       item->question >> 9 & 1,
			       HEDDLE_FOREVER);
		else
			check_idle(item->child[i], "refused");
	}
}

static void run_item(struct heddle_task *task)
{
	/* The task stands first in its item. */
	struct item *item = (struct item *)(void *)task;

	if (item->twin != TWIN_FORGETS)
		atomic_fetch_add_explicit(&item->runs,
					  item->twin == TWIN_REPEATS ? 2 : 1,
					  memory_order_relaxed); /* joined */
	ht_spin(item->spin);
	if (item->depth && item->child[0])
		run_children(item);
	item->answer = ht_mix(item->twin == TWIN_ANSWERS_OLD
				      ? item->last_question
				      : item->question);
}

static void run_call(void *arg)
{
	struct call *call = arg;

	call->seen = call->question;
	/* submit-1: what it saw is published by the count. */
	atomic_fetch_add_explicit(&call->runs, 1, memory_order_release);
}

static void run_detached(struct heddle_task *task)
{
	run_call((struct call *)(void *)task);
}

/* The state of a call whose task is over or never was; false: not over. */
static bool settle_call(struct submitter *owner, struct call *call,
			bool must_be_over)
{
	uint32_t runs = atomic_load_explicit(&call->runs, memory_order_acquire);

	if (call->is_accepted && !runs) {
		if (must_be_over)
			ht_violation(owner->run, HT_LOST,
				     "a call was accepted and never made");
		return false;
	}
	if (runs > call->is_accepted)
		ht_violation(owner->run, HT_DUP,
			     "a call was made %u times, accepted: %u", runs,
			     call->is_accepted);
	if (call->is_accepted && call->seen != call->question)
		ht_violation(owner->run, HT_ORDER,
			     "a call saw 0x%jx, not 0x%jx",
			     (uintmax_t)call->seen, (uintmax_t)call->question);
	if (call->is_accepted)
		atomic_fetch_add_explicit(&owner->run->tasks, 1,
					  memory_order_relaxed); /* count */
	call->is_accepted = false;
	return true;
}

static struct heddle_group *any_group(struct submitter *owner)
{
	return owner->mix->groups[ht_random_below(&owner->actor->random, 3)];
}

static void submit_calls(struct submitter *owner)
{
	struct ht_random *random = &owner->actor->random;
	uint32_t n = 1 + ht_random_below(random, 16);
	struct heddle_group *group = any_group(owner);
	bool is_detached = ht_random_chance(random, 2);
	struct call *call;
	int rc;

	while (n--) {
		call = &owner->calls[owner->next_call++ % CALLS];
		if (!settle_call(owner, call, false))
			continue;
		call->question = ht_random_next(random);
		atomic_store_explicit(&call->runs, 0, memory_order_relaxed);
		if (is_detached) {
			memset(&call->task, 0, sizeof(call->task));
			call->task.fn = run_detached;
			call->task.flags = HEDDLE_TASK_DETACHED;
			rc = heddle_submit(group, &call->task);
		} else {
			rc = heddle_submit_call(group, run_call, call);
		}
		call->is_accepted = !submit_rc(owner, rc);
	}
}

static void set_up_item(struct submitter *owner, struct item *item)
{
	struct ht_random *random = &owner->actor->random;

	item->owner = owner;
	item->group = any_group(owner);
	item->spin = ht_random_below(random, 200);
	item->depth = ht_random_chance(random, 4)
			      ? 1 + ht_random_below(random, DEPTH_MAX)
			      : 0;
	prepare(item, ht_random_next(random));
	item->twin = TWIN_NONE;
	if (owner->run->is_busted && ht_random_chance(random, TWIN_EVERY))
		item->twin = 1 + ht_random_below(random, TWIN_ANSWERS_OLD);
}

/* A batch by submit_many or one by one, then an end for each, in any order. */
static void submit_batch(struct submitter *owner)
{
	struct ht_random *random = &owner->actor->random;
	uint32_t n = 1 + ht_random_below(random, ITEMS);
	bool is_many = ht_random_chance(random, 2);
	bool is_patient = ht_random_chance(random, 2);
	uint32_t stride = 1 + 2 * ht_random_below(random, 8);
	struct heddle_group *group = any_group(owner);
	struct heddle_task *tasks[ITEMS];
	size_t accepted = 0;
	uint32_t i, at;

	for (i = 0; i < n; i++) {
		set_up_item(owner, &owner->items[i]);
		tasks[i] = &owner->items[i].task;
	}
	ht_actor_doing(owner->actor, "submitting a batch");
	if (is_many) {
		int rc = heddle_submit_many(group, tasks, n, &accepted);

		submit_rc(owner, rc);
		if (accepted > n || !rc != (accepted == n))
			ht_violation(owner->run, HT_CALL,
				     "submit_many: %d, %zu of %u", rc, accepted,
				     n);
	} else {
		while (accepted < n &&
		       !submit_rc(owner, heddle_submit(group, tasks[accepted])))
			accepted++;
	}
	for (i = 0; i < n; i++)
		owner->items[i].is_outstanding = i < accepted;
	ht_actor_doing(owner->actor, "joining a batch");
	/* 48 and the strides have only 3 as a common factor. */
	if (stride % 3 == 0)
		stride = 1;
	for (i = 0; i < ITEMS; i++) {
		at = i * stride % ITEMS;
		if (owner->items[at].is_outstanding)
			finish(&owner->items[at],
			       owner->items[at].question >> 20 & 1,
			       is_patient ? HEDDLE_FOREVER : HEDDLE_NOW);
		else if (at < n)
			check_idle(&owner->items[at], "refused");
		owner->items[at].is_outstanding = false;
	}
}

static void submitter_body(struct ht_actor *actor)
{
	struct submitter *owner = actor->data;

	owner->actor = actor;
	while (ht_actor_step(actor)) {
		if (ht_random_chance(&actor->random, 3)) {
			ht_actor_doing(actor, "submitting calls");
			submit_calls(owner);
		} else {
			submit_batch(owner);
		}
	}
}

/* Items below an item, to the depth of the deepest tree. */
static void grow_tree(struct submitter *owner, struct item *item,
		      uint32_t depth)
{
	uint32_t i;

	item->owner = owner;
	for (i = 0; i < CHILDREN && depth; i++) {
		item->child[i] = ht_alloc(1, sizeof(struct item));
		grow_tree(owner, item->child[i], depth - 1);
	}
}

static void fell_tree(struct item *item)
{
	uint32_t i;

	for (i = 0; i < CHILDREN && item->child[i]; i++) {
		fell_tree(item->child[i]);
		free(item->child[i]);
	}
}

static bool open_pool(struct ht_stress *run, struct mix *mix)
{
	struct heddle_pool_options pool_options = {
		.struct_size = sizeof(pool_options),
		.workers_max = ht_cpus() < 2 ? 2 : ht_cpus(),
		.tasks_max = TASKS_MAX,
		.name = "mix",
	};
	struct heddle_group_options wide = {
		.struct_size = sizeof(wide),
		.flags = HEDDLE_GROUP_WIDE,
		.name = "wide",
	};
	struct heddle_group_options narrow = {
		.struct_size = sizeof(narrow),
		.queue_slots = QUEUE_SLOTS,
		.cap = 2,
		.name = "narrow",
	};
	int rc = heddle_pool_create(&pool_options, &mix->pool);

	ht_expect(run, "heddle_pool_create", rc);
	if (rc)
		return false;
	ht_stress_watch(run, mix->pool);
	mix->groups[0] = heddle_pool_group(mix->pool);
	rc = heddle_group_create(mix->groups[0], &wide, &mix->groups[1]);
	if (!rc)
		rc = heddle_group_create(mix->groups[0], &narrow,
					 &mix->groups[2]);
	ht_expect(run, "heddle_group_create", rc);
	if (rc)
		return false;
	ht_stress_watch_group(run, mix->groups[1]);
	ht_stress_watch_group(run, mix->groups[2]);
	rc = heddle_pool_start(mix->pool, pool_options.workers_max, NULL,
			       HEDDLE_FOREVER);
	ht_expect(run, "heddle_pool_start", rc);
	return !rc;
}

static void run_submitters(struct ht_stress *run, struct mix *mix)
{
	struct submitter *owners = ht_alloc(SUBMITTERS, sizeof(*owners));
	struct ht_actor *self = &run->actors[0];
	uint32_t i, k;

	for (i = 0; i < SUBMITTERS; i++) {
		owners[i].run = run;
		owners[i].mix = mix;
		for (k = 0; k < ITEMS; k++)
			grow_tree(&owners[i], &owners[i].items[k], DEPTH_MAX);
		ht_actor_add(run, "submitter", submitter_body, &owners[i]);
	}
	ht_stress_supervise(run, mix->pool);
	ht_actors_join(run);
	ht_actor_doing(self, "draining the root");
	ht_expect(run, "heddle_group_close",
		  heddle_group_close(mix->groups[0], HEDDLE_CLOSE_DRAIN,
				     HEDDLE_FOREVER));
	for (i = 0; i < SUBMITTERS; i++) {
		for (k = 0; k < CALLS; k++)
			settle_call(&owners[i], &owners[i].calls[k], true);
		for (k = 0; k < ITEMS; k++)
			fell_tree(&owners[i].items[k]);
	}
	ht_stress_rest(run, mix->pool);
	free(owners);
}

static void body(struct ht_stress *run)
{
	struct mix mix = { NULL, { NULL } };

	if (open_pool(run, &mix))
		run_submitters(run, &mix);
	ht_actor_doing(&run->actors[0], "destroying the pool");
	if (mix.pool)
		ht_expect(run, "heddle_pool_destroy",
			  heddle_pool_destroy(mix.pool, HEDDLE_R4_CLEAN, NULL,
					      HEDDLE_FOREVER));
	ht_stress_watch(run, NULL);
}

const struct ht_scenario ht_stress_submit = {
	.name = "submit-mix",
	.help = "submit, join and cancel in every way, with a ledger",
	.twin = "tasks that run twice, do not run, or read an old mailbox",
	.twin_kinds = 1u << HT_LOST | 1u << HT_DUP | 1u << HT_ORDER,
	.near = "refused submits and joins that had to wait",
	.body = body,
};
