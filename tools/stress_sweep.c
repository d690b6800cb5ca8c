/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sweep line of cap-oracle: the logs of all workers and the changes of the
 * bounds, one event after the other in the order of time.
 */
#include "tools/stress_oracle.h"

#include <string.h>

/* A worker's log, read from its begin. */
struct cursor {
	uint64_t slice;
	uint32_t at, end;
	bool is_inside;
};

/* To the next task of a hand, if there is one. */
static bool settle_cursor(const struct oracle *o, struct cursor *c,
			  uint32_t hand, uint64_t slices)
{
	while (c->at == c->end) {
		do
			c->slice++;
		while (c->slice < slices && o->owner[c->slice] != hand);
		if (c->slice >= slices)
			return false;
		c->at = 0;
		c->end = c->slice == o->hand[hand].slice ? o->hand[hand].used
							 : SLICE;
	}
	return true;
}

static uint64_t cursor_key(const struct oracle *o, const struct cursor *c)
{
	const struct entry *entry = &o->entries[c->slice * SLICE + c->at];

	/* Of equal stamps: bounds rise, tasks end, tasks begin, bounds fall. */
	return c->is_inside ? entry->end << 2 | 1
			    : (entry->start >> 4) << 2 | 2;
}

struct sweep {
	struct cursor cursor[HANDS];
	bool is_live[HANDS];
	uint64_t slices;
	uint32_t running[GROUPS];
	uint32_t bound[GROUPS];
};

static void sweep_task(struct oracle *o, struct sweep *s, uint32_t hand)
{
	struct cursor *c = &s->cursor[hand];
	uint32_t at = LEAF + (o->entries[c->slice * SLICE + c->at].start & 15);

	for (;; at = oracle_above(at)) {
		if (c->is_inside)
			s->running[at]--;
		else if (++s->running[at] > s->bound[at])
			oracle_too_many(o, at, s->running[at], s->bound[at]);
		else if (s->running[at] == s->bound[at])
			atomic_store_explicit(&o->run->near, 1,
					      memory_order_relaxed); /* sign */
		if (at == ROOT)
			break;
	}
	if (c->is_inside)
		c->at++;
	c->is_inside = !c->is_inside;
	s->is_live[hand] = settle_cursor(o, c, hand, s->slices);
}

static void sweep_bend(struct oracle *o, struct sweep *s,
		       const struct bend *bend)
{
	s->bound[bend->group] = bend->bound;
	if (s->running[bend->group] > bend->bound)
		oracle_too_many(o, bend->group, s->running[bend->group],
				bend->bound);
}

/* One event after the other, in the order of time. */
void oracle_sweep(struct oracle *o, const uint32_t *bound)
{
	struct sweep s = { .slices = atomic_load_explicit(
				   &o->slices, memory_order_relaxed) };
	const struct bend *bend;
	uint64_t key, least;
	size_t at = 0;
	uint32_t i, who;

	if (s.slices > o->room)
		s.slices = o->room;
	memcpy(s.bound, bound, sizeof(s.bound));
	for (i = 0; i < HANDS; i++) {
		s.cursor[i].slice = UINT64_MAX; /* before the first */
		s.is_live[i] = settle_cursor(o, &s.cursor[i], i, s.slices);
	}
	for (;;) {
		bend = at < o->n_bends ? &o->bends[at] : NULL;
		least = bend ? bend->time << 2 | (bend->falls ? 3 : 0)
			     : UINT64_MAX;
		who = HANDS;
		for (i = 0; i < HANDS; i++) {
			if (!s.is_live[i])
				continue;
			key = cursor_key(o, &s.cursor[i]);
			if (key < least) {
				least = key;
				who = i;
			}
		}
		if (who < HANDS) {
			sweep_task(o, &s, who);
		} else if (bend) {
			sweep_bend(o, &s, bend);
			at++;
		} else {
			break;
		}
	}
}
