/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one run of one paper found: the probes that ran, the claims and how
 * they were judged, and the files all papers have in common. A paper fills it;
 * the command prints and stores it.
 */
#ifndef HEDDLE_PAPERS_STUDY_H
#define HEDDLE_PAPERS_STUDY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "papers/child.h"
#include "tools/progress.h"

struct ht_results;

enum hp_verdict {
	HP_REPRODUCED,
	HP_SHAPE,
	HP_SIMULATED,
	HP_REFUTED_HERE,
	HP_INCONCLUSIVE,
	HP_NOT_APPLICABLE,
};

/**
 * struct hp_claim - a claim, what was found, and the verdict
 * @id:        "P01.a"
 * @source:    who says so
 * @text:      the claim as it was stated
 * @ours:      our figure, a sentence; from ht_text()
 * @baselines: the others' figures; from ht_text()
 * @control:   "shown", or why the baselines' bad events were not seen
 * @evidence:  T time, C count, M model, S simulation
 * @is_judged: whether the exit status depends on it
 * @is_kept:   whether heddle keeps what it promises by it
 */
struct hp_claim {
	const char *id;
	const char *source;
	const char *text;
	char *ours;
	char *baselines;
	const char *control;
	const char *evidence;
	enum hp_verdict verdict;
	bool is_judged;
	bool is_kept;
};

/* One probe: whom it asked, for what, and the answer. */
struct hp_probe {
	const char *backend;
	const char *measure;
	uint32_t size;
	uint64_t count;
	uint64_t every;
	const char *variable; /* of the environment, or NULL */
	struct hp_child child;
};

struct hp_version {
	char *name;
	char *version;
};

struct hp_study {
	const char *id;
	const char *title;
	const char *tier; /* "quick" or "full" */
	uint64_t seed;
	double seconds;
	char *rust; /* path of the opponent, NULL when it is not there */
	char *rust_reason;
	struct hp_probe *probes;
	size_t n_probes;
	struct hp_claim *claims;
	size_t n_claims;
	struct hp_version *versions;
	size_t n_versions;
	struct ht_progress progress;
};

struct hp_claim *hp_study_claim(struct hp_study *study);
void hp_study_version(struct hp_study *study, const char *name,
		      const char *version);
void hp_study_free(struct hp_study *study);

/* hp_study_counts() - what the tier means for the counts, a sentence */
const char *hp_study_counts(const struct hp_study *study);
const char *hp_verdict_name(enum hp_verdict verdict);

/* hp_study_missed() - the first judged claim that heddle does not keep */
const struct hp_claim *hp_study_missed(const struct hp_study *study);

/* The files of every paper: claims.md, .txt, .csv; results.json; environment */
void hp_study_text(const struct hp_study *study, FILE *out);
void hp_study_markdown(const struct hp_study *study, FILE *out);
void hp_study_csv(const struct hp_study *study, FILE *out);
void hp_study_json(const struct hp_study *study, FILE *out);
void hp_study_environment(const struct hp_study *study, FILE *out);

#endif /* HEDDLE_PAPERS_STUDY_H */
