/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a scenario is: a few threads over real objects of the library, and a
 * verdict. The laboratory runs it again and again, each time with other
 * interleavings and other values that a weak memory may give to a load.
 *
 * setup() runs once, alone and without choices; threads that it starts (a
 * pool's workers) run only while it waits for them. Every execution begins with
 * what setup left: reset() sets the ghost state, the threads join in, and
 * everything is explored until nobody can run any more; then at_rest() judges.
 * Memory written by instrumented code is put back before the next execution.
 *
 * Ghost state is the scenario's own book-keeping: uninstrumented, seen by all
 * at once, and set by reset(). doc/lab.md has two scenarios with every line
 * explained.
 */
#ifndef HEDDLE_LAB_SCENARIO_H
#define HEDDLE_LAB_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAB_THREADS_MAX 4
#define LAB_ANY         UINT32_MAX

struct lab_scenario {
	const char *name;
	const char *claim; /* what must hold, in one line */
	void (*setup)(void);
	void (*reset)(void);                   /* ghost state only */
	void (*thread[LAB_THREADS_MAX])(void); /* up to the first NULL */
	/*
	 * Called when no thread can run: NULL, or what is wrong. It reads the
	 * newest values and may call what does not wait. Without it a thread
	 * that sleeps for ever is the failure.
	 */
	const char *(*at_rest)(void);
	/*
	 * The laboratory's own tests: part of the message of the failure that
	 * must be found; NULL: there is none.
	 */
	const char *fails;
	bool settle;   /* what setup started sleeps before it begins */
	bool spurious; /* a futex wait may return for no reason */
	bool ordered;  /* atomics as if all were seq_cst: no old values */
	/* Bit n: creation n of a thread, counted from the start, fails. */
	unsigned int create_fails;
	bool plain_atomic; /* for headers that mean plain accesses as atomics */
	unsigned int cpus; /* 0: one; else which CPU one is on is a choice */
	/* How far `run all` goes: 0: as usual, LAB_ANY, or the number plus one. */
	unsigned int bound_plus_1; /* preemptions */
	unsigned int old_plus_1;   /* old values in an execution */
	bool pct;                  /* a million executions of PCT besides */
};

/*
 * Defines a scenario and adds it to the list: LAB_SCENARIO(id, .name = ...).
 * The list is a section of the program, so that a file of scenarios needs its
 * line in lab/local.mk and no other.
 */
#define LAB_SCENARIO(id, ...) \
 static const struct lab_scenario scenario_##id = { __VA_ARGS__ }; \
 __attribute__((section("lab_scenarios"), \
		used)) static const struct lab_scenario *const entry_##id = \
	 &scenario_##id

/*
 * A function of ghost state: neither a scheduling point nor a race. clang's
 * no_sanitize leaves atomic accesses instrumented, its other attribute none.
 */
#if defined(__has_attribute)
# if __has_attribute(disable_sanitizer_instrumentation)
#  define LAB_GHOST \
   __attribute__((disable_sanitizer_instrumentation, noinline, unused))
# endif
#endif
#ifndef LAB_GHOST
# define LAB_GHOST __attribute__((no_sanitize("thread"), noinline, unused))
#endif

/* Ends the execution as failed unless the condition holds. */
#define LAB_ASSERT(condition) \
 ((condition) ? (void)0 \
	      : lab_fail("%s:%d: not so: %s", __FILE__, __LINE__, #condition))

_Noreturn void lab_fail(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

/*
 * A scheduling point before a change of ghost state whose order matters to the
 * verdict (who came first, how many at once): executions in which only that
 * order differs are told apart. Any address that names the state will do.
 */
void lab_touch(const void *ghost);

/* Never returns and never runs again: a task that does not end. */
_Noreturn void lab_sleep_for_ever(void);

/* Ends the calling thread as pthread_exit() does: the guard it is in is told. */
_Noreturn void lab_leave(void);

/* One of n, each of which is explored. */
unsigned int lab_pick(unsigned int n);

/* A compare-and-swap of two words, for headers that want the instruction. */
bool lab_cas_pair(void *target, const void *expected, const void *desired);

/* Blocks of memory that were not given back: for verdicts about leaks. */
unsigned int lab_live_blocks(void);

/* What a poll loop does: waits until the descriptor is readable; is it so now? */
void lab_event_wait(int fd);
bool lab_event_readable(int fd);

#endif /* HEDDLE_LAB_SCENARIO_H */
