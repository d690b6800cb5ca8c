/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tasks that fork, in a whole pool (doc/design/forkjoin.md): the stack of an owner that
 * tells nobody, thieves that sleep, ask and take by force, joins, caps and ends.
 *
 * clause: C1
 * clause: C2
 * clause: N1
 */
#include <heddle/forkjoin.h>

#include "lab/engine.h"
#include "lab/scenarios/pool.h"
#include "sched/worker.h"

static struct heddle_task root_task;
static unsigned int on[8], parts[8]; /* ghost: frames of a worker, calls of a part */
static bool gone;                    /* ghost: nothing may run any more */
static unsigned int most;            /* ghost: may run at a time */
static int answer;                   /* plain: its join makes it visible */

LAB_GHOST static void forks_reset(void)
{
	pool_reset();
	__builtin_memset(on, 0, sizeof(on));
	__builtin_memset(parts, 0, sizeof(parts));
	gone = false;
	most = rules->cap[0] ? rules->cap[0] : UINT32_MAX;
	ghost.cap[0] = UINT32_MAX; /* ours tells regions apart */
}

/* Who is in a region has no permit: that is told before it goes, and when it is back. */
LAB_GHOST static unsigned int running(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < 8; i++)
		n += on[i] && !pool->worker[i].blocked;
	return n;
}

LAB_GHOST static void note_most(unsigned int cap)
{
	most = cap;
	LAB_ASSERT(running() <= most);
}

/* A call in place is on the permit that the stack has. */
LAB_GHOST static void note_begin(unsigned int worker, unsigned int part)
{
	LAB_ASSERT(!gone);
	parts[part]++;
	ghost.begun[0]++;
	if (!on[worker]++)
		ghost_enter(0);
	LAB_ASSERT(running() <= most);
}

LAB_GHOST static void note_end(unsigned int worker)
{
	ghost.ended[0]++;
	if (!--on[worker])
		ghost_leave(0);
}

LAB_GHOST static void note_gone(void)
{
	gone = true;
}

static void begins(unsigned int part)
{
	LAB_ASSERT(!hd_self->block_depth);
	lab_touch(&ghost);
	note_begin(hd_self->index, part);
}

static void ends(void)
{
	lab_touch(&ghost);
	note_end(hd_self->index);
}

/* A fork is announced to the ghost before others may call it. */
static void will_fork(void)
{
	ghost_submitted(0);
}

static int part(int n);
HEDDLE_FORK_1(int, part, int)

static int part(int n)
{
	begins((unsigned int)n);
	if (ghost_is_stuck())
		lab_sleep_for_ever();
	ends();
	return n + 40;
}

static void start_root(heddle_task_fn fn)
{
	root_task = (struct heddle_task){ .fn = fn };
	ghost_submitted(0);
	LAB_ASSERT(heddle_submit(groups[0], &root_task) == 0);
}

static void join_root(void)
{
	LAB_ASSERT(heddle_join(&root_task, 0, HEDDLE_FOREVER) == 0);
}

