/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stack of forks: order, what a thief sees, joins of what was taken, the wrap of
 * the generation, tags; then fib by a team in which each owner's forks are taken by the
 * others, plainly and by force, and owners that wait take descendants.
 *
 * clause: Q1
 */
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lockfree/forks.h"
#include "platform/membarrier.h"
#include "tests/tap/tap.h"
#include "tests/unit/lockfree-team.h"

#define SLOTS   64u
#define WORKERS 3u
#define FIB     21u
#define ROUNDS  64u /* of looks, before a barrier */

static struct hd_forks *forks[WORKERS];
static _Atomic uint64_t taken, forced, descended;

/* ---- alone ---- */

static enum hd_forks_seen force(struct hd_forks *of, uint32_t tag,
				struct hd_forks_loot *loot)
{
	uint64_t note = hd_forks_ask_any(of);

	if (hd_membarrier())
		bail("membarrier");
	return hd_forks_force_any(of, tag, note, loot);
}

static void push(struct hd_forks *of, struct hd_forks_slot *slot,
		 uintptr_t what)
{
	hd_forks_set_owner(slot, 0, what * 7);
	hd_forks_push_owner(of, slot, what);
}

static void alone_at(uint32_t generation)
{
	struct hd_forks_loot loot;
	struct hd_forks *of;
	uint32_t i, wrong = 0, round;

	ok(hd_forks_new_at(&of, 8, generation) == 0, "a stack at %u",
	   generation);
	ok(hd_forks_look_any(of, 0, &loot) == HD_FORKS_NONE &&
		   force(of, 0, &loot) == HD_FORKS_NONE,
	   "is empty");
	for (round = 0; round < 20; round++) {
		for (i = 0; i < 8; i++)
			push(of, of->slot + i, i + 1);
		wrong += of->slot + 8 != of->end;
		wrong += force(of, 1, &loot) != HD_FORKS_NONE; /* a tag */
		wrong += force(of, 0, &loot) != HD_FORKS_THERE;
		wrong += loot.what != 1 || loot.arg[0] != 7;
		wrong += !hd_forks_take_any(of, &loot);
		wrong += hd_forks_take_any(of, &loot);
		/* One barrier has opened it. */
		wrong += hd_forks_look_any(of, 0, &loot) != HD_FORKS_THERE;
		for (i = 8; i-- > 2;)
			wrong += !hd_forks_pop_owner(of, of->slot + i);
		/* The last one, by the owner or by the thief, who looked before. */
		if (round % 2)
			wrong += !hd_forks_pop_owner(of, of->slot + 1) ||
				 hd_forks_take_any(of, &loot);
		else if (hd_forks_look_any(of, 0, &loot) == HD_FORKS_THERE &&
			 hd_forks_take_any(of, &loot)) {
			wrong += hd_forks_pop_owner(of, of->slot + 1);
			hd_forks_reset_owner(of, of->slot + 1);
		} else {
			wrong += !hd_forks_pop_owner(of, of->slot + 1);
		}
		wrong += hd_forks_pop_owner(of, of->slot);
		wrong += hd_forks_state_owner(of->slot) != 0;
		hd_forks_begin_thief(of->slot, 4);
		wrong += hd_forks_wait_owner(of->slot) >>
				 HD_FORKS_RUNNER_SHIFT !=
			 5;
		wrong += !hd_forks_finish_thief(of->slot);
		wrong += !(hd_forks_state_owner(of->slot) & HD_FORKS_DONE);
		hd_forks_reset_owner(of, of->slot);
		wrong += hd_forks_any_owner(of, of->slot);
	}
	hd_forks_retag_owner(of, 9);
	push(of, of->slot, 3);
	wrong += hd_forks_look_any(of, 9, &loot) != HD_FORKS_PRIVATE;
	hd_forks_open_owner(of);
	wrong += hd_forks_look_any(of, 9, &loot) != HD_FORKS_THERE;
	wrong += hd_forks_tag_owner(of) != 9;
	ok(wrong == 0, "each fork once, oldest first, with its arguments (%u)",
	   wrong);
	hd_forks_free(of);
}

static void arguments(void)
{
	struct hd_forks *of;

	ok(hd_forks_new(&of, 0) == -EINVAL &&
		   hd_forks_new(&of, HD_FORKS_SLOTS_MAX + 1) == -EINVAL,
	   "no slots, too many");
}

