/* SPDX-License-Identifier: BSD-2-Clause */
/* A region that is left for a call: in it there is no permit. */
#ifndef HEDDLE_SCHED_OUTSIDE_H
#define HEDDLE_SCHED_OUTSIDE_H

#include <stdbool.h>
#include <stdint.h>

struct hd_worker;

struct hd_outside {
	struct hd_worker *worker;
	uint32_t depth;
	int kind;
	void (*interrupt)(void *arg);
	void *arg;
};

/* False: the calling thread is in none. */
bool hd_outside_begin(struct hd_outside *region);

/* In it again, with its function. */
void hd_outside_end(const struct hd_outside *region);

#endif /* HEDDLE_SCHED_OUTSIDE_H */
