/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The front end of a program of scenarios: names one, says how it is explored,
 * prints one line with what came out. 0: nothing found; 1: a failure, with the
 * string that replays it; 2: bad usage.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/engine.h"

static int usage(const char *wrong)
{
	fprintf(stderr,
		"%s; usage: explore --list | SCENARIO [--dfs[=BOUND] "
		"| --pct=DEPTH | --random | --replay=STRING] "
		"[--executions=N] [--seconds=S] [--seed=N] [--steps=N] "
		"[--stale=N] [--verbose]\n",
		wrong);
	return 2;
}

static const char *value_of(const char *arg, const char *name)
{
	size_t length = strlen(name);

	if (strncmp(arg, name, length) || arg[length] != '=')
		return NULL;
	return arg + length + 1;
}

static bool number(const char *text, double *value)
{
	char *end;

	errno = 0;
	*value = strtod(text, &end);
	return !errno && end != text && !*end && *value >= 0;
}

/* One argument; false when it is not one. */
static bool parse(struct lab_options *o, const char *arg)
{
	const char *text;
	double value;

	if (!strcmp(arg, "--random")) {
		o->strategy = LAB_RANDOM;
		return true;
	}
	if (!strcmp(arg, "--verbose")) {
		o->verbose = true;
		return true;
	}
	if (!strcmp(arg, "--dfs")) {
		o->strategy = LAB_DFS;
		o->level = -1;
		return true;
	}
	text = value_of(arg, "--replay");
	if (text) {
		o->strategy = LAB_REPLAY;
		o->replay = text;
		return true;
	}
	text = strchr(arg, '=');
	if (!text || !number(text + 1, &value))
		return false;
	if (value_of(arg, "--dfs")) {
		o->strategy = LAB_DFS;
		o->level = (int)value;
	} else if (value_of(arg, "--pct")) {
		o->strategy = LAB_PCT;
		o->level = (int)value;
	} else if (value_of(arg, "--executions")) {
		o->executions_max = (uint64_t)value;
	} else if (value_of(arg, "--seconds")) {
		o->seconds_max = value;
	} else if (value_of(arg, "--seed")) {
		o->seed = (uint64_t)value;
	} else if (value_of(arg, "--steps")) {
		o->steps_max = (uint64_t)value;
	} else if (value_of(arg, "--stale")) {
		o->stale_max = (unsigned int)value;
	} else {
		return false;
	}
	return true;
}

static int report(const struct lab_scenario *s, const struct lab_options *o,
		  const struct lab_result *r)
{
	static const char *const names[] = { "dfs", "pct", "random", "replay" };

	printf("%s %s %s", r->failed ? "FAILED" : "passed", s->name,
	       names[o->strategy]);
	if (o->strategy == LAB_PCT || (o->strategy == LAB_DFS && o->level >= 0))
		printf("=%d", o->level);
	printf(" executions=%llu steps=%.1f seconds=%.3f rate=%.0f/s%s\n",
	       (unsigned long long)r->executions,
	       (double)r->steps / (double)r->executions, r->seconds,
	       r->seconds > 0 ? (double)r->executions / r->seconds : 0,
	       r->complete ? " complete" : "");
	if (r->failed)
		printf("  %s\n  --replay=%s\n", r->message,
		       r->replay ? r->replay : "");
	return r->failed;
}

int main(int argc, char **argv)
{
	const struct lab_scenario *const *s;
	struct lab_options options = lab_defaults;
	struct lab_result result;
	int status;

	if (argc < 2)
		return usage("no scenario is named");
	if (!strcmp(argv[1], "--list")) {
		for (s = lab_scenarios; *s; s++)
			printf("%-24s %s\n", (*s)->name, (*s)->claim);
		return 0;
	}
	for (s = lab_scenarios; *s && strcmp((*s)->name, argv[1]); s++)
		;
	if (!*s) {
		fprintf(stderr, "no scenario is called '%s'; try --list\n",
			argv[1]);
		return 2;
	}
	for (int i = 2; i < argc; i++)
		if (!parse(&options, argv[i])) {
			char wrong[128];

			snprintf(wrong, sizeof(wrong), "'%s' is no option",
				 argv[i]);
			return usage(wrong);
		}
	lab_explore(*s, &options, &result);
	status = report(*s, &options, &result);
	free(result.replay);
	return status;
}
