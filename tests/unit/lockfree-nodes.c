/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nodes and the tagged stack: each node has one owner at a time, the limit is
 * exact, and neither the end of the tags nor that of the generations matters.
 *
 * Method: tags and generations start just before they wrap. The owners of the
 * stress write their number into an entry of the node that must read 0, so a
 * node that is handed out twice is seen at once. For the limit, each of n
 * threads holds at most one of n nodes, so at every instant of an allocation
 * one is free and "none" is wrong by arithmetic.
 *
 * fault: F26
 * property: P14
 * property: P28
 * property: P29
 */
#include <errno.h>
#include <sys/mman.h>

#include "lockfree/nodes.h"
#include "lockfree/tagstack.h"
#include "platform/memory.h"
#include "tests/unit/lockfree-team.h"

#define NEAR_WRAP (UINT32_MAX - 3)
#define LIMIT     64u

static struct hd_nodes nodes;

static void set_state(uint32_t index, uint64_t state)
{
	atomic_store_explicit(&hd_node_at(&nodes, index)->state, state,
			      memory_order_relaxed);
}

static void link_next(uint32_t index, uint32_t next)
{
	atomic_store_explicit(&hd_node_at(&nodes, index)->next, next,
			      memory_order_relaxed);
}

static void free_one(uint32_t cpu, uint32_t index)
{
	hd_node_free_any(&nodes, cpu, index, index, 1);
}

/* Takes every node; true when each of 1..limit came once, and then 0. */
static bool all_are_there(uint32_t limit)
{
	bool seen[LIMIT + 1] = { false };
	uint32_t i, index;

	for (i = 0; i < limit; i++) {
		index = hd_node_alloc_any(&nodes, i);
		if (index == 0 || index > limit || seen[index])
			return false;
		seen[index] = true;
	}
	return hd_node_alloc_any(&nodes, 0) == 0;
}

static void bounds(void)
{
	ok(hd_nodes_init(&nodes, 0, 1) == -EINVAL, "no node: -EINVAL");
	ok(hd_nodes_init(&nodes, 1, 0) == -EINVAL, "no CPU: -EINVAL");
	ok(hd_nodes_init(&nodes, HD_NODES_MAX + 1, 1) == -EINVAL,
	   "more nodes than an index can name beside its marks: -EINVAL");
	ok(hd_nodes_init(&nodes, LIMIT, 3) == 0, "a stock of %u", LIMIT);
	ok(all_are_there(LIMIT), "each node comes once, then none");
	free_one(2, 17);
	ok(hd_node_alloc_any(&nodes, 0) == 17,
	   "a node that another CPU gave back is found");
	ok(hd_node_alloc_any(&nodes, 0) == 0, "and no other");
	link_next(5, 6);
	link_next(6, 7);
	hd_node_free_any(&nodes, UINT32_MAX, 5, 7, 3);
	ok(hd_node_alloc_any(&nodes, UINT32_MAX) == 5 &&
		   hd_node_alloc_any(&nodes, 0) == 6 &&
		   hd_node_alloc_any(&nodes, 1) == 7,
	   "a chain is given back at once; a CPU out of range is no error");
	hd_nodes_fini(&nodes);
}

static void memory_is_not_touched(void)
{
	uint32_t limit = 1u << 20, i;
	size_t bytes = (limit + 1) * sizeof(struct hd_node), pages, there = 0;
	static unsigned char page[(1u << 20) * 32 / 4096 + 2];

	ok(hd_nodes_init(&nodes, limit, 2) == 0, "a stock of a million");
	for (i = 0; i < 10000; i++)
		free_one(1, hd_node_alloc_any(&nodes, 0));
	ok(hd_nodes_touched_any(&nodes) <= 4,
	   "a flow from CPU 1 to CPU 0 uses its nodes again: %u were fresh",
	   (unsigned int)hd_nodes_touched_any(&nodes));
	pages = bytes / hd_page_size();
	if (pages > sizeof(page) || mincore(nodes.node, bytes, page)) {
		skip(1, "mincore");
	} else {
		for (i = 0; i < pages; i++)
			there += page[i] & 1;
		/* One transparent huge page is 512. */
		ok(there <= 512, "%zu of %zu pages were touched", there, pages);
	}
	hd_nodes_fini(&nodes);
}

