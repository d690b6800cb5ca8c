/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scheduling and the loop over executions. Two modes: while setup runs, fiber 0
 * goes on whenever it can and nothing is chosen; afterwards every scheduling
 * point asks the strategy.
 */
#undef _FORTIFY_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lab/engine.h"
#include "lab/fiber.h"
#include "lab/memory.h"
#include "lab/platform.h"
#include "lab/trace.h"

#define ASK_NS      1000 /* each question for the time takes so long */
#define ROW_MAX     2000 /* steps of one thread: it spins without a yield */
#define DEAF_YIELDS 64   /* that one passes over who chose not to yield */
#define CLOCK_EVERY 64   /* executions: the clock costs more than a small one */

struct fiber_state {
	const void *key; /* what it is blocked on */
	uint64_t deadline;
	uint64_t since; /* when it was blocked: wakes are in this order */
	bool timed_out;
	bool stepped;      /* since its last yield */
	unsigned int deaf; /* yields that it still passes over */
	bool ended;
	struct lab_op op; /* that it does next */
	void (*fn)(void *arg);
	void *arg;
};

/* What an execution changes; as setup left it, it is kept for the next one. */
struct engine {
	struct fiber_state fiber[LAB_FIBERS_MAX];
	uint32_t ready, yielded, blocked; /* masks of fibers */
	uint32_t asleep;                  /* preempted, see strategy.h */
	bool settling;
	uint64_t blocks, time;
	unsigned int in_a_row; /* steps of the current fiber */
	unsigned int count;
};

const struct lab_options lab_defaults = {
	.strategy = LAB_DFS,
	.bound = 2,
	.depth = 3,
	.old_max = -1,
	.steps_max = 20000,
	.reduction = true,
};

struct lab_now lab_at;

static struct engine e, at_begin;
static struct lab_options open_options;

enum outcome {
	PASSED,
	SET_UP,
	ABANDONED,
	UNFIT,
	FAILED
};

static enum outcome outcome;
static bool starting; /* the engine chooses, and no fiber runs */
static jmp_buf at_start;
static char message[512], kind[24];

static uint32_t bit(unsigned int fiber)
{
	return 1u << fiber;
}

bool lab_has_ended(unsigned int fiber)
{
	return e.fiber[fiber].ended;
}

uint64_t lab_time(void)
{
	return e.time;
}

uint64_t lab_time_asked(void)
{
	e.time += ASK_NS;
	return e.time;
}

/* -- how executions end -- */

static _Noreturn void leave(enum outcome how)
{
	outcome = how;
	if (starting)
		_longjmp(at_start, 1);
	lab_fiber_leave(lab_at.current);
}

static _Noreturn __attribute__((format(printf, 2, 0))) void
fail(const char *as, const char *fmt, va_list args)
{
	int n = 0;

	if (!lab_at.judging)
		n = snprintf(message, sizeof(message),
			     "thread %u: ", lab_at.current);
	snprintf(kind, sizeof(kind), "%s", as);
	vsnprintf(message + n, sizeof(message) - (size_t)n, fmt, args);
	leave(FAILED);
}

_Noreturn void lab_fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fail("assertion", fmt, args);
}

_Noreturn void lab_fail_as(const char *as, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fail(as, fmt, args);
}

_Noreturn void lab_unfit(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	leave(UNFIT);
}

_Noreturn void lab_abandon(void)
{
	leave(ABANDONED);
}

/* Nobody can run: the verdict. "kind: what is wrong", or only the latter. */
static _Noreturn void rest(void)
{
	const char *verdict = NULL, *colon;
	int asleep = __builtin_popcount(e.blocked);

	if (!lab_at.exploring)
		lab_fail_as("asleep", "%s waits for ever",
			    lab_at.judging ? "the verdict" : "setup");
	lab_at.exploring = false;
	lab_at.judging = true;
	if (lab_at.scenario->at_rest)
		verdict = lab_at.scenario->at_rest();
	else if (asleep)
		verdict = "lost wake-up: asleep for ever";
	if (!verdict)
		leave(PASSED);
	colon = strchr(verdict, ':');
	if (colon && colon - verdict < (int)sizeof(kind)) {
		char name[sizeof(kind)] = "";

		memcpy(name, verdict, (size_t)(colon - verdict));
		lab_fail_as(name, "%s (%d asleep)", colon + 2, asleep);
	}
	lab_fail_as("verdict", "%s (%d asleep)", verdict, asleep);
}

/* -- who runs -- */

