/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looked for where the variable HEDDLE_RUST_OPPONENT points, else beside the
 * command in the build folder, where it is also built. It is not installed.
 */
#include "bench/opponents/rust.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/say.h"
#include "tools/where.h"

#define NAME "heddle-rust-opponent"

/* Runs the script; its last line of output is the reason of a failure. */
static char *build(const char *source, const char *destination)
{
	char *script = ht_text("%s/scripts/build-rust-opponent", source);
	char *crate = ht_text("%s/bench/opponents/rust", source);
	char line[1024] = "the build printed nothing";
	char *reason = NULL;
	int pipes[2], status = 0;
	pid_t pid = -1;
	FILE *in;

	if (!pipe(pipes)) {
		pid = fork();
		if (!pid) {
			dup2(pipes[1], STDOUT_FILENO);
			dup2(pipes[1], STDERR_FILENO);
			close(pipes[0]);
			close(pipes[1]);
			execl("/bin/sh", "sh", script, crate, destination,
			      (char *)NULL);
			_exit(126);
		}
		close(pipes[1]);
		in = fdopen(pipes[0], "r");
		while (in && fgets(line, sizeof(line), in))
			line[strcspn(line, "\n")] = '\0';
		if (in)
			fclose(in);
		while (pid > 0 && waitpid(pid, &status, 0) < 0 &&
		       errno == EINTR)
			;
	}
	if (pid < 0)
		reason = ht_text("fork: %s", strerror(errno));
	else if (!WIFEXITED(status) || WEXITSTATUS(status))
		reason = ht_text("%s", line);
	free(script);
	free(crate);
	return reason;
}

static void read_versions(struct hb_rust *rust)
{
	char *folder = ht_text("%s", rust->program);
	char *slash = strrchr(folder, '/');
	char *path;
	char line[256];
	FILE *in;

	if (slash)
		*slash = '\0';
	path = ht_text("%s/versions", slash ? folder : ".");
	in = fopen(path, "r");
	free(path);
	free(folder);
	if (!in)
		return;
	while (fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\n")] = '\0';
		rust->versions = ht_grow(rust->versions, rust->n_versions,
					 sizeof(*rust->versions));
		rust->versions[rust->n_versions++] = ht_text("%s", line);
	}
	fclose(in);
}

void hb_rust_find(struct hb_rust *rust)
{
	const char *variable = getenv("HEDDLE_RUST_OPPONENT");
	char *folder = ht_program_folder();
	char *source = ht_build_path(folder, "srcdir");
	char *destination = ht_text("%s/bench/opponents/rust-build", folder);

	memset(rust, 0, sizeof(*rust));
	if (variable && *variable) {
		rust->program = ht_text("%s", variable);
	} else if (source) {
		/* Does nothing when the program is newer than its sources. */
		rust->reason = build(source, destination);
		if (!rust->reason)
			rust->program = ht_text("%s/" NAME, destination);
	}
	if (rust->program && access(rust->program, X_OK)) {
		rust->reason =
			ht_text("%s: %s", rust->program, strerror(errno));
		free(rust->program);
		rust->program = NULL;
	}
	if (!rust->program && !rust->reason)
		rust->reason =
			ht_text("the Rust opponents are built in heddle's "
				"build folder; HEDDLE_RUST_OPPONENT may "
				"name the program");
	if (rust->program)
		read_versions(rust);
	free(folder);
	free(source);
	free(destination);
}
