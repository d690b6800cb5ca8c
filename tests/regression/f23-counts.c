/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: what the counters say is what the threads do: at every pause the
 * count of permits is zero and everybody sleeps. Elsewhere a counter said
 * "running" for a thread that slept, for 28 hours. Method: bursts from two
 * submitters with nested submits and blocking regions, a check after each.
 *
 * fault: F23
 * clause: C3 L1
 * property: P30
 */
#include <pthread.h>
#include <time.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define BURSTS 30
#define TASKS  400

static struct heddle_group *group[3];
static _Atomic uint64_t done;

static void leaf(void *arg)
{
	(void)arg;
	atomic_fetch_add_explicit(&done, 1, memory_order_release);
}

static void body(void *arg)
{
	uintptr_t n = (uintptr_t)arg;

	if (n % 7 == 0) {
		const struct timespec pause = { 0, 20000 };

		heddle_block_begin(HEDDLE_BLOCK_SLEEP, NULL, NULL);
		nanosleep(&pause, NULL);
		heddle_block_end();
	}
	if (heddle_submit_call(group[n % 3], leaf, NULL))
		bail("nested submit");
	atomic_fetch_add_explicit(&done, 1, memory_order_release);
}

static void *submitter(void *arg)
{
	uintptr_t i;

	for (i = 0; i < TASKS; i++)
		if (heddle_submit_call(group[(i + (uintptr_t)arg) % 3], body,
				       (void *)i))
			bail("submit");
	return NULL;
}

int main(void)
{
	struct heddle_group_options options = { .struct_size = sizeof(options),
						.cap = 2 };
	struct heddle_check check = { .struct_size = sizeof(check) };
	struct heddle_pool *pool;
	pthread_t thread;
	int burst;

	tap_deadline(100);
	pool = su_pool(3);
	group[0] = heddle_pool_group(pool);
	if (heddle_group_create(group[0], &options, &group[1]) ||
	    heddle_group_create(group[1], &options, &group[2]))
		bail("groups");
	for (burst = 1; burst <= BURSTS; burst++) {
		if (pthread_create(&thread, NULL, submitter, NULL))
			bail("thread");
		submitter((void *)1);
		pthread_join(thread, NULL);
		if (!su_wait_at_least(&done, (uint64_t)burst * 2 * TASKS * 2,
				      10000))
			bail("burst %d: %llu done", burst,
			     (unsigned long long)done);
		if (!su_check_at_rest(pool))
			break;
	}
	heddle_check(pool, &check);
	ok(check.wakes <= (uint64_t)BURSTS * 4 * TASKS,
	   "wakes %llu, of them useless %llu, at most one a task",
	   (unsigned long long)check.wakes,
	   (unsigned long long)check.useless_wakes);
	su_destroy(pool);
	return tap_done();
}
