/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ordered groups: one taker at a time, whom nobody waits for.
 *
 * clause: B1
 * clause: C2
 * clause: Q4
 */
#include "lab/scenarios/pool.h"
#include "lockfree/nodes.h"
#include "sched/task.h"

static struct {
	unsigned int next; /* the number that must start next */
	unsigned int inside;
} row;

LAB_GHOST static void order_reset(void)
{
	pool_reset();
	row.next = row.inside = 0;
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

static void submit_pair(void)
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

/* -- who enters knows that all before it are claimed, also with a cap of 2 -- */

static struct heddle_task claims[3];

static bool is_queued(struct heddle_task *given)
{
	struct hd_task *task = hd_task_of(given);
	struct hd_node *node = hd_node_at(&pool->nodes, task->node);

	return atomic_load_explicit(&node->state, memory_order_relaxed) ==
	       hd_node_state_make(task->generation, HD_NODE_QUEUED);
}

static void claimed(struct heddle_task *task)
{
	for (struct heddle_task *before = claims; before < task; before++)
		LAB_ASSERT(!is_queued(before));
	body(NULL);
}

static void submit_claims(void)
{
	for (int i = 0; i < 3; i++) {
		claims[i] = (struct heddle_task){ .fn = claimed };
		LAB_ASSERT(heddle_submit(groups[1], &claims[i]) == 0);
		ghost_submitted(0);
	}
	thread_ends();
}

#define IS(which) groups[1]->order = HEDDLE_ORDER_##which

POOL_AND(two, "order-two", "one taker at a time strands no task",
	 RULES(.workers = 2, .below = 1, .cap = { 2, 2 }, .stuck = true,
	       .threads = 1),
	 IS(FIFO), order_reset, THREADS(submit_pair), .settle = true,
	 UP_TO(2, 0));
POOL_AND(both, "order-both", "nor with two submitters and workers awake",
	 RULES(.workers = 2, .below = 1, .cap = { 2, 2 }, .stuck = true,
	       .threads = 2),
	 IS(FIFO), order_reset, THREADS(submit_1, submit_1), UP_TO(1, 0));
POOL_AND(both_old, "order-both-old", "and loads may give an old value",
	 RULES(.workers = 2, .below = 1, .cap = { 2, 2 }, .stuck = true,
	       .threads = 1),
	 IS(FIFO), order_reset, THREADS(submit_pair), .settle = true,
	 UP_TO(1, 1));
POOL_AND(claims, "order-claims", "claims come in order beside each other",
	 RULES(.workers = 2, .below = 1, .cap = { 2, 2 }, .threads = 1),
	 IS(FIFO), order_reset, THREADS(submit_claims), .settle = true,
	 UP_TO(2, 0));
POOL_AND(claims_cap, "order-claims-cap",
	 "also when the cap above is 0 for a moment",
	 RULES(.workers = 2, .below = 1, .cap = { 0, 2 }, .threads = 2),
	 IS(FIFO), order_reset, THREADS(submit_claims, pause_resume),
	 .settle = true, UP_TO(1, 0));
POOL_AND(in_row, "order-row", "two tasks of a submitter start in its order",
	 RULES(.workers = 2, .below = 1, .cap = { 2, 1 }, .threads = 1),
	 IS(SERIAL), order_reset, THREADS(submit_row), .settle = true,
	 UP_TO(2, 0));
POOL_AND(cap, "order-cap", "also when the cap above is 0 for a moment",
	 RULES(.workers = 2, .below = 1, .cap = { 0, 1 }, .threads = 2),
	 IS(SERIAL), order_reset, THREADS(submit_row, pause_resume),
	 .settle = true, UP_TO(2, 0));
POOL_AND(region, "order-region", "nothing starts beside a SERIAL region",
	 RULES(.workers = 2, .below = 1, .cap = { 1, 1 }, .threads = 1),
	 IS(SERIAL), order_reset, THREADS(submit_regions), .settle = true,
	 UP_TO(2, 0));
