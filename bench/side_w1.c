/* SPDX-License-Identifier: BSD-2-Clause */
/* W1: empty tasks from outside, by one submitter or several. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "bench/done.h"
#include "bench/side.h"

struct submitter {
	const struct hb_side *side;
	pthread_barrier_t *barrier; /* NULL when it is alone */
	pthread_t thread;
	uint64_t first;
	uint64_t n;
	uint64_t start; /* when it left the barrier */
	uint64_t end;   /* when its last submit had returned */
	uint64_t again;
	int rc;
};

static void *submit(void *arg)
{
	struct submitter *submitter = arg;
	const struct hb_side *side = submitter->side;

	if (submitter->barrier)
		pthread_barrier_wait(submitter->barrier);
	submitter->start = ht_now();
	submitter->rc = side->peer->submit(side->pool, submitter->first,
					   submitter->n, &submitter->again);
	submitter->end = ht_now();
	return NULL;
}

/* A thread that is missing at the barrier would leave the others there. */
static void create(struct submitter *submitter)
{
	int rc = pthread_create(&submitter->thread, NULL, submit, submitter);

	if (rc) {
		ht_say("a submitter could not be created: %s", strerror(rc));
		exit(HT_MISSED);
	}
}

/* Split n tasks, submit them, wait for the submitters. */
static void submit_all(const struct hb_side *side, struct submitter *submitters,
		       uint64_t n)
{
	pthread_barrier_t barrier;
	uint64_t first = 0, i;

	for (i = 0; i < side->submitters; i++) {
		submitters[i].side = side;
		submitters[i].first = first;
		submitters[i].n =
			n / side->submitters + (i < n % side->submitters);
		first += submitters[i].n;
	}
	if (side->submitters == 1) {
		submit(submitters);
		return;
	}
	pthread_barrier_init(&barrier, NULL, (unsigned int)side->submitters);
	for (i = 0; i < side->submitters; i++) {
		submitters[i].barrier = &barrier;
		create(&submitters[i]);
	}
	for (i = 0; i < side->submitters; i++)
		pthread_join(submitters[i].thread, NULL);
	pthread_barrier_destroy(&barrier);
}

static uint64_t voluntary_switches(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)usage.ru_nvcsw;
}

static struct hb_counts counted(const struct hb_side *side)
{
	struct hb_counts counts = { 0 };
	int rc;

	if (!side->peer->count)
		return counts;
	rc = side->peer->count(side->pool, &counts);
	if (rc) {
		ht_say("%s: the counts: %s", side->peer->name, strerror(-rc));
		exit(HT_MISSED);
	}
	return counts;
}

/*
 * Wakes are at most starts plus the useless ones, and those at most submits: promised,
 * so a round in which they are more has failed. Who was woken last may not have told
 * yet that it was for nothing.
 */
static bool wakes_as_promised(const struct hb_side *side, uint64_t n,
			      const struct hb_counts *before,
			      struct hb_counts *after)
{
	const struct timespec pause = { 0, 1000000 };
	uint64_t wakes, useless;
	int tries;

	for (tries = 0; tries < 1000; tries++) {
		*after = counted(side);
		wakes = after->wakes - before->wakes;
		useless = after->useless_wakes - before->useless_wakes;
		if (!after->has_useless ||
		    (wakes <= n + useless && useless <= n))
			return true;
		nanosleep(&pause, NULL);
	}
	ht_say("%s: %llu tasks, but %llu wakes, %llu of them useless",
	       side->peer->name, (unsigned long long)n,
	       (unsigned long long)wakes, (unsigned long long)useless);
	return false;
}

/* One round of n tasks. */
static int run_round(const struct hb_side *side, uint64_t n, bool is_shown)
{
	struct submitter *submitters =
		ht_alloc(side->submitters, sizeof(*submitters));
	uint64_t until = hb_done_sum() + n;
	struct hb_counts before = counted(side), after;
	uint64_t switches = voluntary_switches();
	uint64_t start = UINT64_MAX, end = 0, all, again = 0, i;
	int rc = 0;

	submit_all(side, submitters, n);
	for (i = 0; i < side->submitters; i++) {
		/* The first of them to leave the barrier starts the clock. */
		if (submitters[i].start < start)
			start = submitters[i].start;
		if (submitters[i].end > end)
			end = submitters[i].end;
		again += submitters[i].again;
		if (submitters[i].rc)
			rc = submitters[i].rc;
	}
	free(submitters);
	if (rc)
		return rc;
	/* The waiter's own sleeps are none of the peer's. */
	switches += hb_done_wait(until);
	all = ht_now();
	switches = voluntary_switches() - switches;
	if (!wakes_as_promised(side, n, &before, &after))
		return -ERANGE;
	if (!is_shown)
		return 0;
	printf("round ns=%.3f submit_ns=%.3f again=%llu sleeps=%.6f",
	       (double)(all - start) / (double)n,
	       (double)(end - start) / (double)n, (unsigned long long)again,
	       (double)(int64_t)switches / (double)n);
	if (side->peer->count)
		printf(" wakes=%.6f futex=%.6f",
		       (double)(after.wakes - before.wakes) / (double)n,
		       (double)((int64_t)switches +
				(int64_t)(after.wakes - before.wakes)) /
			       (double)n);
	printf("\n");
	return 0;
}

static const char *few_threads(const struct hb_peer *peer)
{
	return peer->submit ? NULL : "submits from one thread only";
}

static int open_outside(struct hb_side *side)
{
	if (!side->tasks)
		side->tasks = 500000;
	/* Enough of a thread each. */
	if (side->peer->is_threads && side->tasks > 20000)
		side->tasks = 20000;
	side->pool = hb_side_open(side, (uint32_t)side->workers, side->tasks);
	return side->peer->prepare ? side->peer->prepare(side->pool) : 0;
}

static int warm_outside(struct hb_side *side)
{
	return run_round(side, side->tasks < 10 ? 1 : side->tasks / 10, false);
}

static int round_outside(struct hb_side *side)
{
	return run_round(side, side->tasks, true);
}

const struct hb_round_of hb_w1_round = {
	.id = "W1",
	.absent = few_threads,
	.open = open_outside,
	.warm_up = warm_outside,
	.round = round_outside,
};
