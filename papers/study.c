/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of claims in its forms, and everything else as JSON. */
#include "papers/study.h"

#include <stdlib.h>
#include <string.h>

#include "tools/json.h"
#include "tools/machine.h"
#include "tools/out.h"
#include "tools/say.h"

struct hp_claim *hp_study_claim(struct hp_study *study)
{
	struct hp_claim *claim;

	study->claims =
		ht_grow(study->claims, study->n_claims, sizeof(*study->claims));
	claim = &study->claims[study->n_claims++];
	memset(claim, 0, sizeof(*claim));
	claim->control = "";
	claim->evidence = "";
	return claim;
}

void hp_study_version(struct hp_study *study, const char *name,
		      const char *version)
{
	struct hp_version *entry;

	study->versions = ht_grow(study->versions, study->n_versions,
				  sizeof(*study->versions));
	entry = &study->versions[study->n_versions++];
	entry->name = ht_text("%s", name);
	entry->version = ht_text("%s", version);
}

void hp_study_free(struct hp_study *study)
{
	size_t i;

	for (i = 0; i < study->n_probes; i++)
		hp_child_free(&study->probes[i].child);
	for (i = 0; i < study->n_claims; i++) {
		free(study->claims[i].ours);
		free(study->claims[i].baselines);
	}
	for (i = 0; i < study->n_versions; i++) {
		free(study->versions[i].name);
		free(study->versions[i].version);
	}
	free(study->probes);
	free(study->claims);
	free(study->versions);
	free(study->rust);
	free(study->rust_reason);
}

const char *hp_study_counts(const struct hp_study *study)
{
	return strcmp(study->tier, "full")
		       ? "quick: a tenth of the counts of the claims"
		       : "full: the counts of the claims";
}

const char *hp_verdict_name(enum hp_verdict verdict)
{
	switch (verdict) {
	case HP_REPRODUCED:
		return "REPRODUCED";
	case HP_SHAPE:
		return "SHAPE";
	case HP_SIMULATED:
		return "SIMULATED";
	case HP_REFUTED_HERE:
		return "REFUTED-HERE";
	case HP_INCONCLUSIVE:
		return "INCONCLUSIVE";
	case HP_NOT_APPLICABLE:
		return "N/A";
	}
	return "unknown";
}

const struct hp_claim *hp_study_missed(const struct hp_study *study)
{
	size_t i;

	for (i = 0; i < study->n_claims; i++)
		if (study->claims[i].is_judged && !study->claims[i].is_kept)
			return &study->claims[i];
	return NULL;
}

