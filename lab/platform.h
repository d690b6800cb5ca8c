/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The laboratory's machine: what the library gets instead of platform/. This
 * header is for the rest of the laboratory; the library sees platform/'s own.
 */
#ifndef HEDDLE_LAB_PLATFORM_H
#define HEDDLE_LAB_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Before each execution: memory, locks, grace periods and time begin anew. */
void lab_platform_reset(void);

void lab_arena_reset(void);

/* Memory that hd_map and hd_alloc hand out: zeroed, not used twice. */
bool lab_arena_owns(uintptr_t at);

/* NULL, or what is wrong with an access to it. */
const char *lab_arena_check(uintptr_t at, size_t size);

/* Blocks and mappings that were not given back. */
unsigned int lab_arena_live(void);

/* What a thread that joins sleeps on. */
const void *lab_end_key(unsigned int fiber);

#endif /* HEDDLE_LAB_PLATFORM_H */
