/* SPDX-License-Identifier: BSD-2-Clause */
/* `heddle paper`: list, run, report, and the hidden probe. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "bench/opponents/rust.h"
#include "papers/paper.h"
#include "papers/study.h"
#include "tools/args.h"
#include "tools/commands.h"
#include "tools/json.h"
#include "tools/out.h"
#include "tools/results.h"
#include "tools/say.h"

static const struct hp_paper *const papers[] = { &hp_p01, NULL };

struct run_options {
	const char *paper;
	const char *out;
	bool is_quick;
	bool is_full;
	bool is_json;
	bool is_csv;
	uint64_t seed;
};

const struct hp_paper *const *hp_papers(void)
{
	return papers;
}

const struct hp_paper *hp_paper_find(const char *id)
{
	size_t i;

	for (i = 0; papers[i]; i++)
		if (!strcmp(papers[i]->id, id))
			return papers[i];
	return NULL;
}

static int list(int argc, char **argv)
{
	static const struct ht_column columns[] = {
		{ "paper", HT_STRING, NULL, 0 },
		{ "title", HT_STRING, NULL, 0 },
		{ "source", HT_STRING, NULL, 0 },
	};
	bool is_json = false, is_csv = false;
	const struct ht_option options[] = {
		{ "json", HT_OPTION_FLAG, &is_json, NULL, "print JSON", 0, 0,
		  NULL },
		{ "csv", HT_OPTION_FLAG, &is_csv, NULL, "print CSV", 0, 0,
		  NULL },
		{ .name = NULL },
	};
	const struct ht_usage usage = {
		.command = "heddle paper list",
		.about = "The experiments that can be run here.",
		.options = options,
	};
	struct ht_table *table;
	int status;
	size_t i;

	if (ht_args(&usage, argc, argv, &status) < 0)
		return status;
	if (is_json && is_csv) {
		ht_say("--csv: --json is given too");
		return HT_USAGE;
	}
	table = ht_table_new("papers", columns, 3);
	for (i = 0; papers[i]; i++) {
		ht_table_row(table);
		ht_table_string(table, papers[i]->id);
		ht_table_string(table, papers[i]->title);
		ht_table_string(table, papers[i]->source);
	}
	ht_table_print(table,
		       is_json  ? HT_JSON
		       : is_csv ? HT_CSV
				: HT_TEXT,
		       stdout);
	ht_table_free(table);
	return ht_out_check();
}

static int store(const struct hp_paper *paper, const struct hp_study *study,
		 const char *path)
{
	static const struct {
		const char *name;
		void (*write)(const struct hp_study *study, FILE *out);
	} files[] = {
		{ "claims.txt", hp_study_text },
		{ "claims.csv", hp_study_csv },
		{ "results.json", hp_study_json },
		{ "environment.json", hp_study_environment },
	};
	struct ht_results *results;
	int status;
	FILE *out;
	size_t i;

	status = ht_results_open(path, &results);
	if (status)
		return status;
	/* The picture first: it is also what claims.md shows first. */
	if (paper->figures(study, results))
		goto fail;
	out = ht_results_begin(results, "claims.md");
	if (!out)
		goto fail;
	fprintf(out, "# %s %s\n\n![%s](%s)\n\n", paper->id, paper->title,
		paper->picture, paper->picture);
	fprintf(out, "%s. Counts: %s. Seed %llu.\n\n", paper->source,
		hp_study_counts(study), (unsigned long long)study->seed);
	hp_study_markdown(study, out);
	if (ht_results_end(results))
		goto fail;
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		out = ht_results_begin(results, files[i].name);
		if (!out)
			goto fail;
		files[i].write(study, out);
		if (ht_results_end(results))
			goto fail;
	}
	return ht_results_close(results);
fail:
	/* It has said what was wrong, and tells the first status. */
	status = ht_results_close(results);
	return status ? status : HT_MISSED;
}

/* Before minutes of measurement: can the results be stored there at all? */
static int try_folder(const char *path)
{
	struct ht_results *results;
	int status = ht_results_open(path, &results);

	if (status)
		return status;
	ht_results_abandon(results);
	return HT_OK;
}

