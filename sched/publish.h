/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pool that is published; <heddle/publish.h> has the calls and
 * doc/design/eyes.md the reasons.
 */
#ifndef HEDDLE_SCHED_PUBLISH_H
#define HEDDLE_SCHED_PUBLISH_H

#include <stdbool.h>

struct heddle_pool;

/* The pool is freed: what is published goes, unless it is the parent's. */
void hd_publish_end(struct heddle_pool *pool, bool forked);

#endif /* HEDDLE_SCHED_PUBLISH_H */
