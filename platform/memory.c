/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mappings, stacks and the heap. Everything handed out reads as zero. Sizes
 * are rounded up here, so that a caller gives back what it asked for.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <heddle/testing.h>

#include "platform/cacheline.h"
#include "platform/fault.h"
#include "platform/memory.h"
#include "platform/sanitizer.h"

/* What only mappings point to is no leak: LeakSanitizer does not look there by itself. */
#if HD_ASAN
# include <sanitizer/lsan_interface.h>
# define tell_mapped(start, size)   __lsan_register_root_region(start, size)
# define tell_unmapped(start, size) __lsan_unregister_root_region(start, size)
#else
# define tell_mapped(start, size)   ((void)0)
# define tell_unmapped(start, size) ((void)0)
#endif

size_t hd_page_size(void)
{
	static _Atomic size_t cached;
	/* Relaxed: the value is the message. */
	size_t size = atomic_load_explicit(&cached, memory_order_relaxed);

	if (!size) {
		size = (size_t)sysconf(_SC_PAGESIZE);
		/* Relaxed: as above. */
		atomic_store_explicit(&cached, size, memory_order_relaxed);
	}
	return size;
}

/* The multiple of unit that holds size, at least one; 0 when none fits. */
static size_t round_up(size_t size, size_t unit)
{
	if (!size)
		return unit;
	if (size > SIZE_MAX - unit)
		return 0;
	return (size + unit - 1) / unit * unit;
}

static void *map(size_t size, int flags)
{
	int saved_errno = errno;
	void *start = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags,
			   -1, 0);

	errno = saved_errno;
	return start == MAP_FAILED ? NULL : start;
}

static void unmap(void *start, size_t size)
{
	int rc = munmap(start, size);

	hd_assert(rc == 0);
}

void *hd_map(size_t size)
{
	void *start;

	size = round_up(size, hd_page_size());
	if (!size || hd_fault(HEDDLE_FAULT_MAP))
		return NULL;
	start = map(size, 0);
	if (start)
		tell_mapped(start, size);
	return start;
}

void hd_unmap(void *start, size_t size)
{
	size = round_up(size, hd_page_size());
	if (!start)
		return;
	tell_unmapped(start, size);
	unmap(start, size);
}

static size_t guard_bytes(size_t guard)
{
	return round_up(guard, hd_page_size());
}

void *hd_stack_map(size_t size, size_t guard)
{
	int saved_errno = errno;
	char *start;

	size = round_up(size, hd_page_size());
	guard = guard_bytes(guard);
	if (!size || !guard || size > SIZE_MAX - guard ||
	    hd_fault(HEDDLE_FAULT_STACK_MAP))
		return NULL;
	start = map(size + guard, MAP_STACK);
	if (!start)
		return NULL;
	if (hd_fault(HEDDLE_FAULT_STACK_GUARD) ||
	    mprotect(start, guard, PROT_NONE) < 0) {
		unmap(start, size + guard);
		errno = saved_errno;
		return NULL;
	}
	return start + guard;
}

void hd_stack_unmap(void *stack, size_t size, size_t guard)
{
	guard = guard_bytes(guard);
	if (stack)
		unmap((char *)stack - guard,
		      round_up(size, hd_page_size()) + guard);
}

void hd_memory_drop(void *start, size_t size)
{
	int saved_errno = errno;

	/* Locked pages are not given back; they must read as zero all the same. */
	if (size && (hd_fault(HEDDLE_FAULT_DROP) ||
		     madvise(start, size, MADV_DONTNEED) < 0))
		memset(start, 0, size);
	errno = saved_errno;
}

void *hd_alloc(size_t size)
{
	int saved_errno = errno;
	void *block;

	size = round_up(size, HD_CACHELINE);
	if (!size || hd_fault(HEDDLE_FAULT_ALLOC))
		return NULL;
	block = aligned_alloc(HD_CACHELINE, size);
	if (block)
		memset(block, 0, size);
	errno = saved_errno;
	return block;
}

void hd_free(void *block)
{
	free(block);
}
