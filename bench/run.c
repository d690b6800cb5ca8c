/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes that take turns; see run.h. */
#include "bench/run.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/say.h"

enum {
	CANNOT_START = 126
};

/* In the child; only calls that are safe after a fork. */
static void become(char *const argv[], int in, int out, pid_t parent)
{
	/* With the driver gone nobody would end it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(CANNOT_START);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(out, STDERR_FILENO) < 0)
		_exit(CANNOT_START);
	execv(argv[0], argv);
	_exit(CANNOT_START);
}

bool hb_child_start(struct hb_child *child, char *const argv[])
{
	int to[2] = { -1, -1 }, from[2] = { -1, -1 };
	pid_t parent = getpid();

	memset(child, 0, sizeof(*child));
	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC) ||
	    (child->pid = fork()) < 0) {
		child->reason = ht_text("cannot start it: %s", strerror(errno));
		child->pid = 0;
		if (to[0] >= 0) {
			close(to[0]);
			close(to[1]);
		}
		if (from[0] >= 0) {
			close(from[0]);
			close(from[1]);
		}
		return false;
	}
	if (!child->pid)
		become(argv, to[0], from[1], parent);
	close(to[0]);
	close(from[1]);
	child->to = to[1];
	child->from = from[0];
	if (clock_getcpuclockid(child->pid, &child->clock))
		child->clock = -1;
	return true;
}

/* Waits for the end; the status says why it came. */
static void reap(struct hb_child *child, bool is_killed, int *status)
{
	if (is_killed)
		kill(child->pid, SIGKILL);
	while (waitpid(child->pid, status, 0) < 0 && errno == EINTR)
		;
	child->pid = 0;
	close(child->from);
	if (child->to >= 0)
		close(child->to);
}

static void fail(struct hb_child *child, const char *what, bool is_killed)
{
	int status = 0;

	reap(child, is_killed, &status);
	if (child->reason)
		return;
	if (!is_killed && WIFSIGNALED(status))
		child->reason =
			ht_text("signal %d: %s", WTERMSIG(status), what);
	else if (!is_killed && WEXITSTATUS(status) == CANNOT_START)
		child->reason = ht_text("its program cannot be started");
	else if (!is_killed)
		child->reason = ht_text("exit status %d: %s",
					WEXITSTATUS(status), what);
	else
		child->reason = ht_text("%s", what);
}

/* Reads more of its output; 0 at the end, -1 when the time is over. */
static ssize_t read_more(struct hb_child *child, uint64_t until_ns)
{
	struct pollfd poller = { .fd = child->from, .events = POLLIN };

	for (;;) {
		uint64_t now = ht_now();
		ssize_t n;

		if (now >= until_ns)
			return -1;
		if (poll(&poller, 1, (int)((until_ns - now) / 1000000) + 1) <=
		    0)
			continue;
		n = read(child->from, child->buffer + child->used,
			 sizeof(child->buffer) - 1 - child->used);
		if (n < 0 && errno == EINTR)
			continue;
		return n < 0 ? 0 : n;
	}
}

/* The next line in a static buffer, or NULL. */
static const char *read_line(struct hb_child *child, uint64_t limit_ns)
{
	static char line[HB_LINE_MAX];
	uint64_t until_ns = ht_now() + limit_ns;
	char *end;
	size_t length;

	while (!(end = memchr(child->buffer, '\n', child->used))) {
		ssize_t n;

		if (child->used == sizeof(child->buffer) - 1) {
			fail(child, "a line without an end", true);
			return NULL;
		}
		n = read_more(child, until_ns);
		if (n < 0) {
			char *what = ht_text("no answer after %.0f s",
					     (double)limit_ns / 1e9);

			fail(child, what, true);
			free(what);
			return NULL;
		}
		if (!n) {
			child->buffer[child->used] = '\0';
			fail(child,
			     child->used ? child->buffer : "it said nothing",
			     false);
			return NULL;
		}
		child->used += (size_t)n;
	}
	length = (size_t)(end - child->buffer);
	memcpy(line, child->buffer, length);
	line[length] = '\0';
	child->used -= length + 1;
	memmove(child->buffer, end + 1, child->used);
	return line;
}

const char *hb_child_answer(struct hb_child *child, const char *word,
			    uint64_t limit_ns)
{
	const char *line;
	size_t length = strlen(word);

	while ((line = read_line(child, limit_ns)) && child->aside &&
	       !strncmp(line, "s ", 2))
		child->aside(line, child->aside_arg);
	if (!line)
		return NULL;
	if (!strncmp(line, word, length) &&
	    (line[length] == ' ' || !line[length]))
		return line;
	/* What it says instead is the reason, and its status is of no use. */
	fail(child, line, true);
	return NULL;
}

bool hb_child_stop(struct hb_child *child, uint64_t limit_ns)
{
	int status;

	close(child->to);
	child->to = -1;
	if (!hb_child_answer(child, "end", limit_ns))
		return false;
	/* It has said all; what is left is the end of the process. */
	if (read_more(child, ht_now() + limit_ns)) {
		fail(child, "it did not end", true);
		return false;
	}
	reap(child, false, &status);
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		child->reason =
			ht_text("status %#x at the end", (unsigned int)status);
		return false;
	}
	return true;
}

