/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heddle, by its public interface, in three ways: tasks of the caller's own in
 * the root group, calls without a task, and tasks in the lowest of three
 * groups in a row that all have a cap. The caps equal the number of workers:
 * they hold nothing back, but every start takes a permit at each of them.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include <heddle/heddle.h>

#include "bench/done.h"
#include "bench/peer.h"

struct bench_pool {
	struct heddle_pool *pool;
	struct heddle_group *group;
	struct heddle_task *tasks;
};

static void bump_task(struct heddle_task *task)
{
	(void)task;
	hb_done_add();
}

static void bump_call(void *arg)
{
	(void)arg;
	hb_done_add();
}

static void pool_close(void *arg)
{
	struct bench_pool *bench = arg;

	/* What is left of a pool that failed ends with its process. */
	heddle_pool_destroy(bench->pool, HEDDLE_R4_CLEAN, NULL, HEDDLE_FOREVER);
	free(bench->tasks);
	free(bench);
}

/* Two capped groups below the capped root make the three levels. */
static int make_tree(struct bench_pool *bench, uint32_t workers)
{
	static const char *const names[] = { "middle", "leaf" };
	int rc = 0;
	size_t i;

	for (i = 0; i < 2 && !rc; i++) {
		const struct heddle_group_options options = {
			.struct_size = sizeof(options),
			.cap = workers,
			.name = names[i],
		};
		struct heddle_group *below;

		rc = heddle_group_create(bench->group, &options, &below);
		if (!rc)
			bench->group = below;
	}
	return rc;
}

static int pool_make(uint32_t workers, uint64_t tasks, bool has_tree,
		     void **out)
{
	const struct heddle_pool_options options = {
		.struct_size = sizeof(options),
		.workers_max = workers,
		.cap = has_tree ? workers : 0,
		/* None must be refused for want of room. */
		.tasks_max = tasks < 65536 ? 65536 : (uint32_t)tasks,
		.name = "w1",
	};
	struct bench_pool *bench = calloc(1, sizeof(*bench));
	uint64_t i;
	int rc;

	if (!bench)
		return -ENOMEM;
	bench->tasks = calloc(tasks, sizeof(*bench->tasks));
	if (!bench->tasks) {
		free(bench);
		return -ENOMEM;
	}
	for (i = 0; i < tasks; i++) {
		bench->tasks[i].fn = bump_task;
		bench->tasks[i].flags = HEDDLE_TASK_DETACHED;
	}
	rc = heddle_pool_create(&options, &bench->pool);
	if (!rc) {
		bench->group = heddle_pool_group(bench->pool);
		if (has_tree)
			rc = make_tree(bench, workers);
	}
	if (!rc)
		rc = heddle_pool_start(bench->pool, workers, NULL,
				       HEDDLE_FOREVER);
	if (rc)
		pool_close(bench);
	else
		*out = bench;
	return rc;
}

static int open_flat(uint32_t workers, uint64_t tasks, void **out)
{
	return pool_make(workers, tasks, false, out);
}

static int open_tree(uint32_t workers, uint64_t tasks, void **out)
{
	return pool_make(workers, tasks, true, out);
}

static int submit_tasks(void *arg, uint64_t first, uint64_t n, uint64_t *again)
{
	const struct bench_pool *bench = arg;
	struct heddle_group *group = bench->group;
	struct heddle_task *task = bench->tasks + first;
	struct heddle_task *end = task + n;

	for (; task < end; task++) {
		int rc;

		while ((rc = heddle_submit(group, task)) == -EAGAIN) {
			++*again;
			sched_yield();
		}
		if (rc)
			return rc;
	}
	return 0;
}

static int submit_calls(void *arg, uint64_t first, uint64_t n, uint64_t *again)
{
	const struct bench_pool *bench = arg;
	struct heddle_group *group = bench->group;

	(void)first;
	while (n--) {
		int rc;

		while ((rc = heddle_submit_call(group, bump_call, NULL)) ==
		       -EAGAIN) {
			++*again;
			sched_yield();
		}
		if (rc)
			return rc;
	}
	return 0;
}

/* Every invariant of the pool is checked on the way, outside of the times. */
static int pool_count(void *arg, struct hb_counts *counts)
{
	const struct bench_pool *bench = arg;
	struct heddle_check check = { .struct_size = sizeof(check) };
	int rc = heddle_check(bench->pool, &check);

	if (rc == -EUCLEAN)
		fprintf(stderr, "heddle_check: %s: %s\n",
			check.violation[0].name, check.violation[0].detail);
	counts->wakes = check.wakes;
	counts->useless_wakes = check.useless_wakes;
	counts->has_useless = true;
	return rc;
}

static void version(char *text, size_t size)
{
	snprintf(text, size, "%s", heddle_version());
}

const struct hb_peer hb_heddle_task = {
	.name = "heddle",
	.about = "heddle_submit of tasks in an array, root group, no cap",
	.is_ours = true,
	.version = version,
	.open = open_flat,
	.submit = submit_tasks,
	.count = pool_count,
	.close = pool_close,
};

const struct hb_peer hb_heddle_call = {
	.name = "heddle-call",
	.about = "heddle_submit_call, root group, no cap",
	.is_ours = true,
	.version = version,
	.open = open_flat,
	.submit = submit_calls,
	.count = pool_count,
	.close = pool_close,
};

const struct hb_peer hb_heddle_tree = {
	.name = "heddle-tree",
	.about = "heddle_submit below three levels of caps",
	.is_ours = true,
	.version = version,
	.open = open_tree,
	.submit = submit_tasks,
	.count = pool_count,
	.close = pool_close,
};
