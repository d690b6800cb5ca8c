/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reserves: changing what is prepaid, and what the closing of groups must know of it.
 * Taking and giving back are sched/permit.c; doc/design/reserves.md is the protocol.
 */
#ifndef HEDDLE_SCHED_RESERVE_H
#define HEDDLE_SCHED_RESERVE_H

#include <stdbool.h>
#include <stdint.h>

struct heddle_pool;
struct heddle_group;

/* Under the lock: a place for one more account, or 0. */
uint32_t hd_reserve_slot(struct heddle_pool *pool);

/* Under the lock: the group, which is complete, has the place, or has it no more. */
void hd_reserve_open(struct heddle_group *group, uint32_t slot);
void hd_reserve_close(struct heddle_group *group);

/*
 * Under the lock: gives what is prepaid for groups of the subtree back. True if others
 * must look, since headroom was published.
 */
bool hd_reserve_drop(struct heddle_group *top);

/* Under the lock: is no account strictly below top in use? */
bool hd_reserve_unused(struct heddle_group *top);

/* Units of that group which others have prepaid and do not use; a snapshot. */
uint32_t hd_reserve_idle(struct heddle_group *at, struct heddle_group *group);

#endif /* HEDDLE_SCHED_RESERVE_H */
