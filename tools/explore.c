/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heddle explore and heddle count: run the laboratory's program, which is
 * another one because the library in it is compiled in another way. "run all"
 * also makes the broken twins and has them found.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/commands.h"
#include "tools/part.h"
#include "tools/say.h"
#include "tools/where.h"

static const char *value_of(int argc, char **argv, const char *name)
{
	size_t length = strlen(name);

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], name) && i + 1 < argc)
			return argv[i + 1];
		if (!strncmp(argv[i], name, length) && argv[i][length] == '=')
			return argv[i] + length + 1;
	}
	return NULL;
}

/* Each twin is the library with one named fault; the scenarios must find it. */
static int run_twins(int argc, char **argv)
{
	const char *jobs = value_of(argc, argv, "--jobs");
	char *folder = ht_program_folder();
	char *source = ht_build_path(folder, "srcdir");
	char *script = ht_text("%s/lab/run-twins", source ? source : ".");
	char shell[] = "/bin/sh", option[] = "--jobs";
	char *number = ht_text("%s", jobs ? jobs : "1");
	char *words[] = { shell, script, option, number, NULL };
	int status;

	setenv("abs_top_srcdir", source ? source : ".", 1);
	free(source);
	source = ht_build_path(folder, "builddir");
	setenv("abs_top_builddir", source ? source : ".", 1);
	free(source);
	free(folder);
	/* Results of the scenarios are for programs to read: these are not. */
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--json"))
			dup2(STDERR_FILENO, STDOUT_FILENO);
	status = ht_run(words);
	free(number);
	free(script);
	return status;
}

static int forward(int argc, char **argv, bool with_name)
{
	char *program = ht_part("lab/explore", "the laboratory",
				"the laboratory is not built with a sanitizer");
	int status;

	if (!program)
		return HT_SKIP;
	status = ht_forward(program, argc, argv, with_name ? 0 : 1);
	free(program);
	return status;
}

int ht_count_main(int argc, char **argv)
{
	return forward(argc, argv, true);
}

int ht_explore_main(int argc, char **argv)
{
	int status = forward(argc, argv, false), twins;

	if (argc < 3 || strcmp(argv[1], "run") || strcmp(argv[2], "all") ||
	    status > HT_MISSED || value_of(argc, argv, "--shard"))
		return status;
	twins = run_twins(argc, argv);
	return status ? status : twins;
}
