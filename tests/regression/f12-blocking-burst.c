/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: a burst of tasks that block makes no more threads than workers_max +
 * blocked_max, however short they block. Elsewhere short blocking made a pool
 * grow to 255 threads. Method: a thousand tasks in blocking regions, first held
 * there, then ever so short; the kernel's list of threads is counted meanwhile.
 *
 * fault: F12
 * clause: B2
 */
#include <time.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define WORKERS 3
#define BLOCKED 9
#define MOST    (WORKERS + BLOCKED)
#define TASKS   1000

static _Atomic uint64_t inside, most_inside, running;
static _Atomic uint64_t release, done;

static void enter(_Atomic uint64_t *gauge, _Atomic uint64_t *most)
{
	uint64_t now = atomic_fetch_add(gauge, 1) + 1;
	uint64_t seen = atomic_load(most);

	while (now > seen && !atomic_compare_exchange_weak(most, &seen, now))
		;
}

static void begin(void)
{
	if (heddle_block_begin(HEDDLE_BLOCK_SLEEP, NULL, NULL))
		bail("block_begin");
	enter(&inside, &most_inside);
}

static void end(void)
{
	atomic_fetch_sub(&inside, 1);
	if (heddle_block_end())
		bail("block_end");
	atomic_fetch_add(&done, 1);
}

static void held(void *arg)
{
	(void)arg;
	begin();
	su_wait_at_least(&release, 1, 60000);
	end();
}

static void quick(void *arg)
{
	const struct timespec pause = { 0, 20000 };

	(void)arg;
	begin();
	nanosleep(&pause, NULL);
	end();
}

/* No region: this one occupies its worker, until one too many is there. */
static void runs(void *arg)
{
	(void)arg;
	atomic_fetch_add(&running, 1);
	su_wait_at_least(&running, WORKERS + 1, 1000);
	atomic_fetch_add(&done, 1);
}

static void submit(struct heddle_pool *pool, heddle_call_fn fn)
{
	int i;

	for (i = 0; i < TASKS; i++)
		if (heddle_submit_call(heddle_pool_group(pool), fn, NULL))
			bail("submit");
}

/* Most threads beside our own until so many tasks are done, and once at least. */
static uint64_t most_threads(uint64_t until)
{
	uint64_t most = 0, end_ns = su_in_ms(60000);

	do {
		uint64_t now = tap_threads() - 1;

		if (now > most)
			most = now;
		if (su_now_ns() > end_ns)
			bail("the burst hangs");
	} while (atomic_load(&done) < until);
	return most;
}

/* workers_max bounds those that are not blocked, also after the burst. */
static void workers_left(struct heddle_pool *pool)
{
	int i;

	for (i = 0; i < WORKERS + 1; i++)
		if (heddle_submit_call(heddle_pool_group(pool), runs, NULL))
			bail("submit");
	su_wait_at_least(&running, WORKERS, 20000);
	ok(!su_wait_at_least(&running, WORKERS + 1, 500),
	   "afterwards at most %d that do not block run at once", WORKERS);
	su_wait_at_least(&done, 2 * TASKS + WORKERS + 1, 20000);
}

static void burst(uint32_t cap)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .flags = HEDDLE_POOL_ELASTIC,
					 .workers_max = WORKERS,
					 .blocked_max = BLOCKED,
					 .cap = cap };
	struct heddle_check check = { .struct_size = sizeof(check) };
	struct heddle_pool *pool = su_pool_with(&o, 1);
	uint64_t threads;

	atomic_store(&done, 0);
	atomic_store(&release, 0);
	atomic_store(&most_inside, 0);
	submit(pool, held);
	/* Whoever blocks has made its replacement before it is counted. */
	ok(su_wait_at_least(&inside, MOST, 20000),
	   "cap %u: %d tasks come to be blocked", cap, MOST);
	threads = most_threads(0);
	ok(threads == MOST, "and there are as many threads: %lu",
	   (unsigned long)threads);
	heddle_check(pool, &check);
	ok(check.blocked_bound_hits > 0, "that the bound was met is counted");
	atomic_store(&release, 1);
	threads = most_threads(TASKS);
	ok(threads <= MOST, "no more when they are let go: %lu",
	   (unsigned long)threads);
	submit(pool, quick);
	threads = most_threads(2 * TASKS);
	ok(threads <= MOST, "nor when they block for a moment: %lu",
	   (unsigned long)threads);
	ok(atomic_load(&most_inside) <= MOST, "in regions at once: %lu",
	   (unsigned long)atomic_load(&most_inside));
	if (!cap)
		workers_left(pool);
	su_check_at_rest(pool);
	su_destroy(pool);
}

int main(void)
{
	tap_deadline(110);
	burst(0);
	burst(1);
	return tap_done();
}
