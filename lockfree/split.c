/* SPDX-License-Identifier: BSD-2-Clause */
/* The slow half of the owner, and the thieves. The protocol is in split.h. */
#include "lockfree/split.h"

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
	return (tail & TAIL_MASK) | (uint64_t) public << PUBLIC_SHIFT |
	       revoked | generation << GENERATION_SHIFT;
}

static uint32_t public_of(uint64_t word)
{
	return (uint32_t)(word >> PUBLIC_SHIFT) & HD_SPLIT_PUBLIC_MAX;
}

/* Tasks between the tail and bottom; the difference has 20 bits and a sign. */
static int32_t left_of(uint64_t bottom, uint64_t word)
{
	return (int32_t)((uint32_t)(bottom - word) << 12) / 4096;
}

static uint64_t load_word(struct hd_split *deque)
{
	return atomic_load_explicit(&deque->word,
				    memory_order_acquire); /* split-1 */
}

/* *seen was acquired before, or is not used for more than another try. */
static bool change(struct hd_split *deque, uint64_t *seen, uint64_t wanted)
{
	return atomic_compare_exchange_strong_explicit(
		&deque->word, seen, wanted, memory_order_release, /* split-1 */
		memory_order_relaxed);                            /* lost */
}

int hd_split_new(struct hd_split **deque, uint32_t slots)
{
	return hd_split_new_at(deque, slots, HD_SPLIT_FIRST, 0);
}

int hd_split_new_at(struct hd_split **out, uint32_t slots, uint64_t index,
		    uint32_t generation)
{
	struct hd_split *deque;

	if (slots < 2 || slots > HD_SPLIT_SLOTS_MAX || slots & (slots - 1) ||
	    index == 0)
		return -EINVAL;
	deque = hd_alloc(sizeof(*deque) + slots * sizeof(deque->slot[0]));
	if (!deque)
		return -ENOMEM;
	deque->mask = slots - 1;
	deque->room_until = index + slots;
	atomic_store_explicit(&deque->bottom, index,
			      memory_order_relaxed); /* before publication */
	atomic_store_explicit(&deque->limit, index,
			      memory_order_relaxed); /* before publication */
	atomic_store_explicit(&deque->word, make(index, 0, 0, generation),
			      memory_order_relaxed); /* before publication */
	*out = deque;
	return 0;
}

void hd_split_free(struct hd_split *deque)
{
	hd_free(deque);
}

/* ---- the owner ---- */

bool hd_split_make_room_owner(struct hd_split *deque)
{
	uint64_t bottom = atomic_load_explicit(
		&deque->bottom, memory_order_relaxed); /* own word */
	int32_t left = left_of(bottom, load_word(deque));

	deque->room_until = bottom - (uint64_t)left + deque->mask + 1;
	return bottom != deque->room_until;
}

/*
 * One slow change: of the tasks below bottom the older half becomes public, the rest is
 * the owner's alone. False when the tail is beyond bottom: there is none, and less.
 */
static bool divide(struct hd_split *deque, uint64_t bottom)
{
	uint64_t word = load_word(deque), split;
	uint32_t public;
	int32_t left;

	do {
		left = left_of(bottom, word);
		if (left < 0)
			return false;
		public = (uint32_t)left / 2 + left % 2;
		if (public > HD_SPLIT_PUBLIC_MAX)
		public = HD_SPLIT_PUBLIC_MAX;
		split = bottom - (uint64_t)left + public;
		/* An exchange, so that no question is lost (split-3). */
		if (atomic_exchange_explicit(&deque->limit, split,
					     memory_order_relaxed) ==
		    HD_SPLIT_ASKED) /* published by the CAS */
			deque->asked = true;
	} while (
		!change(deque, &word,
			make(word, public, 0, (word >> GENERATION_SHIFT) + 1)));
	return true;
}

void hd_split_answer_owner(struct hd_split *deque)
{
	uint64_t bottom = atomic_load_explicit(
		&deque->bottom, memory_order_relaxed); /* own word */

	divide(deque, bottom);
}

