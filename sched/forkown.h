/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the owner of a stack have between them: fork.c, forkalone.c,
 * forkold.c, forkrun.c, forkwait.c.
 */
#ifndef HEDDLE_SCHED_FORKOWN_H
#define HEDDLE_SCHED_FORKOWN_H

#include "sched/fork.h"

/* A stack, a slot and a place as the inline halves of heddle/forkjoin.h know them. */
static inline struct heddle_forks *hd_fork_outside(struct hd_forks *forks)
{
	return (struct heddle_forks *)(void *)forks;
}

static inline struct hd_forks *hd_fork_stack_of(struct heddle_forks *forks)
{
	return (struct hd_forks *)(void *)forks;
}

static inline struct hd_forks_slot *
hd_fork_slot_of(struct heddle_fork_slot *slot)
{
	return (struct hd_forks_slot *)(void *)slot;
}

static inline struct heddle_fork_place
hd_fork_place_at(struct hd_forks *forks, struct hd_forks_slot *slot)
{
	return (struct heddle_fork_place){
		hd_fork_outside(forks), (struct heddle_fork_slot *)(void *)slot
	};
}

static inline uintptr_t hd_fork_what(const struct hd_forks_slot *slot)
{
	return atomic_load_explicit(&slot->what,
				    memory_order_relaxed); /* own store */
}

/*
 * A question was taken back: of what is left below next, somebody may be about to sleep
 * for want. ready-1: the fork, a fence, the bit; who clears the bit asks and reads.
 */
void hd_fork_told(struct hd_worker *worker, struct hd_forks *forks,
		  struct hd_forks_slot *next);

/* Above a slot that is waited for others may be used. True: the call is the owner's. */
bool hd_fork_join_taken(struct hd_worker *worker, struct hd_forks *forks,
			struct hd_forks_slot *slot);

/* The fork of the newest slot, which was taken, is over. */
void hd_fork_give_up(struct hd_worker *worker, struct hd_forks *forks,
		     struct hd_forks_slot *slot);

/* Those that were joined in another order, and are the newest now. */
void hd_fork_drop_holes(struct hd_worker *worker, struct hd_forks *forks);

/* Until the fork of the slot, which was taken, is over. */
void hd_fork_sleep(struct hd_forks_slot *slot);

/*
 * Takes forks in the old form out of the stack, newest first, down to stop, and submits
 * them. One that was taken stays the newest, for all below it were taken, too. Typed ones
 * that are open lie only below one that is waited for: above them old forms are submits.
 */
void hd_fork_spill(struct hd_worker *worker, struct hd_forks *forks,
		   struct hd_forks_slot *stop);

/* Until the call was made: false; or true, and the caller makes it. */
bool hd_fork_join_submitted(struct heddle_task *task);

/* Segments of slots that only their thread knows, with all that follow. */
void hd_fork_free_segments(struct hd_forks *forks);

/* Those of calls alone, down to that one. A segment has no group, so its word links. */
void hd_fork_free_alone(struct hd_worker *worker, struct hd_forks *stop);

#endif /* HEDDLE_SCHED_FORKOWN_H */
