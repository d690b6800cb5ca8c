/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Joins, cancels, and what a join may do meanwhile.
 *
 * clause: N1
 * clause: N2
 * clause: Q1
 * clause: Q2
 */
#include "lab/scenarios/pool.h"
#include "platform/cacheline.h"

static struct heddle_task one, two, three;
static int result; /* plain: Q2 makes it visible */

static void run_one(struct heddle_task *task)
{
	(void)task;
	result = 1;
	body(NULL);
}

static void submit_join(void)
{
	one = (struct heddle_task){ .fn = run_one };
	LAB_ASSERT(heddle_submit(groups[0], &one) == 0);
	ghost_submitted(0);
	LAB_ASSERT(heddle_join(&one, 0, HEDDLE_FOREVER) == 0);
	LAB_ASSERT(result == 1);
	thread_ends();
}

POOL(join, "join", "a join returns when the task has run, and sees it",
     RULES(.workers = 1, .cap = { 1 }, .threads = 1), THREADS(submit_join),
     UP_TO(2, 1));

/* -- one joins, another cancels -- */

static _Atomic int published;

static void submit_and_join(void)
{
	int rc;

	one = (struct heddle_task){ .fn = run_one };
	LAB_ASSERT(heddle_submit(groups[0], &one) == 0);
	ghost_submitted(0);
	atomic_store_explicit(&published, 1, memory_order_release);
	rc = heddle_join(&one, 0, HEDDLE_FOREVER);
	LAB_ASSERT(rc == 0 || rc == -ECANCELED);
	if (rc == 0)
		LAB_ASSERT(result == 1);
	thread_ends();
}

static void cancel(void)
{
	int rc;

	if (atomic_load_explicit(&published, memory_order_acquire)) {
		rc = heddle_cancel(&one, HEDDLE_FOREVER);
		if (rc == 0)
			ghost_cancelled(0);
		else
			LAB_ASSERT(rc == -EALREADY && result == 1);
	}
	thread_ends();
}

POOL(join_cancel, "join-cancel", "a task runs or is cancelled, and joins agree",
     RULES(.workers = 1, .cap = { 1 }, .threads = 2),
     THREADS(submit_and_join, cancel), UP_TO(2, 0));

/* -- a join inside a task -- */

static void run_two(struct heddle_task *task)
{
	(void)task;
	body(NULL);
}

static void parent(void *arg)
{
	(void)arg;
	lab_touch(&ghost);
	ghost_begin(0);
	two = (struct heddle_task){ .fn = run_two };
	LAB_ASSERT(heddle_submit(groups[0], &two) == 0);
	ghost_submitted(0);
	lab_touch(&ghost);
	ghost_leave(0); /* the join may give the permits back */
	LAB_ASSERT(heddle_join(&two, 0, HEDDLE_FOREVER) == 0);
	lab_touch(&ghost);
	ghost_enter(0);
	lab_touch(&ghost);
	ghost_end(0);
}

static void submit_parent(void)
{
	LAB_ASSERT(heddle_submit_call(groups[0], parent, NULL) == 0);
	ghost_submitted(0);
	thread_ends();
}

POOL(join_child, "join-child", "a task joins its child, one permit for both",
     RULES(.workers = 2, .cap = { 1 }, .threads = 1), THREADS(submit_parent),
     UP_TO(3, 0), .settle = true);

/* -- what was submitted last lies uppermost in the worker's own deque -- */

static void begin_parent(void)
{
	lab_touch(&ghost);
	ghost_begin(0);
	published = 0;
}

static void submit_child(struct heddle_task *task)
{
	*task = (struct heddle_task){ .fn = run_two };
	LAB_ASSERT(heddle_submit(groups[0], task) == 0);
	ghost_submitted(0);
}

static int join_child(struct heddle_task *task)
{
	int rc;

	lab_touch(&ghost);
	ghost_leave(0); /* the join may give the permits back */
	rc = heddle_join(task, 0, HEDDLE_FOREVER);
	lab_touch(&ghost);
	ghost_enter(0);
	return rc;
}

static void end_parent(void)
{
	lab_touch(&ghost);
	ghost_end(0);
}

static void parent_of_one(void *arg)
{
	int rc;

	(void)arg;
	begin_parent();
	submit_child(&two);
	atomic_store_explicit(&published, 1, memory_order_release);
	rc = join_child(&two);
	LAB_ASSERT(rc == 0 || rc == -ECANCELED);
	end_parent();
}

static void submit_parent_of_one(void)
{
	LAB_ASSERT(heddle_submit_call(groups[0], parent_of_one, NULL) == 0);
	ghost_submitted(0);
	thread_ends();
}

static void cancel_child(void)
{
	if (atomic_load_explicit(&published, memory_order_acquire)) {
		int rc = heddle_cancel(&two, HEDDLE_FOREVER);

		LAB_ASSERT(rc == 0 || rc == -EALREADY);
		if (rc == 0)
			ghost_cancelled(0);
	}
	thread_ends();
}

POOL(join_newest, "join-newest", "a child is taken back, or cancelled",
     RULES(.workers = 1, .cap = { 1 }, .threads = 2),
     THREADS(submit_parent_of_one, cancel_child), UP_TO(2, 0), .settle = true);

static void parent_of_two(void *arg)
{
	(void)arg;
	begin_parent();
	submit_child(&two);
	submit_child(&three);
	/* In the order of the submits a dead node lies below the newest. */
	if (lab_pick(2))
		LAB_ASSERT(join_child(&two) == 0);
	/* If nobody has joined two, it is run all the same. */
	LAB_ASSERT(join_child(&three) == 0);
	end_parent();
}

