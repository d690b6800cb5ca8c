/* SPDX-License-Identifier: BSD-2-Clause */
/* The table, its CSV and JSON, a picture for each workload, and the folder of results. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>

#include "bench/core.h"
#include "tools/json.h"
#include "tools/machine.h"
#include "tools/out.h"
#include "tools/results.h"
#include "tools/say.h"
#include "tools/stats.h"
#include "tools/svg.h"

static void add_stats(struct ht_table *table, double *values, size_t n,
		      double scale)
{
	struct ht_stats stats = ht_stats_of(values, n);

	if (n) {
		ht_table_real(table, stats.median * scale);
		ht_table_real(table, stats.q1 * scale);
		ht_table_real(table, stats.q3 * scale);
		return;
	}
	ht_table_missing(table);
	ht_table_missing(table);
	ht_table_missing(table);
}

/* One value of all rounds together. */
static void add_single(struct ht_table *table, double value)
{
	if (isfinite(value))
		ht_table_real(table, value);
	else
		ht_table_missing(table);
	ht_table_missing(table);
	ht_table_missing(table);
}

static void add_row(const struct hb_bench *bench, struct ht_table *table,
		    struct hb_cell cell, size_t at, double *scratch)
{
	const struct hb_workload *workload = &hb_workloads[cell.workload];
	const struct hb_metric *metric = &workload->metrics[at];
	struct hb_cell base = cell;
	size_t tainted, samples, rounds = hb_rounds(bench, cell, &tainted);

	base.entry = hb_base(bench, cell.workload);
	ht_table_row(table);
	ht_table_string(table, workload->id);
	ht_table_string(table, workload->points[cell.point].name);
	ht_table_string(table, bench->entries[cell.entry].name);
	ht_table_string(table, metric->key);
	if (metric->unit)
		ht_table_string(table, metric->unit);
	else
		ht_table_missing(table);
	if (metric->is_pooled)
		add_single(table, hb_pooled(bench, cell, metric, &samples) *
					  metric->scale);
	else
		add_stats(table, scratch, hb_values(bench, cell, at, scratch),
			  metric->scale);
	if (base.entry == SIZE_MAX) {
		ht_table_missing(table);
		add_single(table, NAN);
	} else {
		ht_table_string(table, bench->entries[base.entry].name);
		if (metric->is_pooled)
			add_single(table,
				   hb_pooled(bench, cell, metric, &samples) /
					   hb_pooled(bench, base, metric,
						     &samples));
		else
			add_stats(table, scratch,
				  hb_ratios(bench, cell, base, at, scratch), 1);
	}
	ht_table_unsigned(table, rounds);
	ht_table_unsigned(table, tainted);
}

struct ht_table *hb_table(const struct hb_bench *bench)
{
	static const struct ht_column columns[] = {
		{ "workload", HT_STRING, NULL, 0 },
		{ "point", HT_STRING, NULL, 0 },
		{ "peer", HT_STRING, NULL, 0 },
		{ "metric", HT_STRING, NULL, 0 },
		{ "unit", HT_STRING, NULL, 0 },
		{ "median", HT_REAL, NULL, 3 },
		{ "q1", HT_REAL, NULL, 3 },
		{ "q3", HT_REAL, NULL, 3 },
		{ "base", HT_STRING, NULL, 0 },
		{ "ratio", HT_REAL, NULL, 3 },
		{ "ratio q1", HT_REAL, NULL, 3 },
		{ "ratio q3", HT_REAL, NULL, 3 },
		{ "rounds", HT_UNSIGNED, NULL, 0 },
		{ "tainted", HT_UNSIGNED, NULL, 0 },
	};
	struct ht_table *table = ht_table_new(
		"bench", columns, sizeof(columns) / sizeof(columns[0]));
	double *scratch = ht_alloc(bench->n_done + 1, sizeof(*scratch));
	struct hb_cell cell;
	size_t metric, tainted;

	for (cell.workload = 0; cell.workload < hb_n_workloads; cell.workload++)
		for (cell.point = 0;
		     hb_workloads[cell.workload].points[cell.point].name;
		     cell.point++)
			for (cell.entry = 0; cell.entry < bench->n_entries;
			     cell.entry++) {
				if (!hb_rounds(bench, cell, &tainted))
					continue;
				for (metric = 0; hb_workloads[cell.workload]
							 .metrics[metric]
							 .key;
				     metric++)
					add_row(bench, table, cell, metric,
						scratch);
			}
	free(scratch);
	return table;
}

