/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Forks of one thread: calls with their arguments, in a stack of slots of which other
 * threads take the oldest. The owner forks and joins with plain loads and stores,
 * and keeps the place of the next slot itself, in a register if it can; whoever
 * wants work can nevertheless take every fork, whatever the owner is doing.
 *
 * Forks are joined newest first, so a slot belongs to its fork from the push until the
 * join has returned, and no index ever wraps. A slot below the tail belongs to a fork
 * that was taken and is not yet joined. Where all forks of a stack have been taken
 * the owner may push above them: so of what a thief of its own fork has, the oldest is
 * always a descendant of that fork.
 *
 * The protocol is that of split.h (bias, question, revocation by one barrier of all
 * threads), with two changes. What says that there is a fork is the slot's word what,
 * not an index in memory: a join is then one store, one load and a comparison. And a
 * thief takes in two steps, look and take, between which its caller may read whatever
 * decides if the fork may start (forks-5). After T. van Dijk and J. C. van de Pol,
 * "Lace: non-blocking split deque for work-stealing", MuCoCoS 2014, for inline slots
 * and the split; and as split.h for the asymmetric fences.
 *
 * State:
 *   word   tail 20 | public 11 | revoked 1 | generation 32, by CAS only. Each change by
 *          the owner takes a new generation; thieves keep it
 *   limit  address of the first private slot, or ASKED, which is above all addresses. The
 *          owner joins slot s without asking anybody when limit <= s. Thieves store
 *          ASKED; only the owner lowers it, and always before the CAS that allows it
 *   what   of a slot: not 0 from the push until the owner begins to join
 *   state  of a slot: 0; who runs it; that its owner sleeps; DONE; that the thread of its
 *          thief has left it. Only of what was taken
 *
 *                push/pop/.._owner  ask/look/take  begin/finish  new/free
 * .._owner              X                 -              -           X
 * ask, look, take       -                 -              -           X
 * begin, finish         -                 -              1           X
 *
 * -  safe together   1  one thread, that which took it   X  caller must exclude
 *
 * Progress: the common path of push and pop is wait-free, without a fence or a
 * read-modify-write. Slow ones repeat a CAS only when a thief has taken a fork, so at
 * most as often as there are forks. ask, look and take are one attempt each.
 *
 * Wrap: the generation comes back after 2^32 slow operations of the owner; a thief
 * would have to stand still between look and take for that long (40 s and more) and go
 * on at this very generation and tail.
 *
 * forks-1: a fork and its arguments. The owner writes the arguments, then what
 * (release); a thief reads what (acquire), then the arguments, then its CAS of the word
 * succeeds. A slot is written again when the owner has acquired a word whose tail is
 * behind it, or made a new generation, with which that CAS fails. Forbidden: a thief
 * runs a fork with another one's arguments.
 *
 * forks-2: the owner's fast path against revocation.
 *
 *   owner                              thief
 *   O1  what of s = 0 (relaxed)        T1  read the word
 *   O2  compiler barrier               T2  limit = ASKED
 *   O3  read limit (relaxed)           T3  membarrier
 *       limit <= s: s is ours          T4  read what of the tail's slot, s
 *                                      T5  CAS the word: tail + 1, revoked
 *
 * At T3 the owner passes a full barrier somewhere. If O3 is before it, so is O1, and T4
 * reads 0, or what was pushed to s later. If O3 is behind it, it reads ASKED, or what
 * the owner itself lowered the limit to since: then the generation of T1 is gone, and
 * T5 fails. Forbidden: O3 reads limit <= s, T4 reads what O1 has overwritten, and T5
 * succeeds.
 *
 * forks-3: going to sleep. Who is about to sleep tells so, asks every stack, one
 * barrier, looks at each by force, and sleeps if nothing was there and nothing RETRY.
 * An owner that was asked becomes slow, takes the question back by an exchange, and
 * sets asked; its caller then looks who sleeps, wakes one if a fork is there for it,
 * and asks in their name again if none is. Forbidden: a fork in the stack, an owner
 * that was not asked, and a thief asleep.
 *
 * forks-4: the tag says whose forks these are. It is changed only while no fork is
 * there, with a new generation. Who acquires a word of that generation has the new tag;
 * who reads the new tag with an older word fails at the CAS. Forbidden: a thief takes a
 * fork of another tag than the one it asked for.
 *
 * forks-5: something that forbids starts (a lowered cap, a closing gate) is published,
 * then the call that did so returns, then a task forks. The thief looks, reads that
 * something, then takes. If it saw the fork, it reads what was published before that.
 * Forbidden: the fork began after the call had returned, and it is taken.
 *
 * forks-6: the result. Who ran the fork writes the result, then DONE (release); the
 * owner reads DONE (acquire), then the result. An owner that is to sleep adds WAITED by
 * an exchange that sees no DONE; who adds DONE sees WAITED then, and wakes. Forbidden:
 * the owner sleeps beside a fork that is over.
 *
 * forks-7: an owner that waits takes from the one that runs its fork, and only
 * descendants of that fork: it looks, reads that the fork is not DONE, takes. What the
 * thief pushes for something else it pushes after DONE, and who acquires such a slot
 * sees DONE. A descendant that was seen before DONE was joined before, with a new
 * generation, or taken. Forbidden: the owner takes what does not descend from its fork.
 */
