/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Litmus tests of the memory model: does the laboratory show what C11 allows,
 * and only that? Each scenario fails when the outcome in its claim is seen; the
 * allowed ones must.
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

/* All executions are looked at, so that their number can be compared. */
#define LITMUS(id, title, must, outcome, condition, ...) \
 LAB_GHOST static const char *rest_##id(void) \
 { \
  return (condition) ? "seen: " outcome : NULL; \
 } \
 LAB_SCENARIO(id, .name = "litmus-" title, .claim = "not seen: " outcome, \
	      .reset = reset, .thread = { __VA_ARGS__ }, .at_rest = rest_##id, \
	      .bound_plus_1 = LAB_ANY, .fails = must);

#define FORBIDDEN NULL
#define ALLOWED   "seen"
#define RACE      "race"

/* -- store buffering -- */

#define SB(id, title, must, order, fence) \
 THREAD(id##_a, STORE(x, 1, order); fence; LOAD(0, y, order)) \
 THREAD(id##_b, STORE(y, 1, order); fence; LOAD(1, x, order)) \
 LITMUS(id, title, must, "both loads give 0", seen[0] == 0 && seen[1] == 0, \
	id##_a, id##_b)

SB(sb, "sb", ALLOWED, RLX, (void)0)
SB(sb_acq_rel_fences, "sb-acq-rel-fences", ALLOWED, RLX,
   FENCE(memory_order_acq_rel))
SB(sb_sc_fences, "sb-sc-fences", FORBIDDEN, RLX, FENCE(SC))
SB(sb_sc, "sb-sc", FORBIDDEN, SC, (void)0)

/* -- message passing -- */

#define MP(id, title, must, to, from, before, after) \
 THREAD(id##_a, STORE(x, 1, RLX); before; STORE(y, 1, to)) \
 THREAD(id##_b, LOAD(0, y, from); after; LOAD(1, x, RLX)) \
 LITMUS(id, title, must, "the flag without the message", \
	seen[0] == 1 && seen[1] == 0, id##_a, id##_b)

MP(mp, "mp", ALLOWED, RLX, RLX, (void)0, (void)0)
MP(mp_rel, "mp-rel", ALLOWED, REL, RLX, (void)0, (void)0)
MP(mp_acq, "mp-acq", ALLOWED, RLX, ACQ, (void)0, (void)0)
MP(mp_rel_acq, "mp-rel-acq", FORBIDDEN, REL, ACQ, (void)0, (void)0)
MP(mp_fences, "mp-fences", FORBIDDEN, RLX, RLX, FENCE(REL), FENCE(ACQ))
MP(mp_rel_fence, "mp-rel-fence", FORBIDDEN, RLX, ACQ, FENCE(REL), (void)0)

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

LITMUS(mp_plain, "mp-plain", FORBIDDEN, "the flag without the message",
       seen[0] == 0, plain_a, plain_b)
LITMUS(mp_plain_relaxed, "mp-plain-relaxed", RACE, "a race", seen[0] == 0,
       plain_a, plain_relaxed_b)
LITMUS(plain_fences, "plain-sc-fences", RACE, "a race", false, plain_fence_a,
       plain_fence_b)

/* -- coherence, causality, release sequences -- */

THREAD(corr_a, STORE(x, 1, RLX); STORE(x, 2, RLX))
THREAD(corr_b, LOAD(0, x, RLX); LOAD(1, x, RLX))
LITMUS(corr, "corr", FORBIDDEN, "a newer value, then an older one",
       seen[0] > seen[1], corr_a, corr_b)

#define WRC(id, title, must, to, from) \
 THREAD(id##_a, STORE(x, 1, RLX)) \
 THREAD(id##_b, int v = atomic_load_explicit(&x, RLX); put(0, v); \
	STORE(y, v, to)) \
 THREAD(id##_c, LOAD(1, y, from); LOAD(2, x, RLX)) \
 LITMUS(id, title, must, "the consequence without its cause", \
	seen[1] == 1 && seen[2] == 0, id##_a, id##_b, id##_c)

WRC(wrc, "wrc", ALLOWED, RLX, RLX)
WRC(wrc_rel_acq, "wrc-rel-acq", FORBIDDEN, REL, ACQ)

/* The middle thread adds to the flag: by an RMW the sequence goes on. */
THREAD(sequence_a, STORE(x, 1, RLX); STORE(y, 1, REL))
THREAD(sequence_b, atomic_fetch_add_explicit(&y, 1, RLX))
THREAD(sequence_store_b,
       if (atomic_load_explicit(&y, RLX) == 1) STORE(y, 2, RLX))
THREAD(sequence_c, LOAD(0, y, ACQ); LOAD(1, x, RLX))
LITMUS(sequence, "release-sequence", FORBIDDEN, "the flag without the message",
       seen[0] == 2 && seen[1] == 0, sequence_a, sequence_b, sequence_c)
LITMUS(sequence_store, "release-sequence-store", ALLOWED,
       "the flag without the message", seen[0] == 2 && seen[1] == 0, sequence_a,
       sequence_store_b, sequence_c)

/* -- order of independent writes -- */

#define IRIW(id, title, must, to, from, fence) \
 THREAD(id##_a, STORE(x, 1, to)) \
 THREAD(id##_b, STORE(y, 1, to)) \
 THREAD(id##_c, LOAD(0, x, from); fence; LOAD(1, y, from)) \
 THREAD(id##_d, LOAD(2, y, from); fence; LOAD(3, x, from)) \
 LITMUS(id, title, must, "two readers see two orders", \
	seen[0] == 1 && seen[1] == 0 && seen[2] == 1 && seen[3] == 0, id##_a, \
	id##_b, id##_c, id##_d)

IRIW(iriw_rel_acq, "iriw-rel-acq", ALLOWED, REL, ACQ, (void)0)
IRIW(iriw_sc, "iriw-sc", FORBIDDEN, SC, SC, (void)0)
IRIW(iriw_sc_fences, "iriw-sc-fences", FORBIDDEN, RLX, RLX, FENCE(SC))

/* -- mixtures of fences and accesses -- */

/* y is written twice; who wrote last has not seen x. */
THREAD(r_a, STORE(x, 1, RLX); FENCE(SC); STORE(y, 1, RLX))
THREAD(r_b, STORE(y, 2, RLX); FENCE(SC); LOAD(0, x, RLX))
/* Real memory has the last value. */
LITMUS(r_sc_fences, "r-sc-fences", FORBIDDEN, "y ends as 2 and x was not seen",
       atomic_load_explicit(&y, RLX) == 2 && seen[0] == 0, r_a, r_b)

/* One side by a fence, the other by accesses: also forbidden. */
THREAD(half_a, STORE(x, 1, SC); LOAD(0, y, SC))
THREAD(half_b, STORE(y, 1, RLX); FENCE(SC); LOAD(1, x, RLX))
LITMUS(sb_half, "sb-sc-and-fence", FORBIDDEN, "both loads give 0",
       seen[0] == 0 && seen[1] == 0, half_a, half_b)

/*
 * But a sequentially consistent store is no fence: y ends as 2, so that store
 * came later, and still x may be missed.
 */
THREAD(weak_a, STORE(x, 1, RLX); STORE(y, 1, SC))
THREAD(weak_b, STORE(y, 2, SC); LOAD(0, x, RLX))
LITMUS(sc_store_weak, "r-sc-stores", ALLOWED, "y ends as 2 and x was not seen",
       atomic_load_explicit(&y, RLX) == 2 && seen[0] == 0, weak_a, weak_b)

/*
 * What the laboratory cannot show, though C11 allows it: a load never takes its
 * value from a later store, and a store never goes before one that ran earlier.
 * doc/lab.md says what code may therefore not rely on.
 */
THREAD(lb_a, LOAD(0, x, RLX); STORE(y, 1, RLX))
THREAD(lb_b, LOAD(1, y, RLX); STORE(x, 1, RLX))
LITMUS(lb, "lb-missed", FORBIDDEN, "both loads give 1 (allowed by C11)",
       seen[0] == 1 && seen[1] == 1, lb_a, lb_b)

THREAD(two_a, STORE(x, 1, RLX); STORE(y, 2, RLX))
THREAD(two_b, STORE(y, 1, RLX); STORE(x, 2, RLX))
LITMUS(two_w, "2+2w-missed", FORBIDDEN,
       "both first stores are last (allowed by C11)",
       atomic_load_explicit(&x, RLX) == 1 && atomic_load_explicit(&y, RLX) == 1,
       two_a, two_b)
