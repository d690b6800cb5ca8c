/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One task at a time, and somebody who waits for it: W4 with the same futex for all
 * peers, W4j with their own join, W7 guests that come and go.
 */
#include <math.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/side.h"
#include "tools/stats.h"

/* Each sample begins with a pool that has slept for so long. */
#define IDLE_NS 1000000

/* W4 -------------------------------------------------------------------------- */

struct sample {
	sem_t end;
	_Atomic(bool) is_over; /* in place of @end when the submitter spins */
	uint64_t started;
};

static void stamp_and_post(void *arg)
{
	struct sample *sample = arg;

	sample->started = ht_now();
	sem_post(&sample->end);
}

static void stamp_and_set(void *arg)
{
	struct sample *sample = arg;

	sample->started = ht_now();
	atomic_store_explicit(&sample->is_over, true,
			      memory_order_release); /* w4spin-1 */
}

/* The submitter that reads is_over has the time of the start as well. */
static void take_sample(const struct hb_side *side, struct sample *sample,
			bool is_spin, bool is_shown)
{
	uint64_t start, end;

	hb_side_sleep(IDLE_NS);
	atomic_store_explicit(&sample->is_over, false,
			      memory_order_relaxed); /* nobody else runs */
	start = ht_now();
	if (is_spin) {
		hb_side_put(side, side->pool, stamp_and_set, sample);
		while (!atomic_load_explicit(
			&sample->is_over, memory_order_acquire)) /* w4spin-1 */
			;
	} else {
		hb_side_put(side, side->pool, stamp_and_post, sample);
		while (sem_wait(&sample->end))
			;
	}
	end = ht_now();
	if (is_shown)
		printf("s %llu %llu\n",
		       (unsigned long long)(sample->started - start),
		       (unsigned long long)(end - start));
}

static void take_samples(const struct hb_side *side, uint64_t n, bool is_shown)
{
	bool is_spin = !strcmp(side->mode, "spin");
	/* Of the process: a thread may be inside sem_post() for a while yet. */
	static struct sample sample;
	static bool is_made;
	uint64_t i;

	if (!is_made)
		sem_init(&sample.end, 0, 0);
	is_made = true;
	for (i = 0; i < n; i++)
		take_sample(side, &sample, is_spin, is_shown);
}

static int warm_latency(struct hb_side *side)
{
	take_samples(side, 10, false);
	return 0;
}

static int round_latency(struct hb_side *side)
{
	take_samples(side, side->samples, true);
	printf("round n=%llu\n", (unsigned long long)side->samples);
	return 0;
}

const struct hb_round_of hb_w4_round = {
	.id = "W4",
	.warm_up = warm_latency,
	.round = round_latency,
};

/* What is spawned and joined ---------------------------------------------------- */

struct way {
	int (*spawn)(void *pool, struct hb_guest *guest);
	int (*join)(void *pool, struct hb_guest *guest);
};

static const struct hb_side *joined_side; /* for plain_spawn() */

static void run_plain(void *arg)
{
	struct hb_guest *guest = arg;

	guest->fn(guest->arg);
	sem_post(&guest->end);
}

static int plain_spawn(void *pool, struct hb_guest *guest)
{
	return joined_side->peer->put(pool, run_plain, guest);
}

static int plain_join(void *pool, struct hb_guest *guest)
{
	(void)pool;
	while (sem_wait(&guest->end))
		;
	return 0;
}

static struct way way_of(const struct hb_side *side, bool has_identity)
{
	const struct hb_peer *peer = side->peer;

	joined_side = side;
	if (has_identity && peer->spawn_thread)
		return (struct way){ peer->spawn_thread, peer->join_thread };
	if (peer->spawn)
		return (struct way){ peer->spawn, peer->join };
	return (struct way){ plain_spawn, plain_join };
}

static void nothing(void *arg)
{
	(void)arg;
}

/* W4j --------------------------------------------------------------------------- */

