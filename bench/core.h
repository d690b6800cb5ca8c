/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `heddle bench`, the side that compares: which workloads there are, who runs them,
 * and what the rounds say. It knows peers by their names and by how they are started;
 * what is measured is printed by them (bench/README.md has the lines).
 */
#ifndef HEDDLE_BENCH_CORE_H
#define HEDDLE_BENCH_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "bench/run.h"

struct ht_json;
struct ht_machine;
struct ht_results;
struct ht_table;

enum {
	HB_METRICS_MAX = 6,
	HB_POINTS_MAX = 12
};

/**
 * struct hb_metric - one number of a round
 * @key:     as in the line; NULL ends a list
 * @from:    0, or 1 or 2: a percentile of this number of the lines "s"
 * @percent: which
 * @is_pooled: of the samples of all rounds together
 * @unit:    after @scale
 * @is_high: more is better
 */
struct hb_metric {
	const char *key;
	int from;
	double percent;
	bool is_pooled;
	const char *unit;
	double scale;
	bool is_high;
};

/* One set of options of a workload; all points of a workload take turns. */
struct hb_point {
	const char *name;
	const char *full;
	const char *quick;
};

/**
 * struct hb_workload - one of doc/workloads.md
 * @base:    whom the ratios refer to if it is there, else "mutex"
 * @theirs:  NULL, or the workload that opponents are asked for instead
 * @rounds:  of a full run; @quick_rounds: of a quick one
 * @metrics: the first is the one of the picture
 */
struct hb_workload {
	const char *id;
	const char *about;
	const char *base;
	const char *theirs;
	uint64_t rounds;
	uint64_t quick_rounds;
	struct hb_metric metrics[HB_METRICS_MAX + 1];
	struct hb_point points[HB_POINTS_MAX + 1];
};

extern const struct hb_workload hb_workloads[];
extern const size_t hb_n_workloads;

/* Each round has a process of its own, and no other one waits beside it. */
bool hb_is_alone(const struct hb_workload *workload);

enum hb_against {
	HB_LIMIT,    /* the value itself */
	HB_PEER,     /* the ratio to a peer, of its PEER@POINT if it says so */
	HB_PACKAGED, /* the ratio to the best peer that has a package */
	HB_POINT,    /* the ratio to the same peer at another point */
};

/*
 * One line of the release condition; @is_least: at least, else at most; @is_every: in
 * each round and not in the median.
 */
struct hb_must {
	const char *workload;
	const char *point;
	const char *metric;
	const char *peer;
	enum hb_against against;
	const char *base;
	bool is_least;
	double limit;
	bool is_every;
};

extern const struct hb_must hb_musts[];
extern const size_t hb_n_musts;

/**
 * struct hb_entry - who takes part
 * @program:   NULL for this command itself
 * @workloads: ",W1,W2,"; NULL: it is asked
 * @absent:    NULL, or why it cannot take part at all
 */
struct hb_entry {
	char *name;
	char *program;
	char *workloads;
	char *absent;
	char *version;
	bool is_ours;
	bool is_packaged;
};

/* Samples of the lines "s" of one round. */
struct hb_samples {
	double *value[2];
	size_t n;
};

/**
 * struct hb_done - one round that was run
 * @workload, @point, @entry: whose
 * @number:  which round of the run; those of one number belong together
 * @values:  by the workload's metrics, NaN where the peer has none
 */
struct hb_done {
	size_t workload;
	size_t point;
	size_t entry;
	uint64_t number;
	double values[HB_METRICS_MAX];
	struct hb_samples samples;
	struct hb_look look;
};

/* Why there are no figures; @is_failure: it broke, else it cannot. */
struct hb_missing {
	size_t workload;
	size_t point;
	size_t entry;
	char *reason;
	bool is_failure;
};

struct hb_bench {
	bool is_quick;
	bool keeps_tainted;
	bool has_monitor;
	uint64_t rounds; /* 0: of each workload */
	uint64_t seed;
	const char *base; /* NULL: of each workload */
	bool *is_chosen;  /* of each workload */
	struct hb_entry *entries;
	size_t n_entries;
	struct hb_done *done;
	size_t n_done;
	struct hb_missing *missing;
	size_t n_missing;
	char **rust_lines; /* "name version" of what the Rust program is made of */
	size_t n_rust_lines;
	struct ht_machine *machine;
};

/**
 * struct hb_verdict - on one must
 * @median: of the value or the ratio; @better: its better quartile
 * @text:   what was found, or why nothing could be
 */
struct hb_verdict {
	bool is_judged;
	bool is_missed;
	double median;
	double better;
	char *text;
};

/*
 * hb_remark() - why a peer's figures in a workload are of another kind, or NULL
 *
 * They are shown with it, and are no best peer's of a must.
 */
const char *hb_remark(const char *peer, const char *workload);

/* Finding and running ----------------------------------------------------------- */

/**
 * hb_find() - who takes part
 * @names:     NULL for all, or "A,B"
 * @opponents: NULL, or "NAME=PATH,NAME=PATH": programs beside those of the build
 *
 * Return: false after a line when a name is nobody's.
 */
bool hb_find(struct hb_bench *bench, const char *names, const char *opponents);

/* hb_run() - every chosen workload */
void hb_run(struct hb_bench *bench);

void hb_bench_free(struct hb_bench *bench);

/* What the rounds say ------------------------------------------------------------ */

/* A cell is a peer at a point. */
struct hb_cell {
	size_t workload;
	size_t point;
	size_t entry;
};

/* hb_values() - of the rounds that count; @out has room for n_done */
size_t hb_values(const struct hb_bench *bench, struct hb_cell cell,
		 size_t metric, double *out);

/* hb_ratios() - round by round, of two cells of one workload */
size_t hb_ratios(const struct hb_bench *bench, struct hb_cell cell,
		 struct hb_cell base, size_t metric, double *out);

/* hb_pooled() - a percentile of all samples; NaN without any; *n of them */
double hb_pooled(const struct hb_bench *bench, struct hb_cell cell,
		 const struct hb_metric *metric, size_t *n);

/* hb_rounds() - how many rounds a cell has, and how many of them are tainted */
size_t hb_rounds(const struct hb_bench *bench, struct hb_cell cell,
		 size_t *tainted);

/* hb_entry_named(), hb_point_named(), hb_metric_named() - SIZE_MAX: none */
size_t hb_entry_named(const struct hb_bench *bench, const char *name);
size_t hb_point_named(const struct hb_workload *workload, const char *name);
size_t hb_metric_named(const struct hb_workload *workload, const char *key);
size_t hb_workload_named(const char *id);

/* hb_base() - the entry that the ratios of a workload refer to; SIZE_MAX */
size_t hb_base(const struct hb_bench *bench, size_t workload);

/* hb_judge() - @text is freed by the caller */
struct hb_verdict hb_judge(const struct hb_bench *bench,
			   const struct hb_must *must);

/* hb_check() - a line for each must that was missed or not judged; status */
int hb_check(const struct hb_bench *bench, const struct hb_must *musts,
	     size_t n_musts);

/* What is shown ------------------------------------------------------------------ */

struct ht_table *hb_table(const struct hb_bench *bench);
void hb_json(const struct hb_bench *bench, struct ht_json *json);
void hb_picture(const struct hb_bench *bench, size_t workload, FILE *out);
void hb_html(const struct hb_bench *bench, FILE *out);
int hb_store(const struct hb_bench *bench, const char *folder);

/* hb_core_main() - `heddle bench all` and each workload */
int hb_core_main(int argc, char **argv);

#endif /* HEDDLE_BENCH_CORE_H */
