/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Concurrency Kit's rings, fifos and stack, with its own assembly: the build
 * asks for the compiler's atomics, which are slower, because the library's tests
 * must see through them; nobody else has to. A ring carries the item's value
 * itself and needs no node, which is its advantage.
 *
 * Several producers of a ring wait for one another in the middle of an enqueue. Where
 * there are more of them than CPUs, one that lost its CPU holds up the others,
 * who spin away their time slices; a round may then not end for very long.
 */
#undef CK_USE_CC_BUILTINS
#include <ck_fifo.h>
#include <ck_ring.h>
#include <ck_stack.h>

#include <stdlib.h>
#include <string.h>

#include "bench/lockfree_loops.h"

/* As large as our nodes: neighbours share a line as often. */
struct item {
	_Alignas(32) ck_stack_entry_t link;
	uint64_t value;
};

struct queue {
	_Alignas(128) ck_ring_t ring;
	_Alignas(128) ck_stack_t stack;
	_Alignas(128) ck_fifo_spsc_t spsc;
#ifdef CK_F_FIFO_MPMC
	_Alignas(128) ck_fifo_mpmc_t mpmc;
#endif
	_Alignas(128) ck_ring_buffer_t slot[2 * HB_LF_ITEMS_MAX];
	struct item item[HB_LF_ITEMS_MAX + 1];
	struct {
		_Alignas(32) ck_fifo_spsc_entry_t entry;
	} spsc_item[HB_LF_ITEMS_MAX + 1];
#ifdef CK_F_FIFO_MPMC
	ck_fifo_mpmc_entry_t mpmc_item[HB_LF_ITEMS_MAX + 1];
#endif
};

static void *open_queue(void)
{
	struct queue *queue = aligned_alloc(128, sizeof(*queue));

	if (!queue)
		return NULL;
	memset(queue, 0, sizeof(*queue));
	ck_ring_init(&queue->ring, HB_LF_ITEMS_MAX);
	ck_stack_init(&queue->stack);
	/* Item 0 is used by nobody and is the first stub. */
	ck_fifo_spsc_init(&queue->spsc, &queue->spsc_item[0].entry);
#ifdef CK_F_FIFO_MPMC
	ck_fifo_mpmc_init(&queue->mpmc, &queue->mpmc_item[0]);
#endif
	return queue;
}

/* ---- rings ---- */

