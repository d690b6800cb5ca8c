/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The deque: one owner, thieves. Each value comes out once, with what it
 * carries; nothing is lost at the last value, at a full ring, at the wrap of the
 * counters or when the ring is retired under the thieves.
 */
#include "lab/scenario.h"
#include "lab/scenarios/bag.h"
#include "lockfree/deque.h"
#include "lockfree/reclaim.h"
#include "platform/rcu.h"

static struct hd_deque deque;
static struct hd_reclaim reclaim;

static void make(uint32_t slots, uint64_t at)
{
	int rc = hd_deque_init_at(&deque, slots, at);

	LAB_ASSERT(rc == 0);
}

static void push(unsigned int value)
{
	bag_fill(value);
	if (!hd_deque_push_owner(&deque, value))
		lab_fail("full at value %u", value);
}

static void pop(void)
{
	uint32_t value = hd_deque_pop_owner(&deque);

	if (value)
		bag_got(value);
}

static void steal(void)
{
	uint32_t value = hd_deque_steal_any(&deque, 0);

	if (value && value != HD_DEQUE_RETRY)
		bag_got(value);
}

/* What is left is taken by the verdict, which runs alone. */
static const char *all_out(uint32_t all)
{
	uint32_t value;

	while ((value = hd_deque_pop_owner(&deque)) != 0)
		bag_note_got(value);
	return bag_left(all) ? "lost: a value" : NULL;
}

static const char *two_out(void)
{
	return all_out(0x6);
}

static const char *one_out(void)
{
	return all_out(0x2);
}

static const char *four_out(void)
{
	return all_out(0x1e);
}

static const char *three_out(void)
{
	return all_out(0xe);
}

/* -- two and three threads -- */

static void setup_empty(void)
{
	make(4, 0);
}

static void owner(void)
{
	push(1);
	push(2);
	pop();
	pop();
}

static void thief(void)
{
	steal();
	steal();
}

static void thief_once(void)
{
	steal();
}

LAB_SCENARIO(deque, .name = "deque", .claim = "each value comes out once",
	     .setup = setup_empty, .reset = bag_reset,
	     .thread = { owner, thief }, .at_rest = two_out);
LAB_SCENARIO(thieves, .name = "deque-thieves",
	     .claim = "each value comes out once, with two thieves",
	     .setup = setup_empty, .reset = bag_reset,
	     .thread = { owner, thief_once, thief_once }, .at_rest = two_out);

/* -- the last value -- */

static void setup_one(void)
{
	make(4, 0);
	push(1);
}

static void owner_pops(void)
{
	pop();
}

LAB_SCENARIO(last, .name = "deque-last",
	     .claim = "owner and thief want the last value: one gets it",
	     .setup = setup_one, .reset = bag_reset,
	     .thread = { owner_pops, thief_once }, .at_rest = one_out,
	     .bound_plus_1 = LAB_ANY);
LAB_SCENARIO(last_thieves, .name = "deque-last-thieves",
	     .claim = "and two thieves", .setup = setup_one, .reset = bag_reset,
	     .thread = { owner_pops, thief_once, thief_once },
	     .at_rest = one_out, .bound_plus_1 = LAB_ANY);

/* A slot is used again while a thief has read its old value. */
static void setup_two(void)
{
	make(2, 0);
	push(1);
	push(2);
}

static void owner_replaces(void)
{
	pop();
	push(3);
	pop();
}

LAB_SCENARIO(reuse, .name = "deque-reuse",
	     .claim = "a slot that is used again gives no value twice",
	     .setup = setup_two, .reset = bag_reset,
	     .thread = { owner_replaces, thief }, .at_rest = three_out);

/* -- full, and the wrap -- */

static void owner_fills(void)
{
	bag_fill(3);
	bag_fill(4);
	/* Two slots hold two values: room is only where a thief made some. */
	if (!hd_deque_push_owner(&deque, 3))
		bag_note_got(3);
	if (!hd_deque_push_owner(&deque, 4))
		bag_note_got(4);
}

