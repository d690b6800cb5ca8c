/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The short measurements: tasks one after another, the pool's own wait for all
 * tasks, a pool that is full, and the time of one spawn and join.
 */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "papers/P01/backend_heddle.h"
#include "papers/P01/measure.h"
#include "papers/P01/threads.h"
#include "papers/histogram.h"
#include "tools/say.h"

void *hp_pool_open(const struct hp_request *request, uint32_t cap, uint32_t n)
{
	const struct hp_backend *backend = request->backend;
	struct hp_setup setup = { request->size, cap, HP_STACK };
	void *pool = backend->create(&setup);
	int rc;

	if (!pool)
		hp_die("%s: the pool could not be made", backend->name);
	rc = backend->start ? backend->start(pool, n) : 0;
	if (rc)
		hp_die("%s: start(%u): %s", backend->name, n, strerror(-rc));
	return pool;
}

void hp_run(const struct hp_request *request, void *pool, struct hp_unit *unit)
{
	int rc = request->backend->run(pool, unit);

	if (rc)
		hp_die("%s: run: %s", request->backend->name, strerror(-rc));
}

void hp_call(const struct hp_request *request, void *pool,
	     void (*fn)(struct hp_unit *unit), void *arg)
{
	struct hp_unit unit = { .fn = fn, .arg = arg };

	hp_run(request, pool, &unit);
	request->backend->wait(pool, &unit);
}

static void touch(struct hp_unit *unit)
{
	(void)unit;
	hp_touch();
}

void hp_measure_sequential(const struct hp_request *request)
{
	uint32_t before = hp_threads_alive();
	void *pool = hp_pool_open(request, 0, 1);
	uint64_t i;

	for (i = 0; i < request->count; i++)
		hp_call(request, pool, touch, NULL);
	printf("sequential size=%u count=%" PRIu64
	       " runners=%u threads=%u registry=%u\n",
	       request->size, i, hp_touched(), hp_threads_alive() - before,
	       request->backend->registry(pool));
	request->backend->shutdown(pool);
}

static void set_flag(struct hp_unit *unit)
{
	atomic_store_explicit((_Atomic(bool) *)unit->arg, true,
			      memory_order_release); /* join-1 */
}

void hp_measure_join(const struct hp_request *request)
{
	const struct hp_backend *backend = request->backend;
	void *pool = hp_pool_open(request, 0, request->size);
	uint64_t early = 0, i;

	for (i = 0; i < request->count; i++) {
		_Atomic(bool) has_run = false;
		struct hp_unit unit = { .fn = set_flag, .arg = &has_run };

		hp_run(request, pool, &unit);
		if (backend->drain)
			backend->drain(pool);
		else
			backend->wait(pool, &unit);
		if (!atomic_load_explicit(&has_run,
					  memory_order_acquire)) /* join-1 */
			early++;
		/* The unit is on this stack. */
		if (backend->drain)
			backend->wait(pool, &unit);
	}
	printf("join size=%u cycles=%" PRIu64 " early=%" PRIu64 " what=%s\n",
	       request->size, i, early, backend->drain ? "all" : "one");
	backend->shutdown(pool);
}

/* Guests that meet: one more than the process has berths or the pool workers */
static int32_t meet(void *gate)
{
	hp_gate_enter(gate);
	return 0;
}