#ifndef HEDDLE_LOCKFREE_FORKS_H
#define HEDDLE_LOCKFREE_FORKS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/cacheline.h"

#define HD_FORKS_ARGS 5

#define HD_FORKS_SLOTS_MAX (UINT32_C(1) << 19)
/* Most forks that are public at a time while the stack is not revoked. */
#define HD_FORKS_PUBLIC_MAX ((UINT32_C(1) << 11) - 1)

#define HD_FORKS_ASKED UINTPTR_MAX

/* The tag of a stack in which there is no fork and will be none without a retag. */
#define HD_FORKS_NO_TAG UINT32_MAX

/* The state of a slot; above these bits, index + 1 of who runs it. */
#define HD_FORKS_DONE         1u
#define HD_FORKS_WAITED       2u
#define HD_FORKS_LEFT         4u /* with DONE: it has not returned */
#define HD_FORKS_RUNNER_SHIFT 3

struct hd_forks_slot {
	_Atomic uintptr_t what; /* A  owner writes */
	_Atomic uint32_t state; /* A  a futex; 0 unless taken */
	uint32_t waits; /* O  for who uses the stack; 0: no fork is joined */
	_Atomic uint64_t arg[HD_FORKS_ARGS]; /* A  owner writes */
	uint64_t result;                     /* by DONE */
};
_Static_assert(sizeof(struct hd_forks_slot) == 64, "a line of most machines");

struct hd_forks {
	/* Written by the owner; thieves store ASKED to limit. */
	HD_ALIGNED _Atomic uintptr_t limit; /* A */
	struct hd_forks_slot *slot;         /* I */
	struct hd_forks_slot *end;          /* I  no fork here */
	/* For who uses the stack: the next slot, the group, segments. */
	struct hd_forks_slot *next; /* O */
	void *group;                /* O */
	struct hd_forks *below;     /* O */
	struct hd_forks *more;      /* O */
	bool asked;                 /* O  a question was taken back */

	/* Written by thieves, and by the owner when it is slow. */
	HD_ALIGNED _Atomic uint64_t word; /* A */
	_Atomic uint32_t tag; /* A  owner writes; read with the word */
	/* For who uses the stack: another one of the same owner. */
	struct hd_forks *older; /* O */
};

