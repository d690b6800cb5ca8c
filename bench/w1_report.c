/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What W1's rounds say: medians with quartiles, and the ratio to the base peer.
 * The ratio is taken round by round, since the peers of one round ran under the
 * same conditions; its median and quartiles are those of these ratios.
 */
#include <math.h>
#include <stdlib.h>

#include "bench/w1.h"
#include "tools/json.h"
#include "tools/machine.h"
#include "tools/out.h"
#include "tools/results.h"
#include "tools/say.h"
#include "tools/stats.h"
#include "tools/svg.h"

enum what {
	WHAT_NS,
	WHAT_SUBMIT,
	WHAT_SLEEPS,
	WHAT_AGAIN
};

static double value_of(const struct hb_w1_round *round, enum what what)
{
	switch (what) {
	case WHAT_NS:
		return round->ns;
	case WHAT_SUBMIT:
		return round->submit_ns;
	case WHAT_SLEEPS:
		return round->sleeps;
	default:
		return round->again;
	}
}

/* The values of one peer in one cell, in the order of the rounds. */
static size_t collect(const struct hb_w1 *w1, size_t cell, size_t peer,
		      enum what what, double *out)
{
	size_t i, n = 0;

	for (i = 0; i < w1->n_done; i++)
		if (w1->done[i].cell == cell && w1->done[i].peer == peer)
			out[n++] = value_of(&w1->done[i], what);
	return n;
}

static size_t tainted(const struct hb_w1 *w1, size_t cell, size_t peer)
{
	size_t i, n = 0;

	for (i = 0; i < w1->n_done; i++)
		n += w1->done[i].cell == cell && w1->done[i].peer == peer &&
		     w1->done[i].look.is_tainted;
	return n;
}

static size_t base_of(const struct hb_w1 *w1)
{
	const struct hb_peer *base = hb_peer_find(HB_W1_BASE);
	size_t i;

	for (i = 0; i < w1->n_peers; i++)
		if (w1->peers[i] == base)
			return i;
	return 0;
}

/* Round by round against the base; 0 samples when one of them is missing. */
static size_t ratios(const struct hb_w1 *w1, size_t cell, size_t peer,
		     double *out, double *scratch)
{
	size_t n = collect(w1, cell, peer, WHAT_NS, out);
	size_t m = collect(w1, cell, base_of(w1), WHAT_NS, scratch);
	size_t i;

	if (n != m)
		return 0;
	for (i = 0; i < n; i++)
		out[i] /= scratch[i];
	return n;
}

static void add_row(const struct hb_w1 *w1, size_t cell, size_t peer,
		    struct ht_table *table, double *a, double *b)
{
	size_t n = collect(w1, cell, peer, WHAT_NS, a);
	struct ht_stats stats;

	if (!n)
		return;
	ht_table_row(table);
	ht_table_string(table, w1->peers[peer]->name);
	ht_table_unsigned(table, w1->cells[cell].workers);
	ht_table_unsigned(table, w1->cells[cell].submitters);
	stats = ht_stats_of(a, n);
	ht_table_real(table, stats.median);
	ht_table_real(table, stats.q1);
	ht_table_real(table, stats.q3);
	collect(w1, cell, peer, WHAT_SUBMIT, a);
	ht_table_real(table, ht_stats_of(a, n).median);
	n = ratios(w1, cell, peer, a, b);
	if (n) {
		stats = ht_stats_of(a, n);
		ht_table_real(table, stats.median);
		ht_table_real(table, stats.q1);
		ht_table_real(table, stats.q3);
	} else {
		ht_table_missing(table);
		ht_table_missing(table);
		ht_table_missing(table);
	}
	n = collect(w1, cell, peer, WHAT_SLEEPS, a);
	if (isnan(a[0]))
		ht_table_missing(table);
	else
		ht_table_real(table, ht_stats_of(a, n).median);
	ht_table_unsigned(table, n);
	ht_table_unsigned(table, tainted(w1, cell, peer));
}

struct ht_table *hb_w1_table(const struct hb_w1 *w1)
{
	static const struct ht_column columns[] = {
		{ "peer", HT_STRING, NULL, 0 },
		{ "workers", HT_UNSIGNED, NULL, 0 },
		{ "submitters", HT_UNSIGNED, NULL, 0 },
		{ "time", HT_REAL, "ns/task", 1 },
		{ "q1", HT_REAL, NULL, 1 },
		{ "q3", HT_REAL, NULL, 1 },
		{ "submit", HT_REAL, "ns/task", 1 },
		{ "ratio", HT_REAL, HB_W1_BASE, 2 },
		{ "ratio q1", HT_REAL, NULL, 2 },
		{ "ratio q3", HT_REAL, NULL, 2 },
		{ "sleeps", HT_REAL, "/task", 4 },
		{ "rounds", HT_UNSIGNED, NULL, 0 },
		{ "tainted", HT_UNSIGNED, NULL, 0 },
	};
	struct ht_table *table = ht_table_new(
		"w1", columns, sizeof(columns) / sizeof(columns[0]));
	double *a = ht_alloc(w1->n_done + 1, sizeof(*a));
	double *b = ht_alloc(w1->n_done + 1, sizeof(*b));
	size_t cell, peer;

