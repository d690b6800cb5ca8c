/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Joins that help from outside: donated workers beside workers, beside each other, and
 * beside who closes, cancels, stops and destroys. doc/design/help.md names the outcomes.
 *
 * clause: N3
 * clause: C1
 * clause: Q1
 * clause: Q4
 * clause: D1
 */
#include "lab/scenarios/pool.h"
#include "platform/cacheline.h"
#include "platform/futex.h"

static struct {
	struct heddle_task task;
	unsigned int group;
	unsigned int order; /* 1 and up: which start it must be; 0: any */
} job[3];

static unsigned int starts; /* ghost */

LAB_GHOST static void help_reset(void)
{
	pool_reset();
	starts = 0;
}

LAB_GHOST static void ghost_start(unsigned int order)
{
	starts++;
	LAB_ASSERT(!order || order == starts);
}

static void run_job(struct heddle_task *task)
{
	unsigned int i = (unsigned int)((uintptr_t)task - (uintptr_t)&job[0]) /
			 (unsigned int)sizeof(job[0]);

	lab_touch(&ghost);
	ghost_start(job[i].order);
	body((void *)(uintptr_t)job[i].group);
}

static void submit_job(unsigned int i, unsigned int group, unsigned int order)
{
	job[i].task = (struct heddle_task){ .fn = run_job };
	job[i].group = group;
	job[i].order = order;
	LAB_ASSERT(heddle_submit(groups[group], &job[i].task) == 0);
}

static void help_with(unsigned int i)
{
	LAB_ASSERT(heddle_join(&job[i].task, HEDDLE_JOIN_HELP,
			       HEDDLE_FOREVER) == 0);
	thread_ends();
}

static void help_0(void)
{
	help_with(0);
}

static void help_1(void)
{
	help_with(1);
}

