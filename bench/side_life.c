/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pools that come and go: W6 start and stop, W8 memory, W9 the cap and its change.
 * Each round makes its pools itself.
 */
#include <dirent.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/done.h"
#include "bench/side.h"

static const char *no_pool(const struct hb_peer *peer)
{
	return peer->is_threads ? "has no pool" : NULL;
}

/* Nothing is kept over the rounds. */
static int open_nothing(struct hb_side *side)
{
	(void)side;
	return 0;
}

/* W6 -------------------------------------------------------------------------- */

static unsigned int threads(void)
{
	DIR *folder = opendir("/proc/self/task");
	struct dirent *entry;
	unsigned int n = 0;

	while (folder && (entry = readdir(folder)))
		n += entry->d_name[0] != '.';
	if (folder)
		closedir(folder);
	return n;
}

static int round_start_stop(struct hb_side *side)
{
	uint32_t workers = (uint32_t)side->workers;
	unsigned int before = threads(), after;
	uint64_t start = ht_now(), proven, stop, stopped, gone;
	void *pool = hb_side_open(side, workers, 0);

	hb_side_prove(side, pool, workers);
	proven = ht_now();
	hb_side_sleep(3000000);
	stop = ht_now();
	side->peer->close(pool);
	stopped = gone = ht_now();
	while ((after = threads()) > before && gone - stop < 2000000000) {
		hb_side_sleep(10000);
		gone = ht_now();
	}
	if (after <= before)
		gone = ht_now();
	printf("round start=%llu stop=%llu gone=",
	       (unsigned long long)(proven - start),
	       (unsigned long long)(stopped - stop));
	if (after > before)
		printf("nan left=%u\n", after - before);
	else
		printf("%llu left=0\n", (unsigned long long)(gone - stop));
	return 0;
}

const struct hb_round_of hb_w6_round = {
	.id = "W6",
	.absent = no_pool,
	.open = open_nothing,
	.round = round_start_stop,
};

/* W8 -------------------------------------------------------------------------- */

static double resident_kib(void)
{
	FILE *in = fopen("/proc/self/smaps_rollup", "re");
	char line[256];
	double kib = NAN;

	while (in && fgets(line, sizeof(line), in))
		if (sscanf(line, "Rss: %lf", &kib) == 1)
			break;
	if (in)
		fclose(in);
	return kib;
}

/* Tasks of W8 that hold their workers. */
static struct wall {
	_Atomic(uint32_t) inside;
	_Atomic(bool) is_open;
} wall;

static void stand(void *arg)
{
	(void)arg;
	atomic_fetch_add_explicit(&wall.inside, 1, memory_order_relaxed);
	while (!atomic_load_explicit(&wall.is_open, memory_order_relaxed))
		hb_side_sleep(100000);
	hb_done_add();
}

static void bump(void *arg)
{
	(void)arg;
	hb_done_add();
}

static double idle_kib(const struct hb_side *side)
{
	uint32_t workers = (uint32_t)side->workers;
	double before = resident_kib(), kib;
	void *pool = hb_side_open(side, workers, 0);

	hb_side_prove(side, pool, workers);
	hb_side_sleep(3000000);
	kib = (resident_kib() - before) / workers;
	side->peer->close(pool);
	return kib;
}

static int round_memory(struct hb_side *side)
{
	double kib = idle_kib(side), before = resident_kib();
	void *pool = hb_side_open(side, 2, side->queued + 2);
	uint64_t until = hb_done_sum() + side->queued + 2, i;
	double blocked, full, drained;

	atomic_store_explicit(&wall.inside, 0, memory_order_relaxed);
	atomic_store_explicit(&wall.is_open, false, memory_order_relaxed);
	hb_side_put(side, pool, stand, NULL);
	hb_side_put(side, pool, stand, NULL);
	while (atomic_load_explicit(&wall.inside, memory_order_relaxed) < 2)
		hb_side_sleep(100000);
	blocked = resident_kib();
	for (i = 0; i < side->queued; i++)
		hb_side_put(side, pool, bump, NULL);
	full = resident_kib();
	atomic_store_explicit(&wall.is_open, true, memory_order_relaxed);
	hb_done_wait(until);
	/* What goes back to the system after a burst may take a moment. */
	hb_side_sleep(100000000);
	drained = resident_kib();
	side->peer->close(pool);
	printf("round idle_kib=%.3f task_bytes=%.3f drain_mib=%.3f "
	       "stop_mib=%.3f\n",
	       kib, (full - blocked) * 1024 / (double)side->queued,
	       (drained - blocked) / 1024, (resident_kib() - before) / 1024);
	return 0;
}

/* The first pool of a process pays for what is there for all; so does a reading. */
static int warm_memory(struct hb_side *side)
{
	void *pool = hb_side_open(side, 2, 0);

	hb_side_prove(side, pool, 2);
	side->peer->close(pool);
	resident_kib();
	return 0;
}

const struct hb_round_of hb_w8_round = {
	.id = "W8",
	.absent = no_pool,
	.open = open_nothing,
	.warm_up = warm_memory,
	.round = round_memory,
};

/* W9 -------------------------------------------------------------------------- */