static char *default_folder(const char *id)
{
	char stamp[32];
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &tm);
	return ht_text("results/%s-%s", id, stamp);
}

static void find_rust(struct hp_study *study)
{
	size_t i;
	struct hb_rust rust;

	hb_rust_find(&rust);
	study->rust = rust.program;
	study->rust_reason = rust.reason;
	for (i = 0; i < rust.n_versions; i++) {
		char *space = strchr(rust.versions[i], ' ');

		if (space) {
			*space = '\0';
			hp_study_version(study, rust.versions[i], space + 1);
		}
		free(rust.versions[i]);
	}
	free(rust.versions);
}

static int finish(const struct hp_paper *paper, struct hp_study *study,
		  const struct run_options *run, const char *folder)
{
	const struct hp_claim *missed = hp_study_missed(study);
	int status = store(paper, study, folder);

	if (status)
		return status;
	if (run->is_json)
		hp_study_json(study, stdout);
	else if (run->is_csv)
		hp_study_csv(study, stdout);
	else
		hp_study_text(study, stdout);
	if (!run->is_json && !run->is_csv) {
		printf("results: %s (first: %s)\n", folder, paper->picture);
		if (missed)
			printf("%s: heddle does not keep it: %s\n", missed->id,
			       missed->ours);
	}
	status = ht_out_check();
	if (missed && (run->is_json || run->is_csv))
		ht_say("%s: heddle does not keep it: %s", missed->id,
		       missed->ours);
	return status ? status : missed ? HT_MISSED : HT_OK;
}

static int run_paper(const struct hp_paper *paper,
		     const struct run_options *run)
{
	char *folder = run->out ? ht_text("%s", run->out)
				: default_folder(paper->id);
	struct hp_study study = {
		.id = paper->id,
		.title = paper->title,
		.tier = run->is_full ? "full" : "quick",
		.seed = run->seed,
	};
	uint64_t start = ht_now();
	int status = try_folder(folder);

	if (status) {
		free(folder);
		return status;
	}
	ht_progress_start(&study.progress, paper->id);
	find_rust(&study);
	status = paper->measure(&study);
	study.seconds = (double)(ht_now() - start) / 1e9;
	ht_progress_clear(&study.progress);
	if (!status) {
		paper->judge(&study);
		status = finish(paper, &study, run, folder);
	}
	hp_study_free(&study);
	free(folder);
	return status;
}

static int run(int argc, char **argv)
{
	struct run_options run = { .seed = 1 };
	const struct ht_option options[] = {
		{ "quick", HT_OPTION_FLAG, &run.is_quick, NULL,
		  "a tenth of the counts, under 3 minutes (the default)", 0, 0,
		  NULL },
		{ "full", HT_OPTION_FLAG, &run.is_full, NULL,
		  "the counts of the claims, at most 20 minutes", 0, 0, NULL },
		{ "out", HT_OPTION_STRING, &run.out, "DIR",
		  "folder of the results (./results/PAPER-DATE-TIME)", 0, 0,
		  NULL },
		{ "seed", HT_OPTION_NUMBER, &run.seed, "N",
		  "of the order of the probes and of the loads", 0, UINT64_MAX,
		  NULL },
		{ "json", HT_OPTION_FLAG, &run.is_json, NULL,
		  "print results.json instead of the claims", 0, 0, NULL },
		{ "csv", HT_OPTION_FLAG, &run.is_csv, NULL,
		  "print the claims as CSV", 0, 0, NULL },
		{ .name = NULL },
	};
	const struct ht_usage usage = {
		.command = "heddle paper run",
		.operands = "PAPER",
		.operands_max = 1,
		.about = "Runs an experiment, stores every figure of it and "
			 "prints its claims, each\nwith a verdict. Exit status "
			 "1 when heddle misses one that is its own.",
		.options = options,
	};
	const struct hp_paper *paper;
	int status;
	int n = ht_args(&usage, argc, argv, &status);

	if (n < 0)
		return status;
	if (!n) {
		ht_say("PAPER is missing (heddle paper list names them)");
		return HT_USAGE;
	}
	paper = hp_paper_find(argv[1]);
	if (!paper) {
		ht_say("unknown paper '%s' (heddle paper list names them)",
		       argv[1]);
		return HT_USAGE;
	}
	if (run.is_quick && run.is_full) {
		ht_say("--full: --quick is given too");
		return HT_USAGE;
	}
	if (run.is_json && run.is_csv) {
		ht_say("--csv: --json is given too");
		return HT_USAGE;
	}
	return run_paper(paper, &run);
}

