/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heddle, by its public interface. The peer that is judged submits calls to the lowest of
 * three groups in a row that all have a cap. The caps equal the number of workers:
 * they hold nothing back, but every start takes a permit at each of them. Beside it:
 * the same with a small bound of the queue, tasks in memory of the caller, and the root
 * group without a cap.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <heddle/heddle.h>

#include "bench/done.h"
#include "bench/peer.h"

struct bench_pool {
	struct heddle_pool *pool;
	struct heddle_group *group;
	struct heddle_task *tasks; /* n_tasks, once W1 runs */
	uint64_t n_tasks;
	struct heddle_process *process; /* of W7's guests, from the first on */
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
	if (bench->process)
		heddle_process_destroy(bench->process, HEDDLE_R4_CLEAN,
				       HEDDLE_FOREVER);
	heddle_pool_destroy(bench->pool, HEDDLE_R4_CLEAN, NULL, HEDDLE_FOREVER);
	free(bench->tasks);
	free(bench);
}

bool hb_has_monitor;

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
			/* Made for submitters on several CPUs at once. */
			.flags = i ? HEDDLE_GROUP_WIDE : 0,
		};
		struct heddle_group *below;

		rc = heddle_group_create(bench->group, &options, &below);
		if (!rc)
			bench->group = below;
	}
	return rc;
}

static int pool_make(uint32_t workers, uint64_t tasks, bool has_tree,
		     struct bench_pool **out)
{
	const struct heddle_pool_options options = {
		.struct_size = sizeof(options),
		.workers_max = workers,
		.cap = has_tree ? workers : 0,
		.tasks_max = (uint32_t)tasks,
		.name = "bench",
	};
	const struct heddle_monitor_options monitor = {
		.struct_size = sizeof(monitor),
		.flags = HEDDLE_MONITOR_LIMITS,
	};
	struct bench_pool *bench = calloc(1, sizeof(*bench));
	int rc;

	if (!bench)
		return -ENOMEM;
	rc = heddle_pool_create(&options, &bench->pool);
	if (rc) {
		free(bench);
		return rc;
	}
	bench->group = heddle_pool_group(bench->pool);
	if (has_tree)
		rc = make_tree(bench, workers);
	if (!rc)
		rc = heddle_pool_start(bench->pool, workers, NULL,
				       HEDDLE_FOREVER);
	if (!rc && hb_has_monitor)
		rc = heddle_monitor_start(bench->pool, &monitor);
	if (rc)
		pool_close(bench);
	else
		*out = bench;
	return rc;
}

/* The array is W1's alone: memory is measured elsewhere. */
static int make_tasks(struct bench_pool *bench, uint64_t tasks)
{
	uint64_t i;

	bench->tasks = calloc(tasks, sizeof(*bench->tasks));
	if (!bench->tasks)
		return -ENOMEM;
	for (i = 0; i < tasks; i++) {
		bench->tasks[i].fn = bump_task;
		bench->tasks[i].flags = HEDDLE_TASK_DETACHED;
	}
	return 0;
}

/* None is refused for want of room. */
static uint64_t room_for(uint64_t tasks)
{
	return tasks < 65536 ? 65536 : tasks;
}

static int open_with(uint32_t workers, uint64_t room, uint64_t tasks,
		     bool has_tree, void **out)
{
	struct bench_pool *bench;
	int rc = pool_make(workers, room, has_tree, &bench);

	if (rc)
		return rc;
	bench->n_tasks = tasks;
	*out = bench;
	return 0;
}

static int open_flat(uint32_t workers, uint64_t tasks, void **out)
{
	return open_with(workers, room_for(tasks), tasks, false, out);
}

static int open_tree(uint32_t workers, uint64_t tasks, void **out)
{
	return open_with(workers, room_for(tasks), tasks, true, out);
}

static int open_4096(uint32_t workers, uint64_t tasks, void **out)
{
	return open_with(workers, 4096, tasks, true, out);
}

