/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Setting, following and clearing ready bits. Every access is sequentially
 * consistent (lockfree/bitset.h); the pairs are
 *
 * ready-1  clear the bit, re-read the work  |  publish work, read the bit
 * ready-2  clear the bit, re-read the word  |  give back, read the bit
 *
 * ready-3  clear the bit, read the child  |  set the child, mark: read the bit
 *
 * account-1 of lockfree/account.h is the same for the bit of an account.
 *
 * Forbidden in each: either side reads what was there before the other's write.
 * Whoever sets a bit again after a re-read marks the whole path again, since
 * the levels above may have been cleared meanwhile.
 */
#include "sched/ready.h"

#include "lockfree/account.h"
#include "lockfree/groupword.h"
#include "sched/fork.h"
#include "sched/group.h"
#include "sched/permit.h"
#include "sched/pool.h"
#include "sched/queue.h"
#include "sched/share.h"

/* A search chooses anew at most so often, then it takes any. */
#define FAIR_TRIES 4

static void compete(struct heddle_pool *pool)
{
	uint32_t seen;

	if (!atomic_load_explicit(&pool->tree, memory_order_relaxed)) /* hint */
		return;
	seen = atomic_load_explicit(&pool->attention,
				    memory_order_relaxed); /* hint */
	if (!(seen & HD_ATTENTION_COMPETE))
		atomic_fetch_or_explicit(&pool->attention, HD_ATTENTION_COMPETE,
					 memory_order_relaxed); /* hint */
}

static void set(struct hd_bitset *bits, uint32_t bit, bool *changed)
{
	if (hd_bitset_test_any(bits, bit))
		return;
	hd_bitset_set_any(bits, bit);
	*changed = true;
}

static void mark_above(struct heddle_group *group, bool changed)
{
	struct heddle_group *above, *reserve = hd_group_reserve(group);
	struct heddle_pool *pool = group->pool;

	for (; (above = hd_group_above(group)); group = above) {
		uint32_t slot = atomic_load_explicit(
			&group->slot, memory_order_relaxed); /* see below */

		/* If the group was freed the two may be of different lives:
		 * a bit too many, which the next search clears.
		 */
		if (slot <= above->children_max)
			set(&above->ready, slot, &changed);
	}
	/* After the bits below it. Freed meanwhile: a bit too many here as well. */
	if (reserve)
		set(&pool->reserve_ready, hd_group_reserve_slot(reserve),
		    &changed);
	if (changed)
		compete(pool);
}

void hd_ready_mark_above(struct heddle_group *group)
{
	mark_above(group, false);
}

void hd_ready_mark(struct heddle_group *group)
{
	bool changed = false;

	set(&group->ready, 0, &changed);
	mark_above(group, changed);
}

/*
 * account-2: who makes the first account says so before anybody can mark in it; who is
 * about to sleep sets its idle bit, then asks. Forbidden: it reads "none", and who has
 * marked a task there finds nobody asleep.
 */
static bool any_account(struct heddle_pool *pool)
{
	return atomic_load_explicit(&pool->reserves_end,
				    memory_order_seq_cst); /* account-2 */
}

bool hd_ready_others(struct heddle_group *group)
{
	struct heddle_pool *pool = group->pool;
	struct heddle_group *reserve = hd_group_reserve(group);
	uint32_t own = 0, mine, bit;

	for (; group; group = hd_group_above(group)) {
		bit = hd_bitset_next_any(&group->ready, own + 1);
		if (bit != HD_BITSET_NONE && bit != own)
			return true;
		own = atomic_load_explicit(&group->slot,
					   memory_order_relaxed); /* constant */
	}
	/* An account below a full group has no bit on the way to the root. */
	if (!any_account(pool))
		return false;
	mine = reserve ? hd_group_reserve_slot(reserve) : 0;
	bit = hd_bitset_next_any(&pool->reserve_ready, mine + 1);
	return bit != HD_BITSET_NONE && bit != mine;
}

