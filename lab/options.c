/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOBS_MAX 64

static const char help[] =
	"usage: heddle explore list [--json]\n"
	"       heddle explore run NAME...|all [OPTION...]\n"
	"       heddle explore replay NAME STRING [OPTION...]\n"
	"       heddle count NAME...|all|list [--json]\n"
	"\n"
	"Runs the library's own code under every order of its accesses, with the\n"
	"old values that a weak memory may give. Without an option each scenario\n"
	"is explored as far as it says itself. Only a line that ends with\n"
	"'complete' is a proof, within its bounds; doc/lab.md explains the others.\n"
	"\n"
	"  --bound N        preemptions in an execution, complete; 'any' for all\n"
	"  --old N          old values in an execution; 'any' for all\n"
	"  --depth N        random priorities instead (PCT), for bugs of N steps\n"
	"  --random         random choices instead\n"
	"  --runs N         executions at most (of chance: 100000)\n"
	"  --seconds S      at most so long for each scenario and strategy (60)\n"
	"  --seed N         of the random choices (0)\n"
	"  --quick          20000 executions of PCT where a million belong,\n"
	"                   and a second of one phase in place of 60\n"
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

static const char *command_name = "explore";

int lab_wrong(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fprintf(stderr, "heddle %s: ", command_name);
	vfprintf(stderr, fmt, args);
	fprintf(stderr, "; try --help\n");
	va_end(args);
	return 2;
}

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
	QUICK,
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
	{ "quick", no_argument, NULL, QUICK },
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
	case QUICK:
		c->quick = true;
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

/* What getopt_long() could not read: its ':' or '?', optopt and the word. */
static int wrong_option(int option, const char *word)
{
	if (option == ':')
		return lab_wrong("--%s needs a value", option_name(optopt));
	if (optopt >= BOUND)
		return lab_wrong("--%s takes no value: '%s'",
				 option_name(optopt), word);
	if (optopt)
		return lab_wrong("unknown option '-%c'", optopt);
	return lab_wrong("unknown option '%s'", word);
}

/* `heddle count` hands its own name on as the first word. */
static void name_command(const char *word)
{
	if (word && !strcmp(word, "count"))
		command_name = "count";
}

int lab_parse(int argc, char **argv, struct command *command, int *status)
{
	int option;

	*command = (struct command){
		.options = lab_defaults, .jobs = 1, .shards = 1, .rows = 60
	};
	name_command(argv[1]);
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (option == HELP) {
			fputs(help, stdout);
			*status = 0;
			return 0;
		}
		if (option == '?' || option == ':') {
			*status = wrong_option(option, argv[optind - 1]);
			return 0;
		}
		if (!parse(command, option, optarg)) {
			*status = lab_wrong("--%s cannot be '%s'",
					    option_name(option), optarg);
			return 0;
		}
	}
	if (optind < argc)
		return optind;
	*status = lab_wrong("no command is given");
	return 0;
}
