/* SPDX-License-Identifier: BSD-2-Clause */
/* The progress line; see progress.h. */
#include "tools/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define REDRAW_NS UINT64_C(200000000)

void ht_progress_start(struct ht_progress *progress, const char *what)
{
	memset(progress, 0, sizeof(*progress));
	progress->what = what;
	progress->started_ns = ht_now();
	progress->is_terminal = isatty(STDERR_FILENO) == 1;
}

void ht_progress_show(struct ht_progress *progress, double part,
		      const char *format, ...)
{
	uint64_t now = ht_now();
	double spent, left;
	char detail[60];
	va_list list;

	if (!progress->is_terminal ||
	    (progress->is_drawn && now - progress->shown_ns < REDRAW_NS))
		return;
	progress->shown_ns = now;
	progress->is_drawn = true;
	va_start(list, format);
	vsnprintf(detail, sizeof(detail), format, list);
	va_end(list);
	if (part < 0)
		part = 0;
	if (part > 1)
		part = 1;
	spent = (double)(now - progress->started_ns) / 1e9;
	fprintf(stderr, "\r\033[K%.20s %3.0f%%", progress->what, 100 * part);
	/* An estimate from almost nothing is worse than none. */
	if (part > 0.01) {
		left = spent / part - spent;
		fprintf(stderr, ", %.0f s left", left);
	}
	fprintf(stderr, "%s%s", *detail ? "  " : "", detail);
	fflush(stderr);
}

void ht_progress_clear(struct ht_progress *progress)
{
	if (!progress->is_drawn)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	progress->is_drawn = false;
}

void ht_progress_done(struct ht_progress *progress, const char *format, ...)
{
	va_list list;

	ht_progress_clear(progress);
	if (!progress->is_terminal)
		return;
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	putc('\n', stderr);
}
