/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CPUs. The current one comes from the area that glibc (2.35 and later)
 * registers with the kernel's rseq, which costs a load; the symbols are weak,
 * so that the library also runs where they are missing or switched off.
 */
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <heddle/testing.h>

#include "platform/cancel.h"
#include "platform/cpu.h"
#include "platform/fault.h"
#include "platform/limits.h"

extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

#define RSEQ_CPU_ID 4 /* offset of cpu_id in the kernel's struct rseq */

#define SET_SIZE_MAX 65536

/* The CPU number of the area, or a value >= UINT32_MAX - 1 when it has none. */
static uint32_t rseq_cpu(void)
{
	const char *thread;

	if (!&__rseq_offset || !&__rseq_size || !__rseq_size)
		return UINT32_MAX;
#if defined(__x86_64__)
	__asm__("mov %%fs:0, %0" : "=r"(thread));
#else
	thread = __builtin_thread_pointer();
#endif
	/* Volatile: the kernel writes it behind the compiler's back. */
	return *(const volatile uint32_t *)(thread + __rseq_offset +
					    RSEQ_CPU_ID);
}

const char *hd_cpu_source(void)
{
	return rseq_cpu() < hd_cpu_possible() ? "rseq" : "getcpu";
}

uint32_t hd_cpu_current(void)
{
	uint32_t possible = hd_cpu_possible();
	uint32_t cpu = rseq_cpu();
	int number;

	if (cpu < possible)
		return cpu;
	number = sched_getcpu();
	return number < 0 ? 0 : (uint32_t)number % possible;
}

/* The highest number in a list such as "0-3,8-11", or -1. */
static long list_highest(const char *text)
{
	long highest = -1;

	while (*text >= '0' && *text <= '9') {
		char *end;
		long number = strtol(text, &end, 10);

		if (number > highest)
			highest = number;
		text = end + (*end == '-' || *end == ',');
	}
	return highest;
}

static uint32_t read_possible(void)
{
	FILE *file = fopen("/sys/devices/system/cpu/possible", "re");
	char text[256] = "";
	long n = 0;

	if (file) {
		if (fgets(text, sizeof(text), file))
			n = list_highest(text) + 1;
		fclose(file);
	}
	if (n < 1)
		n = sysconf(_SC_NPROCESSORS_CONF);
	return n < 1 ? 1 : (uint32_t)n;
}

uint32_t hd_cpu_possible(void)
{
	static _Atomic uint32_t cached;
	/* Relaxed: the value is the message. */
	uint32_t n = atomic_load_explicit(&cached, memory_order_relaxed);

	if (!n) {
		int saved_errno = errno, before;

		before = hd_cancel_off();
		n = read_possible();
		hd_cancel_restore(before);
		/* Relaxed: as above. */
		atomic_store_explicit(&cached, n, memory_order_relaxed);
		errno = saved_errno;
	}
	return n;
}

/* The main thread's: what the calling thread narrowed for itself is not it. */
int hd_cpu_set_get(void *set, size_t size)
{
	int saved_errno = errno;
	int rc = -hd_fault(HEDDLE_FAULT_CPU_SET);

	if (rc == 0 && sched_getaffinity(getpid(), size, set) < 0)
		rc = -errno;
	errno = saved_errno;
	return rc;
}

size_t hd_cpu_set_size(void)
{
	static _Atomic size_t cached;
	/* Relaxed: the value is the message. */
	size_t size = atomic_load_explicit(&cached, memory_order_relaxed);
	void *set;

	if (size)
		return size;
	/* The kernel refuses a set that is smaller than its own with EINVAL. */
	for (size = sizeof(cpu_set_t); size < SET_SIZE_MAX; size *= 2) {
		int rc;

		set = malloc(size);
		if (!set)
			return sizeof(cpu_set_t);
		rc = hd_cpu_set_get(set, size);
		free(set);
		if (rc != -EINVAL)
			break;
	}
	/* Relaxed: as above. */
	atomic_store_explicit(&cached, size, memory_order_relaxed);
	return size;
}

uint32_t hd_cpu_usable(void)
{
	struct hd_limits limits;

	return hd_limits_read(&limits) < 0 ? hd_cpu_possible() : limits.cpus;
}
