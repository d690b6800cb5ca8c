/* SPDX-License-Identifier: BSD-2-Clause */
/* The slow half of the owner, and the thieves. The protocol is in forks.h. */
#include "lockfree/forks.h"

#include <errno.h>
#include <stddef.h>

#include "platform/memory.h"

#define TAIL_MASK        ((UINT64_C(1) << 20) - 1)
#define PUBLIC_SHIFT     20
#define REVOKED          (UINT64_C(1) << 31)
#define GENERATION_SHIFT 32

static uint64_t make(uint64_t tail, uint32_t public, uint64_t revoked,
		     uint64_t generation)
{
	return tail | (uint64_t) public << PUBLIC_SHIFT | revoked |
	       generation << GENERATION_SHIFT;
}

static uint32_t tail_of(uint64_t word)
{
	return (uint32_t)(word & TAIL_MASK);
}

static uint32_t public_of(uint64_t word)
{
	return (uint32_t)(word >> PUBLIC_SHIFT) & HD_FORKS_PUBLIC_MAX;
}

static uint64_t load_word(struct hd_forks *forks)
{
	return atomic_load_explicit(&forks->word,
				    memory_order_acquire); /* forks-1 */
}

static bool change(struct hd_forks *forks, uint64_t *seen, uint64_t wanted)
{
	return atomic_compare_exchange_strong_explicit(
		&forks->word, seen, wanted, memory_order_acq_rel, /* forks-1 */
		memory_order_acquire);                            /* forks-1 */
}

int hd_forks_new(struct hd_forks **forks, uint32_t slots)
{
	return hd_forks_new_at(forks, slots, 0);
}

int hd_forks_new_at(struct hd_forks **out, uint32_t slots, uint32_t generation)
{
	struct hd_forks *forks;

	if (!slots || slots > HD_FORKS_SLOTS_MAX)
		return -EINVAL;
	/* One more slot, where a thief finds nothing. In one mapping: no worker calls
	 * malloc (doc/design/memory.md).
	 */
	forks = hd_map(sizeof(*forks) + (slots + 1) * sizeof(*forks->slot));
	if (!forks)
		return -ENOMEM;
	forks->slot = (struct hd_forks_slot *)(void *)(forks + 1);
	forks->end = forks->slot + slots;
	atomic_store_explicit(&forks->limit, (uintptr_t)forks->slot,
			      memory_order_relaxed); /* before publication */
	atomic_store_explicit(&forks->word, make(0, 0, 0, generation),
			      memory_order_relaxed); /* before publication */
	*out = forks;
	return 0;
}

void hd_forks_free(struct hd_forks *forks)
{
	uint32_t slots = (uint32_t)(forks->end - forks->slot) + 1;

	hd_unmap(forks, sizeof(*forks) + slots * sizeof(*forks->slot));
}

/* ---- the owner ---- */

/*
 * One slow change: of the forks below next the older half becomes public, the rest is
 * the owner's alone. False when the tail is beyond next: there is none, and less.
 */
static bool divide(struct hd_forks *forks, struct hd_forks_slot *next)
{
	uint32_t index = (uint32_t)(next - forks->slot), tail, public;
	uint64_t word = load_word(forks);

	do {
		tail = tail_of(word);
		if (tail > index)
			return false;
		public = (index - tail + 1) / 2;
		if (public > HD_FORKS_PUBLIC_MAX)
		public = HD_FORKS_PUBLIC_MAX;
		/* An exchange, so that no question is lost (forks-3). */
		if (atomic_exchange_explicit(
			    &forks->limit,
			    (uintptr_t)(forks->slot + tail + public),
			    memory_order_relaxed) ==
		    HD_FORKS_ASKED) /* published by the CAS */
			forks->asked = true;
	} while (
		!change(forks, &word,
			make(tail, public, 0, (word >> GENERATION_SHIFT) + 1)));
	return true;
}

void hd_forks_answer_owner(struct hd_forks *forks, struct hd_forks_slot *next)
{
	divide(forks, next);
}

bool hd_forks_pop_slow_owner(struct hd_forks *forks, struct hd_forks_slot *slot)
{
	if (divide(forks, slot))
		return true;
	/* It is the newest one, so the tail is just behind it. A try may have lowered
	 * the limit, and a thief have revoked it since: this change is for both.
	 */
	divide(forks, slot + 1);
	return false;
}

/* No fork is below next: it becomes the lowest slot, in a new generation. */
static void begin_at(struct hd_forks *forks, struct hd_forks_slot *next,
		     uint64_t revoked)
{
	uint64_t word = load_word(forks), tail;

	tail = (uint64_t)(next - forks->slot);
	do {
		if (atomic_exchange_explicit(&forks->limit, (uintptr_t)next,
					     memory_order_relaxed) ==
		    HD_FORKS_ASKED) /* published by the CAS */
			forks->asked = true;
	} while (!change(forks, &word,
			 make(tail, 0, revoked,
			      (word >> GENERATION_SHIFT) + 1)));
}

