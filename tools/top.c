/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `heddle top`: the workers and groups of a published pool, again and again. It
 * reads a file that the pool's host has written, and touches nothing else.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/args.h"
#include "tools/commands.h"
#include "tools/json.h"
#include "tools/out.h"
#include "tools/say.h"
#include "tools/watched.h"

#define TREE_MOST 4096u

struct top {
	uint64_t interval_ms;
	uint64_t count; /* 0: until it is stopped */
	const char *pool;
	bool demo;
	bool once;
	bool json;
};

/* Seconds from then to now; a time that lies ahead is not believed. */
static double age(uint64_t now, uint64_t then)
{
	return then < now ? (double)(now - then) / 1e9 : 0;
}

/* The name, or what else is known of it. */
static void group_cell(struct ht_table *table,
		       const struct ht_snapshot *snapshot, uint32_t index)
{
	const struct heddle_snapshot_group *group =
		ht_snapshot_group(snapshot, index);
	char number[16];

	if (index == UINT32_MAX) {
		ht_table_missing(table);
		return;
	}
	snprintf(number, sizeof(number), "#%u", (unsigned int)index);
	ht_table_string(table, group ? group->name : number);
}

/* A code that this version has no name for is shown as it is. */
static void code_cell(struct ht_table *table, const char *name, uint32_t code)
{
	char number[16];

	snprintf(number, sizeof(number), "code %u", (unsigned int)code);
	ht_table_string(table, strcmp(name, "?") ? name : number);
}

static struct ht_table *worker_table(const struct ht_snapshot *snapshot)
{
	static const struct ht_column columns[] = {
		{ .header = "worker", .type = HT_UNSIGNED },
		{ .header = "tid", .type = HT_INTEGER },
		{ .header = "state", .type = HT_STRING },
		{ .header = "for", .type = HT_REAL, .unit = "s", .digits = 3 },
		{ .header = "group", .type = HT_STRING },
		{ .header = "blocks on", .type = HT_STRING },
		{ .header = "guest", .type = HT_UNSIGNED },
		{ .header = "life", .type = HT_UNSIGNED },
	};
	struct ht_table *table = ht_table_new(
		"workers", columns, sizeof(columns) / sizeof(columns[0]));
	uint32_t i;

	for (i = 0; i < snapshot->head.n_workers; i++) {
		const struct heddle_worker_info *w = &snapshot->worker[i];

		ht_table_row(table);
		ht_table_unsigned(table, w->index);
		ht_table_integer(table, w->tid);
		code_cell(table, ht_worker_state_name(w->state), w->state);
		ht_table_real(table, age(snapshot->head.taken_ns, w->since_ns));
		group_cell(table, snapshot, w->group);
		if (w->state == HEDDLE_WORKER_BLOCKED)
			code_cell(table, ht_block_kind_name(w->kind), w->kind);
		else
			ht_table_missing(table);
		if (w->guest)
			ht_table_unsigned(table, w->guest);
		else
			ht_table_missing(table);
		ht_table_unsigned(table, w->incarnation);
	}
	return table;
}

static void group_row(struct ht_table *table,
		      const struct ht_snapshot *snapshot,
		      const struct heddle_snapshot_group *g, bool indent)
{
	int depth = !indent ? 0 : g->depth > 8 ? 16 : 2 * (int)g->depth;
	char name[48];

	ht_table_row(table);
	snprintf(name, sizeof(name), "%*s%s", depth, "", g->name);
	ht_table_string(table, name);
	ht_table_unsigned(table, g->index);
	if (g->cap < HEDDLE_CAP_MAX)
		ht_table_unsigned(table, g->cap);
	else
		ht_table_missing(table);
	ht_table_unsigned(table, g->count);
	ht_table_unsigned(table, g->queued);
	ht_table_unsigned(table, g->blocked);
	ht_table_unsigned(table, g->returners);
	ht_table_unsigned(table, g->reserve);
	ht_table_unsigned(table, g->weight);
	ht_table_unsigned(table, g->parallelism);
	code_cell(table, ht_reason_name(g->reason), g->reason);
	group_cell(table, snapshot, g->reason_group);
	ht_table_real(table, age(snapshot->head.taken_ns, g->since_ns));
}

/* By the tree; what a file has outside its tree comes last, so nothing is hidden. */
static void group_rows(struct ht_table *table,
		       const struct ht_snapshot *snapshot, bool indent)
{
	uint32_t n = snapshot->head.n_groups, i, printed = 0, next = 0;
	bool *done = ht_alloc(n, sizeof(*done));
	uint32_t *stack = ht_alloc(n + 1, sizeof(*stack)), top = 0;

	/* Hundreds are for people; from thousands on the order is by index. */
	for (i = n; i-- > 0 && n <= TREE_MOST;)
		if (!ht_snapshot_group(snapshot, snapshot->group[i].above))
			stack[top++] = i;
	while (printed < n) {
		uint32_t at;

		while (!top) {
			if (!done[next])
				stack[top++] = next;
			next++;
		}
		at = stack[--top];
		if (done[at])
			continue;
		done[at] = true;
		printed++;
		group_row(table, snapshot, &snapshot->group[at], indent);
		for (i = n; i-- > 0 && top < n && n <= TREE_MOST;)
			if (!done[i] && snapshot->group[i].above ==
						snapshot->group[at].index)
				stack[top++] = i;
	}
	free(done);
	free(stack);
}

