/* SPDX-License-Identifier: BSD-2-Clause */
/* Pushing and popping; the labels are explained in the header. */
#include "lockfree/waitq.h"

#include <errno.h>
#include <stddef.h>

#include "platform/memory.h"

static uint32_t index_of(uint64_t word)
{
	return (uint32_t)word;
}

/* The word that follows one, naming this index. */
static uint64_t step(uint64_t word, uint32_t index)
{
	return ((word >> 32) + 1) << 32 | index;
}

static uint64_t next_of(const struct hd_waitq_arena *arena, uint64_t at)
{
	return atomic_load_explicit(&arena->node[index_of(at)].next,
				    memory_order_seq_cst); /* waitq-1 */
}

static uint64_t load(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word,
				    memory_order_seq_cst); /* waitq-1 waitq-2 */
}

static bool move(_Atomic uint64_t *word, uint64_t from, uint64_t to)
{
	return atomic_compare_exchange_strong_explicit(
		word, &from, to, memory_order_seq_cst, /* waitq-1 waitq-2 */
		memory_order_relaxed);                 /* read again */
}

int hd_waitq_arena_init(struct hd_waitq_arena *arena, uint32_t count)
{
	if (count < 2)
		return -EINVAL;
	arena->node = hd_map(count * sizeof(*arena->node));
	arena->count = count;
	return arena->node ? 0 : -ENOMEM;
}

void hd_waitq_arena_fini(struct hd_waitq_arena *arena)
{
	if (arena->node)
		hd_unmap(arena->node, arena->count * sizeof(*arena->node));
	arena->node = NULL;
}

void hd_waitq_init_at(struct hd_waitq *queue, struct hd_waitq_arena *arena,
		      uint32_t dummy, uint32_t tag)
{
	uint64_t word = (uint64_t)tag << 32;

	atomic_store_explicit(&arena->node[dummy].next, word,
			      memory_order_relaxed); /* not shared yet */
	atomic_store_explicit(&queue->head, word | dummy,
			      memory_order_relaxed); /* not shared yet */
	atomic_store_explicit(&queue->tail, word | dummy,
			      memory_order_relaxed); /* not shared yet */
}

void hd_waitq_init(struct hd_waitq *queue, struct hd_waitq_arena *arena,
		   uint32_t dummy)
{
	hd_waitq_init_at(queue, arena, dummy, 0);
}

void hd_waitq_push_any(struct hd_waitq *queue, struct hd_waitq_arena *arena,
		       uint32_t node, uint32_t value)
{
	struct hd_waitq_node *own = &arena->node[node];

	hd_assert(node != 0 && node < arena->count);
	atomic_store_explicit(&own->value, value,
			      memory_order_relaxed); /* published by the link */
	/* A new tag, so that a CAS on the node's last use fails. */
	atomic_store_explicit(
		&own->next,
		step(atomic_load_explicit(&own->next,
					  memory_order_relaxed), /* own */
		     0),
		memory_order_relaxed); /* published by the link */
	for (;;) {
		uint64_t tail = load(&queue->tail);
		uint64_t next = next_of(arena, tail);

		if (tail != load(&queue->tail))
			continue;
		if (index_of(next)) {
			move(&queue->tail, tail, step(tail, index_of(next)));
			continue;
		}
		if (move(&arena->node[index_of(tail)].next, next,
			 step(next, node))) {
			move(&queue->tail, tail, step(tail, node));
			return;
		}
	}
}

bool hd_waitq_pop_any(struct hd_waitq *queue, struct hd_waitq_arena *arena,
		      uint32_t *value, uint32_t *node)
{
	for (;;) {
		uint64_t head = load(&queue->head);
		uint64_t tail = load(&queue->tail);
		uint64_t next = next_of(arena, head);

		if (head != load(&queue->head))
			continue;
		if (!index_of(next))
			return false;
		if (index_of(head) == index_of(tail)) {
			move(&queue->tail, tail, step(tail, index_of(next)));
			continue;
		}
		*value = atomic_load_explicit(
			&arena->node[index_of(next)].value,
			memory_order_relaxed); /* checked by the CAS */
		if (move(&queue->head, head, step(head, index_of(next)))) {
			*node = index_of(head);
			return true;
		}
	}
}

uint32_t hd_waitq_length_any(const struct hd_waitq *queue,
			     const struct hd_waitq_arena *arena)
{
	uint64_t at = load(&queue->head);
	uint32_t n = 0;

	while (n < arena->count) {
		at = next_of(arena, at);
		if (!index_of(at))
			break;
		n++;
	}
	return n;
}
