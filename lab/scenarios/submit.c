/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Submit, kick and sleep: workers that have just come to life and have not slept
 * yet, tasks that are submitted meanwhile, and caps that make the workers wait
 * for each other's permits; in one group, in siblings, on three levels.
 *
 * clause: C1
 * clause: C2
 */
#include "lab/scenarios/pool.h"
#include "sched/look.h"
#include "sched/permit.h"

static void submit_1(void)
{
	submit(1);
	thread_ends();
}

static void submit_2(void)
{
	submit(2);
	thread_ends();
}

static void submit_3(void)
{
	submit(3);
	thread_ends();
}

/* -- one group -- */

POOL(kick, "kick", "two tasks, two workers, one permit",
     RULES(.workers = 2, .cap = { 1 }, .threads = 1), THREADS(submit_two),
     UP_TO(2, 0));
POOL(kick_two, "kick-two", "two submitters, two workers, one permit",
     RULES(.workers = 2, .cap = { 1 }, .threads = 2),
     THREADS(submit_one, submit_one), USUAL);
POOL(kick_stuck, "kick-stuck", "two tasks that never return start both",
     RULES(.workers = 2, .cap = { 2 }, .stuck = true, .threads = 1),
     THREADS(submit_two), UP_TO(2, 0));
POOL(kick_asleep, "kick-asleep", "a task for workers that sleep",
     RULES(.workers = 2, .cap = { 2 }, .stuck = true, .threads = 2),
     THREADS(submit_one, submit_one), USUAL, .settle = true);
POOL(kick_asleep_old, "kick-asleep-old", "and loads may give an old value",
     RULES(.workers = 2, .cap = { 2 }, .stuck = true, .threads = 2),
     THREADS(submit_one, submit_one), UP_TO(1, 1), .settle = true);
POOL(kick_old, "kick-old", "the same, and loads may give an old value",
     RULES(.workers = 1, .cap = { 1 }, .threads = 1), THREADS(submit_one),
     .settle = true, UP_TO(2, 1));

/* Nobody else sleeps who could be woken: the one worker must see it all. */
POOL(kick_one, "kick-one", "two submitters and a single worker",
     RULES(.workers = 1, .cap = { 1 }, .threads = 2),
     THREADS(submit_one, submit_one), .settle = true, UP_TO(3, 0));

POOL(kick_one_old, "kick-one-old", "and loads may give an old value",
     RULES(.workers = 1, .cap = { 1 }, .threads = 2),
     THREADS(submit_one, submit_one), .settle = true, UP_TO(2, 1));

/* A worker that lingers is relied on, and takes the first of two tasks. */
static void returns(void *arg)
{
	(void)arg;
	lab_touch(&ghost);
	ghost_begin(0);
	lab_touch(&ghost);
	ghost_end(0);
}

static void submit_returning(void)
{
	LAB_ASSERT(heddle_submit_call(groups[0], returns, NULL) == 0);
	ghost_submitted(0);
	thread_ends();
}

POOL(linger, "linger-stuck", "two tasks for one that lingers start both",
     RULES(.workers = 2, .cap = { 2 }, .stuck = true, .threads = 2),
     THREADS(submit_returning, submit_two), .settle = true, UP_TO(2, 0));
POOL(linger_stuck_old, "linger-stuck-old", "and loads give old values",
     RULES(.workers = 2, .cap = { 2 }, .stuck = true, .threads = 2),
     THREADS(submit_returning, submit_two), .settle = true, UP_TO(1, 2));
POOL(linger_old, "linger-old", "and with old values",
     RULES(.workers = 1, .cap = { 1 }, .threads = 1), THREADS(submit_two),
     .settle = true, UP_TO(2, 2));

/* -- siblings -- */

POOL(siblings, "siblings", "two groups share one permit, one task each",
     RULES(.workers = 2, .below = 2, .cap = { 1 }, .threads = 2),
     THREADS(submit_1, submit_2), USUAL);
POOL(siblings_stuck, "siblings-stuck", "two groups, two permits, both start",
     RULES(.workers = 2, .below = 2, .cap = { 2 }, .stuck = true, .threads = 2),
     THREADS(submit_1, submit_2), USUAL);
POOL(siblings_asleep, "siblings-asleep-old", "both asleep, and old values",
     RULES(.workers = 2, .below = 2, .cap = { 2 }, .stuck = true, .threads = 2),
     THREADS(submit_1, submit_2), UP_TO(1, 1), .settle = true);
POOL(siblings_one, "siblings-one", "two groups, one permit, one worker",
     RULES(.workers = 1, .below = 2, .cap = { 1 }, .threads = 2),
     THREADS(submit_1, submit_2), UP_TO(2, 0));

/*
 * Holds the permits of a group for a moment, as a kick does that finds no
 * sleeper any more, and pays what it owes for it.
 */
static void take_and_give(void)
{
	struct heddle_group *full;
	uint32_t owed = 0;

	if (hd_permit_take(groups[1], &full, &owed))
		owed += hd_permit_give(groups[1]);
	hd_look(pool, owed);
	thread_ends();
}