/* JSON -------------------------------------------------------------------------- */

static void json_musts(const struct hb_bench *bench, struct ht_json *json)
{
	size_t i;

	ht_json_array(json, "musts");
	for (i = 0; i < hb_n_musts; i++) {
		const struct hb_must *must = &hb_musts[i];
		struct hb_verdict verdict;

		if (!bench->is_chosen[hb_workload_named(must->workload)])
			continue;
		verdict = hb_judge(bench, must);
		ht_json_object(json, NULL);
		ht_json_string(json, "workload", must->workload);
		ht_json_string(json, "point", must->point);
		ht_json_string(json, "metric", must->metric);
		ht_json_string(json, "peer", must->peer);
		ht_json_real(json, "limit", must->limit);
		ht_json_bool(json, "judged", verdict.is_judged);
		ht_json_bool(json, "missed", verdict.is_missed);
		ht_json_string(json, "found", verdict.text);
		ht_json_end(json);
		free(verdict.text);
	}
	ht_json_end(json);
}

static void json_remarks(const struct hb_bench *bench, struct ht_json *json)
{
	struct hb_cell cell = { 0 };
	size_t tainted;

	ht_json_array(json, "remarks");
	for (; cell.workload < hb_n_workloads; cell.workload++)
		for (cell.entry = 0; cell.entry < bench->n_entries;
		     cell.entry++) {
			const char *id = hb_workloads[cell.workload].id;
			const char *name = bench->entries[cell.entry].name;
			const char *remark = hb_remark(name, id);

			if (!remark || !hb_rounds(bench, cell, &tainted))
				continue;
			ht_json_object(json, NULL);
			ht_json_string(json, "workload", id);
			ht_json_string(json, "peer", name);
			ht_json_string(json, "remark", remark);
			ht_json_end(json);
		}
	ht_json_end(json);
}

void hb_json(const struct hb_bench *bench, struct ht_json *json)
{
	struct ht_table *table = hb_table(bench);
	size_t i;

	ht_json_unsigned(json, "seed", bench->seed);
	ht_json_bool(json, "quick", bench->is_quick);
	ht_json_bool(json, "monitor", bench->has_monitor);
	ht_json_array(json, "peers");
	for (i = 0; i < bench->n_entries; i++) {
		ht_json_object(json, NULL);
		ht_json_string(json, "name", bench->entries[i].name);
		if (bench->entries[i].version)
			ht_json_string(json, "version",
				       bench->entries[i].version);
		else
			ht_json_null(json, "version");
		ht_json_end(json);
	}
	ht_json_end(json);
	ht_json_array(json, "rust");
	for (i = 0; i < bench->n_rust_lines; i++)
		ht_json_string(json, NULL, bench->rust_lines[i]);
	ht_json_end(json);
	ht_json_array(json, "missing");
	for (i = 0; i < bench->n_missing; i++) {
		const struct hb_missing *m = &bench->missing[i];
		const struct hb_workload *w = &hb_workloads[m->workload];

		ht_json_object(json, NULL);
		ht_json_string(json, "workload", w->id);
		ht_json_string(json, "point", w->points[m->point].name);
		ht_json_string(json, "peer", bench->entries[m->entry].name);
		ht_json_string(json, "reason", m->reason);
		ht_json_bool(json, "failed", m->is_failure);
		ht_json_end(json);
	}
	ht_json_end(json);
	json_remarks(bench, json);
	json_musts(bench, json);
	ht_table_json(table, json, "cells");
	ht_table_free(table);
	ht_machine_json(bench->machine, json, "machine");
}

/* Pictures ------------------------------------------------------------------------ */

static size_t add_bars(const struct hb_bench *bench, size_t workload,
		       struct ht_bar *bars, double *scratch)
{
	const struct hb_metric *metric = &hb_workloads[workload].metrics[0];
	struct hb_cell cell = { .workload = workload };
	size_t n_bars = 0;

	for (cell.entry = 0; cell.entry < bench->n_entries; cell.entry++)
		for (cell.point = 0;
		     hb_workloads[workload].points[cell.point].name;
		     cell.point++) {
			size_t n = hb_values(bench, cell, 0, scratch);
			struct ht_stats stats = ht_stats_of(scratch, n);

			if (!n)
				continue;
			bars[n_bars++] = (struct ht_bar){
				.label = bench->entries[cell.entry].name,
				.series = (unsigned int)cell.point,
				.value = stats.median * metric->scale,
				.low = stats.q1 * metric->scale,
				.high = stats.q3 * metric->scale,
			};
		}
	return n_bars;
}

