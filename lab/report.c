/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lab/report.h"
#include "lab/trace.h"

static const char *const verdicts[] = { "passed", "FAILED", "found",
					"NOT-FOUND" };

static const char *const cut_names[] = { "null", "\"seconds\"", "\"runs\"" };

static const struct lab_result *failure(const struct lab_phase *phases,
					unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (phases[i].result.failed)
			return &phases[i].result;
	return NULL;
}

enum lab_verdict lab_verdict_of(const struct lab_scenario *scenario,
				const struct lab_phase *phases, unsigned int n)
{
	const struct lab_result *f = failure(phases, n);

	if (!scenario->fails)
		return f ? LAB_FAILED : LAB_PASSED;
	if (!f)
		return LAB_NOT_FOUND;
	return strstr(f->message, scenario->fails) ||
			       strstr(f->kind, scenario->fails)
		       ? LAB_FOUND
		       : LAB_FAILED;
}

static void strategy_text(char *to, size_t size, const struct lab_options *o)
{
	int n;

	switch (o->strategy) {
	case LAB_DFS:
		n = o->bound < 0 ? snprintf(to, size, "dfs any")
				 : snprintf(to, size, "dfs bound=%d", o->bound);
		if (o->old_max >= 0)
			snprintf(to + n, size - (size_t)n, " old=%d",
				 o->old_max);
		break;
	case LAB_PCT:
		snprintf(to, size, "pct depth=%d", o->depth);
		break;
	case LAB_RANDOM:
		snprintf(to, size, "random");
		break;
	case LAB_REPLAY:
		snprintf(to, size, "replay");
		break;
	}
}

enum lab_cut lab_cut(const struct lab_phase *phase)
{
	const struct lab_options *o = &phase->options;
	const struct lab_result *r = &phase->result;

	if (r->complete || r->failed || o->strategy == LAB_REPLAY)
		return LAB_NOT_CUT;
	if (!o->runs_max || r->executions < o->runs_max)
		return LAB_CUT_BY_TIME;
	/* Chance has no other end than the number of its runs. */
	return o->strategy == LAB_DFS ? LAB_CUT_BY_RUNS : LAB_NOT_CUT;
}

static void print_end(FILE *to, const struct lab_phase *phase)
{
	switch (lab_cut(phase)) {
	case LAB_NOT_CUT:
		fputs(phase->result.complete ? " complete\n" : "\n", to);
		return;
	case LAB_CUT_BY_TIME:
		fprintf(to, " not complete: %g s were over\n",
			phase->options.seconds_max);
		return;
	case LAB_CUT_BY_RUNS:
		fprintf(to, " not complete: %" PRIu64 " runs were over\n",
			phase->options.runs_max);
	}
}

static double rate(const struct lab_result *r)
{
	return r->seconds > 0
		       ? (double)(r->executions + r->redundant) / r->seconds
		       : 0;
}

static void print_failure(FILE *to, const struct lab_scenario *scenario,
			  const struct lab_result *f, unsigned int rows)
{
	char *text = lab_trace_expand(f->message);

	fprintf(to, "  %s: %s\n", f->kind, text);
	free(text);
	if (!f->replay || f->unfit)
		return;
	lab_trace_print(to, rows);
	fprintf(to, "  heddle explore replay %s %s\n", scenario->name,
		*f->replay ? f->replay : "0");
}

void lab_report_text(FILE *to, const struct lab_scenario *scenario,
		     const struct lab_phase *phases, unsigned int n,
		     unsigned int rows)
{
	enum lab_verdict verdict = lab_verdict_of(scenario, phases, n);
	const struct lab_result *f = failure(phases, n);

	for (unsigned int i = 0; i < n; i++) {
		const struct lab_result *r = &phases[i].result;
		char strategy[48];

		strategy_text(strategy, sizeof(strategy), &phases[i].options);
		fprintf(to,
			"%-9s %-26s %-18s executions=%" PRIu64
			" redundant=%" PRIu64
			" steps=%.1f seconds=%.3f rate=%.0f/s",
			verdicts[verdict], scenario->name, strategy,
			r->executions, r->redundant,
			(double)r->steps /
				(double)(r->executions + r->redundant +
					 !(r->executions + r->redundant)),
			r->seconds, rate(r));
		print_end(to, &phases[i]);
	}
	if (verdict == LAB_FAILED && f)
		print_failure(to, scenario, f, rows);
}

void lab_json_string(FILE *to, const char *text)
{
	fputc('"', to);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', to);
		if ((unsigned char)*text < ' ')
			fprintf(to, "\\u%04x", (unsigned int)*text);
		else
			fputc(*text, to);
	}
	fputc('"', to);
}

void lab_report_json(FILE *to, const struct lab_scenario *scenario,
		     const struct lab_phase *phases, unsigned int n)
{
	const struct lab_result *f = failure(phases, n);

	fprintf(to, "{\"scenario\": ");
	lab_json_string(to, scenario->name);
	fprintf(to, ", \"claim\": ");
	lab_json_string(to, scenario->claim);
	fprintf(to, ", \"verdict\": \"%s\", \"phases\": [",
		verdicts[lab_verdict_of(scenario, phases, n)]);
	for (unsigned int i = 0; i < n; i++) {
		const struct lab_result *r = &phases[i].result;
		char strategy[48];

		strategy_text(strategy, sizeof(strategy), &phases[i].options);
		fprintf(to,
			"%s{\"strategy\": \"%s\", \"executions\": %" PRIu64
			", \"redundant\": %" PRIu64 ", \"steps\": %" PRIu64
			", \"seconds\": %.6f, \"complete\": %s"
			", \"cut_by\": %s}",
			i ? ", " : "", strategy, r->executions, r->redundant,
			r->steps, r->seconds, r->complete ? "true" : "false",
			cut_names[lab_cut(&phases[i])]);
	}
	fprintf(to, "]");
	if (f) {
		char *text = lab_trace_expand(f->message);

		fprintf(to, ", \"kind\": ");
		lab_json_string(to, f->kind);
		fprintf(to, ", \"message\": ");
		lab_json_string(to, text);
		fprintf(to, ", \"replay\": ");
		lab_json_string(to, f->replay ? f->replay : "");
		free(text);
	}
	fprintf(to, "}");
}
