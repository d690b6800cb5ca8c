/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Queues against their sequential specifications: what each thread calls is a
 * choice too, so that one scenario is all programs of its calls. Each must have
 * an order of its calls that explains their results.
 *
 * clause: P13
 */
#include "lab/linear.h"
#include "lab/scenario.h"
#include "lockfree/bitset.h"
#include "lockfree/deque.h"
#include "lockfree/inject.h"
#include "lockfree/nodes.h"
#include "lockfree/split.h"
#include "lockfree/tagstack.h"
#include "lockfree/waitq.h"
#include "platform/membarrier.h"

/* All that a lost race may say; it changes nothing. */
#define LOST UINT64_MAX

/* The calls of a thread are numbered from 0; values must be new. */
#define CALLS 3

static bool is(const struct lab_call *call, const char *name)
{
	return call->name == name;
}

/* Names are compared by address. */
static const char push_name[] = "push", pop_name[] = "pop",
		  steal_name[] = "steal", take_name[] = "take",
		  set_name[] = "set", clear_name[] = "clear",
		  claim_name[] = "claim", test_name[] = "test",
		  force_name[] = "force", any_name[] = "any";

static uint64_t or_lost(uint32_t value, uint32_t retry)
{
	return value == retry ? LOST : value;
}

/* -- deques: the owner at the young end, thieves at the old one -- */

static bool deque_allows(struct lab_state *s, const struct lab_call *call)
{
	if (is(call, push_name)) {
		s->items = lab_items_add(s->items, call->argument);
		return true;
	}
	if (is(call, pop_name)) {
		if (call->result != lab_items_newest(s->items))
			return false;
		s->items = lab_items_drop_newest(s->items);
		return true;
	}
	if (call->result == LOST)
		return true;
	if (call->result != lab_items_oldest(s->items))
		return false;
	s->items = lab_items_drop_oldest(s->items);
	return true;
}

static struct hd_deque deque;

static void deque_setup(void)
{
	LAB_ASSERT(hd_deque_init_at(&deque, 4, 0) == 0);
	LAB_ASSERT(hd_deque_push_owner(&deque, 1));
}

static void deque_owner(void)
{
	for (unsigned int i = 0; i < CALLS; i++) {
		unsigned int call;

		if (lab_pick(2)) {
			call = lab_call_begins(push_name, 2 + i);
			LAB_ASSERT(hd_deque_push_owner(&deque, 2 + i));
			lab_call_ends(call, 0);
		} else {
			call = lab_call_begins(pop_name, 0);
			lab_call_ends(call, hd_deque_pop_owner(&deque));
		}
	}
}

static void deque_thief(void)
{
	for (unsigned int i = 0; i < CALLS; i++) {
		unsigned int call = lab_call_begins(steal_name, 0);

		lab_call_ends(call, or_lost(hd_deque_steal_any(&deque, 0),
					    HD_DEQUE_RETRY));
	}
}

static const char *deque_explained(void)
{
	return lab_calls_verdict(deque_allows,
				 (struct lab_state){ .items = 1 });
}

LAB_SCENARIO(deque_history, .name = "history-deque",
	     .claim = "deque: an order explains all calls of three threads",
	     .setup = deque_setup, .reset = lab_calls_forget,
	     .thread = { deque_owner, deque_thief, deque_thief },
	     .at_rest = deque_explained, .bound_plus_1 = 4, .old_plus_1 = 1);
LAB_SCENARIO(deque_history_old, .name = "history-deque-old",
	     .claim = "and where loads may give old values",
	     .setup = deque_setup, .reset = lab_calls_forget,
	     .thread = { deque_owner, deque_thief }, .at_rest = deque_explained,
	     .bound_plus_1 = 2, .old_plus_1 = 2);

/*
 * The split deque: what a thief does not find may be the owner's private part;
 * with the barrier of force it is not, and nothing was there but the task for
 * which a pop of the owner was under way.
 */
#define BUT_FOR_A_POP (UINT64_MAX - 1)

static bool split_allows(struct lab_state *s, const struct lab_call *call)
{
	if (is(call, steal_name) && !call->result)
		return true;
	if (call->result == BUT_FOR_A_POP)
		return lab_items_count(s->items) <= 1;
	return deque_allows(s, call);
}

