/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Start against stop against submit against who retires, three at once. Whatever their
 * order, at rest the workers that stand in the registry are those that count as live,
 * none is half begun, and with a worker every task has run.
 *
 * clause: D5
 * clause: S1
 * clause: S2
 * clause: D1
 */
#include "lab/scenarios/guest.h"
#include "sched/keep.h"
#include "sched/reap.h"

/* How many workers there may be at rest. */
struct outcome {
	uint32_t least, most;
};

static const struct outcome none = { 0, 0 }, some = { 0, 1 },
			    upto_two = { 0, 2 };

static const char *churned(const struct outcome *may)
{
	static struct heddle_check check; /* its text is the verdict */
	uint32_t n;

	if (ghost.ended_threads != rules->threads)
		return "lost wake-up: a thread does not come to its end";
	hd_reap_ended(pool); /* who has retired is counted no more */
	n = (uint32_t)heddle_workers(pool, NULL, 0);
	if (n < may->least || n > may->most)
		return "registry: too many workers at rest, or too few";
	if (pool->live != n)
		return "count: other workers live than there are";
	if (pool->starting)
		return "count: a worker is starting at rest";
	if (ghost.begun[0] != ghost.ended[0])
		return "lost: a task began and did not end";
	if (n && ghost.ended[0] != ghost.submitted[0])
		return "lost: a worker is there, and a task did not run";
	if (hd_word_count(atomic_load_explicit(&groups[0]->word,
					       memory_order_relaxed)))
		return "leak: a permit was not given back";
	check.struct_size = sizeof(check);
	if (heddle_check(pool, &check))
		return check.violation[0].name;
	return NULL;
}

static const char *nobody_at_rest(void)
{
	return churned(&none);
}

static const char *one_at_rest(void)
{
	return churned(&some);
}

static const char *two_at_rest(void)
{
	return churned(&upto_two);
}

/* -- the threads -- */

static void start_to(uint32_t n)
{
	LAB_ASSERT(heddle_pool_start(pool, n, NULL, HEDDLE_FOREVER) == 0);
	thread_ends();
}

static void start_one(void)
{
	start_to(1);
}

static void start_two(void)
{
	start_to(2);
}

static void stop_to(uint32_t n)
{
	LAB_ASSERT(heddle_pool_stop(pool, n, HEDDLE_R3_GONE, NULL,
				    HEDDLE_FOREVER) == 0);
	thread_ends();
}

static void stop_all(void)
{
	stop_to(0);
}

static void stop_to_one(void)
{
	stop_to(1);
}

/* -- a pool with one worker -- */

static const struct rules one_worker =
	RULES(.workers = 1, .cap = { 1 }, .threads = 3);

static void setup_one_worker(void)
{
	pool_make(&one_worker);
}

/* More than the minute of a run holds; the twin is found in a fraction of it. */
LAB_SCENARIO(churn, .name = "churn",
	     .claim = "a start, a stop and a submit at once",
	     .setup = setup_one_worker, .reset = pool_reset,
	     .thread = { start_one, stop_all, submit_one },
	     .at_rest = one_at_rest, UP_TO(2, 0));

/* Nobody yet: small enough to be explored completely. */
static const struct rules nobody_yet =
	RULES(.workers = 0, .workers_max = 1, .cap = { 1 }, .threads = 3);

static void setup_nobody_yet(void)
{
	pool_make(&nobody_yet);
}

LAB_SCENARIO(first, .name = "churn-first", .claim = "and with the first worker",
	     .setup = setup_nobody_yet, .reset = pool_reset,
	     .thread = { start_one, stop_all, submit_one },
	     .at_rest = one_at_rest, UP_TO(2, 0));

static const struct rules one_worker_two =
	RULES(.workers = 1, .cap = { 1 }, .threads = 2);

static void setup_one_worker_two(void)
{
	pool_make(&one_worker_two);
}

