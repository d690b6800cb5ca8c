/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `heddle stall`: which operations are meant, the table, the verdict. A program of
 * its own, since it reaches inside the library.
 */
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/stall.h"
#include "tools/args.h"
#include "tools/out.h"
#include "tools/progress.h"
#include "tools/say.h"

#define QUICK 4u

static const struct hs_operation *const lists[] = {
	hs_controls, hs_words,        hs_queues,         hs_deques,
	hs_pool,     hs_opponents_ck, hs_opponents_urcu,
};

#define N_LISTS (sizeof(lists) / sizeof(lists[0]))

static const char *const claims[] = {
	[HS_WAIT_FREE] = "wait-free", [HS_LOCK_FREE] = "lock-free",
	[HS_BLOCKING] = "blocking",   [HS_OPPONENT] = "opponent",
	[HS_CONTROL] = "control",
};

static struct {
	bool list, quick, json, csv;
} wanted;

static const struct ht_option options[] = {
	{ .name = "list",
	  .value = &wanted.list,
	  .help = "name them, run none" },
	{ .name = "quick",
	  .value = &wanted.quick,
	  .help = "every fourth boundary only" },
	{ .name = "json", .value = &wanted.json, .help = "for programs" },
	{ .name = "csv", .value = &wanted.csv, .help = "for programs" },
	{ .name = NULL },
};

static const struct ht_usage usage = {
	.command = "heddle stall",
	.operands = "[OPERATION...]",
	.operands_max = -1,
	.about =
		"Stops a thread before each instruction of each operation that "
		"says it is\nlock-free; others must finish theirs meanwhile. "
		"All operations when none is named.",
	.options = options,
};

/* ---- which operations ---- */

static const struct hs_operation *find(const char *name)
{
	const struct hs_operation *o;
	size_t i;

	for (i = 0; i < N_LISTS; i++)
		for (o = lists[i]; o->name; o++)
			if (!strcmp(o->name, name))
				return o;
	return NULL;
}

static const struct hs_operation **choose(int argc, char **argv, size_t *n)
{
	const struct hs_operation **chosen = NULL, *o;
	size_t i;

	*n = 0;
	for (i = 0; i < (size_t)argc; i++) {
		o = find(argv[i]);
		if (!o) {
			ht_say("stall: no operation is called '%s' "
			       "(heddle stall --list)",
			       argv[i]);
			free(chosen);
			return NULL;
		}
		chosen = ht_grow(chosen, *n, sizeof(o));
		chosen[(*n)++] = o;
	}
	for (i = 0; i < N_LISTS && argc == 0; i++)
		for (o = lists[i]; o->name; o++)
			if (!o->hidden) {
				chosen = ht_grow(chosen, *n, sizeof(o));
				chosen[(*n)++] = o;
			}
	return chosen;
}

static bool runs(const struct hs_operation *o)
{
	return o->victim != NULL;
}

static bool claims_progress(const struct hs_operation *o)
{
	return o->claim == HS_WAIT_FREE || o->claim == HS_LOCK_FREE;
}

/* ---- the verdict ---- */

/* Something that makes the exit status 1; free() it. NULL if all is well. */
static char *complaint(const struct hs_operation *o, const struct hs_result *r)
{
	if (r->is_lost)
		return ht_text("%s: the run was lost after %u boundaries",
			       o->name, r->tried);
	if (o->claim == HS_CONTROL && !r->blocked)
		return ht_text("%s was not found blocking: the stall table "
			       "itself is broken",
			       o->name);
	if (!claims_progress(o))
		return NULL;
	if (r->blocked) {
		char *where = hs_symbol(r->first);
		char *text = ht_text("%s says that it is %s and blocks at %s",
				     o->name, claims[o->claim], where);

		free(where);
		return text;
	}
	if (r->withheld_sure > 1) {
		char *where = hs_symbol(r->first);
		char *text = ht_text("%s withholds %u permits at %s", o->name,
				     r->withheld_sure, where);

		free(where);
		return text;
	}
	if (r->tried == r->missed)
		return ht_text("%s: its victim never came by again", o->name);
	return NULL;
}

