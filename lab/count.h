/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an operation costs that no machine can hide: how often it touches
 * memory, and how. Counted while one thread runs alone, so that the figures are
 * exact and the same on every machine.
 */
#ifndef HEDDLE_LAB_COUNT_H
#define HEDDLE_LAB_COUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lab_count {
	uint32_t loads, stores; /* atomic and volatile ones */
	uint32_t rmws;          /* successful read-modify-writes */
	uint32_t failed;        /* compare-and-swaps that did not exchange */
	uint32_t fences;        /* sequentially consistent */
	uint32_t plain;         /* accesses that are not atomic */
	uint32_t lines;         /* different cache lines, the stack's not */
	uint32_t written;       /* of them */
	uint32_t calls;         /* of the system */
};

void lab_count_load(uintptr_t at, unsigned int size, int order);
void lab_count_store(uintptr_t at, unsigned int size, int order);
void lab_count_rmw(uintptr_t at, unsigned int size, int order, bool done);
void lab_count_fence(int order);
void lab_count_call(void);
void lab_count_plain(uintptr_t at, size_t size, bool write);

/* Counts from the start to the end; for one operation of a kind. */
void lab_count_reset(void);
void lab_count_begin(void);
void lab_count_end(struct lab_count *count);

/* The same in parts: from begin to pause, and whoever waits until then. */
void lab_count_pause(void);
void lab_count_wait(void);
void lab_count_end_task(void *unused);

/* An operation to be counted; registered as scenarios are. */
struct lab_counted {
	const char *name;
	const char *what;
	void (*setup)(void);
	void (*warm)(void);  /* what went before, not counted */
	void (*run)(void);   /* counted */
	bool own;            /* run() itself says what is counted */
	unsigned int divide; /* so many operations are in a run; 0: one */
	/* At most, of one operation; tests/model/count.t compares. */
	struct lab_count promised;
};

#define LAB_COUNTED(id, ...) \
 static const struct lab_counted counted_##id = { __VA_ARGS__ }; \
 __attribute__((section("lab_counted"), used)) static const struct lab_counted \
	 *const counted_entry_##id = &counted_##id

#endif /* HEDDLE_LAB_COUNT_H */
