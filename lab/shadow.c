/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hash table that is emptied by counting up, and pools that grow. No
 * limit but memory: a scenario with many locations is slow, not wrong.
 */
#include <stdlib.h>
#include <string.h>

#include "lab/shadow.h"

struct saved {
	uintptr_t at;
	unsigned char bytes[LAB_GRANULE];
};

static struct lab_pool saves = { .item = sizeof(struct saved) };

struct lab_table lab_table;
struct lab_pool lab_accesses = { .item = sizeof(struct lab_access) };
struct lab_pool lab_locations = { .item = sizeof(struct lab_location) };
struct lab_pool lab_messages = { .item = sizeof(struct lab_message) };

#define BITS_MIN 10

/* Index 0 is nothing. */
void lab_pool_grow(struct lab_pool *p)
{
	if (!p->used)
		p->used = 1;
	if (p->used < p->room)
		return;
	p->room = p->room ? 2 * p->room : 256;
	p->items = realloc(p->items, p->room * p->item);
	if (!p->items)
		abort();
}

static struct lab_granule *find(uintptr_t key)
{
	size_t mask = ((size_t)1 << lab_table.bits) - 1;
	size_t i = lab_slot_of(key);
	struct lab_granule *entry = lab_table.entry;

	while (entry[i].execution == lab_table.execution && entry[i].key != key)
		i = (i + 1) & mask;
	return &entry[i];
}

static void grow(void)
{
	struct lab_granule *old = lab_table.entry;
	size_t n = old ? (size_t)1 << lab_table.bits : 0;

	lab_table.bits = old ? lab_table.bits + 1 : BITS_MIN;
	lab_table.entry = calloc((size_t)1 << lab_table.bits, sizeof(*old));
	if (!lab_table.entry)
		abort();
	for (size_t i = 0; i < n; i++)
		if (old[i].execution == lab_table.execution)
			*find(old[i].key) = old[i];
	free(old);
}

struct lab_granule *lab_granule_new(uintptr_t key)
{
	struct lab_granule *g;

	if (lab_table.used * 2 >= (size_t)1 << lab_table.bits)
		grow();
	g = find(key);
	if (g->execution != lab_table.execution) {
		*g = (struct lab_granule){ .key = key,
					   .execution = lab_table.execution };
		lab_table.used++;
	}
	return g;
}

void lab_shadow_reset(void)
{
	if (!lab_table.entry) {
		grow();
		lab_pool_grow(&lab_accesses);
		lab_pool_grow(&lab_locations);
		lab_pool_grow(&lab_messages);
		lab_pool_grow(&saves);
	}
	lab_table.execution++;
	lab_table.used = 0;
	lab_accesses.used = lab_locations.used = lab_messages.used = 1;
}

void lab_shadow_save_new(struct lab_granule *g, uintptr_t at)
{
	uint32_t i = lab_pool_new(&saves);
	struct saved *s = (struct saved *)(void *)saves.items + i;

	g->saved = true;
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
