/* SPDX-License-Identifier: BSD-2-Clause */
/* Freeze, count, turn, thaw, drop. See the header. */
#include "lockfree/trim.h"

#include <stddef.h>

#include "platform/memory.h"

#define ASK_EVERY    256u              /* nodes */
#define DROP_AT_ONCE ((size_t)1 << 20) /* bytes: some 50 us */

struct trim {
	struct hd_nodes *nodes;
	const struct hd_trim_call *call;
	uint64_t word; /* what it must be until the end */
	uint64_t generation;
	uint32_t count;
	uint32_t asked;
};

static bool goes_on(const struct trim *trim)
{
	return atomic_load_explicit(&trim->nodes->word,
				    memory_order_relaxed) /* read at the end */
		       == trim->word &&
	       trim->call->goes_on(trim->call->arg);
}

/* Its nodes from the head down: they are linked as their pushers left them. */
static bool count_stack(struct trim *trim, uint32_t index)
{
	uint32_t handed_out = (uint32_t)trim->word;

	while (index) {
		struct hd_node *node = hd_node_at(trim->nodes, index);
		uint64_t generation = hd_node_generation_any(node);

		/* Somebody pops meanwhile and we follow links of another list. */
		if (++trim->count > handed_out)
			return false;
		if (trim->count - trim->asked >= ASK_EVERY) {
			trim->asked = trim->count;
			if (!goes_on(trim))
				return false;
		}
		if (generation > trim->generation)
			trim->generation = generation;
		index = atomic_load_explicit(
			&node->next, memory_order_relaxed); /* tagstack-1 */
	}
	return true;
}

/* The index on top, 0: empty. The tag changes also if it was frozen before (trim-2). */
static uint32_t freeze(struct hd_tagstack *stack)
{
	uint64_t head = atomic_load_explicit(
		&stack->head, memory_order_relaxed); /* checked by the CAS */

	do {
		if (!hd_tag_index(head))
			return 0;
	} while (!atomic_compare_exchange_weak_explicit(
		&stack->head, &head,
		hd_tag_step(head, hd_tag_index(head) | HD_NODE_FROZEN),
		memory_order_seq_cst,   /* trim-2, tagstack-1 */
		memory_order_relaxed)); /* checked by the next CAS */
	return hd_tag_index(head) & ~HD_NODE_FROZEN;
}

static bool count_all(struct trim *trim)
{
	uint32_t i;

	for (i = 0; i < trim->nodes->cpus; i++)
		if (!count_stack(trim, freeze(&trim->nodes->loose[i].stack)))
			return false;
	return true;
}

/* What is frozen is as it was, or gone with its half. */
static void thaw(struct hd_nodes *nodes, bool turned, bool was_high)
{
	uint32_t i;

	for (i = 0; i < nodes->cpus; i++) {
		struct hd_tagstack *stack = &nodes->loose[i].stack;
		uint64_t head = hd_tagstack_head_any(stack);
		uint32_t index;

		do {
			index = hd_tag_index(head);
			if (!(index & HD_NODE_FROZEN))
				break;
			index &= ~HD_NODE_FROZEN;
			if (turned && (index >= nodes->half) == was_high)
				index = 0;
		} while (!atomic_compare_exchange_weak_explicit(
			&stack->head, &head, hd_tag_step(head, index),
			memory_order_seq_cst,   /* tagstack-1, tagstack-2 */
			memory_order_relaxed)); /* checked by the next CAS */
	}
}

/* Nobody but a trimmer writes it: take_fresh() has read it behind the turn (trim-1). */
static void raise_generation(struct trim *trim)
{
	struct hd_nodes *nodes = trim->nodes;

	if (trim->generation >
	    atomic_load_explicit(&nodes->generation,
				 memory_order_relaxed)) /* own store */
		atomic_store_explicit(&nodes->generation, trim->generation,
				      memory_order_relaxed); /* trim-1 */
}

static bool turn(struct trim *trim)
{
	uint64_t word = trim->word;

	/* Some of the nodes may be published again before the turn fails: then it
	 * is too high for them, which harms nobody.
	 */
	raise_generation(trim);
	return atomic_compare_exchange_strong_explicit(
		&trim->nodes->word, &word,
		(word & HD_NODES_HALF) ^ HD_NODES_HALF,
		memory_order_acq_rel,  /* trim-1, trim-2 */
		memory_order_relaxed); /* broken off */
}

