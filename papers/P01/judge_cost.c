/* SPDX-License-Identifier: BSD-2-Clause */
/* P01.f and P01.g: memory and time. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "papers/P01/judge.h"
#include "papers/P01/p01.h"

void hp_judge_f(struct hp_study *study)
{
	struct hp_claim *entry = hp_claim(
		study, "P01.f", "S3, about 15 % less, method not stated",
		"With 200 threads allowed and one task in flight the process "
		"has at most 0.85 of the private dirty memory of eager threads.",
		"C");
	static const char *const all[] = { "heddle-static", "policy-rayon",
					   "policy-rusty",  "glib",
					   "pthread",       "rayon",
					   "rusty_pool" };
	int64_t eager = hp_p01_memory(study, "policy-rayon", HP_P01_SIZE,
				      "flight", "dirty_kib");
	int64_t own = hp_p01_memory(study, "heddle-elastic", HP_P01_SIZE,
				    "flight", "dirty_kib");
	double ratio = own > 0 && eager > 0 ? (double)own / (double)eager
					    : (double)NAN;
	size_t i;

	hp_append(&entry->ours,
		  "heddle-elastic %" PRId64 " KiB, ratio %.2f (RSS %" PRId64
		  " KiB, virtual %" PRId64 " KiB, %" PRId64 " threads)",
		  own, ratio,
		  hp_p01_memory(study, "heddle-elastic", HP_P01_SIZE, "flight",
				"rss_kib"),
		  hp_p01_memory(study, "heddle-elastic", HP_P01_SIZE, "flight",
				"vsz_kib"),
		  hp_p01_memory(study, "heddle-elastic", HP_P01_SIZE, "flight",
				"threads"));
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		int64_t kib = hp_p01_memory(study, all[i], HP_P01_SIZE,
					    "flight", "dirty_kib");

		if (kib >= 0)
			hp_append(i ? &entry->baselines : &entry->ours,
				  "%s %" PRId64 " KiB, %" PRId64 " threads",
				  all[i], kib,
				  hp_p01_memory(study, all[i], HP_P01_SIZE,
						"flight", "threads"));
	}
	entry->control = "the whole curve: mem_vs_cap.csv";
	entry->verdict = isnan(ratio)    ? HP_INCONCLUSIVE
			 : ratio <= 0.85 ? HP_REPRODUCED
			 : ratio < 1     ? HP_SHAPE
					 : HP_REFUTED_HERE;
}

static void append_latency(char **text, const struct hp_study *study,
			   const char *name, double *p50, double *tail)
{
	struct hp_histogram *all = hp_p01_latency(study, name);

	*p50 = hp_histogram_quantile(all, 0.5);
	*tail = hp_histogram_quantile(all, 0.999) / *p50;
	if (all->total)
		hp_append(text,
			  "%s: p50 %.1f, p99 %.1f, p99.9 %.1f us (n = %" PRIu64
			  ")",
			  name, *p50 / 1e3,
			  hp_histogram_quantile(all, 0.99) / 1e3,
			  hp_histogram_quantile(all, 0.999) / 1e3, all->total);
	free(all);
}

/* The smallest and the largest ratio of two back ends' turns. */
static void turn_ratios(const struct hp_study *study, double *low, double *high)
{
	unsigned int turn;

	*low = *high = (double)NAN;
	for (turn = 0; turn < HP_P01_TURNS; turn++) {
		double ratio = hp_p01_turn_p50(study, "pthread", turn) /
			       hp_p01_turn_p50(study, "heddle-guest", turn);

		if (!(ratio >= *low))
			*low = ratio;
		if (!(ratio <= *high))
			*high = ratio;
	}
}

void hp_judge_g(struct hp_study *study)
{
	struct hp_claim *entry = hp_claim(
		study, "P01.g", "S5, no figure stated",
		"Spawn and join of an empty guest thread: the median is 5 times "
		"below a thread's, and p99.9/p50 is not above rusty_pool's.",
		"T");
	static const char *const others[] = { "pthread", "policy-rusty",
					      "rusty_pool", "rayon" };
	double p50[4], tail[4], own, own_tail, low, high, task, task_tail;
	const char *peer = hp_p01_real(study, "rusty_pool", "policy-rusty");
	double peer_tail = (double)NAN;
	bool tail_holds;
	size_t i;

	append_latency(&entry->ours, study, "heddle-guest", &own, &own_tail);
	append_latency(&entry->ours, study, "heddle-elastic", &task,
		       &task_tail);
	for (i = 0; i < 4; i++) {
		append_latency(&entry->baselines, study, others[i], &p50[i],
			       &tail[i]);
		if (!strcmp(others[i], peer))
			peer_tail = tail[i];
	}
	turn_ratios(study, &low, &high);
	tail_holds = own_tail <= peer_tail;
	hp_append(&entry->ours,
		  "pthread/heddle-guest at p50: %.1f (turns %.1f to %.1f), "
		  "p99.9/p50 %.1f against %.1f of %s and %.1f of policy-rusty",
		  p50[0] / own, low, high, own_tail, peer_tail, peer, tail[1]);
	entry->control = "a back end's turns are interleaved with the others'";
	if (isnan(low) || isnan(own_tail))
		entry->verdict = HP_INCONCLUSIVE;
	else if (low >= 5)
		entry->verdict = tail_holds ? HP_REPRODUCED : HP_SHAPE;
	else if (high >= 5)
		entry->verdict = HP_INCONCLUSIVE;
	else
		entry->verdict = low > 1 ? HP_SHAPE : HP_REFUTED_HERE;
}
