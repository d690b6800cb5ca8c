/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The word of a group: no field borrows from or carries into another, a take
 * never goes past the target, and of those who are over it exactly the surplus
 * gives back.
 *
 * Method: fields at both ends of their range, next to neighbours of all ones
 * and all zeros; more turns than a field of 16 bits holds. Then threads that
 * raise a gauge between take and give while another changes the target.
 *
 * fault: F24
 * fault: F26
 * property: P28
 */
#include "lockfree/groupword.h"
#include "tests/unit/lockfree-team.h"

static _Atomic uint64_t word;

static void put(uint32_t generation, uint32_t target, uint32_t count)
{
	atomic_store_explicit(&word, hd_word_make(generation, target, count),
			      memory_order_relaxed);
}

static bool is(uint32_t generation, uint32_t target, uint32_t count)
{
	uint64_t now = hd_word_load_any(&word);

	return hd_word_generation(now) == generation &&
	       hd_word_target(now) == target && hd_word_count(now) == count;
}

static void fields(void)
{
	uint32_t generation = HD_WORD_GENERATION_MAX;
	uint32_t target = HD_WORD_TARGET_MAX, count = HD_WORD_COUNT_MAX;
	uint64_t before;
	uint32_t i, wrong = 0;

	put(generation, 0, 0);
	ok(is(generation, 0, 0), "a generation of all ones");
	put(0, target, 0);
	ok(is(0, target, 0), "a target of all ones");
	put(0, 0, count);
	ok(is(0, 0, count), "a count of all ones");

	put(generation, target, target - 1);
	ok(hd_word_take_any(&word) && is(generation, target, target),
	   "the last permit of the largest target");
	ok(!hd_word_take_any(&word) && is(generation, target, target),
	   "and not one more");
	before = hd_word_set_any(&word, 0, 0);
	ok(hd_word_target(before) == target && is(0, 0, target),
	   "a target of 0 under a full count");
	ok(!hd_word_take_any(&word) && hd_word_over(hd_word_load_any(&word)),
	   "nothing may be taken, it is over");
	hd_word_give_any(&word);
	ok(is(0, 0, target - 1), "a give lowers the count");

	put(generation, 1, 0);
	ok(hd_word_take_any(&word) && is(generation, 1, 1), "a take at 0");
	before = hd_word_give_any(&word);
	ok(hd_word_count(before) == 1 && is(generation, 1, 0),
	   "and the give that undoes it borrow nothing");

	/* More turns than a field of 16 bits, and all generations. */
	put(generation, 2, 1);
	for (i = 0; i < (1u << 18); i++) {
		wrong += !hd_word_take_any(&word);
		wrong += hd_word_take_any(&word);
		hd_word_give_any(&word);
	}
	ok(!wrong && is(generation, 2, 1),
	   "2^18 turns leave the word as it was");
	for (i = 0; i <= HD_WORD_GENERATION_MAX + 3; i++) {
		hd_word_set_any(&word, generation + i, 2);
		wrong += !is((generation + i) & HD_WORD_GENERATION_MAX, 2, 1);
	}
	is_u64(wrong, 0, "the generation wraps within its field");

	put(7, 2, 3);
	ok(hd_word_give_over_any(&word, &before) &&
		   hd_word_count(before) == 3 && is(7, 2, 2),
	   "what is over is given back");
	ok(!hd_word_give_over_any(&word, &before) && is(7, 2, 2),
	   "and no more than that");
}

/* -- stress -- */

#define TARGET_MAX 3u

static _Atomic uint32_t gauge, highest;
static _Atomic uint64_t takes, refusals, changes;
static uint64_t plain; /* below: written under a target of 1 */

static void note(uint32_t now)
{
	uint32_t seen = atomic_load_explicit(&highest, memory_order_relaxed);

	while (now > seen && !atomic_compare_exchange_weak_explicit(
				     &highest, &seen, now, memory_order_relaxed,
				     memory_order_relaxed))
		;
}