/* Where the longest bar would hide the others. */
static bool is_wide(const struct ht_bar *bars, size_t n)
{
	double least = INFINITY, most = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		least = fmin(least, bars[i].value);
		most = fmax(most, bars[i].value);
	}
	return least > 0 && most > 40 * least;
}

void hb_picture(const struct hb_bench *bench, size_t workload, FILE *out)
{
	const struct hb_workload *what = &hb_workloads[workload];
	const char *names[HB_POINTS_MAX];
	struct ht_bar *bars =
		ht_alloc(bench->n_entries * HB_POINTS_MAX + 1, sizeof(*bars));
	double *scratch = ht_alloc(bench->n_done + 1, sizeof(*scratch));
	char *title = ht_text("%s: %s", what->id, what->about);
	char *label =
		ht_text("%s%s%s", what->metrics[0].key,
			what->metrics[0].unit ? ", " : "",
			what->metrics[0].unit ? what->metrics[0].unit : "");
	size_t n = 0, n_bars = add_bars(bench, workload, bars, scratch);

	while (what->points[n].name) {
		names[n] = what->points[n].name;
		n++;
	}
	ht_svg_bars(out, title,
		    "median of interleaved rounds, whiskers are quartiles",
		    label, is_wide(bars, n_bars), bars, n_bars, names, n);
	free(title);
	free(label);
	free(scratch);
	free(bars);
}

/* The folder ---------------------------------------------------------------------- */

static void write_rounds(const struct hb_bench *bench, FILE *out)
{
	size_t i, k;

	fputs("workload,point,peer,round,metric,value,foreign_cpus,tainted\n",
	      out);
	for (i = 0; i < bench->n_done; i++) {
		const struct hb_done *done = &bench->done[i];
		const struct hb_workload *what = &hb_workloads[done->workload];

		for (k = 0; what->metrics[k].key; k++)
			if (!isnan(done->values[k]))
				fprintf(out, "%s,%s,%s,%llu,%s,%.6g,%.3f,%d\n",
					what->id,
					what->points[done->point].name,
					bench->entries[done->entry].name,
					(unsigned long long)done->number,
					what->metrics[k].key, done->values[k],
					done->look.foreign,
					done->look.is_tainted);
	}
}

static void write_json(const struct hb_bench *bench, FILE *out)
{
	struct ht_json json;

	ht_json_start(&json, out);
	hb_json(bench, &json);
	ht_json_finish(&json);
}

static void write_table(const struct hb_bench *bench, FILE *out)
{
	struct ht_table *table = hb_table(bench);

	ht_table_print(table, HT_CSV, out);
	ht_table_free(table);
}

static int store_with(struct ht_results *results, const char *name,
		      const struct hb_bench *bench,
		      void (*write)(const struct hb_bench *bench, FILE *out))
{
	FILE *out = ht_results_begin(results, name);

	if (!out)
		return -1;
	write(bench, out);
	return ht_results_end(results);
}

static int store_picture(struct ht_results *results,
			 const struct hb_bench *bench, size_t workload)
{
	char *name = ht_text("%s.svg", hb_workloads[workload].id);
	FILE *out;
	size_t i;

	for (i = 0; name[i]; i++)
		name[i] = (char)tolower((unsigned char)name[i]);
	out = ht_results_begin(results, name);
	free(name);
	if (!out)
		return -1;
	hb_picture(bench, workload, out);
	return ht_results_end(results);
}

int hb_store(const struct hb_bench *bench, const char *folder)
{
	struct ht_results *results;
	int status = ht_results_open(folder, &results);
	bool is_bad;
	size_t i;

	if (status)
		return status;
	is_bad = store_with(results, "rounds.csv", bench, write_rounds) ||
		 store_with(results, "cells.csv", bench, write_table) ||
		 store_with(results, "results.json", bench, write_json) ||
		 store_with(results, "report.html", bench, hb_html);
	for (i = 0; i < hb_n_workloads && !is_bad; i++)
		if (bench->is_chosen[i])
			is_bad = store_picture(results, bench, i);
	if (is_bad) {
		ht_results_abandon(results);
		return HT_MISSED;
	}
	status = ht_results_close(results);
	if (status == HT_OK)
		ht_say("results: %s (first: report.html)", folder);
	return status;
}
