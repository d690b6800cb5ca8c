/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the rounds say: medians with quartiles, and in each shape the ratio to one
 * opponent, round by round, since the peers of one round ran under the same
 * conditions. The targets are columns of the same table.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/lockfree.h"
#include "tools/json.h"
#include "tools/machine.h"
#include "tools/out.h"
#include "tools/results.h"
#include "tools/say.h"
#include "tools/stats.h"
#include "tools/svg.h"

static const char *const shape_name[HB_LF_SHAPES] = {
	"pair",       "1p1c",          "4p1c",       "owner",
	"steal idle", "steal pushing", "busy owner",
};

/* What a ratio must be: at most, but for the busy owner at least. */
static const struct target {
	enum hb_lf_shape shape;
	const char *peer;
	double limit;
} targets[] = {
	{ HB_LF_OWNER, "forks", 0.2 }, { HB_LF_ONE, "inject", 1.0 },
	{ HB_LF_FOUR, "inject", 1.0 }, { HB_LF_FOUR, "inject wide", 1.0 },
	{ HB_LF_BUSY, "forks", 0.95 }, { HB_LF_BUSY, "split", 0.95 },
};

const char *hb_lf_shape_name(enum hb_lf_shape shape)
{
	return shape_name[shape];
}

static const struct target *target_of(const struct hb_lf_cell *cell)
{
	size_t i;

	for (i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		if (targets[i].shape == cell->shape &&
		    !strcmp(targets[i].peer, cell->peer->name))
			return &targets[i];
	return NULL;
}

/* Of the rounds that ended. */
static struct ht_stats stats_of(const struct hb_lf_run *run,
				const struct hb_lf_cell *cell)
{
	double *ns = ht_alloc(run->rounds, sizeof(*ns));
	struct ht_stats stats;
	uint64_t i;
	size_t n = 0;

	for (i = 0; i < run->rounds; i++)
		if (isfinite(cell->ns[i]))
			ns[n++] = cell->ns[i];
	stats = ht_stats_of(ns, n);
	free(ns);
	return stats;
}

/* The fastest of liburcu's for queues, the fenced deque for deques. */
static const struct hb_lf_cell *base_of(const struct hb_lf_run *run,
					enum hb_lf_shape shape)
{
	const struct hb_lf_cell *base = NULL;
	double best = INFINITY;
	size_t i;

	if (shape == HB_LF_BUSY)
		return NULL;
	for (i = 0; i < run->n_cells; i++) {
		const struct hb_lf_cell *cell = &run->cells[i];
		double median;

		if (cell->shape != shape ||
		    (cell->peer->family != HB_LF_URCU &&
		     (shape <= HB_LF_FOUR ||
		      strcmp(cell->peer->name, "Chase-Lev") != 0)))
			continue;
		median = stats_of(run, cell).median;
		if (median < best) {
			best = median;
			base = cell;
		}
	}
	return base;
}

/* NaN where there is none. */
static struct ht_stats ratio_of(const struct hb_lf_run *run,
				const struct hb_lf_cell *cell,
				const struct hb_lf_cell *base)
{
	double *ratio = ht_alloc(run->rounds, sizeof(*ratio));
	struct ht_stats stats;
	uint64_t i;
	size_t n = 0;

	for (i = 0; base && i < run->rounds; i++)
		if (isfinite(cell->ns[i]) && isfinite(base->ns[i]))
			ratio[n++] = cell->ns[i] / base->ns[i];
	if (cell->shape == HB_LF_BUSY && cell->trials)
		ratio[n++] = (double)cell->all / (double)cell->trials;
	stats = ht_stats_of(ratio, n);
	free(ratio);
	return stats;
}

static bool is_met(const struct target *target, double ratio)
{
	return target->shape == HB_LF_BUSY ? ratio >= target->limit
					   : ratio <= target->limit;
}

static void add_real(struct ht_table *table, double value)
{
	if (isfinite(value))
		ht_table_real(table, value);
	else
		ht_table_missing(table);
}

static void add_text(struct ht_table *table, const char *text)
{
	if (text)
		ht_table_string(table, text);
	else
		ht_table_missing(table);
}

static void add_note(const struct hb_lf_run *run, const struct hb_lf_cell *cell,
		     struct ht_table *table)
{
	char *note = NULL;

	if (cell->late && cell->note)
		note = ht_text("%s (%u times)", cell->note, cell->late);
	else if (cell->note)
		note = ht_text("%s", cell->note);
	else if (cell->late)
		note = ht_text("%u of %llu rounds not finished", cell->late,
			       (unsigned long long)run->rounds);
	else if (cell->shape == HB_LF_BUSY)
		note = ht_text("all taken in %llu of %llu",
			       (unsigned long long)cell->all,
			       (unsigned long long)cell->trials);
	add_text(table, note);
	free(note);
}

static void add_row(const struct hb_lf_run *run, const struct hb_lf_cell *cell,
		    struct ht_table *table)
{
	const struct hb_lf_cell *base = base_of(run, cell->shape);
	const struct target *target = target_of(cell);
	struct ht_stats ns = stats_of(run, cell);
	struct ht_stats ratio = ratio_of(run, cell, base);

	ht_table_row(table);
	ht_table_string(table, shape_name[cell->shape]);
	ht_table_string(table, cell->peer->name);
	add_real(table, ns.median);
	add_real(table, ns.q1);
	add_real(table, ns.q3);
	add_real(table, ratio.median);
	add_text(table, !isfinite(ratio.median)     ? NULL
			: cell->shape == HB_LF_BUSY ? "trials"
						    : base->peer->name);
	if (target) {
		ht_table_real(table, target->limit);
		if (isfinite(ratio.median))
			ht_table_bool(table, is_met(target, ratio.median));
		else
			ht_table_missing(table);
	} else {
		ht_table_missing(table);
		ht_table_missing(table);
	}
	ht_table_unsigned(table, ns.n);
	add_note(run, cell, table);
}

struct ht_table *hb_lf_table(const struct hb_lf_run *run)
{
	static const struct ht_column columns[] = {
		{ "shape", HT_STRING, NULL, 0 },
		{ "peer", HT_STRING, NULL, 0 },
		{ "time", HT_REAL, "ns", 2 },
		{ "q1", HT_REAL, NULL, 2 },
		{ "q3", HT_REAL, NULL, 2 },
		{ "ratio", HT_REAL, NULL, 3 },
		{ "of", HT_STRING, NULL, 0 },
		{ "target", HT_REAL, NULL, 2 },
		{ "met", HT_BOOL, NULL, 0 },
		{ "rounds", HT_UNSIGNED, NULL, 0 },
		{ "note", HT_STRING, NULL, 0 },
	};
	struct ht_table *table = ht_table_new(
		"lockfree", columns, sizeof(columns) / sizeof(columns[0]));
	size_t i;

	for (i = 0; i < run->n_cells; i++)
		add_row(run, &run->cells[i], table);
	return table;
}

int hb_lf_check(const struct hb_lf_run *run)
{
	int status = HT_OK;
	size_t i, pass;

	/* What was missed stands last. */
	for (pass = 0; pass < 2; pass++)
		for (i = 0; i < run->n_cells; i++) {
			const struct hb_lf_cell *cell = &run->cells[i];
			const struct target *target = target_of(cell);
			double ratio;

			if (!target)
				continue;
			ratio = ratio_of(run, cell, base_of(run, cell->shape))
					.median;
			if (!pass && !isfinite(ratio)) {
				ht_say("not measured: %s, %s: %s",
				       shape_name[cell->shape],
				       cell->peer->name,
				       cell->note ? cell->note : "no opponent");
				status = HT_SKIP;
			} else if (pass && isfinite(ratio) &&
				   !is_met(target, ratio)) {
				ht_say("missed: %s, %s: ratio %.3f, target "
				       "%.2f at %s",
				       shape_name[cell->shape],
				       cell->peer->name, ratio, target->limit,
				       cell->shape == HB_LF_BUSY ? "least"
								 : "most");
				status = HT_MISSED;
			}
		}
	return status;
}

static int store_rounds(const struct hb_lf_run *run, struct ht_results *results)
{
	FILE *out = ht_results_begin(results, "rounds.csv");
	uint64_t round;
	size_t i;

	if (!out)
		return -1;
	fputs("shape,peer,round,items,ns\n", out);
	for (i = 0; i < run->n_cells; i++) {
		const struct hb_lf_cell *cell = &run->cells[i];

		for (round = 0; round < run->rounds; round++)
			if (isfinite(cell->ns[round]))
				fprintf(out, "%s,\"%s\",%llu,%llu,%.3f\n",
					shape_name[cell->shape],
					cell->peer->name,
					(unsigned long long)round + 1,
					(unsigned long long)cell->items,
					cell->ns[round]);
	}
	return ht_results_end(results);
}

static int store_picture(const struct hb_lf_run *run,
			 struct ht_results *results)
{
	FILE *out = ht_results_begin(results, "lockfree.svg");
	struct ht_bar *bars = ht_alloc(run->n_cells, sizeof(*bars));
	size_t i, n = 0;

	/* A busy owner's time has another scale and another meaning. */
	for (i = 0; i < run->n_cells; i++) {
		const struct hb_lf_cell *cell = &run->cells[i];
		struct ht_stats stats = stats_of(run, cell);

		if (cell->shape == HB_LF_BUSY || !stats.n)
			continue;
		bars[n++] = (struct ht_bar){
			.label = cell->peer->name,
			.series = (unsigned int)cell->shape,
			.value = stats.median,
			.low = stats.q1,
			.high = stats.q3,
		};
	}
	if (out)
		ht_svg_bars(
			out, "Queues and deques alone",
			"median of interleaved rounds, whiskers are quartiles",
			"ns a pair, an item or a stolen item", true, bars, n,
			shape_name, HB_LF_BUSY);
	free(bars);
	return out ? ht_results_end(results) : -1;
}

static int store_json(const struct hb_lf_run *run, struct ht_results *results)
{
	FILE *out = ht_results_begin(results, "results.json");
	struct ht_table *table;
	struct ht_json json;

	if (!out)
		return -1;
	ht_json_start(&json, out);
	ht_json_string(&json, "workload", "lockfree");
	ht_json_unsigned(&json, "rounds", run->rounds);
	ht_json_unsigned(&json, "round_ms", run->round_ms);
	ht_json_unsigned(&json, "limit_ms", run->limit_ms);
	ht_json_unsigned(&json, "trials", run->trials);
	ht_json_unsigned(&json, "seed", run->seed);
	table = hb_lf_table(run);
	ht_table_json(table, &json, "cells");
	ht_table_free(table);
	ht_machine_json(run->machine, &json, "machine");
	ht_json_finish(&json);
	return ht_results_end(results);
}

int hb_lf_store(const struct hb_lf_run *run, const char *folder)
{
	struct ht_results *results;
	int status = ht_results_open(folder, &results);

	if (status)
		return status;
	if (store_rounds(run, results) || store_picture(run, results) ||
	    store_json(run, results)) {
		ht_results_abandon(results);
		return HT_MISSED;
	}
	status = ht_results_close(results);
	if (status == HT_OK)
		ht_say("results: %s (first: lockfree.svg)", folder);
	return status;
}