static void end_trim(struct trim *trim)
{
	uint64_t word = trim->word;

	/* Else it was broken off, and the bit is gone. */
	atomic_compare_exchange_strong_explicit(
		&trim->nodes->word, &word, word & ~HD_NODES_TRIMS,
		memory_order_relaxed,  /* the next trim freezes again */
		memory_order_relaxed); /* nothing to do */
}

static void set_stale(struct hd_nodes *nodes, size_t bytes)
{
	atomic_store_explicit(&nodes->stale, bytes,
			      memory_order_relaxed); /* trim-3 */
}

/* False: too few were handed out. */
static bool begin_trim(struct trim *trim, uint32_t least)
{
	struct hd_nodes *nodes = trim->nodes;
	uint64_t word = atomic_load_explicit(
		&nodes->word, memory_order_relaxed); /* checked by the CAS */

	do {
		if ((uint32_t)word < least)
			return false;
		trim->word = word | HD_NODES_TRIMS;
	} while (!atomic_compare_exchange_weak_explicit(
		&nodes->word, &word, trim->word,
		memory_order_relaxed, /* published by the frozen heads: trim-2 */
		memory_order_relaxed)); /* checked by the next CAS */
	return true;
}

enum hd_trim hd_nodes_turn(struct hd_nodes *nodes, uint32_t least,
			   const struct hd_trim_call *call)
{
	struct trim trim = { .nodes = nodes, .call = call };
	bool whole, turned = false;

	if (!begin_trim(&trim, least))
		return HD_TRIM_DONE;
	whole = count_all(&trim);
	if (whole && trim.count == (uint32_t)trim.word)
		turned = turn(&trim);
	else
		end_trim(&trim);
	thaw(nodes, turned, trim.word & HD_NODES_HALF);
	if (!turned)
		return whole && trim.count != (uint32_t)trim.word
			       ? HD_TRIM_IN_USE
			       : HD_TRIM_BROKEN;
	set_stale(nodes,
		  ((size_t)(uint32_t)trim.word + 1) * sizeof(struct hd_node));
	return HD_TRIM_DONE;
}

/* Of the half that is not in use. False: not all. */
static bool drop(struct hd_nodes *nodes, const struct hd_trim_call *call)
{
	size_t page = hd_page_size();
	bool high = !(atomic_load_explicit(&nodes->word,
					   memory_order_relaxed) /* ours */
		      & HD_NODES_HALF);
	char *start = (char *)hd_node_at(nodes, high ? nodes->half : 0);
	size_t stale = (size_t)atomic_load_explicit(
		&nodes->stale, memory_order_relaxed); /* trim-3 */

	while (stale) {
		size_t all = (stale + page - 1) / page * page;
		size_t rest = all > DROP_AT_ONCE ? all - DROP_AT_ONCE : 0;

		if (!call->goes_on(call->arg))
			return false;
		hd_memory_drop(start + rest, all - rest);
		stale = rest;
		set_stale(nodes, stale);
	}
	return true;
}

/* The caller is the trimmer. */
static enum hd_trim trim_once(struct hd_nodes *nodes, uint32_t least,
			      const struct hd_trim_call *call)
{
	enum hd_trim result;

	/* First what an earlier one has left. */
	if (!drop(nodes, call))
		return HD_TRIM_BROKEN;
	result = hd_nodes_turn(nodes, least, call);
	if (result == HD_TRIM_DONE && !drop(nodes, call))
		result = HD_TRIM_BROKEN;
	return result;
}

static void set_asked(struct hd_nodes *nodes, uint32_t asked)
{
	atomic_store_explicit(&nodes->asked, asked,
			      memory_order_seq_cst); /* trim-3 */
}

enum hd_trim hd_nodes_trim_any(struct hd_nodes *nodes, uint32_t least,
			       const struct hd_trim_call *call)
{
	enum hd_trim result;

	do {
		set_asked(nodes, 1);
		if (atomic_exchange_explicit(&nodes->trimmer, 1,
					     memory_order_seq_cst)) /* trim-3 */
			return HD_TRIM_BUSY;
		set_asked(nodes, 0);
		result = trim_once(nodes, least, call);
		atomic_store_explicit(&nodes->trimmer, 0,
				      memory_order_seq_cst); /* trim-3 */
	} while (result == HD_TRIM_IN_USE &&
		 atomic_load_explicit(&nodes->asked,
				      memory_order_seq_cst)); /* trim-3 */
	return result;
}