static unsigned int pops_begun, pops_ended; /* ghost */

LAB_GHOST static void split_reset(void)
{
	lab_calls_forget();
	pops_begun = pops_ended = 0;
}

LAB_GHOST static void note_pop(bool begins)
{
	if (begins)
		pops_begun++;
	else
		pops_ended++;
}

LAB_GHOST static unsigned int pops_so_far(bool begun)
{
	return begun ? pops_begun : pops_ended;
}

static struct hd_split *split;

static void split_setup(void)
{
	LAB_ASSERT(hd_split_new_at(&split, 4, HD_SPLIT_FIRST, 0) == 0);
	LAB_ASSERT(hd_split_push_owner(split, 1));
}

static void split_owner(void)
{
	for (unsigned int i = 0; i < CALLS; i++) {
		unsigned int call;

		if (lab_pick(2)) {
			call = lab_call_begins(push_name, 2 + i);
			LAB_ASSERT(hd_split_push_owner(split, 2 + i));
			lab_call_ends(call, 0);
		} else {
			uint32_t task;

			call = lab_call_begins(pop_name, 0);
			note_pop(true);
			task = hd_split_pop_owner(split);
			lab_call_ends(call, task);
			note_pop(false);
		}
	}
}

static void split_force(void)
{
	unsigned int call = lab_call_begins(force_name, 0);
	unsigned int ended = pops_so_far(false);
	uint64_t note = hd_split_ask_any(split), result;

	LAB_ASSERT(hd_membarrier() == 0);
	result = or_lost(hd_split_force_any(split, 0, note), HD_SPLIT_RETRY);
	if (!result && pops_so_far(true) > ended)
		result = BUT_FOR_A_POP;
	lab_call_ends(call, result);
}

static void split_thief(void)
{
	for (unsigned int i = 0; i < CALLS; i++) {
		if (lab_pick(2)) {
			unsigned int call = lab_call_begins(steal_name, 0);

			lab_call_ends(call,
				      or_lost(hd_split_steal_any(split, 0),
					      HD_SPLIT_RETRY));
		} else {
			split_force();
		}
	}
}

static const char *split_explained(void)
{
	return lab_calls_verdict(split_allows,
				 (struct lab_state){ .items = 1 });
}

LAB_SCENARIO(split_history, .name = "history-split",
	     .claim = "split deque: an order explains all calls",
	     .setup = split_setup, .reset = split_reset,
	     .thread = { split_owner, split_thief }, .at_rest = split_explained,
	     .bound_plus_1 = 3, .old_plus_1 = 1);

/* -- injection: all or nothing comes out, newest first -- */

#define BOUND 3

static bool inject_allows(struct lab_state *s, const struct lab_call *call)
{
	if (is(call, push_name)) {
		bool room = lab_items_count(s->items) < BOUND;

		if (room)
			s->items = lab_items_add(s->items, call->argument);
		return call->result == room;
	}
	if (call->result != s->items)
		return false;
	s->items = 0;
	return true;
}

static struct hd_nodes nodes;
static struct hd_inject list;

static void nodes_setup(uint32_t count)
{
	LAB_ASSERT(hd_nodes_init(&nodes, count, 1) == 0);
	for (uint32_t i = 1; i < count; i++)
		LAB_ASSERT(hd_node_alloc_any(&nodes, 0) == i);
}

static void inject_setup(void)
{
	nodes_setup(12);
}

static uint64_t take_all(void)
{
	uint32_t length, index = hd_inject_take_any(&list, &length);
	uint64_t items = 0;

	while (index) {
		items = items << 4 | index;
		index = atomic_load_explicit(&hd_node_at(&nodes, index)->next,
					     memory_order_relaxed);
	}
	LAB_ASSERT(lab_items_count(items) == length);
	return items;
}

static void inject_calls(unsigned int who)
{
	for (unsigned int i = 0; i < CALLS; i++) {
		uint32_t value = 1 + CALLS * who + i;
		unsigned int call;

		if (lab_pick(2)) {
			call = lab_call_begins(push_name, value);
			lab_call_ends(call, hd_inject_push_any(&list, &nodes,
							       value, BOUND));
		} else {
			call = lab_call_begins(take_name, 0);
			lab_call_ends(call, take_all());
		}
	}
}

