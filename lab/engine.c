/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scheduling and the loop over executions. Two modes: while setup runs, fiber 0
 * goes on whenever it can and nothing is chosen; afterwards every scheduling
 * point asks the strategy.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lab/engine.h"
#include "lab/fiber.h"
#include "lab/memory.h"
#include "lab/platform.h"

#define FOREVER     UINT64_MAX
#define STEP_NS     1000
#define STEP_NS_MAX (UINT64_MAX / 2)

enum state {
	UNUSED,
	READY,
	BLOCKED,
	ENDED
};

struct fiber_state {
	enum state state;
	bool yielded; /* another one goes first, if it can */
	bool timed_out;
	const void *key; /* what it is blocked on */
	uint64_t deadline;
	uint64_t since; /* when it was blocked: wakes are in this order */
	void (*fn)(void *arg);
	void *arg;
};

const struct lab_options lab_defaults = {
	.strategy = LAB_DFS,
	.level = 2,
	.steps_max = 20000,
	.stale_max = 2,
};

static struct {
	const struct lab_scenario *scenario;
	const struct lab_options *options;
	struct fiber_state fiber[LAB_FIBERS_MAX];
	unsigned int count, current;
	bool exploring, settling, judging;
	uint64_t step, blocks, time_jump;
	bool failed;
	char message[512];
} e;

bool lab_is_exploring(void)
{
	return e.exploring;
}

const struct lab_scenario *lab_scenario_now(void)
{
	return e.scenario;
}

const struct lab_options *lab_options_now(void)
{
	return e.options;
}

unsigned int lab_current(void)
{
	return e.current;
}

unsigned int lab_fibers(void)
{
	return e.count;
}

bool lab_has_ended(unsigned int fiber)
{
	return e.fiber[fiber].state == ENDED;
}

uint64_t lab_now(void)
{
	return e.time_jump + e.step * STEP_NS;
}

_Noreturn void lab_fail(const char *fmt, ...)
{
	va_list args;
	int n = snprintf(e.message, sizeof(e.message),
			 "thread %u: ", e.current);

	va_start(args, fmt);
	vsnprintf(e.message + n, sizeof(e.message) - (size_t)n, fmt, args);
	va_end(args);
	e.failed = true;
	lab_fiber_leave();
}

extern const char __executable_start;

void lab_trace(const void *pc, const char *fmt, ...)
{
	va_list args;

	if (!e.options->verbose || !e.exploring)
		return;
	fprintf(stderr, "%6llu thread %u ", (unsigned long long)e.step,
		e.current);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	if (pc)
		fprintf(stderr, "  at +%#lx",
			(unsigned long)((const char *)pc -
					&__executable_start));
	fputc('\n', stderr);
}

/* -- who runs -- */

/* Nobody can run: the verdict, and back to the loop. */
static _Noreturn void rest(void)
{
	const char *verdict = NULL;
	unsigned int asleep = 0;

	if (!e.exploring)
		lab_fail("%s waits for ever",
			 e.judging ? "the verdict" : "setup");
	for (unsigned int i = 0; i < e.count; i++)
		asleep += e.fiber[i].state == BLOCKED;
	e.exploring = false;
	e.judging = true;
	if (e.scenario->at_rest)
		verdict = e.scenario->at_rest();
	else if (asleep)
		verdict = "asleep for ever";
	if (verdict)
		lab_fail("%s (%u asleep)", verdict, asleep);
	lab_fiber_leave();
}

/* Time passes only when nobody can run. Wakes the earliest deadline. */
static bool expire(void)
{
	struct fiber_state *first = NULL;

	for (unsigned int i = 0; i < e.count; i++) {
		struct fiber_state *f = &e.fiber[i];

		if (f->state == BLOCKED && f->deadline != FOREVER &&
		    (!first || f->deadline < first->deadline))
			first = f;
	}
	if (!first)
		return false;
	if (first->deadline > lab_now() && first->deadline < STEP_NS_MAX)
		e.time_jump += first->deadline - lab_now();
	first->state = READY;
	first->timed_out = true;
	return true;
}

/* Those that can run, the current one first if it may go on. */
static unsigned int runnable(unsigned int *option, bool leaves)
{
	unsigned int n = 0;

	if (!leaves && e.fiber[e.current].state == READY)
		option[n++] = e.current;
	for (unsigned int i = 0; i < e.count; i++)
		if (e.fiber[i].state == READY && i != e.current &&
		    !e.fiber[i].yielded)
			option[n++] = i;
	if (n)
		return n;
	for (unsigned int i = 0; i < e.count; i++)
		if (e.fiber[i].state == READY)
			option[n++] = i;
	return n;
}

/*
 * During setup fiber 0 goes on when it can, and comes last when it settles. The
 * others take turns step by step: all workers of a pool are equally far when
 * the last one has started.
 */
static unsigned int quiet_pick(const unsigned int *option, unsigned int n)
{
	unsigned int best = 0, best_rank = UINT32_MAX;

	for (unsigned int i = 0; i < n; i++) {
		unsigned int rank =
			(option[i] + LAB_FIBERS_MAX - e.current - 1) %
			LAB_FIBERS_MAX;

		if (option[i] == 0)
			rank = e.settling ? LAB_FIBERS_MAX : 0;
		else
			rank++;
		if (rank < best_rank) {
			best = i;
			best_rank = rank;
		}
	}
	return best;
}

