/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program with an idle pool, for tests/api/idle-strace.t, which watches it: says
 * "parked" when both workers sleep, runs a task for each byte that it reads and says
 * "ran", and ends at the end of its input. "idle elastic" has an ELASTIC pool, whose
 * second worker is the spare one.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <heddle/heddle.h>

#define WORKERS 2

static void run(struct heddle_task *task)
{
	(void)task;
}

static bool all_parked(struct heddle_pool *pool)
{
	struct heddle_worker_info info[WORKERS];
	int i;

	if (heddle_workers(pool, info, WORKERS) != WORKERS)
		return false;
	for (i = 0; i < WORKERS; i++)
		if (info[i].state != HEDDLE_WORKER_PARKED)
			return false;
	return true;
}

/* What a worker shows comes a moment before its sleep; so this is asked twice. */
static void wait_parked(struct heddle_pool *pool)
{
	const struct timespec pause = { 0, 20000000 };

	do
		nanosleep(&pause, NULL);
	while (!all_parked(pool));
	nanosleep(&pause, NULL);
}

int main(int argc, char **argv)
{
	bool is_elastic = argc > 1 && !strcmp(argv[1], "elastic");
	struct heddle_pool_options options = {
		.struct_size = sizeof(options),
		.flags = is_elastic ? HEDDLE_POOL_ELASTIC : 0,
		.workers_max = WORKERS,
	};
	struct heddle_task task = HEDDLE_TASK_INIT(run);
	struct heddle_pool *pool;
	char byte;

	if (heddle_pool_create(&options, &pool) ||
	    heddle_pool_start(pool, is_elastic ? 1 : WORKERS, NULL,
			      HEDDLE_FOREVER))
		return 1;
	wait_parked(pool);
	puts("parked");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) == 1) {
		if (heddle_submit(heddle_pool_group(pool), &task) ||
		    heddle_join(&task, 0, HEDDLE_FOREVER))
			return 1;
		wait_parked(pool);
		puts("ran");
		fflush(stdout);
	}
	return heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL,
				   HEDDLE_FOREVER) != 0;
}
