/* SPDX-License-Identifier: BSD-2-Clause */
/* P01's own files: three tables and three pictures. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "papers/P01/p01.h"
#include "tools/out.h"
#include "tools/results.h"
#include "tools/say.h"
#include "tools/svg.h"

enum {
	EVENTS_MAX = 32,
	SERIES_MAX = 9,
	SIZES_MAX = 16
};

static const char *name_in_figure(const char *backend)
{
	if (!strcmp(backend, "policy-rayon"))
		return "Rayon (model)";
	if (!strcmp(backend, "policy-rusty"))
		return "rusty_pool (model)";
	return backend;
}

static const char *kind(const char *backend)
{
	if (!strncmp(backend, "heddle", 6))
		return "heddle";
	return strncmp(backend, "policy", 6) ? "real" : "model";
}

/* Every line of a kind, of all probes of a measurement, as rows. */
static int lines_table(const struct hp_study *study, struct ht_results *results,
		       const char *file, const char *measure, const char *word,
		       const char *const *keys, size_t n_keys)
{
	struct ht_column columns[12] = {
		{ "backend", HT_STRING, NULL, 0 },
		{ "kind", HT_STRING, NULL, 0 },
		{ "variable", HT_STRING, NULL, 0 },
	};
	FILE *out = ht_results_begin(results, file);
	struct ht_table *table;
	size_t i, j, k;

	if (!out)
		return HT_MISSED;
	for (k = 0; k < n_keys; k++)
		columns[3 + k] =
			(struct ht_column){ keys[k], HT_STRING, NULL, 0 };
	table = ht_table_new(measure, columns, 3 + n_keys);
	for (i = 0; i < study->n_probes; i++) {
		const struct hp_probe *probe = &study->probes[i];

		if (strcmp(probe->measure, measure))
			continue;
		for (j = 0; j < probe->child.n_lines; j++) {
			const char *line = probe->child.lines[j];
			char value[64];

			if (!hp_line_is(line, word))
				continue;
			ht_table_row(table);
			ht_table_string(table, probe->backend);
			ht_table_string(table, kind(probe->backend));
			ht_table_string(table,
					probe->variable ? probe->variable : "");
			for (k = 0; k < n_keys; k++)
				if (hp_line_text(line, keys[k], value,
						 sizeof(value)))
					ht_table_string(table, value);
				else
					ht_table_missing(table);
		}
	}
	ht_table_print(table, HT_CSV, out);
	ht_table_free(table);
	return ht_results_end(results);
}

static int threads_picture(const struct hp_study *study,
			   struct ht_results *results)
{
	const char *backends[] = {
		"heddle-static",
		"heddle-elastic",
		hp_p01_real(study, "rusty_pool", "policy-rusty"),
		hp_p01_real(study, "rayon", "policy-rayon"),
	};
	static char labels[EVENTS_MAX][32];
	static double x[EVENTS_MAX], y[4][EVENTS_MAX];
	struct ht_event events[EVENTS_MAX];
	struct ht_series series[4];
	struct ht_chart chart = {
		.title = "Threads of the process over a pool's life",
		.note = "200 threads allowed; medians; each event at the "
			"instant its call returned; 1 is the main thread",
		.x_label = "event",
		.y_label = "threads",
		.is_step = true,
		.x_is_events = true,
		.series = series,
		.n_series = 4,
		.events = events,
	};
	FILE *out = ht_results_begin(results, "threads_vs_event.svg");
	size_t i, n = 0;

	if (!out)
		return HT_MISSED;
	while (n < EVENTS_MAX && hp_p01_event(study, backends[0], (int64_t)n,
					      labels[n], sizeof(labels[n]))) {
		x[n] = (double)n;
		events[n].x = x[n];
		events[n].label = labels[n];
		for (i = 0; i < 4; i++)
			y[i][n] = hp_p01_threads(study, backends[i], (int64_t)n)
					  .median;
		n++;
	}
	for (i = 0; i < 4; i++)
		series[i] = (struct ht_series){ name_in_figure(backends[i]), x,
						y[i], n };
	chart.n_events = n;
	ht_svg_chart(out, &chart);
	return ht_results_end(results);
}

/* The sizes that were measured, ascending. */
static size_t sizes_of(const struct hp_study *study, double *sizes)
{
	size_t i, j, n = 0;

	for (i = 0; i < study->n_probes; i++) {
		double size = study->probes[i].size;

		if (strcmp(study->probes[i].measure, "memory"))
			continue;
		for (j = 0; j < n && sizes[j] < size; j++)
			;
		if ((j < n && sizes[j] == size) || n == SIZES_MAX)
			continue;
		memmove(&sizes[j + 1], &sizes[j], (n - j) * sizeof(*sizes));
		sizes[j] = size;
		n++;
	}
	return n;
}

static int memory_picture(const struct hp_study *study,
			  struct ht_results *results)
{
	const char *backends[] = { "heddle-static",
				   "heddle-elastic",
				   "policy-rayon",
				   "policy-rusty",
				   hp_p01_real(study, "rayon", NULL),
				   hp_p01_real(study, "rusty_pool", NULL) };
	static double sizes[SIZES_MAX + 1], y[7][SIZES_MAX];
	struct ht_series series[7];
	struct ht_chart chart = {
		.title = "Private dirty memory over the size of the pool",
		.note = "one task in flight after 1000 in sequence; the line "
			"of 0.85 is the article's 15 %",
		.x_label = "threads allowed",
		.y_label = "private dirty (KiB)",
		.x_is_log = true,
		.y_is_log = true,
		.series = series,
	};
	FILE *out = ht_results_begin(results, "mem_vs_cap.svg");
	size_t n = sizes_of(study, sizes), i, j, used = 0;

