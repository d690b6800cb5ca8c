/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The laboratory's program: lists scenarios, explores them, replays a failure,
 * counts what operations cost. `heddle explore` and `heddle count` run it.
 *
 * 0: nothing was found that should not be; 1: something was; 2: bad usage.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/engine.h"
#include "lab/options.h"
#include "lab/report.h"
#include "lab/shrink.h"

#define PCT_RUNS      UINT64_C(1000000)
#define QUICK_RUNS    UINT64_C(20000)
#define PCT_DEPTH     4
#define CHANCE_RUNS   UINT64_C(100000)
#define PHASES_MAX    2
#define SECONDS_MAX   60.0 /* of one phase, where nothing is said */
#define QUICK_SECONDS 1.0

/* The linker's names for the section of LAB_SCENARIO. */
extern const struct lab_scenario *const __start_lab_scenarios[];
extern const struct lab_scenario *const __stop_lab_scenarios[];

/* -- names -- */

static size_t scenario_count(void)
{
	return (size_t)(__stop_lab_scenarios - __start_lab_scenarios);
}

static int by_name(const void *a, const void *b)
{
	const struct lab_scenario *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/* All of them in the order of their names; the caller frees. */
static const struct lab_scenario **sorted(void)
{
	size_t n = scenario_count();
	const struct lab_scenario **list = malloc((n + 1) * sizeof(*list));

	if (!list)
		abort();
	memcpy(list, __start_lab_scenarios, n * sizeof(*list));
	qsort(list, n, sizeof(*list), by_name);
	for (size_t i = 1; i < n; i++)
		if (!strcmp(list[i - 1]->name, list[i]->name)) {
			fprintf(stderr, "two scenarios are called '%s'\n",
				list[i]->name);
			exit(2);
		}
	return list;
}

static const struct lab_scenario *scenario_named(const char *name)
{
	for (size_t i = 0; i < scenario_count(); i++)
		if (!strcmp(__start_lab_scenarios[i]->name, name))
			return __start_lab_scenarios[i];
	return NULL;
}

/* What a scenario says of itself must make sense, or it is said. */
static const char *bad_scenario(const struct lab_scenario *s)
{
	if (!s->name || !*s->name || !s->claim)
		return "it has no name or no claim";
	if (!s->thread[0])
		return "it has no thread";
	for (unsigned int i = 1; i < LAB_THREADS_MAX; i++)
		if (s->thread[i] && !s->thread[i - 1])
			return "there is a gap in its threads";
	return NULL;
}

static unsigned int threads_of(const struct lab_scenario *s)
{
	unsigned int n = 0;

	while (n < LAB_THREADS_MAX && s->thread[n])
		n++;
	return n;
}

/* -- how far -- */

static void set_bound(int *bound, unsigned int plus_1)
{
	if (plus_1)
		*bound = plus_1 == LAB_ANY ? -1 : (int)plus_1 - 1;
}

static unsigned int plan(const struct lab_scenario *s, const struct command *c,
			 struct lab_phase *phases)
{
	struct lab_options o = c->options;
	unsigned int n = 0;

	if (!c->seconds_given)
		o.seconds_max = c->quick ? QUICK_SECONDS : SECONDS_MAX;
	if (c->depth_given || c->random) {
		o.strategy = c->random ? LAB_RANDOM : LAB_PCT;
		if (!c->runs_given)
			o.runs_max = CHANCE_RUNS;
		phases[n++].options = o;
		return n;
	}
	o.strategy = LAB_DFS;
	/* VERIFY: two threads up to three preemptions, and so on. */
	o.bound = threads_of(s) <= 2 ? 3 : threads_of(s) == 3 ? 2 : 1;
	set_bound(&o.bound, s->bound_plus_1);
	set_bound(&o.bound, c->bound_plus_1);
	set_bound(&o.old_max, s->old_plus_1);
	set_bound(&o.old_max, c->old_plus_1);
	phases[n++].options = o;
	if (!s->pct || c->bound_plus_1)
		return n;
	o.strategy = LAB_PCT;
	o.depth = PCT_DEPTH;
	if (!c->runs_given)
		o.runs_max = c->quick ? QUICK_RUNS : PCT_RUNS;
	phases[n++].options = o;
	return n;
}

/* -- running -- */

/* Once more, with every step recorded. */
static void record(const struct lab_options *options, struct lab_result *result)
{
	struct lab_options o = *options;
	struct lab_result again;

	o.strategy = LAB_REPLAY;
	o.replay = result->replay;
	lab_at.tracing = true;
	lab_explore(&o, &again);
	lab_at.tracing = false;
	free(again.replay);
}

/* Nothing was found: the scenario has other choices than the string. */
static int unfit(const struct lab_scenario *s, const struct lab_phase *phase)
{
	fprintf(stderr,
		"heddle explore: '%s' is not a string of scenario %s: %s\n",
		phase->options.replay, s->name, phase->result.message);
	return 2;
}

static bool run_one(FILE *to, const struct lab_scenario *s,
		    const struct command *c, const char *replay, bool *is_cut)
{
	struct lab_phase phases[PHASES_MAX];
	unsigned int n = plan(s, c, phases);
	enum lab_verdict verdict;

	memset(&phases[0].result, 0, sizeof(phases[0].result));
	if (replay) {
		n = 1;
		phases[0].options.strategy = LAB_REPLAY;
		phases[0].options.replay = replay;
	}
	lab_open(s, &phases[0].options);
	for (unsigned int i = 0; i < n; i++) {
		lab_explore(&phases[i].options, &phases[i].result);
		if (!phases[i].result.failed)
			continue;
		n = i + 1;
		if (phases[i].result.unfit)
			break;
		if (!replay && !c->plain)
			lab_shrink(&phases[i].options, &phases[i].result);
		record(&phases[i].options, &phases[i].result);
	}
	if (phases[n - 1].result.unfit)
		exit(unfit(s, &phases[n - 1]));
	verdict = lab_verdict_of(s, phases, n);
	if (c->json)
		lab_report_json(to, s, phases, n);
	else
		lab_report_text(to, s, phases, n, c->rows);
	lab_close();
	*is_cut = false;
	for (unsigned int i = 0; i < n; i++) {
		*is_cut |= lab_cut(&phases[i]) != LAB_NOT_CUT;
		free(phases[i].result.replay);
	}
	if (c->expect_failure)
		return phases[n - 1].result.failed;
	return verdict == LAB_PASSED || verdict == LAB_FOUND;
}

/* What the processes share: which scenario is next, and how they went. */
struct shared {
	_Atomic size_t next;
	_Atomic size_t bad;
	_Atomic size_t cut; /* ended before they were through */
};

/* Those with PCT take longest, so they come first. */
static size_t turn_of(const struct lab_scenario **list, size_t n, size_t turn)
{
	for (int pct = 1; pct >= 0; pct--)
		for (size_t i = 0; i < n; i++)
			if (list[i]->pct == pct && turn-- == 0)
				return i;
	return n;
}

static void work(struct shared *shared, const struct lab_scenario **list,
		 FILE **out, size_t n, const struct command *c)
{
	size_t i, turn;
	bool is_cut;

	while ((turn = atomic_fetch_add_explicit(&shared->next, 1,
						 memory_order_relaxed)) < n) {
		i = turn_of(list, n, turn);
		if (isatty(STDERR_FILENO))
			fprintf(stderr, "\r%zu/%zu %-30s", turn + 1, n,
				list[i]->name);
		if (!run_one(out[i], list[i], c, NULL, &is_cut))
			atomic_fetch_add_explicit(&shared->bad, 1,
						  memory_order_relaxed);
		if (is_cut)
			atomic_fetch_add_explicit(&shared->cut, 1,
						  memory_order_relaxed);
		fflush(out[i]);
	}
}

static void copy_out(FILE *from)
{
	char buffer[4096];
	size_t n;

	rewind(from);
	while ((n = fread(buffer, 1, sizeof(buffer), from)) > 0)
		fwrite(buffer, 1, n, stdout);
	fclose(from);
}

/* Each scenario's output in a file of its own, printed in order at the end. */
static int run_list(const struct lab_scenario **list, size_t n,
		    const struct command *c)
{
	struct shared *shared = mmap(NULL, sizeof(*shared),
				     PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	FILE **out = calloc(n + 1, sizeof(*out));
	size_t bad;
	int status;

	if (shared == MAP_FAILED || !out)
		abort();
	for (size_t i = 0; i < n; i++) {
		out[i] = tmpfile();
		if (!out[i]) {
			perror("a file for the results");
			return 2;
		}
	}
	for (unsigned int j = 0; j < c->jobs; j++) {
		pid_t child = fork();

		if (child < 0) {
			perror("fork");
			return 2;
		}
		if (!child) {
			work(shared, list, out, n, c);
			_exit(0);
		}
	}
	while (wait(&status) > 0)
		if (!WIFEXITED(status) || WEXITSTATUS(status)) {
			fprintf(stderr, "a process of the laboratory died\n");
			atomic_fetch_add_explicit(&shared->bad, 1,
						  memory_order_relaxed);
		}
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%60s\r", "");
	if (c->json)
		printf("[\n");
	for (size_t i = 0; i < n; i++) {
		copy_out(out[i]);
		if (c->json)
			printf("%s\n", i + 1 < n ? "," : "");
	}
	if (c->json)
		printf("]\n");
	bad = shared->bad;
	if (n > 1 && !c->json)
		printf("%zu scenarios, %zu bad, %zu not complete\n", n, bad,
		       (size_t)shared->cut);
	free(out);
	return bad ? 1 : 0;
}

/* -- commands -- */

static int list_scenarios(const struct command *c)
{
	const struct lab_scenario **list = sorted();
	size_t n = scenario_count();

	if (c->json)
		printf("[\n");
	for (size_t i = 0; i < n; i++) {
		if (!c->json) {
			printf("%-26s %u threads  %s%s%s\n", list[i]->name,
			       threads_of(list[i]), list[i]->claim,
			       list[i]->fails ? "; must fail: " : "",
			       list[i]->fails ? list[i]->fails : "");
			continue;
		}
		printf("{\"scenario\": ");
		lab_json_string(stdout, list[i]->name);
		printf(", \"threads\": %u, \"claim\": ", threads_of(list[i]));
		lab_json_string(stdout, list[i]->claim);
		printf(", \"must_fail\": %s}%s\n",
		       list[i]->fails ? "true" : "false", i + 1 < n ? "," : "");
	}
	if (c->json)
		printf("]\n");
	free(list);
	return 0;
}

static int run_scenarios(char **names, int given, const struct command *c)
{
	const struct lab_scenario **all = sorted();
	size_t n = 0;
	bool is_cut;
	int rc;

	if (!given)
		return lab_wrong("no scenario is named");
	if (given == 1 && !strcmp(names[0], "all")) {
		size_t total = scenario_count();

		for (size_t i = 0; i < total; i++)
			if (i % c->shards == c->shard)
				all[n++] = all[i];
	} else {
		free(all);
		all = calloc((size_t)given + 1, sizeof(*all));
		if (!all)
			abort();
		for (int i = 0; i < given; i++) {
			all[n] = scenario_named(names[i]);
			if (!all[n])
				return lab_wrong(
					"no scenario is called '%s'; "
					"'heddle explore list' has them",
					names[i]);
			n++;
		}
	}
	for (size_t i = 0; i < n; i++) {
		const char *bad = bad_scenario(all[i]);

		if (bad)
			return lab_wrong("scenario '%s': %s",
					 all[i]->name ? all[i]->name : "?",
					 bad);
	}
	rc = n == 1 && c->jobs == 1 ? !run_one(stdout, all[0], c, NULL, &is_cut)
				    : run_list(all, n, c);
	if (n == 1 && c->jobs == 1 && c->json)
		printf("\n");
	free(all);
	return rc;
}

static int replay_scenario(char **args, int given, struct command *c)
{
	const struct lab_scenario *s;
	bool is_cut;

	if (given != 2)
		return lab_wrong("replay takes a scenario and a string");
	s = scenario_named(args[0]);
	if (!s)
		return lab_wrong("no scenario is called '%s'; 'heddle explore "
				 "list' has them",
				 args[0]);
	return !run_one(stdout, s, c, args[1], &is_cut);
}

int main(int argc, char **argv)
{
	struct command c;
	int status, at = lab_parse(argc, argv, &c, &status);
	char **args = argv + at + 1;

	if (!at)
		return status;
	argc -= at + 1;
	if (!strcmp(argv[at], "list")) {
		if (argc)
			return lab_wrong("list takes no name: '%s'", args[0]);
		return list_scenarios(&c);
	}
	if (!strcmp(argv[at], "run"))
		return run_scenarios(args, argc, &c);
	if (!strcmp(argv[at], "replay"))
		return replay_scenario(args, argc, &c);
	if (!strcmp(argv[at], "count"))
		return lab_count_operations(args, argc, &c);
	return lab_wrong("'%s' is no command", argv[at]);
}
