/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fibers: the threads of an explored program, all on one OS thread. A fiber is
 * kept from one execution to the next, and abandoned where it stands when an
 * execution ends.
 */
#ifndef HEDDLE_LAB_FIBER_H
#define HEDDLE_LAB_FIBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room of each; instrumented code at -O0 with a pool's frames fits well. */
#define LAB_STACK_SIZE ((size_t)128 * 1024)

/* Makes the fiber begin with fn(arg) at its next turn. fn must not return. */
void lab_fiber_prepare(unsigned int fiber, void (*fn)(void *arg), void *arg);

/* From one fiber to another. */
void lab_fiber_switch(unsigned int from, unsigned int to);

/* From the engine into a fiber; returns when one calls lab_fiber_leave(). */
void lab_fiber_enter(unsigned int to);
_Noreturn void lab_fiber_leave(void);

/* Is the address on the stack of some fiber? */
bool lab_fiber_owns(uintptr_t address);

/*
 * A program may name a variable that each thread has its own copy of (the
 * library has exactly one). It is saved and restored at each switch. Weak:
 * programs without one define no such function.
 */
void **lab_thread_local(void) __attribute__((weak));

#endif /* HEDDLE_LAB_FIBER_H */
