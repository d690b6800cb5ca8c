/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * liburcu's queues and stacks, inlined: a call for each operation would be a cost
 * that a user of theirs can avoid. _LGPL_SOURCE puts their text into this program,
 * which their licence allows and which is not installed; the library itself calls
 * functions only.
 */
#define _LGPL_SOURCE
#include <urcu/lfstack.h>
#include <urcu/wfcqueue.h>
#include <urcu/wfstack.h>

#include <stdlib.h>
#include <string.h>

#include "bench/lockfree_loops.h"

/* As large as our nodes: neighbours share a line as often. */
struct item {
	_Alignas(32) union {
		struct cds_wfcq_node wfcq;
		struct cds_wfs_node wfs;
		struct cds_lfs_node lfs;
	} link;
	uint64_t value;
};

struct queue {
	struct {
		_Alignas(128) struct __cds_wfcq_head head;
		_Alignas(128) struct cds_wfcq_tail tail;
	} wfcq;
	_Alignas(128) struct __cds_wfs_stack wfs;
	_Alignas(128) struct __cds_lfs_stack lfs;
	_Alignas(128) struct item item[HB_LF_ITEMS_MAX + 1];
};

static void *open_queue(void)
{
	struct queue *queue = aligned_alloc(128, sizeof(*queue));

	if (!queue)
		return NULL;
	memset(queue, 0, sizeof(*queue));
	__cds_wfcq_init(&queue->wfcq.head, &queue->wfcq.tail);
	__cds_wfs_init(&queue->wfs);
	__cds_lfs_init(&queue->lfs);
	return queue;
}

HB_LF_INLINE void got(struct hb_lf_flow *flow, void *link)
{
	hb_lf_got(flow, ((struct item *)link)->value);
}

HB_LF_INLINE bool wfcq_push(void *arg, uint32_t i)
{
	struct queue *queue = arg;
	struct item *item = &queue->item[i];

	item->value = i;
	cds_wfcq_node_init(&item->link.wfcq);
	cds_wfcq_enqueue(&queue->wfcq.head, &queue->wfcq.tail,
			 &item->link.wfcq);
	return true;
}

/* Not the blocking forms: these sleep 10 ms when a producer was preempted. */
HB_LF_INLINE uint32_t wfcq_take(void *arg, struct hb_lf_flow *flow)
{
	struct queue *queue = arg;
	struct cds_wfcq_node *node = __cds_wfcq_dequeue_nonblocking(
		&queue->wfcq.head, &queue->wfcq.tail);

	if (!node || node == CDS_WFCQ_WOULDBLOCK)
		return 0;
	got(flow, node);
	return 1;
}

/* All that is there, as our list gives it. */
HB_LF_INLINE uint32_t wfcq_take_all(void *arg, struct hb_lf_flow *flow)
{
	struct queue *queue = arg;
	struct __cds_wfcq_head head;
	struct cds_wfcq_tail tail;
	struct cds_wfcq_node *node;
	enum cds_wfcq_ret rc;
	uint32_t n = 0;

	__cds_wfcq_init(&head, &tail);
	rc = __cds_wfcq_splice_nonblocking(&head, &tail, &queue->wfcq.head,
					   &queue->wfcq.tail);
	if (rc == CDS_WFCQ_RET_WOULDBLOCK || rc == CDS_WFCQ_RET_SRC_EMPTY)
		return 0;
	while ((node = __cds_wfcq_dequeue_nonblocking(&head, &tail))) {
		if (node == CDS_WFCQ_WOULDBLOCK) {
			sched_yield();
			continue;
		}
		got(flow, node);
		n++;
	}
	return n;
}

HB_LF_INLINE bool wfs_push(void *arg, uint32_t i)
{
	struct queue *queue = arg;
	struct item *item = &queue->item[i];

	item->value = i;
	cds_wfs_node_init(&item->link.wfs);
	cds_wfs_push(&queue->wfs, &item->link.wfs);
	return true;
}

