/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The biased split deque: an owner without fences, thieves that steal what is
 * public, ask, and take by force. Each value comes out once, with what it carries.
 */
#include "lab/scenario.h"
#include "lab/scenarios/bag.h"
#include "lockfree/split.h"
#include "platform/membarrier.h"

static struct hd_split *deque;
static _Atomic int idle, gone;
static int asleep, woken, adopters; /* ghost */

LAB_GHOST static void reset(void)
{
	bag_reset();
	asleep = woken = adopters = 0;
}

static void make_at(uint32_t slots, uint64_t index, uint32_t generation)
{
	int rc = hd_split_new_at(&deque, slots, index, generation);

	LAB_ASSERT(rc == 0);
}

static void setup(void)
{
	make_at(4, HD_SPLIT_FIRST, 0);
}

static void push(unsigned int value)
{
	bag_fill(value);
	if (!hd_split_push_owner(deque, value))
		lab_fail("full at value %u", value);
}

static void pop(void)
{
	uint32_t value = hd_split_pop_owner(deque);

	if (value)
		bag_got(value);
}

static void got(uint32_t value)
{
	if (value && value != HD_SPLIT_RETRY)
		bag_got(value);
}

static void steal(void)
{
	got(hd_split_steal_any(deque, 0));
}

static uint32_t try_force(uint32_t tag)
{
	uint64_t note = hd_split_ask_any(deque);

	LAB_ASSERT(hd_membarrier() == 0);
	return hd_split_force_any(deque, tag, note);
}

static void force(void)
{
	got(try_force(0));
}

/* What is left is taken by the verdict, which runs alone. */
static const char *all_out(uint32_t all)
{
	uint32_t value;

	while ((value = hd_split_pop_owner(deque)) != 0)
		bag_note_got(value);
	return bag_left(all) ? "lost: a value" : NULL;
}

static const char *one_out(void)
{
	return all_out(0x2);
}

static const char *two_out(void)
{
	return all_out(0x6);
}

static const char *three_out(void)
{
	return all_out(0xe);
}

static const char *four_out(void)
{
	return all_out(0x1e);
}

#define SPLIT(id, title, about, threads, verdict, ...) \
 LAB_SCENARIO(id, .name = title, .claim = about, .setup = setup, \
	      .reset = reset, .thread = threads, .at_rest = verdict, \
	      __VA_ARGS__)
#define THREADS(...) \
 { \
  __VA_ARGS__ \
 }
#define BOUND(n) .bound_plus_1 = (n) + 1

/* -- by force -- */

static void push_pop(void)
{
	push(1);
	pop();
}

static void push_two_pop_two(void)
{
	push(1);
	push(2);
	pop();
	pop();
}

static void pop_push_pop_empty(void)
{
	pop();
	push(1);
	pop();
	pop();
}

static void push_pop_twice(void)
{
	push(1);
	pop();
	push(2);
	pop();
}

static void force_once(void)
{
	force();
}

static void force_twice(void)
{
	force();
	force();
}

static void force_then_steal(void)
{
	force();
	steal();
}

SPLIT(last, "split-last", "owner and a thief by force want the last value",
      THREADS(push_pop, force_once), one_out, .bound_plus_1 = LAB_ANY);
SPLIT(empty, "split-empty", "pops of an empty deque take nothing",
      THREADS(pop_push_pop_empty, force_once), one_out, BOUND(3));
SPLIT(two, "split-two", "each value comes out once",
      THREADS(push_two_pop_two, force_twice), two_out, BOUND(3));
SPLIT(reuse, "split-reuse", "a slot that is used again gives no value twice",
      THREADS(push_pop_twice, force_twice), two_out, BOUND(3));
SPLIT(opened, "split-opened", "what one barrier has opened is stolen plainly",
      THREADS(push_two_pop_two, force_then_steal), two_out, BOUND(3));
SPLIT(thieves, "split-thieves", "with two thieves by force",
      THREADS(push_two_pop_two, force_once, force_once), two_out, BOUND(2));
SPLIT(both, "split-both", "with a thief by force and a plain one",
      THREADS(push_two_pop_two, force_once, force_then_steal), two_out,
      BOUND(2));

static void push_three_pop_three(void)
{
	push(1);
	push(2);
	push(3);
	pop();
	pop();
	pop();
}

SPLIT(three, "split-three", "with three values",
      THREADS(push_three_pop_three, force_then_steal), three_out, BOUND(3));

/* -- what is public -- */

