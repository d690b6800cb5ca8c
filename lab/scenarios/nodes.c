/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stock of nodes and the stacks in it: no node has two owners, the limit is
 * exact, the states of a node decide who runs what.
 */
#include "lab/scenario.h"
#include "lockfree/nodes.h"

static struct hd_nodes nodes;

#define NODES 4

/* -- ghost state: who owns what -- */

static struct {
	bool owned[NODES + 1];
	unsigned int refused, ended;
} ghost;

LAB_GHOST static void reset(void)
{
	__builtin_memset(&ghost, 0, sizeof(ghost));
}

LAB_GHOST static void own(uint32_t index)
{
	LAB_ASSERT(index > 0 && index <= NODES);
	LAB_ASSERT(!ghost.owned[index]);
	ghost.owned[index] = true;
}

LAB_GHOST static void disown(uint32_t index)
{
	ghost.owned[index] = false;
}

LAB_GHOST static void refused(void)
{
	ghost.refused++;
}

/* -- operations; who owns a node is a matter of order, so it is touched -- */

static uint32_t alloc(uint32_t cpu)
{
	uint32_t index = hd_node_alloc_any(&nodes, cpu);

	lab_touch(&ghost);
	if (index)
		own(index);
	else
		refused();
	return index;
}

static void give(uint32_t cpu, uint32_t index)
{
	lab_touch(&ghost);
	disown(index);
	hd_node_free_any(&nodes, cpu, index, index, 1);
}

static void make(uint32_t limit, uint32_t cpus, uint32_t tag)
{
	int rc = hd_nodes_init_at(&nodes, limit, cpus, tag);

	LAB_ASSERT(rc == 0);
}

/* -- one stack: the ABA of a pop that is overtaken -- */

static void setup_two(void)
{
	uint32_t a, b;

	make(2, 1, 0);
	a = hd_node_alloc_any(&nodes, 0);
	b = hd_node_alloc_any(&nodes, 0);
	hd_node_free_any(&nodes, 0, a, a, 1);
	hd_node_free_any(&nodes, 0, b, b, 1);
}

static void setup_two_wrap(void)
{
	uint32_t a, b;

	make(2, 1, UINT32_MAX - 1);
	a = hd_node_alloc_any(&nodes, 0);
	b = hd_node_alloc_any(&nodes, 0);
	hd_node_free_any(&nodes, 0, a, a, 1);
	hd_node_free_any(&nodes, 0, b, b, 1);
}

static void alloc_one(void)
{
	alloc(0);
}

/* What the first one left behind is seen by the second. */
static void alloc_two(void)
{
	alloc(0);
	alloc(0);
}

static void alloc_give(void)
{
	uint32_t a = alloc(0);

	if (a)
		give(0, a);
}

/* Takes both and puts the first back on top: the head's index is as before. */
static void aba(void)
{
	uint32_t a = alloc(0), b = alloc(0);

	(void)b;
	if (a)
		give(0, a);
}

LAB_SCENARIO(tag, .name = "nodes-aba",
	     .claim = "a stack whose head comes back gives no node twice",
	     .setup = setup_two, .reset = reset, .thread = { alloc_two, aba });
LAB_SCENARIO(tag_wrap, .name = "nodes-aba-wrap",
	     .claim = "nor when the tag wraps around", .setup = setup_two_wrap,
	     .reset = reset, .thread = { alloc_two, aba });
LAB_SCENARIO(three, .name = "nodes-three",
	     .claim = "three threads on one stack", .setup = setup_two,
	     .reset = reset, .thread = { alloc_one, alloc_give, alloc_give },
	     .bound_plus_1 = 2);

/* -- the limit -- */

static void setup_limit(void)
{
	make(1, 2, 0);
}

static void alloc_0(void)
{
	alloc(0);
}

static void alloc_1(void)
{
	alloc(1);
}

static const char *one_refused(void)
{
	return ghost.refused == 1 ? NULL : "limit: not exactly one was refused";
}

LAB_SCENARIO(limit, .name = "nodes-limit",
	     .claim = "of two that want the only node, one gets it",
	     .setup = setup_limit, .reset = reset,
	     .thread = { alloc_0, alloc_1 }, .at_rest = one_refused);

/*
 * A node wanders between two stacks while a third thread looks for one. It is
 * never in both places, and "none" is only said if there was none at one moment.
 */
