/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heddle three times: tasks on a STATIC pool, tasks on an ELASTIC one, guest
 * threads on an ELASTIC one. The worker hooks carry canaries: a worker's
 * thread-local memory must be as it was left until its last destructor.
 */
#include "papers/P01/backend_heddle.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "papers/P01/hooks.h"
#include "papers/P01/threads.h"

enum kind {
	KIND_STATIC,
	KIND_ELASTIC,
	KIND_GUEST,
};

struct own_pool {
	struct heddle_pool *pool;
	struct heddle_group *group;
	struct heddle_process *process;
};

struct own_task {
	struct heddle_task task; /* first: the library gives it back */
	struct hp_unit *unit;
};

/* In a unit's words. */
union own_unit {
	struct own_task task;
	struct heddle_guest *guest;
};

_Static_assert(sizeof(union own_unit) <= HP_UNIT_WORDS * sizeof(uint64_t),
	       "a unit has room for the back end");

static union own_unit *own(struct hp_unit *unit)
{
	return (union own_unit *)(void *)unit->word;
}

void hp_heddle_must(int rc, const char *call)
{
	if (rc)
		hp_die("%s: %s", call, strerror(-rc));
}

struct heddle_pool *hp_heddle_pool(uint32_t n, size_t stack, uint32_t flags)
{
	struct heddle_pool_options options = {
		.struct_size = sizeof(options),
		.flags = flags,
		.workers_max = n,
		.stack_size = stack,
		.name = "p01",
		.worker_init = hp_hook_init,
		.worker_exit = hp_hook_exit,
	};
	struct heddle_pool *pool;

	hp_heddle_must(heddle_pool_create(&options, &pool),
		       "heddle_pool_create");
	return pool;
}

struct heddle_pool *hp_heddle_of(void *pool)
{
	return ((struct own_pool *)pool)->pool;
}

void hp_heddle_end(struct heddle_pool *pool)
{
	hp_heddle_must(heddle_group_close(heddle_pool_group(pool),
					  HEDDLE_CLOSE_DRAIN, HEDDLE_FOREVER),
		       "heddle_group_close");
	hp_heddle_must(heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL,
					   HEDDLE_FOREVER),
		       "heddle_pool_destroy");
}

static void *create(const struct hp_setup *setup, enum kind kind)
{
	struct own_pool *pool = calloc(1, sizeof(*pool));
	struct heddle_group_options group = {
		.struct_size = sizeof(group),
		.cap = setup->cap,
	};
	struct heddle_process_options process = {
		.struct_size = sizeof(process),
		.threads_max = setup->size,
		.cap = setup->cap,
	};

	if (!pool)
		return NULL;
	pool->pool =
		hp_heddle_pool(setup->size, setup->stack,
			       kind == KIND_STATIC ? 0 : HEDDLE_POOL_ELASTIC);
	pool->group = heddle_pool_group(pool->pool);
	if (kind == KIND_GUEST)
		hp_heddle_must(heddle_process_create(pool->pool, &process,
						     &pool->process),
			       "heddle_process_create");
	else if (setup->cap)
		hp_heddle_must(heddle_group_create(pool->group, &group,
						   &pool->group),
			       "heddle_group_create");
	return pool;
}

static void *create_static(const struct hp_setup *setup)
{
	return create(setup, KIND_STATIC);
}

static void *create_elastic(const struct hp_setup *setup)
{
	return create(setup, KIND_ELASTIC);
}

static void *create_guest(const struct hp_setup *setup)
{
	return create(setup, KIND_GUEST);
}

static int start(void *arg, uint32_t n)
{
	struct own_pool *pool = arg;

	return heddle_pool_start(pool->pool, n, NULL, HEDDLE_FOREVER);
}

static void run_task(struct heddle_task *task)
{
	struct hp_unit *unit = ((struct own_task *)(void *)task)->unit;

	unit->fn(unit);
}

static int32_t run_guest(void *arg)
{
	struct hp_unit *unit = arg;

	unit->fn(unit);
	return 0;
}

static int submit(void *arg, struct hp_unit *unit)
{
	struct own_pool *pool = arg;
	struct own_task *task = &own(unit)->task;

	memset(task, 0, sizeof(*task));
	task->task.fn = run_task;
	task->task.flags = unit->detached ? HEDDLE_TASK_DETACHED : 0;
	task->unit = unit;
	return heddle_submit(pool->group, &task->task);
}

static int spawn(void *arg, struct hp_unit *unit)
{
	struct own_pool *pool = arg;
	struct heddle_guest_options options = {
		.struct_size = sizeof(options),
		.flags = unit->detached ? HEDDLE_GUEST_DETACHED : 0,
		.fn = run_guest,
		.arg = unit,
	};

	return heddle_guest_spawn(pool->process, &options, &own(unit)->guest,
				  HEDDLE_FOREVER);
}

static void join_task(void *arg, struct hp_unit *unit)
{
	(void)arg;
	hp_heddle_must(heddle_join(&own(unit)->task.task, 0, HEDDLE_FOREVER),
		       "heddle_join");
}

static void join_guest(void *arg, struct hp_unit *unit)
{
	(void)arg;
	hp_heddle_must(heddle_guest_join(own(unit)->guest, HEDDLE_R0_QUIET,
					 HEDDLE_FOREVER),
		       "heddle_guest_join");
}

static int shrink(void *arg, uint32_t n)
{
	struct own_pool *pool = arg;

	return heddle_pool_stop(pool->pool, n, HEDDLE_R3_GONE, NULL,
				HEDDLE_FOREVER);
}

static uint32_t registry(void *arg)
{
	struct own_pool *pool = arg;
	int n = heddle_workers(pool->pool, NULL, 0);

	hp_heddle_must(n < 0 ? n : 0, "heddle_workers");
	return (uint32_t)n;
}

static void shutdown_pool(void *arg)
{
	struct own_pool *pool = arg;

	if (pool->process)
		hp_heddle_must(heddle_process_destroy(pool->process,
						      HEDDLE_R0_QUIET,
						      HEDDLE_FOREVER),
			       "heddle_process_destroy");
	hp_heddle_end(pool->pool);
	free(pool);
}

const struct hp_backend hp_heddle_static = {
	.name = "heddle-static",
	.about = "tasks on workers that come and go by start and stop only",
	.is_ours = true,
	.grows_by_call = true,
	.create = create_static,
	.start = start,
	.run = submit,
	.wait = join_task,
	.shrink = shrink,
	.registry = registry,
	.shutdown = shutdown_pool,
};

const struct hp_backend hp_heddle_elastic = {
	.name = "heddle-elastic",
	.about = "tasks on workers made when none is idle",
	.is_ours = true,
	.create = create_elastic,
	.start = start,
	.run = submit,
	.wait = join_task,
	.shrink = shrink,
	.registry = registry,
	.shutdown = shutdown_pool,
};

const struct hp_backend hp_heddle_guest = {
	.name = "heddle-guest",
	.about = "guest threads on recycled workers",
	.is_ours = true,
	.create = create_guest,
	.start = start,
	.run = spawn,
	.wait = join_guest,
	.shrink = shrink,
	.registry = registry,
	.shutdown = shutdown_pool,
};
