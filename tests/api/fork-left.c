/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread that ends in a task while others run what it has forked: the worker has a
 * successor at once, whose forks are no business of theirs.
 *
 * Method: what is out waits for a task that is submitted afterwards, and that only the
 * successor can run.
 *
 * clause: E5
 */
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include <heddle/forkjoin.h>
#include <heddle/testing.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define ROUNDS 24
#define MS     20000

static struct heddle_pool *pool;
static struct heddle_group *where;
static __thread uint32_t here; /* index of the worker */
static uint32_t left;          /* that of the last one that was left */
static uint32_t times[3];      /* was it left */
static uint32_t tried, used;   /* without memory */
static bool faults;            /* can be made */
static _Atomic uint64_t begun, freed, over, taken;
static _Atomic int in_time;
static int good_values;

static long out(long n);
HEDDLE_FORK_1(long, out, long)

/* One for each, since who runs it writes to it last. */
static struct out_fork fork_out[4 * ROUNDS], *next_out = fork_out;

static long out(long n)
{
	atomic_fetch_add(&begun, 1);
	in_time += su_wait_at_least(&freed, 1, MS);
	atomic_fetch_add(&over, 1);
	return n;
}

static void leave_one_out(struct heddle_task *task)
{
	uint64_t before = begun;

	(void)task;
	(void)out_join; /* nobody does */
	left = here;
	times[here]++;
	out_fork(where, next_out++, 0);
	su_wait_at_least(&begun, before + 1, MS);
	pthread_exit(NULL);
}

static long plain(long n);
HEDDLE_FORK_1(long, plain, long)

static long plain(long n)
{
	atomic_fetch_add(&taken, 1);
	usleep(1000);
	return n + 1;
}

/* Here the slots of the left thread's forks must not be used. */
static void free_them(struct heddle_task *task)
{
	struct plain_fork one = { .value = 0 }, two = { .value = 0 };
	/* It has two stacks then, of which one is free again. */
	bool without_memory = faults && times[left] > 1;

	(void)task;
	if (without_memory)
		heddle_fault_set(HEDDLE_FAULT_MAP, 0, UINT32_MAX, ENOMEM);
	plain_fork(where, &one, 1);
	plain_fork(where, &two, 2);
	tried += without_memory;
	used += without_memory && heddle_forks_->group == where;
	if (without_memory)
		heddle_fault_set(HEDDLE_FAULT_MAP, 0, 0, 0);
	atomic_store(&freed, 1);
	/* By who writes to the slot of what it ran before, if that is the same one. */
	su_wait_at_least(&taken, 1, MS);
	good_values = (plain_join(&two) == 3) + (plain_join(&one) == 2);
}

static int run_task(heddle_task_fn fn)
{
	struct heddle_task task = HEDDLE_TASK_INIT(fn);
	int rc = heddle_submit(where, &task);

	return rc ? rc : heddle_join(&task, 0, HEDDLE_FOREVER);
}

/* As many threads as that are left, one after the other. */
static bool round_of(uint64_t n)
{
	uint64_t i;
	int rc = 0;

	begun = freed = over = taken = 0;
	in_time = 0;
	for (i = 0; i < n && !rc; i++)
		rc = run_task(leave_one_out) != -ECANCELED;
	rc |= run_task(free_them);
	return su_wait_at_least(&over, n, MS) && !rc && in_time == (int)n &&
	       good_values == 2;
}

static int know(struct heddle_pool *of, uint32_t index, void *arg)
{
	(void)of;
	(void)arg;
	here = index;
	return 0;
}

static void make(uint32_t workers)
{
	struct heddle_pool_options options = {
		.struct_size = sizeof(options),
		.workers_max = workers,
		.worker_init = know,
	};

	pool = su_pool_with(&options, workers);
	where = heddle_pool_group(pool);
}

int main(void)
{
	uint32_t i, good = 0;

	tap_deadline(90);
	faults = !heddle_fault_set(HEDDLE_FAULT_MAP, 0, 0, 0);
	make(2);
	for (i = 0; i < ROUNDS && good == i; i++)
		good += round_of(1);
	is_u64(good, ROUNDS, "what only the successor can run is run");
	if (faults)
		ok(tried && used == tried, "stacks are used again: %u of %u",
		   used, tried);
	else
		skip(1, "built without fault points");
	su_check_at_rest(pool);
	su_destroy(pool);
	faults = false;
	make(3);
	for (good = i = 0; i < ROUNDS && good == i; i++)
		good += round_of(2);
	is_u64(good, ROUNDS, "the successor may be left as well");
	su_check_at_rest(pool);
	su_destroy(pool);
	return tap_done();
}
