/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread for each unit, made when it is submitted and joined when it is
 * waited for: no pool at all, and so the reference for both costs and
 * cleanliness. Its limit is the system's.
 */
#include <pthread.h>
#include <stdlib.h>

#include "papers/P01/backend.h"
#include "papers/P01/threads.h"

struct own_pool {
	size_t stack;
	struct hp_unit *units; /* not yet joined; only the driver's thread */
	uint32_t alive;
};

/* In a unit's words. */
struct own_unit {
	pthread_t thread;
	struct hp_unit *next;
	struct hp_unit *previous;
};

_Static_assert(sizeof(struct own_unit) <= HP_UNIT_WORDS * sizeof(uint64_t),
	       "a unit has room for the back end");

static struct own_unit *own(struct hp_unit *unit)
{
	return (struct own_unit *)(void *)unit->word;
}

static void *run_unit(void *arg)
{
	struct hp_unit *unit = arg;

	unit->fn(unit);
	return NULL;
}

static void *create(const struct hp_setup *setup)
{
	struct own_pool *pool = calloc(1, sizeof(*pool));

	if (pool)
		pool->stack = setup->stack;
	return pool;
}

static int run(void *arg, struct hp_unit *unit)
{
	struct own_pool *pool = arg;
	int rc;

	rc = hp_thread_create(&own(unit)->thread, pool->stack, run_unit, unit);
	if (rc)
		return rc;
	own(unit)->previous = NULL;
	own(unit)->next = pool->units;
	if (pool->units)
		own(pool->units)->previous = unit;
	pool->units = unit;
	pool->alive++;
	return 0;
}

static void wait_unit(void *arg, struct hp_unit *unit)
{
	struct own_pool *pool = arg;

	pthread_join(own(unit)->thread, NULL);
	if (own(unit)->previous)
		own(own(unit)->previous)->next = own(unit)->next;
	else
		pool->units = own(unit)->next;
	if (own(unit)->next)
		own(own(unit)->next)->previous = own(unit)->previous;
	pool->alive--;
}

static void drain(void *arg)
{
	struct own_pool *pool = arg;

	while (pool->units)
		wait_unit(pool, pool->units);
}

static uint32_t registry(void *arg)
{
	struct own_pool *pool = arg;

	return pool->alive;
}

static void shutdown_pool(void *arg)
{
	drain(arg);
	free(arg);
}

const struct hp_backend hp_pthread = {
	.name = "pthread",
	.about = "a thread per task, joined",
	.create = create,
	.run = run,
	.wait = wait_unit,
	.registry = registry,
	.shutdown = shutdown_pool,
};
