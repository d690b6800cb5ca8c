/* SPDX-License-Identifier: BSD-2-Clause */
/* Changing reserves. See sched/reserve.h. */
#include "sched/reserve.h"

#include <errno.h>
#include <stddef.h>

#include "lockfree/account.h"
#include "lockfree/bitset.h"
#include "lockfree/groupword.h"
#include "sched/group.h"
#include "sched/look.h"
#include "sched/permit.h"
#include "sched/pool.h"
#include "sched/ready.h"

/* Slots from it on were never used. */
static uint32_t slots_of(struct heddle_pool *pool)
{
	return atomic_load_explicit(&pool->reserves_end,
				    memory_order_relaxed); /* a bound */
}

static struct heddle_group *at_slot(struct heddle_pool *pool, uint32_t slot)
{
	/* Under the lock, or for a snapshot: entries are type-stable. */
	return atomic_load_explicit(&pool->reserved[slot],
				    memory_order_relaxed); /* see above */
}

uint32_t hd_reserve_slot(struct heddle_pool *pool)
{
	uint32_t slot;

	for (slot = 1; slot < HD_RESERVES; slot++)
		if (!at_slot(pool, slot))
			return slot;
	return 0;
}

void hd_reserve_open(struct heddle_group *group, uint32_t slot)
{
	struct heddle_pool *pool = group->pool;

	if (slot >= slots_of(pool))
		atomic_store_explicit(&pool->reserves_end, slot + 1,
				      memory_order_seq_cst); /* account-2 */
	atomic_store_explicit(&pool->reserved[slot], group,
			      memory_order_seq_cst); /* group-1, ready-3 */
}

void hd_reserve_close(struct heddle_group *group)
{
	struct heddle_pool *pool = group->pool;
	uint32_t slot = hd_group_reserve_slot(group);

	if (!slot)
		return;
	atomic_store_explicit(&pool->reserved[slot], NULL,
			      memory_order_seq_cst); /* ready-3 */
	hd_bitset_clear_any(&pool->reserve_ready, slot);
}

static uint32_t prepaid_of(struct heddle_group *group)
{
	return hd_account_prepaid(hd_account_load_any(&group->account));
}

/* So many more, or less, on every group above. */
static void count_prepaid(struct heddle_group *group, uint32_t change)
{
	while ((group = hd_group_above(group)))
		atomic_fetch_add_explicit(&group->prepaid, change,
					  memory_order_relaxed); /* locked */
}

static void lower(struct heddle_group *group, uint32_t n, uint32_t *owed)
{
	uint32_t back = hd_account_lower_any(&group->account, n);

	while (back--)
		*owed += hd_permit_give_units(hd_group_above(group), NULL);
}

/* One unit on every group above, from a path that has paid there or from the caller. */
static bool raise_one(struct heddle_group *group, struct heddle_group **full,
		      uint32_t *owed)
{
	struct heddle_group *above = hd_group_above(group);

	if (hd_account_cover_any(&group->account))
		return true;
	if (!hd_permit_take_units(above, NULL, full, owed))
		return false;
	if (hd_account_raise_any(&group->account))
		*owed += hd_permit_give_units(above, NULL);
	return true;
}

/*
 * Under the lock: the lowest group above whose count is above its target, or NULL. A cap
 * that was lowered when nothing was prepaid there may leave it so, and what runs could
 * be made prepaid without a unit more: then a start on it would read no word and go above
 * the cap. Targets stay while the lock is held, and a count never rises above them.
 */
static struct heddle_group *over_target(struct heddle_group *group)
{
	while ((group = hd_group_above(group)))
		if (hd_word_over(hd_word_load_any(&group->word)))
			break;
	return group;
}

static int change(struct heddle_group *group, uint32_t n,
		  struct heddle_group **full, uint32_t *owed)
{
	uint32_t before = prepaid_of(group), now;

	if (n < before) {
		count_prepaid(group, n - before);
		lower(group, n, owed);
		return 0;
	}
	*full = n > before ? over_target(group) : NULL;
	if (*full)
		return -EBUSY;
	for (now = before; now < n; now++) {
		if (raise_one(group, full, owed))
			continue;
		lower(group, before, owed);
		return -EBUSY;
	}
	count_prepaid(group, n - before);
	/* Headroom was published in the account. */
	if (hd_bitset_any(&group->ready))
		hd_ready_mark_above(group);
	*owed += n - before;
	return 0;
}

static bool can_grow(const struct heddle_group *group)
{
	uint32_t gate = atomic_load_explicit(&group->gate,
					     memory_order_relaxed); /* locked */

	return gate == HD_GATE_OPEN || gate == HD_GATE_QUIESCE;
}

int heddle_group_reserve(struct heddle_group *group, uint32_t n,
			 struct heddle_group **full)
{
	struct heddle_group *refused = NULL;
	struct heddle_pool *pool;
	uint32_t owed = 0;
	int rc = -ESHUTDOWN;

	if (full)
		*full = NULL;
	if (!group || n > HEDDLE_CAP_MAX)
		return -EINVAL;
	pool = group->pool;
	if (hd_pool_forked(pool))
		return -ECHILD;
	hd_mutex_lock(&pool->control);
	if (!group->in_use || !hd_group_reserve_slot(group))
		rc = -EINVAL;
	else if (n == 0 || can_grow(group)) {
		hd_hand_begin(pool);
		rc = change(group, n, &refused, &owed);
		hd_hand_end(pool);
	}
	hd_mutex_unlock(&pool->control);
	if (full)
		*full = refused;
	hd_effect_signal(
		pool); /* who waits for a group above to come to rest */
	hd_look(pool, owed < pool->entries ? owed : pool->entries);
	return rc;
}

bool hd_reserve_drop(struct heddle_group *top)
{
	struct heddle_pool *pool = top->pool;
	uint32_t slot, owed = 0;

	for (slot = 1; slot < slots_of(pool); slot++) {
		struct heddle_group *group = at_slot(pool, slot);

		if (!group || !hd_group_within(group, top))
			continue;
		count_prepaid(group, 0u - prepaid_of(group));
		lower(group, 0, &owed);
	}
	return owed;
}

bool hd_reserve_unused(struct heddle_group *top)
{
	struct heddle_pool *pool = top->pool;
	uint32_t slot;

	for (slot = 1; slot < slots_of(pool); slot++) {
		struct heddle_group *group = at_slot(pool, slot);
		uint64_t account;

		if (!group || group == top || !hd_group_within(group, top))
			continue;
		account = hd_account_load_any(&group->account); /* close-2 */
		if (hd_account_used(account))
			return false;
	}
	return true;
}

uint32_t hd_reserve_idle(struct heddle_group *at, struct heddle_group *group)
{
	struct heddle_pool *pool = at->pool;
	uint32_t slot, idle = 0;

	for (slot = 1; slot < slots_of(pool); slot++) {
		struct heddle_group *other = at_slot(pool, slot);
		uint64_t account;

		if (!other || other == at || other == hd_group_reserve(group) ||
		    !hd_group_within(other, at))
			continue;
		account = hd_account_load_any(&other->account);
		idle += hd_account_paid(account) - hd_account_used(account);
	}
	return idle;
}
