/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stock of nodes: set-up, the way past an empty stack of one's own, and
 * giving back. See lockfree/nodes.h for the argument that the limit is exact.
 */
#include "lockfree/nodes.h"

#include <errno.h>

#include "platform/memory.h"

static size_t node_bytes(uint32_t limit)
{
	return ((size_t)limit + 1) * sizeof(struct hd_node);
}

int hd_nodes_init_at(struct hd_nodes *nodes, uint32_t limit, uint32_t cpus,
		     uint32_t tag)
{
	uint32_t i;

	if (limit == 0 || limit > HD_NODES_MAX || cpus == 0)
		return -EINVAL;
	nodes->limit = limit;
	nodes->cpus = cpus;
	atomic_store_explicit(&nodes->fresh, 0,
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
	nodes->node = hd_map(node_bytes(limit));
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
		hd_unmap(nodes->node, node_bytes(nodes->limit));
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

static uint32_t take_fresh(struct hd_nodes *nodes)
{
	uint32_t used = atomic_load_explicit(
		&nodes->fresh, memory_order_relaxed); /* by the CAS */

	do {
		if (used >= nodes->limit)
			return 0; /* for ever: the counter only grows */
	} while (!atomic_compare_exchange_weak_explicit(
		&nodes->fresh, &used, used + 1,
		memory_order_relaxed,   /* the index is the message */
		memory_order_relaxed)); /* checked by the next CAS */
	return used + 1;
}

/*
 * Takes a node from any stack, or says that all were empty at one instant. A
 * further pass means that another thread's operation succeeded meanwhile.
 */
static uint32_t take_anywhere(struct hd_nodes *nodes, uint32_t cpu)
{
	bool have_previous = false;
	uint64_t previous = 0;

	for (;;) {
		/* Each tag only grows, so equal sums are equal tags. */
		uint64_t sum = 0;
		uint32_t i, empty = 0;

		for (i = 0; i < nodes->cpus; i++) {
			uint32_t at = (cpu + i) % nodes->cpus;
			uint64_t head = hd_tagstack_head_any(
				&nodes->loose[at].stack); /* nodes-1 */
			uint32_t index;

			sum += hd_tag_of(head);
			if (!hd_tag_index(head)) {
				empty++;
				continue;
			}
			index = take_from(nodes, at);
			if (index)
				return index;
		}
		if (empty == nodes->cpus && have_previous && sum == previous)
			return 0;
		have_previous = empty == nodes->cpus;
		previous = sum;
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

		hd_assert(index != 0 && index <= nodes->limit);
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
