/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Regions that are interrupted: by a cancel of the task, by a refusal of its group, at
 * the moment when they begin or end by themselves.
 *
 * clause: B1
 * clause: L3
 */
#include "lab/scenarios/pool.h"
#include "platform/cacheline.h"
#include "platform/futex.h"

static struct heddle_task one;
static _Atomic uint32_t published, told;
static int calls;       /* plain: the claim and the end of a region order it */
static int inside;      /* plain: the region's own */
static bool waits_told; /* the region ends only when it is interrupted */

static void interrupt(void *arg)
{
	LAB_ASSERT(arg == &told && inside == 1 && calls == 0);
	calls++;
	atomic_store_explicit(&told, 1, memory_order_release);
	hd_futex_wake(&told, 1);
}

static void region(struct heddle_task *task)
{
	int rc;

	(void)task;
	body(NULL);
	inside = 1;
	rc = heddle_block_begin(HEDDLE_BLOCK_OTHER, interrupt, &told);
	if (rc == 0) {
		while (waits_told &&
		       !atomic_load_explicit(&told, memory_order_acquire))
			hd_futex_wait(&told, 0, HEDDLE_FOREVER);
		heddle_block_end();
	} else {
		LAB_ASSERT(rc == -ECANCELED && calls == 0);
	}
	inside = 0;
}

static void submit_region(bool waits)
{
	one = (struct heddle_task){ .fn = region };
	calls = inside = 0;
	waits_told = waits;
	LAB_ASSERT(heddle_submit(groups[1], &one) == 0);
	ghost_submitted(0);
	atomic_store_explicit(&published, 1, memory_order_release);
}

static void submit_waiting(void)
{
	submit_region(true);
	thread_ends();
}

static void submit_passing(void)
{
	submit_region(false);
	thread_ends();
}

static void cancel(void)
{
	while (!atomic_load_explicit(&published, memory_order_acquire))
		hd_relax();
	if (heddle_cancel(&one, HEDDLE_FOREVER) == 0)
		ghost_cancelled(0);
	thread_ends();
}

/* The task joins nobody: it is told by the group's gate. */
static void refuse(void)
{
	while (!atomic_load_explicit(&published, memory_order_acquire))
		hd_relax();
	LAB_ASSERT(heddle_group_close(groups[1], HEDDLE_CLOSE_REFUSE,
				      HEDDLE_FOREVER) == 0);
	if (heddle_join(&one, 0, HEDDLE_NOW) == -ECANCELED)
		ghost_cancelled(0);
	thread_ends();
}

#define ONE RULES(.workers = 1, .below = 1, .threads = 2)

POOL(cancel_waits, "interrupt-cancel", "a cancel ends the wait of a region",
     ONE, THREADS(submit_waiting, cancel), UP_TO(2, 0));
POOL(cancel_old, "interrupt-cancel-old", "and loads may give an old value", ONE,
     THREADS(submit_waiting, cancel), UP_TO(1, 1));
POOL(cancel_passing, "interrupt-end", "no call after the end of a region", ONE,
     THREADS(submit_passing, cancel), UP_TO(1, 0));
POOL(refuse_waits, "interrupt-refuse", "a refusal ends the wait of a region",
     ONE, THREADS(submit_waiting, refuse), UP_TO(1, 0));
