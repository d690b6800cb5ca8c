/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine: runs a scenario under a strategy, execution after execution, and
 * gives the rest of the laboratory its scheduling points.
 */
#ifndef HEDDLE_LAB_ENGINE_H
#define HEDDLE_LAB_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "lab/scenario.h"
#include "lab/strategy.h"

/* Fiber 0 runs setup; the others are threads. */
#define LAB_FIBERS_MAX 8

struct lab_options {
	enum lab_strategy strategy;
	int level; /* preemptions of DFS, depth of PCT */
	uint64_t seed;
	uint64_t executions_max; /* 0: no limit */
	double seconds_max;      /* 0: no limit */
	uint64_t steps_max;      /* of one execution: beyond is a livelock */
	unsigned int stale_max;  /* old values in a row from one location */
	const char *replay;
	bool verbose; /* every step on stderr */
};

struct lab_result {
	uint64_t executions, steps;
	double seconds;
	bool failed;
	bool complete; /* DFS: there is no other execution within the bound */
	char message[512];
	char *replay; /* of the failed execution; the caller frees */
};

extern const struct lab_options lab_defaults;

void lab_explore(const struct lab_scenario *scenario,
		 const struct lab_options *options, struct lab_result *result);

/* -- for the memory, the platform and the strategies -- */

/* False during setup: no choices, no histories. */
bool lab_is_exploring(void);

const struct lab_scenario *lab_scenario_now(void);
const struct lab_options *lab_options_now(void);
unsigned int lab_current(void);
unsigned int lab_fibers(void);

/* Before each access that another thread could see: who goes on? */
void lab_step(void);

/* Another fiber first, if one can run. */
void lab_yield(void);

/* A new thread; which fiber it is. */
unsigned int lab_spawn(void (*fn)(void *arg), void *arg);
bool lab_has_ended(unsigned int fiber);

/*
 * Sleeps on a key until lab_wake(); false if the deadline (in the laboratory's
 * time, which jumps to it when nobody can run) passed first.
 */
bool lab_block(const void *key, uint64_t deadline);

/* Wakes at most n sleepers on the key, the longest sleeping first. */
unsigned int lab_wake(const void *key, unsigned int n);

/* Time: a microsecond for each step. */
uint64_t lab_now(void);

/* A line of the trace when steps are shown. */
void lab_trace(const void *pc, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif /* HEDDLE_LAB_ENGINE_H */
