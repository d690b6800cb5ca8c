/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * group-life: several threads make small trees of groups, submit to them, close
 * and free them, over and over, so that entries and slots are used again at other
 * places of the tree while workers still look at them.
 *
 * When a drain has returned, every task that was accepted has run; when a refusal has,
 * none runs any more (clause: D5). No cap is exceeded on a path (clause: C1), and in the
 * end every permit is back in the groups that stay (clause: C6).
 */
#include "tools/stress.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <heddle/heddle.h>

enum {
	MAKERS = 3,
	DISTRICTS = 3, /* groups that stay, below which trees are made */
	NODES = 3,
	TASKS = 24,
	TWIN_EVERY = 16,
};

struct maker;

/* A group and how many tasks of its subtree run now. */
struct node {
	struct heddle_group *group;
	struct node *above;
	uint32_t cap;
	_Atomic(uint32_t) running;
};

struct job {
	struct heddle_task task;
	struct maker *maker;
	struct node *node;
	uint32_t spin;
	bool is_task; /* can be cancelled; else a plain call */
	bool is_accepted;
	bool is_cancelled;
	_Atomic(uint32_t) runs;
};

struct life {
	struct ht_stress *run;
	struct heddle_pool *pool;
	struct node root;
	struct node districts[DISTRICTS];
};

struct maker {
	struct life *life;
	struct ht_actor *actor;
	struct node nodes[NODES];
	uint32_t n_nodes;
	struct job jobs[TASKS];
	uint32_t n_jobs;
	_Atomic(bool) is_closed; /* nothing may run any more */
};

static void enter(struct ht_stress *run, struct node *node)
{
	for (; node; node = node->above) {
		uint32_t before = atomic_fetch_add_explicit(
			&node->running, 1, memory_order_seq_cst);

		if (before >= node->cap)
			ht_violation(run, HT_CAP, "%u run, the cap is %u",
				     before + 1, node->cap);
	}
}

static void leave(struct node *node)
{
	for (; node; node = node->above)
		atomic_fetch_sub_explicit(&node->running, 1,
					  memory_order_seq_cst);
}

static void run_job(void *arg)
{
	struct job *job = arg;
	struct ht_stress *run = job->maker->life->run;

	if (atomic_load_explicit(&job->maker->is_closed, memory_order_seq_cst))
		ht_violation(run, HT_ORDER, "a task ran in a closed group");
	enter(run, job->node);
	ht_spin(job->spin);
	leave(job->node);
	/* Relaxed: the close, or the join, gives the order. */
	atomic_fetch_add_explicit(&job->runs, 1, memory_order_relaxed);
}

static void run_task(struct heddle_task *task)
{
	run_job(task); /* the task stands first in its job */
}

/* A path of one to three groups; false when there is no room at present. */
static bool make_path(struct maker *maker)
{
	struct ht_random *random = &maker->actor->random;
	struct life *life = maker->life;
	struct node *above =
		&life->districts[ht_random_below(random, DISTRICTS)];
	uint32_t n = 1 + ht_random_below(random, NODES), i;

	maker->n_nodes = 0;
	for (i = 0; i < n; i++) {
		struct node *node = &maker->nodes[i];
		struct heddle_group_options options = {
			.struct_size = sizeof(options),
			.flags = ht_random_chance(random, 4) ? HEDDLE_GROUP_WIDE
							     : 0,
			.cap = 1 + ht_random_below(random, 3),
			.queue_slots = ht_random_chance(random, 3) ? 8 : 0,
			.children_max = 2 + ht_random_below(random, 2),
		};
		int rc = heddle_group_create(above->group, &options,
					     &node->group);

		if (rc == -ENOSPC)
			break;
		ht_expect(life->run, "heddle_group_create", rc);
		if (rc)
			break;
		node->above = above;
		node->cap = options.cap;
		atomic_store_explicit(&node->running, 0, memory_order_relaxed);
		above = node;
		maker->n_nodes++;
	}
	return maker->n_nodes > 0;
}

static void submit_jobs(struct maker *maker)
{
	struct ht_random *random = &maker->actor->random;
	uint32_t i;

	maker->n_jobs = 1 + ht_random_below(random, TASKS);
	for (i = 0; i < maker->n_jobs; i++) {
		struct job *job = &maker->jobs[i];
		int rc;

		memset(job, 0, sizeof(*job));
		job->maker = maker;
		job->node =
			&maker->nodes[ht_random_below(random, maker->n_nodes)];
		job->spin = ht_random_below(random, 300);
		job->is_task = ht_random_chance(random, 3);
		job->task.fn = run_task;
		rc = job->is_task ? heddle_submit(job->node->group, &job->task)
				  : heddle_submit_call(job->node->group,
						       run_job, job);
		if (rc == -EAGAIN)
			continue;
		ht_expect(maker->life->run, "heddle_submit", rc);
		job->is_accepted = rc == 0;
	}
}

/* Some of the tasks, just before the close. */
static void cancel_some(struct maker *maker)
{
	struct ht_random *random = &maker->actor->random;
	uint32_t i;

	for (i = 0; i < maker->n_jobs; i++) {
		struct job *job = &maker->jobs[i];
		int rc;

		if (!job->is_task || !job->is_accepted ||
		    !ht_random_chance(random, 3))
			continue;
		rc = heddle_cancel(&job->task, HEDDLE_FOREVER);
		job->is_cancelled = rc == 0;
		if (rc != -EALREADY)
			ht_expect(maker->life->run, "heddle_cancel", rc);
	}
}

