/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The musts: which are missed, and which could not be judged because a peer or a figure
 * is not there. One is missed when the median and its better quartile both miss it.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/core.h"
#include "tools/say.h"
#include "tools/stats.h"

enum {
	/* Below this a percentile of 99.9 is a matter of luck. */
	SAMPLES_LEAST = 20000
};

static bool is_kept(const struct hb_must *must, double value)
{
	return must->is_least ? value >= must->limit : value <= must->limit;
}

static struct hb_verdict unjudged(char *text)
{
	return (struct hb_verdict){
		.median = NAN,
		.better = NAN,
		.text = text,
	};
}

static struct hb_verdict judge_values(const struct hb_must *must,
				      double *values, size_t n,
				      const char *base)
{
	struct ht_stats stats;
	struct hb_verdict verdict = { .is_judged = true };

	if (!n)
		return unjudged(ht_text("no round of it counts%s%s",
					base ? " together with one of " : "",
					base ? base : ""));
	stats = ht_stats_of(values, n);
	verdict.median = stats.median;
	verdict.better = must->is_least ? stats.q3 : stats.q1;
	if (must->is_every)
		verdict.median = verdict.better = must->is_least ? stats.min
								 : stats.max;
	verdict.is_missed = !is_kept(must, verdict.better);
	verdict.text = ht_text("%.3g%s%s, better quartile %.3g, wanted %s %.3g",
			       verdict.median, base ? " of " : "",
			       base ? base : "", verdict.better,
			       must->is_least ? "at least" : "at most",
			       must->limit);
	return verdict;
}

static struct hb_verdict judge_pooled(const struct hb_bench *bench,
				      const struct hb_must *must,
				      struct hb_cell cell, struct hb_cell base,
				      const struct hb_metric *metric)
{
	size_t n, m;
	double ours = hb_pooled(bench, cell, metric, &n);
	double theirs = hb_pooled(bench, base, metric, &m);
	double ratio = ours / theirs;

	if (n < SAMPLES_LEAST || m < SAMPLES_LEAST)
		return unjudged(
			ht_text("%zu and %zu samples of %d on each side", n, m,
				SAMPLES_LEAST));
	return judge_values(must, &ratio, 1, bench->entries[base.entry].name);
}

/*
 * The packaged peer with the best median, of those whose figures are of the same kind;
 * SIZE_MAX when there is none.
 */
static size_t best_packaged(const struct hb_bench *bench, struct hb_cell cell,
			    size_t metric, double *scratch)
{
	bool is_high = hb_workloads[cell.workload].metrics[metric].is_high;
	double best = NAN;
	size_t i, n, at = SIZE_MAX;

	for (i = 0; i < bench->n_entries; i++) {
		double median;

		cell.entry = i;
		n = hb_values(bench, cell, metric, scratch);
		if (!bench->entries[i].is_packaged || !n ||
		    hb_remark(bench->entries[i].name,
			      hb_workloads[cell.workload].id))
			continue;
		median = ht_stats_of(scratch, n).median;
		if (at == SIZE_MAX ||
		    (is_high ? median > best : median < best)) {
			best = median;
			at = i;
		}
	}
	return at;
}

/* Why a peer has no figures at a point; free() it. */
static char *reason_of(const struct hb_bench *bench, struct hb_cell cell)
{
	size_t i;

	for (i = 0; i < bench->n_missing; i++) {
		const struct hb_missing *m = &bench->missing[i];

		if (m->workload == cell.workload && m->point == cell.point &&
		    m->entry == cell.entry)
			return ht_text("%s: %s",
				       bench->entries[cell.entry].name,
				       m->reason);
	}
	return ht_text("%s has no rounds", bench->entries[cell.entry].name);
}

/* "PEER", or "PEER@POINT" for another point of the workload. */
static struct hb_cell base_of(const struct hb_bench *bench, struct hb_cell cell,
			      const char *text)
{
	const char *at = strchr(text, '@');
	char *name = ht_text("%.*s", (int)strcspn(text, "@"), text);

	cell.entry = hb_entry_named(bench, name);
	if (at)
		cell.point =
			hb_point_named(&hb_workloads[cell.workload], at + 1);
	free(name);
	return cell;
}

static struct hb_verdict judge_cell(const struct hb_bench *bench,
				    const struct hb_must *must,
				    struct hb_cell cell, size_t metric,
				    double *scratch)
{
	const struct hb_workload *workload = &hb_workloads[cell.workload];
	struct hb_cell base = cell;
	const char *name = must->base;
	size_t tainted;

	if (must->against == HB_LIMIT)
		return judge_values(must, scratch,
				    hb_values(bench, cell, metric, scratch),
				    NULL);
	if (must->against == HB_POINT) {
		base.point = hb_point_named(workload, must->base);
	} else {
		if (must->against == HB_PEER)
			base = base_of(bench, cell, must->base);
		else
			base.entry =
				best_packaged(bench, cell, metric, scratch);
		if (base.entry == SIZE_MAX)
			return unjudged(
				ht_text("%s is absent",
					name ? name : "every packaged peer"));
		name = bench->entries[base.entry].name;
	}
	if (base.point == SIZE_MAX)
		return unjudged(ht_text("there is no point '%s'", name));
	if (!hb_rounds(bench, base, &tainted))
		return unjudged(reason_of(bench, base));
	if (workload->metrics[metric].is_pooled)
		return judge_pooled(bench, must, cell, base,
				    &workload->metrics[metric]);
	return judge_values(must, scratch,
			    hb_ratios(bench, cell, base, metric, scratch),
			    name);
}

struct hb_verdict hb_judge(const struct hb_bench *bench,
			   const struct hb_must *must)
{
	size_t workload = hb_workload_named(must->workload), metric, tainted;
	struct hb_verdict verdict;
	struct hb_cell cell;
	double *scratch;

	cell.workload = workload;
	cell.point = hb_point_named(&hb_workloads[workload], must->point);
	cell.entry = hb_entry_named(bench, must->peer);
	metric = hb_metric_named(&hb_workloads[workload], must->metric);
	if (cell.entry == SIZE_MAX)
		return unjudged(ht_text("%s is absent", must->peer));
	if (!hb_rounds(bench, cell, &tainted))
		return unjudged(reason_of(bench, cell));
	scratch = ht_alloc(bench->n_done + 1, sizeof(*scratch));
	verdict = judge_cell(bench, must, cell, metric, scratch);
	free(scratch);
	return verdict;
}

int hb_check(const struct hb_bench *bench, const struct hb_must *musts,
	     size_t n_musts)
{
	size_t i, missed = 0, judged = 0, left = 0;

	for (i = 0; i < n_musts; i++) {
		const struct hb_must *must = &musts[i];
		struct hb_verdict verdict;

		if (!bench->is_chosen[hb_workload_named(must->workload)])
			continue;
		verdict = hb_judge(bench, must);
		if (!verdict.is_judged || verdict.is_missed)
			ht_say("%s: %s %s %s %s: %s",
			       verdict.is_judged ? "missed" : "not judged",
			       must->workload, must->point, must->metric,
			       must->peer, verdict.text);
		missed += verdict.is_missed;
		judged += verdict.is_judged;
		left += !verdict.is_judged;
		free(verdict.text);
	}
	ht_say("musts: %zu kept, %zu missed, %zu not judged", judged - missed,
	       missed, left);
	return missed ? HT_MISSED : HT_OK;
}
