/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree of groups. Groups and their tables are type-stable: a removed group
 * keeps its memory for the next one in the same entry, because a look may
 * still follow a stale bit into it and a ticket may still name it.
 *
 * group-1: a group is complete before it can be seen: in its parent's table, as the
 * group above a child.
 *
 * close-3: freeing. The tree is sealed (all targets 0, so nobody can take a unit any
 * more), then every count is read: the one at the top is not enough, since a search
 * takes its units from below and may hold one there for a moment.
 */
#include "sched/tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lockfree/account.h"
#include "lockfree/groupword.h"
#include "platform/memory.h"
#include "platform/probe.h"
#include "sched/group.h"
#include "sched/options.h"
#include "sched/order.h"
#include "sched/pin.h"
#include "sched/pool.h"
#include "sched/ready.h"
#include "sched/reserve.h"

#define CHILDREN_DEFAULT 63u

static struct heddle_group *child_at(struct heddle_group *group, uint32_t slot)
{
	return atomic_load_explicit(&group->child[slot],
				    memory_order_relaxed); /* locked */
}

static void set_child(struct heddle_group *group, uint32_t slot,
		      struct heddle_group *child)
{
	atomic_store_explicit(&group->child[slot], child,
			      memory_order_seq_cst); /* group-1, ready-3 */
}

static uint32_t slot_of(struct heddle_group *group)
{
	return atomic_load_explicit(&group->slot,
				    memory_order_relaxed); /* locked */
}

static uint32_t gate_of(struct heddle_group *group)
{
	return atomic_load_explicit(&group->gate,
				    memory_order_relaxed); /* locked */
}

/* The tables of an entry that is used for the first time; see find_entry(). */
static int make_memory(struct heddle_pool *pool, struct heddle_group *group,
		       uint32_t lanes, uint32_t children)
{
	if (!group->lane) {
		group->lane = hd_alloc(lanes * sizeof(*group->lane));
		if (!group->lane)
			return -ENOMEM;
		group->lane_room = lanes;
	}
	if (!group->ready.word) {
		int rc = hd_bitset_init(&group->ready, children + 1);

		if (rc < 0)
			return rc;
		group->children_max = children;
	}
	if (!group->has_waitq) {
		hd_waitq_init(&group->returners, &pool->waitq_arena,
			      group->index + 1);
		group->has_waitq = true;
	}
	return 0;
}

/*
 * The table of children, with the first of them. A search reads it only behind a bit
 * that a mark of a child has set (ready-3).
 */
static int make_table(struct heddle_group *parent)
{
	if (!parent || parent->child)
		return 0;
	parent->child =
		hd_alloc((parent->children_max + 1) * sizeof(*parent->child));
	return parent->child ? 0 : -ENOMEM;
}

void hd_tree_free_memory(struct heddle_group *group)
{
	if (group->ready.word)
		hd_bitset_fini(&group->ready);
	hd_free(group->child);
	hd_free(group->lane);
}

static bool better_fit(const struct heddle_group *a,
		       const struct heddle_group *b)
{
	if (a->children_max != b->children_max)
		return a->children_max < b->children_max;
	return a->lane_room < b->lane_room;
}

/*
 * The free entry with the smallest tables that are large enough, else one that was
 * never used. Tables are not replaced: a look may still be in them.
 */
static struct heddle_group *find_entry(struct heddle_pool *pool, uint32_t lanes,
				       uint32_t children)
{
	struct heddle_group *best = NULL;
	uint32_t i;

	/* Below groups_low all are in use. */
	for (i = pool->groups_low; i < pool->groups_max; i++) {
		struct heddle_group *group = &pool->group[i];

		if (i ==
		    atomic_load_explicit(&pool->groups_used,
					 memory_order_relaxed)) /* locked */
			return best ? best : group;
		if (group->in_use) {
			if (i == pool->groups_low)
				pool->groups_low++;
			continue;
		}
		if (group->lane_room == lanes &&
		    group->children_max == children)
			return group;
		if (group->lane_room >= lanes &&
		    group->children_max >= children &&
		    (!best || better_fit(group, best)))
			best = group;
	}
	return best;
}

static uint32_t find_slot(struct heddle_group *parent)
{
	uint32_t slot;

	if (!parent->child)
		return parent->children_limit ? 1 : 0;
	for (slot = 1; slot <= parent->children_limit; slot++)
		if (!child_at(parent, slot))
			return slot;
	return 0;
}

