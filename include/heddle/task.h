/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tasks: caller-owned work items that are submitted to a group, and the
 * calls that wait for them.
 */
#ifndef HEDDLE_TASK_H
#define HEDDLE_TASK_H

#include <heddle/api.h>

#ifdef __cplusplus
extern "C" {
#endif

struct heddle_group;
struct heddle_task;

typedef void (*heddle_task_fn)(struct heddle_task *task);
typedef void (*heddle_call_fn)(void *arg);

enum heddle_task_flags {
	/* Nobody joins or cancels it: the library does not touch the task
	 * any more once its function was entered. */
	HEDDLE_TASK_DETACHED = 1,
};

/**
 * struct heddle_task - one work item; put it into a larger struct of yours
 * @fn:       called once, with the task
 * @flags:    enum heddle_task_flags
 * @reserved: the library's while the task is accepted; zero before the first
 *            submit (HEDDLE_TASK_INIT or memset)
 *
 * An accepted task is the library's until its join or cancel returns or, if
 * DETACHED, until its function was entered. Then it may be submitted again.
 */
struct heddle_task {
	heddle_task_fn fn;
	uint32_t flags;
	uint32_t reserved0;
	uint64_t reserved[3];
};

#define HEDDLE_TASK_INIT(function) \
 { \
  (function), 0, 0, \
  { \
   0, 0, 0 \
  } \
 }

/**
 * heddle_submit() - queue one task
 * @group: the group it runs in
 * @task:  not accepted at present
 *
 * Never blocks, runs user code, allocates or creates a thread; nothing of
 * the submitter (mask, affinity, class, name) reaches the worker. It wakes a
 * worker only when one sleeps, the group and all above have a free permit and
 * no earlier wake is still on its way.
 *
 * Progress: lock-free. Ordering: everything before the call happens-before
 * the task. Context: any thread but not a signal handler.
 * Return: 0, -EINVAL (no function, unknown flag), -EAGAIN (the queue is
 * full), -EBUSY (the task is accepted already), -ESHUTDOWN (the group is
 * closed), -ECHILD.
 */
HEDDLE_API int heddle_submit(struct heddle_group *group,
			     struct heddle_task *task);

/**
 * heddle_submit_many() - queue a batch
 * @group:    the group they run in
 * @tasks:    n tasks
 * @n:        how many
 * @accepted: receives how many were taken, always a prefix
 *
 * As n calls of heddle_submit() in order, with one look at the sleepers.
 *
 * Return: 0 when all were accepted, else the error of the first that was not.
 */
HEDDLE_API int heddle_submit_many(struct heddle_group *group,
				  struct heddle_task *const *tasks, size_t n,
				  size_t *accepted);

/**
 * heddle_submit_call() - queue a call without a task of one's own
 * @group: the group it runs in
 * @fn:    called once
 * @arg:   passed to it
 *
 * As a DETACHED task; there is nothing to join or cancel.
 * Return: as heddle_submit().
 */
HEDDLE_API int heddle_submit_call(struct heddle_group *group, heddle_call_fn fn,
				  void *arg);

/**
 * heddle_join() - wait for the end of a task
 * @task:     accepted, not DETACHED, joined by nobody else
 * @flags:    0
 * @deadline: absolute ns
 *
 * From inside a task the joiner runs the task itself when nobody has started
 * it (no other task ever runs above a waiting frame); else the wait is a
 * blocking region. The rule against foreign work on the stack answers the lock
 * recursion reported against helping joins (rayon issue 592).
 *
 * Progress: blocking. Ordering: the task happens-before the return.
 * Context:  any thread.
 * Return: 0 it ran, -ECANCELED, -EDEADLK (the task is the caller, is on the
 * caller's stack, or waits through joins for such a task), -ETIMEDOUT,
 * -EINVAL (never submitted, DETACHED, flags).
 */
HEDDLE_API int heddle_join(struct heddle_task *task, uint32_t flags,
			   uint64_t deadline);

/**
 * heddle_cancel() - take a queued task back
 * @task:     accepted, not DETACHED
 * @deadline: how long to wait for a task that has started
 *
 * This release cancels what is queued; a task that has started is waited for.
 *
 * Progress: lock-free for a queued task, else blocking.
 * Ordering: as heddle_join().
 * Return: 0 it will never run, -EALREADY it has run and returned (or was
 * cancelled before), -EDEADLK as in heddle_join(), -ETIMEDOUT it runs still,
 * -EINVAL.
 */
HEDDLE_API int heddle_cancel(struct heddle_task *task, uint64_t deadline);

#ifdef __cplusplus
}
#endif

#endif /* HEDDLE_TASK_H */
