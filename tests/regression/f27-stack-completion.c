/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claims: once a join has returned nobody touches the task any more, so that it
 * may lie in the frame of the joiner; and what is submitted to all while half
 * of the workers are falling asleep reaches all. Method: frames that are
 * overwritten at once and looked at a join later (AddressSanitizer sees the
 * reads as well); as many tasks as workers that wait for each other.
 *
 * fault: F27
 * clause: N1 Q2 C2
 */
#include <pthread.h>
#include <string.h>

#include <heddle/testing.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define WORKERS 4
#define JOINERS 3
#define JOINS   4000
#define ROUNDS  600

static struct heddle_pool *pool;
static _Atomic uint64_t touched, values, arrived, ended;

/* ---- frames ---- */

struct job {
	struct heddle_task task;
	uint64_t value;
};

static void store(struct heddle_task *task)
{
	((struct job *)(void *)task)->value = 77;
}

static bool is_all(const void *bytes, unsigned char value, size_t n)
{
	const unsigned char *byte = bytes;

	while (n--)
		if (*byte++ != value)
			return false;
	return true;
}

/* One join; the frame it leaves behind is full of 0x5a. */
static void join_one(struct job *job)
{
	*job = (struct job){ .task = HEDDLE_TASK_INIT(store) };
	if (heddle_submit(heddle_pool_group(pool), &job->task) ||
	    heddle_join(&job->task, 0, su_in_ms(20000)))
		bail("join");
	if (job->value != 77)
		atomic_fetch_add(&values, 1);
	memset(job, 0x5a, sizeof(*job));
}

static void join_many(void)
{
	struct job job[2];
	int i;

	join_one(&job[0]);
	for (i = 1; i < JOINS; i++) {
		join_one(&job[i % 2]);
		if (!is_all(&job[1 - i % 2], 0x5a, sizeof(*job)))
			atomic_fetch_add(&touched, 1);
	}
}

static void *outside(void *arg)
{
	join_many();
	return arg;
}

static void inside(struct heddle_task *task)
{
	(void)task;
	join_many();
}

static void frames(void)
{
	struct heddle_task task[JOINERS];
	pthread_t thread[JOINERS];
	int i, rc = 0;

	for (i = 0; i < JOINERS; i++)
		rc |= pthread_create(&thread[i], NULL, outside, NULL);
	for (i = 0; !rc && i < JOINERS; i++)
		rc |= pthread_join(thread[i], NULL);
	is_u64(atomic_load(&touched), 0, "touched after a join from outside");
	for (i = 0; i < JOINERS; i++) {
		task[i] = (struct heddle_task)HEDDLE_TASK_INIT(inside);
		rc |= heddle_submit(heddle_pool_group(pool), &task[i]);
	}
	for (i = 0; i < JOINERS; i++)
		rc |= heddle_join(&task[i], 0, HEDDLE_FOREVER);
	is_u64(atomic_load(&touched), 0, "nor after one in a task");
	ok(rc == 0 && atomic_load(&values) == 0, "each join saw the value");
}

/* ---- to all ---- */

static void meet(void *arg)
{
	uint64_t target = *(uint64_t *)arg;

	atomic_fetch_add(&arrived, 1);
	/* No call of the library: who is not here needs no help of ours. */
	if (!su_wait_at_least(&arrived, target, 5000))
		bail("not all meet");
	atomic_fetch_add(&ended, 1);
}

static void nothing(void *arg)
{
	(void)arg;
	atomic_fetch_add(&ended, 1);
}

static void spin(uint64_t ns)
{
	uint64_t end = su_now_ns() + ns;

	while (su_now_ns() < end)
		;
}

static void to_all(const char *how)
{
	struct heddle_group *group = heddle_pool_group(pool);
	static uint64_t target;
	uint64_t sum = 0;
	int i, k;

	atomic_store(&arrived, 0);
	atomic_store(&ended, 0);
	for (i = 1; i <= ROUNDS; i++) {
		/* These make half of them go to sleep about now. */
		for (k = 0; k < WORKERS / 2; k++)
			if (heddle_submit_call(group, nothing, NULL))
				bail("submit");
		sum += WORKERS / 2;
		if (!su_wait_at_least(&ended, sum, 5000))
			bail("the short ones hang");
		spin(tap_random() % 40000);
		target = (uint64_t)i * WORKERS;
		for (k = 0; k < WORKERS; k++)
			if (heddle_submit_call(group, meet, &target))
				bail("submit");
		sum += WORKERS;
		if (!su_wait_at_least(&ended, sum, 10000))
			bail("a broadcast missed somebody");
	}
	ok(atomic_load(&arrived) == (uint64_t)ROUNDS * WORKERS,
	   "%d broadcasts reached all, %s", ROUNDS, how);
}

int main(void)
{
	tap_deadline(110);
	tap_seed();
	pool = su_pool(WORKERS);
	frames();
	to_all("as it is");
	heddle_delay_set(HEDDLE_DELAY_SLEEP, 20000);
	to_all("with a delay before sleep");
	heddle_delay_set(HEDDLE_DELAY_SLEEP, 0);
	su_check_at_rest(pool);
	su_destroy(pool);
	return tap_done();
}