	if (!out)
		return HT_MISSED;
	for (i = 0; i < 6; i++) {
		if (!backends[i])
			continue;
		for (j = 0; j < n; j++) {
			int64_t kib = hp_p01_memory(study, backends[i],
						    (uint32_t)sizes[j],
						    "flight", "dirty_kib");

			y[used][j] = kib < 0 ? (double)NAN : (double)kib;
		}
		series[used] = (struct ht_series){ name_in_figure(backends[i]),
						   sizes, y[used], n };
		used++;
	}
	for (j = 0; j < n; j++) {
		int64_t kib = hp_p01_memory(study, "policy-rayon",
					    (uint32_t)sizes[j], "flight",
					    "dirty_kib");

		y[used][j] = kib < 0 ? (double)NAN : 0.85 * (double)kib;
	}
	series[used] =
		(struct ht_series){ "0.85 x Rayon (model)", sizes, y[used], n };
	chart.n_series = used + 1;
	ht_svg_chart(out, &chart);
	return ht_results_end(results);
}

static const char *const spawners[] = { "heddle-guest", "heddle-elastic",
					"pthread",      "policy-rusty",
					"rayon",        "rusty_pool" };

static int latency_table(const struct hp_study *study,
			 struct ht_results *results)
{
	static const struct ht_column columns[] = {
		{ "backend", HT_STRING, NULL, 0 },
		{ "kind", HT_STRING, NULL, 0 },
		{ "ns", HT_UNSIGNED, NULL, 0 },
		{ "count", HT_UNSIGNED, NULL, 0 },
		{ "part", HT_REAL, NULL, 6 },
	};
	FILE *out = ht_results_begin(results, "spawn_latency.csv");
	struct ht_table *table;
	size_t i, j;

	if (!out)
		return HT_MISSED;
	table = ht_table_new("spawn_latency", columns, 5);
	for (i = 0; i < sizeof(spawners) / sizeof(spawners[0]); i++) {
		struct hp_histogram *all = hp_p01_latency(study, spawners[i]);
		uint64_t below = 0;

		for (j = 0; j < HP_HISTOGRAM_BUCKETS; j++) {
			if (!all->count[j])
				continue;
			below += all->count[j];
			ht_table_row(table);
			ht_table_string(table, spawners[i]);
			ht_table_string(table, kind(spawners[i]));
			ht_table_unsigned(table, hp_histogram_low(j));
			ht_table_unsigned(table, all->count[j]);
			ht_table_real(table,
				      (double)below / (double)all->total);
		}
		free(all);
	}
	ht_table_print(table, HT_CSV, out);
	ht_table_free(table);
	return ht_results_end(results);
}

static int latency_picture(const struct hp_study *study,
			   struct ht_results *results)
{
	enum {
		N = sizeof(spawners) / sizeof(spawners[0])
	};
	struct ht_series series[N];
	double *points =
		ht_alloc((size_t)2 * N * HP_HISTOGRAM_BUCKETS, sizeof(*points));
	struct ht_chart chart = {
		.title = "Spawn and join of an empty thread",
		.note = "which part took at most so long; 200 threads allowed",
		.x_label = "time (ns)",
		.y_label = "part of the spawns",
		.is_step = true,
		.x_is_log = true,
		.y_max = 1,
		.series = series,
	};
	FILE *out = ht_results_begin(results, "spawn_latency.svg");
	size_t i, j, used = 0;

	for (i = 0; i < N; i++) {
		struct hp_histogram *all = hp_p01_latency(study, spawners[i]);
		double *x = points + 2 * used * HP_HISTOGRAM_BUCKETS;
		double *y = x + HP_HISTOGRAM_BUCKETS;
		uint64_t below = 0;
		size_t n = 0;

		for (j = 0; j < HP_HISTOGRAM_BUCKETS; j++) {
			if (!all->count[j])
				continue;
			below += all->count[j];
			x[n] = (double)hp_histogram_low(j);
			y[n++] = (double)below / (double)all->total;
		}
		free(all);
		if (n)
			series[used++] =
				(struct ht_series){ name_in_figure(spawners[i]),
						    x, y, n };
	}
	chart.n_series = used;
	if (out)
		ht_svg_chart(out, &chart);
	free(points);
	return out ? ht_results_end(results) : HT_MISSED;
}

int hp_p01_figures(const struct hp_study *study, struct ht_results *results)
{
	static const char *const threads_keys[] = { "round",    "index",
						    "name",     "threads",
						    "registry", "ns" };
	static const char *const memory_keys[] = { "size",    "stage",
						   "rss_kib", "dirty_kib",
						   "vsz_kib", "threads" };
	int status = threads_picture(study, results);

	if (!status)
		status = lines_table(study, results, "threads_vs_event.csv",
				     "timeline", "checkpoint", threads_keys, 6);
	if (!status)
		status = lines_table(study, results, "mem_vs_cap.csv", "memory",
				     "memory", memory_keys, 6);
	if (!status)
		status = memory_picture(study, results);
	if (!status)
		status = latency_table(study, results);
	if (!status)
		status = latency_picture(study, results);
	return status;
}
