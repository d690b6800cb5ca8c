/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stopping one thread at an instruction. The way through an operation is first
 * walked step by step and written down; afterwards a debug register stops the
 * victim at any place of it, for one stop instead of thousands.
 */
#ifndef HEDDLE_BENCH_STALL_TRACE_H
#define HEDDLE_BENCH_STALL_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hs_path {
	uint64_t *at;  /* addresses, from the first instruction on */
	uint32_t *nth; /* how often that one has come by then */
	uint32_t n;
};

enum hs_stop {
	HS_FROZEN, /* stands before the instruction */
	HS_MISSED, /* came to its end without it */
	HS_LOST,   /* is not there any more, or another error */
};

/* 0 or an errno. Once for each thread. */
int hs_attach(int tid);

/* The victim has raised its signal: waits until it stands there. */
bool hs_caught(int tid);

/* Lets it run on, from wherever it stands. */
void hs_release(int tid);

/*
 * Steps from the signal to the start, then writes down what comes until the end; or,
 * for one that sleeps, until it sleeps, which it is then let do.
 */
bool hs_record(int tid, uint64_t start, uint64_t end, bool sleeps,
	       struct hs_path *path);

/* From the signal to the place k of the path. */
enum hs_stop hs_freeze(int tid, const struct hs_path *path, uint32_t k,
		       uint64_t end, bool sleeps);

void hs_path_free(struct hs_path *path);

/* 'R', 'S' and so on, 0 for a thread that is gone. */
char hs_thread_state(int pid, int tid);

#endif /* HEDDLE_BENCH_STALL_TRACE_H */
