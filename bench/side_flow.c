/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many tasks at once: W2 tasks from tasks (and W11, the same with more workers), W5 a
 * burst from idle, W10 what the pool costs after it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/done.h"
#include "bench/side.h"

/* W2 -------------------------------------------------------------------------- */

static const char *no_tree(const struct hb_peer *peer)
{
	if (peer->is_threads)
		return "half a million threads are no pool";
	if (peer->is_outside)
		return "takes no task from inside of one";
	return NULL;
}

/* The same for all nodes, so the argument can be the depth alone. */
static const struct hb_side *tree_side;

static void node(void *arg)
{
	uintptr_t depth = (uintptr_t)arg;

	hb_done_add();
	if (!depth)
		return;
	hb_side_put(tree_side, tree_side->pool, node, (void *)(depth - 1));
	hb_side_put(tree_side, tree_side->pool, node, (void *)(depth - 1));
}

static int open_tree(struct hb_side *side)
{
	tree_side = side;
	side->pool = hb_side_open(side, (uint32_t)side->workers,
				  UINT64_C(2) << side->depth);
	return 0;
}

/* ns of a tree, a task. */
static double grow(struct hb_side *side, unsigned int depth)
{
	uint64_t n = (UINT64_C(2) << depth) - 1;
	uint64_t until = hb_done_sum() + n, start = ht_now();

	if (side->peer->tree)
		hb_side_must(side, "the root",
			     side->peer->tree(side->pool, depth));
	else
		hb_side_put(side, side->pool, node, (void *)(uintptr_t)depth);
	hb_done_wait(until);
	return (double)(ht_now() - start) / (double)n;
}

static int warm_tree(struct hb_side *side)
{
	grow(side, side->depth > 3 ? (unsigned int)side->depth - 3 : 0);
	return 0;
}

static int run_tree(struct hb_side *side)
{
	printf("round ns=%.3f\n", grow(side, (unsigned int)side->depth));
	return 0;
}

const struct hb_round_of hb_w2_round = {
	.id = "W2",
	.absent = no_tree,
	.open = open_tree,
	.warm_up = warm_tree,
	.round = run_tree,
};

/* W5 and W10 ------------------------------------------------------------------ */

static struct burst {
	uint64_t steps;
	uint64_t *ends; /* of each task, its own word */
	bool is_shared; /* threads of one task each */
} burst;

static void work(void *arg)
{
	uint64_t *end = arg;

	hb_work(burst.steps);
	*end = ht_now();
	if (burst.is_shared)
		hb_done_add_shared();
	else
		hb_done_add();
}

static int open_burst(struct hb_side *side)
{
	if (!side->tasks)
		side->tasks = 1000;
	burst.steps = hb_work_steps(side->work_us ? side->work_us : 10);
	burst.ends = ht_alloc(side->tasks, sizeof(*burst.ends));
	burst.is_shared = side->peer->is_threads;
	side->pool = hb_side_open(side, (uint32_t)side->workers, side->tasks);
	return 0;
}

/* From the first submit until the last task's end. */
static uint64_t run_burst(const struct hb_side *side)
{
	uint64_t until = hb_done_sum() + side->tasks, start, last, i;

	hb_side_sleep(5000000);
	start = last = ht_now();
	if (side->peer->each) {
		hb_side_must(side, "a burst",
			     side->peer->each(side->pool, work, burst.ends,
					      side->tasks));
		hb_side_must(side, "a burst that returned before its tasks",
			     hb_done_sum() == until ? 0 : -EPROTO);
	} else {
		for (i = 0; i < side->tasks; i++)
			hb_side_put(side, side->pool, work, &burst.ends[i]);
		hb_done_wait(until);
	}
	for (i = 0; i < side->tasks; i++)
		if (burst.ends[i] > last)
			last = burst.ends[i];
	return last - start;
}

static int warm_burst(struct hb_side *side)
{
	run_burst(side);
	return 0;
}

static int round_burst(struct hb_side *side)
{
	printf("round makespan=%llu\n", (unsigned long long)run_burst(side));
	return 0;
}

const struct hb_round_of hb_w5_round = {
	.id = "W5",
	.open = open_burst,
	.warm_up = warm_burst,
	.round = round_burst,
};

static double cpu_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static int round_idle(struct hb_side *side)
{
	double start, first, last;

	run_burst(side);
	start = cpu_ms();
	hb_side_sleep(1000000000);
	first = cpu_ms();
	hb_side_sleep(side->idle_seconds * 1000000000);
	last = cpu_ms();
	printf("round first_ms=%.4f idle_ms=%.4f\n", first - start,
	       (last - first) / (double)side->idle_seconds);
	return 0;
}

const struct hb_round_of hb_w10_round = {
	.id = "W10",
	.open = open_burst,
	.warm_up = warm_burst,
	.round = round_idle,
};