LAB_SCENARIO(churn_old, .name = "churn-old",
	     .claim = "a start and a stop, and loads may give an old value",
	     .setup = setup_one_worker_two, .reset = pool_reset,
	     .thread = { start_one, stop_all }, .at_rest = one_at_rest,
	     UP_TO(1, 1));

/* A stop that does not wait, and goes on when it is called again. */
static void stop_again(void)
{
	int rc = heddle_pool_stop(pool, 0, HEDDLE_R3_GONE, NULL, HEDDLE_NOW);

	LAB_ASSERT(rc == 0 || rc == -ETIMEDOUT);
	stop_all();
}

LAB_SCENARIO(again, .name = "churn-again",
	     .claim = "and the stop is called again behind its deadline",
	     .setup = setup_one_worker, .reset = pool_reset,
	     .thread = { start_one, stop_again, submit_one },
	     .at_rest = one_at_rest, UP_TO(1, 0));

/* -- growing and shrinking to what stays -- */

static const struct rules two_workers =
	RULES(.workers = 1, .workers_max = 2, .cap = { 2 }, .threads = 3);

static void setup_two_workers(void)
{
	pool_make(&two_workers);
}

LAB_SCENARIO(resize, .name = "churn-resize",
	     .claim = "a start to two, a stop to one and a submit at once",
	     .setup = setup_two_workers, .reset = pool_reset,
	     .thread = { start_two, stop_to_one, submit_one },
	     .at_rest = two_at_rest, USUAL);

/* -- a start that fails, while it is stopped -- */

static void start_fails(void)
{
	int rc = heddle_pool_start(pool, 2, NULL, HEDDLE_FOREVER);

	LAB_ASSERT(rc == -EAGAIN);
	thread_ends();
}

static const struct rules no_worker =
	RULES(.workers = 0, .workers_max = 2, .cap = { 2 }, .threads = 2);

static void setup_no_worker(void)
{
	pool_make(&no_worker);
}

LAB_SCENARIO(fails, .name = "churn-fails",
	     .claim = "a start fails at its second thread, beside a stop",
	     .setup = setup_no_worker, .reset = pool_reset,
	     .thread = { start_fails, stop_all }, .at_rest = nobody_at_rest,
	     UP_TO(2, 0), .create_fails = 2);

static const struct rules unborn_rules =
	RULES(.workers = 0, .workers_max = 2, .cap = { 2 }, .threads = 3);

static int never_born(struct heddle_pool *of, uint32_t index, void *arg)
{
	(void)of;
	(void)index;
	(void)arg;
	return -EPERM;
}

static void setup_unborn(void)
{
	pool_make(&unborn_rules);
	pool->worker_init = never_born;
}

static void start_unborn(void)
{
	LAB_ASSERT(heddle_pool_start(pool, 1, NULL, HEDDLE_FOREVER) == -EPERM);
	thread_ends();
}

LAB_SCENARIO(unborn, .name = "churn-unborn",
	     .claim = "a worker is not born, beside a stop",
	     .setup = setup_unborn, .reset = pool_reset,
	     .thread = { start_unborn, stop_all, submit_one },
	     .at_rest = nobody_at_rest, UP_TO(2, 0));

/* -- ELASTIC: a worker makes its successor while all are told to go -- */

static const struct rules elastic_one = RULES(.workers = 1, .workers_max = 2,
					      .cap = { 2 }, .threads = 2,
					      .flags = HEDDLE_POOL_ELASTIC);

static void setup_elastic(void)
{
	pool_make(&elastic_one);
}

LAB_SCENARIO(spare, .name = "churn-spare",
	     .claim = "no successor is made behind a stop",
	     .setup = setup_elastic, .reset = pool_reset,
	     .thread = { submit_one, stop_all }, .at_rest = nobody_at_rest,
	     .settle = true, UP_TO(2, 0));

/* -- a worker that retires by itself, behind a FRESH guest -- */

static const struct rules elastic_fresh =
	RULES(.workers_max = 2, .threads = 2, .flags = HEDDLE_POOL_ELASTIC);