static void take_and_give(struct team *team, uint32_t me)
{
	uint64_t stream = tap_stream(me), n = 0, got = 0;
	uint32_t generation = 0;

	while (n % 256 || !team_time_is_over(team)) {
		n++;
		if (me == 0) {
			hd_word_set_any(&word, ++generation,
					(uint32_t)tap_next(&stream) %
						(TARGET_MAX + 1));
			continue;
		}
		if (!hd_word_take_any(&word))
			continue;
		note(1 + atomic_fetch_add_explicit(&gauge, 1,
						   memory_order_relaxed));
		got++;
		atomic_fetch_sub_explicit(&gauge, 1, memory_order_relaxed);
		if (hd_word_count(hd_word_give_any(&word)) == 0)
			team_error(team);
	}
	if (me == 0) {
		atomic_store_explicit(&changes, n, memory_order_relaxed);
		return;
	}
	atomic_fetch_add_explicit(&takes, got, memory_order_relaxed);
	atomic_fetch_add_explicit(&refusals, n - got, memory_order_relaxed);
}

static void one_at_a_time(struct team *team, uint32_t me)
{
	uint64_t n = 0, got = 0;

	(void)me;
	while (n % 256 || !team_time_is_over(team)) {
		n++;
		if (!hd_word_take_any(&word))
			continue;
		plain++;
		got++;
		hd_word_give_any(&word);
	}
	atomic_fetch_add_explicit(&takes, got, memory_order_relaxed);
}

#define OVER_ROUNDS 2000u
#define OVER_HELD   4u
#define OVER_TARGET 2u

static pthread_barrier_t line;
static _Atomic uint32_t gave, bad_rounds;

static void give_what_is_over(struct team *team, uint32_t me)
{
	uint32_t round;

	(void)team;
	for (round = 0; round < OVER_ROUNDS; round++) {
		uint64_t before;

		if (me == 0) {
			put(round, OVER_HELD, OVER_HELD);
			hd_word_set_any(&word, round, OVER_TARGET);
			atomic_store_explicit(&gave, 0, memory_order_relaxed);
		}
		pthread_barrier_wait(&line);
		if (hd_word_give_over_any(&word, &before))
			atomic_fetch_add_explicit(&gave, 1,
						  memory_order_relaxed);
		pthread_barrier_wait(&line);
		if (me == 0 && (gave != OVER_HELD - OVER_TARGET ||
				!is(round, OVER_TARGET, OVER_TARGET)))
			atomic_fetch_add_explicit(&bad_rounds, 1,
						  memory_order_relaxed);
	}
}

int main(void)
{
	static struct team team;

	tap_deadline(60);
	fields();

	put(0, TARGET_MAX, 0);
	is_u64(team_run(&team, 5, tap_seconds(0.8), take_and_give), 0,
	       "a permit that is given back was counted");
	ok(hd_word_count(hd_word_load_any(&word)) == 0, "none is left over");
	ok(highest <= TARGET_MAX, "%u at once, %u at most", highest,
	   TARGET_MAX);
	ok(takes > 1000 && refusals > 0 && changes > 0,
	   "%llu takes, %llu refusals, %llu changes", (unsigned long long)takes,
	   (unsigned long long)refusals, (unsigned long long)changes);

	takes = 0;
	put(0, 1, 0);
	team_run(&team, 4, tap_seconds(0.5), one_at_a_time);
	is_u64(plain, takes, "under a target of 1 nothing needs a lock");

	pthread_barrier_init(&line, NULL, OVER_HELD);
	team_run(&team, OVER_HELD, 0, give_what_is_over);
	pthread_barrier_destroy(&line);
	is_u64(bad_rounds, 0, "of %u over %u exactly %u give back, %u times",
	       OVER_HELD, OVER_TARGET, OVER_HELD - OVER_TARGET, OVER_ROUNDS);
	return tap_done();
}