#define FORKS(id, title, about, pool_rules, threads, verdict, ...) \
 static const struct rules rules_##id = pool_rules; \
 static void setup_##id(void) \
 { \
  pool_make(&rules_##id); \
 } \
 LAB_SCENARIO(id, .name = title, .claim = about, .setup = setup_##id, \
	      .reset = forks_reset, .thread = threads, .at_rest = verdict, \
	      .settle = true, __VA_ARGS__)

/* Each part that was forked was called once. */
static const char *called_once(unsigned int n)
{
	for (unsigned int i = 1; i <= n; i++)
		if (parts[i] != 1)
			return "a fork was called twice, or not at all";
	return pool_at_rest();
}

static const char *one_called(void)
{
	return called_once(1);
}

static const char *two_called(void)
{
	return called_once(2);
}

static const char *three_called(void)
{
	return called_once(3);
}

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

static int short_part(int n);
HEDDLE_FORK_1(int, short_part, int)

static int short_part(int n)
{
	begins((unsigned int)n);
	ends();
	return n;
}

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

/* -- all of it returns -- */

static void fork_one(struct heddle_task *task)
{
	struct part_fork one;

	(void)task;
	begins(0);
	will_fork();
	part_fork(groups[0], &one, 1);
	LAB_ASSERT(part_join(&one) == 41);
	ends();
}

static void root_one(void)
{
	start_root(fork_one);
	join_root();
	thread_ends();
}

static void fork_two(struct heddle_task *task)
{
	struct part_fork one, two;

	(void)task;
	begins(0);
	will_fork();
	part_fork(groups[0], &one, 1);
	will_fork();
	part_fork(groups[0], &two, 2);
	LAB_ASSERT(part_join(&two) == 42);
	LAB_ASSERT(part_join(&one) == 41);
	ends();
}

static void root_two(void)
{
	start_root(fork_two);
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

static unsigned int owner; /* ghost: worker of the root */

LAB_GHOST static void note_owner(unsigned int worker)
{
	owner = worker;
}

LAB_GHOST static bool is_owner(unsigned int worker)
{
	return worker == owner;
}

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

FORKS(nested, "forks-descend", "who waits for a fork runs what descends from it",
      RULES(.workers = 2, .threads = 1), THREADS(root_nest), two_called,
      UP_TO(1, 0));

/* -- a cap is lowered while a task forks -- */

static void lower(void)
{
	struct heddle_ticket ticket;

	LAB_ASSERT(heddle_group_set_cap(groups[0], 1, &ticket) == 0);
	LAB_ASSERT(heddle_group_wait(ticket, HEDDLE_FOREVER) == 0);
	lab_touch(&ghost);
	note_most(1);
	thread_ends();
}

FORKS(cap, "forks-cap", "no fork is taken behind a lowered cap",
      RULES(.workers = 2, .threads = 2), THREADS(root_two, lower), two_called,
      UP_TO(1, 0));

/* -- a cap of none: what is forked behind it stays with its owner -- */

static bool raised; /* ghost */

LAB_GHOST static void none_reset(void)
{
	forks_reset();
	raised = false;
}

LAB_GHOST static void note_raised(void)
{
	raised = true;
}

LAB_GHOST static bool is_raised(void)
{
	return raised;
}

static int late_part(int late);
HEDDLE_FORK_1(int, late_part, int)

static int late_part(int late)
{
	begins(1);
	LAB_ASSERT(!late || is_raised() || is_owner(hd_self->index));
	ends();
	return 0;
}

static void fork_late(struct heddle_task *task)
{
	struct late_part_fork one;
	struct short_part_fork two;

	(void)task;
	note_owner(hd_self->index);
	begins(0);
	will_fork();
	short_part_fork(groups[0], &two, 2);
	short_part_join(&two);
	for (int i = 0; i < 8; i++)
		hd_relax(); /* who was woken for it comes as far as it can */
	LAB_ASSERT(heddle_group_set_cap(groups[0], 0, NULL) == 0);
	will_fork();
	late_part_fork(groups[0], &one, 1);
	for (int i = 0; i < 8; i++)
		hd_relax();
	lab_touch(&ghost);
	note_raised();
	LAB_ASSERT(heddle_group_set_cap(groups[0], 2, NULL) == 0);
	late_part_join(&one);
	ends();
}

static void root_late(void)
{
	start_root(fork_late);
	join_root();
	thread_ends();
}

static const struct rules rules_none = RULES(.workers = 2, .threads = 1);

static void setup_none(void)
{
	pool_make(&rules_none);
}

LAB_SCENARIO(none, .name = "forks-none",
	     .claim = "what is forked behind a cap of 0 is not taken",
	     .setup = setup_none, .reset = none_reset, .settle = true,
	     .thread = { root_late }, .at_rest = two_called,
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

FORKS(circle, "forks-circle", "a join that closes a circle over a fork is told so",
      RULES(.workers = 2, .threads = 1), THREADS(root_circle), one_called,
      UP_TO(1, 0));

/* -- a drain -- */

static _Atomic int begun;

static void fork_one_begun(struct heddle_task *task)
{
	atomic_store_explicit(&begun, 1, memory_order_relaxed);
	fork_one(task);
}

static void root_begun(void)
{
	start_root(fork_one_begun);
	thread_ends();
}

static void drain(void)
{
	if (atomic_load_explicit(&begun, memory_order_relaxed)) {
		LAB_ASSERT(heddle_group_close(groups[0], HEDDLE_CLOSE_DRAIN,
					      HEDDLE_FOREVER) == 0);
		lab_touch(&ghost);
		note_gone();
	}
	thread_ends();
}

FORKS(close, "forks-close", "a drain waits for what was forked and taken",
      RULES(.workers = 2, .threads = 2), THREADS(root_begun, drain), one_called,
      UP_TO(1, 0));

/* -- a task that forks waits for something else, and comes back -- */

static void fork_and_block(struct heddle_task *task)
{
	struct part_fork one;

	(void)task;
	begins(0);
	will_fork();
	part_fork(groups[0], &one, 1);
	LAB_ASSERT(heddle_block_begin(HEDDLE_BLOCK_OTHER, NULL, NULL) == 0);
	LAB_ASSERT(heddle_block_end() == 0);
	LAB_ASSERT(part_join(&one) == 41);
	ends();
}

static void root_block(void)
{
	start_root(fork_and_block);
	join_root();
	thread_ends();
}

FORKS(away, "forks-away", "the fork of who is in a region, under a cap of one",
      RULES(.workers = 2, .threads = 1, .cap = { 1 }), THREADS(root_block),
      one_called, UP_TO(1, 0));

/* -- in the region it is joined as well -- */

static void join_in_region(struct heddle_task *task)
{
	struct part_fork one;

	(void)task;
	begins(0);
	will_fork();
	part_fork(groups[0], &one, 1);
	LAB_ASSERT(heddle_block_begin(HEDDLE_BLOCK_OTHER, NULL, NULL) == 0);
	LAB_ASSERT(part_join(&one) == 41);
	LAB_ASSERT(heddle_block_end() == 0);
	ends();
}

static void root_join_in_region(void)
{
	start_root(join_in_region);
	join_root();
	thread_ends();
}

FORKS(region, "forks-region", "a join in a region makes no call in place",
      RULES(.workers = 2, .threads = 1), THREADS(root_join_in_region),
      one_called, UP_TO(1, 0));

/* -- the thread of a thief, or of the owner, is left -- */

LAB_GHOST static void note_left(unsigned int worker)
{
	on[worker] = 0;
	ghost.begun[0]--;
	parts[1] = 0;
	ghost_leave(0);
}

static int leaving(int n);
HEDDLE_FORK_1(int, leaving, int)

static int leaving(int n)
{
	begins(1);
	if (!is_owner(hd_self->index)) {
		lab_touch(&ghost);
		note_left(hd_self->index);
		lab_leave();
	}
	ends();
	return n;
}

static void fork_leaving(struct heddle_task *task)
{
	struct leaving_fork one;

	(void)task;
	note_owner(hd_self->index);
	begins(0);
	will_fork();
	leaving_fork(groups[0], &one, 1);
	LAB_ASSERT(leaving_join(&one) == 1);
	ends();
}

static void root_leaving(void)
{
	start_root(fork_leaving);
	join_root();
	thread_ends();
}

FORKS(exit, "forks-exit", "a fork whose thief has left is called by its owner",
      RULES(.workers = 2, .threads = 1), THREADS(root_leaving), one_called,
      UP_TO(1, 0));

LAB_GHOST static void note_owner_left(unsigned int worker)
{
	on[worker] = 0;
	ghost_leave(0);
	ghost.ended[0]++;
	/* Nobody joins the fork: whether it was called is open. */
	if (!parts[1]) {
		ghost.begun[0]++;
		ghost.ended[0]++;
		parts[1] = 1;
	}
}

static void fork_and_leave(struct heddle_task *task)
{
	static struct short_part_fork one;

	(void)task;
	begins(0);
	will_fork();
	short_part_fork(groups[0], &one, 1);
	lab_touch(&ghost);
	lab_leave();
}

static const char *root_left(void)
{
	note_owner_left(owner);
	return pool_at_rest();
}

static void fork_and_leave_noted(struct heddle_task *task)
{
	note_owner(hd_self->index);
	fork_and_leave(task);
}

/* Its slot is that of the fork that nobody joined. */
static void fork_three(struct heddle_task *task)
{
	struct part_fork one;

	(void)task;
	begins(0);
	will_fork();
	part_fork(groups[0], &one, 3);
	LAB_ASSERT(part_join(&one) == 43);
	ends();
}

static void root_leaves(void)
{
	start_root(fork_and_leave_noted);
	LAB_ASSERT(heddle_join(&root_task, 0, HEDDLE_FOREVER) == -ECANCELED);
	start_root(fork_three);
	join_root();
	thread_ends();
}

FORKS(left, "forks-left", "the forks of a thread that was left are nobody's",
      RULES(.workers = 2, .threads = 1), THREADS(root_leaves), root_left,
      UP_TO(1, 0));
