/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fork and join: nested parallelism with calls that may run elsewhere.
 *
 * A fork says that a call may run elsewhere; its join needs the result. Whatever
 * happens in between, the call is made exactly once before the join returns:
 * by another worker, or by the joiner. It is made in place, as a plain call, when nobody
 * has started it, when the queue was full or the group closed at the fork, and
 * when it was cancelled meanwhile; a computation that should be given up asks
 * heddle_stop_requested(). So a program is correct under any cap and any bound, only
 * less parallel. After Cilk (fork what may run elsewhere, call the rest) and Lace
 * (typed tasks, inline slots).
 *
 * Two forms. With HEDDLE_FORK_n() and with scopes each fork has a struct of the
 * caller's, in any number, for any group, from any thread. With HEDDLE_TASK_n() a
 * function is written for forks: it costs little more than the function without them.
 *
 * In a task, forks for its own group lie in a stack of the worker, of which others take
 * the oldest (doc/design/forkjoin.md). All others are submits: from another thread, for
 * another group, in an ordered group or one with queue_slots, in a blocking region.
 *
 * Join in the reverse order of the forks: then a join that finds its call there is a few
 * instructions. No other task runs above a waiting frame, only what descends from
 * the fork that it waits for; so the stack is as deep as that of the
 * serial program, and a lock may be held across a join if no forked call takes it. Join
 * before the task returns, and before a longjmp leaves the function that forked. Where a
 * thread may be ended with forks open, by pthread_exit() or a cancel, their structs, and
 * what arguments point to, are not on its stack: who runs such a fork uses them, and the
 * stack may be unmapped before it has ended.
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

/* ---- for the macros: what their inline halves touch, the same in the library ---- */

#ifndef HEDDLE_FORK_ALIAS_
# define HEDDLE_FORK_ALIAS_ /* in the library: it knows them by other names, too */
#endif

struct HEDDLE_FORK_ALIAS_ heddle_fork_slot {
	uintptr_t what; /* 0, or what is called by who takes it */
	uint32_t state;
	uint32_t waits;
	uint64_t arg[5];
	uint64_t result;
};

struct HEDDLE_FORK_ALIAS_ heddle_forks {
	uintptr_t limit; /* no slot from it on is anybody else's */
	struct heddle_fork_slot *slot, *end;
	struct heddle_fork_slot *next;
	struct heddle_group *group;
};

/*
 * The place of the next slot. From call to call it is two arguments, since compilers
 * keep a struct of two words in memory or in a vector.
 */
struct heddle_fork_place {
	struct heddle_forks *forks;
	struct heddle_fork_slot *slot;
};

typedef void (*heddle_fork_fn)(struct heddle_fork_place place,
			       const uint64_t *arg, uint64_t *result);

/* Without a group and without slots where forks are submits; never NULL. */
extern __thread struct heddle_forks *heddle_forks_
	__attribute__((tls_model("initial-exec"), visibility("default")));

HEDDLE_API void heddle_fork_task_(struct heddle_fork_place place,
				  const uint64_t *arg, uint64_t *result);
HEDDLE_API void heddle_fork_slow_(struct heddle_group *group,
				  struct heddle_task *task, heddle_task_fn fn)
	__attribute__((cold));
HEDDLE_API int heddle_unfork_slow_(struct heddle_task *task)
	__attribute__((cold));
HEDDLE_API void heddle_fork_answer_(struct heddle_forks *forks,
				    struct heddle_fork_slot *slot)
	__attribute__((cold));
HEDDLE_API int heddle_fork_join_(struct heddle_forks *forks,
				 struct heddle_fork_slot *slot)
	__attribute__((cold));
HEDDLE_API int heddle_fork_sync_(struct heddle_forks *forks,
				 struct heddle_fork_slot *slot,
				 struct heddle_fork_place *place)
	__attribute__((cold));
HEDDLE_API void heddle_fork_more_(struct heddle_forks *forks,
				  struct heddle_fork_place *place)
	__attribute__((cold));
HEDDLE_API void heddle_fork_run_(struct heddle_group *group, heddle_fork_fn fn,
				 const uint64_t *arg, uint64_t *result)
	__attribute__((cold));