/* Time passes only when nobody can run. Wakes the earliest deadline. */
static bool expire(void)
{
	struct fiber_state *first = NULL;
	unsigned int who = 0;

	for (unsigned int i = 0; i < e.count; i++) {
		struct fiber_state *f = &e.fiber[i];

		if (e.blocked & bit(i) && f->deadline != LAB_FOREVER &&
		    (!first || f->deadline < first->deadline)) {
			first = f;
			who = i;
		}
	}
	if (!first)
		return false;
	if (first->deadline > e.time)
		e.time = first->deadline;
	e.blocked &= ~bit(who);
	e.ready |= bit(who);
	first->timed_out = true;
	return true;
}

/*
 * During setup fiber 0 goes on when it can, and comes last when it settles. The
 * others take turns step by step: all workers of a pool are equally far when
 * the last one has started.
 */
static unsigned int quiet_pick(uint32_t can)
{
	if (can & 1u && !e.settling)
		return 0;
	for (unsigned int i = 1; i <= LAB_FIBERS_MAX; i++) {
		unsigned int fiber = (lab_at.current + i) % LAB_FIBERS_MAX;

		if (fiber && can & bit(fiber))
			return fiber;
	}
	return 0;
}

static bool depends(struct lab_op a, struct lab_op b)
{
	if (a.sc + b.sc > 2 * LAB_OP_SC_ACCESS && a.sc && b.sc)
		return true;
	if (a.kind == LAB_OP_LOCAL || b.kind == LAB_OP_LOCAL)
		return false;
	if (a.kind == LAB_OP_ANY || b.kind == LAB_OP_ANY)
		return true;
	if (a.kind == LAB_OP_READ && b.kind == LAB_OP_READ)
		return false;
	return a.at < b.at + b.size && b.at < a.at + a.size;
}

/*
 * How: it goes on or is preempted; it cannot go on; it yields, so that others
 * come first, and to go on nevertheless counts as a preemption.
 */
static unsigned int pick(uint32_t can, enum lab_switch how)
{
	unsigned int option[LAB_FIBERS_MAX], n = 0, taken, to;
	bool stays = how == LAB_MAY_STAY;
	uint32_t asleep = 0;

	if ((can & (can - 1) || how == LAB_YIELDS) &&
	    lab_strategy_repeats(&to, &e.asleep)) {
		if (how == LAB_YIELDS && to == lab_at.current)
			e.fiber[to].deaf = DEAF_YIELDS;
		return to;
	}
	if (stays)
		option[n++] = lab_at.current;
	for (uint32_t left = stays ? can & ~bit(lab_at.current) : can; left;
	     left &= left - 1) {
		unsigned int i = (unsigned int)__builtin_ctz(left);

		if (e.asleep & bit(i))
			asleep |= 1u << n;
		option[n++] = i;
	}
	if (how == LAB_YIELDS)
		option[n++] = lab_at.current;
	taken = lab_choose_fiber(option, n, how, asleep);
	to = option[taken];
	if (how == LAB_YIELDS && to == lab_at.current)
		e.fiber[to].deaf = DEAF_YIELDS;
	if (lab_at.options->strategy != LAB_DFS)
		return to;
	if (!lab_at.options->reduction) {
		if (n > 1)
			lab_strategy_note(to, 0);
		return to;
	}
	if (stays && taken)
		e.asleep |= bit(lab_at.current);
	for (uint32_t left = e.asleep; left; left &= left - 1) {
		unsigned int i = (unsigned int)__builtin_ctz(left);

		if (i == to || depends(e.fiber[i].op, e.fiber[to].op))
			e.asleep &= ~bit(i);
	}
	if (n > 1)
		lab_strategy_note(to, e.asleep);
	return to;
}

/* Who runs next. */
static unsigned int next_fiber(enum lab_switch how)
{
	uint32_t can = e.ready & ~e.yielded;
	unsigned int to;

	if (++e.in_a_row > ROW_MAX && how == LAB_MAY_STAY &&
	    can & ~bit(lab_at.current)) {
		can &= ~bit(lab_at.current);
		how = LAB_MUST_LEAVE;
	}
	if (++lab_at.step > lab_at.options->steps_max)
		lab_fail_as("livelock", "no end after %llu steps",
			    (unsigned long long)lab_at.options->steps_max);
	if (!can) {
		can = e.ready;
		if (how == LAB_YIELDS && can)
			how = LAB_MUST_LEAVE; /* all others wait for it */
	}
	if (!can && expire())
		can = e.ready;
	if (!can)
		rest();
	if (how == LAB_MAY_STAY && !(can & bit(lab_at.current)))
		how = LAB_MUST_LEAVE;
	if (how == LAB_MAY_STAY && can == bit(lab_at.current) && !e.asleep &&
	    lab_at.options->strategy == LAB_DFS)
		return lab_at.current; /* nothing to choose */
	to = lab_at.exploring ? pick(can, how) : quiet_pick(can);
	e.yielded = 0; /* all have let another one go first */
	return to;
}

