/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/race.h"

#include "lab/memory.h"
#include "lab/trace.h"

#define N LAB_FIBERS_MAX

static _Noreturn void race(uintptr_t at, const char *mine, const void *pc,
			   const char *other, unsigned int fiber,
			   const void *other_pc)
{
	lab_trace(pc, "%s %s", mine, lab_name_of(at, pc));
	lab_fail_as("race", "data race on %s: %s at %s, %s by thread %u at %s",
		    lab_name_of(at, pc), mine, lab_place(pc), other, fiber,
		    lab_place(other_pc));
}

static uint8_t byte_mask(uintptr_t at, size_t size)
{
	return (uint8_t)(((1u << size) - 1) << at % LAB_GRANULE);
}

/* Compares an atomic access with the plain ones of its granule. */
void lab_race_atomic(const struct lab_granule *g, uintptr_t at,
		     unsigned int size, bool write, const void *pc)
{
	uint8_t mask = byte_mask(at, size);
	unsigned int self = lab_at.current;
	const uint32_t *hb = lab_known(lab_at.current);

	for (uint32_t i = g->access; i; i = lab_access_at(i)->next) {
		const struct lab_access *a = lab_access_at(i);

		if (a->fiber != self && a->mask & mask && (a->write || write) &&
		    a->clock > hb[a->fiber])
			race(at, write ? "atomic write" : "atomic read", pc,
			     a->write ? "write" : "read", a->fiber, a->pc);
	}
}

/*
 * Compares a plain access with the atomic ones. A plain write also ends the
 * history of the locations that it covers.
 */
static void check_atomic(const struct lab_granule *g, uintptr_t at, size_t size,
			 bool write, const void *pc)
{
	unsigned int self = lab_at.current;
	const uint32_t *hb = lab_known(lab_at.current);

	for (uint32_t i = g->location; i; i = lab_location_at(i)->next) {
		struct lab_location *l = lab_location_at(i);

		if (l->at >= at + size || at >= l->at + l->size)
			continue;
		for (unsigned int f = 0; f < N; f++) {
			if (f == self)
				continue;
			if (l->written[f] > hb[f] ||
			    (write && l->read[f] > hb[f]))
				race(at, write ? "write" : "read", pc,
				     l->written[f] > hb[f] ? "atomic write"
							   : "atomic read",
				     f, l->pc);
		}
		if (write)
			l->newest = 0;
	}
}

/* Notes a plain access to some bytes of a granule. */
static void note_plain(struct lab_granule *g, uintptr_t at, uint8_t mask,
		       bool write, const void *pc)
{
	unsigned int self = lab_at.current;
	const uint32_t *hb = lab_known(lab_at.current);
	struct lab_access *mine = NULL;

	for (uint32_t i = g->access; i; i = lab_access_at(i)->next) {
		struct lab_access *a = lab_access_at(i);

		if (a->fiber == self) {
			if (a->mask == mask && a->write == write)
				mine = a;
			continue;
		}
		if (a->mask & mask && (a->write || write) &&
		    a->clock > hb[a->fiber])
			race(at, write ? "write" : "read", pc,
			     a->write ? "write" : "read", a->fiber, a->pc);
	}
	if (!mine) {
		uint32_t i = lab_pool_new(&lab_accesses);

		mine = lab_access_at(i);
		mine->next = g->access;
		mine->fiber = (uint8_t)self;
		mine->mask = mask;
		mine->write = write;
		g->access = i;
	}
	mine->clock = hb[self];
	mine->pc = pc;
}

/*
 * The plain accesses of late, to be looked up quickly: one that was made by
 * this thread and whose clock has not moved since has nothing new to compare.
 */
#define RECENT 512

static struct recent {
	uintptr_t at;
	uint64_t execution;
	uint32_t clock;
	uint8_t size, fiber;
	bool write;
} recent[RECENT];

static uint64_t execution; /* or part of one, between frees */

void lab_race_forget(void)
{
	execution++;
}

bool lab_race_known(uintptr_t at, size_t size, bool write)
{
	struct recent *r =
		&recent[(at / 4 * 3 + lab_at.current * 5 + write) % RECENT];
	uint32_t clock = lab_known(lab_at.current)[lab_at.current];

	if (r->at == at && r->execution == execution && r->clock == clock &&
	    r->size == size && r->fiber == lab_at.current && r->write == write)
		return true;
	*r = (struct recent){
		at,   execution, clock, (uint8_t)size, (uint8_t)lab_at.current,
		write
	};
	return false;
}

void lab_plain_unchecked(uintptr_t at, size_t size, bool write, const void *pc)
{
	uintptr_t end = at + size;

	while (at < end) {
		size_t part = LAB_GRANULE - at % LAB_GRANULE;
		struct lab_granule *g = lab_granule(at);

		if (part > end - at)
			part = end - at;
		note_plain(g, at, byte_mask(at, part), write, pc);
		if (g->location)
			check_atomic(g, at, part, write, pc);
		at += part;
	}
}
