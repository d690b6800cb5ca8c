/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One queued task, and the array all of them live in. A node is named by its
 * 32-bit index, 0 is no node, and entry 0 of the array is never used. The array
 * is type-stable: it stays mapped while its owner lives, so a stale index may
 * always be followed, and what it led to is judged by a tag or a generation.
 * This file says who owns a node that is in a queue; allocation is
 * lockfree/nodes.h, and what the task does is not known here.
 *
 * Which pairs may run at the same time on one node:
 *
 *                publish_owner  claim_any  generation_any
 * publish_owner        X            -            -
 * claim_any            -            -            -
 * generation_any       -            -            -
 *
 * -  safe together      X  caller must exclude (here: one allocator)
 *
 * Progress: everything is wait-free.
 *
 * The claim decides between the worker that took the node out of a queue
 * (status TAKEN), a join that runs the task in place and a cancel (both DEAD,
 * the node is still linked somewhere). Exactly one of them gets it:
 *
 * - who took the node out and claimed it TAKEN owns it: it reads fn and arg and
 *   frees the node;
 * - who claimed it DEAD in place must not touch the node afterwards, not even
 *   fn and arg: the worker that meets the dead node frees it, and the next
 *   task may be in it at once. It knows fn and arg from its own task.
 *
 * ABA: a claim names the generation it means, which grows with each publication.
 * 62 bits do not wrap (a publication each nanosecond: 146 years).
 */
#ifndef HEDDLE_LOCKFREE_NODE_H
#define HEDDLE_LOCKFREE_NODE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/cacheline.h"

enum hd_node_status {
	HD_NODE_FREE = 0,
	HD_NODE_QUEUED = 1, /* published, nobody has it yet */
	HD_NODE_TAKEN = 2,  /* by who took it out of its queue */
	HD_NODE_DEAD = 3,   /* run or cancelled in place, still linked */
};

#define HD_NODE_STATUS_BITS 2
#define HD_NODE_STATUS_MASK UINT64_C(3)

/*
 * Field letters: A any thread, atomically; O who owns the node: its allocator
 * until it is published, then who claimed it TAKEN.
 */
struct hd_node {
	_Atomic uint64_t state; /* A  generation << 2 | status */
	void (*fn)(void *arg);  /* O */
	void *arg;              /* O */
	_Atomic uint32_t next;  /* A  link of the list it is in */
	/* A  second link, free for the owner's use; else the hint of hd_node_ahead() */
	_Atomic uint32_t chain;
};
_Static_assert(sizeof(struct hd_node) == 32, "two nodes to a 64-byte line");

struct hd_nodes_loose;

/*
 * The word of a stock: how many nodes of the half in use have been handed out at least
 * once, which half that is, and whether somebody trims (lockfree/trim.h).
 */
#define HD_NODES_HALF  (UINT64_C(1) << 32)
#define HD_NODES_TRIMS (UINT64_C(1) << 33)

struct hd_nodes {
	struct hd_node *node;         /* I  two halves */
	struct hd_nodes_loose *loose; /* I  one for each CPU */
	uint32_t limit;               /* I */
	uint32_t cpus;                /* I */
	uint32_t half; /* I  entries of a half, limit + 1 or more */

	HD_ALIGNED _Atomic uint64_t word; /* A  above */
	_Atomic uint64_t generation;      /* A  none in use before was higher */
	_Atomic uint32_t trimmer;         /* A  1: somebody trims */
	_Atomic uint32_t asked;           /* A  1: and another one came */
	/* Bytes of the other half that may have memory; the trimmer writes it. */
	_Atomic uint64_t stale; /* A */
};

/* A head with it is of a stack that a trim has frozen (lockfree/trim.h). */
#define HD_NODE_FROZEN (UINT32_C(1) << 31)

/* Are both nodes in the same half? */
static inline bool hd_nodes_together(const struct hd_nodes *nodes, uint32_t a,
				     uint32_t b)
{
	return (a >= nodes->half) == (b >= nodes->half);
}

