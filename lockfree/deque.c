/* SPDX-License-Identifier: BSD-2-Clause */
/* The rings of the deques: made, freed, and retired while thieves look. */
#include "lockfree/deque.h"

#include <errno.h>
#include <stddef.h>

#include "platform/memory.h"

static void free_ring(struct hd_retired *retired)
{
	/* retired is the first member: the same address. */
	hd_free(retired);
}
_Static_assert(offsetof(struct hd_deque_ring, retired) == 0,
	       "a ring is freed by the address of its first member");

int hd_deque_init(struct hd_deque *deque, uint32_t slots)
{
	struct hd_deque_ring *ring;

	if (slots < 2 || slots > HD_DEQUE_SLOTS_MAX || slots & (slots - 1))
		return -EINVAL;
	ring = hd_alloc(sizeof(*ring) + slots * sizeof(ring->slot[0]));
	if (!ring)
		return -ENOMEM;
	ring->slots = slots;
	ring->retired.free_fn = free_ring;
	deque->top_seen = atomic_load_explicit(
		&deque->top, memory_order_relaxed); /* no slot was used yet */
	atomic_store_explicit(&deque->ring, ring,
			      memory_order_release); /* deque-4 */
	return 0;
}

int hd_deque_init_at(struct hd_deque *deque, uint32_t slots, uint64_t index)
{
	atomic_store_explicit(&deque->top, index,
			      memory_order_relaxed); /* before publication */
	atomic_store_explicit(&deque->bottom, index,
			      memory_order_relaxed); /* before publication */
	return hd_deque_init(deque, slots);
}

void hd_deque_fini(struct hd_deque *deque)
{
	hd_free(atomic_load_explicit(&deque->ring,
				     memory_order_relaxed)); /* no thief */
	atomic_store_explicit(&deque->ring, NULL,
			      memory_order_relaxed); /* no thief */
}

void hd_deque_retire_owner(struct hd_deque *deque, struct hd_reclaim *reclaim)
{
	struct hd_deque_ring *ring = atomic_load_explicit(
		&deque->ring, memory_order_relaxed); /* own word */

	hd_assert(hd_deque_length_any(deque) == 0);
	if (!ring)
		return;
	atomic_store_explicit(&deque->ring, NULL,
			      memory_order_relaxed); /* has no content */
	hd_reclaim_retire_any(reclaim, &ring->retired);
}
