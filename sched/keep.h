/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Workers that an ELASTIC pool no longer needs: how many there are, who watches the
 * time, and who goes. The protocol is doc/design/elastic.md.
 */
#ifndef HEDDLE_SCHED_KEEP_H
#define HEDDLE_SCHED_KEEP_H

#include <stdbool.h>
#include <stdint.h>

struct heddle_pool;
struct hd_worker;

/* Under pool->control: live, fresh, floor, starts, started or closing has changed. */
void hd_keep_count(struct heddle_pool *pool);

/* Somebody may have become one too many, and nobody watches: an idle worker shall. */
void hd_keep_check(struct heddle_pool *pool);

/* The calling worker is about to park, its idle bit is set: until when? */
uint64_t hd_keep_until(struct hd_worker *worker);

enum hd_keep {
	HD_KEEP_WATCH, /* ask again until when */
	HD_KEEP_TOKEN, /* a token is on its way */
	HD_KEEP_MINE,  /* it has its own idle bit back: it may try to leave */
};

/* It has slept until then. */
enum hd_keep hd_keep_due(struct hd_worker *worker);

/*
 * It is surplus, and counted out as if it had been told to leave; or was told so.
 * Called when it is not available and has found no work.
 */
bool hd_keep_leave(struct hd_worker *worker);

/* It has something else to do than to watch. */
void hd_keep_resign(struct hd_worker *worker);

#endif /* HEDDLE_SCHED_KEEP_H */
