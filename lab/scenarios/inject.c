/* SPDX-License-Identifier: BSD-2-Clause */
/* Injection lists: pushed to by all, taken whole; the bound is exact. */
#include "lab/scenario.h"
#include "lab/scenarios/bag.h"
#include "lockfree/inject.h"
#include "lockfree/nodes.h"

static struct hd_nodes nodes;
static struct hd_inject list;

static void setup(void)
{
	int rc = hd_nodes_init(&nodes, 8, 1);

	LAB_ASSERT(rc == 0);
	for (uint32_t i = 1; i <= 4; i++)
		LAB_ASSERT(hd_node_alloc_any(&nodes, 0) == i);
}

static bool push(uint32_t index, uint32_t bound)
{
	bag_fill(index);
	return hd_inject_push_any(&list, &nodes, index, bound);
}

static unsigned int take(void)
{
	uint32_t length, n = 0;
	uint32_t index = hd_inject_take_any(&list, &length);

	for (; index; n++) {
		uint32_t next = atomic_load_explicit(
			&hd_node_at(&nodes, index)->next, memory_order_relaxed);

		bag_got(index);
		index = next;
	}
	LAB_ASSERT(n == length);
	return n;
}

static void push_1(void)
{
	LAB_ASSERT(push(1, 8));
}

static void push_2(void)
{
	LAB_ASSERT(push(2, 8));
}

static void push_1_2(void)
{
	push_1();
	push_2();
}

static void push_3(void)
{
	LAB_ASSERT(push(3, 8));
}

static void take_once(void)
{
	take();
}

static void take_twice(void)
{
	take();
	take();
}

static const char *rest(uint32_t all)
{
	take();
	return bag_left(all) ? "lost: a node" : NULL;
}

static const char *rest_2(void)
{
	return rest(0x6);
}

static const char *rest_3(void)
{
	return rest(0xe);
}

LAB_SCENARIO(one, .name = "inject", .claim = "one pushes, one takes: all of it",
	     .setup = setup, .reset = bag_reset,
	     .thread = { push_1_2, take_twice }, .at_rest = rest_2);
LAB_SCENARIO(two, .name = "inject-pushers",
	     .claim = "two push, one takes: nothing is lost", .setup = setup,
	     .reset = bag_reset, .thread = { push_1, push_2, take_once },
	     .at_rest = rest_2);
LAB_SCENARIO(takers, .name = "inject-takers",
	     .claim = "two take: nobody gets what the other has",
	     .setup = setup, .reset = bag_reset,
	     .thread = { push_1_2, take_once, take_once }, .at_rest = rest_2);
LAB_SCENARIO(four, .name = "inject-crowd", .claim = "two push and two take",
	     .setup = setup, .reset = bag_reset,
	     .thread = { push_1_2, push_3, take_once, take_once },
	     .at_rest = rest_3, .pct = true);

/* Nodes are pushed again at once by who took them. */
static void take_and_push(void)
{
	uint32_t length;
	uint32_t index = hd_inject_take_any(&list, &length);

	while (index) {
		uint32_t next = atomic_load_explicit(
			&hd_node_at(&nodes, index)->next, memory_order_relaxed);

		LAB_ASSERT(hd_inject_push_any(&list, &nodes, index, 8));
		index = next;
	}
}

static const char *rest_1_3(void)
{
	return rest(0xa);
}

LAB_SCENARIO(again, .name = "inject-again",
	     .claim = "a node that comes back is not lost and not doubled",
	     .setup = setup, .reset = bag_reset,
	     .thread = { push_1, take_and_push, push_3 }, .at_rest = rest_1_3);

/* -- the bound -- */

static unsigned int accepted; /* ghost */

LAB_GHOST static void reset_bound(void)
{
	bag_reset();
	accepted = 0;
}

LAB_GHOST static void accept(void)
{
	accepted++;
}

static void bounded_1(void)
{
	if (push(1, 1))
		accept();
}

static void bounded_2(void)
{
	if (push(2, 1))
		accept();
}

LAB_GHOST static const char *exactly_one(void)
{
	return accepted == 1 ? NULL : "bound: not exactly one was accepted";
}

LAB_SCENARIO(bound, .name = "inject-bound",
	     .claim = "of two pushes to a list of one, one is accepted",
	     .setup = setup, .reset = reset_bound,
	     .thread = { bounded_1, bounded_2 }, .at_rest = exactly_one,
	     .bound_plus_1 = LAB_ANY);

/* inject-2: a pusher sees the sleeper, or that one the push. */
static _Atomic int flag;
static int missed; /* ghost */

LAB_GHOST static void reset_missed(void)
{
	bag_reset();
	missed = 0;
}

LAB_GHOST static void note_missed(void)
{
	missed++;
}

static void pusher(void)
{
	push_1();
	if (!atomic_load_explicit(&flag, memory_order_seq_cst))
		note_missed();
}

static void sleeper(void)
{
	atomic_store_explicit(&flag, 1, memory_order_seq_cst);
	if (!hd_inject_length_any(&list))
		note_missed();
}

LAB_GHOST static const char *not_both(void)
{
	return missed == 2 ? "missed: the push and the sleeper" : NULL;
}

LAB_SCENARIO(announce, .name = "inject-announce",
	     .claim = "a pusher sees the sleeper, or that one the push",
	     .setup = setup, .reset = reset_missed,
	     .thread = { pusher, sleeper }, .at_rest = not_both,
	     .bound_plus_1 = LAB_ANY);

/* A refusal is an answer too: the list was full, and who empties it is told. */
static void setup_full(void)
{
	setup();
	bag_fill(1);
	LAB_ASSERT(hd_inject_push_any(&list, &nodes, 1, 1));
}

static void refused(void)
{
	atomic_store_explicit(&flag, 1, memory_order_seq_cst);
	if (!push(2, 1))
		note_missed();
}

/* A taker that looks at the length once more, as a worker does. */
static void emptier(void)
{
	uint32_t length;

	hd_inject_take_any(&list, &length);
	atomic_thread_fence(memory_order_seq_cst);
	if (!atomic_load_explicit(&flag, memory_order_seq_cst))
		note_missed();
}

LAB_SCENARIO(refuse, .name = "inject-refuse",
	     .claim = "who is refused has left a flag that the taker sees",
	     .setup = setup_full, .reset = reset_missed,
	     .thread = { refused, emptier }, .at_rest = not_both,
	     .bound_plus_1 = LAB_ANY);

static void push_and_empty(void)
{
	if (push(3, 1))
		emptier();
}

LAB_SCENARIO(refuse_retry, .name = "inject-refuse-retry",
	     .claim = "and who is refused at a second look", .setup = setup,
	     .reset = reset_missed, .thread = { refused, push_and_empty },
	     .at_rest = not_both, .bound_plus_1 = LAB_ANY);
