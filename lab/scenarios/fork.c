/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stack of forks: an owner without fences that forks and joins, thieves that look,
 * ask, take by force, read what forbids starts, and run; owners that wait. Each
 * fork is run once, with its own arguments and what its owner wrote before.
 */
#include "lab/scenario.h"
#include "lab/scenarios/bag.h"
#include "lockfree/forks.h"
#include "platform/futex.h"
#include "platform/membarrier.h"

static struct hd_forks *forks;
static struct hd_forks_slot *next; /* the owner's */
static _Atomic int idle, gone, forbidden;
static int asleep, woken; /* ghost */

LAB_GHOST static void reset(void)
{
	bag_reset();
	asleep = woken = 0;
}

static void make_at(uint32_t slots, uint32_t generation)
{
	int rc = hd_forks_new_at(&forks, slots, generation);

	LAB_ASSERT(rc == 0);
	next = forks->slot;
}

static void setup(void)
{
	make_at(4, 0);
}

static void push(unsigned int value)
{
	LAB_ASSERT(next != forks->end);
	bag_fill(value);
	hd_forks_set_owner(next, 0, value + 100);
	hd_forks_set_owner(next, 1, value + 200);
	hd_forks_push_owner(forks, next++, value);
}

/* The newest fork, called in place, or gone. */
static bool pop_or_gone(void)
{
	uint64_t arg;

	next--;
	arg = hd_forks_arg_owner(next, 0);
	if (!hd_forks_pop_owner(forks, next))
		return false;
	LAB_ASSERT(hd_forks_arg_owner(next, 1) == arg + 100);
	bag_got((unsigned int)arg - 100);
	return true;
}

/* What is gone is over at once. */
static void pop(void)
{
	if (!pop_or_gone())
		hd_forks_reset_owner(forks, next);
}

static void pop_all(void)
{
	while (next > forks->slot)
		pop();
}

static void got(const struct hd_forks_loot *loot)
{
	LAB_ASSERT(loot->arg[0] == loot->what + 100);
	LAB_ASSERT(loot->arg[1] == loot->what + 200);
	bag_got((unsigned int)loot->what);
}

static bool steal(void)
{
	struct hd_forks_loot loot;

	if (hd_forks_look_any(forks, 0, &loot) != HD_FORKS_THERE ||
	    !hd_forks_take_any(forks, &loot))
		return false;
	got(&loot);
	return true;
}

static enum hd_forks_seen try_force(uint32_t tag, struct hd_forks_loot *loot)
{
	uint64_t note = hd_forks_ask_any(forks);
	enum hd_forks_seen seen;

	LAB_ASSERT(hd_membarrier() == 0);
	seen = hd_forks_force_any(forks, tag, note, loot);
	if (seen == HD_FORKS_THERE && !hd_forks_take_any(forks, loot))
		seen = HD_FORKS_RETRY;
	return seen;
}

static void force(void)
{
	struct hd_forks_loot loot;

	if (try_force(0, &loot) == HD_FORKS_THERE)
		got(&loot);
}

/* What is left is taken by the verdict, which runs alone. */
static const char *all_out(uint32_t all)
{
	while (next > forks->slot) {
		next--;
		if (hd_forks_pop_owner(forks, next))
			bag_note_got((unsigned int)hd_forks_arg_owner(next, 0) -
				     100);
		else
			hd_forks_reset_owner(forks, next);
	}
	return bag_left(all) ? "lost: a fork" : NULL;
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

#define FORK(id, title, about, threads, verdict, ...) \
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
	pop_all();
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

FORK(last, "fork-last", "owner and a thief by force want the last fork",
     THREADS(push_pop, force_once), one_out, .bound_plus_1 = LAB_ANY);
FORK(two, "fork-two", "each fork is run once",
     THREADS(push_two_pop_two, force_twice), two_out, BOUND(3));
FORK(reuse, "fork-reuse", "a slot that is used again gives no fork twice",
     THREADS(push_pop_twice, force_twice), two_out, BOUND(3));
FORK(opened, "fork-opened", "what one barrier has opened is taken plainly",
     THREADS(push_two_pop_two, force_then_steal), two_out, BOUND(3));
FORK(thieves, "fork-thieves", "with two thieves by force",
     THREADS(push_two_pop_two, force_once, force_once), two_out, BOUND(2));

/* -- what is public -- */

static void setup_public(void)
{
	make_at(4, 0);
	push(1);
	push(2);
	hd_forks_ask_any(forks);
	push(3); /* 1 and 2 are public */
	forks->asked = false;
}

static void steal_two(void)
{
	steal();
	steal();
}

static void steal_one(void)
{
	steal();
}

/* The word is the old one but for its generation, the oldest fork is not. */
static void refill(void)
{
	pop_all();
	push(4);
	push(5);
	hd_forks_ask_any(forks);
	push(6);
}

static const char *six_out(void)
{
	return all_out(0x7e);
}

LAB_SCENARIO(public, .name = "fork-public",
	     .claim = "the owner takes public forks back from a thief",
	     .setup = setup_public, .reset = reset,
	     .thread = { pop_all, steal_two }, .at_rest = three_out, BOUND(3));
LAB_SCENARIO(public_two, .name = "fork-public-thieves", .claim = "and from two",
	     .setup = setup_public, .reset = reset,
	     .thread = { pop_all, steal_two, steal_one }, .at_rest = three_out,
	     BOUND(2));
LAB_SCENARIO(same, .name = "fork-public-same",
	     .claim = "a thief that slept through a refill gets no old fork",
	     .setup = setup_public, .reset = reset,
	     .thread = { refill, steal_two }, .at_rest = six_out, BOUND(3));

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
	struct hd_forks_loot loot;
	enum hd_forks_seen seen;

	if (!atomic_load_explicit(&gone, memory_order_relaxed))
		return;
	/* One barrier; then nobody is in our way. */
	seen = try_force(0, &loot);
	LAB_ASSERT(seen == HD_FORKS_THERE && loot.what == 1);
	got(&loot);
	LAB_ASSERT(steal());
	LAB_ASSERT(steal());
}

