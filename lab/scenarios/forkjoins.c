/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who waits for a fork, or for a run: what it runs meanwhile, whom it has told before,
 * and circles of such waits.
 *
 * clause: C2
 * clause: N1
 * clause: Q1
 */
#include "lab/scenarios/forks.h"

static void others_go(int times)
{
	for (int i = 0; i < times; i++)
		hd_relax();
}

static const char *at_most_once(void)
{
	for (unsigned int i = 1; i < 8; i++)
		if (parts[i] > 1)
			return "a fork was called twice";
	return pool_at_rest();
}

/* -- a run above a fork that was taken -- */

HEDDLE_TASK_1(int, run_above, int, n)
{
	begins((unsigned int)n);
	if (n == 2) {
		will_fork();
		HEDDLE_SPAWN(run_above, 3);
		lab_sleep_for_ever();
	}
	ends();
	return 0;
}

static void fork_and_run(struct heddle_task *task)
{
	static struct part_fork one;

	(void)task;
	begins(0);
	will_fork();
	part_fork(groups[0], &one, 1);
	others_go(20);
	will_fork();
	HEDDLE_RUN(run_above, groups[0], 2);
}

static void root_run_above(void)
{
	start_root(fork_and_run);
	thread_ends();
}

FORKS(run_above, "forks-run-above",
      "what a run forks above a fork that was taken is called elsewhere",
      RULES(.workers = 3, .threads = 1, .stuck = true), THREADS(root_run_above),
      three_called, UP_TO(0, 0));

/* -- what is forked by what an owner runs while it waits -- */

static int sticky(int n);
HEDDLE_FORK_1(int, sticky, int)

static int sticky(int n)
{
	static struct sticky_fork inner[4];

	begins((unsigned int)n);
	if (n < 3) {
		will_fork();
		sticky_fork(groups[0], &inner[n], n + 1);
	}
	lab_sleep_for_ever();
}

static void fork_sticky(struct heddle_task *task)
{
	static struct sticky_fork one;

	(void)task;
	begins(0);
	will_fork();
	sticky_fork(groups[0], &one, 1);
	others_go(8);
	sticky_join(&one);
}

static void root_sticky(void)
{
	start_root(fork_sticky);
	thread_ends();
}

FORKS(wait_told, "forks-wait-told",
      "what descends forks for others while its owner's owner waits",
      RULES(.workers = 3, .threads = 1, .stuck = true), THREADS(root_sticky),
      at_most_once, UP_TO(1, 0));

/* -- a circle that was told, and is not yet left -- */

static int circles(int n);
HEDDLE_FORK_1(int, circles, int)

static int circles(int n)
{
	begins((unsigned int)n);
	LAB_ASSERT(heddle_join(&root_task, 0, HEDDLE_FOREVER) == -EDEADLK);
	ends();
	return n;
}

static void join_from_task(void *arg)
{
	(void)arg;
	begins(2);
	LAB_ASSERT(heddle_join(&root_task, 0, HEDDLE_FOREVER) == 0);
	ends();
}

static void fork_circles(struct heddle_task *task)
{
	struct circles_fork one;

	(void)task;
	begins(0);
	will_fork();
	circles_fork(groups[0], &one, 1);
	others_go(60); /* it is taken, and joins */
	ghost_submitted(0);
	LAB_ASSERT(heddle_submit_call(groups[0], join_from_task, NULL) == 0);
	LAB_ASSERT(circles_join(&one) == 1);
	ends();
}

static void root_circles(void)
{
	start_root(fork_circles);
	join_root();
	thread_ends();
}

FORKS(circle_twice, "forks-circle-twice",
      "a join that leads into a circle which is not yet left",
      RULES(.workers = 3, .threads = 1), THREADS(root_circles), two_called,
      UP_TO(0, 0));
