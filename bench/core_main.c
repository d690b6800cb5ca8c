/* SPDX-License-Identifier: BSD-2-Clause */
/* `heddle bench all` and each workload: options and the exit status. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <heddle/heddle.h>

#include "bench/core.h"
#include "tools/args.h"
#include "tools/buildinfo.h"
#include "tools/json.h"
#include "tools/machine.h"
#include "tools/out.h"
#include "tools/say.h"

struct wish {
	const char *peers;
	const char *workloads;
	const char *opponents;
	const char *folder;
	const char *must;
	bool json;
	bool csv;
	bool check;
	bool list;
	bool print_config;
};

/* Marks "W1,W2"; false after a line. */
static bool choose(struct hb_bench *bench, const char *ids)
{
	char *list = ht_text("%s", ids), *save = NULL, *word;
	bool is_right = true;

	for (word = strtok_r(list, ",", &save); word && is_right;
	     word = strtok_r(NULL, ",", &save)) {
		size_t at = hb_workload_named(word);

		if (at == SIZE_MAX) {
			ht_say("--workloads: '%s' is no workload", word);
			is_right = false;
		} else {
			bench->is_chosen[at] = true;
		}
	}
	free(list);
	return is_right;
}

/* "WORKLOAD,POINT,METRIC,PEER,BASE,LIMIT" into the copy that the strings stay in. */
static bool read_must(const struct hb_bench *bench, char *text,
		      struct hb_must *must)
{
	char *part[6], *save = NULL, *end;
	size_t n = 0, workload;
	char *word;

	for (word = strtok_r(text, ",", &save); word && n < 6;
	     word = strtok_r(NULL, ",", &save))
		part[n++] = word;
	if (n != 6 || word)
		return false;
	workload = hb_workload_named(part[0]);
	if (workload == SIZE_MAX || !bench->is_chosen[workload] ||
	    hb_point_named(&hb_workloads[workload], part[1]) == SIZE_MAX ||
	    hb_metric_named(&hb_workloads[workload], part[2]) == SIZE_MAX)
		return false;
	*must = (struct hb_must){
		.workload = part[0],
		.point = part[1],
		.metric = part[2],
		.peer = part[3],
		.against = !strcmp(part[4], "-")      ? HB_LIMIT
			   : !strcmp(part[4], "best") ? HB_PACKAGED
						      : HB_PEER,
		.base = part[4],
		.limit = strtod(part[5], &end),
	};
	return !*end;
}

static void print_list(void)
{
	size_t i, k;

	for (i = 0; i < hb_n_workloads; i++)
		for (k = 0; hb_workloads[i].points[k].name; k++)
			printf("%-4s %-9s  %s\n", hb_workloads[i].id,
			       hb_workloads[i].points[k].name,
			       hb_workloads[i].about);
}

static void print_config(const struct hb_bench *bench)
{
	printf("heddle: %s\nfound: %s\n", heddle_version(), heddle_features());
	fputs(buildinfo_summary, stdout);
	printf("bench group depth: 3, a cap at each level\n"
	       "bench monitor: %s\n",
	       bench->has_monitor ? "on" : "off");
}

/* The same reason for another point of the workload before it. */
static bool is_said(const struct hb_bench *bench, size_t which)
{
	const struct hb_missing *m = &bench->missing[which], *other;
	size_t i;

	for (i = 0; i < which; i++) {
		other = &bench->missing[i];
		if (other->workload == m->workload &&
		    other->entry == m->entry &&
		    !strcmp(other->reason, m->reason))
			return true;
	}
	return false;
}

/* 0, or the exit status when one of ours has broken. */
static int say_missing(const struct hb_bench *bench)
{
	int status = HT_OK;
	size_t i;

	for (i = 0; i < bench->n_missing; i++) {
		const struct hb_missing *m = &bench->missing[i];
		const struct hb_workload *what = &hb_workloads[m->workload];

		/* An absent peer is named once. */
		if (!m->is_failure && is_said(bench, i))
			continue;
		ht_say("%s%s%s: %s: %s", what->id, m->is_failure ? " " : "",
		       m->is_failure ? what->points[m->point].name : "",
		       bench->entries[m->entry].name, m->reason);
		if (m->is_failure && bench->entries[m->entry].is_ours)
			status = HT_MISSED;
	}
	return status;
}

/* Of those that ran. */
static void say_remarks(const struct hb_bench *bench)
{
	struct hb_cell cell = { 0 };
	const char *remark;
	size_t tainted;

	for (; cell.workload < hb_n_workloads; cell.workload++)
		for (cell.entry = 0; cell.entry < bench->n_entries;
		     cell.entry++) {
			remark = hb_remark(bench->entries[cell.entry].name,
					   hb_workloads[cell.workload].id);
			if (remark && hb_rounds(bench, cell, &tainted))
				ht_say("%s: %s: %s",
				       hb_workloads[cell.workload].id,
				       bench->entries[cell.entry].name, remark);
		}
}

static void print_result(const struct hb_bench *bench, const struct wish *wish)
{
	struct ht_table *table;
	struct ht_json json;

	if (wish->json) {
		ht_json_start(&json, stdout);
		hb_json(bench, &json);
		ht_json_finish(&json);
		return;
	}
	table = hb_table(bench);
	ht_table_print(table, wish->csv ? HT_CSV : HT_TEXT, stdout);
	ht_table_free(table);
}

