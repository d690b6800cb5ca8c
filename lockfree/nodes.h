/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bounded stock of nodes. Nodes are recycled through one tagged stack for
 * each CPU; memory that was never needed is never touched. A CPU whose stack
 * is empty takes from others one node at a time, starting with the one that
 * had some last, so in a steady flow from CPU to CPU the producer finds the
 * consumer's stack at once. Nothing is moved in bulk from stack to stack: a free
 * node is never in anybody's hand. That is what makes the limit exact.
 *
 *                  alloc_any  free_any  init/fini
 * alloc_any            -         -          X
 * free_any             -         -          X
 *
 * -  safe together      X  caller must exclude
 *
 * Progress: both are lock-free; free_any walks its chain first. Context: any
 * thread. The CPU is a hint, anything may be passed.
 *
 * nodes-1: "none is free" is linearizable. All stacks are read twice; if no
 * tag differs, no operation on any of them fell between the two passes, so
 * at the instant between them all were empty at once:
 *
 *   allocator                        another thread
 *   A1  read heads 0..n (seq_cst)    F1  push to stack i (seq_cst CAS)
 *   A2  read heads 0..n (seq_cst)    F2  pop from stack j (seq_cst CAS)
 *
 * Forbidden: A1 reads i before F1, A2 reads j after F2, and the tags of i are
 * equal in A1 and A2. One pass alone would say "none" although a node was free
 * at every instant. The word of the stock is read with the heads, both times: a trim
 * makes nodes fresh again (lockfree/trim.h).
 */
#ifndef HEDDLE_LOCKFREE_NODES_H
#define HEDDLE_LOCKFREE_NODES_H

#include <stdatomic.h>
#include <stdint.h>

#include "lockfree/node.h"
#include "lockfree/tagstack.h"
#include "platform/cacheline.h"

/* Two halves, and room for the marks that share a word with an index. */
#define HD_NODES_MAX (UINT32_C(1) << 29)

struct hd_nodes_loose {
	HD_ALIGNED struct hd_tagstack stack; /* A */
	_Atomic uint32_t neighbour;          /* A  where to look next, a hint */
};
_Static_assert(sizeof(struct hd_nodes_loose) == HD_CACHELINE,
	       "the stacks of two CPUs share no line");

/* 0, -EINVAL for a limit or a number of CPUs out of range, -ENOMEM. */
int hd_nodes_init(struct hd_nodes *nodes, uint32_t limit, uint32_t cpus);

/* The same with all tags starting at that value: for tests of the wrap. */
int hd_nodes_init_at(struct hd_nodes *nodes, uint32_t limit, uint32_t cpus,
		     uint32_t tag);

void hd_nodes_fini(struct hd_nodes *nodes);

/* What hd_node_alloc_any() does when the CPU's own stack is empty. */
uint32_t hd_nodes_alloc_elsewhere(struct hd_nodes *nodes, uint32_t cpu);

/* Nodes that may have memory of their own. A hint. */
static inline uint64_t hd_nodes_touched_any(const struct hd_nodes *nodes)
{
	uint32_t handed_out = (uint32_t)atomic_load_explicit(
		&nodes->word, memory_order_relaxed); /* hint */
	uint64_t stale = atomic_load_explicit(&nodes->stale,
					      memory_order_relaxed); /* hint */

	return handed_out + stale / sizeof(struct hd_node);
}

/*
 * A node with status FREE that is the caller's alone; 0 only if there was an
 * instant during the call at which no node was free.
 */
static inline uint32_t hd_node_alloc_any(struct hd_nodes *nodes, uint32_t cpu)
{
	uint32_t index;

	if (cpu >= nodes->cpus)
		cpu %= nodes->cpus;
	index = hd_tagstack_pop_any(&nodes->loose[cpu].stack, nodes,
				    HD_LINK_NEXT);
	return index ? index : hd_nodes_alloc_elsewhere(nodes, cpu);
}

/*
 * Gives back count nodes of the caller's, linked by next from first to last.
 * None of them may be in status QUEUED.
 */
void hd_node_free_any(struct hd_nodes *nodes, uint32_t cpu, uint32_t first,
		      uint32_t last, uint32_t count);

/* A list of nodes that nobody else reaches: linked by next, up to 0. */

static inline uint32_t hd_nodes_next_owner(const struct hd_nodes *nodes,
					   uint32_t index)
{
	return atomic_load_explicit(&hd_node_at(nodes, index)->next,
				    memory_order_relaxed); /* owned */
}

static inline void hd_nodes_link_owner(const struct hd_nodes *nodes,
				       uint32_t index, uint32_t next)
{
	atomic_store_explicit(&hd_node_at(nodes, index)->next, next,
			      memory_order_relaxed); /* owned */
}

/* What was newest first becomes oldest first; the new head. */
static inline uint32_t hd_nodes_reverse_owner(const struct hd_nodes *nodes,
					      uint32_t index)
{
	uint32_t ahead[HD_NODES_AHEAD] = { 0 };
	uint32_t first = 0, i = 0;

	while (index) {
		uint32_t next = hd_nodes_next_owner(nodes, index);

		hd_node_ahead(nodes, index, next);
		hd_nodes_link_owner(nodes, index, first);
		hd_node_set_ahead(nodes, index, ahead[i % HD_NODES_AHEAD]);
		ahead[i++ % HD_NODES_AHEAD] = index;
		first = index;
		index = next;
	}
	return first;
}

#endif /* HEDDLE_LOCKFREE_NODES_H */