static inline void heddle_fork_put_(struct heddle_fork_slot *slot,
				    unsigned int i, uint64_t word)
{
	__atomic_store_n(&slot->arg[i], word, __ATOMIC_RELAXED);
}

static inline void heddle_fork_push_(struct heddle_forks *forks,
				     struct heddle_fork_slot *slot,
				     heddle_fork_fn what)
{
	/* forks-1 and forks-2 of lockfree/forks.h, as in all of these. */
	__atomic_store_n(&slot->what, (uintptr_t)what, __ATOMIC_RELEASE);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (__builtin_expect(__atomic_load_n(&forks->limit, __ATOMIC_RELAXED) ==
				     UINTPTR_MAX,
			     0))
		heddle_fork_answer_(forks, slot);
}

/* 1 if the call is the caller's to make. */
static inline int heddle_fork_pop_(struct heddle_forks *forks,
				   struct heddle_fork_slot *slot)
{
	__atomic_store_n(&slot->what, (uintptr_t)0, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return __builtin_expect(__atomic_load_n(&forks->limit,
						__ATOMIC_RELAXED) <=
					(uintptr_t)slot,
				1) != 0;
}

static inline void heddle_fork_(struct heddle_group *group,
				struct heddle_task *task, heddle_task_fn fn)
{
	struct heddle_forks *forks = heddle_forks_;
	struct heddle_fork_slot *slot = forks->next;

