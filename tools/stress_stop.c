/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stop-states: stops at R4 that find a worker in each state of its life.
 *
 * A cycle brings a worker into one state (parked, in a region, starting, in its
 * exit hook, ...), looks that it is there, and stops the pool to nobody while
 * another thread lets the worker go a moment later. Then no thread is left
 * (clause: D1), what was accepted has run or runs under the next worker
 * (clause: Q1), each init hook has its exit hook, and every invariant holds.
 * The stops that met each state are counted; too few of one are a failure.
 */
#include "tools/stress_stop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <heddle/heddle.h>
#include <heddle/testing.h>

enum {
	POOL_CYCLES = 256, /* until a new pool is made */
	LOST_S = 20,
};

static void set(_Atomic(bool) *flag, bool value)
{
	atomic_store_explicit(flag, value, memory_order_release);
}

static uint64_t count_of(_Atomic(uint64_t) *counter)
{
	return atomic_load_explicit(counter, memory_order_acquire);
}

static void stop(struct ht_stops *stops, enum heddle_level level)
{
	ht_expect(stops->run, "heddle_pool_stop",
		  heddle_pool_stop(stops->pool, 0, level, NULL,
				   HEDDLE_FOREVER));
}

/* Nobody is there any more, and each hook was called. */
static void nobody(struct ht_stops *stops, const char *state)
{
	struct ht_stress *run = stops->run;
	uint32_t threads = ht_threads_now();
	int n = heddle_workers(stops->pool, NULL, 0);

	if (threads != stops->base)
		ht_violation(run, HT_LEAK,
			     "%u threads after a stop that met %s, not %u",
			     threads, state, stops->base);
	if (n)
		ht_violation(run, HT_LEAK, "%d workers after a stop", n);
	if (count_of(&stops->inits) != count_of(&stops->exits))
		ht_violation(run, HT_LEAK, "%ju init hooks, %ju exit hooks",
			     (uintmax_t)count_of(&stops->inits),
			     (uintmax_t)count_of(&stops->exits));
}

/* What a stop left in a queue runs under the next worker. */
static void run_rest(struct ht_stops *stops)
{
	uint64_t end = ht_now() + UINT64_C(1000000000) * LOST_S;

	if (count_of(&stops->ran) == count_of(&stops->accepted))
		return;
	ht_stop_start(stops);
	while (count_of(&stops->ran) != count_of(&stops->accepted)) {
		if (ht_now() > end) {
			ht_violation(stops->run, HT_LOST,
				     "%ju tasks accepted, %ju ran",
				     (uintmax_t)count_of(&stops->accepted),
				     (uintmax_t)count_of(&stops->ran));
			break;
		}
		ht_sleep_us(20);
	}
}

static void cycle(struct ht_stops *stops, enum ht_met state)
{
	struct ht_actor *self = &stops->run->actors[0];
	bool met;

	set(&stops->let_go, false);
	set(&stops->wakes, false);
	heddle_delay_set(HEDDLE_DELAY_SLEEP,
			 ht_random_chance(&self->random, 4)
				 ? ht_random_below(&self->random, 20000)
				 : 0);
	ht_actor_doing(self, ht_met_names[state]);
	met = ht_stop_arrange(stops, state);
	stops->tried[state]++;
	stops->met[state] += met;
	if (met && state == HT_MET_CAP)
		atomic_fetch_add_explicit(&stops->run->near, 1,
					  memory_order_relaxed); /* a count */
	ht_hand_tell(&stops->letter, HT_ORDER_LET_GO);
	ht_actor_doing(self, "stopping");
	/* The twin takes a thread for gone that is only on its way. */
	if (stops->run->is_busted)
		heddle_delay_set(HEDDLE_DELAY_THREAD_END, 2000000);
	stop(stops, stops->run->is_busted ? HEDDLE_R1_LEFT : HEDDLE_R4_CLEAN);
	ht_actor_doing(self, "waiting for the others");
	if (stops->run->is_busted)
		nobody(stops, ht_met_names[state]);
	ht_hand_wait(&stops->letter);
	ht_hand_wait(&stops->other);
	heddle_delay_set(HEDDLE_DELAY_CLAIM, 0);
	heddle_delay_set(HEDDLE_DELAY_SCRUB, 0);
	heddle_delay_set(HEDDLE_DELAY_THREAD_END, 0);
	set(&stops->hooks_wait, false);
	if (state == HT_MET_CLOSING)
		ht_expect(stops->run, "heddle_group_close",
			  heddle_group_close(stops->group, HEDDLE_CLOSE_RESUME,
					     HEDDLE_NOW));
	ht_actor_doing(self, "running what was left");
	run_rest(stops);
	/* A start that came behind the stop has made a worker again. */
	stop(stops, HEDDLE_R4_CLEAN);
	nobody(stops, ht_met_names[state]);
}

