/* SPDX-License-Identifier: BSD-2-Clause */
/* `heddle bench peer`: options, the lines, and what several workloads need. */
#include "bench/side.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/args.h"

static const struct hb_round_of *const workloads[] = {
	&hb_w1_round, &hb_w2_round, &hb_w4_round,  &hb_w4j_round,
	&hb_w5_round, &hb_w6_round, &hb_w7_round,  &hb_w7t_round,
	&hb_w8_round, &hb_w9_round, &hb_w10_round,
};

static const struct hb_round_of *workload_of(const char *id)
{
	size_t i;

	/* W11 is W2 with more workers than CPUs. */
	if (!strcmp(id, "W11"))
		return &hb_w2_round;
	for (i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++)
		if (!strcmp(workloads[i]->id, id))
			return workloads[i];
	return NULL;
}

bool hb_side_knows(const char *workload)
{
	return workload_of(workload) != NULL;
}

void hb_side_must(const struct hb_side *side, const char *what, int rc)
{
	if (!rc)
		return;
	ht_say("%s: %s: %s", side->peer->name, what, strerror(-rc));
	exit(HT_MISSED);
}

void hb_side_put(const struct hb_side *side, void *pool, void (*fn)(void *arg),
		 void *arg)
{
	hb_side_must(side, "a submit", side->peer->put(pool, fn, arg));
}

void *hb_side_open(const struct hb_side *side, uint32_t workers, uint64_t tasks)
{
	void *pool = NULL;

	hb_side_must(side, "making the pool",
		     side->peer->open(workers, tasks, &pool));
	return pool;
}

void hb_side_sleep(uint64_t ns)
{
	struct timespec left = { (time_t)(ns / 1000000000),
				 (long)(ns % 1000000000) };

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

static void meet(void *arg)
{
	pthread_barrier_wait(arg);
}

void hb_side_prove(const struct hb_side *side, void *pool, uint32_t workers)
{
	pthread_barrier_t barrier;
	uint32_t i;

	pthread_barrier_init(&barrier, NULL, workers + 1);
	for (i = 0; i < workers; i++)
		hb_side_put(side, pool, meet, &barrier);
	pthread_barrier_wait(&barrier);
	/* Returns when all have left it. */
	pthread_barrier_destroy(&barrier);
}

static const char *absent_of(const struct hb_side *side,
			     const struct hb_round_of *workload)
{
	char *id;
	bool has;

	if (side->peer->absent)
		return side->peer->absent;
	if (side->peer->only) {
		id = ht_text("%s,", side->workload);
		has = strstr(side->peer->only, id);
		free(id);
		if (!has)
			return "a form for another workload";
	}
	return workload->absent ? workload->absent(side->peer) : NULL;
}

/* The pool is there and warm; a round for each line. */
static int answer(struct hb_side *side, const struct hb_round_of *workload)
{
	char version[64] = "", line[64];

	side->peer->version(version, sizeof(version));
	printf("ready version=%s\n", version);
	while (fgets(line, sizeof(line), stdin)) {
		if (strcmp(line, "go\n")) {
			ht_say("bench peer: a line that is not 'go'");
			return HT_USAGE;
		}
		hb_side_must(side, "a round", workload->round(side));
	}
	if (side->pool)
		side->peer->close(side->pool);
	printf("end\n");
	return HT_OK;
}

static int open_side(struct hb_side *side, const struct hb_round_of *workload)
{
	if (workload->open)
		return workload->open(side);
	side->pool = hb_side_open(side, (uint32_t)side->workers, side->tasks);
	return 0;
}

#define NUMBER(name, field, least, most) \
 { \
  name, HT_OPTION_NUMBER, &side.field, "N", "of the workload", least, most, \
	  NULL \
 }

int hb_side_main(int argc, char **argv)
{
	struct hb_side side = {
		.workload = "",
		.mode = "block",
		.workers = 2,
		.submitters = 1,
		.tasks = 0,
		.depth = 18,
		.samples = 1000,
		.work_us = 0,
		.flight = 1,
		.n = 20000,
		.queued = 1000000,
		.idle_seconds = 8,
	};
	const char *name = "";
	const struct ht_option options[] = {
		{ "workload", HT_OPTION_STRING, &side.workload, "ID",
		  "W1 and so on", 0, 0, NULL },
		{ "peer", HT_OPTION_STRING, &name, "NAME", "the peer", 0, 0,
		  NULL },
		{ "mode", HT_OPTION_CHOICE, &side.mode, "MODE",
		  "what the submitter does", 0, 0, "block spin" },
		{ "monitor", HT_OPTION_FLAG, &hb_has_monitor, NULL,
		  "of heddle's pools", 0, 0, NULL },
		NUMBER("workers", workers, 1, 256),
		NUMBER("submitters", submitters, 1, 256),
		NUMBER("tasks", tasks, 1, HB_TASKS_MAX),
		NUMBER("depth", depth, 0, 24),
		NUMBER("samples", samples, 1, 1000000),
		NUMBER("work-us", work_us, 1, 1000000),
		NUMBER("flight", flight, 1, 64),
		NUMBER("n", n, 1, 10000000),
		NUMBER("queued", queued, 1, 10000000),
		NUMBER("idle-seconds", idle_seconds, 1, 60),
		{ .name = NULL },
	};
	const struct ht_usage usage = {
		.command = "heddle bench peer",
		.about = "One peer of a workload; a round for each line 'go'.",
		.options = options,
	};
	const struct hb_round_of *workload;
	const char *absent;
	int status;

	if (ht_args(&usage, argc, argv, &status) < 0)
		return status;
	side.peer = hb_peer_find(name);
	workload = workload_of(side.workload);
	if (!side.peer || !workload) {
		ht_say("bench peer: %s '%s' is not known",
		       side.peer ? "--workload" : "--peer",
		       side.peer ? side.workload : name);
		return HT_USAGE;
	}
	/* Each line is an answer that somebody waits for. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	absent = absent_of(&side, workload);
	if (absent) {
		printf("absent %s\n", absent);
		return HT_SKIP;
	}
	hb_side_must(&side, "making the pool", open_side(&side, workload));
	if (workload->warm_up)
		hb_side_must(&side, "warming up", workload->warm_up(&side));
	return answer(&side, workload);
}
