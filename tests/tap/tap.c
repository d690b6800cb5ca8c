/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The producer: numbering, plan, and lines that cannot be torn. Seeds, times
 * and the watch over threads are in run.c.
 */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/tap/tap.h"
#include "tests/tap/run.h"

#define LINE_BYTES_MAX 4096
#define BAIL_STATUS    99 /* Automake counts 99 as a hard error */

/* All of it under the lock, so that numbers and lines are in one order. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned int points;
static unsigned int failures;
static unsigned int planned;
static bool plan_is_printed;

struct line {
	char text[LINE_BYTES_MAX];
	size_t bytes;
};

TAP_PRINTF(2, 0)
static void vadd(struct line *line, const char *fmt, va_list ap)
{
	size_t room = sizeof(line->text) - 1 - line->bytes;
	int wanted = vsnprintf(line->text + line->bytes, room, fmt, ap);

	if (wanted > 0)
		line->bytes += (size_t)wanted < room ? (size_t)wanted
						     : room - 1;
}

TAP_PRINTF(2, 3)
static void add(struct line *line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vadd(line, fmt, ap);
	va_end(ap);
}

/* A '#' or a line end in a name would be read as a directive or a line. */
TAP_PRINTF(2, 0)
static void vadd_name(struct line *line, const char *fmt, va_list ap)
{
	size_t from = line->bytes;

	vadd(line, fmt, ap);
	for (; from < line->bytes; from++)
		if (line->text[from] == '\n' || line->text[from] == '#')
			line->text[from] = ' ';
}

static void emit(struct line *line)
{
	size_t done = 0;

	line->text[line->bytes++] = '\n';
	while (done < line->bytes) {
		ssize_t rc = write(STDOUT_FILENO, line->text + done,
				   line->bytes - done);
		if (rc < 0 && errno == EINTR)
			continue;
		if (rc < 0)
			_exit(BAIL_STATUS); /* nobody can hear us */
		done += (size_t)rc;
	}
}

static void print_remark(const char *text)
{
	struct line line = { .bytes = 0 };
	const char *end;

	do {
		end = strchrnul(text, '\n');
		line.bytes = 0;
		add(&line, "# %.*s", (int)(end - text), text);
		emit(&line);
		text = end + 1;
	} while (*end && *text);
}

static void print_plan(unsigned int n)
{
	struct line line = { .bytes = 0 };

	add(&line, "1..%u", n);
	emit(&line);
	plan_is_printed = true;
}

void plan(unsigned int n)
{
	bool too_late;

	pthread_mutex_lock(&lock);
	too_late = plan_is_printed || points > 0;
	if (!too_late) {
		planned = n + 1; /* and the threads at the end */
		print_plan(planned);
	}
	pthread_mutex_unlock(&lock);
	if (too_late)
		bail("plan() after the first point or a second time");
}

void plan_skip_all(const char *fmt, ...)
{
	struct line line = { .bytes = 0 };
	va_list ap;

	if (plan_is_printed || points > 0)
		bail("plan_skip_all() after the first point");
	add(&line, "1..0 # SKIP ");
	va_start(ap, fmt);
	vadd_name(&line, fmt, ap);
	va_end(ap);
	emit(&line);
	exit(0);
}

/* "ok 3 - name", the start of every result line. */
static void begin_point(struct line *line, bool passed)
{
	add(line, "%s %u - ", passed ? "ok" : "not ok", ++points);
}

/*
 * A child made by fork() has the numbers of its parent and would count them
 * twice: it must report by its exit status.
 */
static void lock_for_point(void)
{
	if (tap_is_forked_child())
		bail("a forked child reported a test point");
	pthread_mutex_lock(&lock);
}

bool tap_point(bool passed, const char *file, int line, const char *fmt, ...)
{
	struct line point = { .bytes = 0 };
	struct line where = { .bytes = 0 };
	va_list ap;

	lock_for_point();
	begin_point(&point, passed);
	va_start(ap, fmt);
	vadd_name(&point, fmt, ap);
	va_end(ap);
	emit(&point);
	if (!passed) {
		failures++;
		add(&where, "# failed at %s:%d", file, line);
		emit(&where);
	}
	pthread_mutex_unlock(&lock);
	return passed;
}

bool tap_point_u64(uint64_t got, uint64_t want, const char *file, int line,
		   const char *fmt, ...)
{
	struct line point = { .bytes = 0 };
	struct line where = { .bytes = 0 };
	va_list ap;

	lock_for_point();
	begin_point(&point, got == want);
	va_start(ap, fmt);
	vadd_name(&point, fmt, ap);
	va_end(ap);
	emit(&point);
	if (got != want) {
		failures++;
		add(&where, "# failed at %s:%d: got %llu, want %llu", file,
		    line, (unsigned long long)got, (unsigned long long)want);
		emit(&where);
	}
	pthread_mutex_unlock(&lock);
	return got == want;
}

void skip(unsigned int n, const char *fmt, ...)
{
	struct line reason = { .bytes = 0 };
	va_list ap;

	va_start(ap, fmt);
	vadd_name(&reason, fmt, ap);
	va_end(ap);
	lock_for_point();
	while (n-- > 0) {
		struct line point = { .bytes = 0 };

		begin_point(&point, true);
		add(&point, "# SKIP %s", reason.text);
		emit(&point);
	}
	pthread_mutex_unlock(&lock);
}

bool todo(bool passed, const char *reason, const char *fmt, ...)
{
	struct line point = { .bytes = 0 };
	va_list ap;

	lock_for_point();
	begin_point(&point, passed);
	va_start(ap, fmt);
	vadd_name(&point, fmt, ap);
	va_end(ap);
	add(&point, " # TODO %s", reason);
	emit(&point);
	pthread_mutex_unlock(&lock);
	return passed;
}

void diag(const char *fmt, ...)
{
	char text[LINE_BYTES_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	pthread_mutex_lock(&lock);
	print_remark(text);
	pthread_mutex_unlock(&lock);
}

void bail(const char *fmt, ...)
{
	struct line line = { .bytes = 0 };
	va_list ap;

	add(&line, "Bail out! ");
	va_start(ap, fmt);
	vadd_name(&line, fmt, ap);
	va_end(ap);
	/* Without the lock: its holder may be the thread that is stuck. */
	emit(&line);
	_exit(BAIL_STATUS);
}

int tap_done(void)
{
	bool as_planned, passed;

	tap_threads_settle();
	tap_deadline_disarm();
	pthread_mutex_lock(&lock);
	if (!plan_is_printed)
		print_plan(planned = points);
	as_planned = planned == points;
	if (!as_planned)
		print_remark("the number of points is not the one planned");
	passed = failures == 0 && as_planned;
	pthread_mutex_unlock(&lock);
	return passed ? 0 : 1;
}
