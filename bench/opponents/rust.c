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

#define NAME "heddle-rust-opponent"

/* The folder of the running program, without libtool's .libs; free() it. */
static char *program_folder(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;
	int i;

	if (n < 0)
		return ht_text(".");
	path[n] = '\0';
	for (i = 0; i < 2; i++) {
		slash = strrchr(path, '/');
		if (!slash || (i && strcmp(slash, "/.libs")))
			break;
		*slash = '\0';
	}
	return ht_text("%s", path);
}

/* The value of a line "key=value" of the file tools/paths; free() it. */
static char *path_of(const char *folder, const char *key)
{
	char *path = ht_text("%s/tools/paths", folder);
	FILE *in = fopen(path, "r");
	char line[PATH_MAX + 64];
	size_t length = strlen(key);
	char *value = NULL;

	free(path);
	if (!in)
		return NULL;
	while (!value && fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, key, length) && line[length] == '=')
			value = ht_text("%s", line + length + 1);
	}
	fclose(in);
	return value;
}

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
	char *folder = program_folder();
	char *source = path_of(folder, "srcdir");
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
