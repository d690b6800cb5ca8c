/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory: zeroed mappings that cost nothing until touched, stacks with a guard
 * page, and a zeroed aligned heap. Each passes a fault point.
 */
#ifndef HEDDLE_PLATFORM_MEMORY_H
#define HEDDLE_PLATFORM_MEMORY_H

#include <stddef.h>

/* Zeroed, page-aligned, private, not reserved; NULL on failure. */
void *hd_map(size_t size);
void hd_unmap(void *start, size_t size);

/*
 * A stack: returns its lowest usable byte; below it lie guard bytes that cannot be
 * touched. Both are rounded up to pages, no guard is one page.
 */
void *hd_stack_map(size_t size, size_t guard);
void hd_stack_unmap(void *stack, size_t size, size_t guard);

/* Gives whole pages back; they read as zero afterwards. */
void hd_memory_drop(void *start, size_t size);

size_t hd_page_size(void);

/* Zeroed, aligned to HD_CACHELINE, NULL on failure. */
void *hd_alloc(size_t size);
void hd_free(void *block);

#endif /* HEDDLE_PLATFORM_MEMORY_H */
