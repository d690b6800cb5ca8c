/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: no field of a packed word runs into its neighbour. The word of a group
 * is taken and given 2^17 times from one short of each limit, and its
 * generation is carried over its wrap; a pool starts and stops workers for
 * HEDDLE_TEST_SECONDS (1 if not set) and counts right afterwards.
 *
 * fault: F24
 * clause: C5 D5
 */
#include "lockfree/groupword.h"

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define CYCLES (1u << 17)

_Static_assert(HD_WORD_COUNT_BITS == 20 && HD_WORD_TARGET_BITS == 20 &&
		       HD_WORD_GENERATION_BITS == 24,
	       "the widths that the contract states");

static _Atomic uint64_t done;

static void body(void *arg)
{
	(void)arg;
	atomic_fetch_add_explicit(&done, 1, memory_order_release);
}

/* So many takes and gives at a word that stands at a limit of its fields. */
static uint32_t word_cycles(uint32_t generation, uint32_t target,
			    uint32_t count)
{
	uint64_t start = hd_word_make(generation, target, count), now;
	_Atomic uint64_t word = start;
	uint32_t i, bad = 0;

	for (i = 0; i < CYCLES; i++) {
		bad += !hd_word_take_any(&word);
		now = atomic_load_explicit(&word, memory_order_relaxed);
		bad += hd_word_count(now) != count + 1 ||
		       hd_word_target(now) != target ||
		       hd_word_generation(now) != generation;
		/* At the limit it refuses, and changes nothing. */
		if (count + 1 == target)
			bad += hd_word_take_any(&word);
		hd_word_give_any(&word);
		bad += atomic_load_explicit(&word, memory_order_relaxed) !=
		       start;
	}
	return bad;
}

static uint32_t wrap(void)
{
	uint32_t generation = HD_WORD_GENERATION_MAX - 2, i, bad = 0;
	_Atomic uint64_t word = hd_word_make(generation, HD_WORD_TARGET_MAX, 7);
	uint64_t now;

	for (i = 0; i < 6; i++) {
		generation = (generation + 1) & HD_WORD_GENERATION_MAX;
		hd_word_set_any(&word, generation,
				i % 2 ? HD_WORD_TARGET_MAX : 0);
		now = atomic_load_explicit(&word, memory_order_relaxed);
		bad += hd_word_count(now) != 7 ||
		       hd_word_generation(now) != generation ||
		       hd_word_target(now) != (i % 2 ? HD_WORD_TARGET_MAX : 0);
	}
	return bad;
}

static void start_and_stop(void)
{
	struct heddle_pool *pool = su_pool(4);
	uint64_t end = su_now_ns() + (uint64_t)(tap_seconds(1) * 1e9);
	uint64_t cycles = 0, failed = 0;

	do {
		failed += heddle_pool_stop(pool, (uint32_t)(cycles % 3),
					   HEDDLE_R2_JOINED, NULL,
					   su_in_ms(10000)) != 0;
		failed += heddle_submit_call(heddle_pool_group(pool), body,
					     NULL) != 0;
		failed += heddle_pool_start(pool, 3 + cycles % 2, NULL,
					    su_in_ms(10000)) != 0;
		cycles++;
	} while (cycles < CYCLES && su_now_ns() < end);
	ok(!failed, "%llu stops and starts, failed: %llu",
	   (unsigned long long)cycles, (unsigned long long)failed);
	ok(su_wait_at_least(&done, cycles, 10000), "all tasks ran");
	su_check_at_rest(pool);
	su_destroy(pool);
}

int main(void)
{
	tap_deadline(100);
	is_u64(word_cycles(0, 1, 0), 0, "from nothing");
	is_u64(word_cycles(HD_WORD_GENERATION_MAX, HD_WORD_TARGET_MAX,
			   HD_WORD_TARGET_MAX - 1),
	       0, "with all fields full");
	is_u64(word_cycles(1, HD_WORD_TARGET_MAX, 0xffff), 0,
	       "over sixteen bits");
	is_u64(wrap(), 0, "the generation wraps in its field");
	start_and_stop();
	return tap_done();
}
