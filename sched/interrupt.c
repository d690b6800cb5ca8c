/* SPDX-License-Identifier: BSD-2-Clause */
/* The protocol is in interrupt.h. */
#include "sched/interrupt.h"

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/futex.h"
#include "sched/group.h"
#include "sched/pool.h"
#include "sched/task.h"
#include "sched/worker.h"

enum {
	NONE = 0,
	ARMED = 1,
	CALLING = 2,
	CALLED = 3
};

static bool change(struct hd_worker *worker, uint32_t *seen, uint32_t wanted)
{
	return atomic_compare_exchange_strong_explicit(
		&worker->interrupt, seen, wanted,
		memory_order_seq_cst,  /* interrupt-1, interrupt-2 */
		memory_order_seq_cst); /* interrupt-1: NONE is an answer */
}

static void wait_for_call(struct hd_worker *worker)
{
	hd_futex_wait(&worker->interrupt, CALLING, UINT64_MAX);
}

bool hd_interrupt_arm(struct hd_worker *worker, void (*fn)(void *arg),
		      void *arg)
{
	worker->interrupt_fn = fn;
	worker->interrupt_arg = arg;
	atomic_store_explicit(&worker->interrupt, ARMED,
			      memory_order_seq_cst); /* interrupt-1 */
	if (!hd_task_stopped(worker))
		return true;
	return hd_interrupt_disarm(worker); /* called: the region was there */
}

bool hd_interrupt_disarm(struct hd_worker *worker)
{
	uint32_t seen = atomic_load_explicit(&worker->interrupt,
					     memory_order_relaxed); /* hint */

	while (seen != NONE)
		if (seen == CALLING) {
			wait_for_call(worker);
			seen = atomic_load_explicit(
				&worker->interrupt,
				memory_order_relaxed); /* then a CAS */
		} else {
			bool called = seen == CALLED;

			if (change(worker, &seen, NONE))
				return called;
		}
	return false;
}

/* True with the region claimed: its worker stays in it. */
static bool claim(struct hd_worker *worker)
{
	uint32_t seen = ARMED;

	while (!change(worker, &seen, CALLING)) {
		if (seen == CALLING)
			wait_for_call(worker);
		else if (seen != ARMED)
			return false;
		seen = ARMED;
	}
	return true;
}

static void end_claim(struct hd_worker *worker, bool ours)
{
	if (ours)
		worker->interrupt_fn(worker->interrupt_arg);
	atomic_store_explicit(&worker->interrupt, ours ? CALLED : ARMED,
			      memory_order_release); /* interrupt-2 */
	hd_futex_wake(&worker->interrupt, INT_MAX);
}

static void interrupt_if(struct hd_worker *worker, const struct hd_task *task)
{
	struct hd_frame *frame;

	if (!claim(worker))
		return;
	for (frame = worker->frame; frame; frame = frame->below)
		if ((const void *)frame->task == (const void *)task)
			break;
	end_claim(worker, frame != NULL);
}

static uint32_t used_entries(struct heddle_pool *pool)
{
	return atomic_load_explicit(&pool->entries_used,
				    memory_order_acquire); /* registry-1 */
}

void hd_interrupt_task(struct hd_task *task)
{
	struct heddle_pool *pool = task->group->pool;
	uint32_t runner = atomic_load_explicit(
		&task->runner, memory_order_relaxed); /* 0: perhaps not yet */
	uint32_t i;

	if (runner) {
		interrupt_if(&pool->worker[runner - 1], task);
		return;
	}
	for (i = 0; i < used_entries(pool); i++)
		interrupt_if(&pool->worker[i], task);
}

void hd_interrupt_group(struct heddle_group *group)
{
	struct heddle_pool *pool = group->pool;
	uint32_t i;

	for (i = 0; i < used_entries(pool); i++) {
		struct hd_worker *worker = &pool->worker[i];
		struct hd_frame *frame;

		if (!claim(worker))
			continue;
		for (frame = worker->frame; frame; frame = frame->below)
			if (hd_group_within(frame->group, group))
				break;
		end_claim(worker, frame != NULL);
	}
}
