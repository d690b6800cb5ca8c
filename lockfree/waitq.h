/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A first-in first-out queue of workers that wait for permits of a group:
 * Michael and Scott, PODC 1996, over type-stable nodes named by index, with a
 * tag beside every index against ABA. A waiter brings a node and, when it has
 * been taken out, owns the node that was the dummy before.
 *
 *        push  pop  any
 * push    -     -    -     - safe together
 * pop     -     -    -
 *
 * Progress: push and pop lock-free; any lock-free and linearisable.
 */
#ifndef HEDDLE_LOCKFREE_WAITQ_H
#define HEDDLE_LOCKFREE_WAITQ_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "platform/cacheline.h"

/* Words are tag << 32 | index. */
struct hd_waitq_node {
	_Atomic uint64_t next;
	_Atomic uint32_t value;
};

struct hd_waitq_arena {
	struct hd_waitq_node *node; /* [0, count); 0 is not used */
	uint32_t count;
};

struct hd_waitq {
	HD_ALIGNED _Atomic uint64_t head;
	HD_ALIGNED _Atomic uint64_t tail;
};

/* Nodes 1 .. count-1; 0 or -ENOMEM. Mapped, not touched. */
int hd_waitq_arena_init(struct hd_waitq_arena *arena, uint32_t count);
void hd_waitq_arena_fini(struct hd_waitq_arena *arena);

/* An empty queue; the dummy is a node nobody else uses. */
void hd_waitq_init(struct hd_waitq *queue, struct hd_waitq_arena *arena,
		   uint32_t dummy);

/* For tests: every tag of the queue and its dummy starts at a value. */
void hd_waitq_init_at(struct hd_waitq *queue, struct hd_waitq_arena *arena,
		      uint32_t dummy, uint32_t tag);

void hd_waitq_push_any(struct hd_waitq *queue, struct hd_waitq_arena *arena,
		       uint32_t node, uint32_t value);

/* The oldest value, and the node its waiter owns from now on. */
bool hd_waitq_pop_any(struct hd_waitq *queue, struct hd_waitq_arena *arena,
		      uint32_t *value, uint32_t *node);

bool hd_waitq_any(const struct hd_waitq *queue,
		  const struct hd_waitq_arena *arena);

/* For statistics: how many there are, about. */
uint32_t hd_waitq_length_any(const struct hd_waitq *queue,
			     const struct hd_waitq_arena *arena);

#endif /* HEDDLE_LOCKFREE_WAITQ_H */