/* No close comes and repairs it: each accepted task starts by itself (C2). */
static void await_jobs(struct maker *maker)
{
	uint32_t i;

	for (i = 0; i < maker->n_jobs; i++) {
		struct job *job = &maker->jobs[i];

		while (job->is_accepted && !job->is_cancelled &&
		       !atomic_load_explicit(&job->runs, memory_order_acquire))
			ht_sleep_us(50);
	}
}

static void close_path(struct maker *maker, int mode)
{
	struct ht_random *random = &maker->actor->random;
	uint64_t first = ht_random_chance(random, 4) ? HEDDLE_NOW
						     : HEDDLE_FOREVER;
	struct heddle_group *top = maker->nodes[0].group;
	int rc = heddle_group_close(top, mode | HEDDLE_CLOSE_FREE, first);

	if (rc == -ETIMEDOUT && first == HEDDLE_NOW) {
		atomic_fetch_add_explicit(&maker->life->run->near, 1,
					  memory_order_relaxed); /* a count */
		rc = heddle_group_close(top, mode | HEDDLE_CLOSE_FREE,
					HEDDLE_FOREVER);
	}
	ht_expect(maker->life->run, "heddle_group_close", rc);
}

static void check_jobs(struct maker *maker, bool is_drained)
{
	struct ht_stress *run = maker->life->run;
	uint32_t i;

	for (i = 0; i < maker->n_jobs; i++) {
		struct job *job = &maker->jobs[i];
		uint32_t runs =
			atomic_load_explicit(&job->runs, memory_order_relaxed);

		if (run->is_busted &&
		    ht_random_chance(&maker->actor->random, TWIN_EVERY))
			runs = 1 - runs; /* the twin's observer is wrong */
		if (runs > (job->is_accepted && !job->is_cancelled))
			ht_violation(run, HT_DUP, "a task ran %u times", runs);
		if (is_drained && job->is_accepted && !job->is_cancelled &&
		    !runs)
			ht_violation(run, HT_LOST,
				     "a task of a drained group did not run");
		if (runs)
			atomic_fetch_add_explicit(
				&run->tasks, 1,
				memory_order_relaxed); /* a count */
	}
}

static void maker_body(struct ht_actor *actor)
{
	struct maker *maker = actor->data;

	maker->actor = actor;
	while (ht_actor_step(actor)) {
		bool drains = ht_random_chance(&actor->random, 2);

		ht_actor_doing(actor, "making groups");
		if (!make_path(maker))
			continue;
		atomic_store_explicit(&maker->is_closed, false,
				      memory_order_seq_cst);
		ht_actor_doing(actor, "submitting");
		submit_jobs(maker);
		cancel_some(maker);
		if (ht_random_chance(&actor->random, 2)) {
			ht_actor_doing(actor, "waiting for the tasks");
			await_jobs(maker);
		}
		ht_actor_doing(actor, drains ? "draining" : "refusing");
		close_path(maker,
			   drains ? HEDDLE_CLOSE_DRAIN : HEDDLE_CLOSE_REFUSE);
		atomic_store_explicit(&maker->is_closed, true,
				      memory_order_seq_cst);
		check_jobs(maker, drains);
	}
}

static bool open_pool(struct life *life)
{
	struct heddle_pool_options options = {
		.struct_size = sizeof(options),
		.workers_max = 4,
		.cap = 3,
		.tasks_max = 1024,
		/* Few, so that entries are used again soon. */
		.groups_max = 1 + DISTRICTS + MAKERS * NODES + 4,
		.name = "life",
	};
	int rc = heddle_pool_create(&options, &life->pool);
	uint32_t i;

	ht_expect(life->run, "heddle_pool_create", rc);
	if (rc)
		return false;
	ht_stress_watch(life->run, life->pool);
	life->root.group = heddle_pool_group(life->pool);
	life->root.cap = options.cap;
	for (i = 0; i < DISTRICTS; i++) {
		struct heddle_group_options group = {
			.struct_size = sizeof(group),
			.cap = 1 + i,
			.children_max = MAKERS,
		};
		struct node *district = &life->districts[i];

		rc = heddle_group_create(life->root.group, &group,
					 &district->group);
		ht_expect(life->run, "heddle_group_create", rc);
		if (rc)
			return false;
		district->cap = group.cap;
		district->above = &life->root;
		ht_stress_watch_group(life->run, district->group);
	}
	rc = heddle_pool_start(life->pool, options.workers_max, NULL,
			       HEDDLE_FOREVER);
	ht_expect(life->run, "heddle_pool_start", rc);
	return !rc;
}

static void run_makers(struct life *life)
{
	struct maker *makers = ht_alloc(MAKERS, sizeof(*makers));
	uint32_t i;

	for (i = 0; i < MAKERS; i++) {
		makers[i].life = life;
		ht_actor_add(life->run, "maker", maker_body, &makers[i]);
	}
	ht_stress_supervise(life->run, life->pool);
	ht_actors_join(life->run);
	ht_stress_rest(life->run, life->pool);
	free(makers);
}

static void body(struct ht_stress *run)
{
	struct life life;

	memset(&life, 0, sizeof(life));
	life.run = run;
	if (open_pool(&life))
		run_makers(&life);
	ht_actor_doing(&run->actors[0], "destroying the pool");
	if (life.pool)
		ht_expect(run, "heddle_pool_destroy",
			  heddle_pool_destroy(life.pool, HEDDLE_R4_CLEAN, NULL,
					      HEDDLE_FOREVER));
	ht_stress_watch(run, NULL);
}

const struct ht_scenario ht_stress_groups = {
	.name = "group-life",
	.help = "groups are made, closed and freed while others look at them",
	.twin = "an observer that takes a run task for one that did not run",
	.twin_kinds = 1u << HT_LOST | 1u << HT_DUP,
	.near = "closes that had to wait",
	.body = body,
};
