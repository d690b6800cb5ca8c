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
#include "lab/memory.h"
#include "lab/platform.h"
#include "lab/race.h"
#include "lab/trace.h"
#include "platform/cacheline.h"
#include "platform/memory.h"

#define PAGE     ((size_t)4096)
#define PC       __builtin_return_address(0)
#define DROP_MIN ((size_t)1 << 20) /* larger: the kernel zeroes faster */

static char *arena;
uintptr_t lab_arena, lab_arena_old;
unsigned char lab_unit[LAB_ARENA_SIZE / LAB_UNIT];
static uint32_t
	units_of[LAB_ARENA_SIZE / LAB_UNIT]; /* of the block that begins here */

/* What an execution changes besides the content. */
struct arena {
	size_t used;
	unsigned int live;
	unsigned int freed; /* blocks of setup that are on the list below */
};

#define FREED_MAX 4096

static struct arena a, at_begin;
static uint32_t freed[FREED_MAX]; /* first units */

const char *lab_arena_what(uintptr_t at, size_t size)
{
	size_t first = (at - (uintptr_t)arena) / LAB_UNIT;
	size_t last = (at + size - 1 - (uintptr_t)arena) / LAB_UNIT;

	for (size_t i = first; i <= last && i < LAB_ARENA_SIZE / LAB_UNIT;
	     i++) {
		if (lab_unit[i] == LAB_UNIT_FREED)
			return "of freed memory";
		if (lab_unit[i] == LAB_UNIT_NOTHING)
			return "outside of any block";
	}
	return NULL;
}

unsigned int lab_live_blocks(void)
{
	return a.live;
}

uintptr_t lab_arena_offset(uintptr_t at, uintptr_t *block)
{
	size_t i = (at - (uintptr_t)arena) / LAB_UNIT;

	while (i && !(units_of[i] && i + units_of[i] > i))
		i--;
	*block = (uintptr_t)arena + i * LAB_UNIT;
	return at - *block;
}

unsigned int lab_arena_number(uintptr_t block)
{
	return (unsigned int)((block - (uintptr_t)arena) / LAB_UNIT);
}

static void clear(size_t from, size_t to)
{
	if (to - from > DROP_MIN)
		madvise(arena + from, to - from, MADV_DONTNEED);
	else
		memset(arena + from, 0, to - from);
	memset(lab_unit + from / LAB_UNIT, LAB_UNIT_NOTHING,
	       (to - from) / LAB_UNIT);
	memset(units_of + from / LAB_UNIT, 0,
	       (to - from) / LAB_UNIT * sizeof(units_of[0]));
}

void lab_arena_reset(void)
{
	if (!arena) {
		arena = mmap(NULL, LAB_ARENA_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			     0);
		if (arena == MAP_FAILED) {
			perror("mmap of the arena");
			exit(77);
		}
		lab_arena = (uintptr_t)arena;
	}
	clear(0, a.used);
	memset(&a, 0, sizeof(a));
	memset(&at_begin, 0, sizeof(at_begin));
	lab_arena_old = lab_arena;
}

void lab_arena_save(void)
{
	a.freed = 0;
	/* Whole pages are dropped, so that begins with one. */
	a.used = (a.used + PAGE - 1) / PAGE * PAGE;
	at_begin = a;
	lab_arena_old = lab_arena + a.used;
}

void lab_arena_restore(void)
{
	for (unsigned int i = 0; i < a.freed; i++)
		memset(lab_unit + freed[i], LAB_UNIT_LIVE, units_of[freed[i]]);
	clear(at_begin.used, a.used);
	a = at_begin;
}

/* A unit behind each block stays LAB_UNIT_NOTHING: an overrun is seen. */
static void *allocate(size_t size, size_t alignment)
{
	size_t begin = (a.used + alignment - 1) / alignment * alignment;
	size_t units = (size + LAB_UNIT - 1) / LAB_UNIT;

	if (!units)
		units = 1;
	if (size > LAB_ARENA_SIZE ||
	    begin + (units + 1) * LAB_UNIT > LAB_ARENA_SIZE)
		lab_fail("the arena of %zu bytes is full: %zu more were asked "
			 "for; give the scenario smaller options",
			 LAB_ARENA_SIZE, size);
	memset(lab_unit + begin / LAB_UNIT, LAB_UNIT_LIVE, units);
	units_of[begin / LAB_UNIT] = (uint32_t)units;
	a.used = begin + (units + 1) * LAB_UNIT;
	a.live++;
	return arena + begin;
}

/* For the check for races, to free is to write everything. */
static void release(void *block, const void *pc)
{
	uintptr_t at = (uintptr_t)block;
	size_t first;

	if (!block)
		return;
	first = (size_t)((char *)block - arena) / LAB_UNIT;
	if (!lab_arena_owns(at) || lab_unit[first] != LAB_UNIT_LIVE)
		lab_fail_as("double free", "free of %p, which is no live block",
			    block);
	lab_step((struct lab_op){ at, units_of[first] * LAB_UNIT, LAB_OP_WRITE,
				  0 });
	if (lab_at.exploring)
		lab_plain_unchecked(at, units_of[first] * LAB_UNIT, true, pc);
	if (lab_unit[first] != LAB_UNIT_LIVE)
		lab_fail_as("double free", "free of %p, freed meanwhile",
			    block);
	memset(lab_unit + first, LAB_UNIT_FREED, units_of[first]);
	lab_race_forget();
	a.live--;
	if (at < lab_arena_old) {
		if (a.freed == FREED_MAX)
			lab_fail("more than %d blocks of setup are freed",
				 FREED_MAX);
		freed[a.freed++] = (uint32_t)first;
	}
	lab_trace(pc, "frees %p", block);
}

void *hd_map(size_t size)
{
	return allocate(size, PAGE);
}

void hd_unmap(void *start, size_t size)
{
	(void)size;
	release(start, PC);
}

/* Explored threads run on stacks of the laboratory; this is only a name. */
void *hd_stack_map(size_t size, size_t guard)
{
	(void)size;
	(void)guard;
	return allocate(1, LAB_UNIT);
}

void hd_stack_unmap(void *stack, size_t size, size_t guard)
{
	(void)size;
	(void)guard;
	release(stack, PC);
}

void hd_memory_drop(void *start, size_t size)
{
	lab_plain((uintptr_t)start, size, true, PC);
	memset(start, 0, size);
}

size_t hd_page_size(void)
{
	return PAGE;
}

void *hd_alloc(size_t size)
{
	return allocate(size, LAB_UNIT);
}

void hd_free(void *block)
{
	release(block, PC);
}
