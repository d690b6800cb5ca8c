/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The biased split deque: a work-stealing deque whose owner pushes and pops with
 * plain loads and stores, and of which a thief can nevertheless take every task,
 * whatever the owner is doing.
 *
 * The public part [tail, split) is stolen from with a CAS. The private part
 * [split, bottom) is the owner's; a thief that finds nothing public asks for more by
 * a store, and the owner answers at its next push or pop. One that gets no answer
 * revokes the bias: it makes every running thread pass a barrier (membarrier), and
 * takes what is there then; from that moment the whole deque is public, until the
 * owner's next slow operation. So one barrier opens a deque for all thieves.
 *
 * The split of a deque into a public and a private part: T. van Dijk and J. C. van de
 * Pol, "Lace: non-blocking split deque for work-stealing", MuCoCoS 2014. Asymmetric
 * fences in a deque: D. Dice, H. Huang and M. Yang, "Asymmetric Dekker
 * synchronization", 2001, as used by several run-time systems. The bias, with its
 * revocation by a barrier that is shared among thieves, is our own.
 *
 * State:
 *   word    tail 20 | public 11 | revoked 1 | generation 32, by CAS only. Each change
 *           by the owner takes a new generation; thieves keep it
 *   limit   index of the split, or ASKED, which is above every index. The owner pops
 *           index b without asking anybody when limit <= b. Thieves store ASKED; only
 *           the owner lowers it, and always before the CAS that allows it
 *   bottom  where the next push goes; 64 bits, the tail is its low 20
 *
 *                push/pop/.._owner  steal/force  ask  new/free
 * .._owner              X                -        -       X
 * steal, force          -                -        -       X
 * ask                   -                -        -       X
 *
 * -  safe together      X  caller must exclude (here: one owner thread)
 *
 * Progress: the common path of push and pop is wait-free, without a fence or a
 * read-modify-write. Slow pushes and pops repeat a CAS only when a thief has taken a
 * task, so at most as often as there are tasks. steal, ask and force are one
 * attempt each and wait-free; RETRY says that somebody else changed the deque.
 *
 * Wrap: bottom and limit are 64 bits. The tail is compared with bottom modulo 2^20, and
 * the ring has at most 2^18 slots, so the difference is exact. A thief whose CAS
 * succeeds saw the very word: with the same generation, the tail cannot have come
 * back, since only the owner adds public tasks, with a new generation. The
 * generation comes back after 2^32 slow operations of the owner, 40 s and more at
 * full speed; a thief would have to sleep between its read and its CAS for that long
 * and wake at this very generation and tail.
 *
 * split-1: a task and what it carries. The owner writes the slot, then bottom or the
 * word (release); a thief reads the word or bottom (acquire), then the slot. A slot is
 * written again when the owner has acquired a word whose tail is behind it: the thief
 * read it before the CAS that moved the tail.
 *
 * split-2: the owner's fast path against revocation.
 *
 *   owner                              thief
 *   O1  bottom = b (relaxed)           T1  read the word
 *   O2  compiler barrier               T2  limit = ASKED
 *   O3  read limit (relaxed)           T3  membarrier
 *       limit <= b: b is ours          T4  read bottom
 *                                      T5  CAS the word: tail + 1, revoked
 *
 * At T3 the owner passes a full barrier somewhere. If O3 is before it, so is O1, and T4
 * reads b or what came later. If O3 is behind it, it reads ASKED, or what the owner
 * itself lowered the limit to since: then the generation of T1 is gone, and T5 fails.
 * Forbidden: O3 reads limit <= b, T4 reads a bottom above b, and T5 succeeds.
 *
 * split-3: going to sleep. Who is about to sleep tells so, asks every deque, one
 * barrier, tries to take by force, sleeps if nothing was RETRY. An owner that was asked
 * becomes slow, takes the question back by an exchange, and sets asked; its caller then
 * looks who sleeps, and asks in their name again when it has nothing for them. If force
 * finds the word of its note behind the barrier, the question is taken back, or was, by
 * an owner that looks behind the barrier too, and sees who sleeps. Forbidden: a task in
 * the deque, an owner that was not asked, and a thief asleep.
 *
 * split-4: a tag says whose tasks the deque holds. It is changed only while the deque is
 * empty, with a new generation. Who acquires a word of that generation has the new
 * tag. Who reads the new tag with a word before it fails at the CAS, or finds none: no
 * task is public, and each one below a bottom that it might still read was taken with
 * a new generation.
 */
#ifndef HEDDLE_LOCKFREE_SPLIT_H
#define HEDDLE_LOCKFREE_SPLIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "platform/cacheline.h"

/* A steal lost a race; the deque need not be empty. Never a task. */
#define HD_SPLIT_RETRY UINT32_MAX

#define HD_SPLIT_SLOTS_MAX (UINT32_C(1) << 18)
/* Most tasks that are public at a time while the deque is not revoked. */
#define HD_SPLIT_PUBLIC_MAX ((UINT32_C(1) << 11) - 1)

#define HD_SPLIT_ASKED UINT64_MAX

/* The first index: a pop of an empty deque looks one below it. */
#define HD_SPLIT_FIRST (UINT64_C(1) << 20)