bool hd_ready_below(struct heddle_group *group)
{
	uint32_t bit = hd_bitset_next_any(&group->ready, 1);

	return bit != 0 && bit != HD_BITSET_NONE;
}

static bool room(struct heddle_group *group)
{
	return hd_word_room(atomic_load_explicit(
		&group->word, memory_order_seq_cst)); /* ready-2 */
}

struct search {
	bool tasks;     /* may a task be started, or only a returner? */
	bool take;      /* its permits, or only see that they are free? */
	bool root_full; /* nothing can start anywhere */
	bool detached; /* of the accounts only those that the root does not lead to */
	uint32_t *owe;
};

/* Has group work of its own that this search may start, and is its bit right? */
static bool own_work(struct heddle_group *group, const struct search *search)
{
	bool returners =
		hd_waitq_any(&group->returners, &group->pool->waitq_arena);

	if (!returners && !hd_queue_startable(group)) {
		hd_bitset_clear_any(&group->ready, 0);
		hd_fork_settle(group);
		/* ready-1: the publisher pushed before it read our bit. */
		returners = hd_waitq_any(&group->returners,
					 &group->pool->waitq_arena);
		if (!returners && !hd_queue_startable(group))
			return false;
		hd_ready_mark(group);
	}
	return returners || search->tasks;
}

static struct heddle_group *child_at(struct heddle_group *group, uint32_t bit)
{
	return atomic_load_explicit(&group->child[bit],
				    memory_order_seq_cst); /* ready-3 */
}

/*
 * The child at the bit if the search may go down to it, and the bit put right; NULL
 * if not. The slot may get another child at any time, so what is re-read after a clear
 * is the child that is there then.
 */
static struct heddle_group *open_child(struct heddle_group *group, uint32_t bit)
{
	struct heddle_group *child = child_at(group, bit), *now;

	for (;; child = now) {
		if (child && room(child))
			return child;
		hd_bitset_clear_any(&group->ready, bit);
		/* ready-2: the giver lowered the count before it read our bit. */
		now = child_at(group, bit);
		if (!now || (now == child && !room(child)))
			return NULL;
		if (hd_bitset_any(&now->ready))
			hd_ready_mark_above(now);
	}
}

/*
 * The search below the child found nothing: its bit goes if it has none. Returns the
 * child to be searched again when a bit came meanwhile, since a look that passed while
 * its bit was clear has missed it.
 */
static struct heddle_group *child_again(struct heddle_group *group,
					uint32_t bit,
					struct heddle_group *child)
{
	if (hd_bitset_any(&child->ready))
		return NULL;
	hd_bitset_clear_any(&group->ready, bit);
	/* ready-1: the marker set the child's bit before it read ours. */
	child = child_at(group, bit);
	if (!child || !hd_bitset_any(&child->ready))
		return NULL;
	hd_ready_mark_above(child);
	return child;
}

static bool admits(struct heddle_group *group, const struct search *search,
		   struct heddle_group **full)
{
	if (search->take)
		return hd_permit_take(group, full, search->owe);
	*full = hd_permit_full(group);
	return !*full;
}

static struct heddle_group *find(struct heddle_group *group,
				 struct search *search);

static struct heddle_group *find_at(struct heddle_group *group, uint32_t bit,
				    struct search *search)
{
	struct heddle_group *child, *found, *full;

	if (bit == 0) {
		if (!own_work(group, search))
			return NULL;
		if (admits(group, search, &full))
			return group;
		search->root_full = full == full->pool->root;
		compete(group->pool);
		return NULL;
	}
	for (child = open_child(group, bit); child;
	     child = child_again(group, bit, child)) {
		found = find(child, search);
		if (found)
			return found;
	}
	return NULL;
}

struct choice {
	uint32_t bit;
	uint64_t ahead; /* of the node's virtual time */
	uint64_t open;
};

