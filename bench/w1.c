/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `heddle bench W1`: lets the peers take turns. For each cell (workers x
 * submitters) every peer gets a process of its own, which makes its pool and
 * warms up; then in every round each of them runs once, in an order drawn anew.
 *
 * workload: W1
 */
#include "bench/w1.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/opponents/rust.h"
#include "tools/args.h"
#include "tools/machine.h"
#include "tools/out.h"
#include "tools/progress.h"
#include "tools/random.h"
#include "tools/say.h"

#define ROUND_LIMIT_NS UINT64_C(60000000000)

static const struct hb_w1_cell all_cells[] = { { 2, 1 },
					       { 2, 2 },
					       { 2, 4 },
					       { 1, 1 } };

static void miss(struct hb_w1 *w1, size_t cell, size_t peer, const char *reason)
{
	struct hb_w1_missing *at;

	w1->missing =
		ht_grow(w1->missing, w1->n_missing + 1, sizeof(*w1->missing));
	at = &w1->missing[w1->n_missing++];
	at->cell = cell;
	at->peer = peer;
	at->reason = ht_text("%s", reason ? reason : "no reason given");
}

/* The command line of a peer's process; the strings are freed by the caller. */
static void command_of(const struct hb_w1 *w1, const struct hb_w1_cell *cell,
		       const struct hb_peer *peer, const char *program,
		       char **words)
{
	int n = 0;

	words[n++] = ht_text("%s", program ? program : "/proc/self/exe");
	if (peer->rust) {
		words[n++] = ht_text("w1");
		words[n++] = ht_text("--drive");
		words[n++] = ht_text("stdin");
		words[n++] = ht_text("--pool");
		words[n++] = ht_text("%s", peer->rust);
	} else {
		words[n++] = ht_text("bench");
		words[n++] = ht_text("peer");
		words[n++] = ht_text("--peer");
		words[n++] = ht_text("%s", peer->name);
	}
	words[n++] = ht_text("--workers");
	words[n++] = ht_text("%u", cell->workers);
	words[n++] = ht_text("--submitters");
	words[n++] = ht_text("%u", cell->submitters);
	words[n++] = ht_text("--tasks");
	words[n++] = ht_text("%llu", (unsigned long long)w1->tasks);
	words[n] = NULL;
}

static bool start_peer(const struct hb_w1 *w1, const struct hb_w1_cell *cell,
		       const struct hb_peer *peer, const char *program,
		       struct hb_child *child)
{
	char *words[16];
	bool started;
	int i;

	command_of(w1, cell, peer, program, words);
	started = hb_child_start(child, words) &&
		  hb_child_answer(child, "ready", ROUND_LIMIT_NS);
	for (i = 0; words[i]; i++)
		free(words[i]);
	return started;
}

