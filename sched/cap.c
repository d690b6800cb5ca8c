/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changing caps, and waiting until a change is in effect.
 *
 * A change number: bits 0-39 a serial of the pool, whose low 24 bits are the
 * generation in each changed word; bits 40-63 how many groups were changed, so
 * that a waiter can tell whether one of them has been changed again since.
 *
 * cap-1: the word is set before the number that names it; a waiter that reads
 * the number sees the word.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include <heddle/block.h>

#include "lockfree/groupword.h"
#include "platform/probe.h"
#include "sched/block.h"
#include "sched/cap.h"
#include "sched/group.h"
#include "sched/look.h"
#include "sched/order.h"
#include "sched/permit.h"
#include "sched/pool.h"
#include "sched/ready.h"
#include "sched/tree.h"
#include "sched/worker.h"

#define SERIAL_BITS 40
#define SERIAL_MASK ((UINT64_C(1) << SERIAL_BITS) - 1)

#define CHANGE_ALL (uint32_t)(HEDDLE_CHANGE_CAP | HEDDLE_CHANGE_WEIGHT)

static bool sets(const struct heddle_change *change, uint32_t what)
{
	return (change->what ? change->what : HEDDLE_CHANGE_CAP) & what;
}

static int check_changes(const struct heddle_change *changes, size_t n)
{
	size_t i, k;

	if (!changes || n == 0 || n >= UINT64_C(1) << (64 - SERIAL_BITS))
		return -EINVAL;
	for (i = 0; i < n; i++) {
		if (!changes[i].group || (changes[i].what & ~CHANGE_ALL) ||
		    changes[i].reserved ||
		    (sets(&changes[i], HEDDLE_CHANGE_CAP) &&
		     changes[i].cap > HEDDLE_CAP_MAX) ||
		    (sets(&changes[i], HEDDLE_CHANGE_WEIGHT) &&
		     changes[i].weight > HEDDLE_WEIGHT_MAX) ||
		    changes[i].group->pool != changes[0].group->pool)
			return -EINVAL;
		if (sets(&changes[i], HEDDLE_CHANGE_CAP) &&
		    changes[i].cap > 1 && hd_order_serial(changes[i].group))
			return -EINVAL;
		for (k = 0; k < i; k++)
			if (changes[k].group == changes[i].group)
				return -EINVAL;
	}
	return 0;
}

/* The cap that the change leaves in the word. */
static uint32_t new_cap(const struct heddle_change *change)
{
	if (sets(change, HEDDLE_CHANGE_CAP))
		return hd_tree_cap(change->group, change->cap);
	return hd_word_target(atomic_load_explicit(
		&change->group->word, memory_order_relaxed)); /* locked */
}

/* Sets one word; what that publishes is paid by the caller. */
static void apply(const struct heddle_change *change, uint64_t number,
		  uint32_t *raised)
{
	struct heddle_group *group = change->group;
	uint32_t cap = new_cap(change), count;
	uint64_t before;

	if (sets(change, HEDDLE_CHANGE_WEIGHT))
		atomic_store_explicit(&group->share.weight,
				      change->weight ? change->weight : 1,
				      memory_order_relaxed); /* hint */
	before = hd_word_set_any(&group->word, (uint32_t)number, cap);
	count = hd_word_count(before);
	HD_PROBE3(cap_change, group, hd_word_target(before), cap);
	atomic_store_explicit(&group->change, number,
			      memory_order_release); /* cap-1 */
	if (cap <= hd_word_target(before) || count >= cap)
		return;
	/* Headroom was published, even when there was some before: a look may
	 * have been refused at the old target.
	 */
	if (hd_bitset_any(&group->ready))
		hd_ready_mark_above(group);
	*raised += cap - count;
}

static bool lowers(const struct heddle_change *change)
{
	return new_cap(change) < hd_word_target(atomic_load_explicit(
					 &change->group->word,
					 memory_order_relaxed)); /* locked */
}

/*
 * Under the lock. Where units are prepaid no more may be out than the new cap: its target
 * is set here already, if that can be, with the generation that it has. If one of them
 * cannot be lowered the others are raised again, which publishes headroom.
 */
static int lower_prepaid(const struct heddle_change *changes, size_t n,
			 uint32_t *raised)
{
	size_t i;

	for (i = 0; i < n; i++) {
		struct heddle_group *group = changes[i].group;
		uint64_t word = hd_word_load_any(&group->word);

		group->kept = hd_word_target(word);
		if (atomic_load_explicit(&group->prepaid,
					 memory_order_relaxed) && /* locked */
		    lowers(&changes[i]) &&
		    !hd_word_lower_any(&group->word, new_cap(&changes[i])))
			break;
	}
	if (i == n)
		return 0;
	while (i--) {
		struct heddle_group *group = changes[i].group;
		uint64_t word = hd_word_load_any(&group->word);

		if (hd_word_target(word) == group->kept)
			continue;
		hd_word_set_any(&group->word, hd_word_generation(word),
				group->kept);
		if (hd_bitset_any(&group->ready))
			hd_ready_mark_above(group);
		*raised += group->kept - hd_word_target(word);
	}
	return -EBUSY;
}

/* All of it in one hold of the lock, which the caller has. Returns its number. */
static uint64_t commit(struct heddle_pool *pool,
		       const struct heddle_change *changes, size_t n,
		       uint32_t *raised)
{
	uint64_t number = (++pool->changes & SERIAL_MASK) |
			  (uint64_t)n << SERIAL_BITS;
	int raise;
	size_t i;

	/* Decreases first: a sum of exchanged caps never rises. */
	for (raise = 0; raise <= 1; raise++)
		for (i = 0; i < n; i++)
			if (atomic_load_explicit(&changes[i].group->change,
						 memory_order_relaxed) !=
				    number && /* locked */
			    (raise || lowers(&changes[i])))
				apply(&changes[i], number, raised);
	/* attention-1: the lowering is linearised here. */
	atomic_fetch_add_explicit(&pool->attention, HD_ATTENTION_EVENT,
				  memory_order_seq_cst); /* attention-1 */
	return number;
}

