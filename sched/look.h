/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looks and kicks: somebody published work, headroom or a worker, and now sees
 * whether that makes a start possible. The wake carries the permits.
 */
#ifndef HEDDLE_SCHED_LOOK_H
#define HEDDLE_SCHED_LOOK_H

#include <stdbool.h>
#include <stdint.h>

struct heddle_pool;
struct heddle_group;
struct hd_worker;

/*
 * Around an attempt that may hold permits for others for a moment, so that
 * heddle_check() can tell "at rest" from "in somebody's hand".
 */
void hd_hand_begin(struct heddle_pool *pool);
void hd_hand_end(struct heddle_pool *pool);

/*
 * Pays owed looks: starts at most that many things that can start. The permits of
 * each are in the caller's hand for a moment.
 */
void hd_look(struct heddle_pool *pool, uint32_t owed);

/*
 * The same for a caller who holds permits already and goes on with them: it wakes one
 * worker without a permit, which looks for itself and then for others.
 */
void hd_look_inside(struct heddle_pool *pool, uint32_t owed);

/*
 * After a submit: starts a sleeper for the group unless that is pointless. From inside
 * a task as hd_look_inside() does.
 */
void hd_kick(struct heddle_group *group);

/* The caller has the sleeper's idle bit and no use for it: it looks, and sleeps again. */
void hd_look_elsewhere(struct hd_worker *worker);

/* Hands the path of the group, which the caller holds, to its next returner. */
bool hd_hand_to_returner(struct heddle_group *group);

/* The same for a path that could start a task: only if it is a returner's turn. */
bool hd_hand_in_turn(struct heddle_group *group);

/* A task of the group starts. */
void hd_hand_row_ends(struct heddle_group *group);

#endif /* HEDDLE_SCHED_LOOK_H */
