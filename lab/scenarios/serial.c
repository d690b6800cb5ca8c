/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pairs with a SERIAL group: a hierarchy, a change of caps, a blocking region, a join and
 * a worker that leaves, each in the middle of a row of tasks. At the end one scenario in
 * which all of them meet. A row is numbered: its tasks begin in order and one at a time,
 * from the start of each to its return.
 *
 * clause: Q4
 * clause: B1
 * clause: C2
 * clause: C6
 * clause: N1
 */
#include "lab/scenarios/pairs.h"
#include "platform/cacheline.h"

/* The SERIAL group; setup alone writes it. */
static unsigned int row_group;

static struct {
	unsigned int next; /* the number that must begin next */
	unsigned int inside;
} row;

LAB_GHOST static void row_reset(void)
{
	pool_reset();
	row.next = row.inside = 0;
}

LAB_GHOST static void row_begin(uintptr_t number, unsigned int g)
{
	LAB_ASSERT(number == row.next);
	row.next++;
	row.inside++;
	LAB_ASSERT(row.inside == 1);
	ghost_begin(g);
}

LAB_GHOST static void row_end(unsigned int g)
{
	row.inside--;
	ghost_end(g);
}

/* A SERIAL task that waits keeps the permit of its group, and no other. */
LAB_GHOST static void row_waits(unsigned int g, bool begins)
{
	if (begins)
		ghost_leave(rules->parent[g]);
	else
		ghost_enter(rules->parent[g]);
}

static void enter_row(void *number)
{
	lab_touch(&ghost);
	row_begin((uintptr_t)number, row_group);
}

static void leave_row(void)
{
	lab_touch(&ghost);
	row_end(row_group);
}

static void in_row(void *number)
{
	enter_row(number);
	leave_row();
}

static void submit_number(heddle_call_fn fn, uintptr_t number)
{
	LAB_ASSERT(heddle_submit_call(groups[row_group], fn, (void *)number) ==
		   0);
	ghost_submitted(row_group);
}

static void submit_row(void)
{
	submit_number(in_row, 0);
	submit_number(in_row, 1);
	thread_ends();
}

static void make_row(unsigned int g)
{
	row_group = g;
	groups[g]->order = HEDDLE_ORDER_SERIAL;
}

/* -- hierarchy: a search holds the row's only permit and fails above it -- */

POOL_AND(hierarchy, "pair-serial-hierarchy",
	 "a row and a sibling below one permit",
	 RULES(.workers = 2, .below = 3, .parent = { 0, 0, 1, 1 },
	       .cap = { 2, 1, 1, 1 }, .threads = 2),
	 make_row(2), row_reset, THREADS(submit_row, submit_3), UP_TO(2, 0),
	 .settle = true);

/* -- change: the row itself is paused, with one of it in the hand -- */

POOL_AND(cap, "pair-serial-cap", "a pause of the row keeps its order",
	 RULES(.workers = 2, .below = 1, .cap = { 2, 1 }, .threads = 2),
	 make_row(1), row_reset, THREADS(submit_row, pause_1), UP_TO(2, 0),
	 .settle = true);

/* -- region: what is above the row serves a sibling, and the row waits -- */

static void block_in_row(void *number)
{
	enter_row(number);
	lab_touch(&ghost);
	row_waits(row_group, true);
	LAB_ASSERT(heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL) == 0);
	if (ghost_is_stuck())
		lab_sleep_for_ever();
	LAB_ASSERT(heddle_block_end() == 0);
	lab_touch(&ghost);
	row_waits(row_group, false);
	leave_row();
}

static void submit_block_row(void)
{
	submit_number(block_in_row, 0);
	submit_number(in_row, 1);
	thread_ends();
}

POOL_AND(block, "pair-serial-block",
	 "a region in a row frees what is above it, and not the row",
	 RULES(.workers = 2, .below = 2, .cap = { 1, 1, 1 }, .stuck = true,
	       .threads = 2),
	 make_row(1), row_reset, THREADS(submit_block_row, submit_2),
	 UP_TO(2, 0), .settle = true);
