/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Our list of tasks from outside, as the scheduler uses it: a taker takes all and
 * turns it round. WIDE is a list for each CPU, whose taker looks at all. The last form
 * leaves the order as it comes, which is what the stacks among the opponents do.
 */
#include <stdlib.h>
#include <string.h>

#include "bench/lockfree_loops.h"
#include "lockfree/inject.h"
#include "lockfree/nodes.h"
#include "platform/cpu.h"
#include "tools/say.h"

struct queue {
	struct hd_inject list;
	struct hd_nodes nodes;
	uint32_t lanes; /* one for each CPU, as a WIDE group has */
	struct hd_inject lane[];
};

static void *open_queue(void)
{
	uint32_t lanes = hd_cpu_possible(), i;
	size_t size = sizeof(struct queue) + lanes * sizeof(struct hd_inject);
	struct queue *queue = aligned_alloc(HD_CACHELINE, size);

	if (!queue)
		return NULL;
	memset(queue, 0, size);
	queue->lanes = lanes;
	if (hd_nodes_init(&queue->nodes, HB_LF_ITEMS_MAX, 1))
		return NULL;
	for (i = 1; i <= HB_LF_ITEMS_MAX; i++)
		hd_node_at(&queue->nodes, i)->arg = NULL;
	return queue;
}

HB_LF_INLINE bool push(void *arg, uint32_t item)
{
	struct queue *queue = arg;

	hd_node_at(&queue->nodes, item)->arg = (void *)(uintptr_t)item;
	return hd_inject_push_any(&queue->list, &queue->nodes, item,
				  HB_LF_ITEMS_MAX);
}

static inline uint32_t next_of(struct queue *queue, uint32_t node)
{
	return atomic_load_explicit(&hd_node_at(&queue->nodes, node)->next,
				    memory_order_relaxed);
}

static inline void read_chain(struct queue *queue, uint32_t node,
			      struct hb_lf_flow *flow)
{
	uint32_t next;

	for (; node; node = next) {
		next = next_of(queue, node);
		hb_lf_got(flow,
			  (uintptr_t)hd_node_at(&queue->nodes, node)->arg);
	}
}

/* Looks first, as the scheduler does: an exchange would take the line away. */
HB_LF_INLINE uint32_t take(struct queue *queue, uint32_t *length)
{
	*length = hd_inject_length_any(&queue->list);
	return *length ? hd_inject_take_any(&queue->list, length) : 0;
}

HB_LF_INLINE uint32_t take_newest_first(void *arg, struct hb_lf_flow *flow)
{
	struct queue *queue = arg;
	uint32_t length, node = take(queue, &length);

	read_chain(queue, node, flow);
	return length;
}

static inline uint32_t turned_round(struct queue *queue, uint32_t node)
{
	uint32_t oldest = 0, next;

	for (; node; node = next) {
		next = next_of(queue, node);
		hd_node_ahead(&queue->nodes, node, next);
		atomic_store_explicit(&hd_node_at(&queue->nodes, node)->next,
				      oldest, memory_order_relaxed);
		oldest = node;
	}
	return oldest;
}

HB_LF_INLINE uint32_t take_in_order(void *arg, struct hb_lf_flow *flow)
{
	struct queue *queue = arg;
	uint32_t length, node = take(queue, &length);

	read_chain(queue, turned_round(queue, node), flow);
	return length;
}

HB_LF_INLINE bool push_wide(void *arg, uint32_t item)
{
	struct queue *queue = arg;

	hd_node_at(&queue->nodes, item)->arg = (void *)(uintptr_t)item;
	return hd_inject_push_any(&queue->lane[hd_cpu_current()], &queue->nodes,
				  item, HB_LF_ITEMS_MAX);
}

HB_LF_INLINE uint32_t take_wide(void *arg, struct hb_lf_flow *flow)
{
	struct queue *queue = arg;
	uint32_t sum = 0, length, i, node;

	for (i = 0; i < queue->lanes; i++) {
		if (!hd_inject_length_any(&queue->lane[i]))
			continue;
		node = hd_inject_take_any(&queue->lane[i], &length);
		read_chain(queue, turned_round(queue, node), flow);
		sum += length;
	}
	return sum;
}

HB_LF_QUEUE_LOOPS(in_order, push, take_in_order)
HB_LF_QUEUE_LOOPS(wide, push_wide, take_wide)
HB_LF_QUEUE_LOOPS(newest_first, push, take_newest_first)

const struct hb_lf_peer hb_lf_our_queues[] = {
	HB_LF_QUEUE("inject", HB_LF_OURS, HB_LF_MANY_PRODUCERS, open_queue,
		    in_order),
	HB_LF_QUEUE("inject wide", HB_LF_OURS, HB_LF_MANY_PRODUCERS, open_queue,
		    wide),
	HB_LF_QUEUE("inject LIFO", HB_LF_OURS, HB_LF_MANY_PRODUCERS, open_queue,
		    newest_first),
	{ .name = NULL },
};
