/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a broken invariant does, and the hint of a spinning thread. Nothing
 * else in the library writes to stderr or ends the process.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "platform/cacheline.h"

_Noreturn void hd_assert_failed(const char *expression, const char *file,
				int line)
{
	/* dprintf: no buffer of stdio that another thread may hold locked. */
	dprintf(STDERR_FILENO, "heddle: %s:%d: assertion failed: %s\n", file,
		line, expression);
	abort();
}

void hd_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__asm__ volatile("pause" ::: "memory");
#elif defined(__aarch64__)
	/* yield is a no-op on most cores; isb waits about as long as pause. */
	__asm__ volatile("isb" ::: "memory");
#else
	__asm__ volatile("" ::: "memory");
#endif
}
