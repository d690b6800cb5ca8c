/* SPDX-License-Identifier: BSD-2-Clause */
/* The protocol is in order.h. */
#include "sched/order.h"

#include <stddef.h>

#include "platform/cpu.h"
#include "sched/help.h"
#include "sched/permit.h"
#include "sched/pin.h"
#include "sched/pool.h"
#include "sched/ready.h"
#include "sched/task.h"
#include "sched/worker.h"

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

/* The taker word: nobody, somebody, somebody and a helper was turned away. */
enum {
	NOBODY = 0,
	TAKEN = 1,
	TURNED_AWAY = 2
};

static bool change_taker(struct heddle_group *group, uint32_t *seen,
			 uint32_t wanted)
{
	return atomic_compare_exchange_strong_explicit(
		&group->taker, seen, wanted,
		memory_order_seq_cst,  /* order-1, order-2, order-3 */
		memory_order_seq_cst); /* order-1: TAKEN is an answer */
}

static bool become_taker(struct heddle_group *group)
{
	uint32_t seen = NOBODY;

	return change_taker(group, &seen, TAKEN);
}

/*
 * For a helper, whom no mark or look brings back. order-3: it leaves word, and who lets
 * go finds that. Forbidden: it sleeps and the taker told nobody.
 */
static bool become_taker_or_leave_word(struct heddle_group *group)
{
	uint32_t seen;

	for (;;) {
		seen = NOBODY;
		if (change_taker(group, &seen, TAKEN))
			return true;
		if (seen == TURNED_AWAY ||
		    change_taker(group, &seen, TURNED_AWAY))
			return false;
	}
}

/* By the taker: the first of the chain, which gets all of the list when it is empty. */
static uint32_t first(struct heddle_group *group)
{
	uint32_t node = head_of(group), length;

	if (node)
		return node;
	node = hd_inject_take_any(&group->lane[0], &length);
	if (!node)
		return 0;
	atomic_fetch_add_explicit(&group->spilled, length,
				  memory_order_relaxed); /* statistics */
	node = hd_nodes_reverse_owner(&group->pool->nodes, node);
	set_head(group, node);
	return node;
}

static void pop(struct heddle_group *group, uint32_t node)
{
	set_head(group, hd_nodes_next_owner(&group->pool->nodes, node));
	atomic_fetch_sub_explicit(&group->spilled, 1,
				  memory_order_relaxed); /* statistics */
}

static void stop_taking(struct heddle_group *group)
{
	uint32_t before = atomic_exchange_explicit(
		&group->taker, NOBODY,
		memory_order_seq_cst); /* order-1, order-2, order-3 */

	if (before == TURNED_AWAY)
		hd_help_signal(group->pool);
}

void hd_order_let_go(struct heddle_group *group, uint32_t *owe)
{
	stop_taking(group);
	if (!head_of(group) && !hd_inject_length_any(&group->lane[0]))
		return;
	hd_ready_mark(group);
	/* groupword-1: without headroom the look would find none; who gives a unit
	 * back, or raises the cap, reads the bit and looks.
	 */
	if (hd_permit_room(group))
		++*owe;
}

uint32_t hd_order_take(struct hd_worker *worker, struct heddle_group *group)
{
	uint32_t node;

	if (!become_taker(group))
		return 0;
	node = first(group);
	if (node)
		pop(group, node);
	else
		hd_order_let_go(group, &worker->owe);
	return node;
}

void hd_order_put_back(struct heddle_group *group, uint32_t node, uint32_t *owe)
{
	hd_nodes_link_owner(&group->pool->nodes, node, head_of(group));
	set_head(group, node);
	atomic_fetch_add_explicit(&group->spilled, 1,
				  memory_order_relaxed); /* statistics */
	hd_order_let_go(group, owe);
}

/* The first that nobody has cancelled or joined; the dead before it are freed. */
static uint32_t first_alive(struct heddle_group *group)
{
	struct heddle_pool *pool = group->pool;
	uint32_t node;

	while ((node = first(group))) {
		uint64_t state = atomic_load_explicit(
			&hd_node_at(&pool->nodes, node)->state,
			memory_order_acquire); /* node-2 */

		if (hd_node_state_status(state) == HD_NODE_QUEUED)
			break;
		pop(group, node);
		atomic_fetch_sub_explicit(
			&group->dead, 1, memory_order_relaxed); /* statistics */
		hd_node_free_any(&pool->nodes, hd_cpu_current() % pool->cpus,
				 node, node, 1);
	}
	return node;
}

void hd_order_moved(struct heddle_group *group)
{
	hd_help_signal(group->pool);
}

bool hd_order_claim_next(struct heddle_group *group, struct hd_task *task,
			 bool (*claim)(struct hd_task *task), uint32_t *owe)
{
	bool mine;

	if (!become_taker_or_leave_word(group))
		return false;
	mine = first_alive(group) == task->node && claim(task);
	if (mine)
		first_alive(group); /* frees its node: a drain may wait */
	hd_order_let_go(group, owe);
	if (mine)
		hd_order_moved(group);
	return mine;
}

/*
 * A closer that has read the pin, or met a taker where it wanted to cancel, waits for a
 * signal. A drain does not find rest while the task is queued: no signal then, or a
 * helper that waits for its turn would wake itself again and again.
 */
static void unpin(struct heddle_group *group, struct hd_task *task)
{
	uint32_t gate;

	atomic_fetch_sub_explicit(&group->pins, 1,
				  memory_order_seq_cst); /* pin-1 */
	gate = atomic_load_explicit(&group->gate,
				    memory_order_seq_cst); /* pin-1 */
	if (gate > HD_GATE_DRAIN ||
	    (gate == HD_GATE_DRAIN && !hd_task_queued(task)))
		hd_effect_signal(group->pool);
}

bool hd_order_is_turn(struct heddle_group *group, struct hd_task *task,
		      uint32_t *owe)
{
	bool is_turn = false;

	hd_pin(group);
	if (become_taker_or_leave_word(group)) {
		is_turn = first_alive(group) == task->node;
		hd_order_let_go(group, owe);
	}
	unpin(group, task);
	return is_turn;
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
