/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The program behind `heddle bench lockfree`: options, and whose turn it is. A
 * first short round of each cell says how many items fill the time of a round;
 * then in every round each shape lets its peers run once, in an order drawn anew.
 */
#include "bench/lockfree.h"

#include <math.h>
#include <sched.h>
#include <stdlib.h>

#include "tools/args.h"
#include "tools/machine.h"
#include "tools/out.h"
#include "tools/progress.h"
#include "tools/random.h"
#include "tools/say.h"

#define PILOT_ITEMS 4000
#define ITEMS_MAX   UINT64_C(20000000)

#define FOUR_LONGER 5

/* A cell that was killed so often has no more rounds. */
#define LATE_MAX 2

static void add_list(struct hb_lf_run *run, enum hb_lf_shape shape,
		     const struct hb_lf_peer *peer)
{
	for (; peer->name; peer++) {
		struct hb_lf_cell *cell;

		if (!(peer->shapes >> shape & 1))
			continue;
		run->cells = ht_grow(run->cells, run->n_cells + 1,
				     sizeof(*run->cells));
		cell = &run->cells[run->n_cells++];
		*cell = (struct hb_lf_cell){ .peer = peer, .shape = shape };
	}
}

static const char *reason_against(const struct hb_lf_run *run,
				  const struct hb_lf_cell *cell)
{
	if (cell->peer->absent && cell->peer->absent())
		return cell->peer->absent();
	if (run->terms.cpu[1] < 0 && cell->shape != HB_LF_PAIR &&
	    cell->shape != HB_LF_FOUR && cell->shape != HB_LF_OWNER)
		return "skipped: one CPU in the affinity mask";
	return NULL;
}

static void make_cells(struct hb_lf_run *run)
{
	int shape;
	size_t i;

	for (shape = 0; shape < HB_LF_SHAPES; shape++) {
		add_list(run, (enum hb_lf_shape)shape, hb_lf_our_queues);
		add_list(run, (enum hb_lf_shape)shape, hb_lf_deques);
		add_list(run, (enum hb_lf_shape)shape, hb_lf_urcu_queues);
		add_list(run, (enum hb_lf_shape)shape, hb_lf_ck_queues);
		add_list(run, (enum hb_lf_shape)shape, hb_lf_mutex_queues);
	}
	for (i = 0; i < run->n_cells; i++) {
		struct hb_lf_cell *cell = &run->cells[i];
		const char *reason = reason_against(run, cell);
		uint64_t round;

		if (reason)
			cell->note = ht_text("%s", reason);
		cell->ns = ht_alloc(run->rounds, sizeof(*cell->ns));
		for (round = 0; round < run->rounds; round++)
			cell->ns[round] = NAN;
	}
}

/* How many items fill a round; the note when not even a few end in time. */
static void pilot(const struct hb_lf_run *run, struct hb_lf_cell *cell)
{
	struct hb_lf_round round;
	double n;

	if (cell->note || cell->shape == HB_LF_BUSY)
		return;
	cell->items = PILOT_ITEMS;
	cell->note = hb_lf_try(cell->peer, cell->shape, &run->terms,
			       cell->items, &round);
	if (cell->note) {
		cell->late++;
		return;
	}
	n = (double)run->round_ms * 1e6 / round.ns;
	/* More threads than CPUs: a round must hold many of their time slices. */
	if (cell->shape == HB_LF_FOUR)
		n *= FOUR_LONGER;
	cell->items = n < PILOT_ITEMS ? PILOT_ITEMS
		      : n > ITEMS_MAX ? ITEMS_MAX
				      : (uint64_t)n;
}

/* The trials of a busy owner are spread over the rounds. */
static uint64_t share_of(const struct hb_lf_run *run, uint64_t round)
{
	return run->trials * (round + 1) / run->rounds -
	       run->trials * round / run->rounds;
}

static void run_one(const struct hb_lf_run *run, struct hb_lf_cell *cell,
		    uint64_t number)
{
	bool is_busy = cell->shape == HB_LF_BUSY;
	uint64_t n = is_busy ? share_of(run, number) : cell->items;
	struct hb_lf_terms terms = run->terms;
	struct hb_lf_round round;
	char *wrong;

	if (cell->note || !n)
		return;
	if (is_busy) {
		cell->trials += n;
		terms.limit_ns += n * terms.compute_ns;
	}
	wrong = hb_lf_try(cell->peer, cell->shape, &terms, n, &round);
	if (!wrong) {
		cell->ns[number] = round.ns;
		cell->all += round.all;
	} else if (++cell->late >= LATE_MAX) {
		cell->note = wrong;
		return;
	}
	free(wrong);
}

static void run_shape(const struct hb_lf_run *run, enum hb_lf_shape shape,
		      uint64_t round, struct ht_random *random)
{
	struct hb_lf_cell *order[64];
	size_t n = 0, i;

	for (i = 0; i < run->n_cells && n < 64; i++)
		if (run->cells[i].shape == shape)
			order[n++] = &run->cells[i];
	for (; n; n--) {
		size_t k = ht_random_below(random, (uint32_t)n);

		run_one(run, order[k], round);
		order[k] = order[n - 1];
	}
}

