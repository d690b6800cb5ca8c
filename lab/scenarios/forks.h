/* SPDX-License-Identifier: BSD-2-Clause */
/* What scenarios of tasks that fork have in common. */
#ifndef HEDDLE_LAB_SCENARIOS_FORKS_H
#define HEDDLE_LAB_SCENARIOS_FORKS_H

#include <heddle/forkjoin.h>

#include "lab/engine.h"
#include "lab/scenarios/pool.h"
#include "sched/worker.h"

static struct heddle_task root_task;
static unsigned int on[8],
	parts[8];         /* ghost: frames of a worker, calls of a part */
static bool gone;         /* ghost: nothing may run any more */
static unsigned int most; /* ghost: may run at a time */

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

static inline void join_root(void)
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
static inline const char *called_once(unsigned int n)
{
	for (unsigned int i = 1; i <= n; i++)
		if (parts[i] != 1)
			return "a fork was called twice, or not at all";
	return pool_at_rest();
}

static inline const char *one_called(void)
{
	return called_once(1);
}

static inline const char *two_called(void)
{
	return called_once(2);
}

static inline const char *three_called(void)
{
	return called_once(3);
}

static int short_part(int n);
HEDDLE_FORK_1(int, short_part, int)

static int short_part(int n)
{
	begins((unsigned int)n);
	ends();
	return n;
}

static unsigned int owner; /* ghost: worker of the root */

LAB_GHOST static void note_owner(unsigned int worker)
{
	owner = worker;
}

LAB_GHOST static bool is_owner(unsigned int worker)
{
	return worker == owner;
}

static inline void fork_one(struct heddle_task *task)
{
	struct part_fork one;

	(void)task;
	begins(0);
	will_fork();
	part_fork(groups[0], &one, 1);
	LAB_ASSERT(part_join(&one) == 41);
	ends();
}

static inline void fork_two(struct heddle_task *task)
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

static inline void root_two(void)
{
	start_root(fork_two);
	join_root();
	thread_ends();
}

#endif /* HEDDLE_LAB_SCENARIOS_FORKS_H */
