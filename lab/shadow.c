/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An open hash table that is emptied by counting up, and pools that grow. No
 * limit but memory: a scenario with many locations is slow, not wrong.
 */
#include <stdlib.h>
#include <string.h>

#include "lab/shadow.h"

struct saved {
	uintptr_t at;
	unsigned char bytes[LAB_GRANULE];
};

static struct lab_granule *table;
static size_t table_bits, used;
static uint64_t execution;
static struct lab_pool saves = { .item = sizeof(struct saved) };

struct lab_pool lab_accesses = { .item = sizeof(struct lab_access) };
struct lab_pool lab_locations = { .item = sizeof(struct lab_location) };
struct lab_pool lab_messages = { .item = sizeof(struct lab_message) };

uint32_t lab_pool_new(struct lab_pool *p)
{
	if (!p->used)
		p->used = 1;
	if (p->used >= p->room) {
		p->room = p->room ? 2 * p->room : 256;
		p->items = realloc(p->items, p->room * p->item);
		if (!p->items)
			abort();
	}
	memset(p->items + p->used * p->item, 0, p->item);
	return (uint32_t)p->used++;
}

static struct lab_granule *find(uintptr_t key)
{
	size_t mask = ((size_t)1 << table_bits) - 1;
	size_t i = (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >>
			    (64 - table_bits));

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
	lab_accesses.used = lab_locations.used = lab_messages.used = 0;
}

void lab_shadow_save(uintptr_t at)
{
	struct lab_granule *g = lab_granule(at);
	struct saved *s;
	uint32_t i;

	if (g->saved)
		return;
	g->saved = true;
	i = lab_pool_new(&saves);
	s = (struct saved *)(void *)saves.items + i;
	s->at = at - at % LAB_GRANULE;
	memcpy(s->bytes, (const void *)s->at, LAB_GRANULE);
}

size_t lab_shadow_saved(void)
{
	return saves.used;
}

/* The oldest content of a granule is the first that was saved: backwards. */
void lab_shadow_undo(size_t saved)
{
	while (saves.used > saved && saves.used > 1) {
		struct saved *s =
			(struct saved *)(void *)saves.items + --saves.used;

		memcpy((void *)s->at, s->bytes, LAB_GRANULE);
	}
}
