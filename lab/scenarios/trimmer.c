/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The workers of a pool that give the memory of nodes back when they have nothing to do
 * (sched/trim.h), against submits: at rest nothing of a burst is left. Here one task is
 * a burst, and the time to wait has passed when a worker begins to sleep.
 *
 * property: P38
 */
#include "lab/scenarios/pool.h"

static void be_eager(void)
{
	pool->trim_least = 1;
	pool->trim_after_ns = 0;
}

static const char *trimmer_at_rest(void)
{
	const char *verdict = pool_at_rest();

	if (!verdict && hd_nodes_touched_any(&pool->nodes))
		verdict = "kept: all sleep, and nodes have memory";
	return verdict;
}

#define TRIMMER(id, title, what, pool_rules, threads, ...) \
 static const struct rules rules_##id = pool_rules; \
 POOL_SETUP_(id, be_eager()) \
 LAB_SCENARIO(id, .name = title, .claim = what, .setup = setup_##id, \
	      .reset = pool_reset, .thread = threads, \
	      .at_rest = trimmer_at_rest, __VA_ARGS__)

TRIMMER(trimmer_one, "trimmer-one", "one worker gives back what it has run",
	RULES(.workers = 1, .threads = 1), THREADS(submit_two), UP_TO(2, 0));
TRIMMER(trimmer_two, "trimmer-two", "the last of two workers does",
	RULES(.workers = 2, .threads = 1), THREADS(submit_two), USUAL);
TRIMMER(trimmer_both, "trimmer-both", "with two submitters",
	RULES(.workers = 2, .threads = 2), THREADS(submit_one, submit_one),
	USUAL);
/* Who closes trims as well, when it has freed what it cancelled. */
static void submit_refuse(void)
{
	submit(0);
	LAB_ASSERT(heddle_group_close(groups[0], HEDDLE_CLOSE_REFUSE,
				      HEDDLE_FOREVER) == 0);
	thread_ends();
}

static const char *refused_at_rest(void)
{
	if (hd_nodes_touched_any(&pool->nodes))
		return "kept: all sleep, and nodes have memory";
	return NULL;
}

static const struct rules refuse_rules = RULES(.workers = 2, .threads = 1);

static void setup_refuse(void)
{
	pool_make(&refuse_rules);
	be_eager();
}

LAB_SCENARIO(trimmer_refuse, .name = "trimmer-refuse",
	     .claim = "a refusal leaves nothing, whoever trims beside it",
	     .setup = setup_refuse, .reset = pool_reset,
	     .thread = { submit_refuse }, .at_rest = refused_at_rest, USUAL);

TRIMMER(trimmer_old, "trimmer-old", "and loads may give an old value",
	RULES(.workers = 2, .threads = 1), THREADS(submit_one), UP_TO(1, 1));
