/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queue of spawns, first in, first out. A waiter is a record on its own
 * stack with a futex word; whoever decides about it does so under the lock,
 * unlinks it first and then stores the word, after which the record may vanish.
 */
#include "tls/berth.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include <heddle/api.h>

#include "platform/futex.h"
#include "tls/process.h"
#include "tls/tid.h"
#include "tls/wait.h"

enum verdict {
	WAITING = 0,
	GRANTED = 1,
	REFUSED = 2,
};

struct hd_berth_waiter {
	struct hd_berth_waiter *next, *before;
	_Atomic uint32_t verdict;
	uint32_t tid; /* before GRANTED */
};

static void enqueue(struct heddle_process *process,
		    struct hd_berth_waiter *waiter)
{
	waiter->next = NULL;
	waiter->before = process->last;
	if (process->last)
		process->last->next = waiter;
	else
		process->first = waiter;
	process->last = waiter;
	process->queued++;
}

static void unlink_waiter(struct heddle_process *process,
			  struct hd_berth_waiter *waiter)
{
	if (waiter->before)
		waiter->before->next = waiter->next;
	else
		process->first = waiter->next;
	if (waiter->next)
		waiter->next->before = waiter->before;
	else
		process->last = waiter->before;
	process->queued--;
}

static bool both_free(struct heddle_process *process)
{
	return process->berths_taken < process->threads_max &&
	       hd_tids_free(&process->tids) > 0;
}

static uint32_t take_both(struct heddle_process *process)
{
	process->berths_taken++;
	hd_assert(process->berths_taken <= process->threads_max);
	return hd_tids_draw(&process->tids);
}

/* The waiter goes on; the futex to wake after the unlock. */
static void *decide(struct heddle_process *process,
		    struct hd_berth_waiter *waiter, uint32_t verdict)
{
	unlink_waiter(process, waiter);
	atomic_store_explicit(&waiter->verdict, verdict,
			      memory_order_relaxed); /* locked */
	return &waiter->verdict;
}

void *hd_berth_pass(struct heddle_process *process)
{
	struct hd_berth_waiter *waiter = process->first;
	void *woken;

	if (!waiter || !both_free(process))
		return NULL;
	waiter->tid = take_both(process);
	woken = decide(process, waiter, GRANTED);
	/* At rest one of the two was missing, and at most one came of each. */
	hd_assert(!process->first || !both_free(process));
	return woken;
}

void hd_berth_refuse(struct heddle_process *process)
{
	void *woken = NULL;

	do {
		hd_mutex_lock(&process->lock);
		woken = process->first
				? decide(process, process->first, REFUSED)
				: NULL;
		hd_mutex_unlock(&process->lock);
		if (woken)
			hd_futex_wake(woken, 1);
	} while (woken);
}

static uint32_t verdict_of(struct hd_berth_waiter *waiter)
{
	return atomic_load_explicit(&waiter->verdict,
				    memory_order_relaxed); /* again, locked */
}

static void sleep_for_verdict(struct hd_berth_waiter *waiter, uint64_t deadline)
{
	while (verdict_of(waiter) == WAITING)
		if (hd_futex_wait(&waiter->verdict, WAITING, deadline) ==
		    -ETIMEDOUT)
			return;
}

/*
 * Does a berth come without any step of user code? Each spawn that is queued
 * counts on one of the guests in SCRUB, and on one of the free tids.
 */
static bool comes_by_itself(struct heddle_process *process)
{
	/* Relaxed: one that begins its scrub just now may be missed. */
	uint32_t scrubbing =
		atomic_load_explicit(&process->scrubbing, memory_order_relaxed);

	return scrubbing > process->queued &&
	       hd_tids_free(&process->tids) > process->queued;
}

/* Enters with the lock held, leaves without. */
static int wait_for_both(struct heddle_process *process, uint64_t deadline,
			 uint32_t *tid)
{
	struct hd_berth_waiter waiter = { .tid = 0 };
	bool by_itself = deadline == HEDDLE_NOW;
	void *quiet = NULL;
	uint32_t verdict;

	enqueue(process, &waiter);
	process->waiting++;
	hd_mutex_unlock(&process->lock);

	/*
	 * A scrub needs no permit of ours, and the end of a blocking region
	 * may have to wait for user code.
	 */
	if (by_itself) {
		sleep_for_verdict(&waiter, HEDDLE_FOREVER);
	} else {
		bool region = hd_wait_begin();

		sleep_for_verdict(&waiter, deadline);
		hd_wait_end(region);
	}

	hd_mutex_lock(&process->lock);
	verdict = verdict_of(&waiter);
	if (verdict == WAITING)
		unlink_waiter(process, &waiter);
	process->waiting--;
	quiet = hd_process_quiet(process);
	hd_mutex_unlock(&process->lock);
	if (quiet)
		hd_futex_wake(quiet, 1);
	*tid = waiter.tid;
	return verdict == GRANTED   ? 0
	       : verdict == REFUSED ? -ESHUTDOWN
				    : -EAGAIN;
}

int hd_berth_take(struct heddle_process *process, uint64_t deadline,
		  uint32_t *tid)
{
	int rc = 0;

	hd_mutex_lock(&process->lock);
	if (process->closing) {
		rc = -ESHUTDOWN;
	} else if (!process->first && both_free(process)) {
		*tid = take_both(process);
	} else if (deadline == HEDDLE_NOW && !comes_by_itself(process)) {
		rc = -EAGAIN;
	} else {
		return wait_for_both(process, deadline, tid);
	}
	hd_mutex_unlock(&process->lock);
	return rc;
}
