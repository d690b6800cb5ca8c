/* SPDX-License-Identifier: BSD-2-Clause */
/* The queue of returners: first in first out, its nodes are used again. */
#include "lab/scenario.h"
#include "lab/scenarios/bag.h"
#include "lockfree/waitq.h"

static struct hd_waitq_arena arena;
static struct hd_waitq queue;
static uint32_t
	last_of[2]; /* ghost: newest value of each pusher that was got */

LAB_GHOST static void reset(void)
{
	bag_reset();
	last_of[0] = last_of[1] = 0;
}

static void make(uint32_t tag)
{
	LAB_ASSERT(hd_waitq_arena_init(&arena, 6) == 0);
	hd_waitq_init_at(&queue, &arena, 1, tag);
}

static void setup(void)
{
	make(0);
}

static void setup_wrap(void)
{
	make(UINT32_MAX);
}

static void push(uint32_t node, uint32_t value)
{
	bag_fill(value);
	hd_waitq_push_any(&queue, &arena, node, value);
}

/* Values 1, 2, 3 come from one pusher, in this order. */
LAB_GHOST static void in_order(uint32_t value)
{
	LAB_ASSERT(value > 3 || value > last_of[0]);
	if (value <= 3)
		last_of[0] = value;
}

static uint32_t pop(void)
{
	uint32_t value, node;

	if (!hd_waitq_pop_any(&queue, &arena, &value, &node))
		return 0;
	bag_got(value);
	return node;
}

static void push_1_2(void)
{
	push(2, 1);
	push(3, 2);
}

static void push_4(void)
{
	push(4, 4);
}

static void pop_once(void)
{
	pop();
}

static void pop_in_order(void)
{
	uint32_t value, node;

	for (int i = 0; i < 2; i++)
		if (hd_waitq_pop_any(&queue, &arena, &value, &node)) {
			in_order(value);
			bag_got(value);
		}
}

/* The node that came out carries the next value in. */
static void pop_push_value(uint32_t value)
{
	uint32_t node = pop();

	if (node)
		push(node, value);
	else
		bag_note_got(value);
}

static void pop_push(void)
{
	pop_push_value(5);
}

static void pop_push_twice(void)
{
	pop_push_value(5);
	pop_push_value(6);
}

static const char *rest(uint32_t all)
{
	while (pop())
		;
	return bag_left(all) ? "lost: a value" : NULL;
}

static const char *rest_1_2(void)
{
	return rest(0x6);
}

static const char *rest_1_2_4(void)
{
	return rest(0x16);
}

static const char *rest_1_2_5(void)
{
	return rest(0x26);
}

LAB_SCENARIO(order, .name = "waitq", .claim = "first in, first out",
	     .setup = setup, .reset = reset,
	     .thread = { push_1_2, pop_in_order }, .at_rest = rest_1_2);
LAB_SCENARIO(pushers, .name = "waitq-pushers", .claim = "two push, one pops",
	     .setup = setup, .reset = reset,
	     .thread = { push_1_2, push_4, pop_once }, .at_rest = rest_1_2_4,
	     .old_plus_1 = 2);
LAB_SCENARIO(poppers, .name = "waitq-poppers",
	     .claim = "two pop: nobody gets what the other has", .setup = setup,
	     .reset = reset, .thread = { push_1_2, pop_once, pop_once },
	     .at_rest = rest_1_2, .old_plus_1 = 2);

static void setup_two(void)
{
	setup();
	push_1_2();
}

static void setup_two_wrap(void)
{
	setup_wrap();
	push_1_2();
}

LAB_SCENARIO(reuse, .name = "waitq-reuse",
	     .claim = "a node that is used again at once gives nothing twice",
	     .setup = setup_two, .reset = reset,
	     .thread = { pop_push, pop_once }, .at_rest = rest_1_2_5);
LAB_SCENARIO(wrap, .name = "waitq-wrap",
	     .claim = "nor when the tags wrap around", .setup = setup_two_wrap,
	     .reset = reset, .thread = { pop_push, pop_once },
	     .at_rest = rest_1_2_5);

/* The head comes back to the node that it was at. */
static void round_about(void)
{
	pop_push();
	pop();
	pop();
}

LAB_SCENARIO(aba, .name = "waitq-aba",
	     .claim = "a head that comes back is not taken for the old one",
	     .setup = setup_two, .reset = reset,
	     .thread = { pop_once, round_about }, .at_rest = rest_1_2_5);

/* "empty" is not said while a value lies in it. */
static void pop_sure(void)
{
	LAB_ASSERT(pop() != 0);
}

LAB_SCENARIO(sure, .name = "waitq-not-empty",
	     .claim = "with two values, two poppers get one each",
	     .setup = setup_two, .reset = reset,
	     .thread = { pop_sure, pop_sure }, .at_rest = rest_1_2);

LAB_SCENARIO(sure_again, .name = "waitq-not-empty-again",
	     .claim = "nor where a node comes back as the last one",
	     .setup = setup_two, .reset = reset,
	     .thread = { pop_sure, pop_push }, .at_rest = rest_1_2_5);

static void any_sure(void)
{
	LAB_ASSERT(hd_waitq_any(&queue, &arena));
}

LAB_SCENARIO(any_again, .name = "waitq-any-again",
	     .claim = "and who only looks sees that there is one",
	     .setup = setup_two, .reset = reset,
	     .thread = { any_sure, pop_push_twice }, .at_rest = NULL);

static _Atomic int flag;
static int missed; /* ghost */

LAB_GHOST static void reset_missed(void)
{
	reset();
	missed = 0;
}

LAB_GHOST static void note_missed(void)
{
	missed++;
}

static void pusher(void)
{
	push(4, 4);
	if (!atomic_load_explicit(&flag, memory_order_seq_cst))
		note_missed();
}

static void raiser(void)
{
	atomic_store_explicit(&flag, 1, memory_order_seq_cst);
	if (!hd_waitq_any(&queue, &arena))
		note_missed();
}

LAB_GHOST static const char *not_both(void)
{
	return missed == 2 ? "missed: the value and the flag" : NULL;
}

LAB_SCENARIO(announce, .name = "waitq-announce",
	     .claim = "a pusher sees the flag, or who raised it the value",
	     .setup = setup, .reset = reset_missed,
	     .thread = { pusher, raiser }, .at_rest = not_both);

static void popper(void)
{
	uint32_t value, node;

	atomic_store_explicit(&flag, 1, memory_order_seq_cst);
	if (hd_waitq_pop_any(&queue, &arena, &value, &node))
		bag_got(value);
	else
		note_missed();
}

LAB_SCENARIO(announce_pop, .name = "waitq-announce-pop",
	     .claim = "or the value, when that one pops", .setup = setup,
	     .reset = reset_missed, .thread = { pusher, popper },
	     .at_rest = not_both);