static void run_all(struct hb_lf_run *run)
{
	struct ht_progress progress;
	struct ht_random random;
	uint64_t round, steps = (run->rounds + 1) * HB_LF_SHAPES, step = 0;
	int shape;
	size_t i;

	ht_random_seed(&random, run->seed, 0, 0);
	ht_progress_start(&progress, "lockfree");
	for (i = 0; i < run->n_cells; i++) {
		ht_progress_show(&progress,
				 (double)i / (double)run->n_cells /
					 (double)(run->rounds + 1),
				 "how many items a round takes");
		pilot(run, &run->cells[i]);
	}
	step = HB_LF_SHAPES;
	for (round = 0; round < run->rounds; round++)
		for (shape = 0; shape < HB_LF_SHAPES; shape++) {
			ht_progress_show(
				&progress, (double)step++ / (double)steps,
				"round %llu, %s", (unsigned long long)round + 1,
				hb_lf_shape_name((enum hb_lf_shape)shape));
			run_shape(run, (enum hb_lf_shape)shape, round, &random);
		}
	ht_progress_done(&progress, "%zu cells, %llu rounds", run->n_cells,
			 (unsigned long long)run->rounds);
}

/* The first two of the CPUs that this process may use. */
static void find_cpus(struct hb_lf_terms *terms)
{
	cpu_set_t set;
	int cpu, n = 0;

	terms->cpu[0] = terms->cpu[1] = -1;
	if (sched_getaffinity(0, sizeof(set), &set))
		return;
	for (cpu = 0; cpu < CPU_SETSIZE && n < 2; cpu++)
		if (CPU_ISSET(cpu, &set))
			terms->cpu[n++] = cpu;
}

static void release(struct hb_lf_run *run)
{
	size_t i;

	for (i = 0; i < run->n_cells; i++) {
		free(run->cells[i].ns);
		free(run->cells[i].note);
	}
	free(run->cells);
	ht_machine_free(run->machine);
}

static int run_and_tell(struct hb_lf_run *run, enum ht_format format,
			const char *folder, bool check)
{
	struct ht_table *table;
	int status;

	run->terms.limit_ns = run->limit_ms * 1000000;
	find_cpus(&run->terms);
	run->machine = ht_machine_capture();
	make_cells(run);
	run_all(run);
	table = hb_lf_table(run);
	ht_table_print(table, format, stdout);
	ht_table_free(table);
	status = ht_out_check();
	if (status == HT_OK && folder)
		status = hb_lf_store(run, folder);
	if (status == HT_OK && check)
		status = hb_lf_check(run);
	release(run);
	return status;
}

int main(int argc, char **argv)
{
	struct hb_lf_run run = { .rounds = 9,
				 .round_ms = 20,
				 .limit_ms = 2000,
				 .trials = 100,
				 .seed = 1,
				 .terms = { .compute_ns = 10000000 } };
	bool quick = false, json = false, csv = false, check = false;
	const char *folder = NULL;
	const struct ht_option options[] = {
		{ "rounds", HT_OPTION_NUMBER, &run.rounds, "N", "of each peer",
		  1, 1000, NULL },
		{ "round-ms", HT_OPTION_NUMBER, &run.round_ms, "N",
		  "that a round is to take", 1, 10000, NULL },
		{ "limit-ms", HT_OPTION_NUMBER, &run.limit_ms, "N",
		  "after which a round is ended", 10, 60000, NULL },
		{ "trials", HT_OPTION_NUMBER, &run.trials, "N",
		  "of the busy owner", 1, 100000, NULL },
		{ "quick", HT_OPTION_FLAG, &quick, NULL,
		  "3 rounds of 5 ms, 30 trials", 0, 0, NULL },
		{ "seed", HT_OPTION_NUMBER, &run.seed, "S",
		  "of the order of the peers", 0, UINT64_MAX, NULL },
		{ "out", HT_OPTION_STRING, &folder, "DIR",
		  "results folder: rounds.csv, lockfree.svg, results.json", 0,
		  0, NULL },
		{ "json", HT_OPTION_FLAG, &json, NULL, "print JSON", 0, 0,
		  NULL },
		{ "csv", HT_OPTION_FLAG, &csv, NULL, "print CSV", 0, 0, NULL },
		{ "check", HT_OPTION_FLAG, &check, NULL,
		  "compare with the targets", 0, 0, NULL },
		{ .name = NULL },
	};
	const struct ht_usage usage = {
		.command = "heddle bench lockfree",
		.about = "Queues and deques alone, ours and others', in one "
			 "interleaved run.",
		.options = options,
	};
	int status;

	if (ht_args(&usage, argc, argv, &status) < 0)
		return status;
	if (quick) {
		run.rounds = run.rounds < 3 ? run.rounds : 3;
		run.round_ms = run.round_ms < 5 ? run.round_ms : 5;
		run.trials = run.trials < 30 ? run.trials : 30;
	}
	return run_and_tell(&run,
			    json  ? HT_JSON
			    : csv ? HT_CSV
				  : HT_TEXT,
			    folder, check);
}
