/* SPDX-License-Identifier: BSD-2-Clause */
/* The word of a group: permits against a cap that changes in every direction. */
#include "lab/scenario.h"
#include "lockfree/groupword.h"

static _Atomic uint64_t word;

static struct {
	unsigned int inside, most;
	unsigned int cap; /* largest that was in force since a take began */
	unsigned int taken;
} ghost;

LAB_GHOST static void reset(void)
{
	__builtin_memset(&ghost, 0, sizeof(ghost));
}

LAB_GHOST static void enter(void)
{
	ghost.inside++;
	ghost.taken++;
	if (ghost.inside > ghost.most)
		ghost.most = ghost.inside;
}

LAB_GHOST static void leave(void)
{
	ghost.inside--;
}

static void make(uint32_t cap)
{
	atomic_store_explicit(&word, hd_word_make(0, cap, 0),
			      memory_order_relaxed);
}

static void setup_1(void)
{
	make(1);
}

static void setup_2(void)
{
	make(2);
}

static void setup_0(void)
{
	make(0);
}

static void work(void)
{
	if (!hd_word_take_any(&word))
		return;
	lab_touch(&ghost);
	enter();
	lab_touch(&ghost);
	leave();
	hd_word_give_any(&word);
}

static void set_0(void)
{
	hd_word_set_any(&word, 1, 0);
}

static void set_1(void)
{
	hd_word_set_any(&word, 1, 1);
}

static void set_2(void)
{
	hd_word_set_any(&word, 1, 2);
}

static const char *at_most(unsigned int cap)
{
	if (ghost.most > cap)
		return "cap: more inside than ever was allowed";
	if (hd_word_count(hd_word_load_any(&word)))
		return "leak: a permit was not given back";
	return NULL;
}

static const char *at_most_1(void)
{
	return at_most(1);
}

static const char *at_most_2(void)
{
	return at_most(2);
}

LAB_SCENARIO(cap, .name = "word-cap", .claim = "never two inside a cap of one",
	     .setup = setup_1, .reset = reset, .thread = { work, work, work },
	     .at_rest = at_most_1);
LAB_SCENARIO(up, .name = "word-raise", .claim = "a cap that is raised",
	     .setup = setup_1, .reset = reset, .thread = { work, work, set_2 },
	     .at_rest = at_most_2);
LAB_SCENARIO(down, .name = "word-lower", .claim = "a cap that is lowered",
	     .setup = setup_2, .reset = reset, .thread = { work, work, set_1 },
	     .at_rest = at_most_2);
LAB_SCENARIO(zero, .name = "word-zero", .claim = "a cap that becomes zero",
	     .setup = setup_2, .reset = reset, .thread = { work, work, set_0 },
	     .at_rest = at_most_2);

/* Two changes at once: the last one stands, and no count is lost. */
static void set_3(void)
{
	hd_word_set_any(&word, 2, 3);
}

static const char *one_stands(void)
{
	uint64_t now = hd_word_load_any(&word);

	if (hd_word_count(now))
		return "leak: a permit was not given back";
	if (hd_word_generation(now) == 1)
		return hd_word_target(now) == 1 ? NULL : "torn: target";
	return hd_word_generation(now) == 2 && hd_word_target(now) == 3
		       ? NULL
		       : "torn: target and generation of two changes";
}

LAB_SCENARIO(both, .name = "word-two-changes",
	     .claim = "of two changes at once one stands, and no permit leaks",
	     .setup = setup_2, .reset = reset, .thread = { set_1, set_3, work },
	     .at_rest = one_stands);

/* Excess is given back once for each permit above the target. */
static unsigned int returned; /* ghost */

LAB_GHOST static void reset_returned(void)
{
	returned = 0;
}

LAB_GHOST static void note_returned(void)
{
	returned++;
}

static void setup_over(void)
{
	atomic_store_explicit(&word, hd_word_make(1, 1, 2),
			      memory_order_relaxed);
}

static void give_over(void)
{
	uint64_t before;

	if (hd_word_give_over_any(&word, &before))
		note_returned();
}

LAB_GHOST static const char *one_returned(void)
{
	return returned == 1 ? NULL : "over: not exactly one gave back";
}

LAB_SCENARIO(over, .name = "word-over",
	     .claim = "of two holders above the target one gives back",
	     .setup = setup_over, .reset = reset_returned,
	     .thread = { give_over, give_over }, .at_rest = one_returned,
	     .bound_plus_1 = LAB_ANY);

/* groupword-1: who finds it full is seen by who gives back, or sees it. */
static _Atomic int failed;
static int missed; /* ghost */

LAB_GHOST static void reset_missed(void)
{
	missed = 0;
}

LAB_GHOST static void note_missed(void)
{
	missed++;
}

static void setup_full(void)
{
	atomic_store_explicit(&word, hd_word_make(0, 1, 1),
			      memory_order_relaxed);
}

static void taker(void)
{
	atomic_store_explicit(&failed, 1, memory_order_seq_cst);
	if (!hd_word_take_any(&word))
		note_missed();
}

static void giver(void)
{
	hd_word_give_any(&word);
	if (!atomic_load_explicit(&failed, memory_order_seq_cst))
		note_missed();
}

LAB_GHOST static const char *not_both(void)
{
	return missed == 2 ? "missed: the permit and the mark" : NULL;
}

LAB_SCENARIO(mark, .name = "word-mark",
	     .claim = "who finds it full has left a mark that the giver sees",
	     .setup = setup_full, .reset = reset_missed,
	     .thread = { taker, giver }, .at_rest = not_both,
	     .bound_plus_1 = LAB_ANY);

/* Also when "full" was the answer of a second look. */
static void setup_free(void)
{
	atomic_store_explicit(&word, hd_word_make(0, 1, 0),
			      memory_order_relaxed);
}

static void take_and_give(void)
{
	if (hd_word_take_any(&word))
		giver();
}

LAB_SCENARIO(mark_retry, .name = "word-mark-retry",
	     .claim = "and so it is when a second look finds it full",
	     .setup = setup_free, .reset = reset_missed,
	     .thread = { taker, take_and_give }, .at_rest = not_both,
	     .bound_plus_1 = LAB_ANY);

/* A raise is seen by who marked first, or sees the mark. */
static void raiser(void)
{
	hd_word_set_any(&word, 1, 2);
	if (!atomic_load_explicit(&failed, memory_order_seq_cst))
		note_missed();
}

LAB_SCENARIO(mark_raise, .name = "word-mark-raise",
	     .claim = "and so does who raises the cap", .setup = setup_full,
	     .reset = reset_missed, .thread = { taker, raiser },
	     .at_rest = not_both, .bound_plus_1 = LAB_ANY);
LAB_SCENARIO(raise_zero, .name = "word-from-zero",
	     .claim = "a cap that leaves zero lets in as many as it says",
	     .setup = setup_0, .reset = reset, .thread = { work, work, set_1 },
	     .at_rest = at_most_1);