static void make_pool(struct ht_stops *stops)
{
	struct heddle_pool_options options = {
		.struct_size = sizeof(options),
		.flags = HEDDLE_POOL_ELASTIC,
		.workers_max = HT_STOP_WORKERS,
		.blocked_max = HT_STOP_WORKERS,
		.helpers_max = 2,
		.worker_init = ht_stop_init,
		.worker_exit = ht_stop_exit,
		.hook_arg = stops,
		.name = "stop",
	};
	struct heddle_group_options group = { .struct_size = sizeof(group),
					      .cap = 1 };
	struct heddle_process_options process = {
		.struct_size = sizeof(process), .threads_max = 4
	};
	int rc = heddle_pool_create(&options, &stops->pool);

	ht_expect(stops->run, "heddle_pool_create", rc);
	if (rc)
		exit(HT_MISSED);
	ht_expect(stops->run, "heddle_group_create",
		  heddle_group_create(heddle_pool_group(stops->pool), &group,
				      &stops->group));
	ht_expect(stops->run, "heddle_process_create",
		  heddle_process_create(stops->pool, &process,
					&stops->process));
	ht_stress_watch(stops->run, stops->pool);
	ht_stress_watch_group(stops->run, stops->group);
}

static void end_pool(struct ht_stops *stops)
{
	ht_stress_rest(stops->run, stops->pool);
	ht_stress_watch(stops->run, NULL);
	ht_expect(stops->run, "heddle_process_destroy",
		  heddle_process_destroy(stops->process, HEDDLE_R4_CLEAN,
					 HEDDLE_FOREVER));
	ht_expect(stops->run, "heddle_pool_destroy",
		  heddle_pool_destroy(stops->pool, HEDDLE_R4_CLEAN, NULL,
				      HEDDLE_FOREVER));
}

/* Enough stops of each state, and how many. */
static void judge(struct ht_stops *stops, uint64_t wanted)
{
	char *at = stops->run->note, *end = at + sizeof(stops->run->note);
	int i;

	for (i = 0; i < HT_MET_STATES; i++) {
		at += snprintf(at, (size_t)(end - at), "%s%s %ju",
			       i ? ", " : "", ht_met_names[i],
			       (uintmax_t)stops->met[i]);
		if (!stops->run->is_busted && stops->met[i] < wanted)
			ht_violation(stops->run, HT_CHECK,
				     "only %ju of %ju stops met %s",
				     (uintmax_t)stops->met[i],
				     (uintmax_t)stops->tried[i],
				     ht_met_names[i]);
	}
}

static void body(struct ht_stress *run)
{
	struct ht_stops *stops = ht_alloc(1, sizeof(*stops));
	uint64_t n = 0, left = run->cycles_wanted;
	bool more = true;

	stops->run = run;
	ht_hand_add(stops, &stops->other, "other");
	ht_hand_add(stops, &stops->letter, "letter");
	stops->base = ht_threads_now();
	while (more) {
		make_pool(stops);
		do {
			ht_actor_step(&run->actors[0]);
			cycle(stops, (enum ht_met)(n % HT_MET_STATES));
			more = ht_cycle(run) ||
			       (!left && n + 1 < HT_MET_STATES);
		} while (++n % POOL_CYCLES && more);
		end_pool(stops);
	}
	heddle_delay_set(HEDDLE_DELAY_SLEEP, 0);
	atomic_store_explicit(&run->tasks, count_of(&stops->ran),
			      memory_order_relaxed); /* over */
	judge(stops, left ? left / 100 : 1);
	ht_actors_join(run);
	free(stops);
}

const struct ht_scenario ht_stress_stop = {
	.name = "stop-states",
	.help = "stop at R4 with a worker in each state of its life",
	.twin = "a stop at R1 that is taken for one at R4",
	.twin_kinds = 1u << HT_LEAK,
	.near = "stops in the middle of a change of the cap",
	.body = body,
};
