/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads that are lent to a pool: entries of the registry without a thread of the
 * library, for one task (sched/help.c) or for a run (heddle_pool_run()). The states,
 * re-checks and forbidden outcomes are in doc/design/donated.md.
 */
#ifndef HEDDLE_SCHED_DONATE_H
#define HEDDLE_SCHED_DONATE_H

#include <stdbool.h>
#include <stdint.h>

struct heddle_pool;
struct hd_worker;

/* One run of a donated thread; on its stack. */
struct hd_donor {
	uint32_t flags; /* enum heddle_run_flags */
	uint64_t deadline;
	int result;   /* once it is over */
	bool is_over; /* it leaves, whatever there is */
};

/*
 * The calling thread becomes a worker: it has an entry, and the pool's hooks are done. A
 * helper takes nothing out of queues. 1; 0: no entry is to be had now (for a helper also
 * because the pool closes); -ESHUTDOWN, -ENOMEM, or the error of the init hook: nothing
 * remains.
 */
int hd_donate_begin(struct heddle_pool *pool, bool helper, uint64_t deadline,
		    struct hd_worker **worker);

/* The exit hooks; then the entry is free. The pool may be freed by a destroy. */
void hd_donate_end(struct hd_worker *worker);

/* A task has returned: is it to be the last one of this run? */
bool hd_donor_has_enough(struct hd_donor *donor);

/*
 * It has found nothing. False: it is not to sleep; either the run is over, or it is to
 * search once more.
 */
bool hd_donor_may_sleep(struct hd_worker *worker);

/* In its sleep the deadline has passed. */
void hd_donor_timed_out(struct hd_donor *donor);

#endif /* HEDDLE_SCHED_DONATE_H */
