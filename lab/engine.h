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

#define LAB_FOREVER UINT64_MAX

struct lab_options {
	enum lab_strategy strategy;
	int bound;   /* preemptions; < 0: any number */
	int depth;   /* of PCT */
	int old_max; /* old values in an execution; < 0: any number */
	uint64_t seed;
	uint64_t runs_max;  /* executions; 0: no limit */
	double seconds_max; /* 0: no limit */
	uint64_t steps_max; /* of one execution: beyond is a livelock */
	const char *replay;
	bool reduction;    /* leave out executions that equal another one */
	bool real_threads; /* the fallback, where fibers cannot be */
};

struct lab_result {
	uint64_t executions; /* that were judged */
	uint64_t redundant;  /* that equalled another one and were left */
	uint64_t steps;
	double seconds;
	bool failed;
	bool unfit;    /* replay: it has other choices than the string */
	bool complete; /* LAB_DFS: there is no other execution in the bounds */
	char kind[24]; /* "race", "stranded", ... */
	char message[512];
	char *replay; /* of the failed execution; the caller frees */
};

extern const struct lab_options lab_defaults;

/* Prepares a scenario; then executions; then everything is put back. */
void lab_open(const struct lab_scenario *scenario,
	      const struct lab_options *options);
void lab_explore(const struct lab_options *options, struct lab_result *result);
void lab_close(void);

/* -- for the memory, the platform and the strategies -- */

/* What is asked at every access, together. */
struct lab_now {
	bool exploring; /* false during setup: no choices, no histories */
	bool judging;   /* the verdict reads the newest values */
	bool tracing;   /* events are recorded */
	bool counting;  /* accesses are counted */
	unsigned int current;
	unsigned int count; /* of fibers */
	uint64_t step;      /* scheduling points so far */
	const struct lab_scenario *scenario;
	const struct lab_options *options;
};

extern struct lab_now lab_at;

/* What a thread is about to do; who depends on whom is lab_op_depends(). */
enum lab_op_kind {
	LAB_OP_LOCAL, /* commutes with everything */
	LAB_OP_READ,  /* of bytes that others write */
	LAB_OP_WRITE, /* and read-modify-write */
	LAB_OP_ANY,   /* commutes with nothing */
};

struct lab_op {
	uintptr_t at;
	uint32_t size;
	uint8_t kind;
	uint8_t sc;
};

/*
 * Sequentially consistent operations have one order. That of two accesses to
 * different locations is seen by nothing but fences.
 */
enum lab_op_sc {
	LAB_OP_NOT_SC,
	LAB_OP_SC_ACCESS,
	LAB_OP_SC_FENCE,
};

/* Before each access that another thread could see: who goes on? */
void lab_step(struct lab_op op);

static inline void lab_step_any(void)
{
	lab_step((struct lab_op){ 0, 0, LAB_OP_ANY, LAB_OP_SC_FENCE });
}

/* Another fiber first, if one can run. */
void lab_yield(void);

/* A new thread; which fiber it is. */
unsigned int lab_spawn(void (*fn)(void *arg), void *arg);
_Noreturn void lab_end_thread(void); /* the calling one */
bool lab_has_ended(unsigned int fiber);

/*
 * Sleeps on a key until lab_wake(); false if the deadline (in the laboratory's
 * time, which jumps to it when nobody can run) passed first.
 */
bool lab_block(const void *key, uint64_t deadline);

/* Wakes at most n sleepers on the key, the longest sleeping first. */
unsigned int lab_wake(const void *key, unsigned int n);

/* Time: it passes when it is asked for, and when nobody can run. */
uint64_t lab_time(void);
uint64_t lab_time_asked(void);

/* As lab_fail(), with the kind of failure named. */
_Noreturn void lab_fail_as(const char *kind, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* This execution equals another one: it ends without a verdict. */
_Noreturn void lab_abandon(void);

/* This replay does not belong to what happens. */
_Noreturn void lab_unfit(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

#endif /* HEDDLE_LAB_ENGINE_H */
