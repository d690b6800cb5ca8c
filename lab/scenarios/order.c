/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ordered groups: one taker at a time, whom nobody waits for.
 *
 * clause: B1
 * clause: C2
 * clause: Q4
 */
#include "lab/scenarios/pool.h"

static struct {
	unsigned int next; /* the number that must start next */
	unsigned int inside;
} row;

LAB_GHOST static void order_reset(void)
{
	pool_reset();
	row.next = row.inside = 0;
}

static void ordered(const struct rules *these, uint32_t order)
{
	pool_make(these);
	groups[1]->order = order;
}

/* Claimed in order, and with a cap of 1 entered in order as well. */
LAB_GHOST static void row_enter(uintptr_t number)
{
	LAB_ASSERT(number == row.next);
	row.next++;
	row.inside++;
	LAB_ASSERT(row.inside == 1);
}

LAB_GHOST static void row_leave(void)
{
	row.inside--;
}

static void numbered(void *number)
{
	lab_touch(&row);
	row_enter((uintptr_t)number);
	lab_touch(&row);
	row_leave();
	body(NULL);
}

static void numbered_region(void *number)
{
	lab_touch(&row);
	row_enter((uintptr_t)number);
	heddle_block_begin(HEDDLE_BLOCK_OTHER, NULL, NULL);
	lab_touch(&row);
	heddle_block_end();
	row_leave();
	body(NULL);
}

static void submit_fn(heddle_call_fn fn, uintptr_t number)
{
	LAB_ASSERT(heddle_submit_call(groups[1], fn, (void *)number) == 0);
	ghost_submitted(0);
}

static void submit_row(void)
{
	submit_fn(numbered, 0);
	submit_fn(numbered, 1);
	thread_ends();
}

static void submit_regions(void)
{
	submit_fn(numbered_region, 0);
	submit_fn(numbered_region, 1);
	thread_ends();
}

static void submit_two(void)
{
	submit(1);
	submit(1);
	thread_ends();
}

static void submit_1(void)
{
	submit(1);
	thread_ends();
}

/* What is in the hand then goes back to its place. */
static void pause_resume(void)
{
	LAB_ASSERT(heddle_group_set_cap(groups[0], 0, NULL) == 0);
	LAB_ASSERT(heddle_group_set_cap(groups[0], 2, NULL) == 0);
	thread_ends();
}

#define ORDERED(id, title, what, order, pool_rules, threads, ...) \
 static const struct rules rules_##id = pool_rules; \
 static void setup_##id(void) \
 { \
  ordered(&rules_##id, order); \
 } \
 LAB_SCENARIO(id, .name = title, .claim = what, .setup = setup_##id, \
	      .reset = order_reset, .thread = threads, \
	      .at_rest = pool_at_rest, __VA_ARGS__)

ORDERED(two, "order-two", "one taker at a time strands no task",
	HEDDLE_ORDER_FIFO,
	RULES(.workers = 2, .below = 1, .cap = { 2, 2 }, .stuck = true,
	      .threads = 1),
	THREADS(submit_two), .settle = true, UP_TO(2, 0));
ORDERED(both, "order-both", "nor with two submitters and workers awake",
	HEDDLE_ORDER_FIFO,
	RULES(.workers = 2, .below = 1, .cap = { 2, 2 }, .stuck = true,
	      .threads = 2),
	THREADS(submit_1, submit_1), UP_TO(1, 0));
ORDERED(both_old, "order-both-old", "and loads may give an old value",
	HEDDLE_ORDER_FIFO,
	RULES(.workers = 2, .below = 1, .cap = { 2, 2 }, .stuck = true,
	      .threads = 1),
	THREADS(submit_two), .settle = true, UP_TO(1, 1));
ORDERED(in_row, "order-row", "two tasks of a submitter start in its order",
	HEDDLE_ORDER_SERIAL,
	RULES(.workers = 2, .below = 1, .cap = { 2, 1 }, .threads = 1),
	THREADS(submit_row), .settle = true, UP_TO(2, 0));
ORDERED(cap, "order-cap", "also when the cap above is 0 for a moment",
	HEDDLE_ORDER_SERIAL,
	RULES(.workers = 2, .below = 1, .cap = { 0, 1 }, .threads = 2),
	THREADS(submit_row, pause_resume), .settle = true, UP_TO(2, 0));
ORDERED(region, "order-region", "nothing starts beside a SERIAL region",
	HEDDLE_ORDER_SERIAL,
	RULES(.workers = 2, .below = 1, .cap = { 1, 1 }, .threads = 1),
	THREADS(submit_regions), .settle = true, UP_TO(2, 0));
