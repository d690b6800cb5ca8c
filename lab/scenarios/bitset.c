/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The idle set and the ready set: a bit is claimed once, a set bit is found by
 * who looks afterwards, whatever happens to other bits of its word meanwhile.
 */
#include "lab/scenario.h"
#include "lockfree/bitset.h"

#define BITS 130 /* three words: there is a summary */

static struct hd_bitset set;
static unsigned int claimed; /* ghost */

LAB_GHOST static void reset(void)
{
	claimed = 0;
}

LAB_GHOST static void note_claim(void)
{
	claimed++;
}

static void setup(void)
{
	LAB_ASSERT(hd_bitset_init(&set, BITS) == 0);
}

static void setup_one(void)
{
	setup();
	hd_bitset_set_any(&set, 70);
}

static void setup_small(void)
{
	LAB_ASSERT(hd_bitset_init(&set, 8) == 0);
	hd_bitset_set_any(&set, 3);
}

static void set_70(void)
{
	hd_bitset_set_any(&set, 70);
}

static void clear_70(void)
{
	hd_bitset_clear_any(&set, 70);
}

/* Both bits of one word: who clears the other must not hide this one. */
static void set_clear_71(void)
{
	hd_bitset_set_any(&set, 71);
	hd_bitset_clear_any(&set, 71);
}

static void claim(void)
{
	uint32_t bit = hd_bitset_claim_lowest_any(&set);

	if (bit != HD_BITSET_NONE)
		note_claim();
}

static void claim_high(void)
{
	uint32_t bit = hd_bitset_claim_highest_any(&set);

	if (bit != HD_BITSET_NONE)
		note_claim();
}

/* At rest the summary and the words say the same. */
static const char *consistent(void)
{
	for (uint32_t w = 0; w < set.words; w++) {
		bool bits = atomic_load_explicit(&set.word[w],
						 memory_order_relaxed) != 0;
		bool said = atomic_load_explicit(&set.summary,
						 memory_order_relaxed) >>
				    w &
			    1;

		if (set.words > 1 && bits != said)
			return bits ? "hidden: a bit below a clear summary"
				    : "stale: a summary without bits";
	}
	if ((uint32_t)atomic_load_explicit(&set.guard, memory_order_relaxed))
		return "guard: somebody is counted who is gone";
	return NULL;
}

static const char *claimed_once(void)
{
	if (claimed != 1)
		return "claim: not exactly one had it";
	return consistent();
}

static const char *is_70_found(void)
{
	const char *wrong = consistent();

	if (wrong)
		return wrong;
	return hd_bitset_next_any(&set, 0) == 70 ? NULL : "hidden: bit 70";
}

LAB_SCENARIO(claims, .name = "bitset-claim",
	     .claim = "of two claimers one has the bit", .setup = setup_one,
	     .reset = reset, .thread = { claim, claim_high },
	     .at_rest = claimed_once);
LAB_SCENARIO(claims_small, .name = "bitset-claim-small",
	     .claim = "and in a set of one word", .setup = setup_small,
	     .reset = reset, .thread = { claim, claim_high, claim },
	     .at_rest = claimed_once);
LAB_SCENARIO(hide, .name = "bitset-hide",
	     .claim = "a bit is not hidden by who clears its neighbour",
	     .setup = setup, .reset = reset, .thread = { set_70, set_clear_71 },
	     .at_rest = is_70_found);
LAB_SCENARIO(hide_two, .name = "bitset-hide-two", .claim = "nor by two of them",
	     .setup = setup, .reset = reset,
	     .thread = { set_70, set_clear_71, set_clear_71 },
	     .at_rest = is_70_found, .bound_plus_1 = 3, .old_plus_1 = 2);
LAB_SCENARIO(toggles, .name = "bitset-toggle",
	     .claim = "set and clear of one bit leave it consistent",
	     .setup = setup, .reset = reset,
	     .thread = { set_70, clear_70, set_clear_71 },
	     .at_rest = consistent, .bound_plus_1 = 3, .old_plus_1 = 2);