static struct ht_table *group_table(const struct ht_snapshot *snapshot,
				    bool indent)
{
	static const struct ht_column columns[] = {
		{ .header = "group", .type = HT_STRING },
		{ .header = "index", .type = HT_UNSIGNED },
		{ .header = "cap", .type = HT_UNSIGNED },
		{ .header = "count", .type = HT_UNSIGNED },
		{ .header = "queued", .type = HT_UNSIGNED },
		{ .header = "blocked", .type = HT_UNSIGNED },
		{ .header = "returners", .type = HT_UNSIGNED },
		{ .header = "reserve", .type = HT_UNSIGNED },
		{ .header = "weight", .type = HT_UNSIGNED },
		{ .header = "could run", .type = HT_UNSIGNED },
		{ .header = "why none starts", .type = HT_STRING },
		{ .header = "at", .type = HT_STRING },
		{ .header = "for", .type = HT_REAL, .unit = "s", .digits = 3 },
	};
	struct ht_table *table = ht_table_new(
		"groups", columns, sizeof(columns) / sizeof(columns[0]));

	group_rows(table, snapshot, indent);
	return table;
}

static void print_json(const struct ht_snapshot *snapshot)
{
	const struct heddle_snapshot_head *head = &snapshot->head;
	struct ht_table *workers = worker_table(snapshot);
	struct ht_table *groups = group_table(snapshot, false);
	struct ht_json json;

	ht_json_start(&json, stdout);
	ht_json_string(&json, "pool", head->name);
	ht_json_integer(&json, "pid", head->pid);
	ht_json_unsigned(&json, "snapshot", head->sequence);
	ht_json_unsigned(&json, "taken_ns", head->taken_ns);
	ht_json_real(&json, "age_s", age(ht_now(), head->taken_ns));
	ht_json_bool(&json, "owner_lives", snapshot->owner_lives);
	ht_json_bool(&json, "closing", head->closing);
	ht_json_unsigned(&json, "workers_max", head->workers_max);
	ht_json_unsigned(&json, "blocked_max", head->blocked_max);
	ht_json_unsigned(&json, "live", head->live);
	ht_json_unsigned(&json, "wakes", head->wakes);
	ht_json_unsigned(&json, "useless_wakes", head->useless_wakes);
	ht_json_unsigned(&json, "guests_recycled", head->guests_recycled);
	ht_json_unsigned(&json, "create_failures", head->create_failures);
	ht_json_unsigned(&json, "blocked_bound_hits", head->blocked_bound_hits);
	ht_table_json(workers, &json, "workers");
	ht_table_json(groups, &json, "groups");
	ht_json_finish(&json);
	ht_table_free(workers);
	ht_table_free(groups);
}

static void print_text(const struct ht_snapshot *snapshot)
{
	const struct heddle_snapshot_head *head = &snapshot->head;
	struct ht_table *workers = worker_table(snapshot);
	struct ht_table *groups = group_table(snapshot, true);

	printf("pool %s of process %d%s, snapshot %" PRIu64 ", %.3f s old%s\n",
	       head->name, (int)head->pid, head->closing ? " (closing)" : "",
	       head->sequence, age(ht_now(), head->taken_ns),
	       snapshot->owner_lives ? "" : "; ITS OWNER HAS ENDED");
	printf("%u workers, at most %u and %u for blocked ones; %" PRIu64
	       " wakes, %" PRIu64 " useless; %" PRIu64
	       " failed creations, %" PRIu64
	       " times at the bound of blocked\n\n",
	       (unsigned int)head->live, (unsigned int)head->workers_max,
	       (unsigned int)head->blocked_max, head->wakes,
	       head->useless_wakes, head->create_failures,
	       head->blocked_bound_hits);
	ht_table_print(workers, HT_TEXT, stdout);
	putchar('\n');
	ht_table_print(groups, HT_TEXT, stdout);
	ht_table_free(workers);
	ht_table_free(groups);
}

static void pause_ms(uint64_t ms)
{
	const struct timespec time = {
		.tv_sec = (time_t)(ms / 1000),
		.tv_nsec = (long)(ms % 1000) * 1000000,
	};

	nanosleep(&time, NULL);
}

