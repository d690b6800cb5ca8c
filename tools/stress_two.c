/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * two-pools: two pools are stopped at R4 at once, and their times are kept.
 *
 * Callers that overlap inside liburcu's grace periods sleep in its poll of 10
 * ms; the library lets one at a time in (clause: D1: no poll period lies on
 * the path). So a stop beside another one takes no time of another kind than
 * one alone. Rounds in which both stop at once take turns with rounds in which
 * one does, on the same machine with the same load: of the first no more may
 * last as long as the poll than of the second, but for a few.
 */
#include "tools/stress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <heddle/heddle.h>

enum {
	POOLS = 2,
	WORKERS = 2,
	POLL_NS = 10000000, /* of liburcu */
	SLOW_NS = 8000000,  /* the poll, and a time alone never */
	BUCKETS = 6,
	FEW = 50, /* one stop of so many may be slow by chance */
};

/* Limits of the histogram, the last one open. */
static const uint64_t limit_ns[BUCKETS] = { 100000,   1000000,   SLOW_NS,
					    12000000, 100000000, UINT64_MAX };

struct times {
	uint64_t n, slow;
	uint64_t bucket[BUCKETS];
};

struct two {
	struct ht_stress *run;
	struct heddle_pool *pool[POOLS];
	pthread_barrier_t barrier;
	bool is_over;
	uint64_t begun[POOLS], ended[POOLS];
	struct times at_once, alone;
};

static void take(struct times *times, uint64_t ns)
{
	int i = 0;

	while (ns >= limit_ns[i])
		i++;
	times->bucket[i]++;
	times->n++;
	times->slow += ns >= SLOW_NS;
}

static void nothing(void *arg)
{
	atomic_fetch_add_explicit((_Atomic(uint64_t) *)arg, 1,
				  memory_order_relaxed); /* a count */
}

/* A stealer's ring must wait for the grace period, so something runs. */
static void start(struct two *two, uint32_t i)
{
	ht_expect(two->run, "heddle_pool_start",
		  heddle_pool_start(two->pool[i], WORKERS, NULL,
				    HEDDLE_FOREVER));
	ht_expect(two->run, "heddle_submit_call",
		  heddle_submit_call(heddle_pool_group(two->pool[i]), nothing,
				     &two->run->tasks));
}

static void stop(struct two *two, uint32_t i, bool is_alone)
{
	two->begun[i] = ht_now();
	ht_expect(two->run, "heddle_pool_stop",
		  heddle_pool_stop(two->pool[i], 0, HEDDLE_R4_CLEAN, NULL,
				   HEDDLE_FOREVER));
	/* The twin is what two grace periods at once would be. */
	if (two->run->is_busted && !is_alone)
		ht_sleep_us(POLL_NS / 1000);
	two->ended[i] = ht_now();
}

static void second_body(struct ht_actor *actor)
{
	struct two *two = actor->data;
	bool is_alone = false; /* in this round */

	for (;; is_alone = !is_alone) {
		ht_actor_doing(actor, "starting");
		start(two, 1);
		pthread_barrier_wait(&two->barrier);
		if (two->is_over)
			break;
		ht_actor_step(actor);
		ht_actor_doing(actor, "stopping");
		if (!is_alone)
			stop(two, 1, false);
		pthread_barrier_wait(&two->barrier);
		if (is_alone)
			stop(two, 1, true);
	}
}

static void round_of(struct two *two, bool is_alone)
{
	struct ht_actor *self = &two->run->actors[0];
	uint32_t i;

	ht_actor_doing(self, "starting");
	start(two, 0);
	pthread_barrier_wait(&two->barrier);
	ht_actor_doing(self, "stopping");
	stop(two, 0, is_alone);
	pthread_barrier_wait(&two->barrier);
	if (is_alone) {
		take(&two->alone, two->ended[0] - two->begun[0]);
		return;
	}
	for (i = 0; i < POOLS; i++)
		take(&two->at_once, two->ended[i] - two->begun[i]);
	if (two->begun[0] < two->ended[1] && two->begun[1] < two->ended[0])
		atomic_fetch_add_explicit(&two->run->near, 1,
					  memory_order_relaxed); /* a count */
}

static int put_times(char *at, size_t size, const char *what,
		     const struct times *times)
{
	return snprintf(
		at, size,
		"%s: %ju below 0.1 ms, %ju below 1, %ju below 8, %ju "
		"below 12, %ju below 100, %ju above",
		what, (uintmax_t)times->bucket[0], (uintmax_t)times->bucket[1],
		(uintmax_t)times->bucket[2], (uintmax_t)times->bucket[3],
		(uintmax_t)times->bucket[4], (uintmax_t)times->bucket[5]);
}

static void judge(struct two *two)
{
	struct ht_stress *run = two->run;
	int used = put_times(run->note, sizeof(run->note), "at once",
			     &two->at_once);

	put_times(run->note + used, sizeof(run->note) - (size_t)used, "; alone",
		  &two->alone);
	/* Twice as often: two threads that stop share what load there is. */
	if (two->at_once.slow * two->alone.n >
	    2 * two->alone.slow * two->at_once.n +
		    two->at_once.n * two->alone.n / FEW)
		ht_violation(run, HT_CHECK,
			     "%ju of %ju stops at once took 8 ms, %ju of %ju "
			     "alone",
			     (uintmax_t)two->at_once.slow,
			     (uintmax_t)two->at_once.n,
			     (uintmax_t)two->alone.slow,
			     (uintmax_t)two->alone.n);
}

static void make_pool(struct two *two, uint32_t i)
{
	struct heddle_pool_options options = { .struct_size = sizeof(options),
					       .workers_max = WORKERS,
					       .name = "two" };
	int rc = heddle_pool_create(&options, &two->pool[i]);

	ht_expect(two->run, "heddle_pool_create", rc);
	if (rc)
		exit(HT_MISSED);
}

static void body(struct ht_stress *run)
{
	struct two *two = ht_alloc(1, sizeof(*two));
	bool more = true;
	uint64_t n;
	uint32_t i;

	two->run = run;
	for (i = 0; i < POOLS; i++)
		make_pool(two, i);
	pthread_barrier_init(&two->barrier, NULL, POOLS);
	ht_stress_watch(run, two->pool[0]);
	ht_actor_add(run, "second", second_body, two);
	for (n = 0; more; n++) {
		ht_actor_step(&run->actors[0]);
		round_of(two, n % 2);
		/* Stops at once are what is counted. */
		if (n % 2)
			more = ht_cycle(run);
		/* The twin needs some rounds to be told from chance. */
		if (run->is_busted && n >= 20)
			more = false;
	}
	start(two, 0);
	two->is_over = true;
	pthread_barrier_wait(&two->barrier);
	ht_actors_join(run);
	judge(two);
	ht_stress_watch(run, NULL);
	for (i = 0; i < POOLS; i++)
		ht_expect(run, "heddle_pool_destroy",
			  heddle_pool_destroy(two->pool[i], HEDDLE_R4_CLEAN,
					      NULL, HEDDLE_FOREVER));
	pthread_barrier_destroy(&two->barrier);
	free(two);
}

const struct ht_scenario ht_stress_two = {
	.name = "two-pools",
	.help = "stop two pools at R4 at once and compare with one alone",
	.twin = "stops at once that take a poll of 10 ms",
	.twin_kinds = 1u << HT_CHECK,
	.near = "rounds in which the two stops overlapped",
	.body = body,
};