static void setup_fresh(void)
{
	make_process(&elastic_fresh, 1);
}

static void spawn_fresh(void)
{
	spawn_join(guest_body, 0, HEDDLE_GUEST_FRESH);
	thread_ends();
}

LAB_SCENARIO(retire, .name = "churn-retire",
	     .claim = "a worker retires while it is told to go",
	     .setup = setup_fresh, .reset = guest_reset,
	     .thread = { spawn_fresh, stop_all }, .at_rest = nobody_at_rest,
	     UP_TO(2, 0));

/* One that has been idle for long enough retires, whoever starts, stops or submits. */
static const struct rules idle_one =
	RULES(.workers = 1, .workers_max = 1, .threads = 3,
	      .flags = HEDDLE_POOL_ELASTIC, .keep_alive_ns = 1);

static void setup_idle(void)
{
	pool_make(&idle_one);
	hd_mutex_lock(&pool->control);
	pool->floor = 0;
	atomic_store_explicit(&pool->started, 0, memory_order_relaxed);
	hd_keep_count(pool);
	hd_mutex_unlock(&pool->control);
	hd_keep_check(pool);
}

LAB_SCENARIO(retire_idle, .name = "churn-retire-idle",
	     .claim = "a start, a stop and a submit while one retires",
	     .setup = setup_idle, .reset = pool_reset,
	     .thread = { start_one, stop_all, submit_one },
	     .at_rest = one_at_rest, USUAL);

/* And another one comes meanwhile: too many executions, so by priorities. */
static const struct rules elastic_fresh_start =
	RULES(.workers_max = 3, .threads = 3, .flags = HEDDLE_POOL_ELASTIC);

static void setup_fresh_start(void)
{
	make_process(&elastic_fresh_start, 1);
}

LAB_SCENARIO(retire_start, .name = "churn-retire-start",
	     .claim = "and another one is started", .setup = setup_fresh_start,
	     .reset = guest_reset,
	     .thread = { spawn_fresh, stop_all, start_one },
	     .at_rest = two_at_rest, UP_TO(0, 0), .pct = true);

/*
 * A start may count the worker of a FRESH guest: when that retires another one comes,
 * here where the spare could not be made.
 */
static const struct rules fresh_counted_rules =
	RULES(.workers_max = 2, .threads = 2, .flags = HEDDLE_POOL_ELASTIC);

static void setup_fresh_counted(void)
{
	make_process(&fresh_counted_rules, 1);
}

static void spawn_fresh_or_not(void)
{
	struct heddle_guest_options options = {
		.struct_size = sizeof(options),
		.flags = HEDDLE_GUEST_FRESH,
		.fn = guest_body,
	};
	struct heddle_guest *guest;
	int rc = heddle_guest_spawn(process, &options, &guest, HEDDLE_FOREVER);

	LAB_ASSERT(rc == 0 || rc == -EAGAIN);
	if (rc == 0) {
		note_tid(0, heddle_guest_tid(guest));
		LAB_ASSERT(heddle_guest_join(guest, HEDDLE_R0_QUIET,
					     HEDDLE_FOREVER) == 0);
	}
	thread_ends();
}

static void start_one_or_not(void)
{
	int rc = heddle_pool_start(pool, 1, NULL, HEDDLE_FOREVER);

	LAB_ASSERT(rc == 0 || rc == -EAGAIN);
	LAB_ASSERT(rc == 0 ||
		   heddle_pool_start(pool, 1, NULL, HEDDLE_FOREVER) == 0);
	thread_ends();
}

static const char *one_stays(void)
{
	static const struct outcome at_least_one = { 1, 2 };

	return churned(&at_least_one);
}

LAB_SCENARIO(fresh_counted, .name = "churn-fresh-start",
	     .claim = "a start keeps its number when a FRESH guest ends",
	     .setup = setup_fresh_counted, .reset = guest_reset,
	     .thread = { spawn_fresh_or_not, start_one_or_not },
	     .at_rest = one_stays, UP_TO(1, 0), .create_fails = 2);
