/* SPDX-License-Identifier: BSD-2-Clause */
/* See thief.h. Who waits is ended by the thief, in a few steps of its own. */
#include "sched/thief.h"

#include <stddef.h>
#include <stdint.h>

#include "sched/pool.h"

static void wait_for(struct hd_worker *thief)
{
	uint32_t seen = atomic_load_explicit(
		&thief->stealing, memory_order_seq_cst); /* thief-1, thief-2 */

	if (seen == HD_THIEF_INSIDE &&
	    atomic_compare_exchange_strong_explicit(
		    &thief->stealing, &seen, HD_THIEF_AWAITED,
		    memory_order_acquire,  /* read again below */
		    memory_order_acquire)) /* thief-2 */
		seen = HD_THIEF_AWAITED;
	/* A section of later is awaited too, if another one waits for that. */
	while (seen == HD_THIEF_AWAITED) {
		hd_futex_wait(&thief->stealing, HD_THIEF_AWAITED,
			      HEDDLE_FOREVER);
		seen = atomic_load_explicit(&thief->stealing,
					    memory_order_acquire); /* thief-2 */
	}
}

void hd_thief_wait(struct hd_reclaim *reclaim)
{
	struct heddle_pool *pool =
		(struct heddle_pool *)(void *)((char *)reclaim -
					       offsetof(struct heddle_pool,
							reclaim));
	uint32_t used = atomic_load_explicit(
		&pool->entries_used, memory_order_acquire); /* registry-1 */
	uint32_t i;

	for (i = 0; i < used; i++)
		wait_for(&pool->worker[i]);
}