HB_LF_INLINE uint32_t wfs_take(void *arg, struct hb_lf_flow *flow)
{
	struct queue *queue = arg;
	struct cds_wfs_head *head;
	struct cds_wfs_node *node, *next;
	uint32_t n = 0;

	/* As our list: looks before it takes the line away. */
	if (cds_wfs_empty(&queue->wfs))
		return 0;
	head = __cds_wfs_pop_all(&queue->wfs);
	if (!head)
		return 0;
	for (node = cds_wfs_first(head); node; node = next) {
		do {
			next = cds_wfs_next_nonblocking(node);
		} while (next == CDS_WFS_WOULDBLOCK && !sched_yield());
		got(flow, node);
		n++;
	}
	return n;
}

HB_LF_INLINE bool lfs_push(void *arg, uint32_t i)
{
	struct queue *queue = arg;
	struct item *item = &queue->item[i];

	item->value = i;
	cds_lfs_node_init(&item->link.lfs);
	cds_lfs_push(&queue->lfs, &item->link.lfs);
	return true;
}

HB_LF_INLINE uint32_t lfs_take(void *arg, struct hb_lf_flow *flow)
{
	struct queue *queue = arg;
	struct cds_lfs_head *head;
	struct cds_lfs_node *node, *next;
	uint32_t n = 0;

	if (cds_lfs_empty(&queue->lfs))
		return 0;
	head = __cds_lfs_pop_all(&queue->lfs);
	for (node = head ? &head->node : NULL; node; node = next) {
		next = node->next;
		got(flow, node);
		n++;
	}
	return n;
}

/*
 * In the order of the pushes, as our list is taken: a stack that is turned round is
 * a queue, and the second pass finds all lines in the cache.
 */
HB_LF_INLINE uint32_t lfs_take_in_order(void *arg, struct hb_lf_flow *flow)
{
	struct queue *queue = arg;
	struct cds_lfs_head *head;
	struct cds_lfs_node *node, *next, *oldest = NULL;
	uint32_t n = 0;

	if (cds_lfs_empty(&queue->lfs))
		return 0;
	head = __cds_lfs_pop_all(&queue->lfs);
	for (node = head ? &head->node : NULL; node; node = next) {
		next = node->next;
		node->next = oldest;
		oldest = node;
	}
	for (node = oldest; node; node = next) {
		next = node->next;
		got(flow, node);
		n++;
	}
	return n;
}

HB_LF_QUEUE_LOOPS(wfcq, wfcq_push, wfcq_take)
HB_LF_QUEUE_LOOPS(wfcq_all, wfcq_push, wfcq_take_all)
HB_LF_QUEUE_LOOPS(wfs, wfs_push, wfs_take)
HB_LF_QUEUE_LOOPS(lfs, lfs_push, lfs_take)
HB_LF_QUEUE_LOOPS(lfs_in_order, lfs_push, lfs_take_in_order)

const struct hb_lf_peer hb_lf_urcu_queues[] = {
	HB_LF_QUEUE("cds_wfcq", HB_LF_URCU, HB_LF_MANY_PRODUCERS, open_queue,
		    wfcq),
	HB_LF_QUEUE("cds_wfcq splice", HB_LF_URCU, HB_LF_MANY_PRODUCERS,
		    open_queue, wfcq_all),
	HB_LF_QUEUE("cds_wfs pop all", HB_LF_URCU, HB_LF_MANY_PRODUCERS,
		    open_queue, wfs),
	HB_LF_QUEUE("cds_lfs pop all", HB_LF_URCU, HB_LF_MANY_PRODUCERS,
		    open_queue, lfs),
	HB_LF_QUEUE("cds_lfs in order", HB_LF_URCU, HB_LF_MANY_PRODUCERS,
		    open_queue, lfs_in_order),
	{ .name = NULL },
};
