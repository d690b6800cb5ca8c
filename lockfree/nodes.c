/* SPDX-License-Identifier: BSD-2-Clause */
/* The slow paths of nodes: magazines, fresh nodes, other CPUs' stacks. */
#include "lockfree/nodes.h"

#include <errno.h>
#include <string.h>

#include "platform/memory.h"

int hd_nodes_init(struct hd_nodes *nodes, uint32_t limit, uint32_t cpus)
{
	memset(nodes, 0, sizeof(*nodes));
	nodes->limit = limit;
	nodes->cpus = cpus;
	nodes->node = hd_map(((size_t)limit + 1) * sizeof(*nodes->node));
	nodes->shard = hd_alloc(cpus * sizeof(*nodes->shard));
	if (!nodes->node || !nodes->shard) {
		hd_nodes_fini(nodes);
		return -ENOMEM;
	}
	return 0;
}

void hd_nodes_fini(struct hd_nodes *nodes)
{
	if (nodes->node)
		hd_unmap(nodes->node,
			 ((size_t)nodes->limit + 1) * sizeof(*nodes->node));
	hd_free(nodes->shard);
	memset(nodes, 0, sizeof(*nodes));
}

static uint32_t next_of(struct hd_nodes *nodes, uint32_t index)
{
	return atomic_load_explicit(&nodes->node[index].next,
				    memory_order_relaxed); /* owned chain */
}

/* The first node of an owned chain; the others become this CPU's. */
static uint32_t keep_first(struct hd_nodes *nodes, uint32_t cpu, uint32_t first)
{
	uint32_t rest = next_of(nodes, first), last = rest;

	if (rest) {
		while (next_of(nodes, last))
			last = next_of(nodes, last);
		hd_tagstack_push_any(&nodes->shard[cpu].loose, hd_node_next,
				     nodes, rest, last);
	}
	return first;
}

/* Up to a magazine of nodes never used before, as a chain; 0: none left. */
static uint32_t take_fresh(struct hd_nodes *nodes)
{
	uint32_t seen = atomic_load_explicit(
		&nodes->fresh, memory_order_relaxed); /* checked by the CAS */
	uint32_t n, i;

	do {
		n = nodes->limit - seen;
		if (!n)
			return 0;
		if (n > HD_MAGAZINE)
			n = HD_MAGAZINE;
	} while (!atomic_compare_exchange_weak_explicit(
		&nodes->fresh, &seen, seen + n,
		memory_order_relaxed,   /* nobody has touched them */
		memory_order_relaxed)); /* tried again */
	for (i = 1; i <= n; i++)
		atomic_store_explicit(&nodes->node[seen + i].next,
				      i < n ? seen + i + 1 : 0,
				      memory_order_relaxed); /* owned chain */
	return seen + 1;
}

uint32_t hd_node_alloc_slow(struct hd_nodes *nodes, uint32_t cpu)
{
	uint32_t index, i;

	index = hd_tagstack_pop_any(&nodes->magazines, hd_node_chain, nodes);
	if (!index)
		index = take_fresh(nodes);
	if (index)
		return keep_first(nodes, cpu, index);
	for (i = 0; i < nodes->cpus; i++) {
		index = hd_tagstack_pop_any(&nodes->shard[i].loose,
					    hd_node_next, nodes);
		if (index)
			return index;
	}
	return hd_tagstack_pop_any(&nodes->shard[cpu].loose, hd_node_next,
				   nodes);
}

void hd_node_free_any(struct hd_nodes *nodes, uint32_t cpu, uint32_t first,
		      uint32_t last, uint32_t count)
{
	if (count < HD_MAGAZINE / 2) {
		hd_tagstack_push_any(&nodes->shard[cpu].loose, hd_node_next,
				     nodes, first, last);
		return;
	}
	atomic_store_explicit(&nodes->node[last].next, 0,
			      memory_order_relaxed); /* owned chain */
	hd_tagstack_push_any(&nodes->magazines, hd_node_chain, nodes, first,
			     first);
}
