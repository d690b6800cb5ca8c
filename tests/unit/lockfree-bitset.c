/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bitset: searches agree with a plain array of flags; a bit that was set
 * is found until it is cleared, whatever happens to its neighbours; a claim has
 * one winner; the summary is right at rest.
 *
 * Method: random operations beside an array, at sizes around the words' ends.
 * Then threads that share one word set a bit of their own, must find it, and
 * clear it: each clear may empty the word and lower its summary bit just when
 * another set has returned. The guard's version starts before its wrap.
 *
 * fault: F26
 * property: P14
 * property: P28
 */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "lockfree/bitset.h"
#include "tests/unit/lockfree-team.h"

static struct hd_bitset set;

static bool summary_is_right(void)
{
	uint32_t w;

	if (set.words == 1)
		return true;
	if ((uint32_t)set.guard)
		return false;
	for (w = 0; w < set.words; w++)
		if ((set.summary >> w & 1) != (set.word[w] != 0))
			return false;
	return true;
}

static uint32_t first_flag(const bool *flag, uint32_t bits, uint32_t from)
{
	uint32_t i;

	for (i = 0; i < bits; i++)
		if (flag[(from + i) % bits])
			return (from + i) % bits;
	return HD_BITSET_NONE;
}

static uint32_t last_flag(const bool *flag, uint32_t bits)
{
	while (bits--)
		if (flag[bits])
			return bits;
	return HD_BITSET_NONE;
}

static uint32_t step(bool *flag, uint32_t bits, uint64_t random)
{
	uint32_t bit = (uint32_t)(random >> 8) % bits, want;
	bool was = flag[bit];

	switch (random % 8) {
	case 0:
	case 1:
		flag[bit] = true;
		return hd_bitset_set_any(&set, bit) == was;
	case 2:
	case 3:
		flag[bit] = false;
		return hd_bitset_clear_any(&set, bit) != was;
	case 4:
		return hd_bitset_next_any(&set, bit) !=
		       first_flag(flag, bits, bit);
	case 5:
		want = first_flag(flag, bits, 0);
		if (want != HD_BITSET_NONE)
			flag[want] = false;
		return hd_bitset_claim_lowest_any(&set) != want;
	case 6:
		want = last_flag(flag, bits);
		if (want != HD_BITSET_NONE)
			flag[want] = false;
		return hd_bitset_claim_highest_any(&set) != want;
	default:
		return hd_bitset_test_any(&set, bit) != was ||
		       hd_bitset_any(&set) !=
			       (first_flag(flag, bits, 0) != HD_BITSET_NONE);
	}
}

static void alone(uint32_t bits)
{
	static bool flag[HD_BITSET_MAX];
	uint64_t stream = tap_stream(bits);
	uint32_t i, n = 0, wrong = 0;

	memset(flag, 0, sizeof(flag));
	ok(hd_bitset_init_at(&set, bits, UINT32_MAX - 2) == 0, "%u bits", bits);
	wrong += hd_bitset_next_any(&set, bits) != HD_BITSET_NONE;
	for (i = 0; i < 4000; i++)
		wrong += step(flag, bits, tap_next(&stream)) ||
			 !summary_is_right();
	for (i = 0; i < bits; i++)
		n += flag[i];
	is_u64(wrong, 0, "all answers agree with an array of flags");
	is_u64(hd_bitset_count_any(&set), n, "and so does the count");
	for (i = 0; i < bits; i++)
		hd_bitset_set_any(&set, i);
	for (i = 0; i < bits; i++)
		wrong += hd_bitset_claim_lowest_any(&set) != i;
	ok(!wrong && !hd_bitset_any(&set) && summary_is_right(),
	   "a full set is claimed from the lowest up");
	hd_bitset_fini(&set);
}

/* -- visibility -- */

#define NEIGHBOURS 3u
#define FIRST      70u /* the word from 64 on */

static _Atomic uint64_t rounds;

static void see_own_bit(struct team *team, uint32_t me)
{
	uint32_t bit = FIRST + me;
	uint64_t n = 0;

	while (n % 256 || !team_time_is_over(team)) {
		if (!hd_bitset_set_any(&set, bit))
			team_error(team);
		if (!hd_bitset_any(&set))
			team_error(team);
		if (hd_bitset_next_any(&set, bit) != bit)
			team_error(team);
		/* A true test is a promise that the bit is found. */
		if (hd_bitset_test_any(&set, FIRST + NEIGHBOURS) &&
		    !hd_bitset_any(&set))
			team_error(team);
		if (!hd_bitset_clear_any(&set, bit))
			team_error(team);
		n++;
	}
	atomic_fetch_add_explicit(&rounds, n, memory_order_relaxed);
}

