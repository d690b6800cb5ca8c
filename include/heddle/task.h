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

/*
 * A task's function may end its thread (pthread_exit(), cancellation at a cancellation
 * point): every task of that stack then ends as CANCELLED, their permits come back, and
 * the worker has a successor with the same index (doc/design/exit.md). It may leave by
 * longjmp() into a task below it on the same stack; that is found when the task below
 * next joins, cancels, asks whether to stop, begins or ends a region, or returns. Other
 * jumps, and C++ exceptions, through frames of the library are undefined. No call of the
 * library is a cancellation point. In a child that it forks it must exit or exec; if it
 * returns there, the child exits with status 0.
 */
typedef void (*heddle_task_fn)(struct heddle_task *task);
typedef void (*heddle_call_fn)(void *arg);

enum heddle_task_flags {
	/* Nobody joins or cancels it. Without an after-return action the
	 * library does not touch it any more once its function was entered. */
	HEDDLE_TASK_DETACHED = 1,
};

/**
 * struct heddle_task - one work item; put it into a larger struct of yours
 * @fn:       called once, with the task
 * @flags:    enum heddle_task_flags
 * @reserved: the library's while the task is accepted; zero before the first
 *            submit (HEDDLE_TASK_INIT or memset)
 * @after:    the after-return action of a DETACHED task, or NULL. Called once for
 *            an accepted task, as the library's last touch: with 0 on the worker
 *            when the function has returned, still as a part of the task; or
 *            with -ECANCELED by the thread that closes the group or destroys the
 *            pool, no lock held, before that call returns 0; or with -ECANCELED on
 *            the worker whose thread the task has ended. It may free the task or
 *            submit it again. In a forked child it is not called
 *
 * An accepted task is the library's until its join or cancel returns or, if
 * DETACHED, until its after-return action is called or, without one, until its
 * function was entered. Then it may be submitted again.
 */
struct heddle_task {
	heddle_task_fn fn;
	uint32_t flags;
	uint32_t reserved0;
	uint64_t reserved[3];
	void (*after)(struct heddle_task *task, int status);
};

