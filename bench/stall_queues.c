/* SPDX-License-Identifier: BSD-2-Clause */
/* Structures made of nodes: the stock, lists, stacks, the queue of waiters. */
#include "bench/stall.h"
#include "lockfree/inject.h"
#include "lockfree/nodes.h"
#include "lockfree/reclaim.h"
#include "lockfree/tagstack.h"
#include "lockfree/waitq.h"

#define LIMIT 4096u
#define CPUS  2u

static struct hd_nodes nodes;
static struct hd_inject inject;
static struct hd_tagstack stack;
/* The node that the victim has, or gets. */
static uint32_t hand;

static void nodes_setup(void)
{
	if (hd_nodes_init(&nodes, LIMIT, CPUS))
		hs_give_up("no nodes");
}

static uint32_t alloc(void)
{
	uint32_t node = hd_node_alloc_any(&nodes, 0);

	if (!node)
		hs_give_up("the nodes have run out");
	return node;
}

static void give(uint32_t node)
{
	hd_node_free_any(&nodes, 0, node, node, 1);
}

static void nodes_free_chain(uint32_t node)
{
	while (node) {
		uint32_t next = atomic_load(&hd_node_at(&nodes, node)->next);

		give(node);
		node = next;
	}
}

/* ---- the stock ---- */

static void with_hand(void)
{
	hand = alloc();
}

static void free_hand(void)
{
	if (hand)
		give(hand);
	hand = 0;
}

/* The own stack has one, so that the short way is taken. */
static void nodes_stocked(void)
{
	give(alloc());
}

/* One that was used is with the other CPU, none with this one. */
static void nodes_elsewhere(void)
{
	uint32_t node;

	while ((node = hd_tagstack_pop_any(&nodes.loose[0].stack, &nodes,
					   HD_LINK_NEXT)))
		hd_node_free_any(&nodes, 1, node, node, 1);
}

static void nodes_alloc(void)
{
	hand = hd_node_alloc_any(&nodes, 0);
}

static void nodes_free(void)
{
	hd_node_free_any(&nodes, 0, hand, hand, 1);
	hand = 0;
}

static bool nodes_peer(unsigned int who)
{
	uint32_t node = hd_node_alloc_any(&nodes, who);

	if (node)
		hd_node_free_any(&nodes, who, node, node, 1);
	return node != 0;
}

/* ---- one node ---- */

static uint64_t generation;

static void node_free_one(void)
{
	with_hand();
}

static void node_queued(void)
{
	with_hand();
	generation = hd_node_publish_owner(hd_node_at(&nodes, hand));
}

static void node_publish(void)
{
	hd_node_publish_owner(hd_node_at(&nodes, hand));
}

static void node_claim(void)
{
	hd_node_claim_any(hd_node_at(&nodes, hand), generation, HD_NODE_TAKEN);
}

static void node_settle(void)
{
	struct hd_node *node = hd_node_at(&nodes, hand);

	hd_node_claim_any(node, hd_node_generation_any(node), HD_NODE_TAKEN);
	free_hand();
}

static bool node_peer(unsigned int who)
{
	struct hd_node *node = hd_node_at(&nodes, hand);

	hd_node_claim_any(node, hd_node_generation_any(node),
			  who ? HD_NODE_DEAD : HD_NODE_TAKEN);
	return true;
}

/* ---- the list of outsiders ---- */

static void inject_some(void)
{
	uint32_t length;

	nodes_free_chain(hd_inject_take_any(&inject, &length));
	hd_inject_push_any(&inject, &nodes, alloc(), LIMIT);
	with_hand();
}

static void inject_push(void)
{
	hd_inject_push_any(&inject, &nodes, hand, LIMIT);
	hand = 0;
}

static uint32_t taken;

static void inject_take(void)
{
	uint32_t length;

	taken = hd_inject_take_any(&inject, &length);
}

static void inject_length(void)
{
	hd_inject_length_any(&inject);
}