static void found_until_cleared(void)
{
	static struct team team;
	uint32_t lowered;

	hd_bitset_init_at(&set, 256, UINT32_MAX - 1000);
	is_u64(team_run(&team, NEIGHBOURS, tap_seconds(1.0), see_own_bit), 0,
	       "a bit that was set is found until it is cleared");
	lowered = (uint32_t)(set.guard >> 32) + 1001;
	ok(lowered > 2000, "%u of %llu clears emptied the word, past the wrap",
	   lowered, (unsigned long long)rounds);
	ok(summary_is_right() && !hd_bitset_any(&set), "at rest all is clear");
	hd_bitset_fini(&set);
}

/* -- claims -- */

#define BITS    192u
#define SETTERS 1u /* fewer than claimers, so that these meet */

static _Atomic uint32_t held[BITS]; /* 1: set or being set by its setter */
static _Atomic uint64_t sets, claims;

static void set_or_claim(struct team *team, uint32_t me)
{
	uint64_t stream = tap_stream(me), n = 0, done = 0;

	while (n % 256 || !team_time_is_over(team)) {
		uint32_t bit;

		n++;
		if (me < SETTERS) {
			bit = (uint32_t)tap_next(&stream) % BITS;
			if (atomic_exchange_explicit(&held[bit], 1,
						     memory_order_acquire))
				continue;
			if (!hd_bitset_set_any(&set, bit))
				team_error(team);
		} else {
			bit = n % 8 ? hd_bitset_claim_lowest_any(&set)
				    : hd_bitset_claim_highest_any(&set);
			if (bit == HD_BITSET_NONE)
				continue;
			if (!atomic_exchange_explicit(&held[bit], 0,
						      memory_order_release))
				team_error(team);
		}
		done++;
	}
	atomic_fetch_add_explicit(me < SETTERS ? &sets : &claims, done,
				  memory_order_relaxed);
}

static void one_winner(void)
{
	static struct team team;

	hd_bitset_init(&set, BITS);
	is_u64(team_run(&team, 4, tap_seconds(1.0), set_or_claim), 0,
	       "each set is new and each claim finds its setter's mark");
	is_u64(sets, claims + hd_bitset_count_any(&set),
	       "what was set was claimed once or is still there");
	ok(claims > 1000 && summary_is_right(), "%llu claims",
	   (unsigned long long)claims);
	hd_bitset_fini(&set);
}

/* -- at rest -- */

#define REST_ROUNDS 20000u

static _Atomic uint32_t at_line, wrong_at_rest, claimed_there;

/* Both have come; spinning, because the round is shorter than a sleep. */
static void line_up(uint32_t line)
{
	uint32_t spins = 0;

	atomic_fetch_add_explicit(&at_line, 1, memory_order_acq_rel);
	while (atomic_load_explicit(&at_line, memory_order_acquire) < 2 * line)
		if (++spins % 1000 == 0)
			sched_yield();
}

static void set_against_claim(struct team *team, uint32_t me)
{
	uint64_t stream = tap_stream(200 + me);
	uint32_t round, line = 0, i, tries;

	(void)team;
	for (round = 0; round < REST_ROUNDS; round++) {
		line_up(++line);
		for (i = (uint32_t)tap_next(&stream) % 32; i; i--)
			atomic_load_explicit(&at_line, memory_order_relaxed);
		/* Every other round until it is there, on a busy machine too. */
		tries = line % 4 == 1 ? UINT32_MAX : 4;
		if (me == 0)
			hd_bitset_set_any(&set, 70);
		else
			while (tries-- && hd_bitset_clear_any(&set, 70) == 0)
				;
		line_up(++line);
		if (me == 0) {
			if (!summary_is_right())
				atomic_fetch_add_explicit(&wrong_at_rest, 1,
							  memory_order_relaxed);
			atomic_fetch_add_explicit(&claimed_there,
						  !hd_bitset_any(&set),
						  memory_order_relaxed);
			hd_bitset_clear_any(&set, 70);
		}
	}
}

static void right_at_rest(void)
{
	static struct team team;

	hd_bitset_init(&set, 256);
	team_run(&team, 2, 5, set_against_claim);
	is_u64(wrong_at_rest, 0,
	       "after a set and a clear at once the summary is right");
	ok(claimed_there > 10, "in %u rounds the clear came after the set",
	   claimed_there);
	hd_bitset_fini(&set);
}

int main(void)
{
	static const uint32_t sizes[] = {
		1, 2, 63, 64, 65, 128, 200, 4095, 4096
	};
	unsigned int i;

	tap_deadline(60);
	ok(hd_bitset_init(&set, 0) == -EINVAL &&
		   hd_bitset_init(&set, HD_BITSET_MAX + 1) == -EINVAL,
	   "no bit, or too many: -EINVAL");
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		alone(sizes[i]);
	found_until_cleared();
	one_winner();
	right_at_rest();
	return tap_done();
}