struct hd_split {
	/* Written by the owner; thieves store ASKED to limit. */
	HD_ALIGNED _Atomic uint64_t bottom; /* A  owner writes */
	_Atomic uint64_t limit;             /* A */
	uint64_t mask;                      /* I  slots - 1 */
	uint64_t room_until;                /* O  bottom may go up to here */
	_Atomic uint32_t tag;               /* A  owner writes */
	bool asked;                         /* O  a question was taken back */

	/* Written by thieves, and by the owner when it is slow. */
	HD_ALIGNED _Atomic uint64_t word; /* A */

	/* Behind them, not behind a pointer: the owner's common path is as long
	 * as its accesses to memory are many.
	 */
	HD_ALIGNED _Atomic uint32_t slot[]; /* A  owner writes */
};
_Static_assert(sizeof(struct hd_split) == 2 * HD_CACHELINE,
	       "the owner's words, the thieves' and the slots share no line");

/* 0; -EINVAL: slots no power of two from 2 on; -ENOMEM. */
int hd_split_new(struct hd_split **deque, uint32_t slots);

/* The same with index, not 0, and generation so: for tests of the wrap. */
int hd_split_new_at(struct hd_split **deque, uint32_t slots, uint64_t index,
		    uint32_t generation);

void hd_split_free(struct hd_split *deque);

/* The slow halves of push and pop. */
bool hd_split_make_room_owner(struct hd_split *deque);
void hd_split_answer_owner(struct hd_split *deque);
uint32_t hd_split_pop_slow_owner(struct hd_split *deque);

/*
 * False when the deque is full. If asked is set afterwards, somebody may be about to
 * sleep for want of a task: see split-3.
 */
static inline bool hd_split_push_owner(struct hd_split *deque, uint32_t task)
{
	uint64_t bottom = atomic_load_explicit(
		&deque->bottom, memory_order_relaxed); /* own word */

	if (bottom == deque->room_until && !hd_split_make_room_owner(deque))
		return false;
	atomic_store_explicit(&deque->slot[bottom & deque->mask], task,
			      memory_order_relaxed); /* published by bottom */
	atomic_store_explicit(&deque->bottom, bottom + 1,
			      memory_order_release); /* split-1 */
	atomic_signal_fence(memory_order_seq_cst);   /* split-2 */
	if (atomic_load_explicit(&deque->limit, memory_order_relaxed) ==
	    HD_SPLIT_ASKED) /* split-2 */
		hd_split_answer_owner(deque);
	return true;
}

/* The newest task; 0 when there is none, for certain: only we push. */
static inline uint32_t hd_split_pop_owner(struct hd_split *deque)
{
	uint64_t bottom =
		atomic_load_explicit(&deque->bottom, memory_order_relaxed) -
		1; /* own word */

	/* Release, for the tasks that are still below. */
	atomic_store_explicit(&deque->bottom, bottom,
			      memory_order_release); /* split-1, split-2 */
	atomic_signal_fence(memory_order_seq_cst);   /* split-2 */
	if (atomic_load_explicit(&deque->limit, memory_order_relaxed) >
	    bottom) /* split-2 */
		return hd_split_pop_slow_owner(deque);
	return atomic_load_explicit(&deque->slot[bottom & deque->mask],
				    memory_order_relaxed); /* own store */
}

static inline uint32_t hd_split_tag_owner(const struct hd_split *deque)
{
	return atomic_load_explicit(&deque->tag,
				    memory_order_relaxed); /* own word */
}

/* What is pushed from now on belongs to tag. The deque must be empty. */
void hd_split_retag_owner(struct hd_split *deque, uint32_t tag);

/*
 * Makes all of it public, for a time in which the owner does not come back; also before
 * another thread becomes the owner.
 */
void hd_split_open_owner(struct hd_split *deque);

/*
 * The oldest task of tag; 0 when none of it was public at some instant of the call;
 * HD_SPLIT_RETRY when somebody else changed the deque.
 */
uint32_t hd_split_steal_any(struct hd_split *deque, uint32_t tag);

/*
 * Up to most tasks, oldest first, but not more than half of what is public. How many;
 * *retry when it was none because somebody else changed the deque.
 */
uint32_t hd_split_steal_some_any(struct hd_split *deque, uint32_t tag,
				 uint32_t *task, uint32_t most, bool *retry);

/*
 * Asks the owner to make more public. Returns a note for force, which is called after a
 * barrier of all threads (hd_membarrier()); one serves for any number of deques.
 */
uint64_t hd_split_ask_any(struct hd_split *deque);

/*
 * As steal, of all tasks that are there. 0: there was none of tag after the barrier, but
 * the one for which a pop of the owner was under way, which it or a thief then has; and
 * the owner will be slow at its next push. HD_SPLIT_RETRY: ask again.
 */
uint32_t hd_split_force_any(struct hd_split *deque, uint32_t tag,
			    uint64_t note);

/* About how many there are; exact for the owner, and at rest. */
static inline uint32_t hd_split_length_any(const struct hd_split *deque)
{
	uint64_t word = atomic_load_explicit(
		&deque->word, memory_order_relaxed); /* an estimate */
	uint64_t bottom = atomic_load_explicit(
		&deque->bottom, memory_order_relaxed); /* an estimate */
	int32_t left = (int32_t)((uint32_t)(bottom - word) << 12) / 4096;

	return left > 0 ? (uint32_t)left : 0;
}

#endif /* HEDDLE_LOCKFREE_SPLIT_H */
