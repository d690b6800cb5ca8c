/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Are calls on one object linearizable? Each call begins and ends; is there an
 * order of all of them that keeps what came before what, in which each gives
 * the result that the object's sequential specification gives?
 *
 * J. M. Wing and C. Gong, "Testing and Verifying Concurrent Objects", 1993; the
 * pairs of calls done and state that led nowhere are remembered: G. Lowe,
 * "Testing for linearizability", 2017. An object that consists of independent
 * ones is judged by each of them: M. Herlihy and J. M. Wing, 1990.
 *
 * What comes before what: where loads give the newest value, the order in time.
 * Where they may give old ones, what happens before in the sense of C11: a call
 * that returned need not be known yet to one that begins elsewhere.
 */
#ifndef HEDDLE_LAB_LINEAR_H
#define HEDDLE_LAB_LINEAR_H

#include <stdbool.h>
#include <stdint.h>

#include "lab/scenario.h"

#define LAB_CALLS_MAX 16

struct lab_call {
	const char *name;
	uint32_t argument;
	uint64_t result;
};

/* The state of a specification; compared byte by byte. */
struct lab_state {
	uint64_t items; /* as lab_items_*() below, or as one likes */
	uint64_t more;
};

/* Could the call give this result in this state? Then the state after it. */
typedef bool lab_specification(struct lab_state *state,
			       const struct lab_call *call);

/* For reset(): no call yet. */
void lab_calls_forget(void);

/* A call by this thread; the name is not copied. Scheduling points. */
unsigned int lab_call_begins(const char *name, uint32_t argument);
void lab_call_ends(unsigned int call, uint64_t result);

/*
 * For at_rest(): NULL, or the history that no order explains. May be asked for
 * several specifications of parts of the object.
 */
const char *lab_calls_verdict(lab_specification *allows,
			      struct lab_state start);

/* The same about calls that are given, in the order in which they began. */
struct lab_record {
	struct lab_call call;
	uint32_t after; /* bit n: it began after the end of call n */
	unsigned int thread;
};
bool lab_linear(const struct lab_record *record, unsigned int count,
		lab_specification *allows, struct lab_state start);

/* -- sequences of up to 15 values from 1 to 15, for specifications -- */

static inline unsigned int lab_items_count(uint64_t items)
{
	return items ? (unsigned int)(67 - __builtin_clzll(items)) / 4 : 0;
}

/* The oldest is in the lowest digit. */
static inline uint64_t lab_items_newest(uint64_t items)
{
	return items ? items >> (4 * (lab_items_count(items) - 1)) : 0;
}

static inline uint64_t lab_items_oldest(uint64_t items)
{
	return items & 15;
}

static inline uint64_t lab_items_add(uint64_t items, uint64_t value)
{
	return items | value << (4 * lab_items_count(items));
}

static inline uint64_t lab_items_drop_newest(uint64_t items)
{
	unsigned int count = lab_items_count(items);

	return count ? items & ~(UINT64_C(15) << (4 * (count - 1))) : 0;
}

static inline uint64_t lab_items_drop_oldest(uint64_t items)
{
	return items >> 4;
}

#endif /* HEDDLE_LAB_LINEAR_H */
