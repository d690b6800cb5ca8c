/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A producer of the Test Anything Protocol for programs with many threads.
 * Points may be reported from any thread; each line leaves in one write(2).
 * A failed point is recorded and the program goes on: nothing here unwinds a
 * stack. This is not a framework: a test is a main() that calls ok() and ends
 * with `return tap_done();`.
 *
 * Every test also checks reclamation: tap_done() adds one point of its own,
 * that the process is back at the number of threads it started with.
 *
 * Environment:
 *   HEDDLE_TEST_SEED     seed of tap_random(); printed, random if not set
 *   HEDDLE_TEST_SECONDS  answer of tap_seconds()
 */
#ifndef HEDDLE_TESTS_TAP_TAP_H
#define HEDDLE_TESTS_TAP_TAP_H

#include <stdbool.h>
#include <stdint.h>

#define TAP_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/*
 * Promise n points, before the first one. The point that tap_done() adds is
 * not counted in n. Without a call the plan is printed at the end.
 */
void plan(unsigned int n);

/* The whole test cannot run here: name what is missing. Does not return. */
void plan_skip_all(const char *fmt, ...) TAP_PRINTF(1, 2)
	__attribute__((noreturn));

/* One point. Both return whether it passed. */
#define ok(cond, ...) tap_point(!!(cond), __FILE__, __LINE__, __VA_ARGS__)
#define is_u64(got, want, ...) \
 tap_point_u64((got), (want), __FILE__, __LINE__, __VA_ARGS__)

/* n points that cannot be made here: name what is missing. */
void skip(unsigned int n, const char *fmt, ...) TAP_PRINTF(2, 3);

/* A point that is known not to hold yet; a pass is reported as a surprise. */
bool todo(bool passed, const char *reason, const char *fmt, ...)
	TAP_PRINTF(3, 4);

/* A remark for the reader; one "# " is put before each of its lines. */
void diag(const char *fmt, ...) TAP_PRINTF(1, 2);

/* Give up at once, from any thread: no further point can be trusted. */
void bail(const char *fmt, ...) TAP_PRINTF(1, 2) __attribute__((noreturn));

/*
 * End of the test: disarms the deadline, checks the threads, prints the plan
 * if there was none. Return: the exit status of the program.
 */
int tap_done(void);

/*
 * If tap_done() is not reached within so many seconds, print what the dump
 * function of tap_on_deadline() says and bail out. A second call moves the
 * deadline. The watchdog is a thread that tap_threads() does not count.
 */
void tap_deadline(unsigned int seconds);
void tap_on_deadline(void (*dump)(void *arg), void *arg);

/*
 * Threads of this process as the kernel sees them, without the watchdog and
 * without what a sanitizer keeps for itself: 1 at the start.
 */
unsigned int tap_threads(void);

/*
 * One point: within two seconds the process is back at the number of threads
 * it had when it started (a joined thread may be in the kernel's list a little
 * longer). tap_done() calls it; a test may do so earlier as well.
 */
bool tap_threads_settle(void);

/* The seed of this run, printed at the first call. */
uint64_t tap_seed(void);

/* The next number from the seed; threads share one sequence. */
uint64_t tap_random(void);

/*
 * A sequence of its own for one thread: tap_stream() gives the start of the
 * sequence with that number, tap_next() steps it.
 */
uint64_t tap_stream(uint64_t number);
uint64_t tap_next(uint64_t *stream);

/* How long a test that runs by time should run; usual if not told. */
double tap_seconds(double usual);

bool tap_point(bool passed, const char *file, int line, const char *fmt, ...)
	TAP_PRINTF(4, 5);
bool tap_point_u64(uint64_t got, uint64_t want, const char *file, int line,
		   const char *fmt, ...) TAP_PRINTF(5, 6);

#endif /* HEDDLE_TESTS_TAP_TAP_H */
