/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stack of nodes (lockfree/node.h) by R. K. Treiber, "Systems Programming:
 * Coping with Parallelism", IBM RJ 5118, 1986, with a tag beside the index in
 * one 64-bit word. Entries are linked by the field the caller names, so that an
 * entry of the stack may itself be a chain of nodes. Not a queue, and not for
 * memory that may be unmapped: a pop reads the link of a node that another
 * thread may have taken already.
 *
 *            push_any  pop_any  any  init
 * push_any      -         -      -    X
 * pop_any       -         -      -    X
 * any           -         -      -    X
 *
 * -  safe together      X  caller must exclude
 *
 * Progress: push and pop are lock-free (a failed CAS is somebody's success),
 * any is wait-free. Context: any thread.
 *
 * Emptiness is linearizable: one load of one word.
 *
 * ABA: a pop that is delayed between its load and its CAS would install a stale
 * link if the head had the same value again. Every push and every pop adds one
 * to the 32-bit tag, so for that exactly a multiple of 2^32 operations must
 * succeed on this stack within the delay, and leave the same node on top. At
 * 5 ns an operation, the fastest one core can do, 2^32 take 21 s; a delay of
 * that length must then end at one operation in four billion.
 *
 * tagstack-1: what was done to the nodes before the push is seen by who pops
 * them. All changes are read-modify-writes, so an acquire of the head pairs
 * with every push below it, not only with the last.
 *
 * tagstack-2: a push is work that is published, and whoever found nothing
 * looks again after its own announcement:
 *
 *   pusher                          taker
 *   P1  CAS head (seq_cst)          T1  clear the hint (seq_cst)
 *   P2  read the hint (seq_cst)     T2  read head (seq_cst)
 *
 * Forbidden: P2 reads the hint as still set and T2 reads the stack as empty.
 */
#ifndef HEDDLE_LOCKFREE_TAGSTACK_H
#define HEDDLE_LOCKFREE_TAGSTACK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lockfree/node.h"

struct hd_tagstack {
	_Atomic uint64_t head; /* A  tag 32 | index 32; zero is empty */
};

/* Which field of a node links the entries of a stack. */
enum hd_link {
	HD_LINK_NEXT,
	HD_LINK_CHAIN,
};

static inline uint64_t hd_tag_make(uint32_t tag, uint32_t index)
{
	return (uint64_t)tag << 32 | index;
}

static inline uint32_t hd_tag_of(uint64_t word)
{
	return (uint32_t)(word >> 32);
}

static inline uint32_t hd_tag_index(uint64_t word)
{
	return (uint32_t)word;
}

/* The successor of a word: another index, the tag one further, wrapping. */
static inline uint64_t hd_tag_step(uint64_t word, uint32_t index)
{
	return hd_tag_make(hd_tag_of(word) + 1, index);
}

static inline _Atomic uint32_t *hd_link_of(struct hd_node *node,
					   enum hd_link link)
{
	return link == HD_LINK_NEXT ? &node->next : &node->chain;
}

/* Zeroed memory is an empty stack too; a test starts the tag near its end. */
static inline void hd_tagstack_init_at(struct hd_tagstack *stack, uint32_t tag)
{
	atomic_store_explicit(&stack->head, hd_tag_make(tag, 0),
			      memory_order_relaxed); /* before publication */
}

/*
 * A push finds the stack frozen: it stays so. If what it holds is of the other half, that
 * is none of ours any more, and the stack is as an empty one (trim-2).
 */
static inline uint32_t hd_tagstack_under_frozen(const struct hd_nodes *nodes,
						uint32_t head, uint32_t *first)
{
	uint32_t index = head & ~HD_NODE_FROZEN;

	if (!hd_nodes_together(nodes, index, *first))
		return 0;
	*first |= HD_NODE_FROZEN;
	return index;
}

/*
 * Puts first on top; first to last are linked by that field already (or are
 * one and the same), the field of last is written here.
 */
static inline void hd_tagstack_push_any(struct hd_tagstack *stack,
					struct hd_nodes *nodes, uint32_t first,
					uint32_t last, enum hd_link link)
{
	_Atomic uint32_t *below = hd_link_of(hd_node_at(nodes, last), link);
	uint64_t head = atomic_load_explicit(
		&stack->head, memory_order_relaxed); /* checked by the CAS */
	uint32_t top, under;

	do {
		top = first;
		under = hd_tag_index(head);
		if (under & HD_NODE_FROZEN)
			under = hd_tagstack_under_frozen(nodes, under, &top);
		atomic_store_explicit(below, under,
				      memory_order_relaxed); /* by the CAS */
	} while (!atomic_compare_exchange_weak_explicit(
		&stack->head, &head, hd_tag_step(head, top),
		memory_order_seq_cst,   /* tagstack-1, tagstack-2 */
		memory_order_relaxed)); /* checked by the next CAS */
}

/*
 * The newest entry, or 0 when there was none at some instant of the call, or when the
 * stack is frozen.
 */
static inline uint32_t hd_tagstack_pop_any(struct hd_tagstack *stack,
					   struct hd_nodes *nodes,
					   enum hd_link link)
{
	uint64_t head = atomic_load_explicit(
		&stack->head,
		memory_order_seq_cst); /* tagstack-1, tagstack-2 */
	uint32_t index, below;

	do {
		index = hd_tag_index(head);
		if (!index || index & HD_NODE_FROZEN)
			return 0;
		/* A stale link is discarded with the CAS, by the tag. */
		below = atomic_load_explicit(
			hd_link_of(hd_node_at(nodes, index), link),
			memory_order_relaxed); /* acquired with the head */
		if (link == HD_LINK_NEXT)
			hd_node_ahead(nodes, index, below);
	} while (!atomic_compare_exchange_weak_explicit(
		&stack->head, &head, hd_tag_step(head, below),
		memory_order_seq_cst,   /* tagstack-1, tagstack-2 */
		memory_order_seq_cst)); /* tagstack-1, tagstack-2 */
	return index;
}

/* The word itself, for who must tell that nothing happened in between. */
static inline uint64_t hd_tagstack_head_any(const struct hd_tagstack *stack)
{
	return atomic_load_explicit(&stack->head,
				    memory_order_seq_cst); /* tagstack-2 */
}

static inline bool hd_tagstack_any(const struct hd_tagstack *stack)
{
	return hd_tag_index(hd_tagstack_head_any(stack)) != 0;
}

#endif /* HEDDLE_LOCKFREE_TAGSTACK_H */
