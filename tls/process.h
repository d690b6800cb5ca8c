/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A process: the records of its guests, its berths, its tids and its group.
 *
 * Field letters as in sched/group.h; L is the process's own lock, which is
 * held for a few list operations only, never across a wait or a callback.
 */
#ifndef HEDDLE_TLS_PROCESS_H
#define HEDDLE_TLS_PROCESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "platform/cacheline.h"
#include "platform/mutex.h"
#include "tls/tid.h"

struct heddle_pool;
struct heddle_group;
struct heddle_guest;
struct hd_berth_waiter;

struct heddle_process {
	HD_ALIGNED struct heddle_pool *pool; /* I */
	struct heddle_group *group;          /* I  NULL: freed already */
	struct heddle_guest *guest;          /* I  records, type-stable */
	uint32_t threads_max;                /* I */
	uint64_t serial;                     /* I  in its pool, from 1 */

	HD_ALIGNED struct hd_mutex lock;
	struct hd_tids tids;
	uint32_t berths_taken;
	struct hd_berth_waiter *first, *last; /* L  spawns that wait */
	uint32_t queued;                      /* L  length of that list */
	uint32_t waiting; /* L  spawns between enqueue and their last look */
	bool closing;     /* L */

	/* Guests between their last destructor and their end. */
	HD_ALIGNED _Atomic uint32_t scrubbing; /* A */
	_Atomic uint32_t changes;              /* A  futex of destroy */
};

/*
 * Under the lock, after a berth or a waiting spawn has gone: the futex to wake
 * after the unlock when a destroy waits for that, else NULL.
 */
void *hd_process_quiet(struct heddle_process *process);

/*
 * Under the lock: the record is free, its tid comes back. Returns the futex of
 * a spawn to wake after the unlock, or NULL.
 */
void *hd_process_free_guest(struct heddle_process *process,
			    struct heddle_guest *guest);

#endif /* HEDDLE_TLS_PROCESS_H */
