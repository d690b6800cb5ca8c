/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The side of W1 that is measured: a process with the pool of one peer. It
 * warms up, says that it is ready, and then runs a round for each line that it
 * reads, so that the processes of several peers can take turns. The program of
 * the Rust opponents speaks the same way.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "bench/done.h"
#include "bench/w1.h"
#include "tools/args.h"
#include "tools/say.h"

struct shape {
	const struct hb_peer *peer;
	void *pool;
	uint64_t submitters;
};

struct submitter {
	const struct shape *shape;
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
	const struct shape *shape = submitter->shape;

	if (submitter->barrier)
		pthread_barrier_wait(submitter->barrier);
	submitter->start = ht_now();
	submitter->rc = shape->peer->submit(shape->pool, submitter->first,
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
static void submit_all(const struct shape *shape, struct submitter *submitters,
		       uint64_t n)
{
	pthread_barrier_t barrier;
	uint64_t first = 0, i;

	for (i = 0; i < shape->submitters; i++) {
		submitters[i].shape = shape;
		submitters[i].first = first;
		submitters[i].n =
			n / shape->submitters + (i < n % shape->submitters);
		first += submitters[i].n;
	}
	if (shape->submitters == 1) {
		submit(submitters);
		return;
	}
	pthread_barrier_init(&barrier, NULL, (unsigned int)shape->submitters);
	for (i = 0; i < shape->submitters; i++) {
		submitters[i].barrier = &barrier;
		create(&submitters[i]);
	}
	for (i = 0; i < shape->submitters; i++)
		pthread_join(submitters[i].thread, NULL);
	pthread_barrier_destroy(&barrier);
}

static uint64_t voluntary_switches(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)usage.ru_nvcsw;
}

static struct hb_counts counted(const struct shape *shape)
{
	struct hb_counts counts = { 0 };
	int rc;

	if (!shape->peer->count)
		return counts;
	rc = shape->peer->count(shape->pool, &counts);
	if (rc) {
		ht_say("%s: the counts: %s", shape->peer->name, strerror(-rc));
		exit(HT_MISSED);
	}
	return counts;
}

/*
 * Wakes are at most starts plus the useless ones, and those at most submits: promised,
 * so a round in which they are more has failed. Who was woken last may not have told
 * yet that it was for nothing.
 */
static bool wakes_as_promised(const struct shape *shape, uint64_t n,
			      const struct hb_counts *before,
			      struct hb_counts *after)
{
	const struct timespec pause = { 0, 1000000 };
	uint64_t wakes, useless;
	int tries;

	for (tries = 0; tries < 1000; tries++) {
		*after = counted(shape);
		wakes = after->wakes - before->wakes;
		useless = after->useless_wakes - before->useless_wakes;
		if (!after->has_useless ||
		    (wakes <= n + useless && useless <= n))
			return true;
		nanosleep(&pause, NULL);
	}
	ht_say("%s: %llu tasks, but %llu wakes, %llu of them useless",
	       shape->peer->name, (unsigned long long)n,
	       (unsigned long long)wakes, (unsigned long long)useless);
	return false;
}

/* One round of n tasks; @number 0 is the warm-up and prints nothing. */
static int run_round(const struct shape *shape, uint64_t n, uint64_t number)
{
	struct submitter *submitters =
		ht_alloc(shape->submitters, sizeof(*submitters));
	uint64_t until = hb_done_sum() + n;
	struct hb_counts before = counted(shape), after;
	uint64_t switches = voluntary_switches();
	uint64_t start = UINT64_MAX, end = 0, all, again = 0, i;
	int rc = 0;

	submit_all(shape, submitters, n);
	for (i = 0; i < shape->submitters; i++) {
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
	if (rc) {
		ht_say("%s: a submit: %s", shape->peer->name, strerror(-rc));
		return HT_MISSED;
	}
	/* The waiter's own sleeps are none of the peer's. */
	switches += hb_done_wait(until);
	all = ht_now();
	switches = voluntary_switches() - switches;
	if (!wakes_as_promised(shape, n, &before, &after))
		return HT_MISSED;
	if (!number)
		return HT_OK;
	printf("round number=%llu tasks=%llu ns=%.3f submit_ns=%.3f "
	       "again=%llu sleeps=%.6f",
	       (unsigned long long)number, (unsigned long long)n,
	       (double)(all - start) / (double)n,
	       (double)(end - start) / (double)n, (unsigned long long)again,
	       (double)(int64_t)switches / (double)n);
	if (shape->peer->count)
		printf(" wakes=%.6f",
		       (double)(after.wakes - before.wakes) / (double)n);
	printf("\n");
	return HT_OK;
}

static int run_rounds(const struct shape *shape, uint64_t workers, uint64_t n)
{
	uint64_t number = 0;
	char line[64];
	int status = run_round(shape, n < 10 ? 1 : n / 10, 0);

	if (status)
		return status;
	printf("ready workers=%llu submitters=%llu\n",
	       (unsigned long long)workers,
	       (unsigned long long)shape->submitters);
	while (!status && fgets(line, sizeof(line), stdin))
		status = run_round(shape, n, ++number);
	return status;
}

int hb_w1_peer_main(int argc, char **argv)
{
	const char *name = "";
	uint64_t workers = 2, submitters = 1, tasks = 500000;
	const struct ht_option options[] = {
		{ "peer", HT_OPTION_STRING, &name, "NAME", "the peer", 0, 0,
		  NULL },
		{ "workers", HT_OPTION_NUMBER, &workers, "N", "of its pool", 1,
		  256, NULL },
		{ "submitters", HT_OPTION_NUMBER, &submitters, "N", "threads",
		  1, 256, NULL },
		{ "tasks", HT_OPTION_NUMBER, &tasks, "N", "of a round", 1,
		  HB_TASKS_MAX, NULL },
		{ .name = NULL },
	};
	const struct ht_usage usage = {
		.command = "heddle bench peer",
		.about = "One peer of W1; runs a round for each line read.",
		.options = options,
	};
	struct shape shape = { NULL, NULL, 0 };
	int status;
	int rc;

	if (ht_args(&usage, argc, argv, &status) < 0)
		return status;
	shape.peer = hb_peer_find(name);
	shape.submitters = submitters;
	if (!shape.peer || !shape.peer->open) {
		ht_say("--peer %s: not a peer of this program", name);
		return HT_USAGE;
	}
	/* Each line is an answer that somebody waits for. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	rc = shape.peer->open((uint32_t)workers, tasks, &shape.pool);
	if (rc) {
		ht_say("%s: making the pool: %s", name, strerror(-rc));
		return HT_MISSED;
	}
	status = run_rounds(&shape, workers, tasks);
	if (status)
		return status;
	shape.peer->close(shape.pool);
	printf("end\n");
	return HT_OK;
}