static void reschedule(enum lab_switch how)
{
	unsigned int from = lab_at.current, to = next_fiber(how);

	if (to == from)
		return;
	e.in_a_row = 0;
	lab_at.current = to;
	lab_fiber_switch(from, to);
}

void lab_step(struct lab_op op)
{
	struct fiber_state *f = &e.fiber[lab_at.current];

	/* Setup has nothing to choose while it can go on by itself. */
	if (lab_at.judging ||
	    (!lab_at.exploring && lab_at.current == 0 && !e.settling))
		return;
	f->op = op;
	f->stepped = true;
	reschedule(LAB_MAY_STAY);
}

static const struct lab_op any_op = { 0, 0, LAB_OP_ANY, LAB_OP_SC_FENCE };

void lab_yield(void)
{
	struct fiber_state *f = &e.fiber[lab_at.current];

	/* What it saw before it has not looked at again. */
	if (lab_at.judging || (!f->stepped && lab_at.exploring))
		return;
	f->stepped = false;
	if (f->deaf) {
		f->deaf--;
		return;
	}
	f->op = any_op;
	e.yielded |= bit(lab_at.current);
	reschedule(LAB_YIELDS);
}

void lab_touch(const void *ghost)
{
	lab_step((struct lab_op){ (uintptr_t)ghost, 1, LAB_OP_WRITE, 0 });
}

unsigned int lab_pick(unsigned int n)
{
	return lab_at.exploring ? lab_choose(n) : 0;
}

bool lab_block(const void *key, uint64_t deadline)
{
	struct fiber_state *f = &e.fiber[lab_at.current];

	e.ready &= ~bit(lab_at.current);
	e.blocked |= bit(lab_at.current);
	f->key = key;
	f->deadline = deadline;
	f->since = ++e.blocks;
	f->timed_out = false;
	f->stepped = true;
	f->op = any_op;
	reschedule(LAB_MUST_LEAVE);
	return !f->timed_out;
}

unsigned int lab_wake(const void *key, unsigned int n)
{
	unsigned int woken = 0;

	while (woken < n) {
		unsigned int first = LAB_FIBERS_MAX;

		for (unsigned int i = 0; i < e.count; i++)
			if (e.blocked & bit(i) && e.fiber[i].key == key &&
			    (first == LAB_FIBERS_MAX ||
			     e.fiber[i].since < e.fiber[first].since))
				first = i;
		if (first == LAB_FIBERS_MAX)
			break;
		e.blocked &= ~bit(first);
		e.ready |= bit(first);
		woken++;
	}
	return woken;
}

_Noreturn void lab_sleep_for_ever(void)
{
	for (;;)
		lab_block(&e, LAB_FOREVER);
}

/* -- threads -- */

static _Noreturn void end_fiber(void)
{
	struct fiber_state *f = &e.fiber[lab_at.current];

	f->ended = true;
	e.ready &= ~bit(lab_at.current);
	lab_wake(f, UINT32_MAX); /* who joins sleeps on it */
	reschedule(LAB_MUST_LEAVE);
	abort();
}

void lab_end_thread(void)
{
	lab_memory_thread_ends(lab_at.current);
	end_fiber();
}

static void thread_main(void *arg)
{
	struct fiber_state *f = arg;

	f->fn(f->arg);
	lab_end_thread();
}

unsigned int lab_spawn(void (*fn)(void *arg), void *arg)
{
	unsigned int i = e.count;
	struct fiber_state *f = &e.fiber[i];

	if (i == LAB_FIBERS_MAX)
		lab_fail("more than %d threads", LAB_FIBERS_MAX);
	lab_at.count = ++e.count;
	/* Up to its first step it does nothing that others see: LAB_OP_LOCAL. */
	*f = (struct fiber_state){ .fn = fn, .arg = arg };
	e.ready |= bit(i);
	lab_fiber_prepare(i, thread_main, f);
	lab_memory_thread_begins(i, lab_at.current);
	return i;
}

const void *lab_end_key(unsigned int fiber)
{
	return &e.fiber[fiber];
}

static void scenario_thread(void *arg)
{
	lab_at.scenario->thread[(uintptr_t)arg]();
}

