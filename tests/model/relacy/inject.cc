// SPDX-License-Identifier: BSD-2-Clause
/*
 * The list of outsiders: many push one, a taker takes all. Nothing is lost, what a node
 * carries comes with it, the bound holds, and a push is seen by who goes idle.
 */
#include "explore.hh"

#include "lockfree/inject.h"

__thread struct hd_ahead hd_ahead;

struct of_inject : scenario {
	hd_inject list;
	hd_nodes nodes;
	struct bag bag;
	unsigned int all = 0x6;

	void push(unsigned int value, uint32_t most = 4)
	{
		bag.fill(value);
		if (!hd_inject_push_any(&list, &nodes, value, most)) {
			RL_ASSERT(most == 1);
			bag.note(value);
		}
	}

	void take(uint32_t most = 4)
	{
		uint32_t length, index = hd_inject_take_any(&list, &length);

		RL_ASSERT(length <= most);
		while (index) {
			uint32_t next = atomic_load_explicit(
				&hd_node_at(&nodes, index)->next,
				memory_order_relaxed);

			bag.got(index);
			index = next;
			length--;
		}
		RL_ASSERT(length == 0);
	}

	void before()
	{
		nodes.node = hd_alloc(4 * sizeof(hd_node));
		nodes.half = 4;
	}

	void after()
	{
		take();
		RL_ASSERT(bag.out == all); // nothing is lost
		hd_free(nodes.node);
	}
};

struct pushers : of_inject {
	void thread(unsigned int i)
	{
		if (i < 2)
			push(i + 1);
		else
			take();
	}
};

// A head that goes away and comes back.
struct again : of_inject {
	void thread(unsigned int i)
	{
		all = 0xe;
		if (!i) {
			push(1);
			push(3);
		} else if (i == 1) {
			push(2);
		} else {
			take();
			take();
		}
	}
};

struct bounded : of_inject {
	void thread(unsigned int i)
	{
		if (i < 2)
			push(i + 1, 1);
		else
			take(1);
	}
};

// A push, and who goes idle then looks: one of them sees the other.
struct announce : of_inject {
	zeroed<uint32_t> idle;
	bool seen = false, found = false;

	void thread(unsigned int i)
	{
		all = 0x2;
		if (!i) {
			push(1);
			seen = atomic_load_explicit(&idle,
						    memory_order_seq_cst);
		} else {
			atomic_store_explicit(&idle, 1, memory_order_seq_cst);
			found = hd_inject_length_any(&list) != 0;
		}
	}

	void after()
	{
		RL_ASSERT(seen || found); // missed: a value
		of_inject::after();
	}
};

const entry scenarios[] = {
	{ "inject", 3, FULL, made<pushers> },
	{ "inject-again", 3, BOUND, made<again> },
	{ "inject-bound", 3, BOUND, made<bounded> },
	{ "inject-announce", 2, FULL, made<announce> },
	{},
};