/* ---- a team ---- */

static uint64_t fib(uint32_t me, struct hd_forks_slot *slot, uint64_t n);

static void run_loot(uint32_t me, struct hd_forks_slot *slot,
		     const struct hd_forks_loot *loot)
{
	hd_forks_begin_thief(loot->slot, me);
	loot->slot->result = fib(me, slot, loot->arg[0]);
	hd_forks_finish_thief(loot->slot); /* nobody sleeps here */
}

/* Takes from it by any means; with of, while that fork is not over. */
static bool take_from(struct hd_forks *victim, bool by_force,
		      struct hd_forks_slot *of, struct hd_forks_loot *loot)
{
	enum hd_forks_seen seen = by_force ? force(victim, 0, loot)
					   : hd_forks_look_any(victim, 0, loot);

	if (seen == HD_FORKS_PRIVATE)
		hd_forks_ask_any(victim);
	if (seen != HD_FORKS_THERE ||
	    (of && hd_forks_state_owner(of) & HD_FORKS_DONE) ||
	    !hd_forks_take_any(victim, loot))
		return false;
	atomic_fetch_add(by_force ? &forced : &taken, 1);
	return true;
}

static uint64_t wait_for(uint32_t me, struct hd_forks_slot *slot)
{
	struct hd_forks_loot loot;
	uint32_t state, i;

	for (i = 1; !((state = hd_forks_state_owner(slot)) & HD_FORKS_DONE);
	     i++) {
		uint32_t runner = state >> HD_FORKS_RUNNER_SHIFT;

		if (runner && take_from(forks[runner - 1], i % ROUNDS == 0,
					slot, &loot)) {
			atomic_fetch_add(&descended, 1);
			run_loot(me, slot + 1, &loot);
		} else {
			sched_yield();
		}
	}
	hd_forks_reset_owner(forks[me], slot);
	return slot->result;
}

static uint64_t fib(uint32_t me, struct hd_forks_slot *slot, uint64_t n)
{
	struct hd_forks *own = forks[me];
	uint64_t other;

	if (n < 2)
		return n;
	hd_forks_set_owner(slot, 0, n - 1);
	hd_forks_push_owner(own, slot, 1);
	other = fib(me, slot + 1, n - 2);
	if (hd_forks_pop_owner(own, slot))
		return other + fib(me, slot + 1, hd_forks_arg_owner(slot, 0));
	return other + wait_for(me, slot);
}

/* A busy machine may leave the thieves no time for long. */
static bool goes_on(struct team *team)
{
	return !team_time_is_over(team) ||
	       atomic_load(&taken) + atomic_load(&forced) == 0;
}

static void member(struct team *team, uint32_t me)
{
	struct hd_forks_loot loot;
	uint32_t i = me;

	while (goes_on(team)) {
		if (me == 0) {
			if (fib(0, forks[0]->slot, FIB) != 10946)
				team_error(team);
			continue;
		}
		i++;
		if (take_from(forks[i % WORKERS], i / WORKERS % ROUNDS == 0,
			      NULL, &loot))
			run_loot(me, forks[me]->slot, &loot);
		else
			sched_yield();
	}
}

static void together(void)
{
	static struct team team;
	uint32_t i;

	for (i = 0; i < WORKERS; i++)
		if (hd_forks_new_at(&forks[i], SLOTS, UINT32_MAX - 50))
			bail("no memory");
	is_u64(team_run(&team, WORKERS, tap_seconds(0.4), member), 0,
	       "fib of a team is right");
	ok(atomic_load(&taken) + atomic_load(&forced) > 0,
	   "forks were taken: %llu plainly, %llu by force, %llu descendants",
	   (unsigned long long)atomic_load(&taken),
	   (unsigned long long)atomic_load(&forced),
	   (unsigned long long)atomic_load(&descended));
	for (i = 0; i < WORKERS; i++)
		hd_forks_free(forks[i]);
}

int main(void)
{
	tap_deadline(60);
	if (!hd_membarrier_available())
		plan_skip_all("no membarrier here");
	arguments();
	alone_at(0);
	alone_at(UINT32_MAX - 20);
	together();
	return tap_done();
}