static void push_open(void)
{
	push(1);
	push(2);
	hd_forks_open_owner(forks);
}

FORK(busy, "fork-busy", "all that a busy owner has is taken",
     THREADS(push_and_compute, take_all), three_out, BOUND(3));
FORK(open, "fork-open", "an owner that opens its stack needs no barrier",
     THREADS(push_open, steal_two), two_out, .bound_plus_1 = LAB_ANY);

/* -- tags -- */

static void retag(void)
{
	pop();
	hd_forks_retag_owner(forks, 8);
	push(2);
	pop();
}

static void setup_tagged(void)
{
	make_at(4, UINT32_MAX); /* the generation may wrap around as well */
	hd_forks_retag_owner(forks, 7);
	push(1);
}

static void force_tag(uint32_t tag, uintptr_t what)
{
	struct hd_forks_loot loot;

	if (try_force(tag, &loot) != HD_FORKS_THERE)
		return;
	LAB_ASSERT(loot.what == what);
	got(&loot);
}

static void force_old(void)
{
	force_tag(7, 1);
}

static void force_new(void)
{
	force_tag(8, 2);
}

static const char *tagged_out(void)
{
	return all_out(hd_forks_tag_owner(forks) == 8 ? 0x6 : 0x2);
}

LAB_SCENARIO(tag_old, .name = "fork-tag-old",
	     .claim = "a thief takes a fork only of the tag that it wants",
	     .setup = setup_tagged, .reset = reset,
	     .thread = { retag, force_old }, .at_rest = tagged_out, BOUND(3));
