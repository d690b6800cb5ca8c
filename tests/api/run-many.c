/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Donated threads that come and go beside everything else, at random: starts and stops,
 * changes of caps, joins that help, regions and joins in tasks. Every task runs once, no
 * cap is exceeded, every call returns what it may, and at rest every invariant holds.
 *
 * Method: gauges in the tasks, raised before and lowered behind what they do; a setter
 * that tells the gauges a raise before, and a lowering after its ticket. Donors leave
 * again and again, by deadline, by idleness, by a stop. At the end one run alone must
 * find nothing that was left behind.
 *
 * clause: S2 C1 C2 C3 C6 B1 D1 D5 N3 Q1
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define LONG_MS    30000
#define DONORS     4
#define SUBMITTERS 2
#define GROUPS     3

static struct heddle_pool *pool;
static struct heddle_group *group[GROUPS];
static _Atomic uint64_t submitted, called, donated_calls, bad, over, stop_all;
static _Thread_local bool is_donor;

/* How many are inside, and how many may be. */
static struct gauge {
	_Atomic uint32_t now, may;
} gauge[GROUPS];

static uint64_t next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void complain(const char *what, int rc)
{
	if (atomic_fetch_add(&bad, 1) < 5)
		diag("%s: %d", what, rc);
}

static void enter(uint32_t g)
{
	if (atomic_fetch_add(&gauge[g].now, 1) + 1 > atomic_load(&gauge[g].may))
		atomic_fetch_add(&over, 1);
}

static void leave(uint32_t g)
{
	atomic_fetch_sub(&gauge[g].now, 1);
}

/* Group 0 is the root, above the others. */
static void both(uint32_t g, void (*change)(uint32_t g))
{
	if (g)
		change(0);
	change(g);
}

struct item {
	struct heddle_task task;
	uint32_t group;
	uint64_t dice;
};

static void little(struct heddle_task *task)
{
	struct item *item = (struct item *)(void *)task;

	atomic_fetch_add(&called, 1);
	(void)item;
}

static void body(struct heddle_task *task)
{
	struct item *item = (struct item *)(void *)task;
	struct item child = { .task = HEDDLE_TASK_INIT(little),
			      .group = item->group };

	both(item->group, enter);
	atomic_fetch_add(&called, 1);
	if (is_donor)
		atomic_fetch_add(&donated_calls, 1);
	both(item->group, leave);
	if (item->dice % 8 == 0) {
		heddle_block_begin(HEDDLE_BLOCK_OTHER, NULL, NULL);
		sched_yield();
		heddle_block_end();
		both(item->group, enter);
		both(item->group, leave);
	}
	/* Not in the SERIAL group, where it would stand behind itself. */
	if (item->dice % 8 == 1 && item->group != 2 &&
	    heddle_submit(group[item->group], &child.task) == 0) {
		int rc = heddle_join(&child.task, 0, HEDDLE_FOREVER);

		atomic_fetch_add(&submitted, 1);
		if (rc)
			complain("join in a task", rc);
	}
}

struct actor {
	pthread_t thread;
	uint64_t seed, rounds;
};

/* ---- who lends itself ---- */

static void *lends(void *arg)
{
	static const uint32_t mode[] = { HEDDLE_RUN_ONE, HEDDLE_RUN_UNTIL_IDLE,
					 HEDDLE_RUN_UNTIL_STOPPED };
	struct actor *actor = arg;

	is_donor = true;
	while (!atomic_load(&stop_all)) {
		uint64_t dice = next(&actor->seed);
		uint64_t deadline = su_now_ns() + dice / 64 % 300000;
		int rc = heddle_pool_run(pool, mode[dice % 3], deadline);

		actor->rounds++;
		if (rc && rc != -ETIMEDOUT && rc != -ESHUTDOWN)
			complain("run", rc);
	}
	return NULL;
}

/* ---- who submits, and joins, with help or without ---- */

static void *submits(void *arg)
{
	struct actor *actor = arg;
	struct item item[16];
	uint32_t i;

	while (!atomic_load(&stop_all)) {
		uint64_t dice = next(&actor->seed);

		for (i = 0; i < 16; i++) {
			int rc;

			item[i] = (struct item){
				.task = HEDDLE_TASK_INIT(body),
				.group = (uint32_t)(dice >> i) % GROUPS,
				.dice = next(&actor->seed),
			};
			rc = heddle_submit(group[item[i].group], &item[i].task);
			if (rc)
				complain("submit", rc);
			else
				atomic_fetch_add(&submitted, 1);
		}
		for (i = 16; i-- > 0;) {
			int rc = heddle_join(&item[i].task,
					     dice >> 40 & 1 ? HEDDLE_JOIN_HELP
							    : 0,
					     su_in_ms(LONG_MS));

			if (rc)
				complain("join", rc);
			if (rc == -ETIMEDOUT)
				bail("a task is lost");
		}
		actor->rounds++;
	}
	return NULL;
}

/* ---- who changes caps ---- */

static void *sets(void *arg)
{
	struct actor *actor = arg;

	while (!atomic_load(&stop_all)) {
		uint64_t dice = next(&actor->seed);
		uint32_t g = (uint32_t)(dice % 2), cap = 1 + dice / 2 % 4;
		uint32_t most = g ? 4 : 3; /* workers_max bounds the root */
		struct heddle_ticket ticket;
		int rc;

		if (cap > most)
			cap = most;
		if (cap > atomic_load(&gauge[g].may))
			atomic_store(&gauge[g].may, cap);
		rc = heddle_group_set_cap(group[g], cap, &ticket);
		if (rc)
			complain("set", rc);
		rc = heddle_group_wait(ticket, su_in_ms(LONG_MS));
		if (rc)
			complain("the change", rc);
		else
			atomic_store(&gauge[g].may, cap);
		actor->rounds++;
		sched_yield();
	}
	return NULL;
}

