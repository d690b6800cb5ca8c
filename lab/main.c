/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The laboratory's program: lists scenarios, explores them, replays a failure,
 * counts what operations cost. `heddle explore` and `heddle count` run it.
 *
 * 0: nothing was found that should not be; 1: something was; 2: bad usage.
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/count.h"
#include "lab/engine.h"
#include "lab/fiber.h"
#include "lab/report.h"
#include "lab/shrink.h"

#define JOBS_MAX    64
#define PCT_RUNS    UINT64_C(1000000)
#define PCT_DEPTH   4
#define CHANCE_RUNS UINT64_C(100000)
#define PHASES_MAX  2
#define SECONDS_MAX 60.0 /* of one phase, where nothing is said */

/* What was given; numbers are one more than what was meant, 0: nothing. */
struct command {
	struct lab_options options;
	unsigned int bound_plus_1, old_plus_1;
	bool depth_given, random, runs_given, seconds_given;
	bool json, expect_failure, plain;
	unsigned int jobs, shard, shards;
	unsigned int rows;
};

/* The linker's names for the sections of LAB_SCENARIO and LAB_COUNTED. */
extern const struct lab_scenario *const __start_lab_scenarios[];
extern const struct lab_scenario *const __stop_lab_scenarios[];
extern const struct lab_counted *const __start_lab_counted[]
	__attribute__((weak));
extern const struct lab_counted *const __stop_lab_counted[]
	__attribute__((weak));

static const char help[] =
	"usage: heddle explore list [--json]\n"
	"       heddle explore run NAME...|all [OPTION...]\n"
	"       heddle explore replay NAME STRING [OPTION...]\n"
	"       heddle count NAME...|all [--json]\n"
	"\n"
	"Runs the library's own code under every order of its accesses, with the\n"
	"old values that a weak memory may give. Without an option each scenario\n"
	"is explored as far as it says itself.\n"
	"\n"
	"  --bound N        preemptions in an execution, complete; 'any' for all\n"
	"  --old N          old values in an execution; 'any' for all\n"
	"  --depth N        random priorities instead (PCT), for bugs of N steps\n"
	"  --random         random choices instead\n"
	"  --runs N         executions at most (of chance: 100000)\n"
	"  --seconds S      at most so long for each scenario and strategy (60)\n"
	"  --seed N         of the random choices (0)\n"
	"  --steps N        an execution with more is a livelock (20000)\n"
	"  --jobs N         processes (1)\n"
	"  --shard I/N      every N-th scenario only, from the I-th (from 1)\n"
	"  --expect         0 if a failure is found, 1 if none\n"
	"  --no-reduction   do not leave out executions that equal another one\n"
	"  --threads        real threads instead of fibers: slow, works everywhere\n"
	"  --rows N         of a failure's interleaving, the last ones (60; 0: all)\n"
	"  --no-shrink      show the failure as it was found\n"
	"  --json           results as JSON\n"
	"  --help           this text\n";

static __attribute__((format(printf, 1, 2))) int wrong(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fprintf(stderr, "heddle explore: ");
	vfprintf(stderr, fmt, args);
	fprintf(stderr, "; try --help\n");
	va_end(args);
	return 2;
}

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
		o.seconds_max = SECONDS_MAX;
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
		o.runs_max = PCT_RUNS;
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

static bool run_one(FILE *to, const struct lab_scenario *s,
		    const struct command *c, const char *replay)
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
		if (!phases[i].result.unfit && !replay && !c->plain)
			lab_shrink(&phases[i].options, &phases[i].result);
		if (!phases[i].result.unfit)
			record(&phases[i].options, &phases[i].result);
		n = i + 1;
	}
	verdict = lab_verdict_of(s, phases, n);
	if (c->json)
		lab_report_json(to, s, phases, n);
	else
		lab_report_text(to, s, phases, n, c->rows);
	lab_close();
	for (unsigned int i = 0; i < n; i++)
		free(phases[i].result.replay);
	if (phases[n - 1].result.unfit)
		exit(2);
	if (c->expect_failure)
		return phases[n - 1].result.failed;
	return verdict == LAB_PASSED || verdict == LAB_FOUND;
}

/* What the processes share: which scenario is next, and how many were bad. */
struct shared {
	_Atomic size_t next;
	_Atomic size_t bad;
};

static void work(struct shared *shared, const struct lab_scenario **list,
		 FILE **out, size_t n, const struct command *c)
{
	size_t i;

	while ((i = __atomic_fetch_add(&shared->next, 1, __ATOMIC_RELAXED)) <
	       n) {
		if (isatty(STDERR_FILENO))
			fprintf(stderr, "\r%zu/%zu %-30s", i + 1, n,
				list[i]->name);
		if (!run_one(out[i], list[i], c, NULL))
			__atomic_fetch_add(&shared->bad, 1, __ATOMIC_RELAXED);
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
			__atomic_fetch_add(&shared->bad, 1, __ATOMIC_RELAXED);
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
		printf("%zu scenarios, %zu bad\n", n, bad);
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
	int rc;

	if (!given)
		return wrong("no scenario is named");
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
				return wrong("no scenario is called '%s'; "
					     "'heddle explore list' has them",
					     names[i]);
			n++;
		}
	}
	for (size_t i = 0; i < n; i++) {
		const char *bad = bad_scenario(all[i]);

		if (bad)
			return wrong("scenario '%s': %s",
				     all[i]->name ? all[i]->name : "?", bad);
	}
	rc = n == 1 && c->jobs == 1 ? !run_one(stdout, all[0], c, NULL)
				    : run_list(all, n, c);
	if (n == 1 && c->jobs == 1 && c->json)
		printf("\n");
	free(all);
	return rc;
}

