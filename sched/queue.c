/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Moving tasks. Whoever holds tasks that are in no queue hides work; after it
 * has put them where others see them it marks the group and owes a look.
 */
#include "sched/queue.h"

#include "platform/cpu.h"
#include "sched/fork.h"
#include "sched/group.h"
#include "sched/order.h"
#include "sched/pin.h"
#include "sched/pool.h"
#include "sched/ready.h"
#include "sched/task.h"
#include "sched/thief.h"
#include "sched/worker.h"

/* So many dead nodes are left where they are, beside others. */
#define SWEEP_MIN 64u

/* A chain of nodes, oldest first. */
struct chain {
	uint32_t first, last, length;
};

/* Lists in use; a stale look may read the number of another life. */
static uint32_t lanes_of(struct heddle_group *group)
{
	return atomic_load_explicit(&group->lanes,
				    memory_order_relaxed); /* constant */
}

static uint32_t entries(struct heddle_pool *pool)
{
	return atomic_load_explicit(&pool->entries_used,
				    memory_order_acquire); /* registry-1 */
}

bool hd_queue_tasks(struct heddle_group *group)
{
	struct heddle_pool *pool = group->pool;
	uint32_t i;

	for (i = 0; i < lanes_of(group); i++)
		if (hd_inject_length_any(&group->lane[i]))
			return true;
	if (hd_tagstack_any(&group->spill) ||
	    atomic_load_explicit(&group->ordered,
				 memory_order_relaxed)) /* behind taker */
		return true;
	for (i = 0; i < entries(pool); i++)
		if (hd_deque_length_of_any(&pool->worker[i].deque,
					   group->index))
			return true;
	return hd_fork_any(group);
}

bool hd_queue_startable(struct heddle_group *group)
{
	return atomic_load_explicit(&group->gate,
				    memory_order_seq_cst) /* close-1 */
		       <= HD_GATE_DRAIN &&
	       !hd_order_taken(group) && hd_queue_tasks(group);
}

uint64_t hd_queue_length(struct heddle_group *group)
{
	struct heddle_pool *pool = group->pool;
	uint64_t sum = atomic_load_explicit(
		&group->spilled, memory_order_relaxed); /* statistics */
	uint32_t dead = atomic_load_explicit(
		&group->dead, memory_order_relaxed); /* statistics */
	uint32_t i;

	for (i = 0; i < lanes_of(group); i++)
		sum += hd_inject_length_any(&group->lane[i]);
	for (i = 0; i < entries(pool); i++)
		sum += hd_deque_length_of_any(&pool->worker[i].deque,
					      group->index);
	return (sum > dead ? sum - dead : 0) + hd_fork_length(group);
}

/* The deque takes the group's tasks, now or from now on. */
static bool deque_adopt(struct hd_worker *worker, struct heddle_group *group)
{
	if (hd_deque_tag_owner(&worker->deque) == group->index)
		return true;
	if (hd_deque_length_any(&worker->deque))
		return false;
	hd_deque_retag_owner(&worker->deque, group->index);
	return true;
}

bool hd_queue_push(struct heddle_group *group, struct hd_worker *worker,
		   uint32_t node)
{
	struct heddle_pool *pool = group->pool;
	uint32_t lanes = lanes_of(group), lane;

	if (worker && !worker->helper && worker->frame &&
	    worker->frame->group == group && !hd_order_of(group) &&
	    deque_adopt(worker, group) &&
	    hd_deque_push_owner(&worker->deque, node))
		return true;
	lane = lanes > 1 ? hd_cpu_current() % lanes : 0;
	return hd_inject_push_any(&group->lane[lane], &pool->nodes, node,
				  pool->lanes_length_max);
}

static void spill(struct heddle_group *group, struct chain chain)
{
	struct heddle_pool *pool = group->pool;

	atomic_fetch_add_explicit(&group->spilled, chain.length,
				  memory_order_relaxed); /* statistics */
	hd_tagstack_push_any(&group->spill, &pool->nodes, chain.first,
			     chain.first, HD_LINK_CHAIN);
}

/*
 * Keeps the oldest task in the hand, moves the next ones into the deque so that
 * the owner takes them oldest first, and spills the rest.
 */
static uint32_t accept_chain(struct hd_worker *worker,
			     struct heddle_group *group, struct chain chain)
{
	struct heddle_pool *pool = group->pool;
	uint32_t batch[HD_BATCH], n = 0, i;
	uint32_t node = hd_nodes_next_owner(&pool->nodes, chain.first);

	while (node && n < HD_BATCH - 1) {
		uint32_t next = hd_nodes_next_owner(&pool->nodes, node);

		hd_node_ahead(&pool->nodes, node, next);
		batch[n++] = node;
		node = next;
	}
	if (node) {
		chain.length -= n + 1;
		spill(group, (struct chain){ node, chain.last, chain.length });
	}
	for (i = n; i-- > 0;) {
		bool pushed =
			i ? hd_deque_push_quiet_owner(&worker->deque, batch[i])
			  : hd_deque_push_owner(&worker->deque, batch[i]);

		hd_assert(pushed);
		(void)pushed;
	}
	if (n || node) {
		hd_ready_mark(group);
		worker->owe++;
	}
	return chain.first;
}

