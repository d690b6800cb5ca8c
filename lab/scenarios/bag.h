/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ghost book-keeping for structures that hold values: each value that went in
 * comes out once, and "empty" is not said while something lay inside all the
 * time. One bag in a file; values are 1 to 31.
 */
#ifndef HEDDLE_LAB_SCENARIOS_BAG_H
#define HEDDLE_LAB_SCENARIOS_BAG_H

#include <stddef.h>
#include <stdint.h>

#include "lab/scenario.h"

#define BAG_MAX 32

static struct {
	uint32_t in;     /* put, and the call has returned */
	uint32_t out;    /* got */
	uint32_t takers; /* calls that may hold a value that is not out yet */
	uint32_t seen[LAB_THREADS_MAX + 1]; /* inside when a taker began */
} bag;

/* Plain: what a value carries must be visible to who gets it. */
static int bag_payload[BAG_MAX];

LAB_GHOST static void bag_reset(void)
{
	bag.in = bag.out = bag.takers = 0;
}

LAB_GHOST static void bag_note_put(unsigned int value)
{
	bag.in |= 1u << value;
}

LAB_GHOST static void bag_note_got(unsigned int value)
{
	LAB_ASSERT(value > 0 && value < BAG_MAX);
	LAB_ASSERT(!(bag.out & 1u << value)); /* nothing comes out twice */
	bag.out |= 1u << value;
}

/* Before a value goes in. */
static inline void bag_fill(unsigned int value)
{
	bag_payload[value] = (int)value + 100;
}

/* A value came out: it is new, and so is what it carries. */
static inline void bag_got(unsigned int value)
{
	bag_note_got(value);
	LAB_ASSERT(bag_payload[value] == (int)value + 100);
	bag_payload[value] = 0;
}

/* -- "empty": only where the order of these calls is explored -- */

LAB_GHOST static void bag_do_begin(unsigned int who)
{
	bag.seen[who] = bag.in & ~bag.out;
	bag.takers++;
}

LAB_GHOST static void bag_do_end(unsigned int who, unsigned int value)
{
	uint32_t still = bag.seen[who] & ~bag.out;

	bag.takers--;
	if (value) {
		bag_note_got(value);
		return;
	}
	/* The others on their way may hold as many of them, and no more. */
	LAB_ASSERT((unsigned int)__builtin_popcount(still) <= bag.takers);
}

static inline void bag_put(unsigned int value)
{
	lab_touch(&bag);
	bag_note_put(value);
}

static inline void bag_begin(unsigned int who)
{
	lab_touch(&bag);
	bag_do_begin(who);
}

/* value: what came out, 0 for "empty". */
static inline void bag_end(unsigned int who, unsigned int value)
{
	lab_touch(&bag);
	bag_do_end(who, value);
}

/* At rest: what went in and did not come out. */
LAB_GHOST static unsigned int bag_left(uint32_t all)
{
	return (unsigned int)__builtin_popcount(all & ~bag.out);
}

#endif /* HEDDLE_LAB_SCENARIOS_BAG_H */