static char *verdict(const struct hs_operation *o, const struct hs_result *r,
		     bool is_bad)
{
	if (!runs(o))
		return ht_text("not run; waits for %s", o->blocker);
	if (r->is_lost)
		return ht_text("lost");
	if (o->claim == HS_BLOCKING)
		return ht_text("%s, as it says: %s",
			       r->blocked ? "blocks" : "never blocked",
			       o->blocker);
	if (is_bad)
		return ht_text(r->blocked ? "BLOCKS" : "WITHHOLDS %u",
			       r->withheld_sure);
	return ht_text(r->blocked ? "blocks" : "never blocked");
}

/* ---- the table ---- */

/* clang-format off */
static const struct ht_column columns[] = {
	{ "operation", HT_STRING, NULL, 0 },
	{ "claim", HT_STRING, NULL, 0 },
	{ "boundaries", HT_UNSIGNED, NULL, 0 },
	{ "tried", HT_UNSIGNED, NULL, 0 },
	{ "missed", HT_UNSIGNED, NULL, 0 },
	{ "blocked", HT_UNSIGNED, NULL, 0 },
	{ "withheld", HT_UNSIGNED, NULL, 0 },
	{ "most", HT_UNSIGNED, NULL, 0 },
	{ "wakes", HT_UNSIGNED, NULL, 0 },
	{ "verdict", HT_STRING, NULL, 0 },
	{ "at", HT_STRING, NULL, 0 },
	{ "first", HT_STRING, NULL, 0 },
};
/* clang-format on */

static void add_row(struct ht_table *table, const struct hs_operation *o,
		    const struct hs_result *r, bool is_bad)
{
	char *text = verdict(o, r, is_bad);
	char *where;

	ht_table_row(table);
	ht_table_string(table, o->name);
	ht_table_string(table, claims[o->claim]);
	if (!runs(o)) {
		int i;

		for (i = 0; i < 7; i++)
			ht_table_missing(table);
		ht_table_string(table, text);
		free(text);
		return;
	}
	ht_table_unsigned(table, r->boundaries);
	ht_table_unsigned(table, r->tried);
	ht_table_unsigned(table, r->missed);
	ht_table_unsigned(table, r->blocked);
	if (o->script) {
		ht_table_unsigned(table, r->withheld);
		ht_table_unsigned(table, r->withheld_most);
		ht_table_unsigned(table, r->stranded);
	} else {
		ht_table_missing(table);
		ht_table_missing(table);
		ht_table_missing(table);
	}
	ht_table_string(table, text);
	free(text);
	if (!r->bad)
		return;
	ht_table_string(table, r->ranges);
	where = hs_symbol(r->first);
	ht_table_string(table, where);
	free(where);
}

static int list(void)
{
	const struct hs_operation *o;
	size_t i;

	for (i = 0; i < N_LISTS; i++)
		for (o = lists[i]; o->name; o++)
			printf("%-22s  %-9s  %s%s\n", o->name, claims[o->claim],
			       o->where, o->hidden ? " (only when named)" : "");
	return ht_out_check();
}

/* ---- running them ---- */

/* Most of the time they wait to see that nothing happens: more than there are CPUs. */
#define AT_ONCE 6u

struct jobs {
	const struct hs_operation *const *chosen;
	struct hs_result *result; /* shared with those that run */
	size_t *order;            /* what is long begins first */
	size_t n, begun, ended;
	struct ht_progress progress;
};

static void show(struct jobs *jobs)
{
	const char *name = "";
	double part = 0;
	size_t i;

	for (i = 0; i < jobs->n; i++) {
		const struct hs_result *r = &jobs->result[i];

		if (r->ended) {
			part += 1;
		} else if (r->boundaries) {
			part += (double)r->at / r->boundaries;
			name = jobs->chosen[i]->name;
		}
	}
	ht_progress_show(&jobs->progress, part / (double)jobs->n, "%s", name);
}