static int measure(struct hb_bench *bench, const struct wish *wish)
{
	char *text = wish->must ? ht_text("%s", wish->must) : NULL;
	struct hb_must must;
	int status, checked;

	if (text && !read_must(bench, text, &must)) {
		ht_say("--must %s: WORKLOAD,POINT,METRIC,PEER,BASE,LIMIT is wanted",
		       wish->must);
		free(text);
		return HT_USAGE;
	}
	bench->machine = ht_machine_capture();
	hb_run(bench);
	print_result(bench, wish);
	status = ht_out_check();
	if (status == HT_OK && wish->folder)
		status = hb_store(bench, wish->folder);
	say_remarks(bench);
	if (status == HT_OK)
		status = say_missing(bench);
	if (wish->check || text) {
		checked = text ? hb_check(bench, &must, 1)
			       : hb_check(bench, hb_musts, hb_n_musts);
		if (status == HT_OK)
			status = checked;
	}
	ht_machine_free(bench->machine);
	free(text);
	return status;
}

static int start(struct hb_bench *bench, const struct wish *wish,
		 const char *command)
{
	size_t i;

	bench->is_chosen = ht_alloc(hb_n_workloads, sizeof(bool));
	if (strcmp(command, "all") != 0)
		bench->is_chosen[hb_workload_named(command)] = true;
	else if (wish->workloads && !choose(bench, wish->workloads))
		return HT_USAGE;
	for (i = 0; !wish->workloads && i < hb_n_workloads; i++)
		bench->is_chosen[i] |= !strcmp(command, "all");
	if (wish->list) {
		print_list();
		return HT_OK;
	}
	if (wish->print_config) {
		print_config(bench);
		return HT_OK;
	}
	if (!hb_find(bench, wish->peers, wish->opponents))
		return HT_USAGE;
	if (bench->base && hb_entry_named(bench, bench->base) == SIZE_MAX) {
		ht_say("--base: '%s' is no peer of this run", bench->base);
		return HT_USAGE;
	}
	return measure(bench, wish);
}

int hb_core_main(int argc, char **argv)
{
	struct hb_bench bench = { .seed = 1 };
	struct wish wish = { 0 };
	const struct ht_option options[] = {
		{ "quick", HT_OPTION_FLAG, &bench.is_quick, NULL,
		  "smaller sizes, few rounds: minutes, not an hour", 0, 0,
		  NULL },
		{ "rounds", HT_OPTION_NUMBER, &bench.rounds, "N",
		  "of each peer at each point", 1, 1000, NULL },
		{ "workloads", HT_OPTION_STRING, &wish.workloads, "LIST",
		  "of \"all\": only these, as in W1,W5", 0, 0, NULL },
		{ "peers", HT_OPTION_STRING, &wish.peers, "LIST",
		  "only these, as in heddle,mutex", 0, 0, NULL },
		{ "opponent", HT_OPTION_STRING, &wish.opponents, "NAME=PATH",
		  "a program that speaks as bench/README.md says; more with commas",
		  0, 0, NULL },
		{ "base", HT_OPTION_STRING, &bench.base, "PEER",
		  "whom the ratios refer to", 0, 0, NULL },
		{ "seed", HT_OPTION_NUMBER, &bench.seed, "S",
		  "of the order of the peers", 0, UINT64_MAX, NULL },
		{ "monitor", HT_OPTION_FLAG, &bench.has_monitor, NULL,
		  "heddle's pools have a monitor", 0, 0, NULL },
		{ "keep-tainted", HT_OPTION_FLAG, &bench.keeps_tainted, NULL,
		  "count rounds in which others took CPU time, too", 0, 0,
		  NULL },
		{ "out", HT_OPTION_STRING, &wish.folder, "DIR",
		  "results folder: report.html, CSV, JSON, pictures", 0, 0,
		  NULL },
		{ "json", HT_OPTION_FLAG, &wish.json, NULL, "print JSON", 0, 0,
		  NULL },
		{ "csv", HT_OPTION_FLAG, &wish.csv, NULL, "print CSV", 0, 0,
		  NULL },
		{ "check", HT_OPTION_FLAG, &wish.check, NULL,
		  "name the musts of a release that are missed; status 1", 0, 0,
		  NULL },
		{ "must", HT_OPTION_STRING, &wish.must, "TEXT",
		  "judge WORKLOAD,POINT,METRIC,PEER,BASE,LIMIT in their place",
		  0, 0, NULL },
		{ "list", HT_OPTION_FLAG, &wish.list, NULL,
		  "print workloads and points, run nothing", 0, 0, NULL },
		{ "print-config", HT_OPTION_FLAG, &wish.print_config, NULL,
		  "print what is switched on in heddle, run nothing", 0, 0,
		  NULL },
		{ .name = NULL },
	};
	char *command = ht_text("heddle bench %s", argv[0]);
	const struct ht_usage usage = {
		.command = command,
		.about = "All peers in one interleaved run. A ratio is taken "
			 "round by round.",
		.options = options,
	};
	int status;

	if (ht_args(&usage, argc, argv, &status) >= 0)
		status = start(&bench, &wish, argv[0]);
	hb_bench_free(&bench);
	free(command);
	return status;
}