	for (cell = 0; cell < w1->n_cells; cell++)
		for (peer = 0; peer < w1->n_peers; peer++)
			add_row(w1, cell, peer, table, a, b);
	free(a);
	free(b);
	return table;
}

static int store_rounds(const struct hb_w1 *w1, struct ht_results *results)
{
	FILE *out = ht_results_begin(results, "rounds.csv");
	size_t i;

	if (!out)
		return -1;
	fputs("workers,submitters,peer,ns,submit_ns,sleeps,foreign_cpus,"
	      "tainted\n",
	      out);
	for (i = 0; i < w1->n_done; i++) {
		const struct hb_w1_round *r = &w1->done[i];

		fprintf(out, "%u,%u,%s,%.3f,%.3f,%.6f,%.3f,%d\n",
			w1->cells[r->cell].workers,
			w1->cells[r->cell].submitters, w1->peers[r->peer]->name,
			r->ns, r->submit_ns, r->sleeps, r->look.foreign,
			r->look.is_tainted);
	}
	return ht_results_end(results);
}

static int store_picture(const struct hb_w1 *w1, struct ht_results *results)
{
	FILE *out = ht_results_begin(results, "w1.svg");
	struct ht_bar *bars =
		ht_alloc(w1->n_cells * w1->n_peers, sizeof(*bars));
	const char **names = ht_alloc(w1->n_cells, sizeof(*names));
	double *a = ht_alloc(w1->n_done + 1, sizeof(*a));
	size_t cell, peer, n_bars = 0;

	for (cell = 0; cell < w1->n_cells; cell++)
		names[cell] = ht_text("%u workers, %u submitters",
				      w1->cells[cell].workers,
				      w1->cells[cell].submitters);
	for (peer = 0; peer < w1->n_peers; peer++)
		for (cell = 0; cell < w1->n_cells; cell++) {
			size_t n = collect(w1, cell, peer, WHAT_NS, a);
			struct ht_stats stats;

			if (!n)
				continue;
			stats = ht_stats_of(a, n);
			bars[n_bars++] = (struct ht_bar){
				.label = w1->peers[peer]->name,
				.series = (unsigned int)cell,
				.value = stats.median,
				.low = stats.q1,
				.high = stats.q3,
			};
		}
	if (out)
		ht_svg_bars(
			out, "W1: empty tasks from outside",
			"median of interleaved rounds, whiskers are quartiles",
			"ns a task", false, bars, n_bars, names, w1->n_cells);
	for (cell = 0; cell < w1->n_cells; cell++)
		free((char *)(uintptr_t)names[cell]);
	free(names);
	free(bars);
	free(a);
	return out ? ht_results_end(results) : -1;
}

static int store_json(const struct hb_w1 *w1, struct ht_results *results)
{
	FILE *out = ht_results_begin(results, "results.json");
	struct ht_table *table;
	struct ht_json json;
	size_t i;

	if (!out)
		return -1;
	ht_json_start(&json, out);
	ht_json_string(&json, "workload", "W1");
	ht_json_unsigned(&json, "tasks", w1->tasks);
	ht_json_unsigned(&json, "rounds", w1->rounds);
	ht_json_unsigned(&json, "seed", w1->seed);
	ht_json_array(&json, "versions");
	for (i = 0; i < w1->n_versions; i++)
		ht_json_string(&json, NULL, w1->versions[i]);
	ht_json_end(&json);
	ht_json_array(&json, "missing");
	for (i = 0; i < w1->n_missing; i++) {
		ht_json_object(&json, NULL);
		ht_json_string(&json, "peer",
			       w1->peers[w1->missing[i].peer]->name);
		ht_json_string(&json, "reason", w1->missing[i].reason);
		ht_json_end(&json);
	}
	ht_json_end(&json);
	table = hb_w1_table(w1);
	ht_table_json(table, &json, "cells");
	ht_table_free(table);
	ht_machine_json(w1->machine, &json, "machine");
	ht_json_finish(&json);
	return ht_results_end(results);
}

int hb_w1_store(const struct hb_w1 *w1, const char *folder)
{
	struct ht_results *results;
	int status = ht_results_open(folder, &results);

	if (status)
		return status;
	if (store_rounds(w1, results) || store_picture(w1, results) ||
	    store_json(w1, results)) {
		ht_results_abandon(results);
		return HT_MISSED;
	}
	status = ht_results_close(results);
	if (status == HT_OK)
		ht_say("results: %s (first: w1.svg)", folder);
	return status;
}