/* All relaxed: counts and times that are read when the tasks are done. */
static struct cap {
	_Atomic(uint64_t) inside;
	_Atomic(uint64_t) most;
	_Atomic(uint64_t) spent;
	_Atomic(uint64_t) overlap; /* when two were first inside, 0 before */
	_Atomic(uint64_t) above;   /* the last start with another one inside */
	uint64_t steps;
} cap;

static uint64_t enter(void)
{
	return atomic_fetch_add_explicit(&cap.inside, 1, memory_order_relaxed) +
	       1;
}

static void leave(void)
{
	atomic_fetch_sub_explicit(&cap.inside, 1, memory_order_relaxed);
	hb_done_add();
}

static void raise_to(_Atomic(uint64_t) *word, uint64_t value)
{
	uint64_t seen = atomic_load_explicit(word, memory_order_relaxed);

	while (value > seen && !atomic_compare_exchange_weak_explicit(
				       word, &seen, value, memory_order_relaxed,
				       memory_order_relaxed))
		;
}

static void sleep_and_work(void *arg)
{
	uint64_t start = ht_now();

	(void)arg;
	raise_to(&cap.most, enter());
	hb_side_sleep(1000000);
	hb_work(cap.steps);
	atomic_fetch_add_explicit(&cap.spent, ht_now() - start,
				  memory_order_relaxed);
	leave();
}

static void work_and_look(void *arg)
{
	uint64_t none = 0;

	(void)arg;
	if (enter() > 1) {
		uint64_t now = ht_now();

		atomic_compare_exchange_strong_explicit(&cap.overlap, &none,
							now,
							memory_order_relaxed,
							memory_order_relaxed);
		raise_to(&cap.above, now);
	}
	hb_work(cap.steps);
	leave();
}

/* 64 tasks under a cap: *most at once, *util of it used; the makespan. */
static uint64_t hold(const struct hb_side *side, uint64_t *most, double *util)
{
	uint64_t until = hb_done_sum() + side->tasks, start, makespan, i;
	void *pool = hb_side_open(side, (uint32_t)side->workers, 0);

	atomic_store_explicit(&cap.most, 0, memory_order_relaxed);
	atomic_store_explicit(&cap.spent, 0, memory_order_relaxed);
	hb_side_prove(side, pool, (uint32_t)side->workers);
	start = ht_now();
	for (i = 0; i < side->tasks; i++)
		hb_side_put(side, pool, sleep_and_work, NULL);
	hb_done_wait(until);
	makespan = ht_now() - start;
	side->peer->close(pool);
	*most = atomic_load_explicit(&cap.most, memory_order_relaxed);
	*util = (double)atomic_load_explicit(&cap.spent, memory_order_relaxed) /
		((double)side->workers * (double)makespan);
	return makespan;
}

/* From a cap of 1 to 2 and back while tasks are queued. */
static void change(const struct hb_side *side, double *grow_us,
		   double *shrink_us)
{
	const uint64_t n = 600;
	uint64_t until = hb_done_sum() + n, grow, shrink, overlap, above, i;
	uint32_t n_threads = side->peer->has_spare ? 2 : 1;
	void *pool = hb_side_open(side, n_threads, 0);

	hb_side_prove(side, pool, n_threads);
	hb_side_must(side, "a cap", side->peer->set_cap(pool, 1));
	hb_side_sleep(1000000);
	atomic_store_explicit(&cap.overlap, 0, memory_order_relaxed);
	atomic_store_explicit(&cap.above, 0, memory_order_relaxed);
	for (i = 0; i < n; i++)
		hb_side_put(side, pool, work_and_look, NULL);
	hb_side_sleep(5000000);
	grow = ht_now();
	hb_side_must(side, "a cap", side->peer->set_cap(pool, 2));
	hb_side_sleep(5000000);
	shrink = ht_now();
	hb_side_must(side, "a cap", side->peer->set_cap(pool, 1));
	hb_done_wait(until);
	overlap = atomic_load_explicit(&cap.overlap, memory_order_relaxed);
	above = atomic_load_explicit(&cap.above, memory_order_relaxed);
	side->peer->close(pool);
	if (overlap && overlap < grow) {
		ht_say("%s: two tasks together under a cap of 1",
		       side->peer->name);
		exit(HT_MISSED);
	}
	*grow_us = overlap ? (double)(overlap - grow) / 1e3 : NAN;
	*shrink_us = above > shrink ? (double)(above - shrink) / 1e3 : 0;
}

static int open_cap(struct hb_side *side)
{
	if (!side->tasks)
		side->tasks = 64;
	cap.steps = hb_work_steps(100);
	return 0;
}

static int round_cap(struct hb_side *side)
{
	double util, grow_us = NAN, shrink_us = NAN;
	uint64_t most, makespan = hold(side, &most, &util);

	if (side->peer->set_cap)
		change(side, &grow_us, &shrink_us);
	printf("round max=%llu util=%.4f makespan=%llu grow_us=%.3f "
	       "shrink_us=%.3f\n",
	       (unsigned long long)most, util, (unsigned long long)makespan,
	       grow_us, shrink_us);
	return 0;
}

const struct hb_round_of hb_w9_round = {
	.id = "W9",
	.absent = no_pool,
	.open = open_cap,
	.round = round_cap,
};
