/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GLib's GThreadPool, exclusive. It takes one pointer, so function and
 * argument travel in a malloc'ed pair.
 */
#include "bench/peer.h"

#ifdef HAVE_GLIB
# include <errno.h>
# include <stdio.h>
# include <stdlib.h>

# include <glib.h>

# include "bench/done.h"

struct pair {
	void (*fn)(void *arg);
	void *arg;
};

static void bump(void *arg)
{
	(void)arg;
	hb_done_add();
}

static void call(gpointer data, gpointer user_data)
{
	struct pair *pair = data;

	(void)user_data;
	pair->fn(pair->arg);
	free(pair);
}

static int pool_open(uint32_t workers, uint64_t tasks, void **out)
{
	GThreadPool *pool =
		g_thread_pool_new(call, NULL, (gint)workers, TRUE, NULL);

	(void)tasks;
	if (!pool)
		return -EAGAIN;
	*out = pool;
	return 0;
}

static int pool_put(void *pool, void (*fn)(void *arg), void *arg)
{
	struct pair *pair = malloc(sizeof(*pair));

	if (!pair)
		return -ENOMEM;
	pair->fn = fn;
	pair->arg = arg;
	if (!g_thread_pool_push(pool, pair, NULL)) {
		free(pair);
		return -EAGAIN;
	}
	return 0;
}

static int pool_submit(void *pool, uint64_t first, uint64_t n, uint64_t *again)
{
	int rc = 0;

	(void)first;
	(void)again;
	while (n-- && !rc)
		rc = pool_put(pool, bump, NULL);
	return rc;
}

static int pool_set_cap(void *pool, uint32_t cap)
{
	return g_thread_pool_set_max_threads(pool, (gint)cap, NULL) ? 0
								    : -EAGAIN;
}

static void pool_close(void *pool)
{
	g_thread_pool_free(pool, FALSE, TRUE);
}

static void version(char *text, size_t size)
{
	snprintf(text, size, "%u.%u.%u", glib_major_version, glib_minor_version,
		 glib_micro_version);
}

const struct hb_peer hb_glib = {
	.name = "glib",
	.about = "g_thread_pool_push, exclusive, a malloc'ed pair a task",
	.version = version,
	.open = pool_open,
	.submit = pool_submit,
	.put = pool_put,
	.set_cap = pool_set_cap,
	.close = pool_close,
};
#else
const struct hb_peer hb_glib = {
	.name = "glib",
	.about = "g_thread_pool_push, exclusive, a malloc'ed pair a task",
	.absent = "built without GLib (Debian: libglib2.0-dev)",
};
#endif
