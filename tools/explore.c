/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heddle explore and heddle count: run the laboratory's program, which is
 * another one because the library in it is compiled in another way. "run all"
 * also makes the broken twins and has them found.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/commands.h"
#include "tools/say.h"
#include "tools/where.h"

/* Runs a program to its end; its exit status, or HT_SKIP if it cannot run. */
static int run(char **argv)
{
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		execv(argv[0], argv);
		ht_say("%s: %s", argv[0], strerror(errno));
		_exit(HT_SKIP);
	}
	if (child < 0) {
		ht_say("fork: %s", strerror(errno));
		return HT_SKIP;
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return HT_SKIP;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	ht_say("%s was ended by signal %d", argv[0], WTERMSIG(status));
	return HT_MISSED;
}

/* The program of this build; free() it. NULL, and a line, where there is none. */
static char *laboratory(void)
{
	char *folder = ht_program_folder();
	char *build = ht_build_path(folder, "builddir");
	char *program = NULL;

	if (build)
		program = ht_text("%s/lab/explore", build);
	if (!program)
		ht_say("the laboratory is part of a build and not installed: "
		       "run the command of the build folder");
	else if (access(program, X_OK)) {
		ht_say("no %s: the laboratory is not built with a sanitizer",
		       program);
		free(program);
		program = NULL;
	}
	free(build);
	free(folder);
	return program;
}

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
	status = run(words);
	free(number);
	free(script);
	return status;
}

static int forward(int argc, char **argv, bool with_name)
{
	char *program = laboratory();
	char **words;
	int status, n = 0;

	if (!program)
		return HT_SKIP;
	words = ht_alloc((size_t)argc + 2, sizeof(*words));
	words[n++] = program;
	for (int i = with_name ? 0 : 1; i < argc; i++)
		words[n++] = argv[i];
	status = run(words);
	free(words);
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
