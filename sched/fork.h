/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Forks of tasks: the stack of a worker, from the first fork of its lowest task to the
 * end of that, and who takes from it. doc/design/forkjoin.md has the protocol.
 */
#ifndef HEDDLE_SCHED_FORK_H
#define HEDDLE_SCHED_FORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEDDLE_FORK_ALIAS_ __attribute__((may_alias))
#include <heddle/forkjoin.h>

#include "lockfree/forks.h"
#include "sched/pool.h"
#include "sched/worker.h"

/* waits of a slot. */
enum hd_fork_waits {
	HD_FORK_TAKEN = 1, /* its join has found it taken */
	HD_FORK_HOLE = 2,  /* and is over, before that of a newer fork */
};

/* Taken, or to be taken. */
struct hd_fork_loot {
	struct hd_forks *victim;
	struct hd_forks_loot seen;
	struct hd_forks *forks; /* of who runs it; NULL: found then */
	struct hd_forks_slot *next;
};

/* Has any worker a stack? Else nobody looks at one. */
static inline bool hd_fork_made(struct heddle_pool *pool)
{
	return atomic_load_explicit(&pool->forks,
				    memory_order_seq_cst); /* ready-1 */
}

/* forks-8: who finds a stack sees it filled. */
static inline struct hd_forks *hd_fork_stack(struct hd_worker *worker)
{
	return atomic_load_explicit(&worker->forks,
				    memory_order_acquire); /* forks-8 */
}

/* Where forks are submits. */
extern struct heddle_forks hd_forks_none;

/* ---- of a group ---- */

/* Does a fork of the group wait in any stack? */
bool hd_fork_any(struct heddle_group *group);

/* How many; exact at rest. */
uint64_t hd_fork_length(struct heddle_group *group);

/*
 * Behind the clear of the group's own ready bit, before the re-read: every stack of the
 * group is asked, and every fork that was made before is seen.
 */
void hd_fork_settle(struct heddle_group *group);

/* ---- thieves ---- */

/* For who holds a permit of the group: a fork that can be taken; bounded. */
bool hd_fork_find(struct hd_worker *worker, struct heddle_group *group,
		  struct hd_fork_loot *loot);

/* It is the caller's, if it is there still. */
bool hd_fork_take(struct hd_fork_loot *loot);

/* Calls it, as a frame of the group. False in a child that it has forked. */
bool hd_fork_call(struct hd_worker *worker, struct heddle_group *group,
		  struct heddle_group *upto, struct hd_fork_loot *loot);

/* It has returned; or, left, its thread ends in it. The last touch. */
void hd_fork_finish(struct hd_forks_slot *slot, bool left);

/*
 * Takes what descends from the fork of the slot, whose state that is, from who runs it,
 * and calls it above the caller's frames. False: there was nothing.
 */
bool hd_fork_descend(struct hd_worker *worker, struct hd_forks *forks,
		     struct hd_forks_slot *slot, uint32_t state, bool force);

/* The same as heddle_join(); but of a circle another one is told. */
int hd_join_sure(struct heddle_task *task);

/* Around a sleep beside the fork (sched/join.c). */
void hd_join_fork_begin(struct hd_worker *worker, struct hd_forks_slot *slot);
void hd_join_fork_end(struct hd_worker *worker);

/* ---- the owner ---- */

/* The stack for what the worker's newest frame forks for its lowest group, or NULL. */
struct hd_forks *hd_fork_session(struct hd_worker *worker,
				 struct heddle_group *group);

/*
 * The first slot from least on that is free: all that is in use has a what or waits,
 * where the next one is in a register, too, or newer ones were taken as well.
 */
struct hd_forks_slot *hd_fork_above(struct hd_forks *forks,
				    struct hd_forks_slot *least);

/* Calls it with the place; old forms below it are submits meanwhile. */
void hd_fork_call_at(struct hd_worker *worker, struct hd_forks *forks,
		     struct hd_forks_slot *slot, heddle_fork_fn fn,
		     const uint64_t *arg, uint64_t *result);

/* The same in slots of which nobody else knows. */
void hd_fork_call_alone(heddle_fork_fn fn, const uint64_t *arg,
			uint64_t *result);

/* The lowest task of a worker that is forking has returned. */
void hd_fork_close(struct hd_worker *worker);

/* Its thread is left: nobody takes more; and, when its frames have ended, the session. */
void hd_fork_left(struct hd_worker *worker);
void hd_fork_left_end(struct hd_worker *worker);

/* The calling thread begins, and ends, a time in which forks are submits. */
static inline void hd_fork_hide(struct hd_worker *worker)
{
	worker->forks_hidden = heddle_forks_ != &hd_forks_none;
	heddle_forks_ = &hd_forks_none;
}

static inline void hd_fork_unhide(struct hd_worker *worker)
{
	struct hd_forks *forks = hd_fork_stack(worker);

	heddle_forks_ = worker->forks_hidden
				? (struct heddle_forks *)(void *)forks
				: &hd_forks_none;
}

/* With the pool, which has no thread; a forked child may stand in slots of its own. */
void hd_fork_free(struct hd_worker *worker);

#endif /* HEDDLE_SCHED_FORK_H */
