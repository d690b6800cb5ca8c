/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table behind the memory: one granule for each eight bytes that were
 * touched in this execution, with the atomic locations in it, who accessed
 * which of its bytes, and whether its first content was saved.
 */
#ifndef HEDDLE_LAB_SHADOW_H
#define HEDDLE_LAB_SHADOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lab/engine.h"
#include "lab/memory.h"

#define LAB_GRANULE 8

struct lab_granule {
	uintptr_t key;      /* address / LAB_GRANULE */
	uint64_t execution; /* another number: the entry is free */
	uint32_t access;    /* newest of a list, 0: none */
	uint32_t location;  /* likewise */
	bool saved;
};

/* One way in which some bytes were accessed, not atomically, by one thread. */
struct lab_access {
	const void *pc;
	uint32_t next;
	uint32_t clock; /* of the thread when it did so last */
	uint8_t fiber;
	uint8_t mask; /* which bytes of the granule */
	bool write;
};

struct lab_location {
	uintptr_t at;
	uint32_t size;
	uint32_t next;   /* in its granule */
	uint32_t newest; /* message; 0: to be read from memory */
	/* Clocks of each thread's last access, and where that was. */
	uint32_t read[LAB_FIBERS_MAX] __attribute__((aligned(16)));
	uint32_t written[LAB_FIBERS_MAX] __attribute__((aligned(16)));
	const void *pc;
	uint8_t stale[LAB_FIBERS_MAX]; /* old values taken in a row */
};

struct lab_message {
	uint64_t value;
	uint32_t older;  /* message before it, 0: none */
	uint32_t clock;  /* of the writer */
	uint32_t sc;     /* first sequentially consistent access, 0: none */
	uint32_t event;  /* of the trace */
	uint32_t writer; /* LAB_FIBERS_MAX: known to all */
	/* clock of each fiber's first read */
	uint32_t read[LAB_FIBERS_MAX] __attribute__((aligned(16)));
	struct lab_view release; /* what a reader acquires */
};

/* Forgets all of it in constant time; first of all calls. */
void lab_shadow_reset(void);

/* An open hash table; an entry of another execution is free. */
struct lab_table {
	struct lab_granule *entry;
	unsigned int bits;
	size_t used;
	uint64_t execution;
};

extern struct lab_table lab_table;

struct lab_granule *lab_granule_new(uintptr_t key);

static inline size_t lab_slot_of(uintptr_t key)
{
	return (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >>
			(64 - lab_table.bits));
}

static inline struct lab_granule *lab_granule(uintptr_t at)
{
	uintptr_t key = at / LAB_GRANULE;
	struct lab_granule *g = &lab_table.entry[lab_slot_of(key)];

	if (g->key == key && g->execution == lab_table.execution)
		return g;
	return lab_granule_new(key);
}

/* Pools that live until the reset; index 0 is not used. Pointers move. */
struct lab_pool {
	char *items;
	size_t item, used, room;
};

extern struct lab_pool lab_accesses, lab_locations, lab_messages;

void lab_pool_grow(struct lab_pool *pool);

/* The caller fills it in. */
static inline uint32_t lab_pool_new(struct lab_pool *pool)
{
	if (pool->used >= pool->room)
		lab_pool_grow(pool);
	return (uint32_t)pool->used++;
}

static inline struct lab_access *lab_access_at(uint32_t index)
{
	return (struct lab_access *)(void *)lab_accesses.items + index;
}

static inline struct lab_location *lab_location_at(uint32_t index)
{
	return (struct lab_location *)(void *)lab_locations.items + index;
}

static inline struct lab_message *lab_message_at(uint32_t index)
{
	return (struct lab_message *)(void *)lab_messages.items + index;
}

/* Saves the eight bytes around an address once until the next reset. */
void lab_shadow_save_new(struct lab_granule *g, uintptr_t at);

static inline void lab_shadow_save(uintptr_t at)
{
	struct lab_granule *g = lab_granule(at);

	if (!g->saved)
		lab_shadow_save_new(g, at);
}

/* How much is saved now; and back to how it was when so much was. */
size_t lab_shadow_saved(void);
void lab_shadow_undo(size_t saved);

#endif /* HEDDLE_LAB_SHADOW_H */
