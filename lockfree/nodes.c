/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stock of nodes: set-up, the way past an empty stack of one's own, and
 * giving back. See lockfree/nodes.h for the argument that the limit is exact.
 */
#include "lockfree/nodes.h"

#include <errno.h>

#include "platform/memory.h"

static size_t node_bytes(const struct hd_nodes *nodes)
{
	return 2 * (size_t)nodes->half * sizeof(struct hd_node);
}

/* Whole pages: one half is given back beside the other. */
static uint32_t half_of(uint32_t limit)
{
	uint32_t page = (uint32_t)(hd_page_size() / sizeof(struct hd_node));

	return (limit + page) / page * page;
}

int hd_nodes_init_at(struct hd_nodes *nodes, uint32_t limit, uint32_t cpus,
		     uint32_t tag)
{
	uint32_t i;

	if (limit == 0 || limit > HD_NODES_MAX || cpus == 0)
		return -EINVAL;
	nodes->limit = limit;
	nodes->cpus = cpus;
	nodes->half = half_of(limit);
	atomic_store_explicit(&nodes->word, 0,
			      memory_order_relaxed); /* before publication */
	atomic_store_explicit(&nodes->generation, 0,
			      memory_order_relaxed); /* before publication */
	atomic_store_explicit(&nodes->stale, 0,
			      memory_order_relaxed); /* before publication */
	nodes->loose = hd_alloc(cpus * sizeof(nodes->loose[0]));
	if (!nodes->loose)
		return -ENOMEM;
	for (i = 0; i < cpus; i++) {
		hd_tagstack_init_at(&nodes->loose[i].stack, tag);
		atomic_store_explicit(&nodes->loose[i].neighbour,
				      (i + 1) % cpus,
				      memory_order_relaxed); /* a hint */
	}
	nodes->node = hd_map(node_bytes(nodes));
	if (!nodes->node)
		goto free_loose;
	return 0;

free_loose:
	hd_free(nodes->loose);
	nodes->loose = NULL;
	return -ENOMEM;
}

int hd_nodes_init(struct hd_nodes *nodes, uint32_t limit, uint32_t cpus)
{
	return hd_nodes_init_at(nodes, limit, cpus, 0);
}

void hd_nodes_fini(struct hd_nodes *nodes)
{
	if (nodes->node)
		hd_unmap(nodes->node, node_bytes(nodes));
	hd_free(nodes->loose);
	nodes->node = NULL;
	nodes->loose = NULL;
}

static uint32_t take_from(struct hd_nodes *nodes, uint32_t cpu)
{
	return hd_tagstack_pop_any(&nodes->loose[cpu].stack, nodes,
				   HD_LINK_NEXT);
}

/* One look at one neighbour; the next call looks at the one after it. */
static uint32_t take_nearby(struct hd_nodes *nodes, uint32_t cpu)
{
	_Atomic uint32_t *hint = &nodes->loose[cpu].neighbour;
	uint32_t neighbour =
		atomic_load_explicit(hint, memory_order_relaxed); /* hint */
	uint32_t index = take_from(nodes, neighbour);

	if (!index)
		atomic_store_explicit(hint, (neighbour + 1) % nodes->cpus,
				      memory_order_relaxed); /* hint */
	return index;
}

/* A trim that has begun comes to nothing: somebody needs a node. */
static uint64_t without_trim(uint64_t word)
{
	return word & ~HD_NODES_TRIMS;
}

static uint32_t take_fresh(struct hd_nodes *nodes)
{
	uint64_t word = atomic_load_explicit(
		&nodes->word, memory_order_relaxed); /* by the CAS */
	uint32_t index;

	do {
		if ((uint32_t)word >= nodes->limit)
			return 0;
	} while (!atomic_compare_exchange_weak_explicit(
		&nodes->word, &word, without_trim(word) + 1,
		memory_order_acquire,   /* trim-1 */
		memory_order_relaxed)); /* checked by the next CAS */
	index = (uint32_t)word + 1 + (word & HD_NODES_HALF ? nodes->half : 0);
	/* Whoever remembers a task of this node from before a trim: it is another one. */
	atomic_store_explicit(
		&hd_node_at(nodes, index)->state,
		hd_node_state_make(
			atomic_load_explicit(&nodes->generation,
					     memory_order_relaxed), /* trim-1 */
			HD_NODE_FREE),
		memory_order_relaxed); /* owned */
	return index;
}

/*
 * trim-2: the head was read before the word. What is frozen is ours if its half is in
 * use, once nobody trims; a trim that begins later freezes the stack again, and then
 * the tag differs. 0: nothing to be had here; *again: the word has changed.
 */
