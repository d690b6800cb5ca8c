/* SPDX-License-Identifier: BSD-2-Clause */
/* A pool that is looked at, and the demo's load; see watched.h. */
#include "tools/watched.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/say.h"

#define DEMO_WORKERS 3
#define DEMO_GROUPS  4
#define CHAINS       4 /* tasks of a group that follow themselves */

enum {
	DEMO_WEB,
	DEMO_BATCH,
	DEMO_LOG,
	DEMO_LATER
};

struct ht_demo {
	struct heddle_pool *pool;
	struct heddle_group *group[DEMO_GROUPS];
	_Atomic bool stop;
};

static void pause_ns(long ns)
{
	const struct timespec time = { .tv_nsec = ns };

	nanosleep(&time, NULL);
}

static void spin_ns(uint64_t ns)
{
	uint64_t end = ht_now() + ns;

	while (ht_now() < end)
		;
}

/* The next one of its chain. At a full queue or a closed group the chain ends. */
static void again(struct ht_demo *demo, int group, heddle_call_fn fn)
{
	if (!atomic_load_explicit(&demo->stop,
				  memory_order_relaxed)) /* only a hint */
		heddle_submit_call(demo->group[group], fn, demo);
}

static void web(void *arg)
{
	spin_ns(300000);
	heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL);
	pause_ns(4000000);
	heddle_block_end();
	again(arg, DEMO_WEB, web);
}

static void batch(void *arg)
{
	spin_ns(1500000);
	pause_ns(500000);
	again(arg, DEMO_BATCH, batch);
}

static void log_line(void *arg)
{
	spin_ns(50000);
	pause_ns(2000000);
	again(arg, DEMO_LOG, log_line);
}

static void later(void *arg)
{
	(void)arg;
}

/* Two classes that compete, one SERIAL group, one that is paused. */
static int demo_groups(struct ht_demo *demo)
{
	struct heddle_group *root = heddle_pool_group(demo->pool);
	const struct heddle_group_options options[DEMO_GROUPS] = {
		[DEMO_WEB] = { .name = "web", .cap = 2, .weight = 3 },
		[DEMO_BATCH] = { .name = "batch", .cap = 1 },
		[DEMO_LOG] = { .name = "log", .order = HEDDLE_ORDER_SERIAL },
		[DEMO_LATER] = { .name = "later",
				 .flags = HEDDLE_GROUP_PAUSED },
	};
	int i, rc = 0;

	for (i = 0; i < DEMO_GROUPS && rc == 0; i++) {
		struct heddle_group_options one = options[i];

		one.struct_size = sizeof(one);
		rc = heddle_group_create(root, &one, &demo->group[i]);
	}
	return rc;
}

static int demo_load(struct ht_demo *demo)
{
	static const heddle_call_fn call[DEMO_GROUPS] = { web, batch, log_line,
							  later };
	int group, i, rc = 0;

	for (group = 0; group < DEMO_GROUPS; group++)
		for (i = 0; i < CHAINS && rc == 0; i++)
			rc = heddle_submit_call(demo->group[group], call[group],
						demo);
	return rc;
}

/* 0 or -errno */
static int demo_end(struct ht_demo *demo)
{
	int rc = 0;

	atomic_store_explicit(&demo->stop, true,
			      memory_order_relaxed); /* only a hint */
	if (demo->pool)
		rc = heddle_pool_destroy(demo->pool, HEDDLE_R4_CLEAN, NULL,
					 HEDDLE_FOREVER);
	free(demo);
	return rc;
}

static int demo_begin(struct ht_demo **out)
{
	struct heddle_pool_options options = {
		.struct_size = sizeof(options),
		.flags = HEDDLE_POOL_ELASTIC,
		.workers_max = DEMO_WORKERS,
		.blocked_max = 8,
		.name = "demo",
	};
	struct ht_demo *demo = ht_alloc(1, sizeof(*demo));
	int rc = heddle_pool_create(&options, &demo->pool);

	if (rc == 0)
		rc = heddle_pool_start(demo->pool, DEMO_WORKERS, NULL,
				       HEDDLE_FOREVER);
	if (rc == 0)
		rc = demo_groups(demo);
	if (rc == 0)
		rc = demo_load(demo);
	if (rc == 0)
		rc = heddle_pool_publish(demo->pool, NULL);
	if (rc < 0)
		demo_end(demo);
	else
		*out = demo;
	return rc;
}

