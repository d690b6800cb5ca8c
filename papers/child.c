/* SPDX-License-Identifier: BSD-2-Clause */
#include "papers/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/say.h"

enum {
	CANNOT_START = 126
};

/* In the child; only calls that are safe after a fork. */
static void become(char *const argv[], char *const environment[], int out,
		   size_t stack, pid_t parent)
{
	struct rlimit limit;

	/* With the driver gone nobody would watch it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(CANNOT_START);
	/* Its own group, so that the watchdog reaches what it starts. */
	setpgid(0, 0);
	if (!getrlimit(RLIMIT_STACK, &limit)) {
		limit.rlim_cur = stack;
		setrlimit(RLIMIT_STACK, &limit);
	}
	if (dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0)
		_exit(CANNOT_START);
	execve(argv[0], argv, environment);
	_exit(CANNOT_START);
}

static void add_line(struct hp_child *child, const char *text, size_t length)
{
	char *line = ht_alloc(length + 1, 1);

	memcpy(line, text, length);
	child->lines =
		ht_grow(child->lines, child->n_lines, sizeof(*child->lines));
	child->lines[child->n_lines++] = line;
}

/* Takes the complete lines out of the buffer; returns what is left in it. */
static size_t split(struct hp_child *child, char *buffer, size_t used)
{
	char *start = buffer;
	char *end;

	while ((end = memchr(start, '\n', used - (size_t)(start - buffer)))) {
		add_line(child, start, (size_t)(end - start));
		start = end + 1;
	}
	used -= (size_t)(start - buffer);
	memmove(buffer, start, used);
	return used;
}

/* Reads until the end of the output; false when the time is over first. */
static bool read_all(struct hp_child *child, int in, uint64_t until_ns)
{
	char buffer[4096];
	size_t used = 0;
	struct pollfd poller = { .fd = in, .events = POLLIN };

	for (;;) {
		uint64_t now = ht_now();
		ssize_t n;
		int rc;

		if (now >= until_ns)
			return false;
		rc = poll(&poller, 1, (int)((until_ns - now) / 1000000) + 1);
		if (rc < 0 && errno != EINTR)
			return false;
		if (rc <= 0)
			continue;
		n = read(in, buffer + used, sizeof(buffer) - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		used = split(child, buffer, used + (size_t)n);
		if (used == sizeof(buffer)) {
			add_line(child, buffer, used);
			used = 0;
		}
	}
	if (used)
		add_line(child, buffer, used);
	return true;
}

/* The output may be closed by a program that goes on. */
static bool reap(pid_t pid, int *status, uint64_t until_ns)
{
	struct timespec pause = { 0, 1000000 };

	for (;;) {
		pid_t rc = waitpid(pid, status, WNOHANG);

		if (rc == pid)
			return true;
		if (rc < 0 && errno != EINTR)
			return true;
		if (ht_now() >= until_ns)
			return false;
		nanosleep(&pause, NULL);
	}
}

static char **environment_with(const char *variable)
{
	size_t n = 0;
	char **copy;

	while (environ[n])
		n++;
	copy = ht_alloc(n + 2, sizeof(*copy));
	memcpy(copy, environ, n * sizeof(*copy));
	/* First, because the first of two equal names is found. */
	if (variable) {
		memmove(copy + 1, copy, n * sizeof(*copy));
		copy[0] = (char *)(uintptr_t)variable;
	}
	return copy;
}

static void judge(struct hp_child *child, bool is_in_time)
{
	const char *last = child->n_lines ? child->lines[child->n_lines - 1]
					  : "";

	if (!is_in_time) {
		child->outcome = HP_CHILD_HUNG;
		child->reason = ht_text("no end after %.1f s", child->seconds);
	} else if (WIFSIGNALED(child->status)) {
		child->outcome = HP_CHILD_FAILED;
		child->reason =
			ht_text("signal %d: %s", WTERMSIG(child->status), last);
	} else if (WEXITSTATUS(child->status) == CANNOT_START) {
		child->outcome = HP_CHILD_ABSENT;
		child->reason = ht_text("could not be started");
	} else if (WEXITSTATUS(child->status) || strcmp(last, "end")) {
		child->outcome = HP_CHILD_FAILED;
		child->reason = ht_text("exit status %d: %s",
					WEXITSTATUS(child->status), last);
	} else {
		child->outcome = HP_CHILD_DONE;
	}
}

void hp_child_run(char *const argv[], const char *variable, size_t stack,
		  uint64_t limit_ns, struct hp_child *child)
{
	uint64_t start = ht_now();
	char **environment = environment_with(variable);
	pid_t parent = getpid();
	bool is_in_time;
	int pipes[2];
	pid_t pid;

	memset(child, 0, sizeof(*child));
	child->outcome = HP_CHILD_ABSENT;
	if (pipe2(pipes, O_CLOEXEC)) {
		child->reason = ht_text("pipe: %s", strerror(errno));
		free(environment);
		return;
	}
	pid = fork();
	if (pid < 0) {
		child->reason = ht_text("fork: %s", strerror(errno));
		close(pipes[0]);
		close(pipes[1]);
		free(environment);
		return;
	}
	if (!pid)
		become(argv, environment, pipes[1], stack, parent);
	free(environment);
	close(pipes[1]);
	/* Here too: whoever comes first, the group exists before a kill. */
	setpgid(pid, pid);
	is_in_time = read_all(child, pipes[0], start + limit_ns) &&
		     reap(pid, &child->status, start + limit_ns);
	if (!is_in_time) {
		kill(-pid, SIGKILL);
		while (waitpid(pid, &child->status, 0) < 0 && errno == EINTR)
			;
	}
	close(pipes[0]);
	child->seconds = (double)(ht_now() - start) / 1e9;
	judge(child, is_in_time);
}

void hp_child_free(struct hp_child *child)
{
	size_t i;

	for (i = 0; i < child->n_lines; i++)
		free(child->lines[i]);
	free(child->lines);
	free(child->reason);
	memset(child, 0, sizeof(*child));
}

const char *hp_child_outcome_name(enum hp_child_outcome outcome)
{
	switch (outcome) {
	case HP_CHILD_DONE:
		return "done";
	case HP_CHILD_HUNG:
		return "hung";
	case HP_CHILD_FAILED:
		return "failed";
	case HP_CHILD_ABSENT:
		return "absent";
	}
	return "unknown";
}

bool hp_line_is(const char *line, const char *word)
{
	size_t length = strlen(word);

	return !strncmp(line, word, length) &&
	       (line[length] == ' ' || !line[length]);
}

bool hp_line_text(const char *line, const char *key, char *value, size_t size)
{
	size_t length = strlen(key);
	const char *at = line;

	while ((at = strchr(at, ' '))) {
		at++;
		if (strncmp(at, key, length) || at[length] != '=')
			continue;
		at += length + 1;
		length = strcspn(at, " ");
		if (length >= size)
			length = size - 1;
		memcpy(value, at, length);
		value[length] = '\0';
		return true;
	}
	return false;
}

bool hp_line_number(const char *line, const char *key, int64_t *value)
{
	char text[32];
	char *end;

	if (!hp_line_text(line, key, text, sizeof(text)))
		return false;
	errno = 0;
	*value = strtoll(text, &end, 10);
	return !errno && end != text && !*end;
}

const char *hp_child_line(const struct hp_child *child, const char *word)
{
	size_t i;

	for (i = 0; i < child->n_lines; i++)
		if (hp_line_is(child->lines[i], word))
			return child->lines[i];
	return NULL;
}