	if (__builtin_expect(forks->group != group || slot == forks->end, 0)) {
		heddle_fork_slow_(group, task, fn);
		return;
	}
	forks->next = slot + 1;
	task->fn = fn;
	task->reserved[1] = (uintptr_t)slot; /* a group's, when submitted */
	heddle_fork_put_(slot, 0, (uintptr_t)task);
	heddle_fork_push_(forks, slot, heddle_fork_task_);
}

/* Until the call was made by another one: 0; or 1, and the caller makes it. */
static inline int heddle_unfork_(struct heddle_task *task)
{
	struct heddle_forks *forks = heddle_forks_;
	struct heddle_fork_slot *slot =
		(struct heddle_fork_slot *)(uintptr_t)task->reserved[1];

	if (__builtin_expect(forks->next != slot + 1, 0))
		return heddle_unfork_slow_(task);
	forks->next = slot;
	return heddle_fork_pop_(forks, slot) || heddle_fork_join_(forks, slot);
}

/* ---- forks with a struct of the caller's ---- */

/**
 * struct heddle_child - a task of a scope; put it into a larger struct of yours
 * @task:     passed to the function
 * @older:    the scope's
 */
struct heddle_child {
	struct heddle_task task;
	struct heddle_child *older;
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
	heddle_fork_(scope->group, &child->task, fn);
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
		if (heddle_unfork_(&child->task))
			child->task.fn(&child->task);
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
 HEDDLE_FORK_CALL_1_(ret, name, ret value;, f_->value =, t1) \
 HEDDLE_FORK_JOIN_(ret, name)
#define HEDDLE_FORK_2(ret, name, t1, t2) \
 HEDDLE_FORK_CALL_2_(ret, name, ret value;, f_->value =, t1, t2) \
 HEDDLE_FORK_JOIN_(ret, name)
#define HEDDLE_FORK_3(ret, name, t1, t2, t3) \
 HEDDLE_FORK_CALL_3_(ret, name, ret value;, f_->value =, t1, t2, t3) \
 HEDDLE_FORK_JOIN_(ret, name)

/* HEDDLE_FORK_VOID_1() - the same of a function without a result */
#define HEDDLE_FORK_VOID_1(name, t1) \
 HEDDLE_FORK_CALL_1_(void, name, , , t1) HEDDLE_FORK_JOIN_VOID_(name)
#define HEDDLE_FORK_VOID_2(name, t1, t2) \
 HEDDLE_FORK_CALL_2_(void, name, , , t1, t2) HEDDLE_FORK_JOIN_VOID_(name)
#define HEDDLE_FORK_VOID_3(name, t1, t2, t3) \
 HEDDLE_FORK_CALL_3_(void, name, , , t1, t2, t3) HEDDLE_FORK_JOIN_VOID_(name)

/* Of what a macro makes a program may use a part. */
#define HEDDLE_FORK_MADE_ static inline __attribute__((unused))

#define HEDDLE_FORK_CALL_1_(ret, name, value, to, t1) \
 HEDDLE_FORK_RUN_(ret, name, value t1 a1;, to, name(f_->a1)) \
 HEDDLE_FORK_MADE_ void name##_fork(struct heddle_group *in_, \
				    struct name##_fork *f_, t1 a1_) \
 { \
  f_->a1 = a1_; \
  heddle_fork_(in_, &f_->task, name##_run_); \
 }

#define HEDDLE_FORK_CALL_2_(ret, name, value, to, t1, t2) \
 HEDDLE_FORK_RUN_(ret, name, value t1 a1; t2 a2;, to, name(f_->a1, f_->a2)) \
 HEDDLE_FORK_MADE_ void name##_fork(struct heddle_group *in_, \
				    struct name##_fork *f_, t1 a1_, t2 a2_) \
 { \
  f_->a1 = a1_; \
  f_->a2 = a2_; \
  heddle_fork_(in_, &f_->task, name##_run_); \
 }

#define HEDDLE_FORK_CALL_3_(ret, name, value, to, t1, t2, t3) \
 HEDDLE_FORK_RUN_(ret, name, value t1 a1; t2 a2; t3 a3; \
		  , to, name(f_->a1, f_->a2, f_->a3)) \
 HEDDLE_FORK_MADE_ void name##_fork(struct heddle_group *in_, \
				    struct name##_fork *f_, t1 a1_, t2 a2_, \
				    t3 a3_) \
 { \
  f_->a1 = a1_; \
  f_->a2 = a2_; \
  f_->a3 = a3_; \
  heddle_fork_(in_, &f_->task, name##_run_); \
 }

#define HEDDLE_FORK_RUN_(ret, name, fields, to, call) \
 struct name##_fork { \
  struct heddle_task task; \
  fields \
 }; \
 HEDDLE_FORK_MADE_ ret name##_call_(struct name##_fork *f_) \
 { \
  return call; \
 } \
 static void name##_run_(struct heddle_task *task_) \
 { \
  struct name##_fork *f_ = (struct name##_fork *)(void *)task_; \
\
  to name##_call_(f_); \
 }

#define HEDDLE_FORK_JOIN_(ret, name) \
 HEDDLE_FORK_MADE_ ret name##_join(struct name##_fork *f_) \
 { \
  return heddle_unfork_(&f_->task) ? name##_call_(f_) : f_->value; \
 }

#define HEDDLE_FORK_JOIN_VOID_(name) \
 HEDDLE_FORK_MADE_ void name##_join(struct name##_fork *f_) \
 { \
  if (heddle_unfork_(&f_->task)) \
   name##_call_(f_); \
 }

/* ---- functions that are written for forks ---- */

/**
 * HEDDLE_TASK_1() - begin the definition of a function that forks
 * @ret:  its result: a scalar or a pointer of at most 8 bytes, not void; for that there
 *        is the form with VOID
 * @name: of the function
 * @t1:   type of its argument, of the same kinds
 * @a1:   name of its argument
 *
 * At file scope, followed by the body; also with 2 and 3 arguments, each a type and a
 * name. The function is static.
 *
 *   HEDDLE_TASK_2(long, tree, struct node *, node, int, depth)
 *   {
 *           long sum;
 *
 *           if (!node)
 *                   return 0;
 *           HEDDLE_SPAWN(tree, node->left, depth - 1);
 *           sum = HEDDLE_CALL(tree, node->right, depth - 1);
 *           return sum + HEDDLE_SYNC(tree);
 *   }
 *
 *   long sum = HEDDLE_RUN(tree, group, root, 20);
 *
 * Such a function is called by HEDDLE_SPAWN(), HEDDLE_CALL() and HEDDLE_RUN() only. It
 * joins each of its forks before it returns, and makes neither forks nor joins in a
 * blocking region. Any number of forks may be open; of more than some thousands on one
 * thread the newest are not for others. Where memory for them is refused the
 * process ends with a message.
 */
#define HEDDLE_TASK_1(ret, name, t1, a1) \
 HEDDLE_TASK_PARTS_1_(ret, name, t1, a1) \
 HEDDLE_TASK_HEAD_(HEDDLE_FORK_MADE_, ret, name, (t1 a1))
#define HEDDLE_TASK_2(ret, name, t1, a1, t2, a2) \
 HEDDLE_TASK_PARTS_2_(ret, name, t1, a1, t2, a2) \
 HEDDLE_TASK_HEAD_(HEDDLE_FORK_MADE_, ret, name, (t1 a1, t2 a2))
#define HEDDLE_TASK_3(ret, name, t1, a1, t2, a2, t3, a3) \
 HEDDLE_TASK_PARTS_3_(ret, name, t1, a1, t2, a2, t3, a3) \
 HEDDLE_TASK_HEAD_(HEDDLE_FORK_MADE_, ret, name, (t1 a1, t2 a2, t3 a3))

/* HEDDLE_TASK_VOID_1() - the same of a function without a result */
#define HEDDLE_TASK_VOID_1(name, t1, a1) \
 HEDDLE_TASK_PARTS_VOID_1_(name, t1, a1) \
 HEDDLE_TASK_HEAD_(HEDDLE_FORK_MADE_, void, name, (t1 a1))
#define HEDDLE_TASK_VOID_2(name, t1, a1, t2, a2) \
 HEDDLE_TASK_PARTS_VOID_2_(name, t1, a1, t2, a2) \
 HEDDLE_TASK_HEAD_(HEDDLE_FORK_MADE_, void, name, (t1 a1, t2 a2))
#define HEDDLE_TASK_VOID_3(name, t1, a1, t2, a2, t3, a3) \
 HEDDLE_TASK_PARTS_VOID_3_(name, t1, a1, t2, a2, t3, a3) \
 HEDDLE_TASK_HEAD_(HEDDLE_FORK_MADE_, void, name, (t1 a1, t2 a2, t3 a3))

/**
 * HEDDLE_SPAWN() - fork a call of a function that is written for it
 * @name: that function
 *
 * In the body of such a function, followed by the arguments, which are copied. The call
 * may run elsewhere from now on. A statement; also in a loop.
 * Progress: wait-free but for a bounded look at who asked for work. Ordering: what the
 * caller did before happens-before the call.
 */
#define HEDDLE_SPAWN(name, ...) \
 name##_spawn_(&heddle_stack_, &heddle_slot_, __VA_ARGS__)

/* HEDDLE_CALL() - a plain call of a function that is written for forks, in such a one */
#define HEDDLE_CALL(name, ...) \
 name##_typed_(heddle_stack_, heddle_slot_, __VA_ARGS__)

/**
 * HEDDLE_SYNC() - join the newest fork of this call that is not joined
 * @name: the function that was forked there
 *
 * Gives the result. Progress: blocking; a blocking region where it has to wait.
 * Ordering: the forked call happens-before the return.
 */
#define HEDDLE_SYNC(name) name##_sync_(&heddle_stack_, &heddle_slot_)

/**
 * HEDDLE_RUN() - call a function that is written for forks, from elsewhere
 * @name:  that function
 * @group: where its forks run
 *
 * Followed by the arguments; gives the result. In a task of the group the call is made in
 * place; elsewhere it is a task that is submitted and joined, and made in place if that
 * is refused. Where the group's forks are submits, and in tasks that a join runs in
 * another group, nobody takes its forks.
 * Progress: blocking. Context: any thread.
 */
#define HEDDLE_RUN(name, group, ...) name##_at_(group, __VA_ARGS__)

#define HEDDLE_FORK_INLINE_ static inline __attribute__((always_inline, unused))

/* 1: the newest fork is the caller's to call, and has left its slot. */
HEDDLE_FORK_INLINE_ int heddle_fork_newest_(struct heddle_forks **forks,
					    struct heddle_fork_slot **slot)
{
	int mine = heddle_fork_pop_(*forks, --*slot);