/* Words of a text below each other, indented, at most 79 columns wide. */
static void wrap(FILE *out, const char *label, const char *text)
{
	const size_t indent = 13;
	size_t column = indent;

	if (!text || !*text)
		return;
	fprintf(out, "  %-10s ", label);
	while (*text) {
		size_t length = strcspn(text, " ");

		if (column > indent && column + 1 + length > 79) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			fputc(' ', out);
			column++;
		}
		fwrite(text, 1, length, out);
		column += length;
		text += length;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

static const char *kept(const struct hp_claim *claim)
{
	if (!claim->is_judged)
		return "not judged";
	return claim->is_kept ? "yes" : "NO";
}

void hp_study_text(const struct hp_study *study, FILE *out)
{
	size_t i;

	fprintf(out, "%s  %s\n%s; seed %llu; %.0f s\n\n", study->id,
		study->title, hp_study_counts(study),
		(unsigned long long)study->seed, study->seconds);
	for (i = 0; i < study->n_claims; i++) {
		const struct hp_claim *claim = &study->claims[i];

		fprintf(out, "%s  %s\n", claim->id,
			hp_verdict_name(claim->verdict));
		wrap(out, "claim", claim->text);
		wrap(out, "source", claim->source);
		wrap(out, "heddle", claim->ours);
		wrap(out, "others", claim->baselines);
		wrap(out, "control", claim->control);
		wrap(out, "evidence", claim->evidence);
		wrap(out, "kept", kept(claim));
		fputc('\n', out);
	}
}

/* A cell of a Markdown table: no bar and no line break in it. */
static void cell(FILE *out, const char *text)
{
	fputs(" ", out);
	for (; text && *text; text++)
		fputc(*text == '|' || *text == '\n' ? '/' : *text, out);
	fputs(" |", out);
}

void hp_study_markdown(const struct hp_study *study, FILE *out)
{
	size_t i;

	fprintf(out,
		"| id | claim as stated | source | heddle here | others here | "
		"control | verdict | evidence | kept |\n"
		"|---|---|---|---|---|---|---|---|---|\n");
	for (i = 0; i < study->n_claims; i++) {
		const struct hp_claim *claim = &study->claims[i];

		fputc('|', out);
		cell(out, claim->id);
		cell(out, claim->text);
		cell(out, claim->source);
		cell(out, claim->ours);
		cell(out, claim->baselines);
		cell(out, claim->control);
		cell(out, hp_verdict_name(claim->verdict));
		cell(out, claim->evidence);
		cell(out, kept(claim));
		fputc('\n', out);
	}
}

static struct ht_table *claims_table(const struct hp_study *study)
{
	static const struct ht_column columns[] = {
		{ "id", HT_STRING, NULL, 0 },
		{ "claim", HT_STRING, NULL, 0 },
		{ "source", HT_STRING, NULL, 0 },
		{ "heddle", HT_STRING, NULL, 0 },
		{ "others", HT_STRING, NULL, 0 },
		{ "control", HT_STRING, NULL, 0 },
		{ "verdict", HT_STRING, NULL, 0 },
		{ "evidence", HT_STRING, NULL, 0 },
		{ "kept", HT_STRING, NULL, 0 },
	};
	struct ht_table *table = ht_table_new(
		"claims", columns, sizeof(columns) / sizeof(columns[0]));
	size_t i;

	for (i = 0; i < study->n_claims; i++) {
		const struct hp_claim *claim = &study->claims[i];

		ht_table_row(table);
		ht_table_string(table, claim->id);
		ht_table_string(table, claim->text);
		ht_table_string(table, claim->source);
		ht_table_string(table, claim->ours ? claim->ours : "");
		ht_table_string(table,
				claim->baselines ? claim->baselines : "");
		ht_table_string(table, claim->control);
		ht_table_string(table, hp_verdict_name(claim->verdict));
		ht_table_string(table, claim->evidence);
		ht_table_string(table, kept(claim));
	}
	return table;
}

void hp_study_csv(const struct hp_study *study, FILE *out)
{
	struct ht_table *table = claims_table(study);

	ht_table_print(table, HT_CSV, out);
	ht_table_free(table);
}

/* "word key=value ..." as an object; numbers as numbers where they are some. */
static void line_json(struct ht_json *json, const char *line)
{
	char *copy = ht_text("%s", line);
	char *rest = NULL;
	char *word = strtok_r(copy, " ", &rest);
	char *value, *end;

	ht_json_object(json, NULL);
	ht_json_string(json, "word", word ? word : "");
	while ((word = strtok_r(NULL, " ", &rest))) {
		long long number;

		value = strchr(word, '=');
		if (!value)
			continue;
		*value++ = '\0';
		number = strtoll(value, &end, 10);
		if (end != value && !*end)
			ht_json_integer(json, word, number);
		else
			ht_json_string(json, word, value);
	}
	ht_json_end(json);
	free(copy);
}

static void probe_json(struct ht_json *json, const struct hp_probe *probe)
{
	size_t i;

	ht_json_object(json, NULL);
	ht_json_string(json, "backend", probe->backend);
	ht_json_string(json, "measure", probe->measure);
	ht_json_unsigned(json, "size", probe->size);
	ht_json_unsigned(json, "count", probe->count);
	if (probe->every)
		ht_json_unsigned(json, "every", probe->every);
	if (probe->variable)
		ht_json_string(json, "variable", probe->variable);
	ht_json_string(json, "outcome",
		       hp_child_outcome_name(probe->child.outcome));
	if (probe->child.reason)
		ht_json_string(json, "reason", probe->child.reason);
	ht_json_real(json, "seconds", probe->child.seconds);
	ht_json_array(json, "lines");
	for (i = 0; i < probe->child.n_lines; i++)
		if (strcmp(probe->child.lines[i], "end"))
			line_json(json, probe->child.lines[i]);
	ht_json_end(json);
	ht_json_end(json);
}

void hp_study_json(const struct hp_study *study, FILE *out)
{
	const struct hp_claim *missed = hp_study_missed(study);
	struct ht_table *table = claims_table(study);
	struct ht_machine *machine = ht_machine_capture();
	struct ht_json json;
	size_t i;

	ht_json_start(&json, out);
	ht_json_string(&json, "paper", study->id);
	ht_json_string(&json, "title", study->title);
	ht_json_string(&json, "tier", study->tier);
	ht_json_unsigned(&json, "seed", study->seed);
	ht_json_real(&json, "seconds", study->seconds);
	ht_json_bool(&json, "kept", !missed);
	if (missed)
		ht_json_string(&json, "missed", missed->id);
	ht_table_json(table, &json, "claims");
	ht_json_object(&json, "versions");
	for (i = 0; i < study->n_versions; i++)
		ht_json_string(&json, study->versions[i].name,
			       study->versions[i].version);
	ht_json_end(&json);
	if (study->rust_reason)
		ht_json_string(&json, "rust_absent", study->rust_reason);
	ht_json_array(&json, "probes");
	for (i = 0; i < study->n_probes; i++)
		probe_json(&json, &study->probes[i]);
	ht_json_end(&json);
	ht_machine_json(machine, &json, "machine");
	ht_json_finish(&json);
	ht_machine_free(machine);
	ht_table_free(table);
}

void hp_study_environment(const struct hp_study *study, FILE *out)
{
	struct ht_machine *machine = ht_machine_capture();
	struct ht_json json;
	size_t i;

	ht_json_start(&json, out);
	ht_machine_json(machine, &json, "machine");
	ht_json_object(&json, "versions");
	for (i = 0; i < study->n_versions; i++)
		ht_json_string(&json, study->versions[i].name,
			       study->versions[i].version);
	ht_json_end(&json);
	ht_json_finish(&json);
	ht_machine_free(machine);
}
