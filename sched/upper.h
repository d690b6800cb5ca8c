/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the layer above (tls/) does at the events of a worker's life. The
 * scheduler calls it through this one constant table, which tls/ defines, so
 * that no include points upward.
 */
#ifndef HEDDLE_SCHED_UPPER_H
#define HEDDLE_SCHED_UPPER_H

#include <stdbool.h>
#include <stdint.h>

struct heddle_pool;
struct hd_worker;

struct hd_upper {
	/* The slots' table of a pool: 0 or -ENOMEM. */
	int (*pool_create)(struct heddle_pool *pool);
	void (*pool_destroy)(struct heddle_pool *pool);
	/* On the worker's thread, before its init hook: 0 or -ENOMEM. */
	int (*worker_begin)(struct hd_worker *worker);
	/* On the worker's thread, after its last task: destructors run. */
	void (*worker_end)(struct hd_worker *worker);
	/* Runs a bound guest from its start to its end; no permit is held before
	 * or after unless worker->bound_group says so. */
	void (*guest_run)(struct hd_worker *worker, void *bound);
	/* The worker's thread ends inside its guest: the guest comes to its end. */
	void (*guest_left)(struct hd_worker *worker);
	/* Joiners and waiting spawns are told: the worker can be bound again. */
	void (*guest_done)(void *bound);
	/* The outermost blocking region above the guest begins or ends. */
	void (*guest_block)(void *guest, bool blocked);
	/* tid of the guest, for the mirror; 0 for NULL. */
	uint32_t (*guest_tid)(const void *guest);
};

extern const struct hd_upper hd_upper;

#endif /* HEDDLE_SCHED_UPPER_H */
