/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Litmus tests of the memory model: does the laboratory show what C11 allows,
 * and only that? Each scenario fails when the outcome in its claim is seen;
 * tests/model/litmus.t knows which ones must fail and which must be complete
 * without.
 */
#include <stdatomic.h>
#include <stddef.h>

#include "lab/scenario.h"

static _Atomic int x, y;
static int data;
static int seen[6]; /* ghost: what the loads gave, -1 where none was made */

LAB_GHOST static void reset(void)
{
	for (int i = 0; i < 6; i++)
		seen[i] = -1;
}

LAB_GHOST static void put(int i, int value)
{
	seen[i] = value;
}

#define RLX memory_order_relaxed
#define ACQ memory_order_acquire
#define REL memory_order_release
#define SC  memory_order_seq_cst

#define STORE(var, value, order) atomic_store_explicit(&(var), value, order)
#define LOAD(i, var, order)      put(i, atomic_load_explicit(&(var), order))
#define FENCE(order)             atomic_thread_fence(order)

#define THREAD(name, ...) \
 static void name(void) \
 { \
  __VA_ARGS__; \
 }

#define LITMUS(id, title, outcome, condition, ...) \
 LAB_GHOST static const char *rest_##id(void) \
 { \
  return (condition) ? "seen: " outcome : NULL; \
 } \
 static const struct lab_scenario id = { \
	 .name = title, \
	 .claim = outcome, \
	 .setup = reset, \
	 .thread = { __VA_ARGS__ }, \
	 .at_rest = rest_##id, \
 };

/* -- store buffering -- */

