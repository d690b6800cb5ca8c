/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line that tells a waiting person how far a command is and how long it will
 * take. It goes to standard error and only to a terminal: elsewhere these
 * calls print nothing.
 */
#ifndef HEDDLE_TOOLS_PROGRESS_H
#define HEDDLE_TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/say.h"

struct ht_progress {
	const char *what;
	uint64_t started_ns;
	uint64_t shown_ns;
	bool is_terminal;
	bool is_drawn;
};

void ht_progress_start(struct ht_progress *progress, const char *what);

/*
 * ht_progress_show() - redraw the line, at most five times a second
 * @part: from 0 to 1, how much is done
 */
void ht_progress_show(struct ht_progress *progress, double part,
		      const char *format, ...) HT_PRINTF(3, 4);

/* ht_progress_clear() - take the line away, before something is printed */
void ht_progress_clear(struct ht_progress *progress);

/* ht_progress_done() - in place of the line, one line that stays */
void ht_progress_done(struct ht_progress *progress, const char *format, ...)
	HT_PRINTF(2, 3);

#endif /* HEDDLE_TOOLS_PROGRESS_H */
