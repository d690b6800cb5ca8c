/* SPDX-License-Identifier: BSD-2-Clause */
/* Structures of single words: the bit set, the group's word, the mirror, parkers. */
#include "bench/stall.h"
#include "lockfree/bitset.h"
#include "lockfree/groupword.h"
#include "lockfree/mirror.h"
#include "lockfree/parker.h"

/* ---- bitset: four words, so that there is a summary to be kept ---- */

#define BITS 256u
/* Alone in its word: setting it raises the summary, clearing it lowers that. */
#define OWN 70u

static struct hd_bitset bitset;

static void bitset_setup(void)
{
	if (hd_bitset_init(&bitset, BITS))
		hs_give_up("no bit set");
}

static void bitset_without(void)
{
	while (hd_bitset_claim_lowest_any(&bitset) != HD_BITSET_NONE)
		;
}

static void bitset_with(void)
{
	bitset_without();
	hd_bitset_set_any(&bitset, OWN);
}

static void bitset_set(void)
{
	hd_bitset_set_any(&bitset, OWN);
}

static void bitset_clear(void)
{
	hd_bitset_clear_any(&bitset, OWN);
}

static void bitset_test(void)
{
	hs_kept = hd_bitset_test_any(&bitset, OWN);
}

static void bitset_next(void)
{
	hs_kept = hd_bitset_next_any(&bitset, 0);
}

static void bitset_claim(void)
{
	hs_kept = hd_bitset_claim_lowest_any(&bitset);
}

/* In the victim's word and in one of the peer's own. */
static bool bitset_peer(unsigned int who)
{
	hd_bitset_set_any(&bitset, OWN + 1 + who);
	hd_bitset_set_any(&bitset, 128 + 64 * who);
	hd_bitset_clear_any(&bitset, OWN + 1 + who);
	hd_bitset_next_any(&bitset, OWN);
	hd_bitset_claim_highest_any(&bitset);
	return true;
}

/* ---- groupword ---- */

static _Atomic uint64_t word;

static void word_half(void)
{
	atomic_store(&word, hd_word_make(0, 8, 4));
}

static void word_over(void)
{
	atomic_store(&word, hd_word_make(0, 2, 8));
}

static void word_take(void)
{
	hd_word_take_any(&word);
}

static void word_give(void)
{
	hd_word_give_any(&word);
}

static void word_give_over(void)
{
	uint64_t before;

	hd_word_give_over_any(&word, &before);
}

static void word_set(void)
{
	hd_word_set_any(&word, 1, 6);
}

static bool word_peer(unsigned int who)
{
	(void)who;
	if (hd_word_take_any(&word))
		hd_word_give_any(&word);
	return true;
}

/* ---- mirror ---- */

static struct hd_mirror mirror;

static void mirror_write(void)
{
	struct hd_mirror_values values = { .index = 1, .tid = 2 };

	hd_mirror_write_owner(&mirror, &values);
}

static void mirror_read(void)
{
	struct hd_mirror_values values;

	hs_kept = hd_mirror_read_any(&mirror, &values, 10);
}

static bool mirror_reader(unsigned int who)
{
	struct hd_mirror_values values;

	(void)who;
	/* That the writer is at work is an answer: a read does not wait. */
	hd_mirror_read_any(&mirror, &values, 10);
	return true;
}

static bool mirror_writer(unsigned int who)
{
	struct hd_mirror_values values = { .index = 3 };

	if (who == 0)
		hd_mirror_write_owner(&mirror, &values);
	else
		mirror_reader(who);
	return true;
}

/* ---- parker ---- */

static struct hd_parker parker;

static void parker_empty(void)
{
	atomic_store(&parker.word, HD_PARKER_EMPTY);
}

static void parker_asleep(void)
{
	atomic_store(&parker.word, HD_PARKER_ASLEEP);
}

static void parker_unpark(void)
{
	hd_parker_unpark_any(&parker, HD_PARKER_TOKEN_FIRST);
}

static void parker_try(void)
{
	hs_kept = hd_parker_try_owner(&parker);
}

static bool parker_owner(unsigned int who)
{
	(void)who;
	hd_parker_try_owner(&parker);
	return true;
}

static bool parker_waker(unsigned int who)
{
	(void)who;
	hd_parker_unpark_any(&parker, HD_PARKER_TOKEN_FIRST);
	return true;
}

/* clang-format off */
#define BITSET .where = "lockfree/bitset.h", .setup = bitset_setup, \
	.peer = bitset_peer
#define WORD   .where = "lockfree/groupword.h", .claim = HS_LOCK_FREE, \
	.peer = word_peer
#define MIRROR .where = "lockfree/mirror.h", .claim = HS_WAIT_FREE
#define PARKER .where = "lockfree/parker.h", .peers = 1

const struct hs_operation hs_words[] = {
	{ .name = "bitset-set", .claim = HS_LOCK_FREE, BITSET,
	  .prepare = bitset_without, .victim = bitset_set },
	{ .name = "bitset-clear", .claim = HS_LOCK_FREE, BITSET,
	  .prepare = bitset_with, .victim = bitset_clear },
	{ .name = "bitset-test", .claim = HS_WAIT_FREE, BITSET,
	  .prepare = bitset_with, .victim = bitset_test },
	{ .name = "bitset-next", .claim = HS_WAIT_FREE, BITSET,
	  .prepare = bitset_with, .victim = bitset_next },
	{ .name = "bitset-claim", .claim = HS_LOCK_FREE, BITSET,
	  .prepare = bitset_with, .victim = bitset_claim },
	{ .name = "groupword-take", WORD,
	  .prepare = word_half, .victim = word_take },
	{ .name = "groupword-give", WORD,
	  .prepare = word_half, .victim = word_give },
	{ .name = "groupword-give-over", WORD,
	  .prepare = word_over, .victim = word_give_over },
	{ .name = "groupword-set", WORD,
	  .prepare = word_half, .victim = word_set },
	{ .name = "mirror-write", MIRROR,
	  .victim = mirror_write, .peer = mirror_reader },
	{ .name = "mirror-read", MIRROR,
	  .victim = mirror_read, .peer = mirror_writer },
	{ .name = "parker-unpark", .claim = HS_WAIT_FREE, PARKER,
	  .prepare = parker_asleep, .victim = parker_unpark,
	  .peer = parker_owner },
	{ .name = "parker-try", .claim = HS_WAIT_FREE, PARKER,
	  .prepare = parker_empty, .victim = parker_try,
	  .peer = parker_waker, .goal = 1 },
	{ .name = "parker-park", .where = "lockfree/parker.h",
	  .claim = HS_BLOCKING, .blocker = "its waker, who has the token" },
	{ .name = NULL },
};
/* clang-format on */