LAB_SCENARIO(full, .name = "deque-full",
	     .claim = "a full ring refuses, and overwrites nothing",
	     .setup = setup_two, .reset = bag_reset,
	     .thread = { owner_fills, thief }, .at_rest = four_out);

static void setup_wrap(void)
{
	make(2, UINT64_MAX);
}

static void setup_sign(void)
{
	make(2, UINT64_MAX / 2);
}

LAB_SCENARIO(wrap, .name = "deque-wrap",
	     .claim = "the counters may wrap around", .setup = setup_wrap,
	     .reset = bag_reset, .thread = { owner, thief },
	     .at_rest = two_out);
LAB_SCENARIO(sign, .name = "deque-sign",
	     .claim = "the counters may pass the largest signed number",
	     .setup = setup_sign, .reset = bag_reset,
	     .thread = { owner, thief }, .at_rest = two_out);

/* -- quiet pushes: published together with a later one -- */

static void owner_quiet(void)
{
	bag_fill(1);
	if (!hd_deque_push_quiet_owner(&deque, 1))
		lab_fail("full");
	push(2);
	pop();
}

LAB_SCENARIO(quiet, .name = "deque-quiet",
	     .claim = "a quiet push carries its payload too",
	     .setup = setup_empty, .reset = bag_reset,
	     .thread = { owner_quiet, thief }, .at_rest = two_out);

/* -- "empty" -- */

static void setup_three(void)
{
	make(4, 0);
	push(1);
	push(2);
	push(3);
}

static void thief_of_many(void)
{
	for (int i = 0; i < 2; i++) {
		uint32_t value = hd_deque_steal_any(&deque, 0);

		/* The owner only pops the other end, and not that far. */
		LAB_ASSERT(value != 0);
		LAB_ASSERT(value != HD_DEQUE_RETRY);
		bag_got(value);
	}
}

LAB_SCENARIO(not_empty, .name = "deque-not-empty",
	     .claim = "a lone thief with values in sight gets one",
	     .setup = setup_three, .reset = bag_reset,
	     .thread = { owner_pops, thief_of_many }, .at_rest = three_out);

/* deque-5: a pushed value is seen by who looked at the deque afterwards. */
static _Atomic int flag;
static int missed; /* ghost */

LAB_GHOST static void reset_flag(void)
{
	bag_reset();
	missed = 0;
}

LAB_GHOST static void note_missed(void)
{
	missed++;
}

static void pusher(void)
{
	push(1);
	if (!atomic_load_explicit(&flag, memory_order_seq_cst))
		note_missed();
}

static void sleeper(void)
{
	atomic_store_explicit(&flag, 1, memory_order_seq_cst);
	if (!hd_deque_length_any(&deque))
		note_missed();
}

LAB_GHOST static const char *not_both(void)
{
	return missed == 2 ? "missed: the push and the sleeper" : NULL;
}

LAB_SCENARIO(announce, .name = "deque-announce",
	     .claim = "a pusher sees the sleeper, or that one the push",
	     .setup = setup_empty, .reset = reset_flag,
	     .thread = { pusher, sleeper }, .at_rest = not_both,
	     .bound_plus_1 = LAB_ANY);

/* -- the ring is retired -- */

static void owner_retires(void)
{
	pop();
	/* Empty for good: nobody else pushes. */
	if (hd_deque_length_any(&deque))
		return;
	hd_deque_retire_owner(&deque, &reclaim);
	hd_reclaim_flush(&reclaim);
}

static void reader(void)
{
	hd_rcu_register();
	hd_rcu_read_lock();
	steal();
	hd_rcu_read_unlock();
	hd_rcu_unregister();
}