static int replay_scenario(char **args, int given, struct command *c)
{
	const struct lab_scenario *s;

	if (given != 2)
		return wrong("replay takes a scenario and a string");
	s = scenario_named(args[0]);
	if (!s)
		return wrong("no scenario is called '%s'; 'heddle explore "
			     "list' has them",
			     args[0]);
	return !run_one(stdout, s, c, args[1]);
}

/* -- counting -- */

static const struct lab_counted *counted;
static struct lab_count last_count;

static void count_thread(void)
{
	if (counted->warm)
		counted->warm();
	lab_count_begin();
	counted->run();
	lab_count_end(&last_count);
}

/* One execution in which nobody interrupts it. */
static bool count_one(const struct lab_counted *which, struct lab_count *count)
{
	struct lab_scenario s = {
		.name = which->name,
		.claim = which->what,
		.setup = which->setup,
		.thread = { count_thread },
		.settle = true,
	};
	struct lab_options o = lab_defaults;
	struct lab_result result;
	const char *(*sleeps)(void) = NULL;

	(void)sleeps;
	counted = which;
	o.bound = 0;
	o.runs_max = 1;
	lab_open(&s, &o);
	lab_explore(&o, &result);
	lab_at.counting = false;
	*count = last_count;
	lab_close();
	if (result.failed && strcmp(result.kind, "lost wake-up"))
		fprintf(stderr, "%s: %s\n", which->name, result.message);
	else
		result.failed = false;
	free(result.replay);
	return !result.failed;
}

static void print_count(const struct lab_counted *k, const struct lab_count *n,
			bool json, bool last)
{
	double d = k->divide ? k->divide : 1;

	if (!json) {
		printf("%-22s %7.2f %7.2f %6.2f %7.2f %7.2f %7.2f %6.2f %8.2f\n",
		       k->name, n->loads / d, n->stores / d, n->rmws / d,
		       n->failed / d, n->fences / d, n->plain / d, n->lines / d,
		       n->written / d);
		return;
	}
	printf("{\"operation\": ");
	lab_json_string(stdout, k->name);
	printf(", \"what\": ");
	lab_json_string(stdout, k->what);
	printf(", \"loads\": %.3f, \"stores\": %.3f, \"rmws\": %.3f, "
	       "\"failed\": %.3f, \"fences\": %.3f, \"plain\": %.3f, "
	       "\"lines\": %.3f, \"lines_written\": %.3f, "
	       "\"promised_rmws\": %u, \"promised_fences\": %u, "
	       "\"promised_lines\": %u, \"kept\": %s}%s\n",
	       n->loads / d, n->stores / d, n->rmws / d, n->failed / d,
	       n->fences / d, n->plain / d, n->lines / d, n->written / d,
	       k->promised.rmws, k->promised.fences, k->promised.lines,
	       n->rmws <= k->promised.rmws * d &&
			       n->fences <= k->promised.fences * d &&
			       n->lines <= k->promised.lines * d
		       ? "true"
		       : "false",
	       last ? "" : ",");
}

static int count_operations(char **names, int given, const struct command *c)
{
	size_t n = (size_t)(__stop_lab_counted - __start_lab_counted);
	bool all = given == 1 && !strcmp(names[0], "all"), good = true;
	size_t chosen = 0, printed = 0;

	if (!given)
		return wrong("no operation is named; 'all' counts each");
	for (int i = 0; i < given && !all; i++) {
		size_t k;

		for (k = 0; k < n; k++)
			if (!strcmp(__start_lab_counted[k]->name, names[i]))
				break;
		if (k == n)
			return wrong("no operation is called '%s'", names[i]);
	}
	chosen = all ? n : (size_t)given;
	if (c->json)
		printf("[\n");
	else
		printf("%-22s %7s %7s %6s %7s %7s %7s %6s %8s\n", "operation",
		       "loads", "stores", "rmws", "failed", "fences", "plain",
		       "lines", "written");
	for (size_t k = 0; k < n; k++) {
		const struct lab_counted *which = __start_lab_counted[k];
		struct lab_count count = { 0 };
		bool wanted = all;

		for (int i = 0; i < given; i++)
			wanted |= !strcmp(which->name, names[i]);
		if (!wanted)
			continue;
		good &= count_one(which, &count);
		print_count(which, &count, c->json, ++printed == chosen);
	}
	if (c->json)
		printf("]\n");
	return good ? 0 : 1;
}

