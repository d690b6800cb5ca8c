/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whose turn it is among the siblings of one node: weights and the time that permits
 * were held, as virtual time. doc/design/tenants.md has the rules and the bound.
 *
 * Everything here is a hint, read and written relaxed: a lost or a late charge makes a
 * turn more or less, never a start that a cap forbids or a task that is stranded.
 */
#ifndef HEDDLE_SCHED_SHARE_H
#define HEDDLE_SCHED_SHARE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct hd_worker;
struct heddle_group;

/* Virtual time of one nanosecond at weight 1. */
#define HD_SHARE_SCALE_BITS 16
/*
 * Farther ahead of the node than this no group can be: a charge is not larger. What is
 * farther was left behind, or is older than a turn of the 64 bits.
 */
#define HD_SHARE_LIMIT (UINT64_C(1) << 52)

struct hd_share {
	_Atomic uint64_t used;   /* A  virtual time used, among its siblings */
	_Atomic uint32_t weight; /* A */
};

/* So much virtual time has been used in the turns that are not charged yet. */
static inline uint64_t hd_share_open(uint64_t quantum_ns, uint32_t weight,
				     uint32_t count)
{
	return (quantum_ns << HD_SHARE_SCALE_BITS) / weight * count;
}

static inline uint32_t hd_share_weight(const struct hd_share *share)
{
	return atomic_load_explicit(&share->weight,
				    memory_order_relaxed); /* hint */
}

/*
 * How far the share is ahead of its node, its open turns counted as full ones. The
 * smallest is next. Whoever competes all the time is never behind, so who is behind was
 * away: that earns no credit.
 */
static inline uint64_t hd_share_ahead(const struct hd_share *share,
				      uint64_t virtual_time, uint64_t open)
{
	uint64_t used = atomic_load_explicit(&share->used,
					     memory_order_relaxed); /* hint */
	uint64_t ahead = used + open - virtual_time;

	return ahead > HD_SHARE_LIMIT + open ? 0 : ahead;
}

/* The entry becomes a group below parent: without debts from another life of it. */
void hd_share_reset(struct heddle_group *group, struct heddle_group *parent,
		    uint32_t weight);

/* A turn begins: the start of the next one is compared with that of this one. */
void hd_share_chosen(_Atomic uint64_t *virtual_time, uint64_t ahead,
		     uint64_t open);

/* Turns of the group that are under way, those on prepaid units of others not. */
uint32_t hd_share_count(const struct heddle_group *group);

/* Charges what a permit of the group was held, on each level of its path. */
void hd_share_charge(struct heddle_group *group, uint64_t held_ns);

/*
 * A turn of the worker's held group begins, or ends, by its thread. The clock is read
 * only while somebody competes, at the end only if it was at the beginning.
 */
void hd_share_begin(struct hd_worker *worker);
void hd_share_end(struct hd_worker *worker);

/*
 * Somebody competes: is the turn over? Only then is the clock read, and after so many
 * tasks that took a small part of a turn together, not for the next ones.
 */
bool hd_share_turn_over(struct hd_worker *worker, struct heddle_group *group);

#endif /* HEDDLE_SCHED_SHARE_H */
