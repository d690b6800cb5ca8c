/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a scenario is: a few threads over real objects of the library, and a
 * verdict. The laboratory runs it again and again, each time with other
 * interleavings and other values that a weak memory may give to a load.
 *
 * Every execution begins with setup(), alone and without choices. Threads that
 * setup started (a pool's workers) run only while setup waits for them. Then
 * the scenario's threads join in and everything is explored until nobody can
 * run any more; then at_rest() judges. Memory written by instrumented code is
 * put back before the next execution. Ghost state is the scenario's own
 * book-keeping: uninstrumented, seen by all at once, and set by setup().
 */
#ifndef HEDDLE_LAB_SCENARIO_H
#define HEDDLE_LAB_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#define LAB_THREADS_MAX 4

struct lab_scenario {
	const char *name;
	const char *claim; /* what must hold, in one line */
	void (*setup)(void);
	void (*thread[LAB_THREADS_MAX])(void); /* up to the first NULL */
	/*
	 * Called when no thread can run: NULL, or what is wrong. It reads the
	 * newest values and may call what does not wait. Without it a thread
	 * that sleeps for ever is the failure.
	 */
	const char *(*at_rest)(void);
	bool settle;   /* what setup started goes to sleep before it begins */
	bool spurious; /* a futex wait may return for no reason */
	unsigned int cpus; /* 0: one; else which CPU one is on is a choice */
};

/* The scenarios of a program, ended by NULL. */
extern const struct lab_scenario *const lab_scenarios[];

/*
 * A function of ghost state: neither a scheduling point nor a race. clang's
 * no_sanitize leaves atomic accesses instrumented, its other attribute none.
 */
#if defined(__has_attribute)
# if __has_attribute(disable_sanitizer_instrumentation)
#  define LAB_GHOST __attribute__((disable_sanitizer_instrumentation, noinline))
# endif
#endif
#ifndef LAB_GHOST
# define LAB_GHOST __attribute__((no_sanitize("thread"), noinline))
#endif

/*
 * Once in each file of scenarios that use the library: links lab/self.c, which
 * knows the library's thread-local variable.
 */
#define LAB_USES_LIBRARY \
 void **lab_thread_local(void); \
 extern void **(*const lab_uses_library)(void); \
 void **(*const lab_uses_library)(void) = lab_thread_local

/* Ends the execution as failed unless the condition holds. */
#define LAB_ASSERT(condition) \
 ((condition) ? (void)0 \
	      : lab_fail("%s:%d: not so: %s", __FILE__, __LINE__, #condition))

_Noreturn void lab_fail(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

/* Never returns and never runs again: a task that does not end. */
_Noreturn void lab_sleep_for_ever(void);

/* A scheduling point of its own. */
void lab_pause(void);

#endif /* HEDDLE_LAB_SCENARIO_H */
