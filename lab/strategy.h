/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Choices: an execution is the list of them. A strategy says what is taken
 * where nothing is prescribed yet; the list can be written as a string and be
 * replayed.
 */
#ifndef HEDDLE_LAB_STRATEGY_H
#define HEDDLE_LAB_STRATEGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lab_strategy {
	LAB_DFS,    /* all choices, at most `level` preemptions */
	LAB_PCT,    /* random priorities with level - 1 changes */
	LAB_RANDOM, /* each choice by itself */
	LAB_REPLAY, /* from a string */
};

/* level < 0 under LAB_DFS: any number of preemptions. */
void lab_strategy_begin(enum lab_strategy strategy, int level, uint64_t seed);

/* Prescribes the choices of LAB_REPLAY; false: not such a string. */
bool lab_strategy_prescribe(const char *replay);

/* Before each execution. */
void lab_strategy_restart(uint64_t execution);

/* After each one: false when all of LAB_DFS were taken. */
bool lab_strategy_next(void);

/*
 * One of n, of which only the first `limit` are allowed by the strategy; the
 * list holds all n, so that a replay needs to know no bound.
 */
unsigned int lab_choose_within(unsigned int n, unsigned int limit);

static inline unsigned int lab_choose(unsigned int n)
{
	return n > 1 ? lab_choose_within(n, n) : 0;
}

/*
 * Which of n fibers runs next. option[0] is the current one if `stays`;
 * `step` numbers the scheduling points of this execution.
 */
unsigned int lab_choose_fiber(const unsigned int *option, unsigned int n,
			      bool stays, uint64_t step);

/* The choices of this execution; the caller frees. */
char *lab_strategy_string(void);

#endif /* HEDDLE_LAB_STRATEGY_H */