static void inject_settle(void)
{
	nodes_free_chain(taken);
	taken = 0;
	free_hand();
}

static bool inject_peer(unsigned int who)
{
	uint32_t length;

	(void)who;
	if (!hd_inject_push_any(&inject, &nodes, alloc(), LIMIT))
		hs_give_up("the list is full");
	nodes_free_chain(hd_inject_take_any(&inject, &length));
	return true;
}

/* ---- the tagged stack ---- */

static void stack_some(void)
{
	uint32_t node = alloc();

	hd_tagstack_push_any(&stack, &nodes, node, node, HD_LINK_NEXT);
	with_hand();
}

static void stack_push(void)
{
	hd_tagstack_push_any(&stack, &nodes, hand, hand, HD_LINK_NEXT);
	hand = 0;
}

static void stack_pop(void)
{
	taken = hd_tagstack_pop_any(&stack, &nodes, HD_LINK_NEXT);
}

static void stack_settle(void)
{
	uint32_t node;

	if (taken)
		give(taken);
	taken = 0;
	while ((node = hd_tagstack_pop_any(&stack, &nodes, HD_LINK_NEXT)))
		give(node);
	free_hand();
}

static bool stack_peer(unsigned int who)
{
	uint32_t node = alloc();

	(void)who;
	hd_tagstack_push_any(&stack, &nodes, node, node, HD_LINK_NEXT);
	node = hd_tagstack_pop_any(&stack, &nodes, HD_LINK_NEXT);
	if (node)
		give(node);
	return true;
}

/* ---- the queue of waiters ---- */

static struct hd_waitq_arena arena;
static struct hd_waitq waitq;
/* Nodes in nobody's queue: the victim's and the peers', 0 for none. */
static uint32_t spare[1 + HS_PEERS];

static void waitq_setup(void)
{
	uint32_t i;

	if (hd_waitq_arena_init(&arena, 3 + HS_PEERS))
		hs_give_up("no arena");
	hd_waitq_init(&waitq, &arena, 1);
	for (i = 0; i <= HS_PEERS; i++)
		spare[i] = 2 + i;
}

static void waitq_take(uint32_t *node)
{
	uint32_t value;

	if (!*node && !hd_waitq_pop_any(&waitq, &arena, &value, node))
		*node = 0;
}

/* All are spare again: as many nodes as owners, and one is the dummy. */
static void waitq_empty(void)
{
	uint32_t i;

	for (i = 0; i <= HS_PEERS; i++)
		waitq_take(&spare[i]);
}

static void waitq_one(void)
{
	waitq_empty();
	hd_waitq_push_any(&waitq, &arena, spare[0], 7);
	spare[0] = 0;
}

static void waitq_push(void)
{
	hd_waitq_push_any(&waitq, &arena, spare[0], 7);
	spare[0] = 0;
}

static void waitq_pop(void)
{
	waitq_take(&spare[0]);
}

static void waitq_any(void)
{
	hd_waitq_any(&waitq, &arena);
}

static void waitq_length(void)
{
	hd_waitq_length_any(&waitq, &arena);
}

/* One that found the queue empty has no node to push: that was an answer too. */
static bool waitq_peer(unsigned int who)
{
	uint32_t *own = &spare[1 + who];

	if (*own) {
		hd_waitq_push_any(&waitq, &arena, *own, who);
		*own = 0;
	}
	waitq_take(own);
	return true;
}

/* ---- memory that waits for its readers ---- */

#define BLOCKS (HS_GOAL + 8u)

static struct hd_reclaim reclaim;
static struct hd_retired block[1 + HS_PEERS][BLOCKS];
static uint32_t used[1 + HS_PEERS];

static void let_go(struct hd_retired *retired)
{
	retired->next = NULL;
}

static void retire_own(unsigned int who)
{
	block[who][used[who]].free_fn = let_go;
	hd_reclaim_retire_any(&reclaim, &block[who][used[who]]);
	used[who]++;
}

