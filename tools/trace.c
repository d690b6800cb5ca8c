/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `heddle trace`: what a published pool does, as the JSON that Perfetto and
 * chrome://tracing open: a track for each worker with its states, and for each
 * group counters. Sampled: the beginning of a state is exact, since
 * the worker stamps it, and what is shorter than the time between two updates
 * of the file may be missing.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/args.h"
#include "tools/commands.h"
#include "tools/json.h"
#include "tools/out.h"
#include "tools/say.h"
#include "tools/watched.h"

#define WORKERS_MOST 8192u   /* entries of a pool are fewer */
#define GROUPS_MOST  4096u   /* tracks that anybody could look at */
#define GROUP_TRACKS 1000000 /* tids of tracks are no threads' */

struct trace {
	double seconds;
	uint64_t interval_us;
	uint64_t events_most;
	const char *output;
	const char *pool;
	bool demo;

	struct ht_json json;
	uint64_t first_ns, last_ns; /* of the snapshots */
	uint64_t sequence;
	uint64_t samples, events;
	bool full;
	/* What each worker did last; since_ns is 0 when it is not known. */
	struct heddle_worker_info *worker;
	char (*worker_group)[16];
	struct heddle_snapshot_group *group;
	bool *known;
};

static double us(const struct trace *trace, uint64_t ns)
{
	return ns > trace->first_ns ? (double)(ns - trace->first_ns) / 1e3 : 0;
}

/* The members all events have. False at the bound. */
static bool event(struct trace *trace, const char *phase, const char *name,
		  uint64_t ns, int32_t pid, int64_t tid)
{
	struct ht_json *json = &trace->json;

	if (trace->events >= trace->events_most) {
		trace->full = true;
		return false;
	}
	trace->events++;
	ht_json_object(json, NULL);
	ht_json_string(json, "ph", phase);
	ht_json_string(json, "name", name);
	ht_json_real(json, "ts", us(trace, ns));
	ht_json_integer(json, "pid", pid);
	ht_json_integer(json, "tid", tid);
	return true;
}

static void metadata(struct trace *trace, const char *what, int32_t pid,
		     int64_t tid, const char *value)
{
	if (!event(trace, "M", what, trace->first_ns, pid, tid))
		return;
	ht_json_object(&trace->json, "args");
	ht_json_string(&trace->json, "name", value);
	ht_json_end(&trace->json);
	ht_json_end(&trace->json);
}

/* The bar of the state that the worker has left at that time. */
static void bar(struct trace *trace, int32_t pid, uint32_t index, uint64_t end)
{
	const struct heddle_worker_info *w = &trace->worker[index];
	uint64_t begin = w->since_ns > trace->first_ns ? w->since_ns
						       : trace->first_ns;
	struct ht_json *json = &trace->json;

	if (!trace->known[index] || end <= begin ||
	    !event(trace, "X", ht_worker_state_name(w->state), begin, pid,
		   index))
		return;
	ht_json_real(json, "dur", (double)(end - begin) / 1e3);
	ht_json_string(json, "cat", "worker");
	ht_json_object(json, "args");
	if (w->group != UINT32_MAX)
		ht_json_string(json, "group", trace->worker_group[index]);
	if (w->state == HEDDLE_WORKER_BLOCKED)
		ht_json_string(json, "on", ht_block_kind_name(w->kind));
	if (w->guest)
		ht_json_unsigned(json, "guest", w->guest);
	ht_json_unsigned(json, "life", w->incarnation);
	ht_json_end(json);
	ht_json_end(json);
}

static void name_worker(struct trace *trace, int32_t pid, uint32_t index)
{
	char name[32];

	snprintf(name, sizeof(name), "worker %u", (unsigned int)index);
	metadata(trace, "thread_name", pid, index, name);
}

static bool same_state(const struct heddle_worker_info *a,
		       const struct heddle_worker_info *b)
{
	return a->state == b->state && a->since_ns == b->since_ns &&
	       a->incarnation == b->incarnation && a->group == b->group;
}

