/* SPDX-License-Identifier: BSD-2-Clause */
/* report.html: verdicts, pictures and figures in one file that needs nothing else. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/core.h"
#include "tools/machine.h"
#include "tools/say.h"
#include "tools/stats.h"

static const char head[] =
	"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	"<title>heddle bench</title>\n<style>\n"
	"body{font:15px sans-serif;max-width:70em;margin:2em auto;padding:0 1em}\n"
	"table{border-collapse:collapse}td,th{padding:.2em .7em;text-align:left;"
	"border-bottom:1px solid #ccc}\n"
	"td.n{text-align:right;font-variant-numeric:tabular-nums}\n"
	".missed{background:#fdd}.kept{background:#dfd}.open{background:#eee}\n"
	"svg{max-width:100%;height:auto}\n"
	"</style></head><body>\n<h1>heddle bench</h1>\n";

static void put_text(FILE *out, const char *text)
{
	for (; text && *text; text++) {
		if (*text == '<')
			fputs("&lt;", out);
		else if (*text == '>')
			fputs("&gt;", out);
		else if (*text == '&')
			fputs("&amp;", out);
		else
			fputc(*text, out);
	}
}

static void put_cell(FILE *out, const char *text)
{
	fputs("<td>", out);
	put_text(out, text);
	fputs("</td>", out);
}

static void put_number(FILE *out, double value)
{
	if (isfinite(value))
		fprintf(out, "<td class=\"n\">%.4g</td>", value);
	else
		fputs("<td class=\"n\">-</td>", out);
}

static void put_musts(const struct hb_bench *bench, FILE *out)
{
	size_t i;

	fputs("<h2>Musts</h2>\n<table><tr><th>verdict</th><th>workload</th>"
	      "<th>point</th><th>metric</th><th>peer</th><th>found</th></tr>\n",
	      out);
	for (i = 0; i < hb_n_musts; i++) {
		const struct hb_must *must = &hb_musts[i];
		struct hb_verdict verdict;
		const char *word;

		if (!bench->is_chosen[hb_workload_named(must->workload)])
			continue;
		verdict = hb_judge(bench, must);
		word = !verdict.is_judged  ? "open"
		       : verdict.is_missed ? "missed"
					   : "kept";
		fprintf(out, "<tr class=\"%s\">", word);
		put_cell(out, verdict.is_judged ? word : "not judged");
		put_cell(out, must->workload);
		put_cell(out, must->point);
		put_cell(out, must->metric);
		put_cell(out, must->peer);
		put_cell(out, verdict.text);
		fputs("</tr>\n", out);
		free(verdict.text);
	}
	fputs("</table>\n", out);
}

static void put_row(const struct hb_bench *bench, FILE *out,
		    struct hb_cell cell, size_t at, double *scratch)
{
	const struct hb_workload *what = &hb_workloads[cell.workload];
	const struct hb_metric *metric = &what->metrics[at];
	struct hb_cell base = cell;
	struct ht_stats stats;
	size_t n, tainted, rounds = hb_rounds(bench, cell, &tainted);

	fputs("<tr>", out);
	put_cell(out, what->points[cell.point].name);
	put_cell(out, bench->entries[cell.entry].name);
	put_cell(out, metric->key);
	put_cell(out, metric->unit ? metric->unit : "");
	if (metric->is_pooled) {
		put_number(out,
			   hb_pooled(bench, cell, metric, &n) * metric->scale);
		put_number(out, NAN);
		put_number(out, NAN);
	} else {
		n = hb_values(bench, cell, at, scratch);
		stats = ht_stats_of(scratch, n);
		put_number(out, stats.median * metric->scale);
		put_number(out, stats.q1 * metric->scale);
		put_number(out, stats.q3 * metric->scale);
	}
	base.entry = hb_base(bench, cell.workload);
	n = base.entry == SIZE_MAX ? 0
				   : hb_ratios(bench, cell, base, at, scratch);
	put_number(out, ht_stats_of(scratch, n).median);
	fprintf(out, "<td class=\"n\">%zu</td><td class=\"n\">%zu</td></tr>\n",
		rounds, tainted);
}

/* The picture without the line that only a file of its own has. */
static void put_picture(const struct hb_bench *bench, FILE *out,
			size_t workload)
{
	char *text = NULL, *at;
	size_t size;
	FILE *memory = open_memstream(&text, &size);

	if (!memory)
		return;
	hb_picture(bench, workload, memory);
	fclose(memory);
	at = text ? strstr(text, "<svg") : NULL;
	if (at)
		fputs(at, out);
	free(text);
}

