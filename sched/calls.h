/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls that tasks submit to their own group, which nobody joins: a second stack of each
 * worker. doc/design/calls.md has the protocol.
 */
#ifndef HEDDLE_SCHED_CALLS_H
#define HEDDLE_SCHED_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lockfree/forks.h"
#include "sched/group.h"
#include "sched/worker.h"

struct hd_fork_loot;

/* forks-8: who finds a stack sees it filled. */
static inline struct hd_forks *hd_calls_stack(struct hd_worker *worker)
{
	return atomic_load_explicit(&worker->calls,
				    memory_order_acquire); /* forks-8 */
}

static inline struct hd_forks *hd_calls_owner(struct hd_worker *worker)
{
	return atomic_load_explicit(&worker->calls,
				    memory_order_relaxed); /* own store */
}

/* The push before has found itself asked; 0, for who ends with it. */
int hd_calls_answer(struct hd_worker *worker, struct hd_forks *calls);

/* There is a slot. True: the answer comes next. */
static inline bool hd_calls_put(struct hd_forks *calls, void (*fn)(void *),
				void *arg)
{
	struct hd_forks_slot *slot = calls->next;

	calls->next = slot + 1;
	hd_forks_set_owner(slot, 0, (uintptr_t)arg);
	return hd_forks_push_fast_owner(calls, slot, (uintptr_t)fn);
}

/*
 * Does a session last in which a call of the group can be put? The gate may be read
 * before the push: the caller's own unit keeps a closer waiting (calls.md).
 */
static inline bool hd_calls_ready(const struct hd_worker *worker,
				  const struct hd_forks *calls,
				  const struct heddle_group *group)
{
	return worker->calling && calls->group == group &&
	       calls->next != calls->end &&
	       atomic_load_explicit(&group->gate,
				    memory_order_relaxed) /* see above */
		       == HD_GATE_OPEN;
}

/* Puts one, and begins a session or makes room for it. False: it is to be a node. */
bool hd_calls_submit_slow(struct hd_worker *worker, struct heddle_group *group,
			  void (*fn)(void *), void *arg);

/*
 * Below the first slot for a call lies one that is never private: a pop that comes there
 * is slow, and finds that there is none.
 */
static inline struct hd_forks_slot *hd_calls_first(struct hd_forks *calls)
{
	return calls->slot + 1;
}

/* Are calls of the held group in the worker's own stack, or were they a moment ago? */
static inline bool hd_calls_left(struct hd_worker *worker,
				 const struct heddle_group *group)
{
	struct hd_forks *calls = hd_calls_owner(worker);

	return calls && calls->group == group &&
	       calls->next != hd_calls_first(calls);
}

/* So many have run that a task of the deque is next, if there is one. */
bool hd_calls_wait(struct hd_worker *worker);

/*
 * Runs them, newest first, in one frame, for as long as nothing is to be looked at. The
 * caller has seen attention. False: they had been taken.
 */
bool hd_calls_run(struct hd_worker *worker, struct heddle_group *group,
		  uint32_t attention);

/* A session ends: the group is not held any more, or a region begins. */
void hd_calls_end_session(struct hd_worker *worker);

static inline void hd_calls_rest(struct hd_worker *worker)
{
	if (worker->calling)
		hd_calls_end_session(worker);
}

/* Runs one that was taken from another worker, as a task of the group. */
void hd_calls_run_taken(struct hd_worker *worker, struct heddle_group *group,
			const struct hd_fork_loot *loot);

/* Takes all calls of the group out of all stacks, uncalled; returns how many. */
uint64_t hd_calls_cancel(struct heddle_group *group);

/* With the pool, which has no thread. */
void hd_calls_free(struct hd_worker *worker);

#endif /* HEDDLE_SCHED_CALLS_H */