static void take_worker(struct trace *trace, const struct ht_snapshot *snapshot,
			const struct heddle_worker_info *w)
{
	const struct heddle_snapshot_group *group =
		ht_snapshot_group(snapshot, w->group);
	int32_t pid = snapshot->head.pid;
	uint32_t i = w->index;

	if (i >= WORKERS_MOST || w->state == HEDDLE_WORKER_CHANGING)
		return;
	if (trace->known[i] && same_state(&trace->worker[i], w))
		return;
	if (!trace->known[i])
		name_worker(trace, pid, i);
	/* It has left the old state at the latest when the new one began. */
	bar(trace, pid, i,
	    w->since_ns < snapshot->head.taken_ns ? w->since_ns
						  : snapshot->head.taken_ns);
	trace->known[i] = true;
	trace->worker[i] = *w;
	snprintf(trace->worker_group[i], sizeof(trace->worker_group[i]), "%s",
		 group ? group->name : "");
}

static void take_group(struct trace *trace, const struct ht_snapshot *snapshot,
		       const struct heddle_snapshot_group *g)
{
	struct heddle_snapshot_group *seen = &trace->group[g->index];
	char name[48];

	if (trace->samples > 1 && seen->count == g->count &&
	    seen->cap == g->cap && seen->queued == g->queued &&
	    seen->blocked == g->blocked && !strcmp(seen->name, g->name))
		return;
	*seen = *g;
	snprintf(name, sizeof(name), "%s #%u", g->name, (unsigned int)g->index);
	if (!event(trace, "C", name, snapshot->head.taken_ns,
		   snapshot->head.pid, GROUP_TRACKS + (int64_t)g->index))
		return;
	ht_json_object(&trace->json, "args");
	ht_json_unsigned(&trace->json, "count", g->count);
	ht_json_unsigned(&trace->json, "queued", g->queued);
	ht_json_unsigned(&trace->json, "blocked", g->blocked);
	if (g->cap < HEDDLE_CAP_MAX)
		ht_json_unsigned(&trace->json, "cap", g->cap);
	ht_json_end(&trace->json);
	ht_json_end(&trace->json);
}

static void take(struct trace *trace, const struct ht_snapshot *snapshot)
{
	uint32_t i;

	if (snapshot->head.sequence == trace->sequence)
		return;
	trace->sequence = snapshot->head.sequence;
	trace->last_ns = snapshot->head.taken_ns;
	if (!trace->samples++) {
		trace->first_ns = snapshot->head.taken_ns;
		metadata(trace, "process_name", snapshot->head.pid, 0,
			 snapshot->head.name);
	}
	for (i = 0; i < snapshot->head.n_workers; i++)
		take_worker(trace, snapshot, &snapshot->worker[i]);
	for (i = 0; i < snapshot->head.n_groups; i++)
		if (snapshot->group[i].index < GROUPS_MOST)
			take_group(trace, snapshot, &snapshot->group[i]);
}

static int sample(struct trace *trace, struct ht_watched *watched)
{
	const struct timespec pause = {
		.tv_sec = (time_t)(trace->interval_us / 1000000),
		.tv_nsec = (long)(trace->interval_us % 1000000) * 1000,
	};
	uint64_t end = ht_now() + (uint64_t)(trace->seconds * 1e9);
	int32_t pid = 0;
	bool lives = true;
	uint32_t i;

	while (lives && !trace->full && ht_now() < end) {
		struct ht_snapshot snapshot;
		int status = ht_watch_read(watched, &snapshot);

		if (status != HT_OK)
			return status;
		lives = snapshot.owner_lives;
		pid = snapshot.head.pid;
		take(trace, &snapshot);
		ht_snapshot_free(&snapshot);
		nanosleep(&pause, NULL);
	}
	for (i = 0; i < WORKERS_MOST; i++)
		bar(trace, pid, i, trace->last_ns);
	return HT_OK;
}