/* -- the command line -- */

enum option_code {
	BOUND = 256,
	OLD,
	DEPTH,
	RANDOM,
	RUNS,
	SECONDS,
	SEED,
	STEPS,
	JOBS,
	SHARD,
	EXPECT,
	NO_REDUCTION,
	THREADS,
	ROWS,
	NO_SHRINK,
	JSON,
	HELP,
};

static const struct option options[] = {
	{ "bound", required_argument, NULL, BOUND },
	{ "old", required_argument, NULL, OLD },
	{ "depth", required_argument, NULL, DEPTH },
	{ "random", no_argument, NULL, RANDOM },
	{ "runs", required_argument, NULL, RUNS },
	{ "seconds", required_argument, NULL, SECONDS },
	{ "seed", required_argument, NULL, SEED },
	{ "steps", required_argument, NULL, STEPS },
	{ "jobs", required_argument, NULL, JOBS },
	{ "shard", required_argument, NULL, SHARD },
	{ "expect", no_argument, NULL, EXPECT },
	{ "no-reduction", no_argument, NULL, NO_REDUCTION },
	{ "threads", no_argument, NULL, THREADS },
	{ "rows", required_argument, NULL, ROWS },
	{ "no-shrink", no_argument, NULL, NO_SHRINK },
	{ "json", no_argument, NULL, JSON },
	{ "help", no_argument, NULL, HELP },
	{ NULL, 0, NULL, 0 },
};

static bool whole(const char *text, uint64_t max, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	return !errno && end != text && !*end && *text != '-' && *value <= max;
}

static bool parse_bound(const char *text, unsigned int *plus_1)
{
	uint64_t value;

	if (!strcmp(text, "any")) {
		*plus_1 = LAB_ANY;
		return true;
	}
	if (!whole(text, 1000, &value))
		return false;
	*plus_1 = (unsigned int)value + 1;
	return true;
}

/* One option; false if its argument makes no sense. */
static bool parse(struct command *c, int option, const char *text)
{
	uint64_t n = 0, m = 0;
	char *end;

	switch (option) {
	case BOUND:
		return parse_bound(text, &c->bound_plus_1);
	case OLD:
		return parse_bound(text, &c->old_plus_1);
	case DEPTH:
		c->depth_given = true;
		if (!whole(text, 16, &n) || !n)
			return false;
		c->options.depth = (int)n;
		return true;
	case RANDOM:
		c->random = true;
		return true;
	case RUNS:
		c->runs_given = true;
		return whole(text, UINT64_MAX, &c->options.runs_max);
	case SECONDS:
		c->seconds_given = true;
		errno = 0;
		c->options.seconds_max = strtod(text, &end);
		return end != text && !*end && c->options.seconds_max > 0;
	case SEED:
		return whole(text, UINT64_MAX, &c->options.seed);
	case STEPS:
		return whole(text, UINT64_MAX, &c->options.steps_max) &&
		       c->options.steps_max;
	case JOBS:
		if (!whole(text, JOBS_MAX, &n) || !n)
			return false;
		c->jobs = (unsigned int)n;
		return true;
	case SHARD:
		if (sscanf(text, "%lu/%lu", (unsigned long *)&n,
			   (unsigned long *)&m) != 2 ||
		    !n || n > m || m > 1000)
			return false;
		c->shard = (unsigned int)n - 1;
		c->shards = (unsigned int)m;
		return true;
	case EXPECT:
		c->expect_failure = true;
		return true;
	case NO_REDUCTION:
		c->options.reduction = false;
		return true;
	case THREADS:
		c->options.real_threads = true;
		return true;
	case ROWS:
		if (!whole(text, 1000000, &n))
			return false;
		c->rows = (unsigned int)n;
		return true;
	case NO_SHRINK:
		c->plain = true;
		return true;
	case JSON:
		c->json = true;
		return true;
	default:
		return false;
	}
}

static const char *option_name(int option)
{
	for (const struct option *o = options; o->name; o++)
		if (o->val == option)
			return o->name;
	return "?";
}

int main(int argc, char **argv)
{
	struct command c = {
		.options = lab_defaults, .jobs = 1, .shards = 1, .rows = 60
	};
	char **args;
	int option, given;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == HELP) {
			fputs(help, stdout);
			return 0;
		}
		if (option == '?')
			return wrong("'%s' is no option, or its argument is "
				     "missing",
				     argv[optind - 1]);
		if (!parse(&c, option, optarg))
			return wrong("--%s cannot be '%s'", option_name(option),
				     optarg);
	}
	if (optind >= argc)
		return wrong("no command is given");
	args = argv + optind + 1;
	given = argc - optind - 1;
	if (!strcmp(argv[optind], "list"))
		return list_scenarios(&c);
	if (!strcmp(argv[optind], "run"))
		return run_scenarios(args, given, &c);
	if (!strcmp(argv[optind], "replay"))
		return replay_scenario(args, given, &c);
	if (!strcmp(argv[optind], "count"))
		return count_operations(args, given, &c);
	return wrong("'%s' is no command", argv[optind]);
}
