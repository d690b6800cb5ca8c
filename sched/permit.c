/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taking and giving back permits; doc/design/permits.md is the protocol. The
 * words themselves are lockfree/groupword.h.
 */
#include "sched/permit.h"

#include <errno.h>
#include <limits.h>

#include "lockfree/account.h"
#include "lockfree/groupword.h"
#include "platform/futex.h"
#include "platform/probe.h"
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

void hd_effect_leave(struct heddle_pool *pool)
{
	atomic_fetch_sub_explicit(&pool->effect_waiters, 1,
				  memory_order_relaxed); /* only a count */
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
	hd_effect_leave(pool);
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
	/* Units that are only prepaid keep nobody from coming to rest. */
	bool quiet = count - 1 <= atomic_load_explicit(
					  &group->prepaid,
					  memory_order_relaxed) && /* locked */
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

/* One whole path less in the account; was it one that has its units above? */
static bool leave_account(struct heddle_group *group, uint32_t *owe)
{
	uint64_t before = hd_account_leave_any(&group->account);

	if (hd_account_used(before) != hd_account_prepaid(before))
		return hd_account_beyond(before);
	/* Headroom was published. */
	if (hd_bitset_any(&group->ready))
		hd_ready_mark_above(group);
	hd_help_signal(group->pool);
	++*owe;
	return false;
}

/*
 * permit-2: who gives a unit back may see the group freed at once; the unit of the group
 * above, which is given next, keeps that one. So the way up is read before the
 * unit goes. Forbidden: it is read afterwards, from the entry's next life, and the next
 * unit is given to a group that it was not taken from.
 */
uint32_t hd_permit_give_units(struct heddle_group *group,
			      struct heddle_group *upto)
{
	struct heddle_group *above;
	uint32_t owe = 0;

	for (; group != upto; group = above) {
		above = hd_group_above(group); /* permit-2 */
		owe += give_one(group);
	}
	return owe;
}

/* From at up to upto; the caller has those from group up to at, which go on failure. */
static bool take_units(struct heddle_group *group, struct heddle_group *at,
		       struct heddle_group *upto, struct heddle_group **full,
		       uint32_t *owe)
{
	for (; at != upto; at = hd_group_above(at)) { /* with its unit */
		if (hd_word_take_any(&at->word))
			continue;
		HD_PROBE2(permit_refused, group, at);
		*full = at;
		*owe += hd_permit_give_units(group, at);
		return false;
	}
	return true;
}

bool hd_permit_take_units(struct heddle_group *group, struct heddle_group *upto,
			  struct heddle_group **full, uint32_t *owe)
{
	return take_units(group, group, upto, full, owe);
}

/*
 * While there is headroom in the account the path ends there. Else it joins the account
 * when its units above are there, and not before: who leaves in between would give back
 * a unit that we have not yet.
 */
bool hd_permit_take(struct heddle_group *group, struct heddle_group **full,
		    uint32_t *owe)
{
	struct heddle_group *reserve, *above;

	if (!hd_word_take_any(&group->word)) {
		HD_PROBE2(permit_refused, group, group);
		*full = group;
		return false;
	}
	reserve = hd_group_reserve(group); /* with its unit */
	if (!reserve)
		return take_units(group, hd_group_above(group), NULL, full,
				  owe);
	above = hd_group_above(reserve);
	if (!take_units(group, hd_group_above(group), above, full, owe))
		return false;
	if (hd_account_take_any(&reserve->account))
		return true;
	if (!take_units(group, above, NULL, full, owe))
		return false;
	if (hd_account_room(hd_account_join_any(&reserve->account)))
		*owe += hd_permit_give_units(above, NULL);
	return true;
}

bool hd_permit_take_part(struct heddle_group *group, struct heddle_group *upto,
			 bool *whole, struct heddle_group **full, uint32_t *owe)
{
	struct heddle_group *reserve = hd_group_reserve(group);
	struct heddle_group *at = hd_group_above(group);

	*whole = false;
	if (reserve && hd_group_depth(reserve) > hd_group_depth(upto)) {
		struct heddle_group *above = hd_group_above(reserve);

		if (!take_units(group, at, above, full, owe))
			return false;
		*whole = hd_account_take_any(&reserve->account);
		if (*whole)
			return true;
		at = above;
	}
	return take_units(group, at, upto, full, owe);
}

uint32_t hd_permit_give(struct heddle_group *group)
{
	struct heddle_group *reserve = hd_group_reserve(group), *above = NULL;
	uint32_t owe = 0;
	bool beyond = false;

	/* The account first: the unit of its group keeps that one. */
	if (reserve) {
		above = hd_group_above(reserve); /* permit-2 */
		beyond = leave_account(reserve, &owe);
	}
	owe += hd_permit_give_units(group, above);
	if (beyond)
		owe += hd_permit_give_units(above, NULL);
	return owe;
}

uint32_t hd_permit_give_part(struct heddle_group *group,
			     struct heddle_group *upto, bool whole)
{
	return !upto || whole ? hd_permit_give(group)
			      : hd_permit_give_units(group, upto);
}

/* A word above the account: how many paths must go is not counted one by one there. */
static bool give_all_if_over(struct heddle_group *group,
			     struct heddle_group *above, uint32_t *owe)
{
	for (; above; above = hd_group_above(above))
		if (hd_word_over(hd_word_load_any(&above->word)))
			break;
	if (!above)
		return false;
	*owe += hd_permit_give(group);
	return true;
}

bool hd_permit_give_over(struct heddle_group *group, uint32_t *owe)
{
	struct heddle_group *reserve = hd_group_reserve(group);
	struct heddle_group *end = reserve ? hd_group_above(reserve) : NULL;
	struct heddle_group *at, *above = NULL;
	bool beyond = false;
	uint64_t before;

	for (at = group; at != end; at = above) {
		above = hd_group_above(at); /* permit-2 */
		if (hd_word_give_over_any(&at->word, &before))
			break;
	}
	if (at == end)
		return reserve && give_all_if_over(group, end, owe);
	/* Until we leave it the account keeps its group, also without our unit. */
	if (reserve)
		beyond = leave_account(reserve, owe);
	*owe += give_event(at, before);
	*owe += hd_permit_give_units(group, at);
	*owe += hd_permit_give_units(above, end);
	if (beyond)
		*owe += hd_permit_give_units(end, NULL);
	return true;
}

struct heddle_group *hd_permit_full(struct heddle_group *group)
{
	struct heddle_group *reserve = hd_group_reserve(group);

	for (; group; group = hd_group_above(group)) {
		if (!hd_word_room(atomic_load_explicit(
			    &group->word, memory_order_seq_cst))) /* ready-2 */
			break;
		if (group == reserve &&
		    hd_account_room(hd_account_load_any(&group->account)))
			return NULL;
	}
	return group;
}

bool hd_permit_room(struct heddle_group *group)
{
	return !hd_permit_full(group);
}
