/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/part.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/say.h"
#include "tools/where.h"

int ht_run(char **argv)
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

char *ht_part(const char *name, const char *what, const char *missing)
{
	char *folder = ht_program_folder();
	char *build = ht_build_path(folder, "builddir");
	char *program = NULL;

	if (build)
		program = ht_text("%s/%s", build, name);
	if (!program) {
		ht_say("%s is part of a build and not installed: run the "
		       "command of the build folder",
		       what);
	} else if (access(program, X_OK)) {
		ht_say("no %s: %s", program, missing);
		free(program);
		program = NULL;
	}
	free(build);
	free(folder);
	return program;
}

int ht_forward(char *program, int argc, char **argv, int from)
{
	char **words = ht_alloc((size_t)argc + 2, sizeof(*words));
	int status, n = 0;

	words[n++] = program;
	for (int i = from; i < argc; i++)
		words[n++] = argv[i];
	status = ht_run(words);
	free(words);
	return status;
}
