/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory that explored threads see: C11 with weak orders, without two
 * freedoms (a store is ordered behind those that ran before it, and no load
 * takes its value from a later store). Modification order and the order of
 * sequentially consistent operations are the order of execution.
 *
 * Each location keeps its messages, that is all values stored so far. A load
 * may take any message that is not older than one its thread knows of. What is
 * known is told by clocks: every thread counts its publishing operations, and
 * a clock vector says how much of each other thread one has seen. Two vectors
 * are kept: `hb`, what happened before, against which plain accesses are
 * checked for races; and `seen`, the same and what sequentially consistent
 * fences have ordered, which bounds loads but excuses no race.
 */
#ifndef HEDDLE_LAB_MEMORY_H
#define HEDDLE_LAB_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lab/engine.h"
#include "lab/view.h"

enum lab_rmw {
	LAB_XCHG,
	LAB_ADD,
	LAB_SUB,
	LAB_AND,
	LAB_OR,
	LAB_XOR,
	LAB_NAND
};

/* -- accesses of instrumented code -- */

uint64_t lab_load(uintptr_t at, unsigned int size, int order, const void *pc);
void lab_store(uintptr_t at, unsigned int size, uint64_t value, int order,
	       const void *pc);
uint64_t lab_rmw(uintptr_t at, unsigned int size, uint64_t operand, int order,
		 enum lab_rmw op, const void *pc);

/* True if it exchanged; else *expected is what was found. */
bool lab_cas(uintptr_t at, unsigned int size, uint64_t *expected,
	     uint64_t desired, int order, int failure, bool weak,
	     const void *pc);
void lab_fence(int order, const void *pc);

/* A plain access of any size; a write is announced before it happens. */
void lab_plain(uintptr_t at, size_t size, bool write, const void *pc);

/* The same, which does not look whether the memory was freed. */
void lab_plain_unchecked(uintptr_t at, size_t size, bool write, const void *pc);

/*
 * A volatile access: relaxed, as the compilers mean it for a single one. It is
 * announced before it happens, and is made by the program itself: what a load is
 * to give lies in memory meanwhile.
 */
void lab_volatile(uintptr_t at, unsigned int size, bool write, const void *pc);

/* How much of each thread happened before what this one does now. */
const uint32_t *lab_known(unsigned int fiber);

/* -- for the platform -- */

/* The newest value, as the kernel reads it. No scheduling point. */
uint64_t lab_newest(uintptr_t at, unsigned int size);

/* A sequentially consistent fence of that fiber, at this moment. */
void lab_fence_of(unsigned int fiber);

/* The current thread publishes to a view, or has seen what was published. */
void lab_view_send(struct lab_view *to);
void lab_view_receive(const struct lab_view *from);

/* A point of a thread's program, and whether it happens before this one. */
struct lab_moment {
	unsigned int fiber;
	uint32_t clock;
};
struct lab_moment lab_moment_now(void);
bool lab_moment_known(const struct lab_moment *moment);

/* The platform changes memory that instrumented code owns. */
void lab_will_write(uintptr_t at, size_t size);

/* -- for the engine -- */

/* A scenario begins; all that setup writes can be undone from here. */
void lab_memory_open(void);
void lab_memory_reset(void);

/* Setup is over: this is what executions go back to. */
void lab_memory_mark(void);

/* Puts back what was written since the mark, or since the opening. */
void lab_memory_undo(void);
void lab_memory_close(void);

/* All that setup did is known to all; from here on histories are kept. */
void lab_memory_explore(void);

/* An execution has ended in the middle of anything. */
void lab_memory_settle(void);

void lab_memory_thread_begins(unsigned int fiber, unsigned int creator);
void lab_memory_thread_ends(unsigned int fiber);
void lab_memory_joined(unsigned int fiber);

#endif /* HEDDLE_LAB_MEMORY_H */