static void put_workload(const struct hb_bench *bench, FILE *out,
			 size_t workload, double *scratch)
{
	const struct hb_workload *what = &hb_workloads[workload];
	size_t base = hb_base(bench, workload), metric, tainted;
	struct hb_cell cell = { .workload = workload };

	fprintf(out, "<h2>%s: ", what->id);
	put_text(out, what->about);
	fputs("</h2>\n", out);
	put_picture(bench, out, workload);
	fputs("<table><tr><th>point</th><th>peer</th><th>metric</th>"
	      "<th>unit</th><th>median</th><th>q1</th><th>q3</th><th>ratio",
	      out);
	if (base != SIZE_MAX) {
		fputs(" to ", out);
		put_text(out, bench->entries[base].name);
	}
	fputs("</th><th>rounds</th><th>tainted</th></tr>\n", out);
	for (cell.point = 0; what->points[cell.point].name; cell.point++)
		for (cell.entry = 0; cell.entry < bench->n_entries;
		     cell.entry++)
			for (metric = 0; what->metrics[metric].key; metric++)
				if (hb_rounds(bench, cell, &tainted))
					put_row(bench, out, cell, metric,
						scratch);
	fputs("</table>\n", out);
}

static void put_missing(const struct hb_bench *bench, FILE *out)
{
	size_t i;

	fputs("<h2>Not there</h2>\n<table>\n", out);
	for (i = 0; i < bench->n_missing; i++) {
		const struct hb_missing *m = &bench->missing[i];
		const struct hb_workload *what = &hb_workloads[m->workload];

		fputs("<tr>", out);
		put_cell(out, what->id);
		put_cell(out, what->points[m->point].name);
		put_cell(out, bench->entries[m->entry].name);
		put_cell(out, m->reason);
		fputs("</tr>\n", out);
	}
	fputs("</table>\n", out);
}

static void put_remarks(const struct hb_bench *bench, FILE *out)
{
	struct hb_cell cell = { 0 };
	size_t tainted;

	fputs("<h2>Of another kind</h2>\n<table>\n", out);
	for (; cell.workload < hb_n_workloads; cell.workload++)
		for (cell.entry = 0; cell.entry < bench->n_entries;
		     cell.entry++) {
			const char *id = hb_workloads[cell.workload].id;
			const char *name = bench->entries[cell.entry].name;
			const char *remark = hb_remark(name, id);

			if (!remark || !hb_rounds(bench, cell, &tainted))
				continue;
			fputs("<tr>", out);
			put_cell(out, id);
			put_cell(out, name);
			put_cell(out, remark);
			fputs("</tr>\n", out);
		}
	fputs("</table>\n", out);
}

static void put_peers(const struct hb_bench *bench, FILE *out)
{
	size_t i;

	fputs("<h2>Peers</h2>\n<table>\n", out);
	for (i = 0; i < bench->n_entries; i++)
		if (bench->entries[i].version) {
			fputs("<tr>", out);
			put_cell(out, bench->entries[i].name);
			put_cell(out, bench->entries[i].version);
			fputs("</tr>\n", out);
		}
	fputs("</table>\n", out);
}

void hb_html(const struct hb_bench *bench, FILE *out)
{
	double *scratch = ht_alloc(bench->n_done + 1, sizeof(*scratch));
	size_t i;

	fputs(head, out);
	fprintf(out,
		"<p>%s run, seed %llu. Figures are medians of interleaved rounds; "
		"tainted rounds, in which other processes took CPU time, %s.</p>\n",
		bench->is_quick ? "Quick" : "Full",
		(unsigned long long)bench->seed,
		bench->keeps_tainted ? "are in them" : "are not in them");
	put_musts(bench, out);
	for (i = 0; i < hb_n_workloads; i++)
		if (bench->is_chosen[i])
			put_workload(bench, out, i, scratch);
	put_remarks(bench, out);
	put_missing(bench, out);
	put_peers(bench, out);
	fputs("<p>The machine is in results.json.</p>\n</body></html>\n", out);
	free(scratch);
}
