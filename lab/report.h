/* SPDX-License-Identifier: BSD-2-Clause */
/* What came out, for people and for programs. */
#ifndef HEDDLE_LAB_REPORT_H
#define HEDDLE_LAB_REPORT_H

#include <stdio.h>

#include "lab/engine.h"

/* One way in which a scenario was explored, and what it gave. */
struct lab_phase {
	struct lab_options options;
	struct lab_result result;
};

/* What the phases of a scenario mean together. */
enum lab_verdict {
	LAB_PASSED,
	LAB_FAILED,
	LAB_FOUND,     /* it must fail, and does */
	LAB_NOT_FOUND, /* it must fail, and does not */
};

enum lab_verdict lab_verdict_of(const struct lab_scenario *scenario,
				const struct lab_phase *phases, unsigned int n);

/* What ended a search before it was through. */
enum lab_cut {
	LAB_NOT_CUT, /* complete, failed, or as many runs of chance as wanted */
	LAB_CUT_BY_TIME,
	LAB_CUT_BY_RUNS,
};

enum lab_cut lab_cut(const struct lab_phase *phase);

/* rows: of the interleaving, 0: all. */
void lab_report_text(FILE *to, const struct lab_scenario *scenario,
		     const struct lab_phase *phases, unsigned int n,
		     unsigned int rows);
void lab_report_json(FILE *to, const struct lab_scenario *scenario,
		     const struct lab_phase *phases, unsigned int n);

/* A string as JSON has it, with its quotes. */
void lab_json_string(FILE *to, const char *text);

#endif /* HEDDLE_LAB_REPORT_H */
