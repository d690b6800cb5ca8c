/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The peers take turns. For each point of a workload every peer gets a process of its
 * own, which makes its pool and warms up; then in every round each of these processes
 * runs once, in an order drawn anew. Where memory is measured, each round has a process
 * of its own: what an allocator keeps of one round would be there in the next. All
 * points of a workload take part in this, so that two points of one peer can be
 * compared as well.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/core.h"
#include "bench/side.h"
#include "tools/progress.h"
#include "tools/random.h"
#include "tools/say.h"
#include "tools/stats.h"

#define ROUND_LIMIT_NS UINT64_C(120000000000)

enum {
	WORDS_MAX = 32
};

/* One workload while it runs. */
struct turn {
	struct hb_bench *bench;
	size_t workload;
	size_t n_points;
	struct hb_child *children; /* by point, then by entry */
	size_t n;
	struct hb_samples samples; /* of the round that runs */
};

static void miss(const struct turn *turn, size_t child, const char *reason)
{
	struct hb_bench *bench = turn->bench;
	struct hb_missing *at;
	bool is_absent = reason && !strncmp(reason, "absent ", 7);

	bench->missing = ht_grow(bench->missing, bench->n_missing,
				 sizeof(*bench->missing));
	at = &bench->missing[bench->n_missing++];
	*at = (struct hb_missing){
		.workload = turn->workload,
		.point = child / bench->n_entries,
		.entry = child % bench->n_entries,
		.reason = ht_text("%s", !reason     ? "no reason given"
					: is_absent ? reason + 7
						    : reason),
		.is_failure = !is_absent,
	};
}

/* "s START TRIP" */
static void keep_sample(const char *line, void *arg)
{
	struct hb_samples *samples = arg;
	double start, trip;

	if (sscanf(line, "s %lf %lf", &start, &trip) != 2)
		return;
	samples->value[0] =
		ht_grow(samples->value[0], samples->n, sizeof(double));
	samples->value[1] =
		ht_grow(samples->value[1], samples->n, sizeof(double));
	samples->value[0][samples->n] = start;
	samples->value[1][samples->n++] = trip;
}

/* The words of options, one blank between them; both are freed by the caller. */
static void add_words(char **words, int *n, const char *options)
{
	char *list = ht_text("%s", options), *save = NULL, *word;

	for (word = strtok_r(list, " ", &save); word && *n < WORDS_MAX - 1;
	     word = strtok_r(NULL, " ", &save))
		words[(*n)++] = ht_text("%s", word);
	free(list);
}

static void command_of(const struct turn *turn, size_t child, char **words)
{
	const struct hb_bench *bench = turn->bench;
	const struct hb_entry *entry =
		&bench->entries[child % bench->n_entries];
	const struct hb_workload *workload = &hb_workloads[turn->workload];
	const struct hb_point *point =
		&workload->points[child / bench->n_entries];
	const char *id = entry->program && workload->theirs ? workload->theirs
							    : workload->id;
	int n = 0;

	words[n++] = ht_text("%s", entry->program ? entry->program
						  : "/proc/self/exe");
	add_words(words, &n, entry->program ? "bench-peer" : "bench peer");
	words[n++] = ht_text("--workload");
	words[n++] = ht_text("%s", id);
	words[n++] = ht_text("--peer");
	words[n++] = ht_text("%s", entry->name);
	if (entry->is_ours && bench->has_monitor)
		words[n++] = ht_text("--monitor");
	add_words(words, &n, bench->is_quick ? point->quick : point->full);
	words[n] = NULL;
}

static bool takes_part(const struct hb_entry *entry,
		       const struct hb_workload *workload)
{
	const char *id = entry->program && workload->theirs ? workload->theirs
							    : workload->id;
	char *word = ht_text(",%s,", id);
	bool does = entry->workloads ? strstr(entry->workloads, word) != NULL
				     : entry->program || hb_side_knows(id);

	free(word);
	return does;
}

static void take_version(struct hb_entry *entry, const char *line)
{
	const char *version = strstr(line, " version=");

	if (version && !entry->version)
		entry->version = ht_text("%s", version + 9);
}

static void start(struct turn *turn, size_t child)
{
	struct hb_bench *bench = turn->bench;
	struct hb_entry *entry = &bench->entries[child % bench->n_entries];
	struct hb_child *process = &turn->children[child];
	char *words[WORDS_MAX];
	const char *line = NULL;
	int i;

	if (!takes_part(entry, &hb_workloads[turn->workload]))
		return;
	if (entry->absent) {
		char *reason = ht_text("absent %s", entry->absent);

		miss(turn, child, reason);
		free(reason);
		return;
	}
	command_of(turn, child, words);
	if (hb_child_start(process, words))
		line = hb_child_answer(process, "ready", ROUND_LIMIT_NS);
	for (i = 0; words[i]; i++)
		free(words[i]);
	if (!line) {
		miss(turn, child, process->reason);
		return;
	}
	take_version(entry, line);
	process->aside = keep_sample;
	process->aside_arg = &turn->samples;
}