static int check(const struct heddle_group_options *o)
{
	if (o->flags & ~(uint32_t)(HEDDLE_GROUP_WIDE | HEDDLE_GROUP_PAUSED |
				   HEDDLE_GROUP_RESERVE))
		return -EINVAL;
	if (o->cap > HEDDLE_CAP_MAX || o->weight > HEDDLE_WEIGHT_MAX ||
	    o->order > HEDDLE_ORDER_SERIAL || o->reserved ||
	    o->children_max > HD_BITSET_MAX - 1)
		return -EINVAL;
	if (o->order && (o->flags & HEDDLE_GROUP_WIDE))
		return -EINVAL;
	if (o->order == HEDDLE_ORDER_SERIAL &&
	    (o->cap > 1 || o->children_max || o->flags & HEDDLE_GROUP_RESERVE))
		return -EINVAL;
	if (o->name &&
	    strlen(o->name) >= sizeof(((struct heddle_group *)0)->name))
		return -EINVAL;
	return 0;
}

uint32_t hd_tree_cap(const struct heddle_group *group, uint32_t cap)
{
	const struct heddle_pool *pool = group->pool;

	if (hd_group_above(group))
		return cap;
	if (cap > pool->cap_limit)
		cap = pool->cap_limit;
	return cap > pool->workers_max ? pool->workers_max : cap;
}

static void set_up(struct heddle_pool *pool, struct heddle_group *parent,
		   struct heddle_group *group, uint32_t slot,
		   const struct heddle_group_options *o, uint32_t lanes,
		   uint32_t reserve_slot)
{
	struct heddle_group *reserve = reserve_slot ? group
				       : parent     ? hd_group_reserve(parent)
						    : NULL;
	uint32_t cap = o->flags & HEDDLE_GROUP_PAUSED    ? 0
		       : o->cap                          ? o->cap
		       : o->order == HEDDLE_ORDER_SERIAL ? 1
							 : HEDDLE_CAP_MAX;
	uint64_t change = ++pool->changes;

	/* permit-2: who reads these in the entry's next life has taken a unit
	 * from the word that is set below.
	 */
	atomic_store_explicit(&group->above, parent,
			      memory_order_release); /* group-1 */
	atomic_store_explicit(&group->reserve, reserve,
			      memory_order_release); /* group-1 */
	atomic_store_explicit(&group->reserve_slot, reserve_slot,
			      memory_order_relaxed); /* see mark_above() */
	atomic_store_explicit(&group->slot, slot,
			      memory_order_relaxed); /* see mark_above() */
	atomic_store_explicit(&group->depth,
			      parent ? hd_group_depth(parent) + 1 : 0,
			      memory_order_relaxed); /* published below */
	atomic_store_explicit(&group->lanes, lanes,
			      memory_order_relaxed); /* published below */
	atomic_store_explicit(&group->order, o->order,
			      memory_order_relaxed); /* published below */
	hd_share_reset(group, parent, o->weight);
	group->queue_slots = o->queue_slots;
	group->own_gate = HD_GATE_OPEN;
	group->owned_by_process = false;
	group->in_use = true;
	group->children = 0;
	snprintf(group->name, sizeof(group->name), "%s",
		 o->name ? o->name : "group");
	atomic_store_explicit(&group->gate,
			      parent ? gate_of(parent) : HD_GATE_OPEN,
			      memory_order_relaxed); /* published below */
	atomic_store_explicit(&group->change, change,
			      memory_order_relaxed); /* published below */
	hd_word_set_any(&group->word, (uint32_t)change,
			hd_tree_cap(group, cap));
}

int hd_tree_add(struct heddle_pool *pool, struct heddle_group *parent,
		const struct heddle_group_options *options,
		struct heddle_group **out)
{
	struct heddle_group_options o;
	uint32_t lanes, children, slot = 0, reserve_slot = 0;
	struct heddle_group *group;
	int rc = hd_options_read(&o, sizeof(o), options);

	if (rc == 0)
		rc = check(&o);
	if (rc < 0)
		return rc;
	lanes = o.flags & HEDDLE_GROUP_WIDE ? pool->cpus : 1;
	children = o.children_max ? o.children_max
		   : parent       ? CHILDREN_DEFAULT
				  : 0;
	hd_mutex_lock(&pool->control);
	rc = -ESHUTDOWN;
	if (pool->closing || (parent && (!parent->in_use ||
					 (gate_of(parent) != HD_GATE_OPEN &&
					  gate_of(parent) != HD_GATE_QUIESCE))))
		goto unlock;
	rc = -EINVAL;
	if (parent &&
	    (hd_order_serial(parent) ||
	     (o.flags & HEDDLE_GROUP_RESERVE && hd_group_reserve(parent))))
		goto unlock;
	rc = -ENOSPC;
	if (o.flags & HEDDLE_GROUP_RESERVE) {
		reserve_slot = hd_reserve_slot(pool);
		if (!reserve_slot)
			goto unlock;
	}
	group = find_entry(pool, lanes, children);
	if (parent)
		slot = find_slot(parent);
	if (!group || (parent && !slot))
		goto unlock;
	if (!group->pool) {
		group->index = (uint32_t)(group - pool->group);
		group->pool = pool;
	}
	rc = make_table(parent);
	if (rc == 0)
		rc = make_memory(pool, group, lanes, children);
	if (rc < 0)
		goto unlock;
	group->children_limit = children;
	set_up(pool, parent, group, slot, &o, lanes, reserve_slot);
	if (group->index ==
	    atomic_load_explicit(&pool->groups_used,
				 memory_order_relaxed)) /* locked */
		atomic_store_explicit(&pool->groups_used, group->index + 1,
				      memory_order_relaxed); /* a bound */
	if (parent) {
		parent->children++;
		set_child(parent, slot, group);
		if (reserve_slot)
			hd_reserve_open(group, reserve_slot);
		atomic_store_explicit(&pool->tree, 1,
				      memory_order_relaxed); /* hint */
	}
	HD_PROBE3(group_new, group, group->index, &group->name[0]);
	*out = group;
	rc = 0;
unlock:
	hd_mutex_unlock(&pool->control);
	return rc;
}

