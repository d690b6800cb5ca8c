/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Read sections of thieves that RCU does not know: donated threads, which may be
 * registered with liburcu by their host already, and no thread registers twice. A section
 * is around one attempt to steal, and says so in the thief's own entry; who frees rings
 * waits, beside the grace period, for each section that it finds.
 *
 * thief-1: the thief says that it is inside, then reads top and bottom, then, if there is
 * a task, the ring. A ring is unlinked when its deque is empty and its owner has left;
 * then who frees it reads the thief's word. All but the read of the ring are sequentially
 * consistent: if the word says "outside", the thief's reads come later and find the deque
 * empty, or one that has got a new ring since. Forbidden: the thief finds a task of the
 * old life, and the word was read as outside.
 *
 * thief-2: what the thief read in the ring was read before it says that it is outside.
 */
#ifndef HEDDLE_SCHED_THIEF_H
#define HEDDLE_SCHED_THIEF_H

#include <limits.h>
#include <stdatomic.h>

#include "platform/futex.h"
#include "platform/rcu.h"
#include "sched/worker.h"

struct hd_reclaim;

/* worker->stealing; only a donated thread's is ever not 0. */
enum hd_thief {
	HD_THIEF_OUTSIDE = 0,
	HD_THIEF_INSIDE = 1,
	HD_THIEF_AWAITED = 2, /* inside, and somebody waits for its end */
};

static inline void hd_thief_begin(struct hd_worker *thief)
{
	if (thief->donated)
		atomic_store_explicit(&thief->stealing, HD_THIEF_INSIDE,
				      memory_order_seq_cst); /* thief-1 */
	else
		hd_rcu_read_lock();
}

static inline void hd_thief_end(struct hd_worker *thief)
{
	if (!thief->donated)
		hd_rcu_read_unlock();
	else if (atomic_exchange_explicit(&thief->stealing, HD_THIEF_OUTSIDE,
					  memory_order_release) /* thief-2 */
		 == HD_THIEF_AWAITED)
		hd_futex_wake(&thief->stealing, INT_MAX);
}

/* For a pool's reclaim: waits for the end of each section that it finds. */
void hd_thief_wait(struct hd_reclaim *reclaim);

#endif /* HEDDLE_SCHED_THIEF_H */
