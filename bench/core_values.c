/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the rounds say. A ratio is taken round by round, since the peers of one round ran
 * under the same conditions; its median and quartiles are those of these ratios. A round
 * that is tainted counts nowhere.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/core.h"
#include "tools/say.h"
#include "tools/stats.h"

size_t hb_workload_named(const char *id)
{
	size_t i;

	for (i = 0; i < hb_n_workloads; i++)
		if (!strcmp(hb_workloads[i].id, id))
			return i;
	return SIZE_MAX;
}

size_t hb_point_named(const struct hb_workload *workload, const char *name)
{
	size_t i;

	for (i = 0; workload->points[i].name; i++)
		if (!strcmp(workload->points[i].name, name))
			return i;
	return SIZE_MAX;
}

size_t hb_metric_named(const struct hb_workload *workload, const char *key)
{
	size_t i;

	for (i = 0; workload->metrics[i].key; i++)
		if (!strcmp(workload->metrics[i].key, key))
			return i;
	return SIZE_MAX;
}

static bool is_of(const struct hb_done *done, struct hb_cell cell)
{
	return done->workload == cell.workload && done->point == cell.point &&
	       done->entry == cell.entry;
}

static bool counts(const struct hb_bench *bench, const struct hb_done *done)
{
	return bench->keeps_tainted || !done->look.is_tainted;
}

size_t hb_rounds(const struct hb_bench *bench, struct hb_cell cell,
		 size_t *tainted)
{
	size_t i, n = 0;

	*tainted = 0;
	for (i = 0; i < bench->n_done; i++)
		if (is_of(&bench->done[i], cell)) {
			n++;
			*tainted += bench->done[i].look.is_tainted;
		}
	return n;
}

size_t hb_values(const struct hb_bench *bench, struct hb_cell cell,
		 size_t metric, double *out)
{
	size_t i, n = 0;

	for (i = 0; i < bench->n_done; i++) {
		const struct hb_done *done = &bench->done[i];

		if (is_of(done, cell) && counts(bench, done) &&
		    !isnan(done->values[metric]))
			out[n++] = done->values[metric];
	}
	return n;
}

/* The same round of another cell. */
static const struct hb_done *beside(const struct hb_bench *bench,
				    struct hb_cell cell, uint64_t number)
{
	size_t i;

	for (i = 0; i < bench->n_done; i++)
		if (is_of(&bench->done[i], cell) &&
		    bench->done[i].number == number)
			return &bench->done[i];
	return NULL;
}

size_t hb_ratios(const struct hb_bench *bench, struct hb_cell cell,
		 struct hb_cell base, size_t metric, double *out)
{
	size_t i, n = 0;

	for (i = 0; i < bench->n_done; i++) {
		const struct hb_done *done = &bench->done[i], *other;
		double ratio;

		if (!is_of(done, cell) || !counts(bench, done))
			continue;
		other = beside(bench, base, done->number);
		if (!other || !counts(bench, other))
			continue;
		ratio = done->values[metric] / other->values[metric];
		if (isfinite(ratio))
			out[n++] = ratio;
	}
	return n;
}

double hb_pooled(const struct hb_bench *bench, struct hb_cell cell,
		 const struct hb_metric *metric, size_t *n)
{
	double *all = NULL, value;
	size_t i, k, count = 0, room = 0;

	for (i = 0; i < bench->n_done; i++)
		if (is_of(&bench->done[i], cell) &&
		    counts(bench, &bench->done[i]))
			room += bench->done[i].samples.n;
	*n = room;
	if (!room)
		return NAN;
	all = ht_alloc(room, sizeof(*all));
	for (i = 0; i < bench->n_done; i++) {
		const struct hb_done *done = &bench->done[i];

		if (!is_of(done, cell) || !counts(bench, done))
			continue;
		for (k = 0; k < done->samples.n; k++)
			all[count++] = done->samples.value[metric->from - 1][k];
	}
	ht_sort(all, count);
	value = ht_percentile(all, count, metric->percent);
	free(all);
	return value;
}

static bool has_rounds(const struct hb_bench *bench, size_t workload,
		       size_t entry)
{
	size_t i;

	for (i = 0; i < bench->n_done; i++)
		if (bench->done[i].workload == workload &&
		    bench->done[i].entry == entry)
			return true;
	return false;
}

size_t hb_base(const struct hb_bench *bench, size_t workload)
{
	const char *const names[] = { bench->base ? bench->base
						  : hb_workloads[workload].base,
				      "mutex" };
	size_t i, entry;

	for (i = 0; i < 2; i++) {
		entry = hb_entry_named(bench, names[i]);
		if (entry != SIZE_MAX && has_rounds(bench, workload, entry))
			return entry;
	}
	return SIZE_MAX;
}