/* bitset-3: a look that began after the set has ended finds the bit. */
static void look(void)
{
	LAB_ASSERT(hd_bitset_next_any(&set, 0) == 70);
}

static void setup_two(void)
{
	setup_one();
	hd_bitset_set_any(&set, 71);
}

static void clear_71(void)
{
	hd_bitset_clear_any(&set, 71);
}

LAB_SCENARIO(looks, .name = "bitset-look",
	     .claim = "a look finds the bit that is set all the time",
	     .setup = setup_two, .reset = reset, .thread = { look, clear_71 });
LAB_SCENARIO(looks_three, .name = "bitset-look-busy",
	     .claim = "while its neighbour comes and goes", .setup = setup_one,
	     .reset = reset, .thread = { look, set_clear_71 });

/* And one that began after the own set. */
static void set_and_look(void)
{
	hd_bitset_set_any(&set, 70);
	look();
}

LAB_SCENARIO(set_look, .name = "bitset-set-look",
	     .claim = "who sets a bit finds it, whoever clears its neighbour",
	     .setup = setup, .reset = reset,
	     .thread = { set_and_look, set_clear_71 });

static void setup_71(void)
{
	setup();
	hd_bitset_set_any(&set, 71);
}

static void clear_set_clear_71(void)
{
	hd_bitset_clear_any(&set, 71);
	hd_bitset_set_any(&set, 71);
	hd_bitset_clear_any(&set, 71);
}

LAB_SCENARIO(set_look_busy, .name = "bitset-set-look-busy",
	     .claim = "and whoever clears it twice", .setup = setup_71,
	     .reset = reset, .thread = { set_and_look, clear_set_clear_71 },
	     .bound_plus_1 = 5);

/* bitset-1: a setter sees the flag, or who raised that one the bit. */
static _Atomic int flag;
static int missed; /* ghost */

LAB_GHOST static void reset_missed(void)
{
	missed = 0;
}

LAB_GHOST static void note_missed(void)
{
	missed++;
}

static void setter(void)
{
	hd_bitset_set_any(&set, 70);
	if (!atomic_load_explicit(&flag, memory_order_seq_cst))
		note_missed();
}

static void raiser(void)
{
	atomic_store_explicit(&flag, 1, memory_order_seq_cst);
	if (!hd_bitset_any(&set))
		note_missed();
}

LAB_GHOST static const char *not_both(void)
{
	return missed == 2 ? "missed: the bit and the flag" : NULL;
}

LAB_SCENARIO(announce, .name = "bitset-announce",
	     .claim = "a setter sees the flag, or who raised it the bit",
	     .setup = setup, .reset = reset_missed,
	     .thread = { setter, raiser }, .at_rest = not_both);
LAB_SCENARIO(announce_busy, .name = "bitset-announce-busy",
	     .claim = "while a neighbour comes and goes", .setup = setup,
	     .reset = reset_missed, .thread = { setter, raiser, set_clear_71 },
	     .at_rest = not_both, .bound_plus_1 = 3, .old_plus_1 = 2);

/* And who clears a bit sees the flag, or who raised it that the bit is gone. */
static void clearer(void)
{
	hd_bitset_clear_any(&set, 70);
	if (!atomic_load_explicit(&flag, memory_order_seq_cst))
		note_missed();
}

static void tester(void)
{
	atomic_store_explicit(&flag, 1, memory_order_seq_cst);
	if (hd_bitset_test_any(&set, 70))
		note_missed();
}

LAB_SCENARIO(withdraw, .name = "bitset-withdraw",
	     .claim = "who clears a bit sees the flag, or who raised it no bit",
	     .setup = setup_one, .reset = reset_missed,
	     .thread = { clearer, tester }, .at_rest = not_both);
LAB_SCENARIO(withdraw_two, .name = "bitset-withdraw-two",
	     .claim = "and with another bit in the word", .setup = setup_two,
	     .reset = reset_missed, .thread = { clearer, tester },
	     .at_rest = not_both);
