/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * donors: threads lend themselves to a pool beside its workers (clause: S2).
 *
 * Two loops poll the pool's descriptor and run until idle when it is readable; two
 * donors come with any mode and short deadlines; submitters join what they submit, some
 * with help; the main thread starts and stops workers, down to none, so that often
 * nobody but lent threads is there. No task is lost: a join that lasts long is reported
 * (clause: C2). Caps hold with all of them together (clause: C1), and each thread that a
 * hook was called on has left by the hook's counterpart (clause: D1).
 */
#include "tools/stress.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include <heddle/heddle.h>

enum {
	LOOPS = 2,
	DONORS = 2,
	SUBMITTERS = 3,
	ITEMS = 24,
	CAP = 2, /* of the group that is counted */
	WORKERS_MAX = 4,
	LONG_S = 20, /* a task that has not run by then is lost */
};

struct donating {
	struct ht_stress *run;
	struct heddle_pool *pool;
	struct heddle_group *capped, *serial;
	int fd;
	_Atomic(uint32_t) inside;
	_Atomic(uint64_t) inits, exits;
};

struct item {
	struct heddle_task task; /* first, so that it leads to the item */
	struct donating *all;
	bool is_counted; /* a task of the capped group */
	uint32_t sleep_us;
	_Atomic(uint32_t) runs;
};

static int on_init(struct heddle_pool *pool, uint32_t index, void *arg)
{
	struct donating *all = arg;

	(void)pool;
	(void)index;
	atomic_fetch_add_explicit(&all->inits, 1, memory_order_relaxed);
	return 0;
}

static void on_exit_hook(struct heddle_pool *pool, uint32_t index, void *arg)
{
	struct donating *all = arg;

	(void)pool;
	(void)index;
	atomic_fetch_add_explicit(&all->exits, 1, memory_order_relaxed);
}

static void run_item(struct heddle_task *task)
{
	struct item *item = (struct item *)(void *)task;
	struct donating *all = item->all;
	uint32_t now;

	if (item->is_counted) {
		now = atomic_fetch_add_explicit(&all->inside, 1,
						memory_order_relaxed) +
		      1;
		if (now > CAP)
			ht_violation(all->run, HT_CAP, "%u tasks, a cap of %u",
				     now, (uint32_t)CAP);
	}
	atomic_fetch_add_explicit(&item->runs, 1, memory_order_relaxed);
	if (item->sleep_us)
		ht_sleep_us(item->sleep_us);
	if (item->is_counted)
		atomic_fetch_sub_explicit(&all->inside, 1,
					  memory_order_relaxed);
}

static uint64_t from_now(uint64_t ns)
{
	return ht_now() + ns;
}

static void submit_and_join(struct ht_actor *actor, struct item *items)
{
	struct donating *all = actor->data;
	struct ht_random *random = &actor->random;
	uint32_t i, runs;
	int rc;

	for (i = 0; i < ITEMS; i++) {
		items[i] = (struct item){
			.task = HEDDLE_TASK_INIT(run_item),
			.all = all,
			.is_counted = ht_random_chance(random, 2),
			.sleep_us = ht_random_chance(random, 8)
					    ? ht_random_below(random, 100)
					    : 0,
		};
		ht_expect(actor->run, "heddle_submit",
			  heddle_submit(items[i].is_counted ? all->capped
							    : all->serial,
					&items[i].task));
	}
	for (i = 0; i < ITEMS; i++) {
		rc = heddle_join(&items[i].task,
				 ht_random_chance(random, 4) ? HEDDLE_JOIN_HELP
							     : 0,
				 from_now(LONG_S * UINT64_C(1000000000)));
		runs = atomic_load_explicit(&items[i].runs,
					    memory_order_relaxed); /* joined */
		if (rc == -ETIMEDOUT)
			ht_violation(actor->run, HT_LOST,
				     "a task did not run in %d s", LONG_S);
		else
			ht_expect(actor->run, "heddle_join", rc);
		if (rc == -ETIMEDOUT) /* its memory is the pool's still */
			rc = heddle_join(&items[i].task, 0, HEDDLE_FOREVER);
		if (!rc && runs > 1)
			ht_violation(actor->run, HT_DUP, "a task ran %u times",
				     runs);
	}
	atomic_fetch_add_explicit(&actor->run->tasks, ITEMS,
				  memory_order_relaxed);
}

static void submitter_body(struct ht_actor *actor)
{
	struct item *items = ht_alloc(ITEMS, sizeof(*items));

	while (ht_actor_step(actor)) {
		ht_actor_doing(actor, "submitting and joining");
		submit_and_join(actor, items);
	}
	free(items);
}

/* What a run may say. It is stopped when workers are. */
static void check_run(struct ht_actor *actor, int rc)
{
	if (rc == -ETIMEDOUT || rc == -ESHUTDOWN)
		atomic_fetch_add_explicit(&actor->run->near, 1,
					  memory_order_relaxed); /* a count */
	else
		ht_expect(actor->run, "heddle_pool_run", rc);
}

static void donor_body(struct ht_actor *actor)
{
	static const uint32_t mode[] = { HEDDLE_RUN_ONE, HEDDLE_RUN_UNTIL_IDLE,
					 HEDDLE_RUN_UNTIL_STOPPED };
	struct donating *all = actor->data;

	while (ht_actor_step(actor)) {
		uint32_t which = ht_random_below(&actor->random, 3);
		uint64_t ns = ht_random_below(&actor->random, 2000000);

		ht_actor_doing(actor, "in a run");
		check_run(actor, heddle_pool_run(all->pool, mode[which],
						 from_now(ns)));
		ht_sleep_us(ht_random_below(&actor->random, 500));
	}
}

