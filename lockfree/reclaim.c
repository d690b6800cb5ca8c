/* SPDX-License-Identifier: BSD-2-Clause */
/* Retire and flush; see reclaim.h. */
#include "lockfree/reclaim.h"

#include <stddef.h>

#include "platform/rcu.h"

void hd_reclaim_retire_any(struct hd_reclaim *reclaim,
			   struct hd_retired *retired)
{
	struct hd_retired *seen = atomic_load_explicit(
		&reclaim->list, memory_order_relaxed); /* checked by the CAS */

	do
		retired->next = seen;
	while (!atomic_compare_exchange_weak_explicit(
		&reclaim->list, &seen, retired,
		memory_order_release,   /* reclaim-1 */
		memory_order_relaxed)); /* tried again */
}

unsigned int hd_reclaim_flush(struct hd_reclaim *reclaim)
{
	/* reclaim-1: we see what was written into what was retired. */
	struct hd_retired *retired = atomic_exchange_explicit(
		&reclaim->list, NULL, memory_order_acquire); /* reclaim-1 */
	unsigned int n = 0;

	if (!retired)
		return 0;
	hd_rcu_synchronize();
	while (retired) {
		struct hd_retired *next = retired->next;

		retired->free_fn(retired);
		retired = next;
		n++;
	}
	return n;
}
