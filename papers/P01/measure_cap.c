/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The greatest number of tasks that were ever inside at once, counted by the
 * tasks themselves: every entry and every exit is counted, nothing is sampled.
 * One task in "every" stays for 50 microseconds with the CPU offered to
 * others, so that the cap is reached even on fewer CPUs than it.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "papers/P01/measure.h"
#include "papers/P01/threads.h"
#include "tools/say.h"

/* Units in flight: enough that the queue is never empty. */
enum {
	RING = 2048,
	WORKERS = 8
};

struct inside {
	_Atomic(uint32_t) now;
	_Atomic(uint32_t) max;
	uint64_t every;
};

static void enter_and_leave(struct hp_unit *unit)
{
	struct inside *inside = unit->arg;
	/*
	 * The count itself is exact whatever the order, since all changes of
	 * one word are ordered; no other memory is published by it.
	 */
	uint32_t now = 1 + atomic_fetch_add_explicit(&inside->now, 1,
						     memory_order_relaxed);
	uint32_t max = atomic_load_explicit(&inside->max, memory_order_relaxed);

	while (max < now && !atomic_compare_exchange_weak_explicit(
				    &inside->max, &max, now,
				    memory_order_relaxed,  /* one word */
				    memory_order_relaxed)) /* tried again */
		;
	if (unit->number % inside->every == 0)
		hp_linger(50000);
	atomic_fetch_sub_explicit(&inside->now, 1,
				  memory_order_relaxed); /* one word */
}

void hp_measure_exact(const struct hp_request *request)
{
	const struct hp_backend *backend = request->backend;
	uint32_t cap = request->size;
	struct hp_request own = *request;
	struct hp_unit *ring = ht_alloc(RING, sizeof(*ring));
	struct inside *inside = ht_alloc(1, sizeof(*inside));
	uint32_t max;
	void *pool;
	uint64_t i;

	/* heddle has more workers than the cap, so that it is the cap that
	 * limits; the others have no cap but their size. */
	if (backend->is_ours)
		own.size = WORKERS;
	inside->every = request->every;
	pool = hp_pool_open(&own, backend->is_ours ? cap : 0, own.size);
	for (i = 0; i < request->count + RING; i++) {
		struct hp_unit *unit = &ring[i % RING];

		if (i >= RING)
			backend->wait(pool, unit);
		if (i >= request->count)
			continue;
		unit->fn = enter_and_leave;
		unit->arg = inside;
		unit->number = i;
		hp_run(request, pool, unit);
	}
	max = atomic_load_explicit(&inside->max,
				   memory_order_relaxed); /* all were joined */
	printf("exact cap=%u workers=%u count=%" PRIu64 " every=%" PRIu64
	       " max=%u over=%d\n",
	       cap, own.size, request->count, request->every, max, max > cap);
	backend->shutdown(pool);
	free(inside);
	free(ring);
}
