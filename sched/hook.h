/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hook that tells of failed creations. It may run on a thread that is no worker
 * of the pool; who is inside is kept in a list, so that control calls from there are
 * refused as from a worker (D3).
 */
#ifndef HEDDLE_SCHED_HOOK_H
#define HEDDLE_SCHED_HOOK_H

#include <stdbool.h>
#include <stdint.h>

struct heddle_pool;

/* Calls pool->create_failed unless the thread is inside it; error is an errno. */
void hd_hook_create_failed(struct heddle_pool *pool, uint32_t index, int error,
			   uint32_t step);

/* Is the calling thread inside that hook of this pool? */
bool hd_hook_inside(struct heddle_pool *pool);

#endif /* HEDDLE_SCHED_HOOK_H */
