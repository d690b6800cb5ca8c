/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Plain accesses, and whether they race with other accesses: by vector clocks,
 * byte by byte (C. Flanagan, S. Freund, "FastTrack", 2009, names the idea's
 * cost; executions here are so short that lists do).
 */
#ifndef HEDDLE_LAB_RACE_H
#define HEDDLE_LAB_RACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lab/shadow.h"

/* Compares an atomic access with the plain ones of its granule. */
void lab_race_atomic(const struct lab_granule *g, uintptr_t at,
		     unsigned int size, bool write, const void *pc);

/*
 * A plain access that equals an earlier one of this thread, since which the
 * thread has neither published nor learned anything and nothing was freed.
 */
bool lab_race_known(uintptr_t at, size_t size, bool write);

/* An execution begins, or memory was freed: nothing is known. */
void lab_race_forget(void);

#endif /* HEDDLE_LAB_RACE_H */
