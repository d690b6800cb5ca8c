/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reclamation of workers. One party at a time owns an ended entry: it moves
 * the phase from LEFT, FAILED or JOINED to JOINING and on; the others wait for
 * the word.
 */
#include "sched/reap.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "platform/futex.h"
#include "platform/memory.h"
#include "platform/rcu.h"
#include "sched/pool.h"
#include "sched/start.h"
#include "sched/worker.h"

static bool move(struct hd_worker *worker, uint32_t from, uint32_t to)
{
	return atomic_compare_exchange_strong_explicit(
		&worker->phase, &from, to, memory_order_acquire, /* phase-1 */
		memory_order_relaxed);                           /* re-read */
}

static bool other_life(struct hd_worker *worker, uint64_t incarnation)
{
	return atomic_load_explicit(&worker->incarnation,
				    memory_order_relaxed) /* by the phase */
	       != incarnation;
}

static int join(struct hd_worker *worker, uint32_t from, uint64_t deadline)
{
	int rc = hd_thread_join(&worker->thread, deadline);

	if (rc < 0) {
		hd_phase_set(worker, from);
		return rc;
	}
	hd_stack_unmap(worker->stack, worker->stack_size);
	worker->stack = NULL;
	hd_phase_set(worker, HD_PHASE_JOINED);
	return 0;
}

static int forget(struct hd_worker *worker, uint64_t deadline)
{
	int rc = hd_thread_gone(&worker->thread, deadline);

	if (rc < 0) {
		hd_phase_set(worker, HD_PHASE_JOINED);
		return rc;
	}
	hd_worker_show_free(worker);
	hd_phase_set(worker, HD_PHASE_FREE);
	return 0;
}

int hd_reap(struct hd_worker *worker, uint64_t incarnation, int level,
	    uint64_t deadline, uint32_t *step)
{
	int rc = 0;

	while (rc == 0) {
		uint32_t phase = hd_phase_of(worker);

		if (phase == HD_PHASE_FREE || other_life(worker, incarnation))
			return 0;
		switch (phase) {
		case HD_PHASE_LEFT:
		case HD_PHASE_FAILED:
			if (level <= HEDDLE_R1_LEFT)
				return 0;
			*step = HEDDLE_STEP_JOIN;
			if (move(worker, phase, HD_PHASE_JOINING))
				rc = join(worker, phase, deadline);
			break;
		case HD_PHASE_JOINED:
			if (level <= HEDDLE_R2_JOINED)
				return 0;
			*step = HEDDLE_STEP_GONE;
			if (move(worker, phase, HD_PHASE_JOINING))
				rc = forget(worker, deadline);
			break;
		default:
			*step = phase == HD_PHASE_JOINING ? HEDDLE_STEP_JOIN
							  : HEDDLE_STEP_LEAVE;
			if (hd_futex_wait(&worker->phase, phase, deadline) ==
			    -ETIMEDOUT)
				rc = -ETIMEDOUT;
			break;
		}
	}
	return rc;
}

void hd_reap_ended(struct heddle_pool *pool)
{
	uint32_t used = atomic_load_explicit(
		&pool->entries_used, memory_order_acquire); /* registry-1 */
	uint32_t i, step;

	for (i = 0; i < used; i++) {
		struct hd_worker *worker = &pool->worker[i];
		uint32_t phase = hd_phase_of(worker);

		/* Its starter reads the error first. */
		if (phase == HD_PHASE_FAILED && worker->by_start)
			continue;
		/* The deadline 0 tries only: TLS destructors are user code. */
		if (phase == HD_PHASE_LEFT || phase == HD_PHASE_FAILED ||
		    phase == HD_PHASE_JOINED)
			hd_reap(worker,
				atomic_load_explicit(
					&worker->incarnation,
					memory_order_relaxed), /* by the phase */
				HEDDLE_R3_GONE, HEDDLE_NOW, &step);
	}
}

void hd_reap_rings(struct heddle_pool *pool)
{
	uint32_t i;

	/* An entry that is not free keeps its ring. */
	hd_mutex_lock(&pool->control);
	for (i = 0; i < pool->entries; i++)
		if (hd_phase_of(&pool->worker[i]) == HD_PHASE_FREE)
			hd_deque_retire_owner(&pool->worker[i].deque,
					      &pool->reclaim);
	hd_mutex_unlock(&pool->control);
	hd_reclaim_flush(&pool->reclaim);
}
