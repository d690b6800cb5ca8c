/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taking and giving back permits; doc/design/permits.md is the protocol. The
 * words themselves are lockfree/groupword.h.
 */
#include "sched/permit.h"

#include <errno.h>
#include <limits.h>

#include "lockfree/groupword.h"
#include "platform/futex.h"
#include "sched/group.h"
#include "sched/help.h"
#include "sched/pool.h"
#include "sched/ready.h"

void hd_effect_signal(struct heddle_pool *pool)
{
	/* permit-1: the waiter announces itself, then reads what it waits for;
	 * we have changed that, then read the announcement. Forbidden: it
	 * reads the old state and we read no waiter.
	 */
	atomic_fetch_add_explicit(&pool->effect, 1,
				  memory_order_seq_cst); /* permit-1 */
	if (atomic_load_explicit(&pool->effect_waiters,
				 memory_order_seq_cst)) /* permit-1 */
		hd_futex_wake(&pool->effect, INT_MAX);
}

int hd_effect_wait(struct heddle_pool *pool, int (*done)(void *context),
		   void *context, uint64_t deadline)
{
	int rc = 0;

	atomic_fetch_add_explicit(&pool->effect_waiters, 1,
				  memory_order_seq_cst); /* permit-1 */
	for (;;) {
		uint32_t seen = atomic_load_explicit(
			&pool->effect, memory_order_seq_cst); /* permit-1 */

		rc = done(context);
		if (rc)
			break;
		if (hd_futex_wait(&pool->effect, seen, deadline) ==
		    -ETIMEDOUT) {
			rc = done(context);
			if (!rc)
				rc = -ETIMEDOUT;
			break;
		}
	}
	atomic_fetch_sub_explicit(&pool->effect_waiters, 1,
				  memory_order_relaxed); /* only a count */
	return rc > 0 ? 0 : rc;
}

/*
 * What a word that had the value before was worth, now one less. The group may be gone
 * by now, and its entry in use again: then the signal and the mark are for nobody.
 */
static uint32_t give_event(struct heddle_group *group, uint64_t before)
{
	uint32_t count = hd_word_count(before);
	uint32_t target = hd_word_target(before);
	bool quiet = count == 1 &&
		     atomic_load_explicit(&group->gate,
					  memory_order_seq_cst); /* close-1 */

	if (count == target + 1 || quiet)
		hd_effect_signal(group->pool);
	if (count != target)
		return 0;
	/* Full to not full: headroom was published. */
	if (hd_bitset_any(&group->ready))
		hd_ready_mark_above(group);
	hd_help_signal(group->pool);
	return 1;
}

static uint32_t give_one(struct heddle_group *group)
{
	return give_event(group, hd_word_give_any(&group->word));
}

/*
 * permit-2: who gives a unit back may see the group freed at once; the unit of the group
 * above, which is given next, keeps that one. So the way up is read before the
 * unit goes. Forbidden: it is read afterwards, from the entry's next life, and the next
 * unit is given to a group that it was not taken from.
 */
uint32_t hd_permit_give(struct heddle_group *group, struct heddle_group *upto)
{
	struct heddle_group *above;
	uint32_t owe = 0;

	for (; group != upto; group = above) {
		above = hd_group_above(group); /* permit-2 */
		owe += give_one(group);
	}
	return owe;
}

bool hd_permit_take(struct heddle_group *group, struct heddle_group *upto,
		    struct heddle_group **full, uint32_t *owe)
{
	struct heddle_group *at = group;

	for (; at != upto; at = hd_group_above(at)) { /* with its unit */
		if (hd_word_take_any(&at->word))
			continue;
		*full = at;
		*owe += hd_permit_give(group, at);
		return false;
	}
	return true;
}

bool hd_permit_give_over(struct heddle_group *group, uint32_t *owe)
{
	struct heddle_group *at, *above = NULL;
	uint64_t before;

	for (at = group; at; at = above) {
		above = hd_group_above(at); /* permit-2 */
		if (hd_word_give_over_any(&at->word, &before))
			break;
	}
	if (!at)
		return false;
	*owe += give_event(at, before);
	*owe += hd_permit_give(group, at);
	*owe += hd_permit_give(above, NULL);
	return true;
}

struct heddle_group *hd_permit_full(struct heddle_group *group)
{
	for (; group; group = hd_group_above(group))
		if (!hd_word_room(atomic_load_explicit(
			    &group->word, memory_order_seq_cst))) /* ready-2 */
			break;
	return group;
}

bool hd_permit_room(struct heddle_group *group)
{
	return !hd_permit_full(group);
}
