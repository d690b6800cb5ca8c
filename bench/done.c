/* SPDX-License-Identifier: BSD-2-Clause */
/* The lines of `done` and who has which; see done.h. */
#include "bench/done.h"

#include <stdlib.h>
#include <time.h>

#include "tools/say.h"

enum {
	LINES = 1024,
	PAUSE_NS = 50000
};

static struct hb_done_line lines[LINES];
static _Atomic(size_t) n_lines;
static struct hb_done_line shared;

_Thread_local struct hb_done_line *hb_done_mine;

void hb_done_claim(void)
{
	size_t number = atomic_fetch_add_explicit(
		&n_lines, 1, memory_order_relaxed); /* only a number */

	if (number >= LINES) {
		/* Of this child; its driver reports the line. */
		ht_say("more than %d threads ran tasks", LINES);
		exit(HT_MISSED);
	}
	hb_done_mine = &lines[number];
}

void hb_done_add_shared(void)
{
	atomic_fetch_add_explicit(&shared.count, 1,
				  memory_order_release); /* done-1 */
}

uint64_t hb_done_sum(void)
{
	/* A line that is missed now is seen by a later sum. */
	size_t n = atomic_load_explicit(&n_lines, memory_order_relaxed);
	uint64_t sum = atomic_load_explicit(&shared.count,
					    memory_order_acquire); /* done-1 */
	size_t i;

	for (i = 0; i < n && i < LINES; i++)
		sum += atomic_load_explicit(&lines[i].count,
					    memory_order_acquire); /* done-1 */
	return sum;
}

uint64_t hb_done_wait(uint64_t until)
{
	const struct timespec pause = { 0, PAUSE_NS };
	uint64_t sleeps = 0;

	while (hb_done_sum() < until) {
		nanosleep(&pause, NULL);
		sleeps++;
	}
	return sleeps;
}
