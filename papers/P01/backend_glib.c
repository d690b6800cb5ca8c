/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GLib's GThreadPool. Its threads come from a list that all pools share and go
 * back to it, where they stay for 15 s; stop_unused_threads empties the list.
 */
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>

#include "papers/P01/backend.h"
#include "papers/P01/threads.h"

/* In a unit's words. */
struct own_unit {
	struct hp_event done;
};

_Static_assert(sizeof(struct own_unit) <= HP_UNIT_WORDS * sizeof(uint64_t),
	       "a unit has room for the back end");

static struct own_unit *own(struct hp_unit *unit)
{
	return (struct own_unit *)(void *)unit->word;
}

static void run_unit(gpointer data, gpointer unused)
{
	struct hp_unit *unit = data;

	(void)unused;
	unit->fn(unit);
	if (!unit->detached)
		hp_event_set(&own(unit)->done);
}

static void *create(const struct hp_setup *setup)
{
	/* Stacks: the process's limit, which the driver has set. */
	return g_thread_pool_new(run_unit, NULL, (gint)setup->size, FALSE,
				 NULL);
}

static int run(void *pool, struct hp_unit *unit)
{
	GError *error = NULL;

	if (!unit->detached)
		hp_event_init(&own(unit)->done);
	if (!g_thread_pool_push(pool, unit, &error))
		hp_die("glib: %s", error ? error->message : "push failed");
	return 0;
}

static void wait_unit(void *pool, struct hp_unit *unit)
{
	(void)pool;
	hp_event_wait(&own(unit)->done);
}

static uint32_t registry(void *pool)
{
	return g_thread_pool_get_num_threads(pool);
}

static void shutdown_pool(void *pool)
{
	g_thread_pool_free(pool, FALSE, TRUE);
}

static void settle(void)
{
	g_thread_pool_stop_unused_threads();
}

static const char *version(void)
{
	static char text[32];

	snprintf(text, sizeof(text), "%u.%u.%u", glib_major_version,
		 glib_minor_version, glib_micro_version);
	return text;
}

const struct hp_backend hp_glib = {
	.name = "glib",
	.about = "GThreadPool, not exclusive, freed with wait",
	.create = create,
	.run = run,
	.wait = wait_unit,
	.registry = registry,
	.shutdown = shutdown_pool,
	.settle = settle,
	.version = version,
};
