/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The producer itself: what it prints and how it exits, in every mode.
 *
 * Method: the program runs itself as a child, once for each mode, reads what
 * the child printed and compares it with what the mode must give. Modes that
 * must go red are the larger half: a producer that cannot fail is worth
 * nothing.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/tap/tap.h"

#define THREADS          8
#define POINTS           200 /* of each thread */
#define OUTPUT_BYTES_MAX (1 << 20)

static pthread_barrier_t start_line;

static void *report_points(void *arg)
{
	pthread_barrier_wait(&start_line);
	for (int i = 0; i < POINTS; i++)
		ok(true, "thread %d point %d", (int)(intptr_t)arg, i);
	return NULL;
}

static int mode_threads(void)
{
	pthread_t threads[THREADS];

	plan(THREADS * POINTS);
	pthread_barrier_init(&start_line, NULL, THREADS);
	for (intptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, report_points, (void *)i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&start_line);
	return tap_done();
}

static int mode_all_kinds(void)
{
	tap_deadline(60);
	ok(true, "hash # and\nline end");
	skip(2, "no %s", "unicorn");
	todo(false, "later", "known gap");
	is_u64(7, 7, "equal");
	diag("two\nlines");
	return tap_done();
}

static int mode_fail(void)
{
	plan(2);
	ok(false, "wrong");
	is_u64(3, 4, "unequal");
	return tap_done();
}

static int mode_short(void)
{
	plan(3);
	ok(true, "one of three");
	return tap_done();
}

__attribute__((noreturn)) static int mode_bail(void)
{
	ok(true, "before");
	bail("cannot go on: %d", 42);
}

__attribute__((noreturn)) static int mode_skip_all(void)
{
	plan_skip_all("needs %s", "a unicorn");
}

static void dump_state(void *arg)
{
	diag("state of %s, %u threads", (const char *)arg, tap_threads());
}

__attribute__((noreturn)) static int mode_deadline(void)
{
	static char what[] = "the wedge";

	tap_on_deadline(dump_state, what);
	tap_deadline(60);
	tap_deadline(1); /* moved */
	for (;;)
		pause();
}

static void *stay(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static int mode_leak(void)
{
	pthread_t thread;

	ok(true, "a point");
	pthread_create(&thread, NULL, stay, NULL);
	return tap_done();
}

static int mode_fork(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		ok(true, "from the child");
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	return tap_done();
}

static int mode_seed(void)
{
	uint64_t stream = tap_stream(1);

	diag("random %llx", (unsigned long long)tap_random());
	diag("stream %llx", (unsigned long long)tap_next(&stream));
	diag("seconds %.2f", tap_seconds(9));
	ok(true, "done");
	return tap_done();
}

static const struct mode {
	const char *name;
	int (*run)(void);
	int status;
	const char *must_print[7];
} modes[] = {
	{ "all-kinds",
	  mode_all_kinds,
	  0,
	  { "ok 1 - hash   and line end\n", "ok 2 - # SKIP no unicorn\n",
	    "ok 3 - # SKIP no unicorn\n", "not ok 4 - known gap # TODO later\n",
	    "# two\n# lines\n", "ok 6 - threads", "1..6\n" } },
	{ "fail",
	  mode_fail,
	  1,
	  { "1..3\n", "not ok 1 - wrong\n# failed at ",
	    "not ok 2 - unequal\n# failed at ", ": got 3, want 4\n" } },
	{ "short",
	  mode_short,
	  1,
	  { "1..4\n", "# the number of points is not the one planned\n" } },
	{ "bail",
	  mode_bail,
	  99,
	  { "ok 1 - before\nBail out! cannot go on: 42\n" } },
	{ "skip-all", mode_skip_all, 0, { "1..0 # SKIP needs a unicorn\n" } },
	{ "deadline",
	  mode_deadline,
	  99,
	  { "# state of the wedge, 1 threads\n",
	    "Bail out! the deadline of 1 s has passed\n" } },
	{ "leak",
	  mode_leak,
	  1,
	  { "not ok 2 - threads: ", ": got 2, want 1\n", "1..2\n" } },
	{ "fork",
	  mode_fork,
	  0,
	  { "Bail out! a forked child reported a test point\n" } },
	{ "seed",
	  mode_seed,
	  0,
	  { "# seed: run again with HEDDLE_TEST_SEED=0x00000000000004d2\n",
	    "# random ", "# stream ", "# seconds 0.25\n" } },
	{ "threads", mode_threads, 0, { "1..1601\n", "ok 1601 - threads" } },
};

static char output[OUTPUT_BYTES_MAX];
static char output_before[OUTPUT_BYTES_MAX];

/* Return: the exit status of the child, -1 if it had none. */
static int run_child(const char *mode)
{
	size_t bytes = 0;
	int ends[2], status;
	pid_t pid;
	ssize_t rc;

	if (pipe(ends) < 0 || (pid = fork()) < 0)
		bail("child: %s", strerror(errno));
	if (pid == 0) {
		setenv("HEDDLE_TEST_SEED", "1234", 1);
		setenv("HEDDLE_TEST_SECONDS", "0.25", 1);
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		execl("/proc/self/exe", "selftest", mode, (char *)NULL);
		_exit(126);
	}
	close(ends[1]);
	while ((rc = read(ends[0], output + bytes,
			  sizeof(output) - 1 - bytes)) > 0)
		bytes += (size_t)rc;
	output[bytes] = '\0';
	close(ends[0]);
	if (waitpid(pid, &status, 0) < 0)
		bail("waitpid: %s", strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Every line is a whole result, and every number stands once, in order. */
static unsigned int count_whole_lines(void)
{
	unsigned int n = 0;

	for (char *line = strtok(output, "\n"); line;
	     line = strtok(NULL, "\n")) {
		unsigned int number;
		int thread, point;

		if (sscanf(line, "ok %u - thread %d point %d", &number, &thread,
			   &point) == 3 &&
		    number == n + 1)
			n++;
	}
	return n;
}

static void check_mode(const struct mode *mode)
{
	is_u64((uint64_t)run_child(mode->name), (uint64_t)mode->status,
	       "%s: exit status", mode->name);
	for (int i = 0; i < 7 && mode->must_print[i]; i++) {
		bool found = strstr(output, mode->must_print[i]);

		if (!ok(found, "%s: prints expectation %d", mode->name, i))
			diag("%s\nprinted:\n%s", mode->must_print[i], output);
	}
}

int main(int argc, char **argv)
{
	size_t n = sizeof(modes) / sizeof(modes[0]);

	for (size_t i = 0; argc > 1 && i < n; i++)
		if (strcmp(argv[1], modes[i].name) == 0)
			return modes[i].run();
	if (argc > 1)
		return 2;

	tap_deadline(60);
	for (size_t i = 0; i < n; i++)
		check_mode(&modes[i]);
	is_u64(count_whole_lines(), THREADS * POINTS,
	       "lines of eight threads are whole and in order");

	run_child("seed");
	strcpy(output_before, output);
	run_child("seed");
	ok(strcmp(output_before, output) == 0, "a seed gives the same numbers");
	return tap_done();
}
