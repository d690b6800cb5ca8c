/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The distance that keeps two hot words off each other's line, and the assert
 * that stays on in release builds. Adjacent-line prefetch moves pairs of 64
 * byte lines, so 128 is the unit (liburcu uses the same on x86).
 */
#ifndef HEDDLE_PLATFORM_CACHELINE_H
#define HEDDLE_PLATFORM_CACHELINE_H

#define HD_CACHELINE 128
#define HD_ALIGNED   _Alignas(HD_CACHELINE)

/* Prints the expression to stderr and aborts: a broken invariant of ours. */
_Noreturn void hd_assert_failed(const char *expression, const char *file,
				int line);

#ifndef HD_NO_ASSERT
# define hd_assert(e) ((e) ? (void)0 : hd_assert_failed(# e, __FILE__, __LINE__))
#else
# define hd_assert(e) ((void)sizeof(e))
#endif

/* A hint that this thread spins; a call, so that the laboratory sees it. */
void hd_relax(void);

/*
 * A hint that the line will be written next: it comes once, for this CPU alone,
 * and not first to be read and then again to be written.
 */
static inline void hd_prefetch_to_write(const volatile void *line)
{
#if defined(__x86_64__)
	/* The compilers' builtin leaves the W out without -mprfchw. */
	__asm__ volatile("prefetchw %0" : : "m"(*(const volatile char *)line));
#else
	__builtin_prefetch((const void *)line, 1);
#endif
}

#endif /* HEDDLE_PLATFORM_CACHELINE_H */