void hd_forks_reset_owner(struct hd_forks *forks, struct hd_forks_slot *slot)
{
	atomic_store_explicit(&slot->state, 0,
			      memory_order_relaxed); /* published by what */
	slot->waits = 0;
	begin_at(forks, slot, 0);
}

void hd_forks_ask_owner(struct hd_forks *forks)
{
	atomic_store_explicit(&forks->limit, HD_FORKS_ASKED,
			      memory_order_relaxed); /* own next one is slow */
}

void hd_forks_retag_owner(struct hd_forks *forks, uint32_t tag)
{
	struct hd_forks_slot *next = forks->slot + tail_of(load_word(forks));

	atomic_store_explicit(&forks->tag, tag,
			      memory_order_relaxed); /* published by the CAS */
	begin_at(forks, next, 0);
}

void hd_forks_open_owner(struct hd_forks *forks)
{
	uint64_t word = load_word(forks);

	hd_forks_ask_owner(forks);
	while (!change(forks, &word,
		       make(tail_of(word), 0, REVOKED,
			    (word >> GENERATION_SHIFT) + 1)))
		;
}

/* ---- thieves ---- */

/* The tail's slot of a word: is there a fork of the tag? */
static bool copy(struct hd_forks *forks, uint32_t tag, uint64_t word,
		 struct hd_forks_loot *loot)
{
	unsigned int i;

	if (atomic_load_explicit(&forks->tag, memory_order_relaxed) !=
	    tag) /* acquired with the word (forks-4) */
		return false;
	loot->slot = forks->slot + tail_of(word);
	loot->what = atomic_load_explicit(&loot->slot->what,
					  memory_order_acquire); /* forks-1 */
	if (!loot->what)
		return false;
	for (i = 0; i < HD_FORKS_ARGS; i++)
		loot->arg[i] = atomic_load_explicit(
			&loot->slot->arg[i],
			memory_order_relaxed); /* validated by the CAS */
	return true;
}

bool hd_forks_any(struct hd_forks *forks, uint32_t tag)
{
	uint64_t word = load_word(forks);

	return hd_forks_tag_any(forks) == tag &&
	       atomic_load_explicit(&forks->slot[tail_of(word)].what,
				    memory_order_relaxed); /* ready-1 */
}

uint32_t hd_forks_length_any(struct hd_forks *forks, uint32_t tag)
{
	struct hd_forks_slot *first, *slot;

	if (hd_forks_tag_any(forks) != tag)
		return 0;
	first = slot = forks->slot + tail_of(load_word(forks));
	while (slot < forks->end &&
	       atomic_load_explicit(&slot->what,
				    memory_order_relaxed)) /* statistics */
		slot++;
	return (uint32_t)(slot - first);
}

/* The word when one fork was taken from the tail. */
static uint64_t without_one(uint64_t word, uint64_t revoked)
{
	uint32_t public = public_of(word);

	return make(tail_of(word) + 1, public ? public - 1 : 0, revoked,
		    word >> GENERATION_SHIFT);
}

enum hd_forks_seen hd_forks_look_any(struct hd_forks *forks, uint32_t tag,
				     struct hd_forks_loot *loot)
{
	uint64_t word = load_word(forks);

	if (!copy(forks, tag, word, loot))
		return HD_FORKS_NONE;
	loot->word = word;
	loot->wanted = without_one(word, word & REVOKED);
	return word & REVOKED || public_of(word) ? HD_FORKS_THERE
						 : HD_FORKS_PRIVATE;
}

uint64_t hd_forks_ask_any(struct hd_forks *forks)
{
	uint64_t word = load_word(forks); /* before the question */

	if (atomic_load_explicit(&forks->limit, memory_order_relaxed) !=
	    HD_FORKS_ASKED) /* forks-3: who takes it back looks */
		atomic_store_explicit(
			&forks->limit, HD_FORKS_ASKED,
			memory_order_relaxed); /* the barrier orders */
	return word;
}

enum hd_forks_seen hd_forks_force_any(struct hd_forks *forks, uint32_t tag,
				      uint64_t note, struct hd_forks_loot *loot)
{
	if (!copy(forks, tag, note,
		  loot)) /* forks-3: of the note's generation? */
		return load_word(forks) == note ? HD_FORKS_NONE
						: HD_FORKS_RETRY;
	loot->word = note;
	loot->wanted = without_one(note, REVOKED);
	return HD_FORKS_THERE;
}

bool hd_forks_take_any(struct hd_forks *forks, const struct hd_forks_loot *loot)
{
	uint64_t word = loot->word;

	return change(forks, &word, loot->wanted);
}