#define SB(id, title, order, fence) \
 THREAD(id##_a, STORE(x, 1, order); fence; LOAD(0, y, order)) \
 THREAD(id##_b, STORE(y, 1, order); fence; LOAD(1, x, order)) \
 LITMUS(id, title, "both loads give 0", seen[0] == 0 && seen[1] == 0, id##_a, \
	id##_b)

SB(sb, "sb", RLX, (void)0)
SB(sb_acq_rel_fences, "sb-acq-rel-fences", RLX, FENCE(memory_order_acq_rel))
SB(sb_sc_fences, "sb-sc-fences", RLX, FENCE(SC))
SB(sb_sc, "sb-sc", SC, (void)0)

/* -- message passing -- */

#define MP(id, title, to, from, before, after) \
 THREAD(id##_a, STORE(x, 1, RLX); before; STORE(y, 1, to)) \
 THREAD(id##_b, LOAD(0, y, from); after; LOAD(1, x, RLX)) \
 LITMUS(id, title, "the flag without the message", \
	seen[0] == 1 && seen[1] == 0, id##_a, id##_b)

MP(mp, "mp", RLX, RLX, (void)0, (void)0)
MP(mp_rel, "mp-rel", REL, RLX, (void)0, (void)0)
MP(mp_acq, "mp-acq", RLX, ACQ, (void)0, (void)0)
MP(mp_rel_acq, "mp-rel-acq", REL, ACQ, (void)0, (void)0)
MP(mp_fences, "mp-fences", RLX, RLX, FENCE(REL), FENCE(ACQ))
MP(mp_rel_fence, "mp-rel-fence", RLX, ACQ, FENCE(REL), (void)0)

/* A plain message: the race is the failure, whatever the loads give. */
static void plain_a(void)
{
	data = 1;
	STORE(y, 1, REL);
}

static void plain_b(void)
{
	if (atomic_load_explicit(&y, ACQ))
		put(0, data);
}

static void plain_relaxed_b(void)
{
	if (atomic_load_explicit(&y, RLX))
		put(0, data);
}

/* A sequentially consistent fence alone makes nothing happen before. */
static void plain_fence_a(void)
{
	data = 1;
	FENCE(SC);
}

static void plain_fence_b(void)
{
	FENCE(SC);
	put(0, data);
}

LITMUS(mp_plain, "mp-plain", "the flag without the message", seen[0] == 0,
       plain_a, plain_b)
LITMUS(mp_plain_relaxed, "mp-plain-relaxed", "a race", seen[0] == 0, plain_a,
       plain_relaxed_b)
LITMUS(plain_fences, "plain-sc-fences", "a race", false, plain_fence_a,
       plain_fence_b)

/* -- coherence, causality, release sequences -- */

THREAD(corr_a, STORE(x, 1, RLX); STORE(x, 2, RLX))
THREAD(corr_b, LOAD(0, x, RLX); LOAD(1, x, RLX))
LITMUS(corr, "corr", "a newer value, then an older one", seen[0] > seen[1],
       corr_a, corr_b)

#define WRC(id, title, to, from) \
 THREAD(id##_a, STORE(x, 1, RLX)) \
 THREAD(id##_b, int v = atomic_load_explicit(&x, RLX); put(0, v); \
	STORE(y, v, to)) \
 THREAD(id##_c, LOAD(1, y, from); LOAD(2, x, RLX)) \
 LITMUS(id, title, "the consequence without its cause", \
	seen[1] == 1 && seen[2] == 0, id##_a, id##_b, id##_c)

WRC(wrc, "wrc", RLX, RLX)
WRC(wrc_rel_acq, "wrc-rel-acq", REL, ACQ)

/* The middle thread adds to the flag: by an RMW the sequence goes on. */
THREAD(sequence_a, STORE(x, 1, RLX); STORE(y, 1, REL))
THREAD(sequence_b, atomic_fetch_add_explicit(&y, 1, RLX))
THREAD(sequence_store_b,
       if (atomic_load_explicit(&y, RLX) == 1) STORE(y, 2, RLX))
THREAD(sequence_c, LOAD(0, y, ACQ); LOAD(1, x, RLX))
LITMUS(sequence, "release-sequence", "the flag without the message",
       seen[0] == 2 && seen[1] == 0, sequence_a, sequence_b, sequence_c)
LITMUS(sequence_store, "release-sequence-store", "the flag without the message",
       seen[0] == 2 && seen[1] == 0, sequence_a, sequence_store_b, sequence_c)

/* -- order of independent writes -- */

#define IRIW(id, title, to, from, fence) \
 THREAD(id##_a, STORE(x, 1, to)) \
 THREAD(id##_b, STORE(y, 1, to)) \
 THREAD(id##_c, LOAD(0, x, from); fence; LOAD(1, y, from)) \
 THREAD(id##_d, LOAD(2, y, from); fence; LOAD(3, x, from)) \
 LITMUS(id, title, "two readers see two orders", \
	seen[0] == 1 && seen[1] == 0 && seen[2] == 1 && seen[3] == 0, id##_a, \
	id##_b, id##_c, id##_d)

IRIW(iriw_rel_acq, "iriw-rel-acq", REL, ACQ, (void)0)
IRIW(iriw_sc, "iriw-sc", SC, SC, (void)0)
IRIW(iriw_sc_fences, "iriw-sc-fences", RLX, RLX, FENCE(SC))

/* -- mixtures of fences and accesses -- */

/* y is written twice; who wrote last has not seen x. */
THREAD(r_a, STORE(x, 1, RLX); FENCE(SC); STORE(y, 1, RLX))
THREAD(r_b, STORE(y, 2, RLX); FENCE(SC); LOAD(0, x, RLX))
LAB_GHOST static const char *rest_r(void)
{
	/* Real memory has the last value. */
	return atomic_load_explicit(&y, RLX) == 2 && seen[0] == 0 ? "seen: r"
								  : NULL;
}
static const struct lab_scenario r_sc_fences = {
	.name = "r-sc-fences",
	.claim = "y ends as 2 and x was not seen",
	.setup = reset,
	.thread = { r_a, r_b },
	.at_rest = rest_r,
};

/* One side by a fence, the other by accesses: also forbidden. */
THREAD(half_a, STORE(x, 1, SC); LOAD(0, y, SC))
THREAD(half_b, STORE(y, 1, RLX); FENCE(SC); LOAD(1, x, RLX))
LITMUS(sb_half, "sb-sc-and-fence", "both loads give 0",
       seen[0] == 0 && seen[1] == 0, half_a, half_b)

/*
 * But a sequentially consistent store is no fence: y ends as 2, so that store
 * came later, and still x may be missed.
 */
THREAD(weak_a, STORE(x, 1, RLX); STORE(y, 1, SC))
THREAD(weak_b, STORE(y, 2, SC); LOAD(0, x, RLX))
static const struct lab_scenario sc_store_weak = {
	.name = "r-sc-stores",
	.claim = "y ends as 2 and x was not seen",
	.setup = reset,
	.thread = { weak_a, weak_b },
	.at_rest = rest_r,
};

const struct lab_scenario *const lab_scenarios[] = {
	&sb,
	&sb_acq_rel_fences,
	&sb_sc_fences,
	&sb_sc,
	&mp,
	&mp_rel,
	&mp_acq,
	&mp_rel_acq,
	&mp_fences,
	&mp_rel_fence,
	&mp_plain,
	&mp_plain_relaxed,
	&plain_fences,
	&corr,
	&wrc,
	&wrc_rel_acq,
	&sequence,
	&sequence_store,
	&iriw_rel_acq,
	&iriw_sc,
	&iriw_sc_fences,
	&r_sc_fences,
	&sb_half,
	&sc_store_weak,
	NULL,
};
