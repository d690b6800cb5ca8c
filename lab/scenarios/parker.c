/* SPDX-License-Identifier: BSD-2-Clause */
/* One word to sleep on: no wake is lost, each token is taken once. */
#include "lab/scenario.h"
#include "lockfree/parker.h"
#include "platform/clock.h"

static struct hd_parker parker;
static int payload;
static unsigned int taken; /* ghost: the sum of the tokens */

LAB_GHOST static void reset(void)
{
	taken = 0;
}

LAB_GHOST static void take(uint32_t token)
{
	taken += token;
}

static void waker(void)
{
	payload = 7;
	hd_parker_unpark_any(&parker, 5);
}

static void sleeper(void)
{
	uint32_t token = hd_parker_park_owner(&parker);

	LAB_ASSERT(payload == 7);
	take(token);
}

LAB_GHOST static const char *one_token(void)
{
	return taken == 5 ? NULL : "lost wake-up: the token was not taken";
}

LAB_SCENARIO(park, .name = "parker",
	     .claim = "a token before, during or after the way to sleep wakes",
	     .reset = reset, .thread = { waker, sleeper }, .at_rest = one_token,
	     .bound_plus_1 = LAB_ANY);
LAB_SCENARIO(spurious, .name = "parker-spurious",
	     .claim = "and the futex may return for no reason", .reset = reset,
	     .thread = { waker, sleeper }, .at_rest = one_token,
	     .spurious = true, .bound_plus_1 = LAB_ANY);

/* The owner looks first, and sleeps only if there is nothing. */
static void looker(void)
{
	uint32_t token = hd_parker_try_owner(&parker);

	if (!token)
		token = hd_parker_park_owner(&parker);
	LAB_ASSERT(payload == 7);
	take(token);
}

LAB_SCENARIO(try_first, .name = "parker-try",
	     .claim = "a look before the sleep takes the token or leaves it",
	     .reset = reset, .thread = { waker, looker }, .at_rest = one_token,
	     .bound_plus_1 = LAB_ANY);

/* The time passes while the token comes: it is taken now, or by the next sleep. */
static void timed_sleeper(void)
{
	uint32_t token;

	/* In the laboratory it passes by the asking. */
	LAB_ASSERT(hd_now_ns() > 1);
	token = hd_parker_park_until_owner(&parker, 1);
	if (!token)
		token = hd_parker_park_owner(&parker);
	LAB_ASSERT(payload == 7);
	take(token);
}

LAB_SCENARIO(timed, .name = "parker-timed",
	     .claim = "a sleep with a deadline loses no token", .reset = reset,
	     .thread = { waker, timed_sleeper }, .at_rest = one_token,
	     .bound_plus_1 = LAB_ANY);
LAB_SCENARIO(timed_spurious, .name = "parker-timed-spurious",
	     .claim = "and the futex may return for no reason", .reset = reset,
	     .thread = { waker, timed_sleeper }, .at_rest = one_token,
	     .spurious = true, .bound_plus_1 = LAB_ANY);

/*
 * Two wakers in turn: the second hands over only when the first token has been
 * taken, as who clears a bit in the idle set does.
 */
static _Atomic uint32_t idle;

static void second_waker(void)
{
	uint32_t one = 1;

	if (atomic_compare_exchange_strong_explicit(
		    &idle, &one, 0, memory_order_seq_cst, memory_order_seq_cst))
		hd_parker_unpark_any(&parker, 6);
}

static void sleeper_twice(void)
{
	uint32_t zero = 0;

	take(hd_parker_park_owner(&parker));
	atomic_store_explicit(&idle, 1, memory_order_seq_cst);
	/* If nobody claims it, it goes by itself. */
	zero = 1;
	if (atomic_compare_exchange_strong_explicit(&idle, &zero, 0,
						    memory_order_seq_cst,
						    memory_order_seq_cst))
		return;
	take(hd_parker_park_owner(&parker));
}

LAB_GHOST static const char *both_or_one(void)
{
	return taken == 5 || taken == 11
		       ? NULL
		       : "lost wake-up: a token was not taken";
}

LAB_SCENARIO(twice, .name = "parker-twice",
	     .claim = "a second token comes only after the first was taken",
	     .reset = reset, .thread = { waker, second_waker, sleeper_twice },
	     .at_rest = both_or_one);
