/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of P01's driver share: plan, look-ups, judging, figures. */
#ifndef HEDDLE_PAPERS_P01_P01_H
#define HEDDLE_PAPERS_P01_P01_H

#include <stdbool.h>
#include <stdint.h>

#include "papers/histogram.h"
#include "papers/study.h"

enum {
	/* The least number of threads Wasmer sets. */
	HP_P01_SIZE = 200,
	/* Interleaved turns of each back end where times are compared. */
	HP_P01_TURNS = 5
};

/* plan.c */
int hp_p01_measure(struct hp_study *study);

/* judge.c, judge_article.c */
void hp_p01_judge(struct hp_study *study);
void hp_p01_judge_article(struct hp_study *study);

/* figures.c */
int hp_p01_figures(const struct hp_study *study, struct ht_results *results);

/* look.c: look-ups in what was measured. */

/* 0 for size and every: any. NULL when there is no such probe. */
const struct hp_probe *hp_p01_probe_of(const struct hp_study *study,
				       const char *backend, const char *measure,
				       uint32_t size, uint64_t every);

/*
 * hp_p01_value() - a number of the line that bears the measure's name
 *
 * Return: -1 when the probe, the line or the key is missing.
 */
int64_t hp_p01_value(const struct hp_probe *probe, const char *key);

/* hp_p01_memory() - of one stage, -1 when it is missing */
int64_t hp_p01_memory(const struct hp_study *study, const char *backend,
		      uint32_t size, const char *stage, const char *key);

/*
 * struct hp_spread - threads at a checkpoint over the rounds of a timeline
 */
struct hp_spread {
	uint64_t n;
	int64_t min;
	int64_t max;
	double median;
	int64_t disagree; /* rounds in which the pool counts other threads */
};

struct hp_spread hp_p01_threads(const struct hp_study *study,
				const char *backend, int64_t index);

/* hp_p01_event() - name of a checkpoint, NULL behind the last one */
const char *hp_p01_event(const struct hp_study *study, const char *backend,
			 int64_t index, char *name, size_t size);

/* hp_p01_latency() - all turns of a back end added up; free() it */
struct hp_histogram *hp_p01_latency(const struct hp_study *study,
				    const char *backend);

/* hp_p01_turn_p50() - of the turn-th spawn probe of a back end, NaN if none */
double hp_p01_turn_p50(const struct hp_study *study, const char *backend,
		       unsigned int turn);

/* hp_p01_real() - the real pool's name if it was measured, else the model's */
const char *hp_p01_real(const struct hp_study *study, const char *real,
			const char *model);

#endif /* HEDDLE_PAPERS_P01_P01_H */