static uint32_t take_frozen(struct hd_nodes *nodes, struct hd_tagstack *stack,
			    uint64_t head, bool *again)
{
	uint32_t index = hd_tag_index(head) & ~HD_NODE_FROZEN, below;
	uint64_t word = atomic_load_explicit(&nodes->word,
					     memory_order_acquire); /* trim-2 */

	if (!(word & HD_NODES_HALF) != (index < nodes->half))
		return 0;
	*again = true;
	if (word & HD_NODES_TRIMS &&
	    !atomic_compare_exchange_strong_explicit(
		    &nodes->word, &word, without_trim(word),
		    memory_order_acq_rel,  /* trim-2 */
		    memory_order_relaxed)) /* read again */
		return 0;
	below = atomic_load_explicit(&hd_node_at(nodes, index)->next,
				     memory_order_relaxed); /* by the tag */
	return atomic_compare_exchange_strong_explicit(
		       &stack->head, &head, hd_tag_step(head, below),
		       memory_order_seq_cst, /* tagstack-1, tagstack-2 */
		       memory_order_relaxed) /* read again */
		       ? index
		       : 0;
}

/* What all stacks and the word were at a look. */
struct look {
	uint64_t sum;  /* each tag only grows, so equal sums are equal tags */
	uint64_t word; /* without the bit of a trim */
	bool empty;
};

/*
 * A node, or 0. look->empty: every stack was empty, or held what a trim has left
 * behind, when its head was read.
 */
static uint32_t take_at_look(struct hd_nodes *nodes, uint32_t cpu,
			     struct look *look)
{
	uint32_t i;

	*look = (struct look){ .empty = true };
	for (i = 0; i < nodes->cpus; i++) {
		uint32_t at = (cpu + i) % nodes->cpus, index;
		struct hd_tagstack *stack = &nodes->loose[at].stack;
		uint64_t head = hd_tagstack_head_any(stack); /* nodes-1 */
		bool there = hd_tag_index(head) != 0;

		look->sum += hd_tag_of(head);
		if (!there)
			continue;
		if (hd_tag_index(head) & HD_NODE_FROZEN) {
			there = false;
			index = take_frozen(nodes, stack, head, &there);
		} else {
			index = take_from(nodes, at);
		}
		if (index)
			return index;
		if (there)
			look->empty = false;
	}
	look->word = without_trim(atomic_load_explicit(
		&nodes->word, memory_order_seq_cst)); /* nodes-1 */
	return 0;
}

/*
 * Takes a node from any stack, or says that all were empty at one instant and none was
 * fresh. A further pass means that another thread's operation succeeded meanwhile.
 */
static uint32_t take_anywhere(struct hd_nodes *nodes, uint32_t cpu)
{
	struct look before = { .empty = false }, now;

	for (;;) {
		uint32_t index = take_at_look(nodes, cpu, &now);

		if (!index && (uint32_t)now.word < nodes->limit)
			index = take_fresh(nodes);
		if (index)
			return index;
		if (now.empty && before.empty && now.sum == before.sum &&
		    now.word == before.word &&
		    (uint32_t)now.word >= nodes->limit)
			return 0;
		before = now;
	}
}

uint32_t hd_nodes_alloc_elsewhere(struct hd_nodes *nodes, uint32_t cpu)
{
	uint32_t index = take_nearby(nodes, cpu);

	if (!index)
		index = take_fresh(nodes);
	if (!index)
		index = take_anywhere(nodes, cpu);
	return index;
}

void hd_node_free_any(struct hd_nodes *nodes, uint32_t cpu, uint32_t first,
		      uint32_t last, uint32_t count)
{
	uint32_t index = first, i;

	for (i = 1;; i++) {
		struct hd_node *node = hd_node_at(nodes, index);
		uint64_t state = atomic_load_explicit(
			&node->state, memory_order_relaxed); /* owned */

		hd_assert(index != 0 && index < 2 * nodes->half);
		hd_assert(hd_node_state_status(state) != HD_NODE_QUEUED);
		atomic_store_explicit(
			&node->state,
			hd_node_state_make(hd_node_state_generation(state),
					   HD_NODE_FREE),
			memory_order_relaxed); /* published by the push */
		if (i == count)
			break;
		index = atomic_load_explicit(&node->next,
					     memory_order_relaxed); /* owned */
	}
	hd_assert(index == last);
	if (cpu >= nodes->cpus)
		cpu %= nodes->cpus;
	hd_tagstack_push_any(&nodes->loose[cpu].stack, nodes, first, last,
			     HD_LINK_NEXT);
}
