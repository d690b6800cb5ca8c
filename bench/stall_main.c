/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `heddle stall`: which operations are meant, the table, the verdict. A program of
 * its own, since it reaches inside the library.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/stall.h"
#include "tools/args.h"
#include "tools/out.h"
#include "tools/progress.h"
#include "tools/say.h"

#define QUICK 4u

static const struct hs_operation *const lists[] = {
	hs_controls, hs_words,        hs_queues,         hs_deques,
	hs_pool,     hs_opponents_ck, hs_opponents_urcu,
};

#define N_LISTS (sizeof(lists) / sizeof(lists[0]))

static const char *const claims[] = {
	[HS_WAIT_FREE] = "wait-free", [HS_LOCK_FREE] = "lock-free",
	[HS_BLOCKING] = "blocking",   [HS_OPPONENT] = "opponent",
	[HS_CONTROL] = "control",
};

static struct {
	bool list, quick, json, csv;
} wanted;

static const struct ht_option options[] = {
	{ .name = "list", .value = &wanted.list, .help = "name them, run none" },
	{ .name = "quick",
	  .value = &wanted.quick,
	  .help = "every fourth boundary only" },
	{ .name = "json", .value = &wanted.json, .help = "for programs" },
	{ .name = "csv", .value = &wanted.csv, .help = "for programs" },
	{ .name = NULL },
};

static const struct ht_usage usage = {
	.command = "heddle stall",
	.operands = "[OPERATION...]",
	.operands_max = -1,
	.about = "Stops a thread before each instruction of each operation that "
		 "says it is\nlock-free; others must finish theirs meanwhile. "
		 "All operations when none is named.",
	.options = options,
};

/* ---- which operations ---- */

static const struct hs_operation *find(const char *name)
{
	const struct hs_operation *o;
	size_t i;

	for (i = 0; i < N_LISTS; i++)
		for (o = lists[i]; o->name; o++)
			if (!strcmp(o->name, name))
				return o;
	return NULL;
}

static const struct hs_operation **choose(int argc, char **argv, size_t *n)
{
	const struct hs_operation **chosen = NULL, *o;
	size_t i;

	*n = 0;
	for (i = 0; i < (size_t)argc; i++) {
		o = find(argv[i]);
		if (!o) {
			ht_say("stall: no operation is called '%s' "
			       "(heddle stall --list)",
			       argv[i]);
			free(chosen);
			return NULL;
		}
		chosen = ht_grow(chosen, *n, sizeof(o));
		chosen[(*n)++] = o;
	}
	for (i = 0; i < N_LISTS && argc == 0; i++)
		for (o = lists[i]; o->name; o++)
			if (!o->hidden) {
				chosen = ht_grow(chosen, *n, sizeof(o));
				chosen[(*n)++] = o;
			}
	return chosen;
}

static bool runs(const struct hs_operation *o)
{
	return o->victim != NULL;
}

static bool claims_progress(const struct hs_operation *o)
{
	return o->claim == HS_WAIT_FREE || o->claim == HS_LOCK_FREE;
}

/* ---- the verdict ---- */

/* Something that makes the exit status 1; free() it. NULL if all is well. */
static char *complaint(const struct hs_operation *o, const struct hs_result *r)
{
	if (r->is_lost)
		return ht_text("%s: the run was lost after %u boundaries",
			       o->name, r->tried);
	if (o->claim == HS_CONTROL && !r->blocked)
		return ht_text("%s was not found blocking: the stall table "
			       "itself is broken",
			       o->name);
	if (!claims_progress(o))
		return NULL;
	if (r->blocked) {
		char *where = hs_symbol(r->first);
		char *text = ht_text("%s says that it is %s and blocks at %s",
				     o->name, claims[o->claim], where);

		free(where);
		return text;
	}
	if (r->withheld_most > 1)
		return ht_text("%s withholds %u permits at once", o->name,
			       r->withheld_most);
	if (r->tried == r->missed)
		return ht_text("%s: its victim never came by again", o->name);
	return NULL;
}

static char *verdict(const struct hs_operation *o, const struct hs_result *r,
		     bool is_bad)
{
	if (!runs(o))
		return ht_text("not run; waits for %s", o->blocker);
	if (r->is_lost)
		return ht_text("lost");
	if (o->claim == HS_BLOCKING)
		return ht_text("%s, as it says: %s",
			       r->blocked ? "blocks" : "never blocked",
			       o->blocker);
	if (is_bad)
		return ht_text(r->blocked ? "BLOCKS" : "MISSED");
	return ht_text(r->blocked ? "blocks" : "never blocked");
}

/* ---- the table ---- */

