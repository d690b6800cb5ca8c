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

#include "platform/cacheline.h"

/* Before setup: memory, locks, grace periods and time begin anew. */
void lab_platform_reset(void);

/* As setup left them, and back to that. */
void lab_platform_save(void);
void lab_platform_restore(void);

void lab_arena_reset(void);
void lab_arena_save(void);
void lab_arena_restore(void);

/* Memory that hd_map and hd_alloc hand out: zeroed, not used twice. */
#define LAB_ARENA_SIZE ((size_t)64 << 20)
#define LAB_UNIT       ((size_t)HD_CACHELINE)

enum lab_unit {
	LAB_UNIT_NOTHING,
	LAB_UNIT_LIVE,
	LAB_UNIT_FREED
};

extern uintptr_t lab_arena;     /* where it begins */
extern uintptr_t lab_arena_old; /* up to here setup handed it out */
extern unsigned char lab_unit[LAB_ARENA_SIZE / LAB_UNIT];

static inline bool lab_arena_owns(uintptr_t at)
{
	return at - lab_arena < LAB_ARENA_SIZE;
}

/* Not handed out in this execution: it is put back behind it. */
static inline bool lab_arena_is_old(uintptr_t at)
{
	return !lab_arena_owns(at) || at < lab_arena_old;
}

/* NULL, or what is wrong with an access to it. */
const char *lab_arena_what(uintptr_t at, size_t size);

static inline const char *lab_arena_check(uintptr_t at, size_t size)
{
	size_t first = (at - lab_arena) / LAB_UNIT;

	if (lab_unit[first] == LAB_UNIT_LIVE &&
	    first == (at + size - 1 - lab_arena) / LAB_UNIT)
		return NULL;
	return lab_arena_what(at, size);
}

/* How far an address is behind the start of its block. */
uintptr_t lab_arena_offset(uintptr_t at, uintptr_t *block);
unsigned int lab_arena_number(uintptr_t block);

/* What a thread that joins sleeps on. */
const void *lab_end_key(unsigned int fiber);

#endif /* HEDDLE_LAB_PLATFORM_H */
