/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tasks that fork, in a whole pool (doc/design/forkjoin.md): the stack of an owner that
 * tells nobody, thieves that sleep, ask and take by force, joins.
 *
 * clause: C2
 * clause: N1
 */
#include "lab/scenarios/forks.h"

/* -- a thief asleep, and an owner that does not come back -- */

static void fork_for_ever(struct heddle_task *task)
{
	static struct part_fork one;

	(void)task;
	begins(0);
	will_fork();
	part_fork(groups[0], &one, 1);
	lab_sleep_for_ever();
}

static void root_for_ever(void)
{
	start_root(fork_for_ever);
	thread_ends();
}

FORKS(stuck, "forks-stuck", "a fork of a task that goes on is called elsewhere",
      RULES(.workers = 2, .threads = 1, .stuck = true), THREADS(root_for_ever),
      one_called, UP_TO(2, 0));
FORKS(stuck_old, "forks-stuck-old", "and loads may give an old value",
      RULES(.workers = 2, .threads = 1, .stuck = true), THREADS(root_for_ever),
      one_called, UP_TO(1, 1));

/* -- with a join before: who was woken for the first one is going to sleep again -- */

static void fork_again_for_ever(struct heddle_task *task)
{
	static struct short_part_fork one;
	static struct part_fork two;

	(void)task;
	begins(0);
	will_fork();
	short_part_fork(groups[0], &one, 1);
	LAB_ASSERT(short_part_join(&one) == 1);
	will_fork();
	part_fork(groups[0], &two, 2);
	lab_sleep_for_ever();
}

static void root_again_for_ever(void)
{
	start_root(fork_again_for_ever);
	thread_ends();
}

FORKS(stuck_join, "forks-stuck-join", "and so is one behind a join",
      RULES(.workers = 2, .threads = 1, .stuck = true),
      THREADS(root_again_for_ever), two_called, UP_TO(2, 0));
FORKS(stuck_join_old, "forks-stuck-join-old", "and loads may give an old value",
      RULES(.workers = 2, .threads = 1, .stuck = true),
      THREADS(root_again_for_ever), two_called, UP_TO(1, 1));

/* -- while another worker runs out of work -- */

static void short_task(void *arg)
{
	(void)arg;
	begins(3);
	ends();
}

static void root_beside_short(void)
{
	ghost_submitted(0);
	LAB_ASSERT(heddle_submit_call(groups[0], short_task, NULL) == 0);
	start_root(fork_for_ever);
	thread_ends();
}

FORKS(stuck_begin, "forks-stuck-begin",
      "a first fork while another worker goes to sleep",
      RULES(.workers = 2, .threads = 1, .stuck = true),
      THREADS(root_beside_short), one_called, UP_TO(1, 1));

FORKS(stuck_begin_old, "forks-stuck-begin-old",
      "and loads may give many old values",
      RULES(.workers = 2, .threads = 1, .stuck = true),
      THREADS(root_beside_short), one_called, UP_TO(0, 5));

/* -- all of it returns -- */

static void root_one(void)
{
	start_root(fork_one);
	join_root();
	thread_ends();
}

FORKS(one, "forks-join", "a fork is called once, and its join sees the result",
      RULES(.workers = 2, .threads = 1), THREADS(root_one), one_called,
      UP_TO(1, 0));
FORKS(one_old, "forks-join-old", "and loads may give an old value",
      RULES(.workers = 2, .threads = 1), THREADS(root_one), one_called,
      UP_TO(1, 1));
FORKS(two, "forks-two", "of two forks the older one is for others",
      RULES(.workers = 2, .threads = 1), THREADS(root_two), two_called,
      UP_TO(1, 0));
FORKS(three, "forks-thieves", "with two thieves",
      RULES(.workers = 3, .threads = 1), THREADS(root_two), two_called,
      UP_TO(1, 0));

/* -- the fork takes longer than its owner looks -- */

static int slow_part(int n);
HEDDLE_FORK_1(int, slow_part, int)

static int slow_part(int n)
{
	begins((unsigned int)n);
	for (int i = 0; i < 40 && !is_owner(hd_self->index); i++)
		hd_relax();
	ends();
	return n;
}

static void fork_slow(struct heddle_task *task)
{
	struct slow_part_fork one;

	(void)task;
	note_owner(hd_self->index);
	begins(0);
	will_fork();
	slow_part_fork(groups[0], &one, 1);
	LAB_ASSERT(slow_part_join(&one) == 1);
	ends();
}

static void root_slow(void)
{
	start_root(fork_slow);
	join_root();
	thread_ends();
}

FORKS(slow, "forks-slow", "who sleeps beside a fork is woken",
      RULES(.workers = 2, .threads = 1), THREADS(root_slow), one_called,
      UP_TO(1, 0));