/* Queued before the exploration begins, in a pool whose workers were started. */
#define HELP(id, title, what, pool_rules, jobs, threads, ...) \
 static const struct rules rules_##id = pool_rules; \
 static void setup_##id(void) \
 { \
  pool_make(&rules_##id); \
  jobs; \
 } \
 LAB_GHOST static void reset_##id(void) \
 { \
  help_reset(); \
  ghost_jobs(); \
 } \
 LAB_SCENARIO(id, .name = title, .claim = what, .setup = setup_##id, \
	      .reset = reset_##id, .thread = threads, .at_rest = pool_at_rest, \
	      __VA_ARGS__)

LAB_GHOST static void ghost_jobs(void)
{
	for (unsigned int i = 0; i < 3; i++)
		if (job[i].task.fn)
			ghost.submitted[job[i].group]++;
}

/* -- nobody else is there -- */

HELP(alone, "help-alone", "a pool without workers runs what is helped",
     RULES(.workers = 0, .workers_max = 1, .helpers = 1, .threads = 1),
     submit_job(0, 0, 0), THREADS(help_0), UP_TO(2, 1));

/* -- two, one unit, one entry -- */

HELP(two, "help-two", "of two helpers and one unit both come to their end",
     RULES(.workers = 0, .workers_max = 1, .helpers = 2, .threads = 2),
     (submit_job(0, 0, 0), submit_job(1, 0, 0)), THREADS(help_0, help_1),
     UP_TO(2, 0));
HELP(two_old, "help-two-old", "and loads may give an old value",
     RULES(.workers = 0, .workers_max = 1, .helpers = 2, .threads = 2),
     (submit_job(0, 0, 0), submit_job(1, 0, 0)), THREADS(help_0, help_1),
     UP_TO(1, 1));
HELP(entry, "help-entry", "who finds no entry is told when there is one",
     RULES(.workers = 0, .workers_max = 2, .helpers = 1, .threads = 2),
     (submit_job(0, 0, 0), submit_job(1, 0, 0)), THREADS(help_0, help_1),
     UP_TO(2, 0));

/* -- submit and join in one: the kick comes behind the first try -- */

static _Atomic uint32_t second_ran;

static void run_first(struct heddle_task *task)
{
	while (!atomic_load_explicit(&second_ran, memory_order_acquire))
		hd_futex_wait(&second_ran, 0, HEDDLE_FOREVER);
	run_job(task);
}

static void run_second(struct heddle_task *task)
{
	run_job(task);
	atomic_store_explicit(&second_ran, 1, memory_order_release);
	hd_futex_wake(&second_ran, 1);
}

static void call_job(unsigned int i, heddle_task_fn fn)
{
	job[i].task = (struct heddle_task){ .fn = fn };
	ghost_submitted(0);
	LAB_ASSERT(heddle_submit_join(groups[0], &job[i].task,
				      HEDDLE_FOREVER) == 0);
	thread_ends();
}

static void call_0(void)
{
	call_job(0, run_job);
}

static void call_first(void)
{
	call_job(0, run_first);
}

static void call_second(void)
{
	call_job(1, run_second);
}

LAB_GHOST static void second_reset(void)
{
	help_reset();
	atomic_store_explicit(&second_ran, 0, memory_order_relaxed);
}

POOL_AND(call_entry, "help-call",
	 "who finds no entry for itself wakes a worker",
	 RULES(.workers = 1, .workers_max = 2, .cap = { 2 }, .helpers = 1,
	       .threads = 2),
	 (void)0, second_reset, THREADS(call_first, call_second),
	 .settle = true, UP_TO(1, 0));
POOL(call_unit, "help-call-unit", "beside a submit, for the one unit",
     RULES(.workers = 1, .workers_max = 2, .cap = { 1 }, .helpers = 1,
	   .threads = 2),
     THREADS(call_0, submit_one), UP_TO(2, 0), .settle = true);

/* -- turns -- */

static void serial_setup(void)
{
	struct heddle_group_options group = {
		.struct_size = sizeof(group),
		.order = HEDDLE_ORDER_SERIAL,
	};

	LAB_ASSERT(heddle_group_create(groups[0], &group, &groups[1]) == 0);
	submit_job(0, 1, 1);
	submit_job(1, 1, 2);
}

static void fifo_setup(void)
{
	struct heddle_group_options group = {
		.struct_size = sizeof(group),
		.order = HEDDLE_ORDER_FIFO,
	};

	LAB_ASSERT(heddle_group_create(groups[0], &group, &groups[1]) == 0);
	submit_job(0, 1, 0);
	submit_job(1, 1, 0);
}

HELP(serial, "help-serial", "two helpers of a SERIAL group keep its order",
     RULES(.workers = 0, .workers_max = 2, .helpers = 2, .threads = 2),
     serial_setup(), THREADS(help_0, help_1), UP_TO(2, 0));
HELP(fifo, "help-fifo", "whose turn has come is told, with units to spare",
     RULES(.workers = 0, .workers_max = 2, .helpers = 2, .threads = 2),
     fifo_setup(), THREADS(help_0, help_1), UP_TO(2, 0));
HELP(serial_worker, "help-serial-worker", "and beside a worker",
     RULES(.workers = 1, .workers_max = 2, .helpers = 1, .threads = 1),
     serial_setup(), THREADS(help_1), USUAL);

static void cancel_first(void)
{
	int rc = heddle_cancel(&job[0].task, HEDDLE_FOREVER);

	LAB_ASSERT(rc == 0);
	ghost_cancelled(1);
	thread_ends();
}

static void cancelled_setup(void)
{
	fifo_setup();
	job[1].order = 1;
}

HELP(turn_cancel, "help-turn-cancel", "the one before it is cancelled",
     RULES(.workers = 0, .workers_max = 2, .helpers = 1, .threads = 2),
     cancelled_setup(), THREADS(help_1, cancel_first), UP_TO(2, 0));

static void help_1_or_cancelled(void)
{
	int rc = heddle_join(&job[1].task, HEDDLE_JOIN_HELP, HEDDLE_FOREVER);

	LAB_ASSERT(rc == -ECANCELED);
	thread_ends();
}

static void refuse_both(void)
{
	LAB_ASSERT(heddle_group_close(groups[1], HEDDLE_CLOSE_REFUSE,
				      HEDDLE_FOREVER) == 0);
	ghost_cancelled(1);
	ghost_cancelled(1);
	thread_ends();
}

HELP(turn_refuse, "help-turn-refuse", "refused by a closer that met the taker",
     RULES(.workers = 0, .workers_max = 2, .helpers = 1, .threads = 2),
     fifo_setup(), THREADS(help_1_or_cancelled, refuse_both), UP_TO(2, 1));

static void drain(void)
{
	LAB_ASSERT(heddle_group_close(groups[1], HEDDLE_CLOSE_DRAIN,
				      HEDDLE_FOREVER) == 0);
	thread_ends();
}

HELP(turn_drain, "help-turn-drain", "two helpers drain a group without workers",
     RULES(.workers = 0, .workers_max = 2, .helpers = 2, .threads = 3),
     serial_setup(), THREADS(help_0, help_1, drain), USUAL);

/* -- beside a worker -- */

static void submit_other(void)
{
	submit(1);
	thread_ends();
}

static void submit_and_help(void)
{
	submit_job(0, 0, 0);
	ghost_submitted(0);
	help_with(0);
}

POOL_AND(worker, "help-worker", "a helper gives back to a worker, and looks",
	 RULES(.workers = 1, .workers_max = 2, .below = 1, .cap = { 1, 1 },
	       .helpers = 1, .threads = 2),
	 (void)0, help_reset, THREADS(submit_and_help, submit_other),
	 .settle = true, USUAL);
POOL_AND(mixed, "help-worker-both", "a task that both want runs once",
	 RULES(.workers = 1, .workers_max = 2, .cap = { 2 }, .helpers = 1,
	       .threads = 1),
	 (void)0, help_reset, THREADS(submit_and_help), .settle = true,
	 UP_TO(2, 0));

/* It comes while the helper has the only unit, and sleeps beside a task. */
static void start_and_submit(void)
{
	LAB_ASSERT(heddle_pool_start(pool, 1, NULL, HEDDLE_FOREVER) == 0);
	submit(0);
	thread_ends();
}

HELP(look, "help-look", "who gives the last unit back looks for a worker",
     RULES(.workers = 0, .workers_max = 1, .will_live = 1, .helpers = 1,
	   .threads = 2),
     submit_job(0, 0, 0), THREADS(help_0, start_and_submit), USUAL);

/* What was queued meanwhile goes through the hand of who sweeps. */
static void submit_root(void)
{
	submit(0);
	thread_ends();
}

POOL_AND(sweep, "help-sweep", "what a sweep has in the hand is not lost",
	 RULES(.workers = 1, .workers_max = 2, .cap = { 2 }, .helpers = 1,
	       .threads = 2),
	 (void)0, help_reset, THREADS(submit_and_help, submit_root),
	 .settle = true, USUAL);

/* -- a cap goes up and down -- */

static void pause_and_raise(void)
{
	lab_touch(&ghost);
	ghost_cap_may(1, 2);
	LAB_ASSERT(heddle_group_set_cap(groups[1], 2, NULL) == 0);
	lab_touch(&ghost);
	ghost_floor_is(1, 2);
	thread_ends();
}

HELP(raise, "help-raise", "a helper at a paused group hears of the raise",
     RULES(.workers = 0, .workers_max = 2, .below = 1, .cap = { 2, 1 },
	   .helpers = 2, .threads = 3),
     (submit_job(0, 1, 0), submit_job(1, 1, 0)),
     THREADS(help_0, help_1, pause_and_raise), USUAL);

/* -- a cancel, a close -- */

static void help_or_cancelled(void)
{
	int rc = heddle_join(&job[0].task, HEDDLE_JOIN_HELP, HEDDLE_FOREVER);

	LAB_ASSERT(rc == 0 || rc == -ECANCELED);
	thread_ends();
}

static void cancel_it(void)
{
	int rc = heddle_cancel(&job[0].task, HEDDLE_FOREVER);

	LAB_ASSERT(rc == 0 || rc == -EALREADY);
	if (rc == 0)
		ghost_cancelled(0);
	thread_ends();
}

HELP(cancel, "help-cancel", "a task is helped or cancelled, both agree",
     RULES(.workers = 0, .workers_max = 1, .helpers = 1, .threads = 2),
     submit_job(0, 0, 0), THREADS(help_or_cancelled, cancel_it), UP_TO(2, 0));

static void paused_setup(void)
{
	struct heddle_group_options group = {
		.struct_size = sizeof(group),
		.flags = HEDDLE_GROUP_PAUSED,
	};

	LAB_ASSERT(heddle_group_create(groups[0], &group, &groups[1]) == 0);
	LAB_ASSERT(heddle_submit(groups[1], &job[0].task) == 0);
}

HELP(paused, "help-paused-cancel", "a helper that waits hears of the cancel",
     RULES(.workers = 0, .workers_max = 1, .helpers = 1, .threads = 2),
     (job[0].task.fn = run_job, paused_setup()),
     THREADS(help_or_cancelled, cancel_it), UP_TO(2, 0));

static bool closed; /* ghost */

LAB_GHOST static void close_reset(void)
{
	help_reset();
	closed = false;
}

LAB_GHOST static void ghost_closed(void)
{
	closed = true;
}

LAB_GHOST static void ghost_open(void)
{
	LAB_ASSERT(!closed);
}

static void run_open(struct heddle_task *task)
{
	(void)task;
	lab_touch(&closed);
	ghost_open();
}

static const struct rules close_rules = RULES(.workers = 0, .workers_max = 1,
					      .below = 1, .helpers = 1,
					      .threads = 2);

static void close_setup(void)
{
	pool_make(&close_rules);
	submit_job(0, 1, 0);
	job[0].task.fn = run_open;
}

/* With the mode: what is queued is cancelled, or stays where it is. */
static void close_with(int mode)
{
	int rc = heddle_group_close(groups[1], mode, HEDDLE_FOREVER);

	LAB_ASSERT(rc == 0);
	lab_touch(&closed);
	ghost_closed();
	thread_ends();
}

static void refuse_and_make(void)
{
	struct heddle_group_options options = { .struct_size = sizeof(options),
						.children_max = GROUPS - 1 };
	struct heddle_group *again;

	close_with(HEDDLE_CLOSE_REFUSE | HEDDLE_CLOSE_FREE);
	LAB_ASSERT(heddle_group_create(groups[0], &options, &again) == 0);
	LAB_ASSERT(again == groups[1]);
}

static void quiesce(void)
{
	close_with(HEDDLE_CLOSE_QUIESCE);
}

static void help_once(void)
{
	int rc = heddle_join(&job[0].task, HEDDLE_JOIN_HELP, HEDDLE_NOW);

	LAB_ASSERT(rc == 0 || rc == -ETIMEDOUT);
	thread_ends();
}

static const char *close_at_rest(void)
{
	for (unsigned int i = 0; i < GROUPS; i++)
		if (hd_word_count(atomic_load_explicit(&pool->group[i].word,
						       memory_order_relaxed)))
			return "leak: a permit was not given back";
	return ghost.ended_threads == 2
		       ? NULL
		       : "lost wake-up: a thread does not come to its end";
}

LAB_SCENARIO(help_free, .name = "help-free",
	     .claim = "the group is refused, freed and made again",
	     .setup = close_setup, .reset = close_reset,
	     .thread = { help_or_cancelled, refuse_and_make },
	     .at_rest = close_at_rest, UP_TO(2, 0));
LAB_SCENARIO(help_quiesce, .name = "help-quiesce",
	     .claim = "behind a quiesce no helper starts", .setup = close_setup,
	     .reset = close_reset, .thread = { help_once, quiesce },
	     .at_rest = close_at_rest, UP_TO(2, 1));

/* -- a stop, a destroy -- */

static bool inside; /* ghost */

LAB_GHOST static void inside_reset(void)
{
	help_reset();
	inside = false;
}

LAB_GHOST static void ghost_inside(bool yes)
{
	inside = yes;
}

LAB_GHOST static void ghost_nobody_inside(void)
{
	LAB_ASSERT(!inside);
}

static int init(struct heddle_pool *of, uint32_t index, void *arg)
{
	(void)of;
	(void)index;
	(void)arg;
	ghost_inside(true);
	return 0;
}

static void done(struct heddle_pool *of, uint32_t index, void *arg)
{
	(void)of;
	(void)index;
	(void)arg;
	hd_relax();
	ghost_inside(false);
}

static const struct rules end_rules =
	RULES(.workers = 0, .workers_max = 1, .helpers = 1, .threads = 2);

static void end_setup(void)
{
	pool_make(&end_rules);
	pool->worker_init = init;
	pool->worker_exit = done;
	submit_job(0, 0, 0);
}

static _Atomic int running;

static void run_told(struct heddle_task *task)
{
	(void)task;
	atomic_store_explicit(&running, 1, memory_order_release);
}

static void stop_setup(void)
{
	end_setup();
	job[0].task.fn = run_told;
}

/* It begins when the helper is inside for sure. */
static void stop_behind(void)
{
	if (atomic_load_explicit(&running, memory_order_acquire)) {
		LAB_ASSERT(heddle_pool_stop(pool, 0, HEDDLE_R3_GONE, NULL,
					    HEDDLE_FOREVER) == 0);
		lab_touch(&inside);
		ghost_nobody_inside();
	}
	thread_ends();
}

LAB_SCENARIO(help_stop, .name = "help-stop",
	     .claim = "a stop waits for the helper that is inside",
	     .setup = stop_setup, .reset = inside_reset,
	     .thread = { help_0, stop_behind }, .at_rest = close_at_rest,
	     UP_TO(2, 0));

static void destroy(void)
{
	LAB_ASSERT(heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL,
				       HEDDLE_FOREVER) == 0);
	lab_touch(&inside);
	ghost_nobody_inside();
	thread_ends();
}

static const char *destroyed(void)
{
	if (ghost.ended_threads != 2)
		return "lost wake-up: a thread does not come to its end";
	return lab_live_blocks() ? "leak: memory after the destroy" : NULL;
}

LAB_SCENARIO(help_destroy, .name = "help-destroy",
	     .claim = "a destroy and a helper, whoever is first",
	     .setup = end_setup, .reset = inside_reset,
	     .thread = { help_or_cancelled, destroy }, .at_rest = destroyed,
	     UP_TO(2, 0));
LAB_SCENARIO(help_destroy_old, .name = "help-destroy-old",
	     .claim = "and loads may give an old value", .setup = end_setup,
	     .reset = inside_reset, .thread = { help_or_cancelled, destroy },
	     .at_rest = destroyed, UP_TO(1, 1));
