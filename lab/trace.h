/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happened in one execution, to be read by people: recorded while it is
 * replayed, printed as a table with a column a thread.
 *
 * Texts contain places (of code) and names (of data) as marks with addresses;
 * they become file:line and symbols when they are printed, because that takes
 * other programs (addr2line and nm of binutils), and the engine none.
 */
#ifndef HEDDLE_LAB_TRACE_H
#define HEDDLE_LAB_TRACE_H

#include <stdint.h>
#include <stdio.h>

#include "lab/engine.h"

struct lab_message;

/* Adds an event of the current thread, if events are wanted. */
#define lab_trace(pc, ...) \
 (lab_at.tracing ? lab_trace_add(pc, __VA_ARGS__) : (void)0)

void lab_trace_add(const void *pc, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void lab_trace_load(const void *pc, uintptr_t at, int order,
		    const struct lab_message *from, unsigned int old);

/* The number of the next event. */
uint32_t lab_trace_next(void);

/* An execution begins. */
void lab_trace_restart(void);

/* Marks for texts; valid for the next eight calls. */
const char *lab_place(const void *pc);
const char *lab_name_of(uintptr_t at, const void *pc);

/* ", release" and so on; nothing for relaxed. */
const char *lab_order_name(int order);

/* The recorded events, at most `rows` of the latest ones (0: all). */
void lab_trace_print(FILE *to, unsigned int rows);

/* A text with its marks replaced; the caller frees. */
char *lab_trace_expand(const char *text);

#endif /* HEDDLE_LAB_TRACE_H */
