/* SPDX-License-Identifier: BSD-2-Clause */
#include "papers/P01/p01.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/say.h"
#include "tools/stats.h"

const struct hp_probe *hp_p01_probe_of(const struct hp_study *study,
				       const char *backend, const char *measure,
				       uint32_t size, uint64_t every)
{
	size_t i;

	for (i = 0; i < study->n_probes; i++) {
		const struct hp_probe *probe = &study->probes[i];

		if (!strcmp(probe->backend, backend) &&
		    !strcmp(probe->measure, measure) && !probe->variable &&
		    (!size || probe->size == size) &&
		    (!every || probe->every == every))
			return probe;
	}
	return NULL;
}

int64_t hp_p01_value(const struct hp_probe *probe, const char *key)
{
	const char *line;
	int64_t value;

	if (!probe)
		return -1;
	line = hp_child_line(&probe->child, probe->measure);
	return line && hp_line_number(line, key, &value) ? value : -1;
}

int64_t hp_p01_memory(const struct hp_study *study, const char *backend,
		      uint32_t size, const char *stage, const char *key)
{
	const struct hp_probe *probe =
		hp_p01_probe_of(study, backend, "memory", size, 0);
	char name[32];
	int64_t value;
	size_t i;

	for (i = 0; probe && i < probe->child.n_lines; i++) {
		const char *line = probe->child.lines[i];

		if (hp_line_is(line, "memory") &&
		    hp_line_text(line, "stage", name, sizeof(name)) &&
		    !strcmp(name, stage) && hp_line_number(line, key, &value))
			return value;
	}
	return -1;
}

struct hp_spread hp_p01_threads(const struct hp_study *study,
				const char *backend, int64_t index)
{
	const struct hp_probe *probe =
		hp_p01_probe_of(study, backend, "timeline", 0, 0);
	struct hp_spread spread = { 0 };
	double *samples;
	size_t i;

	spread.median = (double)NAN;
	if (!probe)
		return spread;
	samples = ht_alloc(probe->child.n_lines + 1, sizeof(*samples));
	for (i = 0; i < probe->child.n_lines; i++) {
		const char *line = probe->child.lines[i];
		int64_t at, threads, registry, base = 1;

		if (!hp_line_is(line, "checkpoint") ||
		    !hp_line_number(line, "index", &at) || at != index ||
		    !hp_line_number(line, "threads", &threads) ||
		    !hp_line_number(line, "registry", &registry))
			continue;
		if (!spread.n || threads < spread.min)
			spread.min = threads;
		if (!spread.n || threads > spread.max)
			spread.max = threads;
		spread.disagree += registry && threads - base != registry;
		samples[spread.n++] = (double)threads;
	}
	if (spread.n)
		spread.median = ht_stats_of(samples, spread.n).median;
	free(samples);
	return spread;
}

const char *hp_p01_event(const struct hp_study *study, const char *backend,
			 int64_t index, char *name, size_t size)
{
	const struct hp_probe *probe =
		hp_p01_probe_of(study, backend, "timeline", 0, 0);
	size_t i;

	for (i = 0; probe && i < probe->child.n_lines; i++) {
		const char *line = probe->child.lines[i];
		int64_t at;

		if (hp_line_is(line, "checkpoint") &&
		    hp_line_number(line, "index", &at) && at == index &&
		    hp_line_text(line, "name", name, size))
			return name;
	}
	return NULL;
}

static void add_buckets(struct hp_histogram *histogram,
			const struct hp_child *child)
{
	int64_t ns, count;
	size_t i;

	for (i = 0; i < child->n_lines; i++)
		if (hp_line_is(child->lines[i], "bucket") &&
		    hp_line_number(child->lines[i], "ns", &ns) &&
		    hp_line_number(child->lines[i], "count", &count))
			hp_histogram_add(histogram, (uint64_t)ns,
					 (uint64_t)count);
}

struct hp_histogram *hp_p01_latency(const struct hp_study *study,
				    const char *backend)
{
	struct hp_histogram *histogram = ht_alloc(1, sizeof(*histogram));
	size_t i;

	for (i = 0; i < study->n_probes; i++)
		if (!strcmp(study->probes[i].measure, "spawn") &&
		    !strcmp(study->probes[i].backend, backend))
			add_buckets(histogram, &study->probes[i].child);
	return histogram;
}

double hp_p01_turn_p50(const struct hp_study *study, const char *backend,
		       unsigned int turn)
{
	struct hp_histogram *histogram;
	double p50;
	size_t i;

	for (i = 0; i < study->n_probes; i++)
		if (!strcmp(study->probes[i].measure, "spawn") &&
		    !strcmp(study->probes[i].backend, backend) && !turn--)
			break;
	if (i == study->n_probes)
		return (double)NAN;
	histogram = ht_alloc(1, sizeof(*histogram));
	add_buckets(histogram, &study->probes[i].child);
	p50 = hp_histogram_quantile(histogram, 0.5);
	free(histogram);
	return p50;
}

const char *hp_p01_real(const struct hp_study *study, const char *real,
			const char *model)
{
	return study->rust ? real : model;
}