static void setup_wander(void)
{
	uint32_t a, b;

	make(2, 2, 0);
	a = hd_node_alloc_any(&nodes, 0);
	b = hd_node_alloc_any(&nodes, 0);
	hd_node_free_any(&nodes, 0, a, a, 1);
	hd_node_free_any(&nodes, 1, b, b, 1);
}

static void wander(void)
{
	uint32_t a = alloc(0);

	if (a)
		give(1, a);
}

static void must_find(void)
{
	uint32_t a = alloc(0);

	/* The other one holds at most one of the two. */
	LAB_ASSERT(a != 0);
}

LAB_SCENARIO(wanders, .name = "nodes-wander",
	     .claim = "with two nodes and one wanderer there is one to be had",
	     .setup = setup_wander, .reset = reset,
	     .thread = { wander, must_find });
LAB_SCENARIO(wander_two, .name = "nodes-wander-back",
	     .claim = "and with a wanderer that goes to and fro",
	     .setup = setup_wander, .reset = reset,
	     .thread = { wander, must_find, alloc_give }, .bound_plus_1 = 2,
	     .old_plus_1 = 2);

/*
 * Both lie on a stack that a first look does not reach, and go over to one that
 * a later look has passed, one after the other.
 */
static void setup_far(void)
{
	uint32_t a, b;

	make(2, 3, 0);
	a = hd_node_alloc_any(&nodes, 0);
	b = hd_node_alloc_any(&nodes, 0);
	hd_node_free_any(&nodes, 2, a, a, 1);
	hd_node_free_any(&nodes, 2, b, b, 1);
}

static void move_both(void)
{
	for (int i = 0; i < 2; i++) {
		uint32_t index = alloc(2);

		if (index)
			give(0, index);
	}
}

LAB_SCENARIO(moves, .name = "nodes-move",
	     .claim = "nodes that change stacks one by one can be found",
	     .setup = setup_far, .reset = reset,
	     .thread = { move_both, must_find }, .bound_plus_1 = 3,
	     .old_plus_1 = 2);

/* -- states -- */

static uint64_t generation;
static int runs, cancels; /* ghost */

LAB_GHOST static void reset_claims(void)
{
	runs = cancels = 0;
}

LAB_GHOST static void note(int *what)
{
	++*what;
}

static int node_payload;

static void setup_queued(void)
{
	uint32_t index;

	make(2, 1, 0);
	index = hd_node_alloc_any(&nodes, 0);
	LAB_ASSERT(index == 1);
	generation = hd_node_publish_owner(hd_node_at(&nodes, index));
}

static void runner(void)
{
	if (hd_node_claim_any(hd_node_at(&nodes, 1), generation,
			      HD_NODE_TAKEN)) {
		node_payload++;
		note(&runs);
	}
}

static void canceller(void)
{
	if (hd_node_claim_any(hd_node_at(&nodes, 1), generation,
			      HD_NODE_DEAD)) {
		node_payload++;
		note(&cancels);
	}
}

LAB_GHOST static const char *one_claim(void)
{
	return runs + cancels == 1 ? NULL : "claim: not exactly one had it";
}

LAB_SCENARIO(claim, .name = "node-claim",
	     .claim = "a task is run or cancelled, not both",
	     .setup = setup_queued, .reset = reset_claims,
	     .thread = { runner, canceller, canceller }, .at_rest = one_claim,
	     .bound_plus_1 = LAB_ANY);

/* A late canceller holds the generation of a life that is over. */
static void run_and_reuse(void)
{
	struct hd_node *node = hd_node_at(&nodes, 1);

	if (!hd_node_claim_any(node, generation, HD_NODE_TAKEN))
		return;
	hd_node_free_any(&nodes, 0, 1, 1, 1);
	LAB_ASSERT(hd_node_alloc_any(&nodes, 0) == 1);
	hd_node_publish_owner(node);
	note(&runs);
}

LAB_GHOST static const char *old_or_new(void)
{
	return runs + cancels == 1 ? NULL : "claim: of a life that is over";
}

LAB_SCENARIO(generation, .name = "node-generation",
	     .claim = "who knew an earlier life cannot claim the next one",
	     .setup = setup_queued, .reset = reset_claims,
	     .thread = { run_and_reuse, canceller }, .at_rest = old_or_new,
	     .bound_plus_1 = LAB_ANY);