static void reschedule(bool leaves)
{
	unsigned int option[LAB_FIBERS_MAX];
	unsigned int n, from = e.current, to;
	bool stays = !leaves && e.fiber[from].state == READY;

	if (++e.step > e.options->steps_max)
		lab_fail("no end after %llu steps: a livelock?",
			 (unsigned long long)e.options->steps_max);
	n = runnable(option, leaves);
	if (!n && expire())
		n = runnable(option, leaves);
	if (!n)
		rest();
	to = option[e.exploring ? lab_choose_fiber(option, n, stays, e.step)
				: quiet_pick(option, n)];
	for (unsigned int i = 0; i < e.count; i++)
		if (i != to)
			e.fiber[i].yielded = false;
	if (to == from)
		return;
	e.current = to;
	lab_fiber_switch(from, to);
}

void lab_step(void)
{
	/* Setup has nothing to choose while it can go on by itself. */
	if (e.judging || (!e.exploring && e.current == 0 && !e.settling))
		return;
	reschedule(false);
}

void lab_yield(void)
{
	e.fiber[e.current].yielded = true;
	reschedule(true);
}

void lab_pause(void)
{
	lab_step();
}

bool lab_block(const void *key, uint64_t deadline)
{
	struct fiber_state *f = &e.fiber[e.current];

	f->state = BLOCKED;
	f->key = key;
	f->deadline = deadline;
	f->since = ++e.blocks;
	f->timed_out = false;
	reschedule(true);
	return !f->timed_out;
}

unsigned int lab_wake(const void *key, unsigned int n)
{
	unsigned int woken = 0;

	while (woken < n) {
		struct fiber_state *first = NULL;

		for (unsigned int i = 0; i < e.count; i++) {
			struct fiber_state *f = &e.fiber[i];

			if (f->state == BLOCKED && f->key == key &&
			    (!first || f->since < first->since))
				first = f;
		}
		if (!first)
			break;
		first->state = READY;
		woken++;
	}
	return woken;
}

_Noreturn void lab_sleep_for_ever(void)
{
	for (;;)
		lab_block(&e, FOREVER);
}

/* -- threads -- */

static void thread_main(void *arg)
{
	struct fiber_state *f = arg;

	f->fn(f->arg);
	lab_memory_thread_ends(e.current);
	f->state = ENDED;
	lab_wake(f, UINT32_MAX); /* who joins sleeps on it */
	reschedule(true);
	abort();
}

unsigned int lab_spawn(void (*fn)(void *arg), void *arg)
{
	unsigned int i = e.count;
	struct fiber_state *f = &e.fiber[i];

	if (i == LAB_FIBERS_MAX)
		lab_fail("more than %d threads", LAB_FIBERS_MAX);
	e.count++;
	*f = (struct fiber_state){ .state = READY, .fn = fn, .arg = arg };
	lab_fiber_prepare(i, thread_main, f);
	lab_memory_thread_begins(i, e.current);
	return i;
}

const void *lab_end_key(unsigned int fiber)
{
	return &e.fiber[fiber];
}

static void scenario_thread(void *arg)
{
	e.scenario->thread[(uintptr_t)arg]();
}

/* Fiber 0: everything before the exploration. */
static void setup_main(void *arg)
{
	(void)arg;
	if (e.scenario->setup)
		e.scenario->setup();
	if (e.scenario->settle) {
		/* Runs again when all others sleep or spin. */
		e.settling = true;
		for (unsigned int i = 0; i < e.count; i++)
			lab_yield();
		e.settling = false;
	}
	for (uintptr_t i = 0; i < LAB_THREADS_MAX && e.scenario->thread[i]; i++)
		lab_spawn(scenario_thread, (void *)i);
	lab_memory_explore();
	e.exploring = true;
	e.fiber[0].state = ENDED;
	reschedule(true);
	abort();
}

/* -- executions -- */

static bool run_once(uint64_t execution)
{
	lab_strategy_restart(execution);
	lab_memory_reset();
	lab_platform_reset();
	memset(e.fiber, 0, sizeof(e.fiber));
	e.count = 1;
	e.current = 0;
	e.exploring = false;
	e.settling = e.judging = false;
	e.failed = false;
	e.step = e.blocks = e.time_jump = 0;
	e.fiber[0].state = READY;
	lab_fiber_prepare(0, setup_main, NULL);
	lab_fiber_enter(0);
	lab_memory_undo();
	return !e.failed;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void lab_explore(const struct lab_scenario *scenario,
		 const struct lab_options *options, struct lab_result *result)
{
	double begin = seconds();

	memset(result, 0, sizeof(*result));
	e.scenario = scenario;
	e.options = options;
	lab_strategy_begin(options->strategy, options->level, options->seed);
	if (options->strategy == LAB_REPLAY &&
	    !lab_strategy_prescribe(options->replay)) {
		result->failed = true;
		strcpy(result->message, "not a replay string");
		return;
	}
	for (;;) {
		bool passed = run_once(result->executions++);

		result->steps += e.step;
		if (!passed) {
			result->failed = true;
			memcpy(result->message, e.message, sizeof(e.message));
			result->replay = lab_strategy_string();
			break;
		}
		if (!lab_strategy_next()) {
			result->complete = options->strategy == LAB_DFS;
			break;
		}
		if (options->executions_max &&
		    result->executions >= options->executions_max)
			break;
		/* The clock costs more than a small execution. */
		if (options->seconds_max > 0 && result->executions % 64 == 0 &&
		    seconds() - begin > options->seconds_max)
			break;
	}
	result->seconds = seconds() - begin;
}
