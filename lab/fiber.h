/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fibers: the threads of an explored program, all on one OS thread. Each has
 * its own stack and, as threads have, its own thread-local variables: those of
 * an OS thread that was made for it and sleeps, which its FS base points to.
 * Where a program may not set that register (FSGSBASE), real threads take turns
 * instead: everything works, a hundred times slower.
 *
 * A fiber is kept from one execution to the next, and abandoned where it stands
 * when an execution ends.
 */
#ifndef HEDDLE_LAB_FIBER_H
#define HEDDLE_LAB_FIBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room of each; instrumented code at -O0 with a pool's frames fits well. */
#define LAB_STACK_SIZE ((size_t)128 * 1024)

bool lab_fiber_possible(void);

/* Once, before anything else. */
void lab_fiber_init(bool real_threads);

/* Makes the fiber begin with fn(arg) at its next turn. fn must not return. */
void lab_fiber_prepare(unsigned int fiber, void (*fn)(void *arg), void *arg);

/* From one fiber to another. */
void lab_fiber_switch(unsigned int from, unsigned int to);

/* From the engine into a fiber; returns when one calls lab_fiber_leave(). */
void lab_fiber_enter(unsigned int to);
_Noreturn void lab_fiber_leave(unsigned int from);

/* Is the address on the stack of some fiber? */
bool lab_fiber_owns(uintptr_t address);

/*
 * Keeps where the fibers in the mask stand, with their stacks, and puts them
 * back there. Called by the engine; not with real threads.
 */
void lab_fiber_save(uint32_t mask);
void lab_fiber_restore(void);

#endif /* HEDDLE_LAB_FIBER_H */
