/* SPDX-License-Identifier: BSD-2-Clause */
/* The ring of a deque coming and going. */
#include "lockfree/deque.h"

#include <errno.h>
#include <stddef.h>

#include "platform/memory.h"

static void free_ring(struct hd_retired *retired)
{
	hd_free((char *)retired - offsetof(struct hd_ring, retired));
}

int hd_deque_init(struct hd_deque *deque, uint32_t slots)
{
	struct hd_ring *ring = hd_deque_ring(deque);

	if (ring)
		return 0;
	ring = hd_alloc(sizeof(*ring) + slots * sizeof(ring->slot[0]));
	if (!ring)
		return -ENOMEM;
	ring->mask = slots - 1;
	atomic_store_explicit(&deque->ring, ring,
			      memory_order_release); /* deque-3 */
	return 0;
}

void hd_deque_fini(struct hd_deque *deque)
{
	hd_free(hd_deque_ring(deque));
	atomic_store_explicit(&deque->ring, NULL,
			      memory_order_relaxed); /* nobody is left */
}

void hd_deque_retire_ring(struct hd_deque *deque, struct hd_reclaim *reclaim)
{
	struct hd_ring *ring = hd_deque_ring(deque);

	if (!ring)
		return;
	atomic_store_explicit(&deque->ring, NULL,
			      memory_order_relaxed); /* old ones stay valid */
	ring->retired.free_fn = free_ring;
	hd_reclaim_retire_any(reclaim, &ring->retired);
}