POOL(moment, "siblings-moment", "a permit held for a moment strands no sibling",
     RULES(.workers = 1, .below = 2, .cap = { 1 }, .threads = 2),
     THREADS(submit_2, take_and_give), UP_TO(2, 0));

POOL(siblings_old, "siblings-old", "one worker, and old values",
     RULES(.workers = 1, .below = 2, .cap = { 1 }, .threads = 2),
     THREADS(submit_1, submit_2), .settle = true, UP_TO(1, 1));

/* -- three levels: 1 below the root, 2 and 3 below 1 -- */

#define LEVELS .below = 3, .parent = { 0, 0, 1, 1 }

POOL(levels, "levels", "two leaves below a cap of one in the middle",
     RULES(.workers = 2, LEVELS, .cap = { 2, 1, 1, 1 }, .threads = 2),
     THREADS(submit_2, submit_3), USUAL);
POOL(levels_stuck, "levels-stuck", "the root's second permit is for its own",
     RULES(.workers = 2, LEVELS, .cap = { 2, 1 }, .stuck = true, .threads = 3),
     THREADS(submit_2, submit_3, submit_one), USUAL, .pct = true);
POOL(levels_one, "levels-one", "one permit at the root, tasks on every level",
     RULES(.workers = 1, LEVELS, .cap = { 1 }, .threads = 2),
     THREADS(submit_1, submit_2), UP_TO(2, 0));

/* -- from inside a task: the deque, and who steals from it -- */

static void child(void *arg)
{
	body(arg);
}

static void parent(void *arg)
{
	lab_touch(&ghost);
	ghost_begin(0);
	LAB_ASSERT(heddle_submit_call(groups[0], child, NULL) == 0);
	ghost_submitted(0);
	LAB_ASSERT(heddle_submit_call(groups[0], child, NULL) == 0);
	ghost_submitted(0);
	(void)arg;
	if (ghost_is_stuck())
		lab_sleep_for_ever();
	lab_touch(&ghost);
	ghost_end(0);
}

static void submit_parent(void)
{
	LAB_ASSERT(heddle_submit_call(groups[0], parent, NULL) == 0);
	ghost_submitted(0);
	thread_ends();
}

POOL(steal, "steal", "what a task submits is stolen or run",
     RULES(.workers = 2, .cap = { 2 }, .threads = 1), THREADS(submit_parent),
     UP_TO(2, 0), .settle = true);
POOL(steal_stuck, "steal-stuck",
     "what a task that never returns submits is stolen",
     RULES(.workers = 3, .cap = { 3 }, .stuck = true, .threads = 1),
     THREADS(submit_parent), USUAL, .settle = true);

/* -- a batch -- */

static struct heddle_task batch[2];

static void run_batched(struct heddle_task *task)
{
	(void)task;
	body(NULL);
}

static void submit_batch(void)
{
	struct heddle_task *tasks[] = { &batch[0], &batch[1] };
	size_t accepted = 0;

	batch[0] = batch[1] = (struct heddle_task){ .fn = run_batched };
	LAB_ASSERT(heddle_submit_many(groups[0], tasks, 2, &accepted) == 0);
	LAB_ASSERT(accepted == 2);
	ghost_submitted(0);
	ghost_submitted(0);
	thread_ends();
}

POOL(batched, "batch", "a batch of two starts two workers",
     RULES(.workers = 2, .cap = { 2 }, .stuck = true, .threads = 1),
     THREADS(submit_batch), UP_TO(2, 0), .settle = true);

/* -- a check while something moves; a submit of others would be reported -- */

static void submit_check(void)
{
	static struct heddle_check check;

	submit(0);
	for (int i = 0; i < 2; i++) {
		check.struct_size = sizeof(check);
		LAB_ASSERT(heddle_check(pool, &check) == 0);
	}
	thread_ends();
}

POOL(checks, "check", "a check behind a submit finds nothing wrong",
     RULES(.workers = 1, .cap = { 1 }, .threads = 1), THREADS(submit_check),
     UP_TO(2, 0), .settle = true);
POOL(checks_old, "check-old", "and loads may give an old value",
     RULES(.workers = 1, .cap = { 1 }, .threads = 1), THREADS(submit_check),
     UP_TO(2, 1), .settle = true);

/* A hand holds permits only for a moment, and the words are as before. */
static void hold_for_a_moment(void)
{
	struct heddle_group *full;
	uint32_t owed = 0;

	hd_hand_begin(pool);
	if (hd_permit_take(groups[0], &full, &owed))
		owed += hd_permit_give(groups[0]);
	hd_hand_end(pool);
	thread_ends();
}

static void check_once(void)
{
	static struct heddle_check check;

	check.struct_size = sizeof(check);
	LAB_ASSERT(heddle_check(pool, &check) == 0);
	thread_ends();
}

POOL(checks_hand, "check-hand", "a check beside a permit held for a moment",
     RULES(.workers = 0, .workers_max = 1, .threads = 2),
     THREADS(hold_for_a_moment, check_once), UP_TO(4, 1));