static void join_samples(const struct hb_side *side, uint64_t n, bool is_shown)
{
	struct way way = way_of(side, false);
	static struct hb_guest guest;
	uint64_t i, start, end;

	if (!guest.fn)
		sem_init(&guest.end, 0, 0);
	guest.fn = nothing;
	for (i = 0; i < n; i++) {
		hb_side_sleep(IDLE_NS);
		start = ht_now();
		if (side->peer->call) {
			hb_side_must(side, "a call",
				     side->peer->call(side->pool, &guest));
		} else {
			hb_side_must(side, "a spawn",
				     way.spawn(side->pool, &guest));
			hb_side_must(side, "a join",
				     way.join(side->pool, &guest));
		}
		end = ht_now();
		if (is_shown)
			printf("s 0 %llu\n", (unsigned long long)(end - start));
	}
}

static int warm_join(struct hb_side *side)
{
	join_samples(side, 10, false);
	return 0;
}

static int round_join(struct hb_side *side)
{
	join_samples(side, side->samples, true);
	printf("round n=%llu\n", (unsigned long long)side->samples);
	return 0;
}

const struct hb_round_of hb_w4j_round = {
	.id = "W4j",
	.warm_up = warm_join,
	.round = round_join,
};

/* W7 and W7t -------------------------------------------------------------------- */

static struct churn {
	struct hb_guest *guests; /* one a place in the ring */
	uint64_t *starts;        /* when each was spawned */
	double *times;           /* of each, from spawn until joined */
	uint64_t steps;
} churn;

static void work(void *arg)
{
	(void)arg;
	hb_work(churn.steps);
}

static int open_churn(struct hb_side *side)
{
	/* A guest with an identity needs a worker of its own while it lives. */
	bool has_identity = !strcmp(side->workload, "W7") &&
			    side->peer->spawn_thread;
	uint32_t workers = (uint32_t)side->workers;
	uint64_t i;

	churn.steps = hb_work_steps(side->work_us ? side->work_us : 1);
	churn.guests = ht_alloc(side->flight, sizeof(*churn.guests));
	churn.starts = ht_alloc(side->flight, sizeof(*churn.starts));
	churn.times = ht_alloc(side->n, sizeof(*churn.times));
	for (i = 0; i < side->flight; i++) {
		sem_init(&churn.guests[i].end, 0, 0);
		churn.guests[i].fn = work;
	}
	if (has_identity && side->flight > workers) {
		side->pool = hb_side_open(side, (uint32_t)side->flight, 0);
		return side->peer->set_cap(side->pool, workers);
	}
	side->pool = hb_side_open(side, workers, 0);
	return 0;
}

static double churn_all(const struct hb_side *side, uint64_t n)
{
	struct way way = way_of(side, !strcmp(side->workload, "W7"));
	uint64_t start = ht_now(), i;

	for (i = 0; i < n + side->flight; i++) {
		uint64_t place = i % side->flight;
		struct hb_guest *guest = &churn.guests[place];

		if (i >= side->flight) {
			hb_side_must(side, "a join",
				     way.join(side->pool, guest));
			churn.times[i - side->flight] =
				(double)(ht_now() - churn.starts[place]);
		}
		if (i < n) {
			churn.starts[place] = ht_now();
			hb_side_must(side, "a spawn",
				     way.spawn(side->pool, guest));
		}
	}
	return (double)(ht_now() - start) / (double)n;
}

static int warm_churn(struct hb_side *side)
{
	churn_all(side, side->n < 100 ? side->n : 100);
	return 0;
}

static int round_churn(struct hb_side *side)
{
	double ns = churn_all(side, side->n);

	ht_sort(churn.times, side->n);
	printf("round ns=%.3f p50=%.0f p99=%.0f\n", ns,
	       ht_percentile(churn.times, side->n, 50),
	       ht_percentile(churn.times, side->n, 99));
	return 0;
}

const struct hb_round_of hb_w7_round = {
	.id = "W7",
	.open = open_churn,
	.warm_up = warm_churn,
	.round = round_churn,
};

const struct hb_round_of hb_w7t_round = {
	.id = "W7t",
	.open = open_churn,
	.warm_up = warm_churn,
	.round = round_churn,
};