/* clang-format off */
static const struct ht_column columns[] = {
	{ "operation", HT_STRING, NULL, 0 },
	{ "claim", HT_STRING, NULL, 0 },
	{ "boundaries", HT_UNSIGNED, NULL, 0 },
	{ "tried", HT_UNSIGNED, NULL, 0 },
	{ "missed", HT_UNSIGNED, NULL, 0 },
	{ "blocked", HT_UNSIGNED, NULL, 0 },
	{ "withheld", HT_UNSIGNED, NULL, 0 },
	{ "most", HT_UNSIGNED, NULL, 0 },
	{ "wakes", HT_UNSIGNED, NULL, 0 },
	{ "verdict", HT_STRING, NULL, 0 },
	{ "at", HT_STRING, NULL, 0 },
	{ "first", HT_STRING, NULL, 0 },
};
/* clang-format on */

static void add_row(struct ht_table *table, const struct hs_operation *o,
		    const struct hs_result *r, bool is_bad)
{
	char *text = verdict(o, r, is_bad);
	char *where;

	ht_table_row(table);
	ht_table_string(table, o->name);
	ht_table_string(table, claims[o->claim]);
	if (!runs(o)) {
		int i;

		for (i = 0; i < 7; i++)
			ht_table_missing(table);
		ht_table_string(table, text);
		free(text);
		return;
	}
	ht_table_unsigned(table, r->boundaries);
	ht_table_unsigned(table, r->tried);
	ht_table_unsigned(table, r->missed);
	ht_table_unsigned(table, r->blocked);
	if (o->script) {
		ht_table_unsigned(table, r->withheld);
		ht_table_unsigned(table, r->withheld_most);
		ht_table_unsigned(table, r->stranded);
	} else {
		ht_table_missing(table);
		ht_table_missing(table);
		ht_table_missing(table);
	}
	ht_table_string(table, text);
	free(text);
	if (!r->blocked)
		return;
	ht_table_string(table, r->ranges);
	where = hs_symbol(r->first);
	ht_table_string(table, where);
	free(where);
}

static int list(void)
{
	const struct hs_operation *o;
	size_t i;

	for (i = 0; i < N_LISTS; i++)
		for (o = lists[i]; o->name; o++)
			printf("%-22s  %-9s  %s%s\n", o->name, claims[o->claim],
			       o->where,
			       o->hidden ? " (only when named)" : "");
	return ht_out_check();
}

/* ---- running them ---- */

struct bar {
	struct ht_progress progress;
	const char *name;
	size_t at, of;
};

static void show(void *arg, uint32_t k, uint32_t n)
{
	struct bar *bar = arg;

	ht_progress_show(&bar->progress,
			 ((double)bar->at + (double)k / n) / (double)bar->of,
			 "%s, boundary %" PRIu32 " of %" PRIu32, bar->name, k,
			 n);
}

static int run_all(const struct hs_operation *const *chosen, size_t n)
{
	struct bar bar = { .of = n };
	struct hs_options how = { wanted.quick ? QUICK : 1, show, &bar };
	struct ht_table *table = ht_table_new(
		"stall", columns, sizeof(columns) / sizeof(columns[0]));
	char *last = NULL;
	int status = HT_OK;
	size_t i;

	ht_progress_start(&bar.progress, "stall");
	for (i = 0; i < n && status == HT_OK; i++) {
		struct hs_result result = { 0 };
		char *bad = NULL;

		bar.name = chosen[i]->name;
		bar.at = i;
		if (runs(chosen[i]))
			status = hs_run(chosen[i], &how, &result);
		if (status == HT_OK && runs(chosen[i]))
			bad = complaint(chosen[i], &result);
		add_row(table, chosen[i], &result, bad != NULL);
		if (bad) {
			free(last);
			last = bad;
		}
		free(result.ranges);
	}
	ht_progress_clear(&bar.progress);
	if (status == HT_OK) {
		ht_table_print(table,
			       wanted.json  ? HT_JSON
			       : wanted.csv ? HT_CSV
					    : HT_TEXT,
			       stdout);
		if (wanted.quick && !wanted.json && !wanted.csv)
			printf("\nquick: every %uth boundary was tried, the "
			       "others were not\n",
			       QUICK);
		status = ht_out_check();
	}
	if (last && status == HT_OK) {
		ht_say("stall: %s", last);
		status = HT_MISSED;
	}
	free(last);
	ht_table_free(table);
	return status;
}

int main(int argc, char **argv)
{
	const struct hs_operation **chosen;
	const char *denied;
	int n_names, status;
	size_t n;

	n_names = ht_args(&usage, argc, argv, &status);
	if (n_names < 0)
		return status;
	if (wanted.json && wanted.csv) {
		ht_say("stall: --json and --csv exclude each other");
		return HT_USAGE;
	}
	chosen = choose(n_names, argv + 1, &n);
	if (!chosen)
		return HT_USAGE;
	if (wanted.list) {
		free(chosen);
		return list();
	}
	denied = hs_trace_denied();
	if (denied) {
		ht_say("stall: %s", denied);
		status = HT_SKIP;
	} else {
		status = run_all(chosen, n);
	}
	free(chosen);
	return status;
}
