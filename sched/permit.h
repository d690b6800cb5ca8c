/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taking and giving back permits along the path of a group. What a give-back
 * owes to the other groups is counted here and paid by sched/look.c.
 */
#ifndef HEDDLE_SCHED_PERMIT_H
#define HEDDLE_SCHED_PERMIT_H

#include <stdbool.h>
#include <stdint.h>

struct heddle_pool;
struct heddle_group;

/*
 * A whole path: one unit of each group from group to the root, or to the account on the
 * path when that pays for the rest (doc/design/reserves.md). All or nothing; looks that
 * the roll-back owes are added to owe, and *full is the group that refused. Lock-free.
 */
bool hd_permit_take(struct heddle_group *group, struct heddle_group **full,
		    uint32_t *owe);

/* Gives it back; returns how many looks are owed. Lock-free. */
uint32_t hd_permit_give(struct heddle_group *group);

/* Units alone, from group up to, but without, upto: no account knows of them. */
bool hd_permit_take_units(struct heddle_group *group, struct heddle_group *upto,
			  struct heddle_group **full, uint32_t *owe);
uint32_t hd_permit_give_units(struct heddle_group *group,
			      struct heddle_group *upto);

/*
 * For a frame above others, which hold what is needed from upto on. The caller has a
 * unit of group; on failure it goes too. With *whole an account has paid: it is a whole
 * path, and given back as one. Otherwise it is units, up to upto. Lock-free.
 */
bool hd_permit_take_part(struct heddle_group *group, struct heddle_group *upto,
			 bool *whole, struct heddle_group **full,
			 uint32_t *owe);

/* Gives back what a frame with that upto (NULL: the lowest one) has. */
uint32_t hd_permit_give_part(struct heddle_group *group,
			     struct heddle_group *upto, bool whole);

/*
 * Gives the whole path back if a word of it is above its target: one CAS at
 * that word while it still is. False when none was.
 */
bool hd_permit_give_over(struct heddle_group *group, uint32_t *owe);

/* The lowest group of the path that was seen without headroom, or NULL. */
struct heddle_group *hd_permit_full(struct heddle_group *group);

/* Is there headroom on the whole path, at some instants during the call? */
bool hd_permit_room(struct heddle_group *group);

/* Tells those who wait in hd_effect_wait() to look again. */
void hd_effect_signal(struct heddle_pool *pool);

/*
 * Waits until done(context) is true, looking again at each signal. 0 or
 * -ETIMEDOUT.
 */
int hd_effect_wait(struct heddle_pool *pool, int (*done)(void *context),
		   void *context, uint64_t deadline);

#endif /* HEDDLE_SCHED_PERMIT_H */