/* What a change has published is paid without the lock. */
static void settle(struct heddle_pool *pool, uint32_t raised)
{
	hd_effect_signal(pool); /* earlier tickets: superseded, or true now */
	if (raised > pool->entries)
		raised = pool->entries; /* no more can start at once */
	hd_look(pool, raised);
}

/* What the user sets for the root is kept apart from what is in force. */
static void remember(const struct heddle_change *changes, size_t n)
{
	struct heddle_pool *pool = changes[0].group->pool;
	size_t i;

	for (i = 0; i < n; i++)
		if (changes[i].group == pool->root &&
		    sets(&changes[i], HEDDLE_CHANGE_CAP))
			pool->cap_asked = changes[i].cap;
}

int heddle_group_update(const struct heddle_change *changes, size_t n,
			struct heddle_ticket *ticket)
{
	int rc = check_changes(changes, n);
	struct heddle_pool *pool;
	uint32_t raised = 0;
	uint64_t number = 0;

	if (rc < 0)
		return rc;
	pool = changes[0].group->pool;
	if (hd_pool_forked(pool))
		return -ECHILD;
	hd_mutex_lock(&pool->control);
	rc = lower_prepaid(changes, n, &raised);
	if (rc == 0) {
		remember(changes, n);
		number = commit(pool, changes, n, &raised);
	}
	hd_mutex_unlock(&pool->control);
	settle(pool, raised);
	if (rc == 0 && ticket) {
		ticket->pool = pool;
		ticket->change = number;
	}
	return rc;
}

/*
 * Under the lock: how far the root's cap can fall now. Where units are prepaid no more
 * may be out than its cap (doc/design/reserves.md): then it is lowered here.
 */
static uint32_t lower_root(struct heddle_group *root, uint32_t cap,
			   uint32_t before)
{
	if (!atomic_load_explicit(&root->prepaid,
				  memory_order_relaxed)) /* locked */
		return cap;
	while (cap < before && !hd_word_lower_any(&root->word, cap)) {
		uint32_t out = hd_word_count(hd_word_load_any(&root->word));

		if (out > cap)
			cap = out;
	}
	return cap;
}

uint32_t hd_cap_limit(struct heddle_pool *pool, uint32_t limit,
		      uint32_t *before)
{
	struct heddle_change change = { .group = pool->root,
					.what = HEDDLE_CHANGE_CAP };
	uint32_t raised = 0, cap;

	hd_mutex_lock(&pool->control);
	pool->cap_limit = limit;
	change.cap = pool->cap_asked;
	*before = hd_word_target(hd_word_load_any(&pool->root->word));
	cap = lower_root(pool->root, new_cap(&change), *before);
	if (cap > limit)
		pool->cap_limit = cap; /* for now; the next one goes on */
	if (cap != *before)
		commit(pool, &change, 1, &raised);
	hd_mutex_unlock(&pool->control);
	if (cap != *before)
		settle(pool, raised);
	return cap;
}

/* Does the calling task itself keep the group from being empty? */
static bool occupied_by_caller(struct heddle_group *group)
{
	struct hd_frame *frame;

	if (!hd_self || hd_self->pool != group->pool)
		return false;
	/* Inside a region only the unit of a SERIAL group is kept. */
	for (frame = hd_self->frame; frame; frame = frame->below)
		if (hd_self->block_depth
			    ? frame->group == group && hd_order_serial(group)
			    : hd_group_within(frame->group, group))
			return true;
	return false;
}

/* 1 in effect, 0 not yet, -ESTALE, -EDEADLK. */
static int in_effect(void *context)
{
	struct heddle_ticket *ticket = context;
	struct heddle_pool *pool = ticket->pool;
	uint64_t wanted = ticket->change >> SERIAL_BITS, found = 0;
	bool over = false;
	/* Relaxed: who has the ticket knows its group, and with it the count. */
	uint32_t used =
		atomic_load_explicit(&pool->groups_used, memory_order_relaxed);
	uint32_t i;

	for (i = 0; i < used; i++) {
		struct heddle_group *group = &pool->group[i];
		uint64_t word;

		if (atomic_load_explicit(&group->change,
					 memory_order_acquire) /* cap-1 */
		    != ticket->change)
			continue;
		word = atomic_load_explicit(
			&group->word, memory_order_seq_cst); /* permit-1 */
		if (hd_word_generation(word) !=
		    hd_word_generation(
			    hd_word_make((uint32_t)ticket->change, 0, 0)))
			continue; /* changed again just now */
		found++;
		if (!hd_word_over(word))
			continue;
		over = true;
		if (hd_word_target(word) == 0 && occupied_by_caller(group))
			return -EDEADLK;
	}
	if (found < wanted)
		return -ESTALE;
	return !over;
}

int heddle_group_wait(struct heddle_ticket ticket, uint64_t deadline)
{
	int rc;

	if (!ticket.pool || !(ticket.change >> SERIAL_BITS))
		return -EINVAL;
	if (hd_pool_forked(ticket.pool))
		return -ECHILD;
	rc = in_effect(&ticket);
	if (rc)
		return rc > 0 ? 0 : rc;
	if (deadline == HEDDLE_NOW)
		return -ETIMEDOUT;
	return hd_block_until(ticket.pool, in_effect, &ticket, deadline);
}