#define RING(kind) \
 HB_LF_INLINE bool ring_##kind##_push(void *arg, uint32_t item) \
 { \
  struct queue *queue = arg; \
\
  return ck_ring_enqueue_##kind(&queue->ring, queue->slot, \
				(void *)(uintptr_t)item); \
 } \
 HB_LF_INLINE uint32_t ring_##kind##_take(void *arg, struct hb_lf_flow *flow) \
 { \
  struct queue *queue = arg; \
  void *item; \
\
  if (!ck_ring_dequeue_##kind(&queue->ring, queue->slot, &item)) \
   return 0; \
  hb_lf_got(flow, (uintptr_t)item); \
  return 1; \
 } \
 HB_LF_QUEUE_LOOPS(ring_##kind, ring_##kind##_push, ring_##kind##_take)

RING(spsc)
RING(spmc)
RING(mpsc)
RING(mpmc)

/* ---- stack ---- */

HB_LF_INLINE bool stack_push(void *arg, uint32_t i)
{
	struct queue *queue = arg;
	struct item *item = &queue->item[i];

	item->value = i;
	ck_stack_push_upmc(&queue->stack, &item->link);
	return true;
}

HB_LF_INLINE uint32_t stack_take_all(void *arg, struct hb_lf_flow *flow)
{
	struct queue *queue = arg;
	ck_stack_entry_t *entry, *next;
	uint32_t n = 0;

	/* As our list: looks before it takes the line away. */
	if (!ck_pr_load_ptr(&queue->stack.head))
		return 0;
	for (entry = ck_stack_batch_pop_upmc(&queue->stack); entry;
	     entry = next) {
		next = entry->next;
		hb_lf_got(flow, ((struct item *)(void *)entry)->value);
		n++;
	}
	return n;
}

HB_LF_QUEUE_LOOPS(stack, stack_push, stack_take_all)

#ifdef CK_F_STACK_POP_MPMC
HB_LF_INLINE bool stack_mpmc_push(void *arg, uint32_t i)
{
	struct queue *queue = arg;
	struct item *item = &queue->item[i];

	item->value = i;
	ck_stack_push_mpmc(&queue->stack, &item->link);
	return true;
}

HB_LF_INLINE uint32_t stack_mpmc_take(void *arg, struct hb_lf_flow *flow)
{
	struct queue *queue = arg;
	ck_stack_entry_t *entry = ck_stack_pop_mpmc(&queue->stack);

	if (!entry)
		return 0;
	hb_lf_got(flow, ((struct item *)(void *)entry)->value);
	return 1;
}

HB_LF_QUEUE_LOOPS(stack_mpmc, stack_mpmc_push, stack_mpmc_take)
#endif

/* ---- fifos ---- */

HB_LF_INLINE bool spsc_push(void *arg, uint32_t i)
{
	struct queue *queue = arg;

	ck_fifo_spsc_enqueue(&queue->spsc, &queue->spsc_item[i].entry,
			     (void *)(uintptr_t)i);
	return true;
}

HB_LF_INLINE uint32_t spsc_take(void *arg, struct hb_lf_flow *flow)
{
	struct queue *queue = arg;
	void *value;

	if (!ck_fifo_spsc_dequeue(&queue->spsc, &value))
		return 0;
	hb_lf_got(flow, (uintptr_t)value);
	return 1;
}

HB_LF_QUEUE_LOOPS(spsc, spsc_push, spsc_take)

#ifdef CK_F_FIFO_MPMC
HB_LF_INLINE bool mpmc_push(void *arg, uint32_t i)
{
	struct queue *queue = arg;

	ck_fifo_mpmc_enqueue(&queue->mpmc, &queue->mpmc_item[i],
			     (void *)(uintptr_t)i);
	return true;
}

HB_LF_INLINE uint32_t mpmc_take(void *arg, struct hb_lf_flow *flow)
{
	struct queue *queue = arg;
	ck_fifo_mpmc_entry_t *garbage;
	void *value;

	if (!ck_fifo_mpmc_dequeue(&queue->mpmc, &value, &garbage))
		return 0;
	hb_lf_got(flow, (uintptr_t)value);
	return 1;
}

HB_LF_QUEUE_LOOPS(mpmc, mpmc_push, mpmc_take)
#endif

const struct hb_lf_peer hb_lf_ck_queues[] = {
	HB_LF_QUEUE("ck_ring spsc", HB_LF_CK, HB_LF_ONE_PRODUCER, open_queue,
		    ring_spsc),
	HB_LF_QUEUE("ck_ring spmc", HB_LF_CK, HB_LF_ONE_PRODUCER, open_queue,
		    ring_spmc),
	HB_LF_QUEUE("ck_ring mpsc", HB_LF_CK, HB_LF_MANY_PRODUCERS, open_queue,
		    ring_mpsc),
	HB_LF_QUEUE("ck_ring mpmc", HB_LF_CK, HB_LF_MANY_PRODUCERS, open_queue,
		    ring_mpmc),
	HB_LF_QUEUE("ck_stack batch", HB_LF_CK, HB_LF_MANY_PRODUCERS,
		    open_queue, stack),
#ifdef CK_F_STACK_POP_MPMC
	/* Newest first and one by one: which items are free is not told. */
	HB_LF_QUEUE("ck_stack mpmc", HB_LF_CK, 1u << HB_LF_PAIR, open_queue,
		    stack_mpmc),
#endif
	HB_LF_QUEUE("ck_fifo spsc", HB_LF_CK, HB_LF_ONE_PRODUCER, open_queue,
		    spsc),
#ifdef CK_F_FIFO_MPMC
	HB_LF_QUEUE("ck_fifo mpmc", HB_LF_CK, HB_LF_MANY_PRODUCERS, open_queue,
		    mpmc),
#endif
	{ .name = NULL },
};