POOL_AND(block_back, "pair-serial-block-back",
	 "and the region ends when a sibling is there",
	 RULES(.workers = 2, .below = 2, .cap = { 1, 1, 1 }, .threads = 2),
	 make_row(1), row_reset, THREADS(submit_block_row, submit_2),
	 UP_TO(2, 0), .settle = true);

/* -- join: of one that is not the next, and by one of the row -- */

static void second_in_row(struct heddle_task *task)
{
	(void)task;
	in_row((void *)1);
}

static void join_second(void *arg)
{
	(void)arg;
	begin(0);
	submit_number(in_row, 0);
	submit_child(row_group, second_in_row);
	join_child(0);
	end(0);
}

static void submit_join_second(void)
{
	submit_call(0, join_second);
	thread_ends();
}

POOL_AND(join, "pair-serial-join", "a join runs one of a row in its turn",
	 RULES(.workers = 2, .below = 1, .cap = { 2, 1 }, .threads = 1),
	 make_row(1), row_reset, THREADS(submit_join_second), UP_TO(2, 0),
	 .settle = true);

/* It lets its joiner come to the wait. */
static void yielding_2(struct heddle_task *task)
{
	(void)task;
	begin(2);
	hd_relax();
	end(2);
}

static void join_in_row(void *number)
{
	enter_row(number);
	submit_child(2, yielding_2);
	hd_relax(); /* another worker may take it */
	lab_touch(&ghost);
	row_waits(row_group, true);
	LAB_ASSERT(heddle_join(&child, 0, HEDDLE_FOREVER) == 0);
	lab_touch(&ghost);
	row_waits(row_group, false);
	leave_row();
}

static void submit_join_row(void)
{
	submit_number(join_in_row, 0);
	submit_number(in_row, 1);
	thread_ends();
}

POOL_AND(joins, "pair-serial-joins", "one of a row joins, and the row waits",
	 RULES(.workers = 2, .below = 2, .cap = { 2, 1, 1 }, .threads = 1),
	 make_row(1), row_reset, THREADS(submit_join_row), UP_TO(2, 0),
	 .settle = true);

/*
 * -- orphans: no deque ever holds a task of a row; what a worker leaves behind is the
 * one in its hand, which goes back in front, and the rest of the chain --
 */

POOL_AND(orphan, "pair-serial-orphan",
	 "what a worker leaves of a row is run in order",
	 RULES(.workers = 1, .below = 1, .cap = { 1, 1 }, .threads = 2),
	 make_row(1), row_reset, THREADS(submit_row, stop_and_start),
	 UP_TO(2, 0), .settle = true);

/* -- all of them at once -- */

static void leave_three(void *arg)
{
	(void)arg;
	begin(3);
	submit(3);
	submit(3);
	end(3);
}

/* Its child is a sibling's, and may be run above it. */
static void join_after_region(void *number)
{
	enter_row(number);
	submit_child(3, body_3);
	lab_touch(&ghost);
	row_waits(row_group, true);
	LAB_ASSERT(heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL) == 0);
	LAB_ASSERT(heddle_block_end() == 0);
	LAB_ASSERT(heddle_join(&child, 0, HEDDLE_FOREVER) == 0);
	lab_touch(&ghost);
	row_waits(row_group, false);
	leave_row();
}

static void submit_all(void)
{
	submit_number(join_after_region, 0);
	submit_number(in_row, 1);
	submit_call(3, leave_three);
	thread_ends();
}

/* One of two leaves, whoever that is, and another one comes. */
static void replace_one(void)
{
	LAB_ASSERT(heddle_pool_stop(pool, 1, HEDDLE_R1_LEFT, NULL,
				    HEDDLE_FOREVER) == 0);
	LAB_ASSERT(heddle_pool_start(pool, 2, NULL, HEDDLE_FOREVER) == 0);
	thread_ends();
}

POOL_AND(together, "pairs-together",
	 "a row, siblings, a pause, a region, a join and a worker that leaves",
	 RULES(.workers = 2, .below = 3, .parent = { 0, 0, 1, 1 },
	       .cap = { 2, 1, 1, 1 }, .threads = 3),
	 make_row(2), row_reset, THREADS(submit_all, pause_1, replace_one),
	 UP_TO(0, 0), .pct = true);
