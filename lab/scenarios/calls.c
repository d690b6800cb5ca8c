/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tasks that submit calls to their own group, in a whole pool (doc/design/calls.md): the
 * stack of an owner that tells nobody, and what becomes of it when the owner goes.
 *
 * clause: C1
 * clause: C2
 * clause: D5
 * clause: Q1
 */
#include "lab/engine.h"
#include "lab/scenarios/pool.h"
#include "sched/worker.h"

static unsigned int calls[8]; /* ghost: of each part */
static bool gone;             /* ghost: nothing may run any more */
static bool lowered, raised;  /* ghost: the cap */

LAB_GHOST static void calls_reset(void)
{
	pool_reset();
	__builtin_memset(calls, 0, sizeof(calls));
	gone = lowered = raised = false;
}

LAB_GHOST static void note_call(unsigned int part)
{
	LAB_ASSERT(!gone);
	calls[part]++;
	ghost_begin(0);
}

LAB_GHOST static void note_gone(void)
{
	gone = true;
}

static void begins(unsigned int part)
{
	lab_touch(&ghost);
	note_call(part);
}

static void ends(void)
{
	lab_touch(&ghost);
	ghost_end(0);
}

static void submit_part(void (*fn)(void *), unsigned int n)
{
	ghost_submitted(0);
	LAB_ASSERT(heddle_submit_call(groups[0], fn, (void *)(uintptr_t)n) ==
		   0);
}

static void short_part(void *arg)
{
	begins((unsigned int)(uintptr_t)arg);
	ends();
}

static void long_part(void *arg)
{
	begins((unsigned int)(uintptr_t)arg);
	lab_sleep_for_ever();
}