static void setup_public(void)
{
	make_at(4, HD_SPLIT_FIRST, 0);
	push(1);
	push(2);
	hd_split_ask_any(deque);
	push(3); /* 1 and 2 are public */
	deque->asked = false;
}

static void pop_three(void)
{
	pop();
	pop();
	pop();
}

static void steal_two(void)
{
	steal();
	steal();
}

static void steal_some(void)
{
	uint32_t value[2], n, i;
	bool retry;

	n = hd_split_steal_some_any(deque, 0, value, 2, &retry);
	for (i = 0; i < n; i++)
		bag_got(value[i]);
}

static void pop_push_pop(void)
{
	pop();
	pop();
	push(4);
	pop();
}

LAB_SCENARIO(public, .name = "split-public",
	     .claim = "the owner takes public values back from a thief",
	     .setup = setup_public, .reset = reset,
	     .thread = { pop_three, steal_two }, .at_rest = three_out,
	     BOUND(3));
LAB_SCENARIO(public_two, .name = "split-public-thieves",
	     .claim = "and from two", .setup = setup_public, .reset = reset,
	     .thread = { pop_three, steal_two, steal }, .at_rest = three_out,
	     BOUND(2));
LAB_SCENARIO(again, .name = "split-public-again",
	     .claim = "a value that is public again is another one",
	     .setup = setup_public, .reset = reset,
	     .thread = { pop_push_pop, steal_two }, .at_rest = four_out,
	     BOUND(3));
/* The word is the old one but for its generation, the oldest value is not. */
static void refill(void)
{
	pop_three();
	push(4);
	push(5);
	hd_split_ask_any(deque);
	push(6);
}

static const char *six_out(void)
{
	return all_out(0x7e);
}

LAB_SCENARIO(same, .name = "split-public-same",
	     .claim = "a thief that slept through a refill gets no old value",
	     .setup = setup_public, .reset = reset,
	     .thread = { refill, steal_two }, .at_rest = six_out, BOUND(3));
LAB_SCENARIO(some, .name = "split-some", .claim = "a thief that takes half",
	     .setup = setup_public, .reset = reset,
	     .thread = { pop_three, steal_some }, .at_rest = three_out,
	     BOUND(3));
LAB_SCENARIO(some_force, .name = "split-some-force",
	     .claim = "half against force and the owner", .setup = setup_public,
	     .reset = reset, .thread = { pop_push_pop, steal_some, force },
	     .at_rest = four_out, BOUND(2));

/* -- an owner that does not come back -- */

static void push_and_compute(void)
{
	push(1);
	push(2);
	push(3);
	atomic_store_explicit(&gone, 1, memory_order_relaxed);
}

static void take_all(void)
{
	uint32_t value;

	if (!atomic_load_explicit(&gone, memory_order_relaxed))
		return;
	/* One barrier; then nobody is in our way. */
	value = try_force(0);
	LAB_ASSERT(value == 1);
	bag_got(value);
	for (unsigned int i = 2; i <= 3; i++) {
		value = hd_split_steal_any(deque, 0);
		LAB_ASSERT(value == i);
		bag_got(value);
	}
}

SPLIT(busy, "split-busy", "all that a busy owner has is stolen",
      THREADS(push_and_compute, take_all), three_out, BOUND(3));

static void push_open(void)
{
	push(1);
	push(2);
	hd_split_open_owner(deque);
}

SPLIT(open, "split-open", "an owner that opens its deque needs no barrier",
      THREADS(push_open, steal_two), two_out, .bound_plus_1 = LAB_ANY);

LAB_GHOST static void note_adopted(void)
{
	adopters++;
}

/* The next owner goes on where the last one stopped. */
static void adopt(void)
{
	if (!atomic_load_explicit(&gone, memory_order_acquire))
		return;
	note_adopted();
	push(3);
	pop();
	pop();
}

static void open_and_leave(void)
{
	push_open();
	atomic_store_explicit(&gone, 1, memory_order_release);
}

static const char *adopted_out(void)
{
	return all_out(adopters ? 0xe : 0x6);
}

SPLIT(adopted, "split-adopt", "another owner takes an open deque up",
      THREADS(open_and_leave, adopt, steal_two), adopted_out, BOUND(2));

/* -- tags -- */

static void retag(void)
{
	pop();
	if (hd_split_length_any(deque))
		return;
	hd_split_retag_owner(deque, 8);
	push(2);
	pop();
}

static void setup_tagged(void)
{
	make_at(4, HD_SPLIT_FIRST, 0);
	hd_split_retag_owner(deque, 7);
	push(1);
}