static void claims(void)
{
	uint64_t last = UINT64_MAX >> HD_NODE_STATUS_BITS, generation;
	struct hd_node *node;
	uint32_t index;

	hd_nodes_init(&nodes, LIMIT, 1);
	index = hd_node_alloc_any(&nodes, 0);
	node = hd_node_at(&nodes, index);
	generation = hd_node_publish_owner(node);
	ok(generation == 1 && hd_node_generation_any(node) == 1,
	   "the first publication is generation 1");
	ok(!hd_node_claim_any(node, generation + 1, HD_NODE_DEAD) &&
		   !hd_node_claim_any(node, generation - 1, HD_NODE_DEAD),
	   "a claim of another generation fails");
	ok(hd_node_claim_any(node, generation, HD_NODE_DEAD), "a claim");
	ok(!hd_node_claim_any(node, generation, HD_NODE_TAKEN),
	   "the second claim fails");
	free_one(0, index);
	ok(hd_node_alloc_any(&nodes, 0) == index, "the node is used again");
	ok(!hd_node_claim_any(node, generation, HD_NODE_DEAD),
	   "a claim that comes late fails before the publication");
	ok(hd_node_publish_owner(node) == generation + 1, "next generation");
	ok(!hd_node_claim_any(node, generation, HD_NODE_DEAD), "and after it");
	ok(hd_node_claim_any(node, generation + 1, HD_NODE_TAKEN),
	   "the right one succeeds");

	/* The end of the generations, which 146 years do not reach. */
	set_state(index, hd_node_state_make(last - 1, HD_NODE_FREE));
	ok(hd_node_publish_owner(node) == last, "the last generation");
	ok(hd_node_claim_any(node, last, HD_NODE_TAKEN), "is claimed");
	free_one(0, index);
	hd_node_alloc_any(&nodes, 0);
	hd_node_publish_owner(node);
	ok(hd_node_generation_any(node) == 0 &&
		   !hd_node_claim_any(node, last, HD_NODE_TAKEN) &&
		   hd_node_claim_any(node, 0, HD_NODE_TAKEN),
	   "and the one after it is 0");
	hd_nodes_fini(&nodes);
}

static void stack_at_the_wrap(void)
{
	struct hd_tagstack stack;
	uint64_t before;
	uint32_t i, wrong = 0;

	hd_nodes_init(&nodes, LIMIT, 1);
	hd_tagstack_init_at(&stack, NEAR_WRAP);
	ok(!hd_tagstack_any(&stack) &&
		   hd_tagstack_pop_any(&stack, &nodes, HD_LINK_CHAIN) == 0,
	   "a new stack is empty");
	for (i = 1; i <= 8; i++)
		hd_tagstack_push_any(&stack, &nodes, i, i, HD_LINK_CHAIN);
	ok(hd_tag_of(hd_tagstack_head_any(&stack)) == 4, "the tag wrapped");
	for (i = 8; i >= 1; i--)
		wrong += hd_tagstack_pop_any(&stack, &nodes, HD_LINK_CHAIN) !=
			 i;
	ok(!wrong && !hd_tagstack_any(&stack), "newest first, across the wrap");

	/* A pop that slept: node 1 on node 2, taken, and 1 put back alone. */
	hd_tagstack_init_at(&stack, UINT32_MAX - 2);
	hd_tagstack_push_any(&stack, &nodes, 2, 2, HD_LINK_NEXT);
	hd_tagstack_push_any(&stack, &nodes, 1, 1, HD_LINK_NEXT);
	before = hd_tagstack_head_any(&stack);
	hd_tagstack_pop_any(&stack, &nodes, HD_LINK_NEXT);
	hd_tagstack_pop_any(&stack, &nodes, HD_LINK_NEXT);
	hd_tagstack_push_any(&stack, &nodes, 1, 1, HD_LINK_NEXT);
	ok(hd_tag_index(before) == hd_tag_index(hd_tagstack_head_any(&stack)),
	   "the same node is on top again");
	ok(!atomic_compare_exchange_strong_explicit(
		   &stack.head, &before, hd_tag_step(before, 2),
		   memory_order_relaxed, memory_order_relaxed),
	   "a CAS with the stale link fails, with the tag across its wrap");
	hd_nodes_fini(&nodes);
}

/* -- stress -- */

