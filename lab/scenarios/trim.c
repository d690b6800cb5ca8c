/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stock of nodes whose halves change places while others take nodes and give them
 * back: no node has two owners, never more are out than the limit, none is refused
 * while one is free, and none is lost.
 */
#include "lab/scenario.h"
#include "lockfree/trim.h"

static struct hd_nodes nodes;

#define LIMIT   2u
#define ENTRIES 512u

static struct {
	bool owned[ENTRIES];
	uint32_t out;
	uint64_t generation; /* of a task that somebody remembers */
	unsigned int turns;
} ghost;

LAB_GHOST static void reset(void)
{
	uint64_t generation = ghost.generation;

	__builtin_memset(&ghost, 0, sizeof(ghost));
	ghost.generation = generation;
}

LAB_GHOST static void own(uint32_t index)
{
	LAB_ASSERT(index > 0 && index < ENTRIES);
	LAB_ASSERT(!ghost.owned[index]);
	ghost.owned[index] = true;
	LAB_ASSERT(++ghost.out <= LIMIT);
}

LAB_GHOST static void disown(uint32_t index)
{
	ghost.owned[index] = false;
	ghost.out--;
}

static uint32_t take(uint32_t cpu)
{
	uint32_t index = hd_node_alloc_any(&nodes, cpu);

	lab_touch(&ghost);
	if (index)
		own(index);
	return index;
}

static void give(uint32_t cpu, uint32_t index)
{
	lab_touch(&ghost);
	disown(index);
	hd_node_free_any(&nodes, cpu, index, index, 1);
}

static bool always(void *arg)
{
	(void)arg;
	return true;
}

static void turn(void)
{
	struct hd_trim_call call = { always, NULL };

	hd_nodes_turn(&nodes, 1, &call);
}

/* Both have been out: one lies on each stack. */
static void setup_both(void)
{
	uint32_t a, b;

	LAB_ASSERT(hd_nodes_init(&nodes, LIMIT, 2) == 0);
	LAB_ASSERT(2 * nodes.half <= ENTRIES);
	a = hd_node_alloc_any(&nodes, 0);
	b = hd_node_alloc_any(&nodes, 0);
	hd_node_free_any(&nodes, 0, a, a, 1);
	hd_node_free_any(&nodes, 1, b, b, 1);
}

/* There are as many as ever. */
static const char *none_lost(void)
{
	if (!hd_node_alloc_any(&nodes, 0) || !hd_node_alloc_any(&nodes, 1))
		return "lost: a node is missing";
	if (hd_node_alloc_any(&nodes, 0))
		return "limit: one too many";
	return NULL;
}

static void take_give(void)
{
	uint32_t a = take(0);

	LAB_ASSERT(a != 0);
	give(1, a);
}

static void take_both(void)
{
	uint32_t a = take(0), b = take(0);

	LAB_ASSERT(a && b);
	give(0, a);
	give(0, b);
}

/* From the stack that is frozen last. */
static void take_other(void)
{
	uint32_t a = take(1);

	LAB_ASSERT(a != 0);
	give(0, a);
}

LAB_SCENARIO(trim_take, .name = "trim-take",
	     .claim = "who takes all nodes gets them, whenever the halves turn",
	     .setup = setup_both, .reset = reset, .thread = { turn, take_both },
	     .at_rest = none_lost, .bound_plus_1 = 5, .old_plus_1 = 3);
LAB_SCENARIO(trim_two, .name = "trim-two", .claim = "and two who take one each",
	     .setup = setup_both, .reset = reset,
	     .thread = { turn, take_give, take_other }, .at_rest = none_lost,
	     .bound_plus_1 = 3, .old_plus_1 = 3);

/* -- a node that comes back while it is counted -- */

static uint32_t held;

static void setup_held(void)
{
	LAB_ASSERT(hd_nodes_init(&nodes, LIMIT, 2) == 0);
	held = hd_node_alloc_any(&nodes, 0);
	hd_node_free_any(&nodes, 0, hd_node_alloc_any(&nodes, 0), LIMIT, 1);
}

LAB_GHOST static void reset_held(void)
{
	reset();
	own(held);
}

static void give_held(void)
{
	give(0, held);
}

/* To the other stack, by way of the first. */
static void carry(void)
{
	uint32_t a = take(0);

	if (a)
		give(1, a);
}

LAB_SCENARIO(trim_give, .name = "trim-give",
	     .claim = "nor is one counted that comes back meanwhile",
	     .setup = setup_held, .reset = reset_held,
	     .thread = { turn, give_held, carry }, .at_rest = none_lost,
	     .bound_plus_1 = 4, .old_plus_1 = 3);

/* -- twice: back to the first half, whose nodes begin anew -- */

static void turn_twice(void)
{
	turn();
	turn();
}

LAB_SCENARIO(trim_twice, .name = "trim-twice",
	     .claim = "also when the first half comes back",
	     .setup = setup_both, .reset = reset,
	     .thread = { turn_twice, take_both }, .at_rest = none_lost,
	     .bound_plus_1 = 4, .old_plus_1 = 3);

/* -- a task of before, remembered by who may still join it -- */

/* Node 1 has had one task; the first half is in use for the second time. */
static void setup_remembered(void)
{
	uint32_t i, index;

	LAB_ASSERT(hd_nodes_init(&nodes, LIMIT, 1) == 0);
	index = hd_node_alloc_any(&nodes, 0);
	ghost.generation = hd_node_publish_owner(hd_node_at(&nodes, index));
	LAB_ASSERT(index == 1);
	LAB_ASSERT(hd_node_claim_any(hd_node_at(&nodes, 1), ghost.generation,
				     HD_NODE_TAKEN));
	hd_node_free_any(&nodes, 0, 1, 1, 1);
	for (i = 0; i < 2; i++) {
		turn();
		/* As if the half were dropped: it reads as zero. */
		hd_node_at(&nodes, 1)->fn = NULL;
		atomic_store_explicit(&hd_node_at(&nodes, 1)->state, 0,
				      memory_order_relaxed);
		if (i)
			break;
		index = hd_node_alloc_any(&nodes, 0);
		LAB_ASSERT(index > LIMIT);
		hd_node_free_any(&nodes, 0, index, index, 1);
	}
}

static void publish_anew(void)
{
	uint32_t index = hd_node_alloc_any(&nodes, 0);

	LAB_ASSERT(index == 1);
	hd_node_publish_owner(hd_node_at(&nodes, 1));
}

static void join_old(void)
{
	LAB_ASSERT(!hd_node_claim_any(hd_node_at(&nodes, 1), ghost.generation,
				      HD_NODE_DEAD));
}

LAB_SCENARIO(trim_old, .name = "trim-old",
	     .claim = "who remembers a task of before the trim claims no other",
	     .setup = setup_remembered, .thread = { publish_anew, join_old });
