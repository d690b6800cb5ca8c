/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happens to the pools of start-stop besides submits: groups that come and go, caps
 * that change, threads that are lent, guests, and another one who starts and stops.
 */
#ifndef HEDDLE_TOOLS_STRESS_SIDE_H
#define HEDDLE_TOOLS_STRESS_SIDE_H

#include <heddle/api.h>

#include "tools/stress.h"

/* One actor's part of one life of a pool. */
struct ht_side {
	struct ht_actor *actor;
	struct heddle_pool *pool;
	uint32_t workers_max;
	/* True: do not begin anything more. */
	_Atomic(bool) *ending;
	/* Workers may be started, stopped and made for guests. */
	bool is_wild;
	/* True: do not stop workers any more; how many are at it. */
	_Atomic(bool) *settling;
	_Atomic(uint32_t) *stoppers;
};

/* ht_side_groups() - groups with tasks, caps, closes; each is gone in the end */
void ht_side_groups(struct ht_side *side);

/* ht_side_guests() - guests and lent threads, and starts and stops beside them */
void ht_side_guests(struct ht_side *side);

/*
 * ht_stop_retried() - a stop whose deadlines are short at first, and which is called
 * again until it is done. Counts a near miss for each that passed.
 */
int ht_stop_retried(struct ht_stress *run, struct ht_random *random,
		    struct heddle_pool *pool, uint32_t n,
		    enum heddle_level level);

#endif /* HEDDLE_TOOLS_STRESS_SIDE_H */