struct heddle_group *hd_tree_next(struct heddle_group *group,
				  struct heddle_group *top)
{
	uint32_t slot = 1;

	for (;;) {
		for (; slot <= group->children_max; slot++) {
			struct heddle_group *child =
				group->children ? child_at(group, slot) : NULL;

			if (child)
				return child;
		}
		if (group == top)
			return NULL;
		slot = slot_of(group) + 1;
		group = hd_group_above(group);
	}
}

void hd_tree_seal(struct heddle_group *top)
{
	struct heddle_group *group;

	for (group = top; group; group = hd_tree_next(group, top)) {
		uint32_t number = (uint32_t)atomic_load_explicit(
			&group->change, memory_order_relaxed); /* locked */
		uint64_t before = hd_word_set_any(&group->word, number, 0);

		group->kept = hd_word_target(before);
	}
}

bool hd_tree_unused(struct heddle_group *top)
{
	struct heddle_group *group;

	for (group = top; group; group = hd_tree_next(group, top)) {
		uint64_t word = atomic_load_explicit(
			&group->word, memory_order_seq_cst); /* close-3 */
		uint32_t blocked = atomic_load_explicit(
			&group->blocked, memory_order_seq_cst); /* close-3 */

		if (hd_word_count(word) || blocked ||
		    hd_account_used(hd_account_load_any(&group->account)) ||
		    hd_pins_out(hd_pins(group)))
			return false;
	}
	return true;
}

void hd_tree_unseal(struct heddle_group *top)
{
	struct heddle_group *group;

	for (group = top; group; group = hd_tree_next(group, top)) {
		uint32_t number = (uint32_t)atomic_load_explicit(
			&group->change, memory_order_relaxed); /* locked */

		hd_word_set_any(&group->word, number, group->kept);
		/* Headroom is published again. */
		if (hd_bitset_any(&group->ready))
			hd_ready_mark_above(group);
	}
}

void hd_tree_remove(struct heddle_group *top)
{
	struct heddle_pool *pool = top->pool;
	struct heddle_group *parent = hd_group_above(top), *group, *next;

	set_child(parent, slot_of(top), NULL);
	parent->children--;
	hd_bitset_clear_any(&parent->ready, slot_of(top));
	for (group = top; group; group = next) {
		uint64_t change = ++pool->changes;

		next = hd_tree_next(group, top);
		hd_reserve_close(group);
		hd_word_set_any(&group->word, (uint32_t)change, 0);
		atomic_store_explicit(
			&group->change, change,
			memory_order_relaxed); /* no ticket has it */
		group->in_use = false;
		if (group->index < pool->groups_low)
			pool->groups_low = group->index;
	}
	for (group = top; group; group = next) {
		next = hd_tree_next(group, top);
		if (group != top)
			set_child(hd_group_above(group), slot_of(group), NULL);
	}
}

void hd_tree_gates(struct heddle_group *top)
{
	struct heddle_group *group;

	for (group = top; group; group = hd_tree_next(group, top)) {
		uint32_t gate = group->own_gate;
		struct heddle_group *above = hd_group_above(group);
		uint32_t strictest = above ? gate_of(above) : HD_GATE_OPEN;

		if (gate > strictest)
			strictest = gate;
		atomic_store_explicit(&group->gate, strictest,
				      memory_order_seq_cst); /* close-1 */
	}
}

int heddle_group_create(struct heddle_group *parent,
			const struct heddle_group_options *opts,
			struct heddle_group **group)
{
	if (!group)
		return -EINVAL;
	*group = NULL;
	if (!parent)
		return -EINVAL;
	if (hd_pool_forked(parent->pool))
		return -ECHILD;
	return hd_tree_add(parent->pool, parent, opts, group);
}
