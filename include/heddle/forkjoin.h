/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fork and join: nested parallelism with tasks in the caller's frames.
 *
 * A fork says that a call may run elsewhere; its join needs the result. Whatever
 * happens in between, the call is made exactly once before the join returns:
 * by another worker, or by the joiner. It is made in place, as a plain call, when nobody
 * has started it, when the queue was full or the group closed at the fork, and
 * when it was cancelled meanwhile; a computation that should be given up asks
 * heddle_stop_requested(). So a program is correct under any cap and any bound, only
 * less parallel. After Cilk (fork what may run elsewhere, call the rest) and Lace
 * (typed tasks in the caller's frame).
 *
 * Join in the reverse order of the forks: what was forked last lies uppermost
 * in the worker's deque and is most likely still there. No other task runs above
 * a waiting frame (heddle_join()), so the stack is as deep as that of the
 * serial program, and a lock may be held across a join if no forked call takes it.
 *
 * In an ordered group a task starts when it is the next one. So in a SERIAL group the
 * calls of a task's forks are made in place; in a FIFO group a join waits for the
 * tasks before, and nested forks need an ELASTIC pool that replaces the waiting workers.
 *
 * Names that are declared here and end in an underscore are for the macros.
 */
#ifndef HEDDLE_FORKJOIN_H
#define HEDDLE_FORKJOIN_H

#include <heddle/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 1 if it was queued: then it must be joined. */
static inline int heddle_fork_(struct heddle_group *group,
			       struct heddle_task *task, heddle_task_fn fn)
{
	unsigned int i;

	task->fn = fn;
	task->flags = 0;
	task->reserved0 = 0;
	for (i = 0; i < sizeof(task->reserved) / sizeof(*task->reserved); i++)
		task->reserved[i] = 0;
	task->after = NULL;
	return heddle_submit(group, task) == 0;
}

/* Until the call was made, by whoever. */
static inline void heddle_unfork_(struct heddle_task *task, int queued)
{
	int rc = queued ? heddle_join(task, 0, HEDDLE_FOREVER) : -1;

	if (rc == 0)
		return;
	/* Behind the caller in a SERIAL group: it is taken back. */
	if (queued && heddle_cancel(task, HEDDLE_FOREVER) != 0 &&
	    heddle_join(task, 0, HEDDLE_FOREVER) == 0)
		return; /* it has run after all */
	task->fn(task);
}

/**
 * struct heddle_child - a task of a scope; put it into a larger struct of yours
 * @task:     passed to the function
 * @older:    the scope's
 * @queued:   the scope's
 */
struct heddle_child {
	struct heddle_task task;
	struct heddle_child *older;
	int queued;
};

/**
 * struct heddle_scope - a set of children that end before it does
 * @group:  where the children run
 * @newest: the scope's
 *
 * Lives in the caller's frame and is used by the caller's thread only.
 */
struct heddle_scope {
	struct heddle_group *group;
	struct heddle_child *newest;
};

/**
 * heddle_scope_begin() - an empty scope
 * @scope: no scope at present, or one that was joined
 * @group: an open group
 *
 * Progress: wait-free. Context: any thread.
 */
static inline void heddle_scope_begin(struct heddle_scope *scope,
				      struct heddle_group *group)
{
	scope->group = group;
	scope->newest = NULL;
}

/**
 * heddle_scope_fork() - add a child
 * @scope: begun, not joined
 * @child: lives until heddle_scope_join() returns
 * @fn:    called once with &child->task
 *
 * Progress: that of heddle_submit(). Context: the scope's thread.
 * Ordering: what the caller did before happens-before the call.
 */
static inline void heddle_scope_fork(struct heddle_scope *scope,
				     struct heddle_child *child,
				     heddle_task_fn fn)
{
	child->queued = heddle_fork_(scope->group, &child->task, fn);
	child->older = scope->newest;
	scope->newest = child;
}

/**
 * heddle_scope_join() - wait until all children have run
 * @scope: begun
 *
 * Newest first. The scope is empty afterwards and may be used again.
 *
 * Progress: blocking; in a task, a blocking region where it has to wait.
 * Ordering: the children's calls happen-before the return.
 * Context:  the scope's thread.
 */
static inline void heddle_scope_join(struct heddle_scope *scope)
{
	struct heddle_child *child;

	while ((child = scope->newest)) {
		scope->newest = child->older; /* it may be gone afterwards */
		heddle_unfork_(&child->task, child->queued);
	}
}

/**
 * HEDDLE_FORK_1() - make a function of one argument forkable
 * @ret:  its result, not void: for that there is HEDDLE_FORK_VOID_1()
 * @name: a function that is declared before
 * @t1:   type of its argument
 *
 * At file scope; also with 2 and 3 arguments. Defines
 *   struct name_fork                               a call that was forked
 *   void name_fork(group, struct name_fork *f, arguments)
 *   ret name_join(struct name_fork *f)
 * of which each fork needs one struct and one join, on the same thread. The
 * arguments are copied. Context, progress and ordering as with a scope.
 */
#define HEDDLE_FORK_1(ret, name, t1) \
 HEDDLE_FORK_CALL_1_(name, ret value;, f_->value =, t1) \
 HEDDLE_FORK_JOIN_(ret, name)
#define HEDDLE_FORK_2(ret, name, t1, t2) \
 HEDDLE_FORK_CALL_2_(name, ret value;, f_->value =, t1, t2) \
 HEDDLE_FORK_JOIN_(ret, name)
#define HEDDLE_FORK_3(ret, name, t1, t2, t3) \
 HEDDLE_FORK_CALL_3_(name, ret value;, f_->value =, t1, t2, t3) \
 HEDDLE_FORK_JOIN_(ret, name)

/* HEDDLE_FORK_VOID_1() - the same of a function without a result */
#define HEDDLE_FORK_VOID_1(name, t1) \
 HEDDLE_FORK_CALL_1_(name, , , t1) HEDDLE_FORK_JOIN_VOID_(name)
#define HEDDLE_FORK_VOID_2(name, t1, t2) \
 HEDDLE_FORK_CALL_2_(name, , , t1, t2) HEDDLE_FORK_JOIN_VOID_(name)
#define HEDDLE_FORK_VOID_3(name, t1, t2, t3) \
 HEDDLE_FORK_CALL_3_(name, , , t1, t2, t3) HEDDLE_FORK_JOIN_VOID_(name)

#define HEDDLE_FORK_CALL_1_(name, value, to, t1) \
 HEDDLE_FORK_RUN_(name, value t1 a1;, to name(f_->a1)) \
 static inline void name##_fork(struct heddle_group *in_, \
				struct name##_fork *f_, t1 a1_) \
 { \
  f_->a1 = a1_; \
  f_->queued = heddle_fork_(in_, &f_->task, name##_run_); \
 }

#define HEDDLE_FORK_CALL_2_(name, value, to, t1, t2) \
 HEDDLE_FORK_RUN_(name, value t1 a1; t2 a2;, to name(f_->a1, f_->a2)) \
 static inline void name##_fork(struct heddle_group *in_, \
				struct name##_fork *f_, t1 a1_, t2 a2_) \
 { \
  f_->a1 = a1_; \
  f_->a2 = a2_; \
  f_->queued = heddle_fork_(in_, &f_->task, name##_run_); \
 }

#define HEDDLE_FORK_CALL_3_(name, value, to, t1, t2, t3) \
 HEDDLE_FORK_RUN_(name, value t1 a1; t2 a2; t3 a3; \
		  , to name(f_->a1, f_->a2, f_->a3)) \
 static inline void name##_fork(struct heddle_group *in_, \
				struct name##_fork *f_, t1 a1_, t2 a2_, \
				t3 a3_) \
 { \
  f_->a1 = a1_; \
  f_->a2 = a2_; \
  f_->a3 = a3_; \
  f_->queued = heddle_fork_(in_, &f_->task, name##_run_); \
 }

#define HEDDLE_FORK_RUN_(name, fields, call) \
 struct name##_fork { \
  struct heddle_task task; \
  int queued; \
  fields \
 }; \
 static void name##_run_(struct heddle_task *task_) \
 { \
  struct name##_fork *f_ = (struct name##_fork *)(void *)task_; \
\
  call; \
 }

#define HEDDLE_FORK_JOIN_(ret, name) \
 static inline ret name##_join(struct name##_fork *f_) \
 { \
  heddle_unfork_(&f_->task, f_->queued); \
  return f_->value; \
 }

#define HEDDLE_FORK_JOIN_VOID_(name) \
 static inline void name##_join(struct name##_fork *f_) \
 { \
  heddle_unfork_(&f_->task, f_->queued); \
 }

#ifdef __cplusplus
}
#endif

#endif /* HEDDLE_FORKJOIN_H */