/* -- joined in another order -- */

static void fork_crossed(struct heddle_task *task)
{
	struct part_fork one, two, three;

	(void)task;
	begins(0);
	will_fork();
	part_fork(groups[0], &one, 1);
	will_fork();
	part_fork(groups[0], &two, 2);
	LAB_ASSERT(part_join(&one) == 41);
	will_fork();
	part_fork(groups[0], &three, 3);
	LAB_ASSERT(part_join(&two) == 42);
	LAB_ASSERT(part_join(&three) == 43);
	ends();
}

static void root_crossed(void)
{
	start_root(fork_crossed);
	join_root();
	thread_ends();
}

FORKS(crossed, "forks-crossed", "forks that are joined oldest first",
      RULES(.workers = 2, .threads = 1), THREADS(root_crossed), three_called,
      UP_TO(1, 0));

static void fork_two_crossed(struct heddle_task *task)
{
	struct part_fork one, two;

	(void)task;
	begins(0);
	will_fork();
	part_fork(groups[0], &one, 1);
	will_fork();
	part_fork(groups[0], &two, 2);
	for (int i = 0; i < 10; i++)
		hd_relax(); /* others take them */
	LAB_ASSERT(part_join(&one) == 41);
	LAB_ASSERT(part_join(&two) == 42);
	for (int i = 0; i < 10; i++)
		hd_relax(); /* and would take more */
	ends();
}

static void root_two_crossed(void)
{
	start_root(fork_two_crossed);
	join_root();
	thread_ends();
}

FORKS(crossed_two, "forks-crossed-taken", "and both were taken",
      RULES(.workers = 3, .threads = 1), THREADS(root_two_crossed), two_called,
      UP_TO(0, 0));

/* -- typed, and what descends from a fork that was taken -- */

static int answer; /* plain: its join makes it visible */

HEDDLE_TASK_1(int, tree, int, n)
{
	int sum;

	begins((unsigned int)n);
	if (n >= 2) {
		ends();
		return n;
	}
	will_fork();
	HEDDLE_SPAWN(tree, n + 1);
	sum = n + HEDDLE_SYNC(tree);
	ends();
	return sum;
}

static void run_tree(struct heddle_task *task)
{
	(void)task;
	begins(0);
	will_fork();
	answer = HEDDLE_RUN(tree, groups[0], 1);
	LAB_ASSERT(answer == 3);
	ends();
}

static void root_tree(void)
{
	start_root(run_tree);
	join_root();
	LAB_ASSERT(answer == 3);
	thread_ends();
}

FORKS(typed, "forks-typed", "typed forks, with their places in registers",
      RULES(.workers = 2, .threads = 1), THREADS(root_tree), two_called,
      UP_TO(1, 0));

static void fork_tree(struct heddle_task *task);

static int nest(int n);
HEDDLE_FORK_1(int, nest, int)

static int nest(int n)
{
	struct nest_fork inner;
	int sum = n;

	begins((unsigned int)n);
	if (n < 2) {
		will_fork();
		nest_fork(groups[0], &inner, n + 1);
		sum += nest_join(&inner);
	}
	ends();
	return sum;
}

static void fork_tree(struct heddle_task *task)
{
	struct nest_fork outer;

	(void)task;
	begins(0);
	will_fork();
	nest_fork(groups[0], &outer, 1);
	LAB_ASSERT(nest_join(&outer) == 3);
	ends();
}

static void root_nest(void)
{
	start_root(fork_tree);
	join_root();
	thread_ends();
}

FORKS(nested, "forks-descend",
      "who waits for a fork runs what descends from it",
      RULES(.workers = 2, .threads = 1), THREADS(root_nest), two_called,
      UP_TO(1, 0));

/* -- a fork that joins the task which waits for it -- */

static int joins_root(int n);
HEDDLE_FORK_1(int, joins_root, int)

static int joins_root(int n)
{
	int rc;

	begins((unsigned int)n);
	rc = heddle_join(&root_task, 0, HEDDLE_FOREVER);
	LAB_ASSERT(rc == -EDEADLK);
	ends();
	return n;
}

static void fork_circle(struct heddle_task *task)
{
	struct joins_root_fork one;

	(void)task;
	begins(0);
	will_fork();
	joins_root_fork(groups[0], &one, 1);
	LAB_ASSERT(joins_root_join(&one) == 1);
	ends();
}

static void root_circle(void)
{
	start_root(fork_circle);
	join_root();
	thread_ends();
}

FORKS(circle, "forks-circle",
      "a join that closes a circle over a fork is told so",
      RULES(.workers = 2, .threads = 1), THREADS(root_circle), one_called,
      UP_TO(1, 0));
