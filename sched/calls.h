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

/* Argument, what, next; and whoever asked is told. There is a slot. */
void hd_calls_told(struct hd_worker *worker, struct hd_forks *calls);

static inline void hd_calls_put(struct hd_worker *worker,
				struct hd_forks *calls, void (*fn)(void *),
				void *arg)
{
	struct hd_forks_slot *slot = calls->next;

	calls->next = slot + 1;
	hd_forks_set_owner(slot, 0, (uintptr_t)arg);
	hd_forks_push_owner(calls, slot, (uintptr_t)fn);
	if (__builtin_expect(calls->asked, 0))
		hd_calls_told(worker, calls);
}

/* Begins a session, or makes room. */
bool hd_calls_put_slow(struct hd_worker *worker, struct heddle_group *group,
		       void (*fn)(void *), void *arg);

/*
 * A call of the group by its worker's task. False: it is to be a node. The gate may be
 * read before the push: the caller's own unit keeps a closer waiting (calls.md).
 */
static inline bool hd_calls_submit(struct hd_worker *worker,
				   struct heddle_group *group,
				   void (*fn)(void *), void *arg)
{
	struct hd_forks *calls;

	if (atomic_load_explicit(&group->gate,
				 memory_order_relaxed) /* see above */
	    != HD_GATE_OPEN)
		return false;
	calls = hd_calls_owner(worker);
	if (__builtin_expect(!worker->calling || calls->group != group ||
				     calls->next == calls->end,
			     0))
		return hd_calls_put_slow(worker, group, fn, arg);
	hd_calls_put(worker, calls, fn, arg);
	return true;
}

/* Are calls of the held group in the worker's own stack, or were they a moment ago? */
static inline bool hd_calls_left(struct hd_worker *worker,
				 const struct heddle_group *group)
{
	struct hd_forks *calls = hd_calls_owner(worker);

	return calls && calls->group == group && calls->next != calls->slot;
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