static _Atomic uint32_t owner[LIMIT + 1];
static _Atomic uint64_t rounds, none_seen;

static bool own(uint32_t index, uint32_t me)
{
	return atomic_exchange_explicit(&owner[index], me + 1,
					memory_order_relaxed) == 0;
}

static bool disown(uint32_t index, uint32_t me)
{
	return atomic_exchange_explicit(&owner[index], 0,
					memory_order_relaxed) == me + 1;
}

/* Takes some, writes into them as an owner does, gives them back as a chain. */
static void churn(struct team *team, uint32_t me)
{
	uint64_t stream = tap_stream(me), done = 0, none = 0;

	while (done % 256 || !team_time_is_over(team)) {
		uint32_t want = 1 + (uint32_t)(tap_next(&stream) % 24);
		uint32_t first = 0, last = 0, count = 0, index;

		while (count < want) {
			index = hd_node_alloc_any(
				&nodes, (uint32_t)tap_next(&stream) % 4);
			if (!index) {
				none++;
				break;
			}
			if (!own(index, me))
				team_error(team);
			hd_node_at(&nodes, index)->arg = &stream;
			link_next(index, first);
			if (!first)
				last = index;
			first = index;
			count++;
		}
		for (index = first; index;
		     index = atomic_load_explicit(
			     &hd_node_at(&nodes, index)->next,
			     memory_order_relaxed)) {
			hd_node_publish_owner(hd_node_at(&nodes, index));
			if (hd_node_at(&nodes, index)->arg != &stream ||
			    !hd_node_claim_any(
				    hd_node_at(&nodes, index),
				    hd_node_generation_any(
					    hd_node_at(&nodes, index)),
				    HD_NODE_TAKEN) ||
			    !disown(index, me))
				team_error(team);
		}
		if (count)
			hd_node_free_any(&nodes,
					 (uint32_t)tap_next(&stream) % 4, first,
					 last, count);
		done++;
	}
	atomic_fetch_add_explicit(&rounds, done, memory_order_relaxed);
	atomic_fetch_add_explicit(&none_seen, none, memory_order_relaxed);
}

#define HOLDERS 4u
#define STACKS  64u

static _Atomic uint64_t elsewhere;

static void hold_one(struct team *team, uint32_t me)
{
	uint64_t stream = tap_stream(100 + me), done = 0, empty = 0;

	while (done % 256 || !team_time_is_over(team)) {
		uint32_t cpu = (uint32_t)tap_next(&stream) % STACKS, index;

		empty += !hd_tagstack_any(&nodes.loose[cpu].stack);
		index = hd_node_alloc_any(&nodes, cpu);
		if (!index || !own(index, me)) {
			team_error(team);
			return;
		}
		disown(index, me);
		free_one((uint32_t)tap_next(&stream), index);
		done++;
	}
	atomic_fetch_add_explicit(&rounds, done, memory_order_relaxed);
	atomic_fetch_add_explicit(&elsewhere, empty, memory_order_relaxed);
}

static void stress(void)
{
	static struct team team;

	hd_nodes_init_at(&nodes, LIMIT, 4, NEAR_WRAP);
	is_u64(team_run(&team, 4, tap_seconds(0.8), churn), 0,
	       "no node had two owners");
	diag("%llu rounds, %llu found none free", (unsigned long long)rounds,
	     (unsigned long long)none_seen);
	ok(none_seen > 0, "the limit was reached");
	ok(all_are_there(LIMIT), "every node is there in the end, once");
	hd_nodes_fini(&nodes);

	rounds = 0;
	hd_nodes_init_at(&nodes, HOLDERS, STACKS, NEAR_WRAP);
	is_u64(team_run(&team, HOLDERS, tap_seconds(0.8), hold_one), 0,
	       "%u threads with one node of %u each never hear \"none\"",
	       HOLDERS, HOLDERS);
	diag("%llu rounds, %llu took from another CPU",
	     (unsigned long long)rounds, (unsigned long long)elsewhere);
	ok(elsewhere > rounds / 2, "most had to look elsewhere");
	ok(all_are_there(HOLDERS), "every node is there in the end, once");
	hd_nodes_fini(&nodes);
}

int main(void)
{
	tap_deadline(60);
	bounds();
	memory_is_not_touched();
	claims();
	stack_at_the_wrap();
	stress();
	return tap_done();
}