static int write_trace(struct trace *trace, struct ht_watched *watched,
		       FILE *out)
{
	int status;

	trace->worker = ht_alloc(WORKERS_MOST, sizeof(*trace->worker));
	trace->worker_group =
		ht_alloc(WORKERS_MOST, sizeof(*trace->worker_group));
	trace->known = ht_alloc(WORKERS_MOST, sizeof(*trace->known));
	trace->group = ht_alloc(GROUPS_MOST, sizeof(*trace->group));
	ht_json_start(&trace->json, out);
	ht_json_string(&trace->json, "displayTimeUnit", "ns");
	ht_json_array(&trace->json, "traceEvents");
	status = sample(trace, watched);
	ht_json_finish(&trace->json);
	free(trace->worker);
	free(trace->worker_group);
	free(trace->known);
	free(trace->group);
	return status;
}

static int run(struct trace *trace, struct ht_watched *watched)
{
	FILE *out = trace->output ? fopen(trace->output, "w") : stdout;
	int status;

	if (!out) {
		ht_say("--output %s: cannot be written", trace->output);
		return HT_USAGE;
	}
	status = write_trace(trace, watched, out);
	if (!trace->output)
		return status != HT_OK ? status : ht_out_check();
	if (ferror(out) | fclose(out)) {
		ht_say("--output %s: writing it failed", trace->output);
		return HT_MISSED;
	}
	if (status != HT_OK)
		return status;
	printf("%s: %" PRIu64 " snapshots, %" PRIu64 " events%s\n",
	       trace->output, trace->samples, trace->events,
	       trace->full ? "; ended at the bound of --events" : "");
	return ht_out_check();
}

static int watch_and_run(struct trace *trace, const char *who)
{
	struct ht_watched watched;
	int status, ended;

	if (!trace->demo && !who) {
		ht_say("a process, a file or --demo is missing (heddle trace "
		       "--help)");
		return HT_USAGE;
	}
	status = ht_watch(&watched, who, trace->pool, trace->demo);
	if (status != HT_OK)
		return status;
	status = run(trace, &watched);
	ended = ht_watch_end(&watched);
	return status != HT_OK ? status : ended;
}

int ht_trace_main(int argc, char **argv)
{
	struct trace trace = {
		.seconds = 2,
		.interval_us = 1000,
		.events_most = 1000000,
	};
	const struct ht_option options[] = {
		{ .name = "demo",
		  .value = &trace.demo,
		  .help = "trace a pool of its own, with some load" },
		{ .name = "pool",
		  .type = HT_OPTION_STRING,
		  .value = &trace.pool,
		  .operand = "NAME",
		  .help = "that pool of the process, not its first" },
		{ .name = "seconds",
		  .type = HT_OPTION_REAL,
		  .value = &trace.seconds,
		  .operand = "S",
		  .help = "how long (2)",
		  .max = 86400 },
		{ .name = "interval-us",
		  .type = HT_OPTION_NUMBER,
		  .value = &trace.interval_us,
		  .operand = "N",
		  .help = "microseconds between two looks (1000)",
		  .min = 100,
		  .max = 10000000 },
		{ .name = "events",
		  .type = HT_OPTION_NUMBER,
		  .value = &trace.events_most,
		  .operand = "N",
		  .help = "end after so many events (1000000)",
		  .min = 1,
		  .max = 100000000 },
		{ .name = "output",
		  .type = HT_OPTION_STRING,
		  .value = &trace.output,
		  .operand = "FILE",
		  .help = "where it goes; default: standard output" },
		{ .name = NULL },
	};
	const struct ht_usage usage = {
		.command = "heddle trace",
		.operands = "[PID|FILE]",
		.operands_max = 1,
		.about = "Writes the states of the workers and the counts of "
			 "the groups of a published pool\n"
			 "(heddle_pool_publish) as JSON for ui.perfetto.dev. "
			 "It shows no single tasks, and\nno state that is "
			 "shorter than the time between two updates by the "
			 "host.",
		.options = options,
	};
	int status, n = ht_args(&usage, argc, argv, &status);

	if (n < 0)
		return status;
	return watch_and_run(&trace, n ? argv[1] : NULL);
}