static inline struct hd_node *hd_node_at(const struct hd_nodes *nodes,
					 uint32_t index)
{
	return &nodes->node[index];
}

/*
 * A list of nodes is a chain of lines that another CPU has written, each of which is
 * found only in the one before. So each node names one that lies some steps ahead in
 * the order in which the list will be walked, and the walker asks for its line early.
 * It is a guess: whatever it names may be anywhere, and is an entry of the array. Where
 * there is none, 0, the next one has to do.
 */
#define HD_NODES_AHEAD 8u

static inline void hd_node_ahead(const struct hd_nodes *nodes, uint32_t index,
				 uint32_t next)
{
	uint32_t ahead =
		atomic_load_explicit(&hd_node_at(nodes, index)->chain,
				     memory_order_relaxed); /* a hint */

	hd_prefetch_to_write(hd_node_at(nodes, ahead ? ahead : next));
}

static inline void hd_node_set_ahead(const struct hd_nodes *nodes,
				     uint32_t index, uint32_t ahead)
{
	atomic_store_explicit(&hd_node_at(nodes, index)->chain, ahead,
			      memory_order_relaxed); /* a hint */
}

static inline uint64_t hd_node_state_make(uint64_t generation, uint32_t status)
{
	return generation << HD_NODE_STATUS_BITS | status;
}

static inline uint32_t hd_node_state_status(uint64_t state)
{
	return (uint32_t)(state & HD_NODE_STATUS_MASK);
}

static inline uint64_t hd_node_state_generation(uint64_t state)
{
	return state >> HD_NODE_STATUS_BITS;
}

/*
 * The generation of the task that is in the node now. Who took the node out of
 * a queue claims with it; for anybody else it is a hint.
 */
static inline uint64_t hd_node_generation_any(const struct hd_node *node)
{
	return hd_node_state_generation(atomic_load_explicit(
		&node->state, memory_order_relaxed)); /* claim decides */
}

/*
 * By the allocator, after fn and arg and before the push: FREE to QUEUED.
 * Returns the generation that a claim has to name.
 */
static inline uint64_t hd_node_publish_owner(struct hd_node *node)
{
	uint64_t state = atomic_load_explicit(&node->state,
					      memory_order_relaxed); /* owned */
	uint64_t generation = hd_node_state_generation(state) + 1;

	hd_assert(hd_node_state_status(state) == HD_NODE_FREE);
	atomic_store_explicit(&node->state,
			      hd_node_state_make(generation, HD_NODE_QUEUED),
			      memory_order_release); /* node-1 */
	return generation;
}

/* By who took the node out of its queue, and claimed it or found it dead: it is FREE. */
static inline void hd_node_reuse_owner(struct hd_node *node)
{
	uint64_t state = atomic_load_explicit(&node->state,
					      memory_order_relaxed); /* owned */

	hd_assert(hd_node_state_status(state) != HD_NODE_QUEUED);
	atomic_store_explicit(
		&node->state,
		hd_node_state_make(hd_node_state_generation(state),
				   HD_NODE_FREE),
		memory_order_relaxed); /* owned */
}

/*
 * True: the task of that generation is the caller's, with the status it chose
 * (HD_NODE_TAKEN or HD_NODE_DEAD). False: somebody else has it, or it is over.
 *
 * node-1: the claimer sees fn and arg as published.
 * node-2 (pairs with itself): who loses to a claim in place sees that the claimer
 * is done with the node, and may free it.
 */
static inline bool hd_node_claim_any(struct hd_node *node, uint64_t generation,
				     uint32_t status)
{
	uint64_t queued = hd_node_state_make(generation, HD_NODE_QUEUED);

	return atomic_compare_exchange_strong_explicit(
		&node->state, &queued, hd_node_state_make(generation, status),
		memory_order_acq_rel,  /* node-1, node-2: pairs with itself */
		memory_order_acquire); /* node-2 */
}

#endif /* HEDDLE_LOCKFREE_NODE_H */