static void submit_parent_of_two(void)
{
	LAB_ASSERT(heddle_submit_call(groups[0], parent_of_two, NULL) == 0);
	ghost_submitted(0);
	thread_ends();
}

POOL(join_two, "join-two", "children are joined in any order",
     RULES(.workers = 2, .cap = { 2 }, .threads = 1),
     THREADS(submit_parent_of_two), UP_TO(2, 0), .settle = true);

/* -- joins in a circle -- */

static unsigned int deadlocks; /* ghost */

LAB_GHOST static void note_deadlock(void)
{
	deadlocks++;
}

LAB_GHOST static void circle_reset(void)
{
	pool_reset();
	deadlocks = 0;
}

static void join_other(struct heddle_task *task)
{
	int rc = heddle_join(task == &one ? &two : &one, 0, HEDDLE_FOREVER);

	LAB_ASSERT(rc == 0 || rc == -EDEADLK);
	if (rc == -EDEADLK)
		note_deadlock();
}

static void submit_circle(void)
{
	struct heddle_task *tasks[] = { &one, &two };
	size_t accepted;

	one = two = (struct heddle_task){ .fn = join_other };
	LAB_ASSERT(heddle_submit_many(groups[0], tasks, 2, &accepted) == 0);
	LAB_ASSERT(heddle_join(&one, 0, HEDDLE_FOREVER) == 0);
	LAB_ASSERT(heddle_join(&two, 0, HEDDLE_FOREVER) == 0);
	thread_ends();
}

static const char *circle_at_rest(void)
{
	if (!deadlocks)
		return "deadlock: nobody was told";
	return pool_at_rest();
}

static const struct rules circle_rules =
	RULES(.workers = 2, .cap = { 2 }, .threads = 1);

static void circle_setup(void)
{
	pool_make(&circle_rules);
}

LAB_SCENARIO(circle, .name = "join-circle",
	     .claim = "of two tasks that join each other one is told",
	     .setup = circle_setup, .reset = circle_reset,
	     .thread = { submit_circle }, .at_rest = circle_at_rest,
	     .settle = true, UP_TO(2, 0));
LAB_SCENARIO(circle_old, .name = "join-circle-old",
	     .claim = "and loads may give an old value", .setup = circle_setup,
	     .reset = circle_reset, .thread = { submit_circle },
	     .at_rest = circle_at_rest, .settle = true, UP_TO(1, 1));

static void join_next(struct heddle_task *task)
{
	struct heddle_task *next = task == &one   ? &two
				   : task == &two ? &three
						  : &one;
	int rc = heddle_join(next, 0, HEDDLE_FOREVER);

	LAB_ASSERT(rc == 0 || rc == -EDEADLK);
	if (rc == -EDEADLK)
		note_deadlock();
}

static void submit_three(void)
{
	struct heddle_task *tasks[] = { &one, &two, &three };
	size_t accepted;

	one = two = three = (struct heddle_task){ .fn = join_next };
	LAB_ASSERT(heddle_submit_many(groups[0], tasks, 3, &accepted) == 0);
	LAB_ASSERT(heddle_join(&one, 0, HEDDLE_FOREVER) == 0);
	LAB_ASSERT(heddle_join(&two, 0, HEDDLE_FOREVER) == 0);
	LAB_ASSERT(heddle_join(&three, 0, HEDDLE_FOREVER) == 0);
	thread_ends();
}

static const struct rules three_rules =
	RULES(.workers = 3, .cap = { 3 }, .threads = 1);

static void three_setup(void)
{
	pool_make(&three_rules);
}

LAB_SCENARIO(circle_three, .name = "join-circle-three", .claim = "and of three",
	     .setup = three_setup, .reset = circle_reset,
	     .thread = { submit_three }, .at_rest = circle_at_rest,
	     .settle = true, USUAL);

/*
 * No circle: two has been started, and submits three before it ends; then its
 * worker runs three, which joins one, while one is about to wait for two. Once
 * it has waited the memory of two is its own again.
 */
static void join_one(struct heddle_task *task)
{
	(void)task;
	LAB_ASSERT(heddle_join(&one, 0, HEDDLE_FOREVER) == 0);
}

static void submit_last(struct heddle_task *task)
{
	(void)task;
	LAB_ASSERT(heddle_submit(groups[0], &three) == 0);
	atomic_store_explicit(&published, 1, memory_order_relaxed);
	hd_relax();
}

static void join_two(struct heddle_task *task)
{
	(void)task;
	while (!atomic_load_explicit(&published, memory_order_relaxed))
		hd_relax();
	LAB_ASSERT(heddle_join(&two, 0, HEDDLE_FOREVER) == 0);
	two = (struct heddle_task){ .fn = submit_last };
	hd_relax();
}

static void submit_row(void)
{
	struct heddle_task *tasks[] = { &one, &two };
	size_t accepted;

	one = (struct heddle_task){ .fn = join_two };
	two = (struct heddle_task){ .fn = submit_last };
	three = (struct heddle_task){ .fn = join_one };
	LAB_ASSERT(heddle_submit_many(groups[0], tasks, 2, &accepted) == 0);
	thread_ends();
}

static const char *row_at_rest(void)
{
	if (heddle_join(&three, 0, HEDDLE_NOW))
		return "lost: a join that never returns";
	return pool_at_rest();
}

static const struct rules row_rules =
	RULES(.workers = 2, .cap = { 2 }, .threads = 1);

static void row_setup(void)
{
	pool_make(&row_rules);
}

LAB_SCENARIO(no_circle, .name = "join-no-circle",
	     .claim = "who waits for one that waits no more is not told so",
	     .setup = row_setup, .reset = pool_reset, .thread = { submit_row },
	     .at_rest = row_at_rest, .settle = true, UP_TO(2, 0));