/* ---- who starts and stops ---- */

static void *controls(void *arg)
{
	struct actor *actor = arg;

	while (!atomic_load(&stop_all)) {
		uint64_t dice = next(&actor->seed);
		int rc;

		if (dice & 1)
			rc = heddle_pool_start(pool, dice / 2 % 3, NULL,
					       su_in_ms(LONG_MS));
		else
			rc = heddle_pool_stop(
				pool, dice / 2 % 3,
				(enum heddle_level)(1 + dice / 8 % 4), NULL,
				su_in_ms(LONG_MS));
		if (rc)
			complain(dice & 1 ? "start" : "stop", rc);
		actor->rounds++;
		sched_yield();
	}
	return NULL;
}

static void begin(struct actor *actor, void *(*fn)(void *))
{
	*actor = (struct actor){ .seed = tap_random() | 1 };
	if (pthread_create(&actor->thread, NULL, fn, actor))
		bail("thread");
}

/* The submitters need somebody until their last task has run. */
static void run_until_joined(struct actor *actor, uint32_t n)
{
	while (n) {
		struct timespec soon;

		heddle_pool_run(pool, HEDDLE_RUN_UNTIL_IDLE, HEDDLE_FOREVER);
		clock_gettime(CLOCK_REALTIME, &soon);
		soon.tv_nsec += 1000000;
		if (soon.tv_nsec >= 1000000000) {
			soon.tv_sec++;
			soon.tv_nsec -= 1000000000;
		}
		if (pthread_timedjoin_np(actor[n - 1].thread, NULL, &soon) == 0)
			n--;
	}
}

static void watch(void)
{
	uint64_t until = su_now_ns() + (uint64_t)(tap_seconds(1) * 1e9);
	struct heddle_check check = { .struct_size = sizeof(check) };
	uint32_t i;

	while (su_now_ns() < until) {
		int rc = heddle_check(pool, &check);

		/* A submit under way is no motion of the pool: see its page. */
		for (i = 0; i < check.violations && i < 8; i++)
			if (strcmp(check.violation[i].name, "stranded-task") &&
			    strcmp(check.violation[i].name, "ready-bit"))
				complain(check.violation[i].detail, rc);
		sched_yield();
	}
}

static void together(uint32_t flags, bool with_control, const char *name)
{
	struct heddle_pool_options o = {
		.struct_size = sizeof(o),
		.workers_max = 3,
		.blocked_max = flags & HEDDLE_POOL_ELASTIC ? 3 : 0,
		.flags = flags
	};
	struct actor actor[DONORS + SUBMITTERS + 2];
	uint64_t runs = 0;
	uint32_t i, n = 0;
	int rc;

	if (heddle_pool_create(&o, &pool))
		bail("pool");
	tap_on_deadline(su_dump, pool);
	atomic_store(&submitted, 0);
	atomic_store(&called, 0);
	atomic_store(&donated_calls, 0);
	atomic_store(&bad, 0);
	atomic_store(&over, 0);
	atomic_store(&stop_all, 0);
	group[0] = heddle_pool_group(pool);
	group[1] =
		su_group(group[0], (struct heddle_group_options){ .cap = 2 });
	group[2] = su_group(group[0], (struct heddle_group_options){
					      .order = HEDDLE_ORDER_SERIAL });
	atomic_store(&gauge[0].may, 3);
	atomic_store(&gauge[1].may, 2);
	atomic_store(&gauge[2].may, 1);
	for (i = 0; i < DONORS; i++)
		begin(&actor[n++], lends);
	for (i = 0; i < SUBMITTERS; i++)
		begin(&actor[n++], submits);
	begin(&actor[n++], sets);
	if (with_control)
		begin(&actor[n++], controls);
	watch();
	atomic_store(&stop_all, 1);
	run_until_joined(&actor[DONORS], SUBMITTERS);
	for (i = 0; i < n; i++) {
		if (i < DONORS || i >= DONORS + SUBMITTERS)
			pthread_join(actor[i].thread, NULL);
		if (i < DONORS)
			runs += actor[i].rounds;
	}
	rc = heddle_pool_run(pool, HEDDLE_RUN_UNTIL_IDLE, HEDDLE_FOREVER);
	ok(rc == 0 && atomic_load(&called) == atomic_load(&submitted),
	   "%s: %lu tasks of %lu ran, %lu of them on %lu runs", name,
	   (unsigned long)atomic_load(&called),
	   (unsigned long)atomic_load(&submitted),
	   (unsigned long)atomic_load(&donated_calls), (unsigned long)runs);
	ok(atomic_load(&donated_calls) > 0 && runs > DONORS,
	   "donated threads came and went");
	is_u64(atomic_load(&over), 0, "caps were exceeded");
	is_u64(atomic_load(&bad), 0, "calls that returned what they must not");
	su_check_at_rest(pool);
	su_destroy(pool);
}

int main(void)
{
	together(0, false, "donated threads alone");
	together(0, true, "STATIC");
	together(HEDDLE_POOL_ELASTIC, true, "ELASTIC");
	return tap_done();
}
