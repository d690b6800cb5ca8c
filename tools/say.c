/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines for people, memory and the clock; see say.h. */
#include "tools/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void ht_say(const char *format, ...)
{
	va_list list;

	/* What was printed before belongs above the complaint. */
	fflush(stdout);
	flockfile(stderr);
	fputs("heddle: ", stderr);
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	putc('\n', stderr);
	funlockfile(stderr);
}

static _Noreturn void no_memory(void)
{
	ht_say("out of memory");
	exit(HT_MISSED);
}

void *ht_alloc(size_t n, size_t size)
{
	void *memory = calloc(n ? n : 1, size);

	if (!memory)
		no_memory();
	return memory;
}

void *ht_grow(void *array, size_t n, size_t size)
{
	size_t room;

	/* Full exactly when n is 0 or a power of two. */
	if (n && (n & (n - 1)))
		return array;
	room = n ? 2 * n : 1;
	if (room > SIZE_MAX / size)
		no_memory();
	array = realloc(array, room * size);
	if (!array)
		no_memory();
	return array;
}

char *ht_text(const char *format, ...)
{
	va_list list;
	char *text;
	int rc;

	va_start(list, format);
	rc = vasprintf(&text, format, list);
	va_end(list);
	if (rc < 0)
		no_memory();
	return text;
}

uint64_t ht_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}
