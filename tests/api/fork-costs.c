/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What forks must not cost: a wake for each of them behind a gate that is shut, and the
 * memory of calls that end their thread.
 *
 * Method: wakes are counted by the pool, and addresses by the kernel.
 *
 * clause: C8 E5
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include <heddle/forkjoin.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define FORKS 200
#define ENDS  100
#define TRIES 10
#define MS    20000

static struct heddle_pool *pool;
static struct heddle_group *where;
static _Atomic uint64_t begun, shut;

/* ---- behind a gate ---- */

static uint64_t wakes(void)
{
	struct heddle_check check = { .struct_size = sizeof(check) };

	heddle_check(pool, &check);
	return check.wakes;
}

static long plain(long n);
HEDDLE_FORK_1(long, plain, long)

static long plain(long n)
{
	return n + 1;
}

static long sum;

static void forks_behind(struct heddle_task *task)
{
	struct plain_fork one, two;
	long i;

	(void)task;
	plain_fork(where, &one, 0);
	plain_join(&one);
	atomic_store(&begun, 1);
	su_wait_at_least(&shut, 1, MS);
	usleep(20000); /* who was awake sleeps now, and has asked */
	for (i = 0; i < FORKS; i++) {
		usleep(500); /* time to wake up, look, ask and sleep again */
		plain_fork(where, &one, i);
		plain_fork(where, &two, -i);
		sum += plain_join(&two) + plain_join(&one);
	}
}

static void gate(void)
{
	struct heddle_task task = HEDDLE_TASK_INIT(forks_behind);
	uint64_t before;

	heddle_submit(where, &task);
	su_wait_at_least(&begun, 1, MS);
	heddle_group_close(where, HEDDLE_CLOSE_QUIESCE, HEDDLE_NOW);
	before = wakes();
	atomic_store(&shut, 1);
	heddle_join(&task, 0, HEDDLE_FOREVER);
	before = wakes() - before;
	is_u64((uint64_t)sum, 2 * FORKS, "forks behind a gate");
	ok(before < FORKS / 10, "wake nobody each time: %u wakes",
	   (unsigned int)before);
	heddle_group_close(where, HEDDLE_CLOSE_RESUME, HEDDLE_FOREVER);
}

/* ---- calls that end their thread ---- */

static struct heddle_group *serial;

/* Compilers need not know that none returns. */
static void (*volatile leave)(void *) = pthread_exit;

HEDDLE_TASK_1(long, ends_inside, long, n)
{
	if (!n) {
		leave(NULL);
		return 0;
	}
	HEDDLE_SPAWN(ends_inside, 1);
	n = HEDDLE_CALL(ends_inside, n - 1);
	return n + HEDDLE_SYNC(ends_inside);
}

/* In a SERIAL group its slots are memory of this thread alone. */
static void runs(struct heddle_task *task)
{
	(void)task;
	HEDDLE_RUN(ends_inside, serial, 2);
}

static uint64_t pages(void)
{
	unsigned long n = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (file && fscanf(file, "%lu", &n) != 1)
		n = 0;
	if (file)
		fclose(file);
	return n;
}

static void ends(int n)
{
	struct heddle_task task;
	int good = 0;

	while (n-- > 0) {
		task = (struct heddle_task)HEDDLE_TASK_INIT(runs);
		heddle_submit(serial, &task);
		good += heddle_join(&task, 0, HEDDLE_FOREVER) == -ECANCELED;
	}
	if (good < 1)
		bail("no thread was left");
}

static void memory(void)
{
	struct heddle_group_options options = {
		.struct_size = sizeof(options),
		.order = HEDDLE_ORDER_SERIAL,
	};
	uint64_t before = 0, after = ENDS * 64;
	int i;

	if (heddle_group_create(where, &options, &serial))
		bail("no group");
	/* A segment is 64 pages of 4 KiB. malloc() may take an arena now and then. */
	for (i = 0; i < TRIES && after >= before + ENDS * 32; i++) {
		before = pages();
		ends(ENDS);
		after = pages();
	}
	ok(after < before + ENDS * 32, "memory comes back: %u, then %u pages",
	   (unsigned int)before, (unsigned int)after);
}

int main(void)
{
	tap_deadline(60);
	pool = su_pool(2);
	where = heddle_pool_group(pool);
	gate();
	memory();
	su_check_at_rest(pool);
	su_destroy(pool);
	return tap_done();
}
