/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pools come and go: made, proven to run on all their threads at once, shut
 * down. At the instant when the shutdown returns the threads that are left are
 * counted, and the thread-local destructors that have not run.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "papers/P01/hooks.h"
#include "papers/P01/measure.h"
#include "papers/P01/threads.h"
#include "tools/say.h"

struct counts {
	uint64_t left;
	uint64_t left_threads;
	uint64_t left_max;
	uint64_t tls_left;
	uint64_t hooks_left;
	uint64_t gone_max_ns;
	uint64_t stuck;
};

static void touch_and_meet(struct hp_unit *unit)
{
	hp_touch();
	hp_gate_enter(unit->arg);
}

static void one_cycle(const struct hp_request *request, struct hp_unit *units,
		      struct counts *counts)
{
	/* A pool that keeps threads for long is not waited for. */
	uint64_t limit_ns = request->backend->settle ? 200000000 : 5000000000;
	uint32_t before = hp_threads_alive();
	struct hp_hook_counts hooks;
	uint32_t destroyed, alive, i;
	struct hp_gate gate;
	uint64_t took;
	void *pool;

	hp_gate_init(&gate);
	pool = hp_pool_open(request, 0, request->size);
	for (i = 0; i < request->size; i++) {
		units[i].fn = touch_and_meet;
		units[i].arg = &gate;
		units[i].detached = true;
		hp_run(request, pool, &units[i]);
	}
	if (!hp_gate_wait(&gate, request->size, 5000000000))
		hp_die("%u threads never ran at once", request->size);
	hp_gate_open(&gate);
	request->backend->shutdown(pool);
	destroyed = hp_destroyed();
	hooks = hp_hook_counts();
	alive = hp_threads_alive();

	if (destroyed != hp_touched())
		counts->tls_left++;
	if (hooks.inits != hooks.exits || hooks.inits != hooks.destroyed)
		counts->hooks_left++;
	if (alive > before) {
		counts->left++;
		counts->left_threads += alive - before;
		if (alive - before > counts->left_max)
			counts->left_max = alive - before;
	}
	if (request->backend->settle)
		request->backend->settle();
	if (!hp_threads_wait_gone(before, limit_ns, &took))
		counts->stuck++;
	if (took > counts->gone_max_ns)
		counts->gone_max_ns = took;
	hp_gate_destroy(&gate);
}

void hp_measure_reclaim(const struct hp_request *request)
{
	struct hp_unit *units = ht_alloc(request->size, sizeof(*units));
	struct counts counts = { 0 };
	uint64_t i;

	for (i = 0; i < request->count; i++)
		one_cycle(request, units, &counts);
	printf("reclaim size=%u cycles=%" PRIu64 " proven=%" PRIu64
	       " left=%" PRIu64 " left_threads=%" PRIu64 " left_max=%" PRIu64
	       " tls_left=%" PRIu64 " gone_max_ns=%" PRIu64 " stuck=%" PRIu64
	       " touched=%u destroyed=%u",
	       request->size, i, i, counts.left, counts.left_threads,
	       counts.left_max, counts.tls_left, counts.gone_max_ns,
	       counts.stuck, hp_touched(), hp_destroyed());
	if (request->backend->is_ours)
		printf(" inits=%u exits=%u hooks_left=%" PRIu64 " broken=%u",
		       hp_hook_counts().inits, hp_hook_counts().exits,
		       counts.hooks_left, hp_hook_counts().broken);
	printf("\n");
	free(units);
}