	if (__builtin_expect(!mine, 0)) {
		struct heddle_fork_place place;

		mine = heddle_fork_sync_(*forks, *slot, &place);
		*forks = place.forks;
		*slot = place.slot;
	}
	return mine;
}

/* The next slot, which may be elsewhere than it was. */
HEDDLE_FORK_INLINE_ struct heddle_fork_slot *
heddle_fork_room_(struct heddle_forks **forks, struct heddle_fork_slot **slot)
{
	if (__builtin_expect(*slot == (*forks)->end, 0)) {
		struct heddle_fork_place place;

		heddle_fork_more_(*forks, &place);
		*forks = place.forks;
		*slot = place.slot;
	}
	return *slot;
}

#ifdef __cplusplus
# define HEDDLE_FORK_ASSERT_(e, text) static_assert(e, text)
#else
# define HEDDLE_FORK_ASSERT_(e, text) _Static_assert(e, text)
#endif
#define HEDDLE_TASK_FITS_(type) \
 HEDDLE_FORK_ASSERT_(sizeof(type) <= sizeof(uint64_t), \
		     #type ": arguments and results of a task that " \
			   "forks have at most 8 bytes; pass a pointer");

#define HEDDLE_FORK_PLUS_(...) , __VA_ARGS__
#define HEDDLE_FORK_IS_(...)   __VA_ARGS__

#define HEDDLE_TASK_HEAD_(class, ret, name, params) \
 class __attribute__((unused)) \
 ret name##_typed_(struct heddle_forks *heddle_stack_ __attribute__((unused)), \
		   struct heddle_fork_slot *heddle_slot_ \
		   __attribute__((unused)) HEDDLE_FORK_PLUS_ params)

/* A word of a slot from a value, and back. */
#define HEDDLE_FORK_IN_(i, type, value) \
 { \
  uint64_t word_ = 0; \
  __builtin_memcpy(&word_, &value, sizeof(type)); \
  heddle_fork_put_(slot_, i, word_); \
 }
#define HEDDLE_FORK_WORD_(i, type, value) \
 arg_[i] = 0; \
 __builtin_memcpy(&arg_[i], &value, sizeof(type));
#define HEDDLE_FORK_OUT_(i, type, value) \
 type value; \
 __builtin_memcpy(&value, &arg_[i], sizeof(type));

#define HEDDLE_TASK_PARTS_1_(ret, name, t1, a1) \
 HEDDLE_TASK_FITS_(ret) \
 HEDDLE_TASK_1_(ret, name, ret value_ =, HEDDLE_FORK_RESULT_(ret), return, \
		HEDDLE_FORK_VALUE_(ret), t1, a1)
#define HEDDLE_TASK_PARTS_2_(ret, name, t1, a1, t2, a2) \
 HEDDLE_TASK_FITS_(ret) \
 HEDDLE_TASK_2_(ret, name, ret value_ =, HEDDLE_FORK_RESULT_(ret), return, \
		HEDDLE_FORK_VALUE_(ret), t1, a1, t2, a2)
#define HEDDLE_TASK_PARTS_3_(ret, name, t1, a1, t2, a2, t3, a3) \
 HEDDLE_TASK_FITS_(ret) \
 HEDDLE_TASK_3_(ret, name, ret value_ =, HEDDLE_FORK_RESULT_(ret), return, \
		HEDDLE_FORK_VALUE_(ret), t1, a1, t2, a2, t3, a3)
#define HEDDLE_TASK_PARTS_VOID_1_(name, t1, a1) \
 HEDDLE_TASK_1_(void, name, , (void)result_;, , (void)result_;, t1, a1)
#define HEDDLE_TASK_PARTS_VOID_2_(name, t1, a1, t2, a2) \
 HEDDLE_TASK_2_(void, name, , (void)result_;, , (void)result_;, t1, a1, t2, a2)
#define HEDDLE_TASK_PARTS_VOID_3_(name, t1, a1, t2, a2, t3, a3) \
 HEDDLE_TASK_3_(void, name, , (void)result_;, , (void)result_; \
		, t1, a1, t2, a2, t3, a3)

#define HEDDLE_FORK_RESULT_(ret) \
 *result_ = 0; \
 __builtin_memcpy(result_, &value_, sizeof(ret));
#define HEDDLE_FORK_VALUE_(ret) \
 { \
  ret value_; \
\
  __builtin_memcpy(&value_, result_, sizeof(ret)); \
  return value_; \
 }

#define HEDDLE_TASK_1_(ret, name, keep, store, give, load, t1, a1) \
 HEDDLE_TASK_FITS_(t1) \
 HEDDLE_TASK_ANY_(ret, name, keep, store, give, load, (t1 a1), \
		  HEDDLE_FORK_IN_(0, t1, a1), HEDDLE_FORK_WORD_(0, t1, a1), \
		  HEDDLE_FORK_OUT_(0, t1, a1), (a1))
#define HEDDLE_TASK_2_(ret, name, keep, store, give, load, t1, a1, t2, a2) \
 HEDDLE_TASK_FITS_(t1) \
 HEDDLE_TASK_FITS_(t2) \
 HEDDLE_TASK_ANY_(ret, name, keep, store, give, load, (t1 a1, t2 a2), \
		  HEDDLE_FORK_IN_(0, t1, a1) HEDDLE_FORK_IN_(1, t2, a2), \
		  HEDDLE_FORK_WORD_(0, t1, a1) HEDDLE_FORK_WORD_(1, t2, a2), \
		  HEDDLE_FORK_OUT_(0, t1, a1) HEDDLE_FORK_OUT_(1, t2, a2), \
		  (a1, a2))
#define HEDDLE_TASK_3_(ret, name, keep, store, give, load, t1, a1, t2, a2, t3, \
		       a3) \
 HEDDLE_TASK_FITS_(t1) \
 HEDDLE_TASK_FITS_(t2) \
 HEDDLE_TASK_FITS_(t3) \
 HEDDLE_TASK_ANY_(ret, name, keep, store, give, load, (t1 a1, t2 a2, t3 a3), \
		  HEDDLE_FORK_IN_(0, t1, a1) HEDDLE_FORK_IN_(1, t2, a2) \
			  HEDDLE_FORK_IN_(2, t3, a3), \
		  HEDDLE_FORK_WORD_(0, t1, a1) HEDDLE_FORK_WORD_(1, t2, a2) \
			  HEDDLE_FORK_WORD_(2, t3, a3), \
		  HEDDLE_FORK_OUT_(0, t1, a1) HEDDLE_FORK_OUT_(1, t2, a2) \
			  HEDDLE_FORK_OUT_(2, t3, a3), \
		  (a1, a2, a3))

/* After "return" nothing; a void call has the return behind it. */
#define HEDDLE_FORK_DONE_return
#define HEDDLE_FORK_DONE_ return;

#define HEDDLE_TASK_ANY_(ret, name, keep, store, give, load, params, in, \
			 words, out, values) \
 HEDDLE_TASK_HEAD_(HEDDLE_FORK_MADE_, ret, name, params); \
 static __attribute__((unused, cold)) void name##_taken_( \
	 struct heddle_fork_place place_, const uint64_t *arg_, \
	 uint64_t *result_) \
 { \
  out keep name##_typed_(place_.forks, place_.slot HEDDLE_FORK_PLUS_ values); \
  store \
 } \
 HEDDLE_FORK_INLINE_ void name##_spawn_( \
	 struct heddle_forks **stack_, \
	 struct heddle_fork_slot **next_ HEDDLE_FORK_PLUS_ params) \
 { \
  struct heddle_fork_slot *slot_ = heddle_fork_room_(stack_, next_); \
\
  in heddle_fork_push_(*stack_, slot_, name##_taken_); \
  *next_ = slot_ + 1; \
 } \
 HEDDLE_FORK_INLINE_ ret name##_sync_(struct heddle_forks **stack_, \
				      struct heddle_fork_slot **next_) \
 { \
  const uint64_t *result_; \
\
  if (heddle_fork_newest_(stack_, next_)) { \
   const uint64_t *arg_ = (*next_)->arg; \
   out give name##_typed_(*stack_, *next_ HEDDLE_FORK_PLUS_ values); \
   HEDDLE_FORK_DONE_##give \
  } \
  result_ = &(*next_)->result; \
  load \
 } \
 HEDDLE_FORK_MADE_ ret name##_at_( \
	 struct heddle_group *group_ HEDDLE_FORK_PLUS_ params) \
 { \
  uint64_t arg_[5], word_, *result_ = &word_; \
\
  words heddle_fork_run_(group_, name##_taken_, arg_, result_); \
  load \
 }

#ifdef __cplusplus
}
#endif

#endif /* HEDDLE_FORKJOIN_H */