/* Before the submitters start. */
static int prepare(void *arg)
{
	struct bench_pool *bench = arg;

	return bench->tasks ? 0 : make_tasks(bench, bench->n_tasks);
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

static int pool_put(void *arg, void (*fn)(void *arg), void *fn_arg)
{
	const struct bench_pool *bench = arg;
	int rc;

	while ((rc = heddle_submit_call(bench->group, fn, fn_arg)) == -EAGAIN)
		sched_yield();
	return rc;
}

/* W2 -------------------------------------------------------------------------- */

static struct heddle_group *tree_group; /* set before the first node */

/* The argument is a depth in a pointer. None is refused: there is room for all. */
static void node(void *arg)
{
	uintptr_t depth = (uintptr_t)arg;

	hb_done_add();
	if (!depth)
		return;
	if (heddle_submit_call(tree_group, node, (void *)(depth - 1)) ||
	    heddle_submit_call(tree_group, node, (void *)(depth - 1)))
		abort();
}

static int pool_tree(void *arg, unsigned int depth)
{
	const struct bench_pool *bench = arg;

	tree_group = bench->group;
	return heddle_submit_call(bench->group, node, (void *)(uintptr_t)depth);
}

/* W4j and W7 ------------------------------------------------------------------ */

struct guest_task {
	struct heddle_task task;
	struct hb_guest *guest;
};

static void run_task(struct heddle_task *task)
{
	struct hb_guest *guest = ((struct guest_task *)(void *)task)->guest;

	guest->fn(guest->arg);
}

static int pool_spawn(void *arg, struct hb_guest *guest)
{
	const struct bench_pool *bench = arg;
	struct guest_task *task = (void *)guest->space;

	_Static_assert(sizeof(*task) <= sizeof(guest->space), "no room");
	task->task = (struct heddle_task)HEDDLE_TASK_INIT(run_task);
	task->guest = guest;
	return heddle_submit(bench->group, &task->task);
}

static int pool_join(void *arg, struct hb_guest *guest)
{
	struct guest_task *task = (void *)guest->space;

	(void)arg;
	return heddle_join(&task->task, HEDDLE_JOIN_HELP, HEDDLE_FOREVER);
}

static int pool_call(void *arg, struct hb_guest *guest)
{
	const struct bench_pool *bench = arg;
	struct guest_task *task = (void *)guest->space;

	task->task = (struct heddle_task)HEDDLE_TASK_INIT(run_task);
	task->guest = guest;
	return heddle_submit_join(bench->group, &task->task, HEDDLE_FOREVER);
}

static int32_t run_guest(void *arg)
{
	struct hb_guest *guest = arg;

	guest->fn(guest->arg);
	return 0;
}

static int thread_spawn(void *arg, struct hb_guest *guest)
{
	struct bench_pool *bench = arg;
	const struct heddle_process_options process = {
		.struct_size = sizeof(process),
		.parent = bench->group,
		.name = "guests",
	};
	const struct heddle_guest_options options = {
		.struct_size = sizeof(options),
		.fn = run_guest,
		.arg = guest,
	};
	struct heddle_guest *handle;
	int rc = 0;

	if (!bench->process)
		rc = heddle_process_create(bench->pool, &process,
					   &bench->process);
	/* The worker of the guest that was just joined may not be idle yet. */
	while (!rc) {
		rc = heddle_guest_spawn(bench->process, &options, &handle,
					HEDDLE_FOREVER);
		if (rc != -EAGAIN)
			break;
		sched_yield();
		rc = 0;
	}
	if (!rc)
		memcpy(guest->space, &handle, sizeof(handle));
	return rc;
}

static int thread_join(void *arg, struct hb_guest *guest)
{
	struct heddle_guest *handle;

	(void)arg;
	memcpy(&handle, guest->space, sizeof(handle));
	return heddle_guest_join(handle, HEDDLE_R2_JOINED, HEDDLE_FOREVER);
}

static int pool_set_cap(void *arg, uint32_t cap)
{
	const struct bench_pool *bench = arg;

	return heddle_group_set_cap(bench->group, cap, NULL);
}

/* -- */

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

const struct hb_peer hb_heddle = {
	.name = "heddle",
	.about = "below three levels of caps; the queue takes all of a round",
	.is_ours = true,
	.has_spare = true,
	.version = version,
	.open = open_tree,
	.submit = submit_calls,
	.put = pool_put,
	.tree = pool_tree,
	.spawn = pool_spawn,
	.join = pool_join,
	.call = pool_call,
	.spawn_thread = thread_spawn,
	.join_thread = thread_join,
	.set_cap = pool_set_cap,
	.count = pool_count,
	.close = pool_close,
};

const struct hb_peer hb_heddle_4096 = {
	.name = "heddle-4096",
	.about = "as heddle, at most 4096 tasks queued",
	.only = "W1,",
	.is_ours = true,
	.version = version,
	.open = open_4096,
	.submit = submit_calls,
	.count = pool_count,
	.close = pool_close,
};

const struct hb_peer hb_heddle_task = {
	.name = "heddle-task",
	.about = "as heddle, heddle_submit() in place of heddle_submit_call()",
	.only = "W1,",
	.is_ours = true,
	.version = version,
	.open = open_tree,
	.prepare = prepare,
	.submit = submit_tasks,
	.count = pool_count,
	.close = pool_close,
};

const struct hb_peer hb_heddle_flat = {
	.name = "heddle-flat",
	.about = "as heddle, in the root group without a cap",
	.only = "W1,",
	.is_ours = true,
	.version = version,
	.open = open_flat,
	.submit = submit_calls,
	.count = pool_count,
	.close = pool_close,
};
