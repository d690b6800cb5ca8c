/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One side of W3, as a program of its own:
 *
 *   w3 bench-peer --workload W3 --peer serial|heddle-typed|heddle-fn
 *      [--workers N] [--program fib|nq|uts] [--n N]
 *
 * prints "ready", then for each line "go" of its input one line "round ns=... answer=...",
 * with the time of a node, and "end" when the input ends. heddle runs in the lowest
 * of three groups in a row that all have a cap. A wrong answer is exit status 1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <heddle/heddle.h>

#include "bench/w3.h"

static const char *const peer_names[HB_W3_PEERS] = { "serial", "heddle-typed",
						     "heddle-fn" };

struct side {
	const struct hb_w3_program *program;
	unsigned int peer;
	uint64_t size, workers;
	uint64_t answer, nodes; /* known */
	uint64_t got, ns;       /* of the last round */
	struct heddle_pool *pool;
};

static int usage(void)
{
	fputs("usage: w3 bench-peer --workload W3 --peer NAME [--workers N] "
	      "[--program NAME] [--n N]\n",
	      stderr);
	return 2;
}

static int absent(const char *why)
{
	printf("absent %s\n", why);
	return 77;
}

static int number(const char *text, uint64_t *value)
{
	char *end;

	*value = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end;
}

/* False: no such name or number. */
static int option(struct side *side, const char *key, const char *value)
{
	unsigned int i;

	if (!strcmp(key, "--workload"))
		return !strcmp(value, "W3") || !strcmp(value, "W11");
	if (!strcmp(key, "--workers"))
		return number(value, &side->workers) && side->workers;
	if (!strcmp(key, "--n"))
		return number(value, &side->size);
	for (i = 0; !strcmp(key, "--peer") && i < HB_W3_PEERS; i++)
		if (!strcmp(value, peer_names[i])) {
			side->peer = i;
			return 1;
		}
	for (i = 0; !strcmp(key, "--program") && i < hb_w3_programs_count; i++)
		if (!strcmp(value, hb_w3_programs[i].name)) {
			side->program = &hb_w3_programs[i];
			return 1;
		}
	return 0;
}

static int below(struct heddle_group *group, uint32_t cap, const char *name)
{
	const struct heddle_group_options options = {
		.struct_size = sizeof(options),
		.cap = cap,
		.name = name,
	};

	return heddle_group_create(group, &options, &hb_w3_group);
}

static int open_pool(struct side *side)
{
	uint32_t workers = (uint32_t)side->workers;
	const struct heddle_pool_options options = {
		.struct_size = sizeof(options),
		.workers_max = workers,
		.cap = workers,
		.name = "w3",
	};
	int rc = heddle_pool_create(&options, &side->pool);

	if (!rc)
		rc = below(heddle_pool_group(side->pool), workers, "middle");
	if (!rc)
		rc = below(hb_w3_group, workers, "leaf");
	if (!rc)
		rc = heddle_pool_start(side->pool, workers, NULL,
				       HEDDLE_FOREVER);
	return rc;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void measure(struct side *side)
{
	uint64_t start = now_ns();

	side->got = side->program->run[side->peer](side->size);
	side->ns = now_ns() - start;
}

struct root {
	struct heddle_task task;
	struct side *side;
};

static void root_run(struct heddle_task *task)
{
	measure(((struct root *)(void *)task)->side);
}

/* The clock is read in the root task, so that its way there is not in the time. */
static int round_of(struct side *side)
{
	struct root root = { .task = { .fn = root_run }, .side = side };
	int rc = 0;

	if (side->peer == HB_W3_SERIAL) {
		measure(side);
	} else {
		rc = heddle_submit(hb_w3_group, &root.task);
		if (!rc)
			rc = heddle_join(&root.task, 0, HEDDLE_FOREVER);
	}
	if (rc || side->got != side->answer) {
		fprintf(stderr, "w3: %s %s %llu: %llu, not %llu (%d)\n",
			peer_names[side->peer], side->program->name,
			(unsigned long long)side->size,
			(unsigned long long)side->got,
			(unsigned long long)side->answer, rc);
		return 1;
	}
	printf("round ns=%.4f answer=%llu\n",
	       (double)side->ns / (double)side->nodes,
	       (unsigned long long)side->got);
	return fflush(stdout) ? 1 : 0;
}

static int rounds(struct side *side)
{
	char line[16];
	int rc = 0;

	printf("ready version=%s\n", heddle_version());
	fflush(stdout);
	while (!rc && fgets(line, sizeof(line), stdin)) {
		if (strcmp(line, "go\n"))
			return usage();
		rc = round_of(side);
	}
	return rc;
}

int main(int argc, char **argv)
{
	struct side side = { .program = hb_w3_programs,
			     .peer = HB_W3_PEERS,
			     .workers = 1 };
	int i, rc;

	if (argc < 2 || strcmp(argv[1], "bench-peer") || argc % 2)
		return usage();
	for (i = 2; i < argc; i += 2)
		if (!option(&side, argv[i], argv[i + 1]))
			return usage();
	if (side.peer == HB_W3_PEERS)
		return usage();
	if (!side.size)
		side.size = side.program->size;
	if (!side.program->known(side.size, &side.answer, &side.nodes))
		return absent("the answer of this size is not known");
	if (side.peer == HB_W3_SERIAL && side.workers > 1)
		return absent("plain calls have one thread");
	if (side.peer != HB_W3_SERIAL && open_pool(&side))
		return absent("no pool");
	rc = rounds(&side);
	if (side.pool && heddle_pool_destroy(side.pool, HEDDLE_R4_CLEAN, NULL,
					     HEDDLE_FOREVER))
		rc = 1;
	if (!rc)
		puts("end");
	return rc;
}