/* node-1: who claims a node sees what was put into it. */
static void setup_fresh(void)
{
	make(2, 1, 0);
	LAB_ASSERT(hd_node_alloc_any(&nodes, 0) == 1);
	generation = 1;
}

static void publisher(void)
{
	hd_node_at(&nodes, 1)->arg = &nodes;
	LAB_ASSERT(hd_node_publish_owner(hd_node_at(&nodes, 1)) == 1);
}

static void claimer(void)
{
	if (hd_node_claim_any(hd_node_at(&nodes, 1), generation, HD_NODE_TAKEN))
		LAB_ASSERT(hd_node_at(&nodes, 1)->arg == &nodes);
}

LAB_SCENARIO(publish, .name = "node-publish",
	     .claim = "who claims a node sees what was put into it",
	     .setup = setup_fresh, .thread = { publisher, claimer },
	     .at_rest = NULL, .bound_plus_1 = LAB_ANY);

/* node-2: who comes too late sees what the winner did before. */
static void winner(void)
{
	node_payload = 5;
	if (hd_node_claim_any(hd_node_at(&nodes, 1), generation, HD_NODE_TAKEN))
		note(&runs);
}

static void loser(void)
{
	if (!hd_node_claim_any(hd_node_at(&nodes, 1), generation, HD_NODE_DEAD))
		LAB_ASSERT(node_payload == 5);
}

LAB_SCENARIO(late, .name = "node-late",
	     .claim = "who claims too late sees what the winner did before",
	     .setup = setup_queued, .reset = reset_claims,
	     .thread = { winner, loser }, .at_rest = NULL,
	     .bound_plus_1 = LAB_ANY);

/* -- tagstack-2: a pusher sees the flag, or who raised it the node -- */

static _Atomic int flag;
static int missed; /* ghost */

LAB_GHOST static void reset_missed(void)
{
	missed = 0;
}

LAB_GHOST static void note_missed(void)
{
	missed++;
}

static void setup_stack(void)
{
	make(2, 1, 0);
	LAB_ASSERT(hd_node_alloc_any(&nodes, 0) == 1);
}

static void stack_pusher(void)
{
	hd_tagstack_push_any(&nodes.loose[0].stack, &nodes, 1, 1, HD_LINK_NEXT);
	if (!atomic_load_explicit(&flag, memory_order_seq_cst))
		note_missed();
}

static void stack_looker(void)
{
	atomic_store_explicit(&flag, 1, memory_order_seq_cst);
	if (!hd_tagstack_any(&nodes.loose[0].stack))
		note_missed();
}

static void stack_popper(void)
{
	atomic_store_explicit(&flag, 1, memory_order_seq_cst);
	if (!hd_tagstack_pop_any(&nodes.loose[0].stack, &nodes, HD_LINK_NEXT))
		note_missed();
}

LAB_GHOST static const char *not_both(void)
{
	return missed == 2 ? "missed: the node and the flag" : NULL;
}

LAB_SCENARIO(stack_announce, .name = "nodes-stack-announce",
	     .claim = "a pusher sees the flag, or who raised it the node",
	     .setup = setup_stack, .reset = reset_missed,
	     .thread = { stack_pusher, stack_looker }, .at_rest = not_both,
	     .bound_plus_1 = LAB_ANY);
LAB_SCENARIO(stack_empty, .name = "nodes-stack-empty", .claim = "or gets it",
	     .setup = setup_stack, .reset = reset_missed,
	     .thread = { stack_pusher, stack_popper }, .at_rest = not_both,
	     .bound_plus_1 = LAB_ANY);

/* One comes and goes; "empty" at a second look is an answer all the same. */
static void setup_one(void)
{
	setup_stack();
	LAB_ASSERT(hd_node_alloc_any(&nodes, 0) == 2);
	hd_node_free_any(&nodes, 0, 2, 2, 1);
}

static void pop_then_push(void)
{
	if (hd_tagstack_pop_any(&nodes.loose[0].stack, &nodes, HD_LINK_NEXT) ==
	    2)
		stack_pusher();
}

LAB_SCENARIO(stack_retry, .name = "nodes-stack-retry",
	     .claim = "also at a second look", .setup = setup_one,
	     .reset = reset_missed, .thread = { pop_then_push, stack_popper },
	     .at_rest = not_both, .bound_plus_1 = LAB_ANY);
