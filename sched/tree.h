/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree of groups as a data structure: adding and removing nodes, walking a
 * subtree. All under pool->control except where said.
 */
#ifndef HEDDLE_SCHED_TREE_H
#define HEDDLE_SCHED_TREE_H

#include <stdbool.h>
#include <stdint.h>

struct heddle_pool;
struct heddle_group;
struct heddle_group_options;

/* Adds a group below parent (NULL: the root). Takes the lock itself. */
int hd_tree_add(struct heddle_pool *pool, struct heddle_group *parent,
		const struct heddle_group_options *options,
		struct heddle_group **out);

/*
 * No unit of the subtree can be taken until it is unsealed or removed. The caller of
 * unseal owes a look and a signal: it has published headroom.
 */
void hd_tree_seal(struct heddle_group *group);
void hd_tree_unseal(struct heddle_group *group);

/* In a sealed subtree: is no unit out, nobody blocked and no pin set? */
bool hd_tree_unused(struct heddle_group *group);

/* Removes a sealed and unused group and all below it. */
void hd_tree_remove(struct heddle_group *group);

/* The next group of the subtree of top in preorder, NULL at the end. */
struct heddle_group *hd_tree_next(struct heddle_group *group,
				  struct heddle_group *top);

/* Recomputes the strictest gate of each path in the subtree. */
void hd_tree_gates(struct heddle_group *top);

/* When the pool is destroyed. */
void hd_tree_free_memory(struct heddle_group *group);

/*
 * The target for a cap. Each worker that is not blocked holds one unit of the root, so
 * workers_max is the root's bound: after a burst of blocking regions there are more
 * workers than that. The other bound of the root is what was read of the machine.
 */
uint32_t hd_tree_cap(const struct heddle_group *group, uint32_t cap);

#endif /* HEDDLE_SCHED_TREE_H */