/* What speaks for this bit; false when it has been found to be a bit too many. */
static bool judge(struct heddle_group *group, struct choice *choice)
{
	uint64_t now = atomic_load_explicit(&group->virtual_time,
					    memory_order_relaxed); /* hint */
	struct hd_share *share = &group->own;

	choice->open = 0;
	if (choice->bit) {
		struct heddle_group *child = open_child(group, choice->bit);

		if (!child)
			return false;
		share = &child->share;
		choice->open = hd_share_open(group->pool->quantum_ns,
					     hd_share_weight(share),
					     hd_share_count(child));
	}
	choice->ahead = hd_share_ahead(share, now, choice->open);
	return true;
}

/*
 * Among the set bits the one that has used least, from the cursor on; false when there
 * is none. Also for one alone: the turns that it has then are no debt to those who come.
 */
static bool choose(struct heddle_group *group, struct choice *best)
{
	uint32_t bits = group->ready.bits, last = 0, step, found = 0;
	uint32_t start = atomic_load_explicit(&group->cursor,
					      memory_order_relaxed); /* hint */
	struct choice at = { .bit = start };

	for (;;) {
		at.bit = hd_bitset_next_any(&group->ready, at.bit);
		if (at.bit == HD_BITSET_NONE)
			break;
		step = (at.bit + bits - start) % bits + 1;
		if (step <= last)
			break;
		last = step;
		if (judge(group, &at) && (!found++ || at.ahead < best->ahead))
			*best = at;
		if (last == bits)
			break;
		at.bit = (at.bit + 1) % bits;
	}
	return found;
}

/* Tries to start the one whose turn it is; again when its bit was one too many. */
static struct heddle_group *find_fair(struct heddle_group *group,
				      struct search *search)
{
	struct choice best;
	int tries;

	for (tries = 0; tries < FAIR_TRIES; tries++) {
		struct heddle_group *found;

		if (search->root_full || !choose(group, &best))
			return NULL;
		found = find_at(group, best.bit, search);
		if (!found)
			continue;
		hd_share_chosen(&group->virtual_time, best.ahead, best.open);
		atomic_store_explicit(&group->cursor,
				      (best.bit + 1) % group->ready.bits,
				      memory_order_relaxed); /* hint */
		return found;
	}
	return NULL;
}

/* Each set bit of the node once, from the cursor on. */
static struct heddle_group *find_any(struct heddle_group *group,
				     struct search *search)
{
	uint32_t bits = group->ready.bits, last = 0, step;
	uint32_t start = atomic_load_explicit(&group->cursor,
					      memory_order_relaxed); /* hint */
	uint32_t from = start;

	for (;;) {
		uint32_t bit = hd_bitset_next_any(&group->ready, from);
		struct heddle_group *found;

		if (bit == HD_BITSET_NONE)
			return NULL;
		step = (bit + bits - start) % bits + 1;
		if (step <= last)
			return NULL;
		last = step;
		found = find_at(group, bit, search);
		if (found) {
			atomic_store_explicit(&group->cursor, (bit + 1) % bits,
					      memory_order_relaxed); /* hint */
			return found;
		}
		if (search->root_full || last == bits)
			return NULL;
		from = (bit + 1) % bits;
	}
}

/* Turns are of tasks: a search for returners alone takes any. */
static struct heddle_group *find(struct heddle_group *group,
				 struct search *search)
{
	struct heddle_group *found = NULL;

	if (search->tasks && hd_ready_below(group))
		found = find_fair(group, search);
	if (!found && !search->root_full)
		found = find_any(group, search);
	return found;
}

static struct heddle_group *account_at(struct heddle_pool *pool, uint32_t slot)
{
	return atomic_load_explicit(&pool->reserved[slot],
				    memory_order_seq_cst); /* ready-3 */
}

