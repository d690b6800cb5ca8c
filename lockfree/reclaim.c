/* SPDX-License-Identifier: BSD-2-Clause */
/* Retired blocks: a list that is pushed to and taken as a whole. */
#include "lockfree/reclaim.h"

#include <stddef.h>

#include "platform/rcu.h"

void hd_reclaim_retire_any(struct hd_reclaim *reclaim,
			   struct hd_retired *retired)
{
	struct hd_retired *first = atomic_load_explicit(
		&reclaim->list, memory_order_relaxed); /* checked by the CAS */

	do {
		retired->next = first;
	} while (!atomic_compare_exchange_weak_explicit(
		&reclaim->list, &first, retired,
		memory_order_release,   /* reclaim-1 */
		memory_order_relaxed)); /* checked by the next CAS */
}

unsigned int hd_reclaim_flush(struct hd_reclaim *reclaim)
{
	struct hd_retired *retired = atomic_exchange_explicit(
		&reclaim->list, NULL, memory_order_acquire); /* reclaim-1 */
	unsigned int freed = 0;

	if (!retired)
		return 0;
	hd_rcu_synchronize();
	if (reclaim->wait_for_others)
		reclaim->wait_for_others(reclaim);
	while (retired) {
		struct hd_retired *next = retired->next;

		retired->free_fn(retired);
		retired = next;
		freed++;
	}
	return freed;
}
