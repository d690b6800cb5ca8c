/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nodes: one for each queued task of a pool, bounded, recycled, type-stable.
 * A node is named by its index; 0 names none. Its state word decides, once for
 * each use, who gets the task: the worker that runs it, a join that takes it
 * back, or a cancel.
 *
 *          alloc  free  claim  publish
 * alloc      -     -      -       -      - safe together
 * free       -     -      -       -      X caller must exclude: the node is
 * claim      -     -      -       X        the publisher's own until it is
 * publish    -     -      X       X        pushed to a queue
 *
 * Progress: alloc and free lock-free (one CAS usually), claim and publish
 * wait-free.
 *
 * Free nodes lie in a stack per CPU (linked by next) and in magazines of up to
 * HD_MAGAZINE nodes, one stack of them for all (linked by chain, the nodes of one
 * by next), so that nodes freed by a worker reach the submitters of another
 * CPU with one contended operation for 32 nodes. Nodes never used before come
 * from a counter, so memory is touched only as far as it was needed.
 * The idea of magazines is Bonwick and Adams', USENIX ATC 2001.
 */
#ifndef HEDDLE_LOCKFREE_NODES_H
#define HEDDLE_LOCKFREE_NODES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lockfree/tagstack.h"
#include "platform/cacheline.h"

#define HD_MAGAZINE 32u

enum hd_node_status {
	HD_NODE_FREE   = 0,
	HD_NODE_QUEUED = 1,
	HD_NODE_TAKEN  = 2, /* by the worker that runs it */
	HD_NODE_DEAD   = 3, /* by a join or a cancel; still linked */
};

/* Written by the publisher before the push: fn and arg. */
struct hd_node {
	_Atomic uint64_t state;  /* generation << 2 | enum hd_node_status */
	void (*fn)(void *arg);
	void *arg;
	_Atomic uint32_t next;
	_Atomic uint32_t chain;
};

_Static_assert(sizeof(struct hd_node) == 32 || sizeof(void *) != 8,
	       "a queued task costs 32 bytes");

struct hd_node_shard {
	HD_ALIGNED struct hd_tagstack loose;
};

struct hd_nodes {
	struct hd_node *node;        /* [0, limit]; 0 is not used */
	struct hd_node_shard *shard; /* one a CPU */
	uint32_t limit;
	uint32_t cpus;
	HD_ALIGNED struct hd_tagstack magazines;
	HD_ALIGNED _Atomic uint32_t fresh; /* nodes ever handed out */
};

/* 0 or -ENOMEM; maps limit nodes without touching them. */
int hd_nodes_init(struct hd_nodes *nodes, uint32_t limit, uint32_t cpus);
void hd_nodes_fini(struct hd_nodes *nodes);

static inline struct hd_node *hd_node_at(const struct hd_nodes *nodes,
					 uint32_t index)
{
	return &nodes->node[index];
}

static inline _Atomic uint32_t *hd_node_next(void *nodes, uint32_t index)
{
	return &((struct hd_nodes *)nodes)->node[index].next;
}

static inline _Atomic uint32_t *hd_node_chain(void *nodes, uint32_t index)
{
	return &((struct hd_nodes *)nodes)->node[index].chain;
}

/* When the CPU's own stack is empty. */
uint32_t hd_node_alloc_slow(struct hd_nodes *nodes, uint32_t cpu);

/*
 * A free node, 0 when there was none. The node's next is 0. The bound is exact
 * while nobody frees: nodes in a worker's hand (fewer than HD_MAGAZINE each)
 * count as in use until it sleeps.
 */
static inline uint32_t hd_node_alloc_any(struct hd_nodes *nodes, uint32_t cpu)
{
	uint32_t index = hd_tagstack_pop_any(&nodes->shard[cpu].loose,
					     hd_node_next, nodes);

	return index ? index : hd_node_alloc_slow(nodes, cpu);
}

/* Frees count nodes linked by next from first to last. */
void hd_node_free_any(struct hd_nodes *nodes, uint32_t cpu, uint32_t first,
		      uint32_t last, uint32_t count);

static inline uint64_t hd_node_generation(struct hd_node *node)
{
	return atomic_load_explicit(&node->state,
				    memory_order_relaxed) /* stable in use */
	       >> 2;
}

/* Before the push: a new use of the node. Returns its generation. */
static inline uint64_t hd_node_publish_owner(struct hd_node *node)
{
	uint64_t generation = hd_node_generation(node) + 1;

	atomic_store_explicit(&node->state, generation << 2 | HD_NODE_QUEUED,
			      memory_order_relaxed); /* published by the push */
	return generation;
}

/*
 * Claims the task of that use: true for exactly one caller. The generation has
 * 62 bits, so a claim with an old one never fits a later use.
 * nodes-1: the claims of one use are ordered; a claimer that reads the state
 * as taken sees what the taker did before.
 */
static inline bool hd_node_claim_any(struct hd_node *node, uint64_t generation,
				     uint32_t status)
{
	uint64_t expected = generation << 2 | HD_NODE_QUEUED;

	return atomic_compare_exchange_strong_explicit(
		&node->state, &expected, generation << 2 | status,
		memory_order_acq_rel,  /* nodes-1 */
		memory_order_acquire); /* nodes-1 */
}

#endif /* HEDDLE_LOCKFREE_NODES_H */