/* Fiber 0: everything before the exploration. */
static void setup_main(void *arg)
{
	(void)arg;
	if (lab_at.scenario->setup)
		lab_at.scenario->setup();
	if (lab_at.scenario->settle) {
		/* Runs again when all others sleep or spin. */
		e.settling = true;
		for (unsigned int i = 0; i < e.count; i++) {
			e.fiber[0].stepped = true;
			lab_yield();
		}
		e.settling = false;
	}
	for (uintptr_t i = 0; i < LAB_THREADS_MAX; i++)
		if (lab_at.scenario->thread[i])
			lab_spawn(scenario_thread, (void *)i);
	e.ready &= ~1u;
	e.fiber[0].ended = true;
	leave(SET_UP);
}

/* -- executions -- */

static bool run_setup(void)
{
	lab_memory_reset();
	lab_platform_reset();
	memset(&e, 0, sizeof(e));
	lab_at.count = e.count = 1;
	lab_at.current = 0;
	lab_at.exploring = lab_at.judging = false;
	lab_at.step = 0;
	e.ready = 1;
	lab_fiber_prepare(0, setup_main, NULL);
	lab_fiber_enter(0);
	return outcome == SET_UP;
}

void lab_open(const struct lab_scenario *scenario,
	      const struct lab_options *options)
{
	open_options = *options;
	open_options.real_threads |= !lab_fiber_possible();
	lab_at.scenario = scenario;
	lab_at.options = &open_options;
	lab_fiber_init(open_options.real_threads);
	lab_memory_open();
	if (!run_setup())
		return;
	at_begin = e;
	if (open_options.real_threads)
		return;
	lab_fiber_save(e.ready | e.blocked);
	lab_platform_save();
	lab_memory_mark();
}

/* Everything as setup left it. */
static bool restore(void)
{
	lab_memory_undo();
	if (open_options.real_threads) {
		lab_memory_open();
		return run_setup();
	}
	e = at_begin;
	lab_at.count = e.count;
	lab_fiber_restore();
	lab_platform_restore();
	return true;
}

static void run_once(uint64_t execution)
{
	lab_strategy_restart(execution);
	if (!restore())
		return;
	lab_memory_explore();
	lab_trace_restart();
	lab_at.judging = false;
	lab_at.step = 0;
	lab_at.current = 0;
	if (lab_at.scenario->reset)
		lab_at.scenario->reset();
	lab_at.exploring = true;
	outcome = PASSED;
	starting = true;
	if (!_setjmp(at_start)) {
		lab_at.current = pick(e.ready, LAB_MUST_LEAVE);
		starting = false;
		lab_fiber_enter(lab_at.current);
	}
	starting = false;
	lab_memory_settle();
	lab_at.exploring = lab_at.judging = false;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void note_outcome(struct lab_result *result)
{
	result->steps += lab_at.step;
	result->executions += outcome != ABANDONED;
	result->redundant += outcome == ABANDONED;
	if (outcome != FAILED && outcome != UNFIT)
		return;
	result->failed = true;
	result->unfit = outcome == UNFIT;
	snprintf(result->kind, sizeof(result->kind), "%s",
		 result->unfit ? "unfit" : kind);
	memcpy(result->message, message, sizeof(message));
	result->replay = lab_strategy_string();
}

void lab_explore(const struct lab_options *options, struct lab_result *result)
{
	double begin = seconds();
	uint64_t execution = 0;

	memset(result, 0, sizeof(*result));
	if (!at_begin.count) { /* setup failed already */
		note_outcome(result);
		return;
	}
	lab_at.options = options;
	if (!lab_strategy_begin(options)) {
		result->failed = result->unfit = true;
		strcpy(result->kind, "unfit");
		strcpy(result->message, "not a replay string");
		return;
	}
	for (;;) {
		run_once(execution++);
		if (outcome == PASSED && lab_strategy_left()) {
			strcpy(message, "the string has more choices than the "
					"scenario");
			outcome = UNFIT;
		}
		note_outcome(result);
		if (result->failed)
			break;
		if (!lab_strategy_next()) {
			result->complete = options->strategy == LAB_DFS;
			break;
		}
		if (options->runs_max &&
		    result->executions >= options->runs_max)
			break;
		if (options->seconds_max > 0 && execution % CLOCK_EVERY == 0 &&
		    seconds() - begin > options->seconds_max)
			break;
	}
	result->seconds = seconds() - begin;
}

void lab_close(void)
{
	lab_memory_undo();
	lab_memory_close();
	memset(&at_begin, 0, sizeof(at_begin));
	outcome = PASSED;
}