/* The demo has one pool, and a file is one: there is nothing to choose. */
static bool is_one_choice(const char *who, const char *pool, bool demo)
{
	if (demo && who)
		ht_say("--demo: '%s' is given too", who);
	else if (demo && pool)
		ht_say("--demo: --pool %s is given too", pool);
	else if (pool && strchr(who, '/'))
		ht_say("--pool %s: '%s' is a file and not a process", pool,
		       who);
	else
		return true;
	return false;
}

int ht_watch(struct ht_watched *watched, const char *who, const char *pool,
	     bool demo)
{
	char path[256], *wrong;
	int rc;

	watched->demo = NULL;
	if (!is_one_choice(who, pool, demo))
		return HT_USAGE;
	if (demo) {
		rc = demo_begin(&watched->demo);
		if (rc < 0) {
			ht_say("the demo cannot be started: %s", strerror(-rc));
			return HT_SKIP;
		}
		heddle_pool_published(watched->demo->pool, path, sizeof(path));
		wrong = ht_eye_open(&watched->eye, path);
	} else {
		wrong = ht_eye_find(&watched->eye, who, pool);
	}
	if (!wrong)
		return HT_OK;
	ht_say("%s", wrong);
	free(wrong);
	if (watched->demo)
		demo_end(watched->demo);
	return HT_USAGE;
}

int ht_watch_read(struct ht_watched *watched, struct ht_snapshot *out)
{
	char *wrong;
	int rc = watched->demo ? heddle_pool_publish_update(watched->demo->pool)
			       : 0;

	if (rc < 0) {
		ht_say("the demo's snapshot: %s", strerror(-rc));
		return HT_MISSED;
	}
	wrong = ht_eye_read(&watched->eye, out);
	if (!wrong)
		return HT_OK;
	ht_say("%s", wrong);
	free(wrong);
	return HT_USAGE;
}

int ht_watch_end(struct ht_watched *watched)
{
	int rc = watched->demo ? demo_end(watched->demo) : 0;

	ht_eye_close(&watched->eye);
	if (rc == 0)
		return HT_OK;
	ht_say("the demo's pool did not end: %s", strerror(-rc));
	return HT_MISSED;
}

/* ---- names ---- */

static const char *name_of(const char *const *names, size_t n, uint32_t code)
{
	return code < n && names[code] ? names[code] : "?";
}

#define NAME_OF(names, code) \
 name_of(names, sizeof(names) / sizeof(names[0]), code)

const char *ht_worker_state_name(uint32_t state)
{
	static const char *const names[] = {
		[HEDDLE_WORKER_FREE] = "free",
		[HEDDLE_WORKER_STARTING] = "starting",
		[HEDDLE_WORKER_SEARCHING] = "searching",
		[HEDDLE_WORKER_PARKED] = "parked",
		[HEDDLE_WORKER_RUNNING] = "running",
		[HEDDLE_WORKER_BLOCKED] = "blocked",
		[HEDDLE_WORKER_RETURNING] = "returning",
		[HEDDLE_WORKER_SCRUB] = "scrub",
		[HEDDLE_WORKER_LEAVING] = "leaving",
		[HEDDLE_WORKER_LEFT] = "left",
		[HEDDLE_WORKER_CHANGING] = "changing",
	};

	return NAME_OF(names, state);
}

const char *ht_block_kind_name(uint32_t kind)
{
	static const char *const names[] = {
		[HEDDLE_BLOCK_OTHER] = "other", [HEDDLE_BLOCK_IO] = "io",
		[HEDDLE_BLOCK_LOCK] = "lock",   [HEDDLE_BLOCK_SLEEP] = "sleep",
		[HEDDLE_BLOCK_JOIN] = "join",
	};

	return NAME_OF(names, kind);
}

const char *ht_reason_name(uint32_t reason)
{
	static const char *const names[] = {
		[HEDDLE_REASON_NONE] = "nothing holds it",
		[HEDDLE_REASON_NO_WORK] = "no work",
		[HEDDLE_REASON_PAUSED] = "paused",
		[HEDDLE_REASON_CAP] = "at its cap",
		[HEDDLE_REASON_ANCESTOR] = "cap above",
		[HEDDLE_REASON_CLOSED] = "closed",
		[HEDDLE_REASON_NO_WORKER] = "no worker is free",
		[HEDDLE_REASON_NOT_STARTED] = "the pool has no worker",
		[HEDDLE_REASON_RESERVED] = "reserved by others",
	};

	return NAME_OF(names, reason);
}
