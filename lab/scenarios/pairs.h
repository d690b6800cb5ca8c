/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What scenarios of two mechanisms at once share: submits, changes of a cap, regions
 * and joins, each with its ghost steps.
 */
#ifndef HEDDLE_LAB_SCENARIOS_PAIRS_H
#define HEDDLE_LAB_SCENARIOS_PAIRS_H

#include "lab/scenarios/pool.h"

static struct heddle_task child;

static inline void submit_1(void)
{
	submit(1);
	thread_ends();
}

static inline void submit_2(void)
{
	submit(2);
	thread_ends();
}

static inline void submit_3(void)
{
	submit(3);
	thread_ends();
}

static inline void submit_call(unsigned int g, void (*fn)(void *arg))
{
	LAB_ASSERT(heddle_submit_call(groups[g], fn, NULL) == 0);
	ghost_submitted(g);
}

static inline void change(unsigned int g, unsigned int cap)
{
	LAB_ASSERT(heddle_group_set_cap(groups[g], cap, NULL) == 0);
}

static inline void pause_1(void)
{
	change(1, 0);
	change(1, 1);
	thread_ends();
}

/* Everybody leaves, and one comes. */
static inline void stop_and_start(void)
{
	LAB_ASSERT(heddle_pool_stop(pool, 0, HEDDLE_R1_LEFT, NULL,
				    HEDDLE_FOREVER) == 0);
	LAB_ASSERT(heddle_pool_start(pool, 1, NULL, HEDDLE_FOREVER) == 0);
	thread_ends();
}

/* A region of a task of g; one that never returns is left open. */
static inline void region(unsigned int g, bool returns)
{
	lab_touch(&ghost);
	ghost_leave(g);
	LAB_ASSERT(heddle_block_begin(HEDDLE_BLOCK_IO, NULL, NULL) == 0);
	if (!returns)
		lab_sleep_for_ever();
	LAB_ASSERT(heddle_block_end() == 0);
	lab_touch(&ghost);
	ghost_enter(g);
}

static inline void begin(unsigned int g)
{
	lab_touch(&ghost);
	ghost_begin(g);
}

static inline void end(unsigned int g)
{
	lab_touch(&ghost);
	ghost_end(g);
}

/* Joins the child from a task of g; it may give the permits back. */
static inline void join_child(unsigned int g)
{
	lab_touch(&ghost);
	ghost_leave(g);
	LAB_ASSERT(heddle_join(&child, 0, HEDDLE_FOREVER) == 0);
	lab_touch(&ghost);
	ghost_enter(g);
}

static inline void submit_child(unsigned int g, heddle_task_fn fn)
{
	child = (struct heddle_task){ .fn = fn };
	LAB_ASSERT(heddle_submit(groups[g], &child) == 0);
	ghost_submitted(g);
}

static inline void body_1(struct heddle_task *task)
{
	(void)task;
	begin(1);
	end(1);
}

static inline void body_2(struct heddle_task *task)
{
	(void)task;
	begin(2);
	end(2);
}

static inline void body_3(struct heddle_task *task)
{
	(void)task;
	begin(3);
	end(3);
}

#endif /* HEDDLE_LAB_SCENARIOS_PAIRS_H */
