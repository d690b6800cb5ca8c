/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `heddle stress`: runs the scenarios and their broken twins, one after the
 * other, and prints a line for each.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/args.h"
#include "tools/commands.h"
#include "tools/json.h"
#include "tools/machine.h"
#include "tools/out.h"
#include "tools/stress.h"

static const struct ht_scenario *const scenarios[] = {
	&ht_stress_submit, &ht_stress_start, &ht_stress_cap,
	&ht_stress_groups, &ht_stress_guest, &ht_stress_oracle,
	&ht_stress_under,  &ht_stress_donor, &ht_stress_under,
	&ht_stress_nproc,  &ht_stress_stop,  &ht_stress_two,
};

enum {
	N_SCENARIOS = sizeof(scenarios) / sizeof(scenarios[0]),
};

/* What was asked for, and the results so far. */
struct session {
	double seconds;
	double stall_seconds;
	double tasks; /* so that 1e9 may be written */
	double changes;
	double configurations;
	double cycles;
	uint64_t seed;
	bool is_json;
	bool is_csv;
	bool is_list;
	bool is_busted;
	bool is_ok;
	struct ht_table *table;
	const struct ht_scenario *chosen[N_SCENARIOS];
	uint32_t n_chosen;
	char missed[200]; /* the last promise that was missed */
};

static const struct ht_column columns[] = {
	{ "scenario", HT_STRING, NULL, 0 },  { "twin", HT_BOOL, NULL, 0 },
	{ "verdict", HT_STRING, NULL, 0 },   { "time", HT_REAL, "s", 1 },
	{ "threads", HT_UNSIGNED, NULL, 0 }, { "seed", HT_STRING, NULL, 0 },
	{ "tasks", HT_UNSIGNED, NULL, 0 },   { "lost", HT_UNSIGNED, NULL, 0 },
	{ "dup", HT_UNSIGNED, NULL, 0 },     { "cap", HT_UNSIGNED, NULL, 0 },
	{ "order", HT_UNSIGNED, NULL, 0 },   { "leak", HT_UNSIGNED, NULL, 0 },
	{ "tid", HT_UNSIGNED, NULL, 0 },     { "check", HT_UNSIGNED, NULL, 0 },
	{ "call", HT_UNSIGNED, NULL, 0 },    { "stall", HT_UNSIGNED, NULL, 0 },
	{ "near", HT_UNSIGNED, NULL, 0 },    { "first", HT_STRING, NULL, 0 },
	{ "note", HT_STRING, NULL, 0 },
};

static uint64_t load(const _Atomic(uint64_t) *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed); /* over */
}

/*
 * A run that never came near what it tests is not ok but weak: it found
 * nothing because it did not look.
 */
static const char *verdict_of(const struct ht_stress *run)
{
	if (run->has_stalled)
		return "FAIL";
	if (run->skipped[0])
		return "skip";
	if (run->is_busted)
		return ht_stress_twin_is_reported(run) ? "reported" : "MISSED";
	if (!ht_stress_is_ok(run))
		return "FAIL";
	return load(&run->near) && load(&run->tasks) ? "ok" : "weak";
}

static void add_row(struct session *session, const struct ht_stress *run)
{
	struct ht_table *table = session->table;
	char seed[32];
	int kind;

	snprintf(seed, sizeof(seed), "0x%" PRIx64, run->seed);
	ht_table_row(table);
	ht_table_string(table, run->scenario->name);
	ht_table_bool(table, run->is_busted);
	ht_table_string(table, verdict_of(run));
	ht_table_real(table,
		      (double)(run->finished_ns - run->started_ns) / 1e9);
	ht_table_unsigned(table, run->most_actors);
	ht_table_string(table, seed);
	ht_table_unsigned(table, load(&run->tasks));
	for (kind = 0; kind < HT_KINDS; kind++)
		ht_table_unsigned(table, load(&run->violations[kind]));
	ht_table_unsigned(table, run->has_stalled);
	ht_table_unsigned(table, load(&run->near));
	ht_table_string(table, run->first);
	ht_table_string(table, run->skipped[0] ? run->skipped : run->note);
}

static void print_twin(const struct ht_stress *run)
{
	const char *before = "";
	int kind;

	printf("%-11s broken twin reported: %s (", run->scenario->name,
	       ht_stress_twin_is_reported(run) ? "yes" : "NO");
	for (kind = 0; kind < HT_KINDS; kind++) {
		if (!(run->scenario->twin_kinds >> kind & 1))
			continue;
		printf("%s%s=%" PRIu64, before,
		       ht_kind_name((enum ht_kind)kind),
		       load(&run->violations[kind]));
		before = " ";
	}
	printf(") by %s\n", run->scenario->twin);
	fflush(stdout);
}

