/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One line for the person at the terminal, memory that is always there, and
 * the clock: what every file of the command needs. A command that runs out of
 * memory ends with one line and exit status 1, so callers need no check.
 */
#ifndef HEDDLE_TOOLS_SAY_H
#define HEDDLE_TOOLS_SAY_H

#include <stddef.h>
#include <stdint.h>

#define HT_PRINTF(at, first) __attribute__((__format__(__printf__, at, first)))

/* Exit statuses of every command. */
enum ht_status {
	HT_OK = 0,     /* all as promised */
	HT_MISSED = 1, /* a promise was missed; the last line names it */
	HT_USAGE = 2,  /* bad usage; one line names the argument */
	HT_SKIP = 77,  /* cannot run here; a line names what is missing */
};

/* ht_say() - print "heddle: ..." and a newline on standard error */
void ht_say(const char *format, ...) HT_PRINTF(1, 2);

/* ht_alloc() - n zeroed objects; free() them */
void *ht_alloc(size_t n, size_t size);

/*
 * ht_grow() - make room for one more element in an array of n
 * @array: NULL for n = 0; its size is a power of two of elements
 */
void *ht_grow(void *array, size_t n, size_t size);

/* ht_text() - a formatted string; free() it */
char *ht_text(const char *format, ...) HT_PRINTF(1, 2);

/* ht_now() - CLOCK_MONOTONIC in nanoseconds, the clock of all deadlines */
uint64_t ht_now(void);

#endif /* HEDDLE_TOOLS_SAY_H */