static const char *called_once(unsigned int n)
{
	for (unsigned int i = 0; i <= n; i++)
		if (calls[i] != 1)
			return "a call was made twice, or not at all";
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

static const char *six_called(void)
{
	return called_once(5);
}

#define CALLS(id, title, about, pool_rules, threads, verdict, ...) \
 static const struct rules rules_##id = pool_rules; \
 static void setup_##id(void) \
 { \
  pool_make(&rules_##id); \
 } \
 LAB_SCENARIO(id, .name = title, .claim = about, .setup = setup_##id, \
	      .reset = calls_reset, .thread = threads, .at_rest = verdict, \
	      .settle = true, __VA_ARGS__)

/* -- an owner that does not come back -- */

static void call_for_ever(void *arg)
{
	(void)arg;
	begins(0);
	submit_part(long_part, 1);
	lab_sleep_for_ever();
}

static void root_for_ever(void)
{
	submit_part(call_for_ever, 0);
	thread_ends();
}

CALLS(stuck, "calls-stuck", "a call of a task that goes on is made elsewhere",
      RULES(.workers = 2, .threads = 1, .stuck = true), THREADS(root_for_ever),
      one_called, UP_TO(2, 0));
CALLS(stuck_old, "calls-stuck-old", "and loads may give an old value",
      RULES(.workers = 2, .threads = 1, .stuck = true), THREADS(root_for_ever),
      one_called, UP_TO(1, 1));

/* -- while another worker runs out of work -- */

static void root_beside_short(void)
{
	submit_part(short_part, 2);
	submit_part(call_for_ever, 0);
	thread_ends();
}

CALLS(begin, "calls-stuck-begin",
      "a first call while another worker goes to sleep",
      RULES(.workers = 2, .threads = 1, .stuck = true),
      THREADS(root_beside_short), two_called, UP_TO(1, 1));
CALLS(begin_old, "calls-stuck-begin-old", "and loads may give many old values",
      RULES(.workers = 2, .threads = 1, .stuck = true),
      THREADS(root_beside_short), two_called, UP_TO(0, 5));

/* -- who was woken for the first one is going to sleep again -- */

static void call_again_for_ever(void *arg)
{
	(void)arg;
	begins(0);
	submit_part(short_part, 1);
	for (int i = 0; i < 8; i++)
		hd_relax();
	submit_part(long_part, 2);
	lab_sleep_for_ever();
}

static void root_again_for_ever(void)
{
	submit_part(call_again_for_ever, 0);
	thread_ends();
}

CALLS(again, "calls-stuck-again", "and so is one behind another",
      RULES(.workers = 2, .threads = 1, .stuck = true),
      THREADS(root_again_for_ever), two_called, UP_TO(2, 0));
CALLS(again_old, "calls-stuck-again-old", "and loads may give an old value",
      RULES(.workers = 2, .threads = 1, .stuck = true),
      THREADS(root_again_for_ever), two_called, UP_TO(1, 1));

/* -- the last one, and a thief -- */

static void call_one(void *arg)
{
	(void)arg;
	begins(0);
	submit_part(short_part, 1);
	ends();
}

static void root_one(void)
{
	submit_part(call_one, 0);
	thread_ends();
}

CALLS(last, "calls-last", "of an owner and a thief one makes the call",
      RULES(.workers = 2, .threads = 1), THREADS(root_one), one_called,
      UP_TO(2, 0));

/* -- all that was there was taken, and more comes -- */

static struct heddle_task more;

static void submit_more(struct heddle_task *task)
{
	(void)task;
	begins(4);
	submit_part(long_part, 5);
	lab_sleep_for_ever();
}

static void call_three_and_more(void *arg)
{
	(void)arg;
	begins(0);
	more = (struct heddle_task){ .fn = submit_more };
	submit_part(short_part, 1);
	submit_part(short_part, 2);
	submit_part(short_part, 3);
	for (int i = 0; i < 30; i++)
		hd_relax(); /* others make them */
	ghost_submitted(0);
	LAB_ASSERT(heddle_submit(groups[0], &more) == 0);
	ends();
}

static void root_three_and_more(void)
{
	submit_part(call_three_and_more, 0);
	thread_ends();
}

CALLS(reset, "calls-reset", "a stack of which all was taken begins again",
      RULES(.workers = 2, .threads = 1, .stuck = true),
      THREADS(root_three_and_more), six_called, UP_TO(1, 0));

/* -- the owner gives its permit back, and goes -- */

static void call_two(void *arg)
{
	(void)arg;
	begins(0);
	submit_part(short_part, 1);
	submit_part(short_part, 2);
	ends();
}

static void root_two(void)
{
	submit_part(call_two, 0);
	thread_ends();
}

static void down_and_up(void)
{
	LAB_ASSERT(heddle_group_set_cap(groups[0], 0, NULL) == 0);
	LAB_ASSERT(heddle_group_set_cap(groups[0], 2, NULL) == 0);
	thread_ends();
}

CALLS(left, "calls-left", "what a lowered cap has left behind is made later",
      RULES(.workers = 2, .threads = 2), THREADS(root_two, down_and_up),
      two_called, UP_TO(1, 0));

static void call_two_and_leave(void *arg)
{
	(void)arg;
	begins(0);
	submit_part(short_part, 1);
	submit_part(short_part, 2);
	ends();
	lab_leave();
}

static void root_leaves(void)
{
	submit_part(call_two_and_leave, 0);
	thread_ends();
}

CALLS(leave, "calls-exit", "and so is what a thread has that was left",
      RULES(.workers = 1, .threads = 1), THREADS(root_leaves), two_called,
      UP_TO(1, 0));

/* -- a cap of none -- */

LAB_GHOST static void note_lowered(void)
{
	lowered = true;
}

LAB_GHOST static bool is_lowered(void)
{
	return lowered;
}

LAB_GHOST static void note_raised(void)
{
	raised = true;
}

LAB_GHOST static bool is_raised(void)
{
	return raised;
}

static void late_part(void *arg)
{
	LAB_ASSERT(is_raised());
	short_part(arg);
}

static void call_late(void *arg)
{
	(void)arg;
	begins(0);
	LAB_ASSERT(heddle_group_set_cap(groups[0], 0, NULL) == 0);
	submit_part(late_part, 1);
	lab_touch(&ghost);
	note_lowered();
	ends();
}

/* In a row: what follows is seen between two calls. */
static void call_call_late(void *arg)
{
	(void)arg;
	begins(2);
	submit_part(call_late, 0);
	ends();
}

static void root_late(void)
{
	submit_part(call_call_late, 2);
	thread_ends();
}

static void raise(void)
{
	lab_touch(&ghost);
	if (is_lowered()) {
		note_raised();
		LAB_ASSERT(heddle_group_set_cap(groups[0], 2, NULL) == 0);
	}
	thread_ends();
}

static const char *late_called(void)
{
	if (raised)
		return called_once(1);
	return calls[1] ? "a call was made under a cap of 0" : NULL;
}

CALLS(none, "calls-none", "a call that comes behind a cap of 0 waits",
      RULES(.workers = 2, .threads = 2), THREADS(root_late, raise), late_called,
      UP_TO(1, 0));

/* -- closes -- */

LAB_GHOST static void note_drained(void)
{
	gone = true;
	LAB_ASSERT(!ghost.begun[0] || calls[1]);
}

static void call_one_or_none(void *arg)
{
	int rc;

	(void)arg;
	begins(0);
	rc = heddle_submit_call(groups[0], short_part, (void *)(uintptr_t)1);
	LAB_ASSERT(rc == 0 || rc == -ESHUTDOWN);
	ends();
}

static void root_one_or_none(void)
{
	int rc = heddle_submit_call(groups[0], call_one_or_none, NULL);

	LAB_ASSERT(rc == 0 || rc == -ESHUTDOWN);
	thread_ends();
}

static void drain(void)
{
	LAB_ASSERT(heddle_group_close(groups[0], HEDDLE_CLOSE_DRAIN,
				      HEDDLE_FOREVER) == 0);
	lab_touch(&ghost);
	note_drained();
	thread_ends();
}

static void refuse(void)
{
	LAB_ASSERT(heddle_group_close(groups[0], HEDDLE_CLOSE_REFUSE,
				      HEDDLE_FOREVER) == 0);
	lab_touch(&ghost);
	note_gone();
	thread_ends();
}

static const char *all_ended(void)
{
	return ghost.ended_threads == rules->threads
		       ? NULL
		       : "lost wake-up: a thread does not come to its end";
}

CALLS(drain, "calls-drain", "a drain waits for the calls of its tasks",
      RULES(.workers = 2, .threads = 2), THREADS(root_one_or_none, drain),
      all_ended, UP_TO(1, 0));
CALLS(refuse, "calls-refuse", "a refusal takes them out",
      RULES(.workers = 2, .threads = 2), THREADS(root_one_or_none, refuse),
      all_ended, UP_TO(1, 0));
