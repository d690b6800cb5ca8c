/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A first-in first-out queue of workers that wait for permits of a group.
 * M. M. Michael and M. L. Scott, "Simple, Fast, and Practical Non-Blocking and
 * Blocking Concurrent Queue Algorithms", PODC 1996, with nodes named by a 32-bit
 * index into a type-stable arena and a 32-bit tag beside every index. A waiter
 * brings a node; who takes it out gets the former dummy for it, so nothing is
 * allocated. Not for many pushes a second: each costs two contended CAS.
 *
 *             push_any  pop_any  any/length  init/fini
 * push_any       -         -         -           X
 * pop_any        -         -         -           X
 * any/length     -         -         -           X
 *
 * -  safe together      X  caller must exclude
 *
 * Progress: push, pop and any are lock-free (they go round when another push or
 * pop succeeded in between), length is wait-free. Context: any thread.
 *
 * Emptiness is linearizable, for pop and any: the dummy's link was read as 0
 * between two reads of the same head, tag included, so that node was the dummy
 * all the time and had no follower at that instant. Without the second read the
 * link may be that of a node which was recycled meanwhile, and "empty" is wrong.
 *
 * ABA: head, tail and every link have tags, and a link keeps its tag when its node
 * is used again, in this queue or in another one of the arena: a push that
 * slept fails on the tag. A word comes back after 2^32 changes; at 50 ns a push
 * or pop 200 s inside one step of another thread, and then only with the
 * same index.
 *
 * waitq-1: a waiter in the queue is work, and the word of the group is headroom:
 *
 *   waiter                            giver
 *   W1  link the node (seq_cst CAS)   G1  count - 1 (seq_cst)
 *   W2  read the word (seq_cst)       G2  read the link (seq_cst)
 *
 * Forbidden: W2 reads "full" and G2 reads "nobody waits".
 *
 * waitq-2: who reaches a node through head, tail or a link sees its value and
 * its link as its pusher wrote them; who gets a node back is the last to have it.
 */
#ifndef HEDDLE_LOCKFREE_WAITQ_H
#define HEDDLE_LOCKFREE_WAITQ_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "platform/cacheline.h"

/* Words are tag 32 | index 32; index 0 is none. */
struct hd_waitq_node {
	_Atomic uint64_t next;  /* A */
	_Atomic uint32_t value; /* A  written by who brings the node */
};

struct hd_waitq_arena {
	struct hd_waitq_node *node; /* I  entry 0 is not used */
	uint32_t count;             /* I */
};

struct hd_waitq {
	HD_ALIGNED _Atomic uint64_t head; /* A  the dummy */
	HD_ALIGNED _Atomic uint64_t tail; /* A  the last node, or one before */
};
_Static_assert(sizeof(struct hd_waitq) == 2 * HD_CACHELINE,
	       "push and pop share no line");

/* Nodes 1 to count - 1; 0, -EINVAL for none, -ENOMEM. Mapped, not touched. */
int hd_waitq_arena_init(struct hd_waitq_arena *arena, uint32_t count);
void hd_waitq_arena_fini(struct hd_waitq_arena *arena);

/* An empty queue; the dummy is a node nobody else uses. */
void hd_waitq_init(struct hd_waitq *queue, struct hd_waitq_arena *arena,
		   uint32_t dummy);

/* For tests of the wrap: the tags of the queue and its dummy start there. */
void hd_waitq_init_at(struct hd_waitq *queue, struct hd_waitq_arena *arena,
		      uint32_t dummy, uint32_t tag);

void hd_waitq_push_any(struct hd_waitq *queue, struct hd_waitq_arena *arena,
		       uint32_t node, uint32_t value);

/* The oldest value, and the node its waiter owns from now on. */
bool hd_waitq_pop_any(struct hd_waitq *queue, struct hd_waitq_arena *arena,
		      uint32_t *value, uint32_t *node);

/* Does anybody wait? */
static inline bool hd_waitq_any(const struct hd_waitq *queue,
				const struct hd_waitq_arena *arena)
{
	for (;;) {
		uint64_t head = atomic_load_explicit(
			&queue->head,
			memory_order_seq_cst); /* waitq-1 waitq-2 */
		uint64_t next = atomic_load_explicit(
			&arena->node[(uint32_t)head].next,
			memory_order_seq_cst); /* waitq-1 */

		if (head == atomic_load_explicit(
				    &queue->head,
				    memory_order_seq_cst)) /* waitq-1 waitq-2 */
			return (uint32_t)next != 0;
	}
}

/* For statistics: how many there are, about. */
uint32_t hd_waitq_length_any(const struct hd_waitq *queue,
			     const struct hd_waitq_arena *arena);

#endif /* HEDDLE_LOCKFREE_WAITQ_H */