static void inject_0(void)
{
	inject_calls(0);
}

static void inject_1(void)
{
	inject_calls(1);
}

static void inject_2(void)
{
	inject_calls(2);
}

static const char *inject_explained(void)
{
	return lab_calls_verdict(inject_allows, (struct lab_state){ 0 });
}

LAB_SCENARIO(inject_history, .name = "history-inject",
	     .claim = "injection: an order explains all calls",
	     .setup = inject_setup, .reset = lab_calls_forget,
	     .thread = { inject_0, inject_1, inject_2 },
	     .at_rest = inject_explained, .bound_plus_1 = 3, .old_plus_1 = 1);

/* -- a stack whose nodes are used again by who popped them -- */

static bool stack_allows(struct lab_state *s, const struct lab_call *call)
{
	if (is(call, push_name)) {
		s->items = lab_items_add(s->items, call->argument);
		return true;
	}
	if (call->result != lab_items_newest(s->items))
		return false;
	s->items = lab_items_drop_newest(s->items);
	return true;
}

static struct hd_tagstack stack;

static void stack_setup(void)
{
	nodes_setup(6);
	hd_tagstack_init_at(&stack, UINT32_MAX - 1);
	hd_tagstack_push_any(&stack, &nodes, 4, 4, HD_LINK_NEXT);
	hd_tagstack_push_any(&stack, &nodes, 5, 5, HD_LINK_NEXT);
}

static void stack_calls(uint32_t mine)
{
	uint32_t own[CALLS + 1] = { mine };
	unsigned int call, n = 1;

	for (unsigned int i = 0; i < CALLS; i++) {
		if (n && lab_pick(2)) {
			uint32_t node = own[--n];

			call = lab_call_begins(push_name, node);
			hd_tagstack_push_any(&stack, &nodes, node, node,
					     HD_LINK_NEXT);
			lab_call_ends(call, 0);
		} else {
			uint32_t node;

			call = lab_call_begins(pop_name, 0);
			node = hd_tagstack_pop_any(&stack, &nodes,
						   HD_LINK_NEXT);
			lab_call_ends(call, node);
			if (node)
				own[n++] = node;
		}
	}
}

static void stack_1(void)
{
	stack_calls(1);
}

static void stack_2(void)
{
	stack_calls(2);
}

static void stack_3(void)
{
	stack_calls(3);
}

static const char *stack_explained(void)
{
	return lab_calls_verdict(stack_allows,
				 (struct lab_state){ .items = 0x54 });
}

LAB_SCENARIO(stack_history, .name = "history-tagstack",
	     .claim = "stack: an order explains all calls",
	     .setup = stack_setup, .reset = lab_calls_forget,
	     .thread = { stack_1, stack_2, stack_3 },
	     .at_rest = stack_explained, .bound_plus_1 = 3, .old_plus_1 = 1);

/* -- the queue of returners: first in, first out, its nodes are used again -- */

static bool queue_allows(struct lab_state *s, const struct lab_call *call)
{
	if (is(call, push_name)) {
		s->items = lab_items_add(s->items, call->argument);
		return true;
	}
	if (is(call, any_name))
		return call->result == (s->items != 0);
	if (call->result != lab_items_oldest(s->items))
		return false;
	s->items = lab_items_drop_oldest(s->items);
	return true;
}

static struct hd_waitq_arena arena;
static struct hd_waitq queue;

static void queue_setup(void)
{
	LAB_ASSERT(hd_waitq_arena_init(&arena, 6) == 0);
	hd_waitq_init_at(&queue, &arena, 1, UINT32_MAX);
	hd_waitq_push_any(&queue, &arena, 5, 15);
}

static void queue_calls(uint32_t mine, uint32_t value)
{
	uint32_t own[CALLS + 1] = { mine };
	unsigned int call, n = 1;

	for (unsigned int i = 0; i < CALLS; i++) {
		unsigned int what = lab_pick(n ? 3 : 2);

		if (what == 2) {
			call = lab_call_begins(push_name, value);
			hd_waitq_push_any(&queue, &arena, own[--n], value++);
			lab_call_ends(call, 0);
		} else if (what == 1) {
			call = lab_call_begins(any_name, 0);
			lab_call_ends(call, hd_waitq_any(&queue, &arena));
		} else {
			uint32_t got = 0, node;
			bool any;

			call = lab_call_begins(pop_name, 0);
			any = hd_waitq_pop_any(&queue, &arena, &got, &node);
			lab_call_ends(call, any ? got : 0);
			if (any)
				own[n++] = node;
		}
	}
}

