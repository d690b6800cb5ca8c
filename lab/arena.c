/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory for explored code. Addresses are the same in each execution, and what
 * was freed stays poisoned to the end of it. Nothing is used twice, so that a
 * use after free cannot hide behind a new owner.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lab/engine.h"
#include "lab/platform.h"
#include "platform/cacheline.h"
#include "platform/memory.h"

#define ARENA_SIZE ((size_t)64 << 20)
#define PAGE       ((size_t)4096)
#define UNIT       ((size_t)HD_CACHELINE)
#define DROP_MIN   ((size_t)1 << 20) /* larger: the kernel zeroes faster */

enum unit {
	NOTHING,
	LIVE,
	FREED
};

static char *arena;
static size_t used;
static unsigned char unit[ARENA_SIZE / UNIT];
static uint32_t units_of[ARENA_SIZE / UNIT]; /* of the block that begins here */
static unsigned int live;

bool lab_arena_owns(uintptr_t at)
{
	return at - (uintptr_t)arena < ARENA_SIZE;
}

const char *lab_arena_check(uintptr_t at, size_t size)
{
	size_t first = (at - (uintptr_t)arena) / UNIT;
	size_t last = (at + size - 1 - (uintptr_t)arena) / UNIT;

	for (size_t i = first; i <= last && i < ARENA_SIZE / UNIT; i++) {
		if (unit[i] == FREED)
			return "of freed memory";
		if (unit[i] == NOTHING)
			return "outside of any block";
	}
	return NULL;
}

unsigned int lab_arena_live(void)
{
	return live;
}

void lab_arena_reset(void)
{
	if (!arena) {
		arena = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			     0);
		if (arena == MAP_FAILED) {
			perror("mmap of the arena");
			exit(77);
		}
	}
	if (used > DROP_MIN)
		madvise(arena, used, MADV_DONTNEED);
	else
		memset(arena, 0, used);
	memset(unit, NOTHING, used / UNIT);
	used = 0;
	live = 0;
}

/* A unit behind each block stays NOTHING: an overrun is seen. */
static void *allocate(size_t size, size_t alignment)
{
	size_t begin = (used + alignment - 1) / alignment * alignment;
	size_t units = (size + UNIT - 1) / UNIT;

	if (!units)
		units = 1;
	if (size > ARENA_SIZE || begin + (units + 1) * UNIT > ARENA_SIZE)
		lab_fail("the arena of %zu bytes is full: %zu more were asked "
			 "for; give the scenario smaller options",
			 ARENA_SIZE, size);
	memset(unit + begin / UNIT, LIVE, units);
	units_of[begin / UNIT] = (uint32_t)units;
	used = begin + (units + 1) * UNIT;
	live++;
	return arena + begin;
}

static void release(void *block)
{
	size_t first;

	if (!block)
		return;
	first = (size_t)((char *)block - arena) / UNIT;
	if (!lab_arena_owns((uintptr_t)block) || unit[first] != LIVE)
		lab_fail("free of %p, which is no live block", block);
	memset(unit + first, FREED, units_of[first]);
	live--;
}

void *hd_map(size_t size)
{
	return allocate(size, PAGE);
}

void hd_unmap(void *start, size_t size)
{
	(void)size;
	release(start);
}

/* Explored threads run on stacks of the laboratory; this is only a name. */
void *hd_stack_map(size_t size)
{
	(void)size;
	return allocate(1, UNIT);
}

void hd_stack_unmap(void *stack, size_t size)
{
	(void)size;
	release(stack);
}

void hd_memory_drop(void *start, size_t size)
{
	memset(start, 0, size);
}

size_t hd_page_size(void)
{
	return PAGE;
}

void *hd_alloc(size_t size)
{
	return allocate(size, UNIT);
}

void hd_free(void *block)
{
	release(block);
}