static void keep(struct hb_w1 *w1, size_t cell, size_t peer, const char *line,
		 const struct hb_look *look)
{
	struct hb_w1_round *round;

	w1->done = ht_grow(w1->done, w1->n_done + 1, sizeof(*w1->done));
	round = &w1->done[w1->n_done++];
	*round = (struct hb_w1_round){
		.cell = cell,
		.peer = peer,
		.ns = hb_line_real(line, "ns"),
		.submit_ns = hb_line_real(line, "submit_ns"),
		.again = hb_line_real(line, "again"),
		.sleeps = hb_line_real(line, "sleeps"),
		.wakes = hb_line_real(line, "wakes"),
		.look = *look,
	};
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

static void run_cell(struct hb_w1 *w1, size_t cell, const struct hb_rust *rust,
		     struct ht_random *random, struct ht_progress *progress)
{
	struct hb_child *children = ht_alloc(w1->n_peers, sizeof(*children));
	size_t *order = ht_alloc(w1->n_peers, sizeof(*order));
	uint64_t round;
	size_t i;

	for (i = 0; i < w1->n_peers; i++) {
		const struct hb_peer *peer = w1->peers[i];
		const char *absent = peer->rust && !rust->program
					     ? rust->reason
					     : peer->absent;

		if (absent)
			miss(w1, cell, i, absent);
		else if (!start_peer(w1, &w1->cells[cell], peer,
				     peer->rust ? rust->program : NULL,
				     &children[i]))
			miss(w1, cell, i, children[i].reason);
	}
	for (round = 0; round < w1->rounds; round++) {
		ht_progress_show(
			progress,
			((double)cell + (double)round / (double)w1->rounds) /
				(double)w1->n_cells,
			"%u workers, %u submitters, round %llu",
			w1->cells[cell].workers, w1->cells[cell].submitters,
			(unsigned long long)round + 1);
		shuffle(random, order, w1->n_peers);
		for (i = 0; i < w1->n_peers; i++) {
			struct hb_child *child = &children[order[i]];
			struct hb_look look;
			const char *line;

			if (!child->pid)
				continue;
			line = hb_child_round(children, w1->n_peers, order[i],
					      ROUND_LIMIT_NS, &look);
			if (line)
				keep(w1, cell, order[i], line, &look);
			else
				miss(w1, cell, order[i], child->reason);
		}
	}
	for (i = 0; i < w1->n_peers; i++) {
		if (children[i].pid &&
		    !hb_child_stop(&children[i], ROUND_LIMIT_NS))
			miss(w1, cell, i, children[i].reason);
		hb_child_free(&children[i]);
	}
	free(order);
	free(children);
}

static void add_version(struct hb_w1 *w1, const char *text)
{
	w1->versions = ht_grow(w1->versions, w1->n_versions + 1,
			       sizeof(*w1->versions));
	w1->versions[w1->n_versions++] = ht_text("%s", text);
}

static void take_versions(struct hb_w1 *w1, const struct hb_rust *rust)
{
	size_t i;

	for (i = 0; i < w1->n_peers; i++) {
		char text[64] = "", *line;

		if (!w1->peers[i]->version || w1->peers[i]->absent)
			continue;
		w1->peers[i]->version(text, sizeof(text));
		line = ht_text("%s %s", w1->peers[i]->name, text);
		add_version(w1, line);
		free(line);
	}
	for (i = 0; i < rust->n_versions; i++)
		add_version(w1, rust->versions[i]);
}

/* 0, or the exit status when one of ours has no figure or a process failed. */
static int verdict(const struct hb_w1 *w1)
{
	int status = HT_OK;
	size_t i;

	for (i = 0; i < w1->n_missing; i++) {
		const struct hb_w1_missing *m = &w1->missing[i];

		ht_say("%s with %u workers and %u submitters: %s",
		       w1->peers[m->peer]->name, w1->cells[m->cell].workers,
		       w1->cells[m->cell].submitters, m->reason);
		if (w1->peers[m->peer]->is_ours)
			status = HT_MISSED;
	}
	return status;
}

static void release(struct hb_w1 *w1, struct hb_rust *rust)
{
	size_t i;

	for (i = 0; i < w1->n_missing; i++)
		free(w1->missing[i].reason);
	for (i = 0; i < w1->n_versions; i++)
		free(w1->versions[i]);
	for (i = 0; i < rust->n_versions; i++)
		free(rust->versions[i]);
	free(rust->versions);
	free(rust->program);
	free(rust->reason);
	free(w1->missing);
	free(w1->versions);
	free(w1->done);
	free(w1->peers);
	free(w1->cells);
	ht_machine_free(w1->machine);
}

/* One cell by options, or all. */
static void choose_cells(struct hb_w1 *w1, uint64_t workers,
			 uint64_t submitters)
{
	size_t n = sizeof(all_cells) / sizeof(all_cells[0]);

	w1->cells = ht_alloc(n, sizeof(*w1->cells));
	if (workers || submitters) {
		w1->cells[0].workers = workers ? (uint32_t)workers : 2;
		w1->cells[0].submitters = submitters ? (uint32_t)submitters : 1;
		w1->n_cells = 1;
	} else {
		memcpy(w1->cells, all_cells, sizeof(all_cells));
		w1->n_cells = n;
	}
}

static void run_all(struct hb_w1 *w1, const struct hb_rust *rust)
{
	struct ht_progress progress;
	struct ht_random random;
	size_t i;

	ht_random_seed(&random, w1->seed, 0, 0);
	ht_progress_start(&progress, "W1");
	for (i = 0; i < w1->n_cells; i++)
		run_cell(w1, i, rust, &random, &progress);
	ht_progress_done(&progress, "%zu rounds", w1->n_done);
}

int hb_w1_main(int argc, char **argv)
{
	struct hb_w1 w1 = { .tasks = 500000, .rounds = 9, .seed = 1 };
	uint64_t workers = 0, submitters = 0;
	bool quick = false, json = false, csv = false, check = false;
	const char *folder = NULL;
	const struct ht_option options[] = {
		{ "rounds", HT_OPTION_NUMBER, &w1.rounds, "N",
		  "of each peer in each cell", 1, 1000, NULL },
		{ "tasks", HT_OPTION_NUMBER, &w1.tasks, "N", "of a round", 1,
		  HB_TASKS_MAX, NULL },
		{ "workers", HT_OPTION_NUMBER, &workers, "N",
		  "one cell only: its workers", 1, 256, NULL },
		{ "submitters", HT_OPTION_NUMBER, &submitters, "N",
		  "one cell only: its submitters", 1, 256, NULL },
		{ "quick", HT_OPTION_FLAG, &quick, NULL,
		  "3 rounds of 100 000 tasks", 0, 0, NULL },
		{ "seed", HT_OPTION_NUMBER, &w1.seed, "S",
		  "of the order of the peers", 0, UINT64_MAX, NULL },
		{ "out", HT_OPTION_STRING, &folder, "DIR",
		  "results folder: rounds.csv, w1.svg, results.json", 0, 0,
		  NULL },
		{ "json", HT_OPTION_FLAG, &json, NULL, "print JSON", 0, 0,
		  NULL },
		{ "csv", HT_OPTION_FLAG, &csv, NULL, "print CSV", 0, 0, NULL },
		{ "check", HT_OPTION_FLAG, &check, NULL,
		  "compare with the targets", 0, 0, NULL },
		{ .name = NULL },
	};
	const struct ht_usage usage = {
		.command = "heddle bench W1",
		.about = "Empty tasks submitted from outside, all peers in one "
			 "interleaved run.",
		.options = options,
	};
	struct hb_rust rust = { 0 };
	struct ht_table *table;
	int status;

	if (ht_args(&usage, argc, argv, &status) < 0)
		return status;
	if (quick) {
		w1.rounds = 3;
		w1.tasks = 100000;
	}
	while (hb_peers[w1.n_peers])
		w1.n_peers++;
	w1.peers = ht_alloc(w1.n_peers, sizeof(*w1.peers));
	memcpy(w1.peers, hb_peers, w1.n_peers * sizeof(*w1.peers));
	choose_cells(&w1, workers, submitters);
	w1.machine = ht_machine_capture();
	hb_rust_find(&rust);
	take_versions(&w1, &rust);
	run_all(&w1, &rust);
	table = hb_w1_table(&w1);
	ht_table_print(table, json ? HT_JSON : csv ? HT_CSV : HT_TEXT, stdout);
	ht_table_free(table);
	status = ht_out_check();
	if (status == HT_OK && folder)
		status = hb_w1_store(&w1, folder);
	if (status == HT_OK)
		status = verdict(&w1);
	if (check && status == HT_OK)
		ht_say("W1 has no target in this release");
	release(&w1, &rust);
	return status;
}