static uint32_t take_spill(struct hd_worker *worker, struct heddle_group *group)
{
	struct heddle_pool *pool = group->pool;
	struct chain chain = { 0, 0, 0 };
	uint32_t node, next;

	if (!hd_tagstack_any(&group->spill))
		return 0;
	chain.first =
		hd_tagstack_pop_any(&group->spill, &pool->nodes, HD_LINK_CHAIN);
	if (!chain.first)
		return 0;
	for (node = chain.first; node; node = next) {
		next = hd_nodes_next_owner(&pool->nodes, node);
		hd_node_ahead(&pool->nodes, node, next);
		chain.length++;
		chain.last = node;
		if (chain.length > HD_BATCH)
			break;
	}
	/* The rest keeps its place in the count; only the batch leaves. */
	atomic_fetch_sub_explicit(&group->spilled, chain.length,
				  memory_order_relaxed); /* statistics */
	return accept_chain(worker, group, chain);
}

static uint32_t take_lanes(struct hd_worker *worker, struct heddle_group *group)
{
	uint32_t lanes = lanes_of(group);
	uint32_t first = lanes > 1 ? hd_cpu_current() : 0, i;

	for (i = 0; i < lanes; i++) {
		struct hd_inject *lane = &group->lane[(first + i) % lanes];
		uint32_t length, node;

		if (!hd_inject_length_any(lane))
			continue;
		node = hd_inject_take_any(lane, &length);
		if (node)
			return accept_chain(
				worker, group,
				(struct chain){
					hd_nodes_reverse_owner(
						&group->pool->nodes, node),
					node, length });
	}
	return 0;
}

static uint32_t steal_one(struct hd_worker *worker, struct heddle_group *group,
			  struct hd_worker *victim)
{
	while (hd_deque_length_of_any(&victim->deque, group->index)) {
		uint32_t node;

		/* The ring is freed a grace period after it was retired. */
		hd_thief_begin(worker);
		node = hd_deque_steal_any(&victim->deque, group->index);
		hd_thief_end(worker);
		if (node != HD_DEQUE_RETRY)
			return node;
	}
	return 0;
}

static uint32_t random_of(struct hd_worker *worker)
{
	worker->random ^= worker->random << 13;
	worker->random ^= worker->random >> 17;
	worker->random ^= worker->random << 5;
	return worker->random;
}

static uint32_t steal(struct hd_worker *worker, struct heddle_group *group)
{
	struct heddle_pool *pool = worker->pool;
	uint32_t n = entries(pool), first = random_of(worker) % n, i;

	for (i = 0; i < n; i++) {
		struct hd_worker *victim = &pool->worker[(first + i) % n];
		uint32_t node;

		if (victim == worker)
			continue;
		node = steal_one(worker, group, victim);
		if (node) {
			worker->owe++;
			return node;
		}
	}
	return 0;
}

uint32_t hd_queue_take(struct hd_worker *worker, struct heddle_group *group)
{
	uint32_t node;

	if (hd_order_of(group))
		return hd_order_take(worker, group);
	if (hd_deque_tag_owner(&worker->deque) == group->index) {
		node = hd_deque_pop_owner(&worker->deque);
		if (node)
			return node;
	} else if (!deque_adopt(worker, group)) {
		hd_queue_drain(worker);
		hd_deque_retag_owner(&worker->deque, group->index);
	}
	node = take_spill(worker, group);
	if (!node)
		node = take_lanes(worker, group);
	if (!node)
		node = steal(worker, group);
	return node;
}

void hd_queue_put_back(struct hd_worker *worker, struct heddle_group *group,
		       uint32_t node)
{
	if (hd_order_of(group)) {
		hd_order_put_back(group, node, &worker->owe);
		return;
	}
	if (!hd_deque_push_owner(&worker->deque, node)) {
		hd_nodes_link_owner(&worker->pool->nodes, node, 0);
		spill(group, (struct chain){ node, node, 1 });
	}
	hd_ready_mark(group);
	worker->owe++;
}

/*
 * While the tasks are in the hand they are in no queue, and no permit of their
 * group need be out: the pin tells a closer of it.
 */
void hd_queue_drain(struct hd_worker *worker)
{
	struct heddle_pool *pool = worker->pool;
	struct heddle_group *home =
		&pool->group[hd_deque_tag_owner(&worker->deque)];
	struct chain chain = { 0, 0, 0 };
	uint32_t node;

	if (!hd_deque_length_any(&worker->deque))
		return;
	hd_pin(home);
	while ((node = hd_deque_pop_owner(&worker->deque))) {
		hd_nodes_link_owner(&pool->nodes, node, chain.first);
		if (!chain.last)
			chain.last = node;
		chain.first = node;
		chain.length++;
	}
	if (chain.first) {
		spill(home, chain);
		hd_ready_mark(home);
		worker->owe++;
	}
	hd_unpin(home);
}