/* Copies a file of a folder of results to standard output. */
static int print_file(const char *folder, const char *name)
{
	char *path = ht_text("%s/%s", folder, name);
	FILE *in = fopen(path, "r");
	char buffer[4096];
	struct stat info;
	size_t n;
	int status = HT_OK;

	if (!in || fstat(fileno(in), &info) || !S_ISREG(info.st_mode)) {
		ht_say("'%s' is no folder of results: %s: %s", folder, name,
		       in ? "not a file" : strerror(errno));
		status = HT_USAGE;
	}
	while (!status && (n = fread(buffer, 1, sizeof(buffer), in)))
		fwrite(buffer, 1, n, stdout);
	if (!status && ferror(in)) {
		ht_say("%s: %s", path, strerror(errno));
		status = HT_MISSED;
	}
	if (in)
		fclose(in);
	free(path);
	return status ? status : ht_out_check();
}

static int report(int argc, char **argv)
{
	bool is_json = false, is_csv = false;
	const struct ht_option options[] = {
		{ "json", HT_OPTION_FLAG, &is_json, NULL, "print results.json",
		  0, 0, NULL },
		{ "csv", HT_OPTION_FLAG, &is_csv, NULL,
		  "print the claims as CSV", 0, 0, NULL },
		{ .name = NULL },
	};
	const struct ht_usage usage = {
		.command = "heddle paper report",
		.operands = "DIR",
		.operands_max = 1,
		.about = "Prints the claims of a folder of results once more.",
		.options = options,
	};
	int status;
	int n = ht_args(&usage, argc, argv, &status);

	if (n < 0)
		return status;
	if (!n) {
		ht_say("DIR is missing");
		return HT_USAGE;
	}
	if (is_json && is_csv) {
		ht_say("--csv: --json is given too");
		return HT_USAGE;
	}
	return print_file(argv[1], is_json  ? "results.json"
				   : is_csv ? "claims.csv"
					    : "claims.txt");
}

static int probe(int argc, char **argv)
{
	const struct hp_paper *paper = argc > 1 ? hp_paper_find(argv[1]) : NULL;

	if (!paper) {
		ht_say("unknown paper '%s'", argc > 1 ? argv[1] : "");
		return HT_USAGE;
	}
	return paper->probe(argc - 1, argv + 1);
}

static int print_help(void)
{
	printf("usage: heddle paper COMMAND [OPTION...]\n\n"
	       "Published experiments, reproduced here with heddle and with "
	       "what they were\nabout.\n\ncommands:\n"
	       "  list    the papers\n"
	       "  run     run one, store its results, print its claims\n"
	       "  report  print the claims of stored results\n\n"
	       "options:\n  --help  this text; each command has its own\n");
	return ht_out_check();
}

int hp_paper_main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*function)(int argc, char **argv);
	} commands[] = {
		{ "list", list },
		{ "run", run },
		{ "report", report },
		{ "probe", probe },
	};
	size_t i;

	if (argc < 2) {
		ht_say("paper: a command is missing (heddle paper --help)");
		return HT_USAGE;
	}
	if (!strcmp(argv[1], "--help"))
		return print_help();
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].function(argc - 1, argv + 1);
	ht_say("paper: unknown %s '%s' (heddle paper --help)",
	       argv[1][0] == '-' ? "option" : "command", argv[1]);
	return HT_USAGE;
}