static void loop_body(struct ht_actor *actor)
{
	struct donating *all = actor->data;
	struct pollfd watched = { .fd = all->fd, .events = POLLIN };

	while (ht_actor_step(actor)) {
		ht_actor_doing(actor, "polling");
		/* Behind the end nobody writes any more. */
		if (poll(&watched, 1, 100) != 1)
			continue;
		ht_actor_doing(actor, "in a run until idle");
		check_run(actor,
			  heddle_pool_run(all->pool, HEDDLE_RUN_UNTIL_IDLE,
					  HEDDLE_FOREVER));
	}
}

/* Workers come and go; the twin's cap goes up, and nobody tells who counts. */
static void control(struct donating *all)
{
	struct ht_actor *self = &all->run->actors[0];
	struct ht_random *random = &self->random;

	if (all->run->is_busted)
		heddle_group_set_cap(all->capped, CAP + 2, NULL);
	while (ht_actor_step(self) && !ht_stress_over(all->run)) {
		uint32_t n = ht_random_below(random, 3);

		if (ht_random_chance(random, 2)) {
			ht_actor_doing(self, "starting workers");
			ht_expect(all->run, "heddle_pool_start",
				  heddle_pool_start(all->pool, n, NULL,
						    HEDDLE_FOREVER));
		} else {
			ht_actor_doing(self, "stopping workers");
			ht_expect(all->run, "heddle_pool_stop",
				  heddle_pool_stop(
					  all->pool, n,
					  HEDDLE_R1_LEFT +
						  ht_random_below(random, 4),
					  NULL, HEDDLE_FOREVER));
		}
		ht_sleep_us(ht_random_below(random, 3000));
	}
}

static void end(struct donating *all)
{
	struct ht_stress *run = all->run;
	uint64_t inits, exits;

	/* The submitters' last tasks are for workers: the lent threads leave. */
	ht_expect(run, "heddle_pool_start",
		  heddle_pool_start(all->pool, 1, NULL, HEDDLE_FOREVER));
	ht_actors_join(run);
	ht_stress_rest(run, all->pool);
	ht_stress_watch(run, NULL);
	ht_expect(run, "heddle_pool_destroy",
		  heddle_pool_destroy(all->pool, HEDDLE_R4_CLEAN, NULL,
				      HEDDLE_FOREVER));
	inits = atomic_load_explicit(&all->inits, memory_order_relaxed);
	exits = atomic_load_explicit(&all->exits, memory_order_relaxed);
	if (inits != exits)
		ht_violation(run, HT_LEAK, "%ju init hooks, %ju exit hooks",
			     (uintmax_t)inits, (uintmax_t)exits);
}

static bool make(struct donating *all)
{
	struct heddle_pool_options options = {
		.struct_size = sizeof(options),
		.workers_max = WORKERS_MAX,
		.name = "donors",
		.worker_init = on_init,
		.worker_exit = on_exit_hook,
		.hook_arg = all,
	};
	struct heddle_group_options capped = { .struct_size = sizeof(capped),
					       .cap = CAP };
	struct heddle_group_options serial = { .struct_size = sizeof(serial),
					       .order = HEDDLE_ORDER_SERIAL };
	struct heddle_group *root;
	int rc;

	/* A third of the runs: a spare worker beside the lent threads. */
	if (ht_random_chance(&all->run->actors[0].random, 3))
		options.flags = HEDDLE_POOL_ELASTIC;
	rc = heddle_pool_create(&options, &all->pool);
	ht_expect(all->run, "heddle_pool_create", rc);
	if (rc)
		return false;
	root = heddle_pool_group(all->pool);
	ht_expect(all->run, "heddle_group_create",
		  heddle_group_create(root, &capped, &all->capped));
	ht_expect(all->run, "heddle_group_create",
		  heddle_group_create(root, &serial, &all->serial));
	all->fd = heddle_pool_eventfd(all->pool);
	if (all->fd < 0)
		ht_expect(all->run, "heddle_pool_eventfd", all->fd);
	return true;
}

static void body(struct ht_stress *run)
{
	struct donating *all = ht_alloc(1, sizeof(*all));
	uint32_t i;

	all->run = run;
	ht_actor_step(&run->actors[0]);
	if (make(all)) {
		ht_stress_watch(run, all->pool);
		ht_stress_watch_group(run, all->capped);
		ht_stress_watch_group(run, all->serial);
		for (i = 0; i < LOOPS; i++)
			ht_actor_add(run, "loop", loop_body, all);
		for (i = 0; i < DONORS; i++)
			ht_actor_add(run, "donor", donor_body, all);
		for (i = 0; i < SUBMITTERS; i++)
			ht_actor_add(run, "submitter", submitter_body, all);
		control(all);
		end(all);
	}
	free(all);
}

const struct ht_scenario ht_stress_donor = {
	.name = "donors",
	.help = "threads lend themselves to a pool whose workers come and go",
	.twin = "a cap that is raised and not told to who counts",
	.twin_kinds = 1u << HT_CAP,
	.near = "runs that ended at a deadline or by a stop",
	.body = body,
};