static void reclaim_retire(void)
{
	block[0][0].free_fn = let_go;
	hd_reclaim_retire_any(&reclaim, &block[0][0]);
}

static void reclaim_one(void)
{
	retire_own(0);
}

static void reclaim_flush(void)
{
	hd_reclaim_flush(&reclaim);
}

static void reclaim_settle(void)
{
	hd_reclaim_flush(&reclaim);
	used[0] = used[1] = used[2] = 0;
}

static bool retire_peer(unsigned int who)
{
	retire_own(1 + who);
	return true;
}

static bool flush_peer(unsigned int who)
{
	retire_own(1 + who);
	hd_reclaim_flush(&reclaim);
	return true;
}

/* clang-format off */
#define NODES   .where = "lockfree/nodes.h", .claim = HS_LOCK_FREE, \
	.setup = nodes_setup, .peer = nodes_peer, .settle = free_hand
#define NODE    .where = "lockfree/node.h", .claim = HS_WAIT_FREE, \
	.setup = nodes_setup, .peer = node_peer, .settle = node_settle
#define INJECT  .where = "lockfree/inject.h", .setup = nodes_setup, \
	.peer = inject_peer, .prepare = inject_some, .settle = inject_settle
#define STACK   .where = "lockfree/tagstack.h", .claim = HS_LOCK_FREE, \
	.setup = nodes_setup, .peer = stack_peer, .prepare = stack_some, \
	.settle = stack_settle
#define WAITQ   .where = "lockfree/waitq.h", .setup = waitq_setup, \
	.peer = waitq_peer, .settle = waitq_empty
#define RECLAIM .where = "lockfree/reclaim.h", .settle = reclaim_settle

const struct hs_operation hs_queues[] = {
	{ .name = "inject-push", .claim = HS_LOCK_FREE, INJECT,
	  .victim = inject_push },
	{ .name = "inject-take", .claim = HS_WAIT_FREE, INJECT,
	  .victim = inject_take },
	{ .name = "inject-length", .claim = HS_WAIT_FREE, INJECT,
	  .victim = inject_length },
	{ .name = "tagstack-push", STACK, .victim = stack_push },
	{ .name = "tagstack-pop", STACK, .victim = stack_pop },
	{ .name = "nodes-alloc", NODES,
	  .prepare = nodes_stocked, .victim = nodes_alloc },
	{ .name = "nodes-alloc-elsewhere", NODES,
	  .prepare = nodes_elsewhere, .victim = nodes_alloc },
	{ .name = "nodes-free", NODES,
	  .prepare = with_hand, .victim = nodes_free },
	{ .name = "node-publish", NODE,
	  .prepare = node_free_one, .victim = node_publish },
	{ .name = "node-claim", NODE,
	  .prepare = node_queued, .victim = node_claim },
	{ .name = "waitq-push", .claim = HS_LOCK_FREE, WAITQ,
	  .prepare = waitq_empty, .victim = waitq_push },
	{ .name = "waitq-pop", .claim = HS_LOCK_FREE, WAITQ,
	  .prepare = waitq_one, .victim = waitq_pop },
	{ .name = "waitq-any", .claim = HS_LOCK_FREE, WAITQ,
	  .prepare = waitq_one, .victim = waitq_any },
	{ .name = "waitq-length", .claim = HS_WAIT_FREE, WAITQ,
	  .prepare = waitq_one, .victim = waitq_length },
	{ .name = "reclaim-retire", .claim = HS_LOCK_FREE, RECLAIM,
	  .victim = reclaim_retire, .peer = retire_peer },
	{ .name = "reclaim-flush", .claim = HS_BLOCKING, RECLAIM,
	  .blocker = "a grace period: its lock, and every reader",
	  .prepare = reclaim_one, .victim = reclaim_flush,
	  .peer = flush_peer, .goal = 5 },
	{ .name = NULL },
};
/* clang-format on */