static void force_old(void)
{
	uint32_t value = try_force(7);

	LAB_ASSERT(!value || value == HD_SPLIT_RETRY || value == 1);
	got(value);
}

static void force_new(void)
{
	uint32_t value = try_force(8);

	LAB_ASSERT(!value || value == HD_SPLIT_RETRY || value == 2);
	got(value);
}

static const char *tagged_out(void)
{
	return all_out(hd_split_tag_owner(deque) == 8 ? 0x6 : 0x2);
}

LAB_SCENARIO(tag_old, .name = "split-tag-old",
	     .claim = "a thief gets a value only of the tag that it wants",
	     .setup = setup_tagged, .reset = reset,
	     .thread = { retag, force_old }, .at_rest = tagged_out, BOUND(3));
LAB_SCENARIO(tag_new, .name = "split-tag-new", .claim = "nor an older one",
	     .setup = setup_tagged, .reset = reset,
	     .thread = { retag, force_new }, .at_rest = tagged_out, BOUND(3));

/* -- going to sleep -- */

LAB_GHOST static void note_asleep(void)
{
	asleep++;
}

LAB_GHOST static void note_woken(void)
{
	woken++;
}

/* What a caller of push and pop does; see split-3. */
static void look_who_sleeps(void)
{
	if (!deque->asked)
		return;
	deque->asked = false;
	if (!atomic_load_explicit(&idle, memory_order_seq_cst))
		return;
	if (hd_split_length_any(deque))
		note_woken();
	else
		hd_split_ask_any(deque);
}

static void push_for_sleeper(void)
{
	push(1);
	look_who_sleeps();
}

static void pop_and_push_for_sleeper(void)
{
	push(1);
	look_who_sleeps();
	pop();
	look_who_sleeps();
	push(2);
	look_who_sleeps();
}

static void sleeper(void)
{
	uint32_t value;

	atomic_fetch_add_explicit(&idle, 1, memory_order_seq_cst);
	do
		value = try_force(0);
	while (value == HD_SPLIT_RETRY);
	if (value)
		bag_got(value);
	else
		note_asleep();
}

static const char *none_missed(void)
{
	if (asleep && !woken && hd_split_length_any(deque))
		return "missed: a value, and who sleeps for want of it";
	return NULL;
}

SPLIT(sleep, "split-sleep", "a push is seen by who goes to sleep",
      THREADS(push_for_sleeper, sleeper), none_missed, .bound_plus_1 = LAB_ANY);
SPLIT(sleep_pop, "split-sleep-pop", "and a push behind a slow pop",
      THREADS(pop_and_push_for_sleeper, sleeper), none_missed, BOUND(3));
static void setup_one_public(void)
{
	make_at(4, HD_SPLIT_FIRST, 0);
	hd_split_ask_any(deque);
	push(1);
	deque->asked = false;
}

static void pop_public_and_push(void)
{
	pop();
	look_who_sleeps();
	push(2);
	look_who_sleeps();
}

LAB_SCENARIO(sleep_public, .name = "split-sleep-public",
	     .claim = "a question during a slow pop is not lost",
	     .setup = setup_one_public, .reset = reset,
	     .thread = { pop_public_and_push, sleeper }, .at_rest = none_missed,
	     BOUND(3));
SPLIT(sleep_two, "split-sleep-two", "of two sleepers",
      THREADS(pop_and_push_for_sleeper, sleeper, sleeper), none_missed,
      BOUND(2));

/* -- full, and the wraps -- */

static void setup_full(void)
{
	make_at(2, HD_SPLIT_FIRST, 0);
	push(1);
	push(2);
}

static void owner_fills(void)
{
	bag_fill(3);
	bag_fill(4);
	if (!hd_split_push_owner(deque, 3))
		bag_note_got(3);
	if (!hd_split_push_owner(deque, 4))
		bag_note_got(4);
}

LAB_SCENARIO(full, .name = "split-full",
	     .claim = "a full ring refuses, and overwrites nothing",
	     .setup = setup_full, .reset = reset,
	     .thread = { owner_fills, force_then_steal }, .at_rest = four_out,
	     BOUND(3));

static void setup_wrap(void)
{
	make_at(2, (UINT64_C(1) << 20) - 1, UINT32_MAX);
}

LAB_SCENARIO(wrap, .name = "split-wrap",
	     .claim = "the tail and the generation may wrap around",
	     .setup = setup_wrap, .reset = reset,
	     .thread = { push_two_pop_two, force_then_steal },
	     .at_rest = two_out, BOUND(3));
