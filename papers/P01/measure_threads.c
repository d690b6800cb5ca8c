/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The timeline: the number of threads at the instant when each call in the life
 * of a pool has returned. A back end that lacks a call has the checkpoint
 * nevertheless, with nothing done, so that all timelines have the same steps.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "papers/P01/measure.h"
#include "papers/P01/threads.h"
#include "tools/say.h"

/* The keep-alive given to pools that have one is 10 ms; 1.5 times that. */
#define IDLE_NS  UINT64_C(15000000)
#define LIMIT_NS UINT64_C(5000000000)

struct round {
	const struct hp_request *request;
	void *pool;
	uint64_t number;
	uint64_t start_ns;
	uint32_t events;
	struct hp_gate gate;
};

static void checkpoint(struct round *round, const char *name)
{
	uint32_t threads = hp_threads_alive();
	uint64_t ns = ht_now() - round->start_ns;
	uint32_t registry =
		round->pool ? round->request->backend->registry(round->pool)
			    : 0;

	printf("checkpoint round=%" PRIu64 " index=%u name=%s threads=%u "
	       "registry=%u ns=%" PRIu64 "\n",
	       round->number, round->events++, name, threads, registry, ns);
}

static void do_nothing(struct hp_unit *unit)
{
	(void)unit;
}

static void pass_gate(struct hp_unit *unit)
{
	hp_gate_enter(unit->arg);
}

/* Four times as many units as threads; a pool full of them waits inside. */
static void burst(struct round *round)
{
	const struct hp_request *request = round->request;
	uint32_t n = 4 * request->size;
	struct hp_unit *units = ht_alloc(n, sizeof(*units));
	/* Nothing is queued where each unit has a thread of its own. */
	uint32_t inside = request->backend == &hp_pthread ? n : request->size;
	uint32_t i;

	hp_gate_init(&round->gate);
	if (request->backend == &hp_heddle_guest)
		n = request->size; /* more than its berths are refused */
	for (i = 0; i < n; i++) {
		units[i].fn = pass_gate;
		units[i].arg = &round->gate;
		hp_run(request, round->pool, &units[i]);
	}
	if (!hp_gate_wait(&round->gate, inside, LIMIT_NS))
		printf("missed what=burst entered=%u\n", round->gate.entered);
	checkpoint(round, "burst");
	hp_gate_open(&round->gate);
	for (i = 0; i < n; i++)
		request->backend->wait(round->pool, &units[i]);
	checkpoint(round, "drained");
	hp_gate_destroy(&round->gate);
	free(units);
}

static void start(struct round *round, uint32_t n)
{
	int rc = round->request->backend->start(round->pool, n);

	if (rc)
		hp_die("start(%u): %s", n, strerror(-rc));
}

static void sequential(struct round *round)
{
	static const struct {
		uint32_t until;
		const char *name;
	} steps[] = {
		{ 1, "task-1" },
		{ 10, "task-10" },
		{ 100, "task-100" },
		{ 1000, "task-1000" },
	};
	uint32_t tasks = 0;
	size_t i;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		for (; tasks < steps[i].until; tasks++)
			hp_call(round->request, round->pool, do_nothing, NULL);
		checkpoint(round, steps[i].name);
	}
}

static void one_round(const struct hp_request *request, uint64_t number)
{
	const struct hp_backend *backend = request->backend;
	struct hp_setup setup = { request->size, 0, HP_STACK };
	struct round round = { .request = request, .number = number };
	uint32_t before = hp_threads_alive();
	uint64_t took;

	round.start_ns = ht_now();
	checkpoint(&round, "before");
	round.pool = backend->create(&setup);
	if (!round.pool)
		hp_die("%s: the pool could not be made", backend->name);
	checkpoint(&round, "created");
	if (backend->start)
		start(&round, 1);
	checkpoint(&round, "started");
	sequential(&round);
	if (backend->grows_by_call)
		start(&round, request->size);
	checkpoint(&round, "grown");
	burst(&round);
	hp_sleep(IDLE_NS);
	checkpoint(&round, "idle");
	if (backend->shrink && backend->shrink(round.pool, 1))
		hp_die("%s: the pool could not be shrunk", backend->name);
	checkpoint(&round, "shrunk");
	hp_call(request, round.pool, do_nothing, NULL);
	checkpoint(&round, "task-again");
	backend->shutdown(round.pool);
	round.pool = NULL;
	checkpoint(&round, "shutdown");
	hp_sleep(1000000);
	checkpoint(&round, "after-1ms");
	hp_sleep(19000000);
	checkpoint(&round, "after-20ms");
	if (backend->settle)
		backend->settle();
	/* GLib keeps one thread for ever; the next round starts with it. */
	if (!hp_threads_wait_gone(before + (backend->settle ? 1 : 0), LIMIT_NS,
				  &took))
		printf("missed what=gone\n");
}

void hp_measure_timeline(const struct hp_request *request)
{
	uint64_t i;

	for (i = 0; i < request->count; i++)
		one_round(request, i);
}
