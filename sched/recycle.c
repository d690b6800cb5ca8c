/* SPDX-License-Identifier: BSD-2-Clause */
#include "sched/recycle.h"

#include "platform/cpu.h"
#include "sched/group.h"
#include "sched/pool.h"
#include "sched/room.h"
#include "sched/task.h"
#include "sched/worker.h"

#define FREE_BATCH 32

void hd_recycle_flush(struct hd_worker *worker)
{
	struct heddle_pool *pool = worker->pool;

	if (!worker->free_count)
		return;
	hd_node_free_any(&pool->nodes, hd_cpu_current(), worker->free_first,
			 worker->free_last, worker->free_count);
	worker->free_count = 0;
	worker->free_first = 0;
}

void hd_recycle_free(struct hd_worker *worker, uint32_t node)
{
	uint32_t *ahead =
		&worker->free_ahead[worker->free_count % HD_NODES_AHEAD];

	hd_nodes_link_owner(&worker->pool->nodes, node, worker->free_first);
	hd_node_set_ahead(&worker->pool->nodes, node,
			  worker->free_count < HD_NODES_AHEAD ? 0 : *ahead);
	*ahead = node;
	if (!worker->free_count)
		worker->free_last = node;
	worker->free_first = node;
	if (++worker->free_count == FREE_BATCH)
		hd_recycle_flush(worker);
}

uint32_t hd_recycle_take(struct hd_worker *worker)
{
	uint32_t index = worker->free_first;

	if (!index)
		return 0;
	worker->free_first = hd_nodes_next_owner(&worker->pool->nodes, index);
	worker->free_count--;
	hd_node_reuse_owner(hd_node_at(&worker->pool->nodes, index));
	return index;
}

static bool is_dead(struct hd_worker *worker, uint32_t index)
{
	return hd_node_state_status(atomic_load_explicit(
		       &hd_node_at(&worker->pool->nodes, index)->state,
		       memory_order_acquire)) /* node-2 */
	       == HD_NODE_DEAD;
}

/* What was joined or cancelled before, and is the newest now. */
static void free_dead(struct hd_worker *worker, struct heddle_group *group)
{
	uint32_t index;

	while ((index = hd_deque_newest_owner(&worker->deque)) &&
	       is_dead(worker, index) && hd_deque_pop_owner(&worker->deque)) {
		atomic_fetch_sub_explicit(
			&group->dead, 1, memory_order_relaxed); /* statistics */
		hd_recycle_free(worker, index);
	}
}

bool hd_recycle_newest(struct hd_worker *worker, struct hd_task *task)
{
	struct heddle_group *group = task->group;
	uint32_t index = task->node;
	struct hd_node *node = hd_node_at(&worker->pool->nodes, index);
	bool mine;

	if (hd_deque_newest_owner(&worker->deque) != index ||
	    hd_node_generation_any(node) != task->generation ||
	    !hd_deque_pop_owner(&worker->deque))
		return false;
	mine = hd_node_claim_any(node, task->generation, HD_NODE_TAKEN);
	if (mine)
		hd_room_give(group);
	else /* it was cancelled */
		atomic_fetch_sub_explicit(
			&group->dead, 1, memory_order_relaxed); /* statistics */
	hd_recycle_free(worker, index);
	free_dead(worker, group);
	return mine;
}
