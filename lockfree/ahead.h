/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the calling thread has pushed last, for the hints of hd_node_ahead(): of a list
 * that many push on, the nodes a thread has pushed some pushes ago lie some steps ahead
 * of the next one. Each thread keeps its own: a word beside the head of the list would
 * have been newer, and a second line to wait for with every push while somebody takes
 * (four times the time of an item in a queue of one producer and one consumer).
 *
 * Owner: the thread. Progress: wait-free. Nothing depends on what is read here.
 */
#ifndef HEDDLE_LOCKFREE_AHEAD_H
#define HEDDLE_LOCKFREE_AHEAD_H

#include <stdint.h>

#include "lockfree/node.h"

struct hd_ahead {
	const struct hd_nodes
		*nodes; /* whose the indices are; never followed */
	uint32_t next;
	uint32_t pushed[HD_NODES_AHEAD];
};

extern __thread struct hd_ahead hd_ahead;

/* The node that the caller is about to push names one that it has pushed. */
static inline void hd_ahead_set_owner(const struct hd_nodes *nodes,
				      uint32_t index)
{
	uint32_t before = hd_ahead.pushed[hd_ahead.next % HD_NODES_AHEAD];

	/* Of another stock, or of one that had its address: perhaps not an entry. */
	if (hd_ahead.nodes != nodes || before >= 2 * nodes->half)
		before = 0;
	hd_node_set_ahead(nodes, index, before);
}

/* It was pushed. */
static inline void hd_ahead_pushed_owner(const struct hd_nodes *nodes,
					 uint32_t index)
{
	hd_ahead.nodes = nodes;
	hd_ahead.pushed[hd_ahead.next++ % HD_NODES_AHEAD] = index;
}

#endif /* HEDDLE_LOCKFREE_AHEAD_H */