static void print_line(const struct ht_stress *run)
{
	const char *verdict = verdict_of(run);
	int kind;

	if (run->skipped[0]) {
		printf("%-11s skip %s\n", run->scenario->name, run->skipped);
		return;
	}
	if (run->is_busted && !run->has_stalled) {
		print_twin(run);
		return;
	}
	printf("%-11s %-4s %5.1fs %uthr seed=0x%" PRIx64 " tasks=%" PRIu64,
	       run->scenario->name, verdict,
	       (double)(run->finished_ns - run->started_ns) / 1e9,
	       run->most_actors, run->seed, load(&run->tasks));
	for (kind = 0; kind < HT_KINDS; kind++)
		printf(" %s=%" PRIu64, ht_kind_name((enum ht_kind)kind),
		       load(&run->violations[kind]));
	printf(" stall=%d near=%" PRIu64 "\n", run->has_stalled,
	       load(&run->near));
	if (run->note[0])
		printf("%-11s %s\n", "", run->note);
	if (!strcmp(verdict, "weak"))
		printf("%-11s no task, or never met: %s; more --seconds may "
		       "help\n",
		       "", run->scenario->near);
	fflush(stdout);
}

/* Take a finished run, or one that has just stalled, into the results. */
static void record(struct session *session, const struct ht_stress *run)
{
	const char *verdict = verdict_of(run);
	bool is_good = !strcmp(verdict, "ok") || !strcmp(verdict, "weak") ||
		       !strcmp(verdict, "reported") || !strcmp(verdict, "skip");

	add_row(session, run);
	if (!session->is_json && !session->is_csv)
		print_line(run);
	if (is_good)
		return;
	session->is_ok = false;
	snprintf(session->missed, sizeof(session->missed), "%s%s: %.150s",
		 run->scenario->name, run->is_busted ? ": the broken twin" : "",
		 run->has_stalled ? "an actor hangs"
		 : run->is_busted ? "was not reported"
				  : run->first);
}

static void print_json(const struct session *session)
{
	struct ht_machine *machine = ht_machine_capture();
	struct ht_json json;

	ht_json_start(&json, stdout);
	ht_json_bool(&json, "ok", session->is_ok);
	ht_json_real(&json, "seconds", session->seconds);
	ht_table_json(session->table, &json, "results");
	ht_machine_json(machine, &json, "machine");
	ht_json_finish(&json);
	ht_machine_free(machine);
}

/* The end of the output; returns the exit status. */
static int conclude(const struct session *session)
{
	int status;

	if (session->is_json)
		print_json(session);
	else if (session->is_csv)
		ht_table_print(session->table, HT_CSV, stdout);
	status = ht_out_check();
	if (session->is_ok)
		return status;
	ht_say("missed: %s", session->missed);
	return HT_MISSED;
}

/* On the watchdog's thread; the process ends when this returns. */
static void on_stall(struct ht_stress *run, void *arg)
{
	struct session *session = arg;

	record(session, run);
	conclude(session);
}

static void run_one(struct session *session, const struct ht_scenario *scenario,
		    bool is_busted)
{
	/* Its actors are aligned to lines, so it is not allocated. */
	static struct ht_stress run;
	double seconds = session->seconds;

	/* A twin ends as soon as it was reported, so this is an upper bound. */
	if (is_busted)
		seconds = 5;
	memset(&run, 0, sizeof(run));
	run.scenario = scenario;
	run.seed = session->seed;
	run.ends_ns = (uint64_t)(seconds * 1e9);
	run.stall_ns = (uint64_t)(session->stall_seconds * 1e9);
	run.is_busted = is_busted;
	run.tasks_wanted = is_busted ? 0 : (uint64_t)session->tasks;
	run.changes_wanted = (uint64_t)session->changes;
	run.configurations_wanted = (uint64_t)session->configurations;
	run.cycles_wanted = is_busted ? 0 : (uint64_t)session->cycles;
	run.is_quiet = is_busted && !session->is_busted;
	run.stalled = on_stall;
	run.stalled_arg = session;
	ht_stress_run(&run);
	record(session, &run);
}

static int print_list(void)
{
	static const struct ht_column list_columns[] = {
		{ "scenario", HT_STRING, NULL, 0 },
		{ "what it does", HT_STRING, NULL, 0 },
		{ "its broken twin", HT_STRING, NULL, 0 },
	};
	struct ht_table *table = ht_table_new("scenarios", list_columns, 3);
	uint32_t i;

	for (i = 0; i < N_SCENARIOS; i++) {
		ht_table_row(table);
		ht_table_string(table, scenarios[i]->name);
		ht_table_string(table, scenarios[i]->help);
		ht_table_string(table, scenarios[i]->twin);
	}
	ht_table_print(table, HT_TEXT, stdout);
	ht_table_free(table);
	return ht_out_check();
}

