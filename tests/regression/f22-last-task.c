/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: a task starts without any later call: submit one, then nothing. A
 * hand-shake elsewhere left an item until the next one came. Method: single
 * submits at random moments around the worker's way to sleep; the waiter makes
 * no call of the library.
 *
 * fault: F22 F29
 * clause: C2
 */
#include <sched.h>

#include <heddle/testing.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

static _Atomic uint64_t done;

static void count(void *arg)
{
	(void)arg;
	atomic_fetch_add_explicit(&done, 1, memory_order_release);
}

static void spin(uint64_t ns)
{
	uint64_t end = su_now_ns() + ns;

	while (su_now_ns() < end)
		;
}

static uint64_t stranded(struct heddle_group *group, int n)
{
	uint64_t before = done, bad = 0;
	int i;

	for (i = 1; i <= n && !bad; i++) {
		spin(tap_random() % 30000);
		if (heddle_submit_call(group, count, NULL))
			bail("submit");
		bad += !su_wait_at_least(&done, before + (uint64_t)i, 5000);
	}
	return bad;
}

static void one(uint32_t flags, uint32_t workers, uint32_t cap)
{
	struct heddle_pool_options options = { .struct_size = sizeof(options),
					       .flags = flags,
					       .workers_max = workers,
					       .cap = cap };
	struct heddle_group_options leaf = { .struct_size = sizeof(leaf),
					     .cap = 1 };
	struct heddle_pool *pool = su_pool_with(&options, 1);
	struct heddle_group *group;

	if (heddle_group_create(heddle_pool_group(pool), &leaf, &group))
		bail("group");
	is_u64(stranded(heddle_pool_group(pool), 3000), 0,
	       "root, %u workers, cap %u, %s", workers, cap,
	       flags ? "ELASTIC" : "STATIC");
	heddle_delay_set(HEDDLE_DELAY_SLEEP, 20000);
	is_u64(stranded(group, 1500), 0, "leaf, with a delay before sleep");
	heddle_delay_set(HEDDLE_DELAY_SLEEP, 0);
	su_check_at_rest(pool);
	su_destroy(pool);
}

/*
 * A submit may rely on a look that a worker has still to make on its way to
 * sleep. Who checks meanwhile must not take the task for a stranded one.
 */
static void relied_on(void)
{
	struct heddle_pool *pool = su_pool(1);
	uint64_t waited = 0, wrong = 0, before;
	int i;

	heddle_delay_set(HEDDLE_DELAY_SLEEP, 3000000);
	for (i = 0; i < 100; i++) {
		struct heddle_check check = { .struct_size = sizeof(check) };

		before = done;
		if (heddle_submit_call(heddle_pool_group(pool), count, NULL) ||
		    !su_wait_at_least(&done, before + 1, 5000))
			bail("the first task does not run");
		spin(200000 + tap_random() % 2000000);
		if (heddle_submit_call(heddle_pool_group(pool), count, NULL))
			bail("submit");
		wrong += heddle_check(pool, &check) != 0;
		waited += check.tasks_queued != 0;
		if (!su_wait_at_least(&done, before + 2, 5000))
			bail("the second task does not run");
	}
	heddle_delay_set(HEDDLE_DELAY_SLEEP, 0);
	is_u64(wrong, 0, "no task is called stranded that a look will find");
	ok(waited > 10, "%llu of 100 did wait for one",
	   (unsigned long long)waited);
	su_destroy(pool);
}

int main(void)
{
	cpu_set_t one_cpu;

	tap_deadline(100);
	one(0, 1, 1);
	one(0, 2, 1);
	one(HEDDLE_POOL_ELASTIC, 4, 2);
	relied_on();
	/* On one CPU the races of sleep and wake look different. */
	CPU_ZERO(&one_cpu);
	CPU_SET((size_t)sched_getcpu(), &one_cpu);
	ok(sched_setaffinity(0, sizeof(one_cpu), &one_cpu) == 0, "one CPU");
	one(0, 2, 2);
	return tap_done();
}
