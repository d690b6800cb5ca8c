/* SPDX-License-Identifier: BSD-2-Clause */
/* The rings of the deques: made, freed, and retired while thieves look. */
#include "lockfree/deque.h"

#include <errno.h>
#include <stddef.h>

#include "platform/memory.h"

/*
 * Behind the slots: written when the ring is retired, so that a ring nobody has pushed to
 * has no memory until then.
 */
struct ring_end {
	struct hd_retired retired;
	uint64_t slots;
};

static size_t slots_bytes(uint64_t slots)
{
	size_t align = _Alignof(struct ring_end);

	return ((size_t)slots * sizeof(_Atomic uint32_t) + align - 1) / align *
	       align;
}

static size_t ring_bytes(uint64_t slots)
{
	return slots_bytes(slots) + sizeof(struct ring_end);
}

static struct ring_end *end_of(void *ring, uint64_t slots)
{
	return (struct ring_end *)(void *)((char *)ring + slots_bytes(slots));
}

static void free_ring(struct hd_retired *retired)
{
	/* retired is the first member: the same address. */
	struct ring_end *end = (struct ring_end *)(void *)retired;
	uint64_t slots = end->slots;

	hd_unmap((char *)end - slots_bytes(slots), ring_bytes(slots));
}
_Static_assert(offsetof(struct ring_end, retired) == 0,
	       "a ring is freed by the address of its end");

int hd_deque_init(struct hd_deque *deque, uint32_t slots)
{
	_Atomic uint32_t *ring;

	if (slots < 2 || slots > HD_DEQUE_SLOTS_MAX || slots & (slots - 1))
		return -EINVAL;
	hd_assert(!deque->slots || deque->slots == slots);
	ring = hd_map(ring_bytes(slots));
	if (!ring)
		return -ENOMEM;
	/* A thief of the life before may read it. */
	if (!deque->slots)
		deque->slots = slots;
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
	void *ring = atomic_load_explicit(&deque->ring,
					  memory_order_relaxed); /* no thief */

	if (ring)
		hd_unmap(ring, ring_bytes(deque->slots));
	deque->slots = 0; /* no thief: it may become another one */
	atomic_store_explicit(&deque->ring, NULL,
			      memory_order_relaxed); /* no thief */
}

void hd_deque_retire_owner(struct hd_deque *deque, struct hd_reclaim *reclaim)
{
	void *ring = atomic_load_explicit(&deque->ring,
					  memory_order_relaxed); /* own word */
	struct ring_end *end;

	hd_assert(hd_deque_length_any(deque) == 0);
	if (!ring)
		return;
	atomic_store_explicit(&deque->ring, NULL,
			      memory_order_relaxed); /* has no content */
	end = end_of(ring, deque->slots);
	end->slots = deque->slots;
	end->retired.free_fn = free_ring;
	hd_reclaim_retire_any(reclaim, &end->retired);
}
