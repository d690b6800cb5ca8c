/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupting a blocking region. A region that was begun with an interrupt function is
 * ARMED; who tells its task to stop claims it, looks whether it is the right one, calls.
 *
 *   NONE -> ARMED            the worker, before it waits
 *   ARMED -> CALLING         a stopper; the worker cannot leave the region now
 *   CALLING -> ARMED         it was another task's
 *   CALLING -> CALLED        the function has returned
 *   ARMED, CALLED -> NONE    the worker, at the end of the region
 *
 * Who finds CALLING waits: a stopper because the other may have the wrong task, the
 * worker because the function may still use what it is about to leave.
 *
 * interrupt-1: the worker arms, then reads whether it is to stop; a stopper says stop,
 * then reads the word. Forbidden: the worker reads no stop and waits, and the stopper
 * reads NONE and calls nobody.
 *
 * A task that is about to start may not have its runner written yet: then the words
 * of all workers are read.
 *
 * interrupt-2: the claim acquires what the worker armed: the function and its stack of
 * frames. The worker's step to NONE acquires the end of the call.
 */
#ifndef HEDDLE_SCHED_INTERRUPT_H
#define HEDDLE_SCHED_INTERRUPT_H

#include <stdbool.h>

struct heddle_group;
struct hd_task;
struct hd_worker;

/*
 * False when the worker is to stop already, and nobody has called the function; then the
 * region does not begin.
 */
bool hd_interrupt_arm(struct hd_worker *worker, void (*fn)(void *arg),
		      void *arg);

/* At the end of a region. Waits for a call under way. Was there one? */
bool hd_interrupt_disarm(struct hd_worker *worker);

/*
 * Interrupts the region of the stack that the task is on, if it is in one. The task was
 * told to stop before.
 */
void hd_interrupt_task(struct hd_task *task);

/* Those of all stacks with a frame in the group or below it. */
void hd_interrupt_group(struct heddle_group *group);

#endif /* HEDDLE_SCHED_INTERRUPT_H */
