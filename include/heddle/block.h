/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blocking regions: a task says that it is about to wait outside the
 * scheduler, and another task may have its permits meanwhile.
 */
#ifndef HEDDLE_BLOCK_H
#define HEDDLE_BLOCK_H

#include <heddle/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the task waits for; shown by heddle_workers(). */
enum heddle_block_kind {
	HEDDLE_BLOCK_OTHER = 0,
	HEDDLE_BLOCK_IO = 1,
	HEDDLE_BLOCK_LOCK = 2,
	HEDDLE_BLOCK_SLEEP = 3,
	HEDDLE_BLOCK_JOIN = 4,
};

/**
 * heddle_block_begin() - give the permits of the running task back
 * @kind:      enum heddle_block_kind
 * @interrupt: NULL, or what ends the wait when the task is told to stop: called
 *             at most once, by the thread that cancels the task or that refuses
 *             its group (or one above), never after heddle_block_end() was
 *             left; that waits for a call under way. It must not wait for
 *             the task, cancel it or close its group
 * @arg:       for @interrupt
 *
 * With an interrupt function and a stop already requested, nothing happens and
 * -ECANCELED is returned: the caller does not begin to wait. Of nested regions
 * the function of the outermost one counts.
 *
 * Regions nest; only the outermost one gives permits back. Do not hold a
 * lock across heddle_block_end() unless every wait for that lock is a
 * blocking region too: the returner may wait for the holder of the cap.
 * After io-wq and the Linux workqueue, where a hook of the kernel scheduler
 * does what a program must say here.
 *
 * Progress: lock-free, except that an ELASTIC pool may create a worker.
 * Context:  a task or a guest thread; elsewhere -EPERM.
 * Return: 0, -EPERM, -EINVAL, -ECANCELED, -EAGAIN (HEDDLE_BLOCKED_REFUSE).
 */
HEDDLE_API int heddle_block_begin(int kind, void (*interrupt)(void *arg),
				  void *arg);

/**
 * heddle_block_end() - take the permits again before user code goes on
 *
 * May wait for them. A returner goes before new starts of the same group, at
 * most 16 in a row while a start waits.
 *
 * Progress: blocking. Context: inside a region; elsewhere -EPERM.
 * Return: 0, -EPERM.
 */
HEDDLE_API int heddle_block_end(void);

#ifdef __cplusplus
}
#endif

#endif /* HEDDLE_BLOCK_H */