static void keep(struct turn *turn, size_t child, uint64_t number,
		 const char *line, const struct hb_look *look)
{
	struct hb_bench *bench = turn->bench;
	const struct hb_metric *metrics = hb_workloads[turn->workload].metrics;
	struct hb_done *done;
	size_t i;

	bench->done = ht_grow(bench->done, bench->n_done, sizeof(*bench->done));
	done = &bench->done[bench->n_done++];
	*done = (struct hb_done){
		.workload = turn->workload,
		.point = child / bench->n_entries,
		.entry = child % bench->n_entries,
		.number = number,
		.samples = turn->samples,
		.look = *look,
	};
	turn->samples = (struct hb_samples){ 0 };
	for (i = 0; i < 2 && done->samples.n; i++)
		ht_sort(done->samples.value[i], done->samples.n);
	for (i = 0; i < HB_METRICS_MAX; i++) {
		if (!metrics[i].key)
			done->values[i] = NAN;
		else if (!metrics[i].from)
			done->values[i] = hb_line_real(line, metrics[i].key);
		else if (done->samples.n && !metrics[i].is_pooled)
			done->values[i] = ht_percentile(
				done->samples.value[metrics[i].from - 1],
				done->samples.n, metrics[i].percent);
		else
			done->values[i] = NAN;
	}
}

static void shuffle(struct ht_random *random, size_t *order, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		order[i] = i;
	for (i = n; i > 1; i--) {
		size_t k = ht_random_below(random, (uint32_t)i);
		size_t swap = order[i - 1];

		order[i - 1] = order[k];
		order[k] = swap;
	}
}

static void forget_samples(struct turn *turn)
{
	free(turn->samples.value[0]);
	free(turn->samples.value[1]);
	turn->samples = (struct hb_samples){ 0 };
}

static void run_one(struct turn *turn, size_t child, uint64_t number)
{
	struct hb_look look;
	const char *line;

	if (!turn->children[child].pid)
		return;
	line = hb_child_round(turn->children, turn->n, child, ROUND_LIMIT_NS,
			      &look);
	if (line)
		keep(turn, child, number, line, &look);
	else
		miss(turn, child, turn->children[child].reason);
	forget_samples(turn);
}

static void end_one(struct turn *turn, size_t i)
{
	struct hb_child *child = &turn->children[i];

	if (child->pid && !hb_child_stop(child, ROUND_LIMIT_NS))
		miss(turn, i, child->reason);
	hb_child_free(child);
}

static void end_all(struct turn *turn)
{
	size_t i;

	for (i = 0; i < turn->n; i++)
		end_one(turn, i);
}

static bool is_missing(const struct turn *turn, size_t child)
{
	const struct hb_bench *bench = turn->bench;
	size_t i;

	for (i = 0; i < bench->n_missing; i++)
		if (bench->missing[i].workload == turn->workload &&
		    bench->missing[i].point == child / bench->n_entries &&
		    bench->missing[i].entry == child % bench->n_entries)
			return true;
	return false;
}

/* From its start to its end, unless it was missed before. */
static void run_alone(struct turn *turn, size_t child, uint64_t number)
{
	if (is_missing(turn, child))
		return;
	start(turn, child);
	run_one(turn, child, number);
	end_one(turn, child);
	turn->children[child] = (struct hb_child){ 0 };
}

static void run_workload(struct hb_bench *bench, size_t workload,
			 struct ht_random *random)
{
	const struct hb_workload *what = &hb_workloads[workload];
	uint64_t rounds = bench->rounds     ? bench->rounds
			  : bench->is_quick ? what->quick_rounds
					    : what->rounds;
	struct turn turn = { .bench = bench, .workload = workload };
	bool is_alone = hb_is_alone(what);
	struct ht_progress progress;
	size_t *order;
	uint64_t round;
	size_t i;

	while (what->points[turn.n_points].name)
		turn.n_points++;
	turn.n = turn.n_points * bench->n_entries;
	turn.children = ht_alloc(turn.n, sizeof(*turn.children));
	order = ht_alloc(turn.n, sizeof(*order));
	ht_progress_start(&progress, what->id);
	for (i = 0; i < turn.n && !is_alone; i++)
		start(&turn, i);
	for (round = 0; round < rounds; round++) {
		ht_progress_show(&progress, (double)round / (double)rounds,
				 "%s, round %llu", what->about,
				 (unsigned long long)round + 1);
		shuffle(random, order, turn.n);
		for (i = 0; i < turn.n; i++)
			if (is_alone)
				run_alone(&turn, order[i], round);
			else
				run_one(&turn, order[i], round);
	}
	if (!is_alone)
		end_all(&turn);
	ht_progress_done(&progress, "%llu rounds", (unsigned long long)rounds);
	free(order);
	free(turn.children);
}

void hb_run(struct hb_bench *bench)
{
	struct ht_random random;
	size_t i;

	ht_random_seed(&random, bench->seed, 0, 0);
	for (i = 0; i < hb_n_workloads; i++)
		if (bench->is_chosen[i])
			run_workload(bench, i, &random);
}
