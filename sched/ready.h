/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ready bits: which groups may have something to start, as hints in a tree,
 * so that a look finds the next group without scanning all of them. The
 * rules of setting and clearing are in doc/design/permits.md.
 */
#ifndef HEDDLE_SCHED_READY_H
#define HEDDLE_SCHED_READY_H

#include <stdbool.h>
#include <stdint.h>

struct heddle_pool;
struct heddle_group;

/* The group itself may have work: sets every clear bit of the path. */
void hd_ready_mark(struct heddle_group *group);

/* Something below the group may start: sets the bits above it. */
void hd_ready_mark_above(struct heddle_group *group);

/* Does another group than this one have a bit set, as seen from its path? */
bool hd_ready_others(struct heddle_group *group);

/* Does a group below this one have a bit set? */
bool hd_ready_below(struct heddle_group *group);

/*
 * Finds a group that may start something and takes its permits. With tasks
 * false only groups with returners count. Looks owed by roll-backs are added
 * to owe. NULL when there was none.
 */
struct heddle_group *hd_ready_take(struct heddle_pool *pool, bool tasks,
				   uint32_t *owe);

/*
 * The same without taking: was there, at some instants during the call, a group with
 * something to start and headroom on its path?
 */
bool hd_ready_find(struct heddle_pool *pool);

/* The same of returners alone: the group, or NULL. */
struct heddle_group *hd_ready_returners(struct heddle_pool *pool);

#endif /* HEDDLE_SCHED_READY_H */