static int show(struct ht_watched *watched, const struct top *top)
{
	bool terminal = isatty(STDOUT_FILENO) && !top->once && !top->json;
	uint64_t n = 0;
	bool lives;

	/* The demo has something to show a moment after its start only. */
	if (watched->demo)
		pause_ms(50);
	do {
		struct ht_snapshot snapshot;
		int status = ht_watch_read(watched, &snapshot);

		if (status != HT_OK)
			return status;
		lives = snapshot.owner_lives;
		if (terminal)
			fputs("\033[H\033[2J", stdout);
		else if (n)
			putchar('\n');
		if (top->json)
			print_json(&snapshot);
		else
			print_text(&snapshot);
		ht_snapshot_free(&snapshot);
		if (ht_out_check() != HT_OK)
			return HT_MISSED;
		if (++n == top->count || top->once || !lives)
			break;
		pause_ms(top->interval_ms);
	} while (true);
	return HT_OK;
}

/* ---- the list ---- */

static bool list_one(const char *path, void *arg)
{
	struct ht_table *table = arg;
	struct ht_snapshot snapshot;
	struct ht_eye eye;
	char *wrong = ht_eye_open(&eye, path);

	if (!wrong) {
		wrong = ht_eye_read(&eye, &snapshot);
		ht_eye_close(&eye);
	}
	ht_table_row(table);
	if (wrong) {
		ht_table_missing(table);
		ht_table_missing(table);
		ht_table_missing(table);
		ht_table_missing(table);
		ht_table_string(table, wrong);
		free(wrong);
		return false;
	}
	ht_table_integer(table, snapshot.head.pid);
	ht_table_string(table, snapshot.head.name);
	ht_table_bool(table, snapshot.owner_lives);
	ht_table_real(table, age(ht_now(), snapshot.head.taken_ns));
	ht_table_string(table, path);
	ht_snapshot_free(&snapshot);
	return false;
}

static int list(bool is_json)
{
	static const struct ht_column columns[] = {
		{ .header = "pid", .type = HT_INTEGER },
		{ .header = "pool", .type = HT_STRING },
		{ .header = "lives", .type = HT_BOOL },
		{ .header = "age", .type = HT_REAL, .unit = "s", .digits = 3 },
		{ .header = "file", .type = HT_STRING },
	};
	struct ht_table *table = ht_table_new(
		"pools", columns, sizeof(columns) / sizeof(columns[0]));

	ht_eye_each(list_one, table);
	ht_table_print(table, is_json ? HT_JSON : HT_TEXT, stdout);
	ht_table_free(table);
	return ht_out_check();
}

static int look(const struct top *top, const char *who)
{
	struct ht_watched watched;
	int status, ended;

	if (!top->demo && !who && top->pool) {
		ht_say("--pool %s: the process is missing", top->pool);
		return HT_USAGE;
	}
	if (!top->demo && !who)
		return list(top->json);
	status = ht_watch(&watched, who, top->pool, top->demo);
	if (status != HT_OK)
		return status;
	status = show(&watched, top);
	ended = ht_watch_end(&watched);
	return status != HT_OK ? status : ended;
}

int ht_top_main(int argc, char **argv)
{
	struct top top = { .interval_ms = 1000 };
	const struct ht_option options[] = {
		{ .name = "demo",
		  .value = &top.demo,
		  .help = "look at a pool of its own, with some load" },
		{ .name = "pool",
		  .type = HT_OPTION_STRING,
		  .value = &top.pool,
		  .operand = "NAME",
		  .help = "that pool of the process, not its first" },
		{ .name = "interval-ms",
		  .type = HT_OPTION_NUMBER,
		  .value = &top.interval_ms,
		  .operand = "N",
		  .help = "milliseconds between two looks (1000)",
		  .min = 10,
		  .max = 3600000 },
		{ .name = "count",
		  .type = HT_OPTION_NUMBER,
		  .value = &top.count,
		  .operand = "N",
		  .help = "end after so many looks (0: when the owner ends)",
		  .max = UINT64_MAX },
		{ .name = "once",
		  .value = &top.once,
		  .help = "look once and print plain tables" },
		{ .name = "json",
		  .value = &top.json,
		  .help = "one JSON document for each look" },
		{ .name = NULL },
	};
	const struct ht_usage usage = {
		.command = "heddle top",
		.operands = "[PID|FILE]",
		.operands_max = 1,
		.about = "Shows workers, groups, caps, counts, queues, and why "
			 "nothing starts, of a pool\nthat its process has "
			 "published (heddle_pool_publish). The pool does not "
			 "notice.\nFILE has a '/' in it. Without either and "
			 "without --demo: the list of what is\npublished.",
		.options = options,
	};
	int status, n = ht_args(&usage, argc, argv, &status);

	if (n < 0)
		return status;
	return look(&top, n ? argv[1] : NULL);
}