static bool choose(struct session *session, char **names, int n)
{
	uint32_t i, k;
	int at;

	for (at = 0; at < n; at++) {
		for (i = 0; i < N_SCENARIOS; i++)
			if (!strcmp(names[at], scenarios[i]->name))
				break;
		if (i == N_SCENARIOS) {
			ht_say("unknown scenario '%s' (heddle stress --list "
			       "lists them)",
			       names[at]);
			return false;
		}
		for (k = 0; k < session->n_chosen; k++)
			if (session->chosen[k] == scenarios[i])
				break;
		/* Twice is once. */
		if (k == session->n_chosen)
			session->chosen[session->n_chosen++] = scenarios[i];
	}
	for (i = 0; !n && i < N_SCENARIOS; i++)
		session->chosen[session->n_chosen++] = scenarios[i];
	return true;
}

static const char about[] =
	"Runs each scenario (all if none is named) against the "
	"library and checks its\npromises while it runs. Then "
	"runs the scenario's broken twin, which must be\n"
	"reported. Exit status 0: all kept; 1: one was missed; "
	"2: bad usage.";

static int read_arguments(struct session *session, int argc, char **argv,
			  int *status)
{
	const struct ht_option options[] = {
		{ .name = "seconds",
		  .type = HT_OPTION_REAL,
		  .value = &session->seconds,
		  .operand = "N",
		  .help = "for each scenario, above 0; 5 if not given",
		  .max = 1000000 },
		{ .name = "tasks",
		  .type = HT_OPTION_REAL,
		  .value = &session->tasks,
		  .operand = "N",
		  .help = "of cap-oracle, in place of seconds; 1e9 is a night",
		  .max = 1000000000000 },
		{ .name = "changes",
		  .type = HT_OPTION_REAL,
		  .value = &session->changes,
		  .operand = "N",
		  .help = "of caps in so many tasks; 2^20 in 1e9 if not given",
		  .max = 1000000000000 },
		{ .name = "configurations",
		  .type = HT_OPTION_REAL,
		  .value = &session->configurations,
		  .operand = "N",
		  .help = "of never-under, in place of seconds",
		  .max = 1000000000000 },
		{ .name = "cycles",
		  .type = HT_OPTION_REAL,
		  .value = &session->cycles,
		  .operand = "N",
		  .help = "of nproc, stop-states, two-pools, for seconds",
		  .max = 1000000000000 },
		{ .name = "seed",
		  .type = HT_OPTION_NUMBER,
		  .value = &session->seed,
		  .operand = "S",
		  .help = "of the operations of every thread",
		  .max = UINT64_MAX },
		{ .name = "stall-seconds",
		  .type = HT_OPTION_REAL,
		  .value = &session->stall_seconds,
		  .operand = "N",
		  .help = "an operation that takes longer is a failure; 20",
		  .min = 1,
		  .max = 100000 },
		{ .name = "busted",
		  .value = &session->is_busted,
		  .help = "run only the broken twins and print what they meet" },
		{ .name = "list",
		  .value = &session->is_list,
		  .help = "print the scenarios" },
		{ .name = "json",
		  .value = &session->is_json,
		  .help = "print one JSON document at the end" },
		{ .name = "csv",
		  .value = &session->is_csv,
		  .help = "print comma-separated values at the end" },
		{ .name = NULL },
	};
	const struct ht_usage usage = {
		.command = "heddle stress",
		.operands = "[SCENARIO...]",
		.operands_max = -1,
		.about = about,
		.options = options,
	};

	return ht_args(&usage, argc, argv, status);
}

int ht_stress_main(int argc, char **argv)
{
	struct session session = {
		.seconds = 5,
		.stall_seconds = 20,
		.is_ok = true,
	};
	int status, n;
	uint32_t i;

	/* A new one each time; every line of the output names it. */
	session.seed = ht_mix(ht_now()) & UINT32_MAX;
	n = read_arguments(&session, argc, argv, &status);
	if (n < 0)
		return status;
	if (session.is_json && session.is_csv) {
		ht_say("--csv: --json is given too");
		return HT_USAGE;
	}
	if (session.seconds <= 0) {
		ht_say("--seconds %g: it must be above 0", session.seconds);
		return HT_USAGE;
	}
	if (!choose(&session, argv + 1, n))
		return HT_USAGE;
	if (session.is_list)
		return print_list();
	session.table = ht_table_new("stress", columns,
				     sizeof(columns) / sizeof(columns[0]));
	for (i = 0; i < session.n_chosen; i++) {
		if (!session.is_busted)
			run_one(&session, session.chosen[i], false);
		run_one(&session, session.chosen[i], true);
	}
	status = conclude(&session);
	ht_table_free(session.table);
	return status;
}