uint32_t hd_split_pop_slow_owner(struct hd_split *deque)
{
	uint64_t bottom = atomic_load_explicit(
		&deque->bottom, memory_order_relaxed); /* lowered by pop */

	if (divide(deque, bottom))
		return atomic_load_explicit(
			&deque->slot[bottom & deque->mask],
			memory_order_relaxed); /* own store */
	/* The task was stolen, or there was none. */
	atomic_store_explicit(&deque->bottom, bottom + 1,
			      memory_order_relaxed); /* none is below it */
	divide(deque, bottom + 1);
	return 0;
}

void hd_split_retag_owner(struct hd_split *deque, uint32_t tag)
{
	hd_assert(hd_split_length_any(deque) == 0);
	atomic_store_explicit(&deque->tag, tag,
			      memory_order_relaxed); /* published by the CAS */
	hd_split_answer_owner(deque);
}

void hd_split_open_owner(struct hd_split *deque)
{
	uint64_t word = load_word(deque);

	atomic_store_explicit(
		&deque->limit, HD_SPLIT_ASKED,
		memory_order_relaxed); /* our own next one is slow */
	while (!change(deque, &word,
		       make(word, 0, REVOKED, (word >> GENERATION_SHIFT) + 1)))
		;
}

/* ---- thieves ---- */

static bool has_tag(struct hd_split *deque, uint32_t tag)
{
	return atomic_load_explicit(&deque->tag, memory_order_relaxed) ==
	       tag; /* acquired with the word */
}

static uint64_t load_bottom(struct hd_split *deque)
{
	return atomic_load_explicit(&deque->bottom,
				    memory_order_acquire); /* split-1 */
}

/* Tasks that may be taken while the word is this one. */
static uint32_t open_in(struct hd_split *deque, uint64_t word)
{
	int32_t left;

	if (!(word & REVOKED))
		return public_of(word);
	left = left_of(load_bottom(deque), word);
	return left > 0 ? (uint32_t)left : 0;
}

/* The word when n tasks were taken from the tail. */
static uint64_t without(uint64_t word, uint32_t n, uint64_t revoked)
{
	uint32_t public = public_of(word);

	public = public > n ? public - n : 0;
	return make(word + n, public, revoked, word >> GENERATION_SHIFT);
}

static uint32_t read_slot(struct hd_split *deque, uint64_t index)
{
	return atomic_load_explicit(&deque->slot[index & deque->mask],
				    memory_order_relaxed); /* by the CAS */
}

uint32_t hd_split_steal_any(struct hd_split *deque, uint32_t tag)
{
	uint64_t word = load_word(deque);
	uint32_t task;

	if (!has_tag(deque, tag) || !open_in(deque, word))
		return 0;
	task = read_slot(deque, word);
	return change(deque, &word, without(word, 1, word & REVOKED))
		       ? task
		       : HD_SPLIT_RETRY;
}

uint32_t hd_split_steal_some_any(struct hd_split *deque, uint32_t tag,
				 uint32_t *task, uint32_t most, bool *retry)
{
	uint64_t word = load_word(deque);
	uint32_t n, i;

	*retry = false;
	if (!has_tag(deque, tag))
		return 0;
	n = open_in(deque, word);
	n = n / 2 + n % 2;
	if (n > most)
		n = most;
	if (!n)
		return 0;
	for (i = 0; i < n; i++)
		task[i] = read_slot(deque, word + i);
	*retry = !change(deque, &word, without(word, n, word & REVOKED));
	return *retry ? 0 : n;
}

uint64_t hd_split_ask_any(struct hd_split *deque)
{
	uint64_t word = load_word(deque); /* before the question */

	if (atomic_load_explicit(&deque->limit, memory_order_relaxed) !=
	    HD_SPLIT_ASKED) /* split-3: who takes it back looks */
		atomic_store_explicit(
			&deque->limit, HD_SPLIT_ASKED,
			memory_order_relaxed); /* the barrier orders */
	return word;
}

uint32_t hd_split_force_any(struct hd_split *deque, uint32_t tag, uint64_t note)
{
	bool tagged = has_tag(deque, tag);
	int32_t left = left_of(load_bottom(deque), note);
	uint64_t word = note;
	uint32_t task;

	if (!tagged || left <= 0) /* split-3: and in the note's generation? */
		return load_word(deque) == note ? 0 : HD_SPLIT_RETRY;
	task = read_slot(deque, word);
	return change(deque, &word, without(word, 1, REVOKED)) ? task
							       : HD_SPLIT_RETRY;
}
