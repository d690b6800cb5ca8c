/* SPDX-License-Identifier: BSD-2-Clause */
/* The log of what an ELASTIC pool decides by itself (S2). */
#ifndef HEDDLE_SCHED_STORY_H
#define HEDDLE_SCHED_STORY_H

#include <heddle/see.h>

struct heddle_pool;
struct hd_worker;

/* Entries that are kept. */
#define HD_STORY_ENTRIES 64

/* What was decided about this life of an entry; step and error of a failure. */
void hd_story(struct heddle_pool *pool, uint32_t worker, uint64_t incarnation,
	      enum heddle_decision decision, enum heddle_decision_reason reason,
	      uint32_t step, int error);

#endif /* HEDDLE_SCHED_STORY_H */