/* HEDDLE_TASK_INIT() - initialiser of a task that calls function and is joined */
#define HEDDLE_TASK_INIT(function) \
 { \
  (function), 0, 0, { 0, 0, 0 }, NULL \
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
 * Return: 0, -EINVAL (no function, unknown flag, after without DETACHED),
 * -EAGAIN (the queue is full), -EBUSY (the task is accepted already),
 * -ESHUTDOWN (the group is closed), -ECHILD.
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
 *
 * From a task for its own group, outside of blocking regions, it costs a few
 * nanoseconds: such calls lie in a stack of the worker, which runs the newest first,
 * and of which others take the oldest (not in FIFO and SERIAL groups, nor where
 * queue_slots is set). They do not count against tasks_max; up to 1024 of each worker
 * may wait there, and further ones are queued as tasks. After the private slots of
 * Lace and Cilk's spawns; the difference is that nobody has to sync.
 *
 * Progress: lock-free. Ordering: as heddle_submit().
 * Context:  any thread but not a signal handler.
 * Return: as heddle_submit().
 */
HEDDLE_API int heddle_submit_call(struct heddle_group *group, heddle_call_fn fn,
				  void *arg);

enum heddle_join_flags {
	HEDDLE_JOIN_HELP = 1, /* the caller may run the task itself */
};

/**
 * heddle_join() - wait for the end of a task
 * @task:     accepted, not DETACHED, joined by nobody else
 * @flags:    enum heddle_join_flags
 * @deadline: absolute ns; bounds the wait, not a task that the caller runs
 *
 * From inside a task the joiner runs the task itself when nobody has started
 * it (no other task ever runs above a waiting frame); else the wait is a
 * blocking region. The rule against foreign work on the stack answers the lock
 * recursion reported against helping joins (rayon issue 592).
 *
 * With HEDDLE_JOIN_HELP a thread that is no worker lends itself to the pool for this
 * one task: if nobody has started it the caller takes its permits, or waits until they
 * are free, its turn has come (FIFO, SERIAL) and no gate is shut, and runs it on its
 * own stack. The task finds a worker's surroundings: slots, joins, regions, the pool's
 * hooks. Of the thread nothing is changed, and nothing remains on it. Helpers and
 * workers that run are together at most workers_max; the pool needs no worker.
 * In a task of any pool, a hook or a destructor the flag has no effect.
 *
 * Progress: blocking. Ordering: the task happens-before the return.
 * Context:  any thread.
 * Return: 0 it ran, -ECANCELED (it will never run, or has ended its thread or was
 * jumped over), -EDEADLK (the task is the caller, is on the
 * caller's stack, waits through joins for such a task, or is queued in a SERIAL
 * group that a task on the caller's stack occupies), -ETIMEDOUT,
 * -EINVAL (never submitted, DETACHED, flags, HELP on a guest thread), -ECHILD; with HELP
 * also -ENOMEM (no memory for the slots' values), the init hook's error: the
 * task is as it was.
 */
HEDDLE_API int heddle_join(struct heddle_task *task, uint32_t flags,
			   uint64_t deadline);

/**
 * heddle_submit_join() - have a task run, and wait for its end
 * @group:    the group it runs in
 * @task:     as for heddle_submit(), not DETACHED
 * @deadline: absolute ns, as for heddle_join()
 *
 * heddle_submit() and heddle_join() with HEDDLE_JOIN_HELP in one call, which knows that
 * the caller can run the task: it wakes nobody as long as it does not have to wait
 * itself. Where nothing stands in the way the task runs on the caller's stack, within its
 * caps, at the cost of a few hundred instructions. On a guest thread, which may not
 * help, a worker runs it.
 *
 * Progress: blocking. Ordering: the caller's writes happen-before the task's start, the
 * task happens-before the return. Context: any thread.
 * Return: as heddle_submit(), and then nothing was queued, or as heddle_join();
 * after -ETIMEDOUT, -EDEADLK, -ENOMEM or the init hook's error the task is queued.
 */
HEDDLE_API int heddle_submit_join(struct heddle_group *group,
				  struct heddle_task *task, uint64_t deadline);

/**
 * heddle_cancel() - take a queued task back
 * @task:     accepted, not DETACHED
 * @deadline: how long to wait for a task that has started
 *
 * A task that has started is asked to stop (heddle_stop_requested()), its blocking
 * region is interrupted if it was begun with an interrupt function, and its end is
 * waited for.
 *
 * Progress: lock-free for a queued task, else blocking.
 * Ordering: as heddle_join().
 * Return: 0 it will never run, -EALREADY it has run and returned (or was
 * cancelled before), -EDEADLK as in heddle_join(), -ETIMEDOUT it runs still,
 * -EINVAL, -ECHILD.
 */
HEDDLE_API int heddle_cancel(struct heddle_task *task, uint64_t deadline);

/**
 * heddle_stop_requested() - should the calling task come to its end?
 *
 * Cooperative: a task asks at places where it can give up. True when it was
 * cancelled after it had started, when its group or one above refuses (also
 * because the pool is being destroyed), and for a task that a join runs when
 * that holds of a task below it on the stack. After the stop tokens of C++20 and the
 * cancellation of structured concurrency.
 *
 * Progress: wait-free, a few loads for each task on the stack.
 * Context:  any thread. Return: 1 yes, 0 no, and outside of tasks.
 */
HEDDLE_API int heddle_stop_requested(void);

enum heddle_task_state {
	HEDDLE_TASK_NEW = 0,    /* not submitted since it was initialised */
	HEDDLE_TASK_QUEUED = 1, /* accepted, not seen to have started */
	HEDDLE_TASK_RUNNING = 2,
	HEDDLE_TASK_BLOCKED = 3, /* its worker is inside a blocking region */
	HEDDLE_TASK_DONE = 4,
	HEDDLE_TASK_CANCELLED = 5,
};

/**
 * struct heddle_task_stat - a task at about one instant
 * @struct_size:    sizeof(struct heddle_task_stat), set by the caller
 * @state:          enum heddle_task_state; a task that is about to start or to
 *                  end may show the state before
 * @worker:         index of the worker that runs it, UINT32_MAX if none does
 * @stop_requested: 1 when it was cancelled while it ran, or its group refuses
 * @group:          the group it was submitted to, NULL if NEW or ended
 */
struct heddle_task_stat {
	uint32_t struct_size;
	uint32_t state;
	uint32_t worker;
	uint32_t stop_requested;
	struct heddle_group *group;
};

/**
 * heddle_task_stat() - where a task is
 * @task: not DETACHED; its pool must exist until the call returns
 * @out:  struct_size set; receives what is seen, struct heddle_task_stat
 *
 * Progress: wait-free. Context: any thread.
 * Return: 0, -EINVAL, -E2BIG.
 */
HEDDLE_API int heddle_task_stat(struct heddle_task *task,
				struct heddle_task_stat *out);

#ifdef __cplusplus
}
#endif

#endif /* HEDDLE_TASK_H */
