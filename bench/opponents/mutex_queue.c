/* SPDX-License-Identifier: BSD-2-Clause */
/* A linked list under one mutex, locked once for each end. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "bench/lockfree_loops.h"

struct item {
	_Alignas(32) struct item *next;
	uint64_t value;
};

struct queue {
	_Alignas(128) pthread_mutex_t mutex;
	struct item *first;
	struct item **last;
	_Alignas(128) struct item item[HB_LF_ITEMS_MAX + 1];
};

static void *open_queue(void)
{
	struct queue *queue = aligned_alloc(128, sizeof(*queue));

	if (!queue)
		return NULL;
	memset(queue, 0, sizeof(*queue));
	pthread_mutex_init(&queue->mutex, NULL);
	queue->last = &queue->first;
	return queue;
}

HB_LF_INLINE bool push(void *arg, uint32_t i)
{
	struct queue *queue = arg;
	struct item *item = &queue->item[i];

	item->value = i;
	item->next = NULL;
	pthread_mutex_lock(&queue->mutex);
	*queue->last = item;
	queue->last = &item->next;
	pthread_mutex_unlock(&queue->mutex);
	return true;
}

HB_LF_INLINE uint32_t take(void *arg, struct hb_lf_flow *flow)
{
	struct queue *queue = arg;
	struct item *item;

	pthread_mutex_lock(&queue->mutex);
	item = queue->first;
	if (item) {
		queue->first = item->next;
		if (!item->next)
			queue->last = &queue->first;
	}
	pthread_mutex_unlock(&queue->mutex);
	if (!item)
		return 0;
	hb_lf_got(flow, item->value);
	return 1;
}

HB_LF_QUEUE_LOOPS(mutex, push, take)

const struct hb_lf_peer hb_lf_mutex_queues[] = {
	HB_LF_QUEUE("mutex", HB_LF_OTHER, HB_LF_MANY_PRODUCERS, open_queue,
		    mutex),
	{ .name = NULL },
};