/* Thieves that look for work poll these two; the owner's line stays its own. */
_Static_assert(offsetof(struct hd_forks, tag) / HD_CACHELINE ==
			       offsetof(struct hd_forks, word) / HD_CACHELINE &&
		       offsetof(struct hd_forks, tag) / HD_CACHELINE !=
			       offsetof(struct hd_forks, asked) / HD_CACHELINE,
	       "what thieves read lies by itself");

enum hd_forks_seen {
	HD_FORKS_NONE,    /* none of the tag at some instant of the call */
	HD_FORKS_PRIVATE, /* what is there is the owner's alone: ask */
	HD_FORKS_THERE,   /* it may be taken */
	HD_FORKS_RETRY,   /* somebody else changed the stack: ask again */
};

/* A copy of what a thief has seen. */
struct hd_forks_loot {
	uintptr_t what;
	uint64_t arg[HD_FORKS_ARGS];
	struct hd_forks_slot *slot;
	uint64_t word;   /* as it was */
	uint64_t wanted; /* as it is to be */
};

/* 0; -EINVAL: no slots, or more than SLOTS_MAX; -ENOMEM. */
int hd_forks_new(struct hd_forks **forks, uint32_t slots);

/* The same with a generation: for tests of the wrap. */
int hd_forks_new_at(struct hd_forks **forks, uint32_t slots,
		    uint32_t generation);

void hd_forks_free(struct hd_forks *forks);

/* The slow halves of push and pop. */
void hd_forks_answer_owner(struct hd_forks *forks, struct hd_forks_slot *next);
bool hd_forks_pop_slow_owner(struct hd_forks *forks,
			     struct hd_forks_slot *slot);

/* Before the push, which publishes it. */
static inline void hd_forks_set_owner(struct hd_forks_slot *slot,
				      unsigned int i, uint64_t arg)
{
	atomic_store_explicit(&slot->arg[i], arg,
			      memory_order_relaxed); /* published by what */
}

static inline uint64_t hd_forks_arg_owner(const struct hd_forks_slot *slot,
					  unsigned int i)
{
	return atomic_load_explicit(&slot->arg[i],
				    memory_order_relaxed); /* own store */
}

/*
 * A fork in the lowest free slot, which is not the end; what is not 0. If asked is set
 * afterwards somebody may be about to sleep for want of it: see forks-3.
 */
static inline void hd_forks_push_owner(struct hd_forks *forks,
				       struct hd_forks_slot *slot,
				       uintptr_t what)
{
	atomic_store_explicit(&slot->what, what,
			      memory_order_release); /* forks-1 */
	atomic_signal_fence(memory_order_seq_cst);   /* forks-2 */
	if (__builtin_expect(atomic_load_explicit(&forks->limit,
						  memory_order_relaxed) ==
				     HD_FORKS_ASKED, /* forks-2 */
			     0))
		hd_forks_answer_owner(forks, slot + 1);
}

/*
 * The newest fork, to be called by the owner. False: somebody has taken it, it is
 * waited for by its state, and given up by hd_forks_reset_owner().
 */
static inline bool hd_forks_pop_owner(struct hd_forks *forks,
				      struct hd_forks_slot *slot)
{
	atomic_store_explicit(&slot->what, 0,
			      memory_order_relaxed); /* forks-2 */
	atomic_signal_fence(memory_order_seq_cst);   /* forks-2 */
	return __builtin_expect(atomic_load_explicit(&forks->limit,
						     memory_order_relaxed) <=
					(uintptr_t)slot, /* forks-2 */
				1) ||
	       hd_forks_pop_slow_owner(forks, slot);
}

/* The oldest fork that is left is below this slot, for certain only to the owner. */
static inline bool hd_forks_any_owner(const struct hd_forks *forks,
				      const struct hd_forks_slot *next)
{
	uint64_t word = atomic_load_explicit(
		&forks->word, memory_order_relaxed); /* thieves only raise it */

	return (uint32_t)(next - forks->slot) > (word & 0xfffff);
}