static bool account_room(struct heddle_group *group)
{
	return room(group) &&
	       hd_account_room(hd_account_load_any(&group->account));
}

/* open_child() for the account of a slot. */
static struct heddle_group *open_account(struct heddle_pool *pool,
					 uint32_t slot)
{
	struct heddle_group *group = account_at(pool, slot), *now;

	for (;; group = now) {
		if (group && account_room(group))
			return group;
		hd_bitset_clear_any(&pool->reserve_ready, slot);
		/* account-1: the giver left before it read the bits. */
		now = account_at(pool, slot);
		if (!now || (now == group && !account_room(group)))
			return NULL;
		if (hd_bitset_any(&now->ready))
			hd_ready_mark_above(now);
	}
}

/* child_again() for it. */
static struct heddle_group *account_again(struct heddle_pool *pool,
					  uint32_t slot,
					  struct heddle_group *group)
{
	if (hd_bitset_any(&group->ready))
		return NULL;
	hd_bitset_clear_any(&pool->reserve_ready, slot);
	/* ready-1: the marker set the group's bit before it read the account's. */
	group = account_at(pool, slot);
	if (!group || !hd_bitset_any(&group->ready))
		return NULL;
	hd_ready_mark_above(group);
	return group;
}

/* What can start with prepaid units alone, each account once, from the cursor on. */
static struct heddle_group *find_prepaid(struct heddle_pool *pool,
					 struct search *search)
{
	uint32_t start = atomic_load_explicit(&pool->reserve_cursor,
					      memory_order_relaxed); /* hint */
	uint32_t from = start, last = 0;

	for (;;) {
		uint32_t slot = hd_bitset_next_any(&pool->reserve_ready, from),
			 step;
		struct heddle_group *group, *found;

		if (slot == HD_BITSET_NONE)
			return NULL;
		step = (slot + HD_RESERVES - start) % HD_RESERVES + 1;
		if (step <= last)
			return NULL;
		last = step;
		from = (slot + 1) % HD_RESERVES;
		for (group = open_account(pool, slot); group;
		     group = account_again(pool, slot, group)) {
			if (search->detached &&
			    !hd_permit_full(hd_group_above(group)))
				break;
			search->root_full = false;
			found = find(group, search);
			if (!found)
				continue;
			atomic_store_explicit(&pool->reserve_cursor, from,
					      memory_order_relaxed); /* hint */
			return found;
		}
		if (last == HD_RESERVES)
			return NULL;
	}
}

/*
 * A search from the root never meets an account below a full group. With a root that is
 * full no more often than its workers are busy it would be passed over for ever (H2), so
 * every second search begins with those accounts.
 */
static bool accounts_first(struct heddle_pool *pool)
{
	return hd_bitset_any(&pool->reserve_ready) &&
	       atomic_fetch_xor_explicit(&pool->reserve_turn, 1,
					 memory_order_relaxed); /* hint */
}

static struct heddle_group *find_in(struct heddle_pool *pool,
				    struct search *search)
{
	struct heddle_group *found = NULL;

	if (!any_account(pool))
		return room(pool->root) ? find(pool->root, search) : NULL;
	if (room(pool->root)) {
		search->detached = true;
		if (accounts_first(pool))
			found = find_prepaid(pool, search);
		search->detached = false;
		if (!found)
			found = find(pool->root, search);
	}
	return found ? found : find_prepaid(pool, search);
}

struct heddle_group *hd_ready_take(struct heddle_pool *pool, bool tasks,
				   uint32_t *owe)
{
	struct search search = { .tasks = tasks, .take = true, .owe = owe };

	return find_in(pool, &search);
}

bool hd_ready_find(struct heddle_pool *pool)
{
	struct search search = { .tasks = true };

	return find_in(pool, &search);
}

struct heddle_group *hd_ready_returners(struct heddle_pool *pool)
{
	struct search search = { .tasks = false };

	return find_in(pool, &search);
}
