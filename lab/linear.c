/* SPDX-License-Identifier: BSD-2-Clause */
/* The search for an order, and the record of the calls of one execution. */
#include "lab/linear.h"

#include <stdio.h>
#include <string.h>

#include "lab/engine.h"
#include "lab/memory.h"

/* Dead ends: a power of two, far above what 9 calls and 4 states need. */
#define DEAD_MAX 4096u

struct dead_end {
	struct lab_state state;
	uint32_t done;
	uint32_t search; /* that it belongs to */
};

static struct dead_end dead[DEAD_MAX];
static uint32_t search;

static struct {
	struct lab_record record[LAB_CALLS_MAX];
	struct lab_moment end[LAB_CALLS_MAX];
	uint32_t ended;
	unsigned int count;
} history;

static uint32_t hash_of(uint32_t done, const struct lab_state *state)
{
	uint64_t h = (state->items ^ (uint64_t)done << 40) *
		     UINT64_C(0x9e3779b97f4a7c15);

	h = (h ^ h >> 29 ^ state->more) * UINT64_C(0xbf58476d1ce4e5b9);
	return (uint32_t)(h >> 40);
}

/* True: it was there. A full table forgets, which costs only time. */
static bool note_dead(uint32_t done, const struct lab_state *state)
{
	uint32_t at = hash_of(done, state);

	for (uint32_t i = 0; i < 8; i++) {
		struct dead_end *d = &dead[(at + i) & (DEAD_MAX - 1)];

		if (d->search != search) {
			*d = (struct dead_end){ *state, done, search };
			return false;
		}
		if (d->done == done && d->state.items == state->items &&
		    d->state.more == state->more)
			return true;
	}
	return false;
}

static bool go_on(const struct lab_record *record, unsigned int count,
		  lab_specification *allows, uint32_t done,
		  struct lab_state state)
{
	if (done == (1u << count) - 1)
		return true;
	/* Noted on the way in: coming here again, it is dead or not needed. */
	if (note_dead(done, &state))
		return false;
	for (unsigned int i = 0; i < count; i++) {
		struct lab_state next = state;

		if (done >> i & 1 || record[i].after & ~done)
			continue;
		if (allows(&next, &record[i].call) &&
		    go_on(record, count, allows, done | 1u << i, next))
			return true;
	}
	return false;
}

bool lab_linear(const struct lab_record *record, unsigned int count,
		lab_specification *allows, struct lab_state start)
{
	if (++search == 0) {
		memset(dead, 0, sizeof(dead));
		search = 1;
	}
	return go_on(record, count, allows, 0, start);
}

/* -- the calls of an execution -- */

void lab_calls_forget(void)
{
	history.count = 0;
	history.ended = 0;
}

unsigned int lab_call_begins(const char *name, uint32_t argument)
{
	bool in_time = lab_at.options->old_max == 0 || lab_at.scenario->ordered;
	struct lab_record *r;
	unsigned int i;

	lab_touch(&history);
	if (history.count == LAB_CALLS_MAX)
		lab_fail("a history has %d calls at most", LAB_CALLS_MAX);
	r = &history.record[history.count];
	*r = (struct lab_record){ { name, argument, 0 }, 0, lab_at.current };
	for (i = 0; i < history.count; i++)
		if (history.ended >> i & 1 &&
		    (in_time || lab_moment_known(&history.end[i])))
			r->after |= 1u << i;
	return history.count++;
}

void lab_call_ends(unsigned int call, uint64_t result)
{
	lab_touch(&history);
	history.record[call].call.result = result;
	history.end[call] = lab_moment_now();
	history.ended |= 1u << call;
}

static const char *tell(void)
{
	static char text[480];
	size_t at;

	at = (size_t)snprintf(text, sizeof(text), "history: no order explains");
	for (unsigned int i = 0; i < history.count && at < sizeof(text); i++) {
		const struct lab_record *r = &history.record[i];

		at += (size_t)snprintf(text + at, sizeof(text) - at,
				       "%s #%u thread %u: %s(%u) = %llx",
				       i ? "," : "", i, r->thread, r->call.name,
				       r->call.argument,
				       (unsigned long long)r->call.result);
		for (unsigned int j = 0; j < i && at < sizeof(text); j++)
			if (r->after >> j & 1)
				at += (size_t)snprintf(text + at,
						       sizeof(text) - at,
						       " >#%u", j);
	}
	return text;
}

const char *lab_calls_verdict(lab_specification *allows, struct lab_state start)
{
	if (history.ended != (1u << history.count) - 1)
		return "history: a call does not end";
	return lab_linear(history.record, history.count, allows, start)
		       ? NULL
		       : tell();
}