/* A thread is traced by the one process that has begun to: one for each. */
static void begin(struct jobs *jobs)
{
	size_t i = jobs->order[jobs->begun++];
	const struct hs_operation *o = jobs->chosen[i];
	struct hs_result *r = &jobs->result[i];

	if (!runs(o)) {
		r->ended = 1;
		jobs->ended++;
		return;
	}
	fflush(stdout);
	switch (fork()) {
	case 0:
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		r->status = hs_run(o, wanted.quick ? QUICK : 1, r);
		r->ended = 1;
		_exit(0);
	case -1:
		r->status = HT_SKIP;
		r->ended = 1;
		jobs->ended++;
		break;
	}
}

static void put_in_order(struct jobs *jobs)
{
	size_t i, at = 0;
	int turn;

	jobs->order = ht_alloc(jobs->n, sizeof(*jobs->order));
	for (turn = 0; turn < 3; turn++)
		for (i = 0; i < jobs->n; i++) {
			const struct hs_operation *o = jobs->chosen[i];

			if (turn == (o->sleeps ? 0 : o->script ? 1 : 2))
				jobs->order[at++] = i;
		}
}

static void run_jobs(struct jobs *jobs)
{
	size_t running = 0;

	ht_progress_start(&jobs->progress, "stall");
	while (jobs->begun < jobs->n || running) {
		while (jobs->begun < jobs->n && running < AT_ONCE) {
			size_t before = jobs->ended;

			begin(jobs);
			running += jobs->ended == before;
		}
		show(jobs);
		while (running && waitpid(-1, NULL, WNOHANG) > 0) {
			running--;
			jobs->ended++;
		}
		usleep(20000);
	}
	ht_progress_clear(&jobs->progress);
}

static int print(const struct jobs *jobs)
{
	struct ht_table *table = ht_table_new(
		"stall", columns, sizeof(columns) / sizeof(columns[0]));
	char *last = NULL;
	int status;
	size_t i;

	for (i = 0; i < jobs->n; i++) {
		const struct hs_operation *o = jobs->chosen[i];
		struct hs_result *r = &jobs->result[i];
		char *bad;

		r->is_lost |= !r->ended;
		bad = runs(o) ? complaint(o, r) : NULL;
		add_row(table, o, r, bad != NULL);
		if (bad) {
			free(last);
			last = bad;
		}
	}
	ht_table_print(table,
		       wanted.json  ? HT_JSON
		       : wanted.csv ? HT_CSV
				    : HT_TEXT,
		       stdout);
	ht_table_free(table);
	if (wanted.quick)
		ht_say("stall: quick: each %uth boundary was tried, and no "
		       "other",
		       QUICK);
	status = ht_out_check();
	if (last && status == HT_OK) {
		ht_say("stall: %s", last);
		status = HT_MISSED;
	}
	free(last);
	return status;
}

static int run_all(const struct hs_operation *const *chosen, size_t n)
{
	struct jobs jobs = { .chosen = chosen, .n = n };
	size_t i, size = n * sizeof(*jobs.result);
	int status = HT_OK;

	jobs.result = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (jobs.result == MAP_FAILED) {
		ht_say("stall: no memory");
		return HT_SKIP;
	}
	put_in_order(&jobs);
	run_jobs(&jobs);
	free(jobs.order);
	for (i = 0; i < n; i++)
		if (jobs.result[i].status)
			status = jobs.result[i].status;
	if (status == HT_OK)
		status = print(&jobs);
	munmap(jobs.result, size);
	return status;
}

int main(int argc, char **argv)
{
	const struct hs_operation **chosen;
	const char *denied;
	int n_names, status;
	size_t n;

	n_names = ht_args(&usage, argc, argv, &status);
	if (n_names < 0)
		return status;
	if (wanted.json && wanted.csv) {
		ht_say("stall: --json and --csv exclude each other");
		return HT_USAGE;
	}
	chosen = choose(n_names, argv + 1, &n);
	if (!chosen)
		return HT_USAGE;
	if (wanted.list) {
		free(chosen);
		return list();
	}
	denied = hs_trace_denied();
	if (denied) {
		ht_say("stall: %s", denied);
		status = HT_SKIP;
	} else {
		status = run_all(chosen, n);
	}
	free(chosen);
	return status;
}