/* Adds a chain in somebody's hand to the end of *to, and frees what is dead. */
static void append_alive(struct heddle_group *group, uint32_t node,
			 struct chain *to)
{
	struct heddle_pool *pool = group->pool;
	struct chain dead = { 0, 0, 0 };

	while (node) {
		uint32_t next = hd_nodes_next_owner(&pool->nodes, node);
		uint64_t state = atomic_load_explicit(
			&hd_node_at(&pool->nodes, node)->state,
			memory_order_acquire); /* node-2 */
		struct chain *into =
			hd_node_state_status(state) == HD_NODE_QUEUED ? to
								      : &dead;

		hd_nodes_link_owner(&pool->nodes, node, 0);
		if (into->last)
			hd_nodes_link_owner(&pool->nodes, into->last, node);
		else
			into->first = node;
		into->last = node;
		into->length++;
		node = next;
	}
	if (!dead.length)
		return;
	atomic_fetch_sub_explicit(&group->dead, dead.length,
				  memory_order_relaxed); /* statistics */
	hd_node_free_any(&pool->nodes, hd_cpu_current(), dead.first, dead.last,
			 dead.length);
}

/* In spill lists and injection lists; what is dead in a deque its owner meets. */
static uint64_t length_of_lists(struct heddle_group *group)
{
	uint64_t sum = atomic_load_explicit(
		&group->spilled, memory_order_relaxed); /* statistics */
	uint32_t i;

	for (i = 0; i < lanes_of(group); i++)
		sum += hd_inject_length_any(&group->lane[i]);
	return sum;
}

uint32_t hd_queue_sweep(struct heddle_group *group)
{
	struct heddle_pool *pool = group->pool;
	uint32_t dead = atomic_load_explicit(
		&group->dead, memory_order_relaxed); /* statistics */
	uint64_t lists = length_of_lists(group);
	struct chain alive = { 0, 0, 0 };
	uint32_t node, i, length;

	if (!dead || !lists || hd_order_of(group))
		return 0;
	if (dead < lists && (dead < SWEEP_MIN || 2 * (uint64_t)dead < lists))
		return 0;
	while ((node = hd_tagstack_pop_any(&group->spill, &pool->nodes,
					   HD_LINK_CHAIN))) {
		struct chain chain = { node, 0, 0 };
		uint32_t at;

		for (at = node; at; at = hd_nodes_next_owner(&pool->nodes, at))
			chain.length++;
		atomic_fetch_sub_explicit(
			&group->spilled, chain.length,
			memory_order_relaxed); /* statistics */
		append_alive(group, node, &alive);
	}
	for (i = 0; i < lanes_of(group); i++) {
		node = hd_inject_take_any(&group->lane[i], &length);
		append_alive(group, hd_nodes_reverse_owner(&pool->nodes, node),
			     &alive);
	}
	if (!alive.first)
		return 0;
	spill(group, alive);
	hd_ready_mark(group);
	return 1;
}

static void cancel_node(struct heddle_group *group, uint32_t node,
			struct hd_task **list)
{
	struct heddle_pool *pool = group->pool;

	hd_task_cancel_node(group, node, list);
	hd_node_free_any(&pool->nodes, hd_cpu_current(), node, node, 1);
}

static uint64_t cancel_chain(struct heddle_group *group, uint32_t node,
			     struct hd_task **list)
{
	uint64_t n = 0;

	while (node) {
		uint32_t next = hd_nodes_next_owner(&group->pool->nodes, node);

		cancel_node(group, node, list);
		node = next;
		n++;
	}
	return n;
}

static uint64_t cancel_deque(struct heddle_group *group,
			     struct hd_worker *victim, struct hd_task **list)
{
	uint64_t n = 0;

	while (hd_deque_length_of_any(&victim->deque, group->index)) {
		uint32_t node =
			hd_deque_steal_any(&victim->deque, group->index);

		if (!node || node == HD_DEQUE_RETRY)
			continue;
		cancel_node(group, node, list);
		n++;
	}
	return n;
}

uint64_t hd_queue_cancel(struct heddle_group *group, struct hd_task **list)
{
	struct heddle_pool *pool = group->pool;
	uint64_t n = 0;
	uint32_t i, node, length;

	for (i = 0; i < lanes_of(group); i++)
		n += cancel_chain(group,
				  hd_inject_take_any(&group->lane[i], &length),
				  list);
	while ((node = hd_tagstack_pop_any(&group->spill, &pool->nodes,
					   HD_LINK_CHAIN))) {
		uint64_t chain = cancel_chain(group, node, list);

		atomic_fetch_sub_explicit(
			&group->spilled, (uint32_t)chain,
			memory_order_relaxed); /* statistics */
		n += chain;
	}
	if ((node = hd_order_take_all(group))) {
		uint64_t chain = cancel_chain(group, node, list);

		atomic_fetch_sub_explicit(
			&group->spilled, (uint32_t)chain,
			memory_order_relaxed); /* statistics */
		n += chain;
	}
	for (i = 0; i < entries(pool); i++)
		n += cancel_deque(group, &pool->worker[i], list);
	return n;
}
