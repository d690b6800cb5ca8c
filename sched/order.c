/* SPDX-License-Identifier: BSD-2-Clause */
/* The protocol is in order.h. */
#include "sched/order.h"

#include <stddef.h>

#include "sched/pool.h"
#include "sched/ready.h"
#include "sched/task.h"
#include "sched/worker.h"

static uint32_t next_of(struct heddle_pool *pool, uint32_t node)
{
	return atomic_load_explicit(&hd_node_at(&pool->nodes, node)->next,
				    memory_order_relaxed); /* owned chain */
}

static void link_next(struct heddle_pool *pool, uint32_t node, uint32_t next)
{
	atomic_store_explicit(&hd_node_at(&pool->nodes, node)->next, next,
			      memory_order_relaxed); /* owned chain */
}

static uint32_t head_of(struct heddle_group *group)
{
	return atomic_load_explicit(&group->ordered,
				    memory_order_relaxed); /* the taker's */
}

/* Others only ask whether it is empty, and read taker or a count besides. */
static void set_head(struct heddle_group *group, uint32_t node)
{
	atomic_store_explicit(&group->ordered, node,
			      memory_order_relaxed); /* published by let_go */
}

static bool become_taker(struct heddle_group *group)
{
	return !atomic_exchange_explicit(
		&group->taker, 1, memory_order_seq_cst); /* order-1, order-2 */
}

/* The chain is empty: all of the list, oldest first. */
static void refill(struct heddle_group *group)
{
	struct heddle_pool *pool = group->pool;
	uint32_t length, first = 0;
	uint32_t node = hd_inject_take_any(&group->lane[0], &length);

	if (node)
		atomic_fetch_add_explicit(
			&group->spilled, length,
			memory_order_relaxed); /* statistics */
	while (node) {
		uint32_t next = next_of(pool, node);

		link_next(pool, node, first);
		first = node;
		node = next;
	}
	set_head(group, first);
}

static void stop_taking(struct heddle_group *group)
{
	atomic_store_explicit(&group->taker, 0,
			      memory_order_seq_cst); /* order-1, order-2 */
}

void hd_order_let_go(struct heddle_group *group, uint32_t *owe)
{
	stop_taking(group);
	if (!head_of(group) && !hd_inject_length_any(&group->lane[0]))
		return;
	hd_ready_mark(group);
	++*owe;
}

uint32_t hd_order_take(struct hd_worker *worker, struct heddle_group *group)
{
	uint32_t node;

	if (!become_taker(group))
		return 0;
	if (!head_of(group))
		refill(group);
	node = head_of(group);
	if (!node) {
		hd_order_let_go(group, &worker->owe);
		return 0;
	}
	set_head(group, next_of(group->pool, node));
	atomic_fetch_sub_explicit(&group->spilled, 1,
				  memory_order_relaxed); /* statistics */
	return node;
}

void hd_order_put_back(struct heddle_group *group, uint32_t node, uint32_t *owe)
{
	link_next(group->pool, node, head_of(group));
	set_head(group, node);
	atomic_fetch_add_explicit(&group->spilled, 1,
				  memory_order_relaxed); /* statistics */
	hd_order_let_go(group, owe);
}

/* The first of the chain that nobody has cancelled. */
static uint32_t next_alive(struct heddle_group *group)
{
	struct heddle_pool *pool = group->pool;
	uint32_t node = head_of(group);

	while (node && hd_node_state_status(atomic_load_explicit(
			       &hd_node_at(&pool->nodes, node)->state,
			       memory_order_relaxed)) != /* claim decides */
			       HD_NODE_QUEUED)
		node = next_of(pool, node);
	return node;
}

bool hd_order_claim_next(struct heddle_group *group, struct hd_task *task,
			 bool (*claim)(struct hd_task *task), uint32_t *owe)
{
	bool mine;

	if (!become_taker(group))
		return false;
	if (!head_of(group))
		refill(group);
	mine = next_alive(group) == task->node && claim(task);
	hd_order_let_go(group, owe);
	return mine;
}

uint32_t hd_order_take_all(struct heddle_group *group)
{
	uint32_t node;

	if (!head_of(group) || !become_taker(group))
		return 0;
	node = head_of(group);
	set_head(group, 0);
	stop_taking(group);
	return node;
}
