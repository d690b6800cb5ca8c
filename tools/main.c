/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command `heddle`: a table of subcommands and what is common to them.
 * Everything else is in the file of each subcommand.
 */
#include <stdio.h>
#include <string.h>

#include <heddle/heddle.h>

#include "tools/buildinfo.h"
#include "tools/commands.h"
#include "tools/out.h"
#include "tools/say.h"

struct command {
	const char *name;
	const char *help;
	int (*function)(int argc, char **argv);
};

static const struct command commands[] = {
	{ "info", "what this machine and this build are", ht_info_main },
	{ "paper", "reproduce a published experiment", hp_paper_main },
	{ "explore", "run the library under every order of its accesses",
	  ht_explore_main },
	{ "count", "count what operations cost, access by access",
	  ht_count_main },
	{ "stall", "stop a thread at each instruction, see others get on",
	  ht_stall_main },
	{ "stress", "run the library under load and check its promises",
	  ht_stress_main },
	{ "top", "watch the workers and groups of a pool that is published",
	  ht_top_main },
	{ "trace", "write what such a pool does as a trace for Perfetto",
	  ht_trace_main },
	{ "bench", "measure against other schedulers", hb_bench_main },
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int print_help(void)
{
	size_t i;

	printf("usage: heddle COMMAND [OPTION...]\n\n"
	       "A scheduler for builders of runtimes; this command looks at "
	       "it.\n\ncommands:\n");
	for (i = 0; i < N_COMMANDS; i++)
		printf("  %-10s  %s\n", commands[i].name, commands[i].help);
	printf("\noptions:\n"
	       "  --version   version and how it was built\n"
	       "  --help      this text; each command has its own\n");
	return ht_out_check();
}

static int print_version(void)
{
	printf("heddle %s\n%s", HEDDLE_VERSION, buildinfo_summary);
	printf("library:   %s\n", heddle_version());
	return ht_out_check();
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;
	size_t i;

	if (!name) {
		ht_say("a command is missing (heddle --help lists them)");
		return HT_USAGE;
	}
	for (i = 0; i < N_COMMANDS; i++)
		if (!strcmp(name, commands[i].name))
			return commands[i].function(argc - 1, argv + 1);
	if (strcmp(name, "--help") && strcmp(name, "--version")) {
		ht_say("unknown %s '%s' (heddle --help lists them)",
		       name[0] == '-' ? "option" : "command", name);
		return HT_USAGE;
	}
	if (argc > 2) {
		ht_say("unexpected argument '%s' after %s", argv[2], name);
		return HT_USAGE;
	}
	return strcmp(name, "--help") ? print_version() : print_help();
}