static void queue_2(void)
{
	queue_calls(2, 1);
}

static void queue_3(void)
{
	queue_calls(3, 1 + CALLS);
}

static void queue_4(void)
{
	queue_calls(4, 1 + 2 * CALLS);
}

static const char *queue_explained(void)
{
	return lab_calls_verdict(queue_allows,
				 (struct lab_state){ .items = 15 });
}

LAB_SCENARIO(queue_history, .name = "history-waitq",
	     .claim = "returners: an order explains all calls",
	     .setup = queue_setup, .reset = lab_calls_forget,
	     .thread = { queue_2, queue_3, queue_4 },
	     .at_rest = queue_explained, .bound_plus_1 = 2, .old_plus_1 = 1);
LAB_SCENARIO(queue_history_two, .name = "history-waitq-two",
	     .claim = "and with more preemptions of two threads",
	     .setup = queue_setup, .reset = lab_calls_forget,
	     .thread = { queue_2, queue_3 }, .at_rest = queue_explained,
	     .bound_plus_1 = 3, .old_plus_1 = 1);

/* -- the set: each bit by itself, since "none" is not one instant for all -- */

#define FAR_BIT 64u /* in another word than bit 0 */

/* The bit that is judged is in more, its value in items. */
static bool bit_allows(struct lab_state *s, const struct lab_call *call)
{
	bool claimed = is(call, claim_name);

	if (claimed || is(call, any_name)) {
		if (call->result == HD_BITSET_NONE)
			return !s->items;
		if (!claimed || call->result != s->more)
			return true;
		if (!s->items)
			return false;
		s->items = 0;
		return true;
	}
	if (call->argument != s->more)
		return true;
	if (is(call, test_name))
		return call->result == s->items;
	if (is(call, set_name)) {
		if (call->result == s->items)
			return false;
		s->items = 1;
		return true;
	}
	if (call->result != s->items)
		return false;
	s->items = 0;
	return true;
}

static struct hd_bitset set;

static void set_setup(void)
{
	LAB_ASSERT(hd_bitset_init(&set, 2 * FAR_BIT) == 0);
	LAB_ASSERT(hd_bitset_set_any(&set, 0));
}

static void set_call(void)
{
	unsigned int call;
	uint32_t bit;

	switch (lab_pick(4)) {
	case 0:
		bit = lab_pick(2) ? FAR_BIT : 0;
		call = lab_call_begins(set_name, bit);
		lab_call_ends(call, hd_bitset_set_any(&set, bit));
		break;
	case 1:
		call = lab_call_begins(claim_name, 0);
		lab_call_ends(call, hd_bitset_claim_lowest_any(&set));
		break;
	case 2:
		call = lab_call_begins(any_name, 0);
		lab_call_ends(call, hd_bitset_next_any(&set, 0));
		break;
	default:
		call = lab_call_begins(clear_name, 0);
		lab_call_ends(call, hd_bitset_clear_any(&set, 0));
		break;
	}
}

static void set_twice(void)
{
	set_call();
	set_call();
}

static const char *bits_explained(void)
{
	const char *wrong =
		lab_calls_verdict(bit_allows, (struct lab_state){ 1, 0 });

	return wrong ? wrong
		     : lab_calls_verdict(bit_allows,
					 (struct lab_state){ 0, FAR_BIT });
}

LAB_SCENARIO(bit_history, .name = "history-bitset",
	     .claim = "set: for each bit an order explains all calls",
	     .setup = set_setup, .reset = lab_calls_forget,
	     .thread = { set_twice, set_twice }, .at_rest = bits_explained,
	     .bound_plus_1 = 4, .old_plus_1 = 1);
LAB_SCENARIO(bit_history_three, .name = "history-bitset-three",
	     .claim = "and with three threads", .setup = set_setup,
	     .reset = lab_calls_forget,
	     .thread = { set_twice, set_twice, set_twice },
	     .at_rest = bits_explained, .bound_plus_1 = 2, .old_plus_1 = 1);
