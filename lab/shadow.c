/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An open hash table that is emptied by counting up, and pools that grow. No
 * limit but memory: a scenario with many locations is slow, not wrong.
 */
#include <stdlib.h>
#include <string.h>

#include "lab/shadow.h"

struct pool {
	char *items;
	size_t item, used, room;
};

struct saved {
	uintptr_t at;
	unsigned char bytes[LAB_GRANULE];
};

static struct lab_granule *table;
static size_t table_bits, used;
static uint64_t execution;
static struct pool accesses = { .item = sizeof(struct lab_access) };
static struct pool locations = { .item = sizeof(struct lab_location) };
static struct pool messages = { .item = sizeof(struct lab_message) };
static struct pool saves = { .item = sizeof(struct saved) };

static uint32_t pool_new(struct pool *p)
{
	if (p->used == p->room) {
		p->room = p->room ? 2 * p->room : 256;
		p->items = realloc(p->items, p->room * p->item);
		if (!p->items)
			abort();
	}
	if (!p->used)
		p->used = 1;
	memset(p->items + p->used * p->item, 0, p->item);
	return (uint32_t)p->used++;
}

uint32_t lab_access_new(void)
{
	return pool_new(&accesses);
}

struct lab_access *lab_access_at(uint32_t index)
{
	return (struct lab_access *)(void *)accesses.items + index;
}

uint32_t lab_location_new(void)
{
	return pool_new(&locations);
}

struct lab_location *lab_location_at(uint32_t index)
{
	return (struct lab_location *)(void *)locations.items + index;
}

uint32_t lab_message_new(void)
{
	return pool_new(&messages);
}

struct lab_message *lab_message_at(uint32_t index)
{
	return (struct lab_message *)(void *)messages.items + index;
}

static size_t slot_of(uintptr_t key)
{
	return (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >>
			(64 - table_bits));
}

static struct lab_granule *find(uintptr_t key)
{
	size_t mask = ((size_t)1 << table_bits) - 1;
	size_t i = slot_of(key);

	while (table[i].execution == execution && table[i].key != key)
		i = (i + 1) & mask;
	return &table[i];
}

static void grow(void)
{
	struct lab_granule *old = table;
	size_t n = old ? (size_t)1 << table_bits : 0;

	table_bits = old ? table_bits + 1 : 10;
	table = calloc((size_t)1 << table_bits, sizeof(*table));
	if (!table)
		abort();
	for (size_t i = 0; i < n; i++)
		if (old[i].execution == execution)
			*find(old[i].key) = old[i];
	free(old);
}

struct lab_granule *lab_granule(uintptr_t at)
{
	uintptr_t key = at / LAB_GRANULE;
	struct lab_granule *g;

	if (!table || used * 2 >= (size_t)1 << table_bits)
		grow();
	g = find(key);
	if (g->execution != execution) {
		*g = (struct lab_granule){ .key = key, .execution = execution };
		used++;
	}
	return g;
}

void lab_shadow_reset(void)
{
	execution++;
	used = 0;
	accesses.used = locations.used = messages.used = 0;
}

void lab_shadow_save(uintptr_t at)
{
	struct lab_granule *g = lab_granule(at);
	struct saved *s;
	uint32_t i;

	if (g->saved)
		return;
	g->saved = true;
	i = pool_new(&saves);
	s = (struct saved *)(void *)saves.items + i;
	s->at = at - at % LAB_GRANULE;
	memcpy(s->bytes, (const void *)s->at, LAB_GRANULE);
}

void lab_shadow_undo(void)
{
	for (size_t i = 1; i < saves.used; i++) {
		struct saved *s = (struct saved *)(void *)saves.items + i;

		memcpy((void *)s->at, s->bytes, LAB_GRANULE);
	}
	saves.used = 0;
}