static const char *retired(void)
{
	if (hd_deque_has_ring_owner(&deque))
		return all_out(0x2);
	if (lab_live_blocks())
		return "leak: the ring was not freed";
	return bag_left(0x2) ? "lost: a value" : NULL;
}

LAB_SCENARIO(retire, .name = "deque-retire",
	     .claim = "a thief in a read section never meets a freed ring",
	     .setup = setup_one, .reset = bag_reset,
	     .thread = { owner_retires, reader }, .at_rest = retired);

/* The owner's next life has another ring, which a late thief may meet. */
static void owner_again(void)
{
	pop();
	if (hd_deque_length_any(&deque))
		return;
	hd_deque_retire_owner(&deque, &reclaim);
	/* Of the same size: what is constant in all lives. */
	if (hd_deque_init(&deque, (uint32_t)deque.slots))
		lab_fail("no memory");
	push(2);
}

static const char *again(void)
{
	return all_out(
		atomic_load_explicit(&deque.bottom, memory_order_relaxed) > 1
			? 0x6
			: 0x2);
}

LAB_SCENARIO(ring_again, .name = "deque-again",
	     .claim = "a late thief that meets the next ring meets its content",
	     .setup = setup_one, .reset = bag_reset,
	     .thread = { owner_again, reader }, .at_rest = again);

/* -- the owner's deque goes to another group -- */

static void setup_tagged(void)
{
	make(4, 0);
	hd_deque_retag_owner(&deque, 7);
	push(1);
}

static void owner_changes_tag(void)
{
	pop();
	if (hd_deque_length_any(&deque))
		return;
	hd_deque_retag_owner(&deque, 8);
	push(2);
	pop();
}

static void steal_of(uint32_t tag, uint32_t only)
{
	uint32_t value = hd_deque_steal_any(&deque, tag);

	if (!value || value == HD_DEQUE_RETRY)
		return;
	LAB_ASSERT(value == only);
	bag_got(value);
}

static void thief_of_old(void)
{
	steal_of(7, 1);
}

static void thief_of_new(void)
{
	steal_of(8, 2);
}

static const char *tagged_out(void)
{
	return all_out(hd_deque_tag_owner(&deque) == 8 ? 0x6 : 0x2);
}

LAB_SCENARIO(retag, .name = "deque-retag",
	     .claim = "a thief gets a value only of the tag that it wants",
	     .setup = setup_tagged, .reset = bag_reset,
	     .thread = { owner_changes_tag, thief_of_old },
	     .at_rest = tagged_out, .bound_plus_1 = LAB_ANY);
LAB_SCENARIO(retag_new, .name = "deque-retag-new",
	     .claim = "and who wants the new one gets none of the old",
	     .setup = setup_tagged, .reset = bag_reset,
	     .thread = { owner_changes_tag, thief_of_new },
	     .at_rest = tagged_out, .bound_plus_1 = LAB_ANY);
LAB_SCENARIO(retag_both, .name = "deque-retag-both",
	     .claim = "and with a thief of each", .setup = setup_tagged,
	     .reset = bag_reset,
	     .thread = { owner_changes_tag, thief_of_old, thief_of_new },
	     .at_rest = tagged_out);

/* deque-6 and deque-5: a value of the new tag is seen as one of it. */
static void retags_and_pushes(void)
{
	hd_deque_retag_owner(&deque, 8);
	push(1);
	if (!atomic_load_explicit(&flag, memory_order_seq_cst))
		note_missed();
}

static void sleeper_of(void)
{
	atomic_store_explicit(&flag, 1, memory_order_seq_cst);
	if (!hd_deque_length_of_any(&deque, 8))
		note_missed();
}

LAB_SCENARIO(retag_announce, .name = "deque-retag-announce",
	     .claim = "who sees a value sees its tag", .setup = setup_empty,
	     .reset = reset_flag, .thread = { retags_and_pushes, sleeper_of },
	     .at_rest = not_both, .bound_plus_1 = LAB_ANY);