void hb_child_free(struct hb_child *child)
{
	int status;

	if (child->pid)
		reap(child, true, &status);
	free(child->reason);
	child->reason = NULL;
}

double hb_line_real(const char *line, const char *key)
{
	size_t length = strlen(key);
	const char *at = line;

	while ((at = strchr(at, ' '))) {
		at++;
		if (!strncmp(at, key, length) && at[length] == '=') {
			char *end;
			double value = strtod(at + length + 1, &end);

			return end == at + length + 1 ? NAN : value;
		}
	}
	return NAN;
}

/* CPU time of a child in seconds. */
static double cpu_of(const struct hb_child *child)
{
	struct timespec time;

	if (!child->pid || child->clock == -1 ||
	    clock_gettime(child->clock, &time))
		return 0;
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double cpu_of_all(const struct hb_child *children, size_t n)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < n; i++)
		sum += cpu_of(&children[i]);
	return sum;
}

/*
 * The idle time of all CPUs in seconds, and how many CPUs there are. What is
 * not idle is used, by a thread, an interrupt or another guest: the kernel
 * takes idle times on a clock, but busy times, on most machines, by sampling.
 */
static double idle_time(unsigned int *cpus)
{
	static const double zero;
	FILE *in = fopen("/proc/stat", "re");
	unsigned long long idle = 0, wait = 0;
	char line[HB_LINE_MAX];

	*cpus = 0;
	if (!in)
		return zero;
	while (fgets(line, sizeof(line), in)) {
		if (strncmp(line, "cpu", 3))
			continue;
		if (line[3] == ' ')
			sscanf(line, "cpu %*u %*u %*u %llu %llu", &idle, &wait);
		else
			++*cpus;
	}
	fclose(in);
	return (double)(idle + wait) / (double)sysconf(_SC_CLK_TCK);
}

const char *hb_child_round(struct hb_child *children, size_t n, size_t which,
			   uint64_t limit_ns, struct hb_look *look)
{
	struct hb_child *child = &children[which];
	unsigned int cpus;
	double idle = idle_time(&cpus);
	double all = cpu_of_all(children, n);
	double own = cpu_of(child);
	uint64_t start = ht_now();
	const char *line = NULL;

	if (write(child->to, "go\n", 3) == 3)
		line = hb_child_answer(child, "round", limit_ns);
	else
		fail(child, "it reads no more", true);
	look->seconds = (double)(ht_now() - start) / 1e9;
	own = cpu_of(child) - own;
	all = cpu_of_all(children, n) - all;
	idle = idle_time(&cpus) - idle;
	look->cpu = own / look->seconds;
	look->parked = (all - own) / look->seconds;
	look->foreign = (double)cpus - (idle + own) / look->seconds;
	look->resolution =
		(double)cpus / (double)sysconf(_SC_CLK_TCK) / look->seconds;
	look->is_tainted = look->foreign > HB_FOREIGN_MAX + look->resolution;
	return line;
}