/* The fork of this slot, which was taken, is over, and all above it are joined. */
void hd_forks_reset_owner(struct hd_forks *forks, struct hd_forks_slot *slot);

/* Asks in the name of somebody who sleeps: the next push is slow again. */
void hd_forks_ask_owner(struct hd_forks *forks);

static inline uint32_t hd_forks_tag_owner(const struct hd_forks *forks)
{
	return atomic_load_explicit(&forks->tag,
				    memory_order_relaxed); /* own word */
}

/* What is pushed from now on belongs to tag. No fork may be there. */
void hd_forks_retag_owner(struct hd_forks *forks, uint32_t tag);

/* Makes all of it public, for a time in which the owner does not come back. */
void hd_forks_open_owner(struct hd_forks *forks);

static inline uint32_t hd_forks_tag_any(const struct hd_forks *forks)
{
	return atomic_load_explicit(&forks->tag,
				    memory_order_relaxed); /* a hint */
}

/* Is there a fork of tag? Of what a thief takes meanwhile it may still say so. */
bool hd_forks_any(struct hd_forks *forks, uint32_t tag);

/* How many, about; exact while nothing moves. */
uint32_t hd_forks_length_any(struct hd_forks *forks, uint32_t tag);

/* The oldest fork of tag, copied. */
enum hd_forks_seen hd_forks_look_any(struct hd_forks *forks, uint32_t tag,
				     struct hd_forks_loot *loot);

/*
 * Asks the owner to make more public. Returns a note for force, which is called after a
 * barrier of all threads (hd_membarrier()); one serves for any number of stacks.
 */
uint64_t hd_forks_ask_any(struct hd_forks *forks);

/*
 * As look, of all forks that are there. NONE: none of tag was there after the barrier,
 * but one whose join was under way, which its owner or a thief then has; and the
 * owner will be slow at its next push.
 */
enum hd_forks_seen hd_forks_force_any(struct hd_forks *forks, uint32_t tag,
				      uint64_t note,
				      struct hd_forks_loot *loot);

/* What look or force has shown as THERE is the caller's, if it is there still. */
bool hd_forks_take_any(struct hd_forks *forks,
		       const struct hd_forks_loot *loot);

/* By who took it, before the call. */
static inline void hd_forks_begin_thief(struct hd_forks_slot *slot,
					uint32_t index)
{
	atomic_fetch_or_explicit(&slot->state,
				 (index + 1) << HD_FORKS_RUNNER_SHIFT,
				 memory_order_relaxed); /* a hint */
}

/*
 * And behind it, with the result stored: the last touch of the slot. True: its owner
 * sleeps on the state, and is to be woken.
 */
static inline bool hd_forks_finish_thief(struct hd_forks_slot *slot)
{
	return atomic_fetch_or_explicit(&slot->state, HD_FORKS_DONE,
					memory_order_acq_rel) /* forks-6 */
	       & HD_FORKS_WAITED;
}

/* The same when its thread was left in it: the owner is to call it in place. */
static inline bool hd_forks_leave_thief(struct hd_forks_slot *slot)
{
	return atomic_fetch_or_explicit(&slot->state,
					HD_FORKS_DONE | HD_FORKS_LEFT,
					memory_order_acq_rel) /* forks-6 */
	       & HD_FORKS_WAITED;
}

/* How far is the fork that was taken? */
static inline uint32_t hd_forks_state_owner(struct hd_forks_slot *slot)
{
	return atomic_load_explicit(&slot->state,
				    memory_order_acquire); /* forks-6, 7 */
}

/* The owner is about to sleep; returns the state then, with WAITED, or with DONE. */
static inline uint32_t hd_forks_wait_owner(struct hd_forks_slot *slot)
{
	return atomic_fetch_or_explicit(&slot->state, HD_FORKS_WAITED,
					memory_order_acq_rel) | /* forks-6 */
	       HD_FORKS_WAITED;
}

#endif /* HEDDLE_LOCKFREE_FORKS_H */
