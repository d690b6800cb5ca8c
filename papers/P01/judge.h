/* SPDX-License-Identifier: BSD-2-Clause */
/* What the judges of P01 share. A figure that is missing keeps no promise. */
#ifndef HEDDLE_PAPERS_P01_JUDGE_H
#define HEDDLE_PAPERS_P01_JUDGE_H

#include <stdbool.h>

#include "tools/say.h"

struct hp_claim;
struct hp_probe;
struct hp_study;

enum {
	HP_OURS = 3
};

extern const char *const hp_ours[HP_OURS];

/* hp_claim() - begin a row of the table */
struct hp_claim *hp_claim(struct hp_study *study, const char *id,
			  const char *source, const char *text,
			  const char *evidence);

/*
 * hp_verdict() - of a claim that is heddle's own
 * @is_kept:  heddle keeps it
 * @is_shown: the same measurement saw the bad event where it is known to
 *            happen; without that it proves nothing, and the table says so
 */
void hp_verdict(struct hp_claim *claim, bool is_kept, bool is_shown);

/* hp_append() - add to a text that is built up piece by piece */
void hp_append(char **text, const char *format, ...) HT_PRINTF(2, 3);

/* hp_reason() - why a probe has no figure */
const char *hp_reason(const struct hp_probe *probe);

/* judge_threads.c */
void hp_judge_a(struct hp_study *study);
void hp_judge_b(struct hp_study *study);
void hp_judge_c(struct hp_study *study);
/* judge_cap.c */
void hp_judge_d(struct hp_study *study);
void hp_judge_e(struct hp_study *study);
/* judge_cost.c */
void hp_judge_f(struct hp_study *study);
void hp_judge_g(struct hp_study *study);
/* judge_recycle.c */
void hp_judge_h(struct hp_study *study);

#endif /* HEDDLE_PAPERS_P01_JUDGE_H */