static void exhaust_guests(const struct hp_request *request,
			   const char *variant, uint32_t workers,
			   uint32_t berths)
{
	struct heddle_pool *pool =
		hp_heddle_pool(workers, HP_STACK, HEDDLE_POOL_ELASTIC);
	struct heddle_process_options process_options = {
		.struct_size = sizeof(process_options),
		.threads_max = berths,
	};
	struct hp_gate gate;
	struct heddle_guest_options options = {
		.struct_size = sizeof(options),
		.fn = meet,
		.arg = &gate,
	};
	struct heddle_guest **guests =
		ht_alloc(request->size + 1, sizeof(struct heddle_guest *));
	struct heddle_process *process;
	uint64_t start, now_ns, late_ns;
	uint32_t i;
	int now, late;

	hp_gate_init(&gate);
	hp_heddle_must(heddle_pool_start(pool, 1, NULL, HEDDLE_FOREVER),
		       "heddle_pool_start");
	hp_heddle_must(heddle_process_create(pool, &process_options, &process),
		       "heddle_process_create");
	for (i = 0; i < request->size; i++)
		hp_heddle_must(heddle_guest_spawn(process, &options, &guests[i],
						  ht_now() + 5000000000),
			       "heddle_guest_spawn");
	if (!hp_gate_wait(&gate, request->size, 5000000000))
		hp_die("%u guests never ran at once", request->size);
	start = ht_now();
	now = heddle_guest_spawn(process, &options, &guests[i], HEDDLE_NOW);
	now_ns = ht_now() - start;
	start = ht_now();
	late = now ? heddle_guest_spawn(process, &options, &guests[i],
					start + 50000000)
		   : 0;
	late_ns = ht_now() - start;
	printf("exhaust size=%u variant=%s outcome=%s now=%d now_ns=%" PRIu64
	       " until=%d until_ns=%" PRIu64 "\n",
	       request->size, variant,
	       now == -EAGAIN && late == -EAGAIN ? "refused"
	       : now || late                     ? "other-error"
						 : "accepted",
	       now, now_ns, late, late_ns);
	hp_gate_open(&gate);
	for (i = 0; i < request->size + (now && late ? 0 : 1); i++)
		hp_heddle_must(heddle_guest_join(guests[i], HEDDLE_R0_QUIET,
						 HEDDLE_FOREVER),
			       "heddle_guest_join");
	hp_heddle_must(heddle_process_destroy(process, HEDDLE_R0_QUIET,
					      HEDDLE_FOREVER),
		       "heddle_process_destroy");
	hp_heddle_end(pool);
	hp_gate_destroy(&gate);
	free(guests);
}

static void meet_all(struct hp_unit *unit)
{
	hp_gate_enter(unit->arg);
}

void hp_measure_exhaust(const struct hp_request *request)
{
	struct hp_unit *units;
	struct hp_gate gate;
	uint32_t n = request->size + 1, i;
	void *pool;

	if (request->backend->is_ours) {
		exhaust_guests(request, "berths", request->size + 4,
			       request->size);
		exhaust_guests(request, "workers", request->size,
			       request->size + 4);
		return;
	}
	units = ht_alloc(n, sizeof(*units));
	hp_gate_init(&gate);
	pool = hp_pool_open(request, 0, request->size);
	for (i = 0; i < n; i++) {
		units[i].fn = meet_all;
		units[i].arg = &gate;
		hp_run(request, pool, &units[i]);
	}
	if (!hp_gate_wait(&gate, request->size, 5000000000))
		hp_die("%u threads never ran at once", request->size);
	/* From here on the driver's watchdog decides. */
	printf("exhaust-waits size=%u\n", request->size);
	fflush(stdout);
	hp_gate_wait(&gate, n, UINT64_C(3600000000000));
	printf("exhaust size=%u outcome=done\n", request->size);
	hp_gate_open(&gate);
	for (i = 0; i < n; i++)
		request->backend->wait(pool, &units[i]);
	request->backend->shutdown(pool);
	hp_gate_destroy(&gate);
	free(units);
}

static void do_nothing(struct hp_unit *unit)
{
	(void)unit;
}

void hp_measure_spawn(const struct hp_request *request)
{
	struct hp_histogram *histogram = ht_alloc(1, sizeof(*histogram));
	void *pool = hp_pool_open(request, 0, 1);
	uint64_t start, i;

	for (i = 0; i < request->count; i++) {
		start = ht_now();
		hp_call(request, pool, do_nothing, NULL);
		hp_histogram_add(histogram, ht_now() - start, 1);
	}
	hp_histogram_print(histogram);
	printf("spawn size=%u count=%" PRIu64 "\n", request->size, i);
	request->backend->shutdown(pool);
	free(histogram);
}