LAB_SCENARIO(tag_new, .name = "fork-tag-new", .claim = "nor an older one",
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

/* What a caller of push and pop does; see forks-3. */
static void look_who_sleeps(void)
{
	if (!forks->asked)
		return;
	forks->asked = false;
	if (!atomic_load_explicit(&idle, memory_order_seq_cst))
		return;
	if (hd_forks_any_owner(forks, next))
		note_woken();
	else
		hd_forks_ask_owner(forks);
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
	struct hd_forks_loot loot;
	enum hd_forks_seen seen;

	atomic_fetch_add_explicit(&idle, 1, memory_order_seq_cst);
	do
		seen = try_force(0, &loot);
	while (seen == HD_FORKS_RETRY);
	if (seen == HD_FORKS_THERE)
		got(&loot);
	else
		note_asleep();
}

static const char *none_missed(void)
{
	if (asleep && !woken && hd_forks_any_owner(forks, next))
		return "missed: a fork, and who sleeps for want of it";
	return NULL;
}

FORK(sleep, "fork-sleep", "a fork is seen by who goes to sleep",
     THREADS(push_for_sleeper, sleeper), none_missed, .bound_plus_1 = LAB_ANY);
FORK(sleep_pop, "fork-sleep-pop", "and a fork behind a join",
     THREADS(pop_and_push_for_sleeper, sleeper), none_missed, BOUND(3));

static void setup_one_public(void)
{
	make_at(4, 0);
	hd_forks_ask_any(forks);
	push(1);
	forks->asked = false;
}

static void pop_public_and_push(void)
{
	pop();
	look_who_sleeps();
	push(2);
	look_who_sleeps();
}

LAB_SCENARIO(sleep_public, .name = "fork-sleep-public",
	     .claim = "a question during a slow join is not lost",
	     .setup = setup_one_public, .reset = reset,
	     .thread = { pop_public_and_push, sleeper }, .at_rest = none_missed,
	     BOUND(3));
FORK(sleep_two, "fork-sleep-two", "of two sleepers",
     THREADS(pop_and_push_for_sleeper, sleeper, sleeper), none_missed,
     BOUND(2));

/* -- starts that are forbidden -- */

/* A cap is lowered to 0; what is forked afterwards must not start elsewhere. */
static void forbid_and_fork(void)
{
	push(1);
	pop();
	atomic_store_explicit(&forbidden, 1, memory_order_seq_cst);
	push(2);
	pop();
}

static void force_if_allowed(void)
{
	struct hd_forks_loot loot;
	uint64_t note = hd_forks_ask_any(forks);

	LAB_ASSERT(hd_membarrier() == 0);
	if (hd_forks_force_any(forks, 0, note, &loot) != HD_FORKS_THERE)
		return;
	if (atomic_load_explicit(&forbidden, memory_order_seq_cst))
		return;
	if (!hd_forks_take_any(forks, &loot))
		return;
	LAB_ASSERT(loot.what == 1);
	got(&loot);
}

FORK(forbid, "fork-forbid",
     "what is forked behind a lowered cap is not taken by who has not seen it",
     THREADS(forbid_and_fork, force_if_allowed), two_out, BOUND(3));

/* -- joins of what was taken -- */

static void run_loot(const struct hd_forks_loot *loot, uint32_t who)
{
	hd_forks_begin_thief(loot->slot, who);
	got(loot);
	loot->slot->result = loot->what * 3;
	if (hd_forks_finish_thief(loot->slot))
		hd_futex_wake(&loot->slot->state, 1);
}

static void fork_and_join(unsigned int value)
{
	uint32_t state;

	push(value);
	if (pop_or_gone())
		return;
	for (state = hd_forks_state_owner(next); !(state & HD_FORKS_DONE);
	     state = hd_forks_state_owner(next)) {
		state = hd_forks_wait_owner(next);
		if (!(state & HD_FORKS_DONE))
			hd_futex_wait(&next->state, state, UINT64_MAX);
	}
	LAB_ASSERT(next->result == value * 3);
	hd_forks_reset_owner(forks, next);
}

static void join_two(void)
{
	fork_and_join(1);
	fork_and_join(2);
}

static void take_and_run(void)
{
	struct hd_forks_loot loot;

	if (try_force(0, &loot) == HD_FORKS_THERE)
		run_loot(&loot, 1);
}

FORK(join, "fork-join", "an owner that waits is told, and has the result",
     THREADS(join_two, take_and_run), two_out, BOUND(3));
FORK(join_thieves, "fork-join-thieves", "with two thieves",
     THREADS(join_two, take_and_run, take_and_run), two_out, BOUND(2));

/* Above a fork that was taken and is not over, as an owner does that helps. */
static void fork_above(void)
{
	push(1);
	if (pop_or_gone())
		return;
	next++;
	push(2);
	pop();
	next--;
	hd_forks_reset_owner(forks, next);
}

static const char *above_out(void)
{
	return bag_left(0x2) ? "lost: a fork" : NULL;
}

FORK(above, "fork-above", "forks above one that was taken are run once",
     THREADS(fork_above, force_then_steal), above_out, BOUND(3));

/* -- descendants -- */

/* Fork 1 was taken by another thread, and this is its stack, for all thieves open. */
static struct hd_forks_slot taken;

static void setup_taken(void)
{
	make_at(4, 0);
	hd_forks_begin_thief(&taken, 0);
	hd_forks_open_owner(forks);
}

/* Fork 2 descends from the one that was taken, 3 does not. */
static void runs_and_goes_on(void)
{
	push(2);
	pop();
	hd_forks_open_owner(forks);
	hd_forks_finish_thief(&taken);
	push(3);
	hd_forks_open_owner(forks);
}

static void take_descendant(void)
{
	struct hd_forks_loot loot;

	if (hd_forks_look_any(forks, 0, &loot) != HD_FORKS_THERE ||
	    hd_forks_state_owner(&taken) & HD_FORKS_DONE ||
	    !hd_forks_take_any(forks, &loot))
		return;
	LAB_ASSERT(loot.what == 2);
	got(&loot);
}

LAB_SCENARIO(descend, .name = "fork-descend",
	     .claim = "who waits for a fork takes only what descends from it",
	     .setup = setup_taken, .reset = reset,
	     .thread = { runs_and_goes_on, take_descendant }, .at_rest = NULL,
	     BOUND(3));
