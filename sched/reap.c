/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reclamation of workers. One party at a time owns an ended entry: it moves
 * the phase from LEFT, FAILED or JOINED to JOINING and on; the others wait for
 * the word. Who becomes the owner holds the control lock for it, as does who
 * reserves a free entry: so the life that it looked at is the one that it gets.
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

static bool other_life(struct hd_worker *worker, uint64_t incarnation)
{
	return atomic_load_explicit(&worker->life,
				    memory_order_relaxed) /* by the phase */
	       != incarnation;
}

/* Its starter reads the error first; till then it is nobody else's (S1). */
static bool is_kept(const struct hd_worker *worker, uint32_t phase)
{
	return phase == HD_PHASE_FAILED && worker->by_start;
}

/* The word that was read, with its life, becomes ours to join. */
static bool own(struct hd_worker *worker, uint32_t from)
{
	uint32_t joining = from - hd_phase_in(from) + HD_PHASE_JOINING;
	bool mine;

	hd_mutex_lock(&worker->pool->control);
	mine = !is_kept(worker, hd_phase_in(from)) &&
	       atomic_compare_exchange_strong_explicit(
		       &worker->phase, &from, joining,
		       memory_order_acquire,  /* phase-1 */
		       memory_order_relaxed); /* re-read */
	hd_mutex_unlock(&worker->pool->control);
	return mine;
}

int hd_reap_past(struct hd_worker *worker, int level, uint64_t deadline)
{
	struct hd_thread *past = &worker->thread[1 - worker->turn];
	int rc = 0;

	if (worker->past_stack) {
		rc = hd_thread_join(past, deadline);
		if (rc < 0)
			return rc;
		hd_stack_unmap(worker->past_stack, worker->stack_size,
			       worker->pool->guard_size);
		worker->past_stack = NULL;
	}
	if (worker->past_is_there && level >= HEDDLE_R3_GONE) {
		rc = hd_thread_gone(past, deadline);
		worker->past_is_there = rc < 0;
	}
	return rc;
}

static int join(struct hd_worker *worker, uint32_t from, uint64_t deadline)
{
	int rc = hd_reap_past(worker, HEDDLE_R2_JOINED, deadline);

	if (rc == 0)
		rc = hd_thread_join(&worker->thread[worker->turn], deadline);

	if (rc < 0) {
		hd_phase_set(worker, from);
		return rc;
	}
	hd_stack_unmap(worker->stack, worker->stack_size,
		       worker->pool->guard_size);
	worker->stack = NULL;
	hd_phase_set(worker, HD_PHASE_JOINED);
	return 0;
}

static int forget(struct hd_worker *worker, uint64_t deadline)
{
	int rc = hd_reap_past(worker, HEDDLE_R3_GONE, deadline);

	if (rc == 0)
		rc = hd_thread_gone(&worker->thread[worker->turn], deadline);

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
		uint32_t word = hd_phase_word(worker);
		uint32_t phase = hd_phase_in(word);

		if (phase == HD_PHASE_FREE || other_life(worker, incarnation))
			return 0;
		switch (phase) {
		case HD_PHASE_LEFT:
		case HD_PHASE_FAILED:
			if (level <= HEDDLE_R1_LEFT)
				return 0;
			*step = HEDDLE_STEP_JOIN;
			if (own(worker, word))
				rc = join(worker, phase, deadline);
			else
				rc = hd_phase_wait(worker, word, deadline);
			break;
		case HD_PHASE_JOINED:
			if (level <= HEDDLE_R2_JOINED)
				return 0;
			*step = HEDDLE_STEP_GONE;
			if (own(worker, word))
				rc = forget(worker, deadline);
			break;
		default:
			*step = phase == HD_PHASE_JOINING ? HEDDLE_STEP_JOIN
							  : HEDDLE_STEP_LEAVE;
			rc = hd_phase_wait(worker, word, deadline);
			break;
		}
	}
	return rc;
}

static bool is_end(uint32_t phase)
{
	return phase == HD_PHASE_FAILED || phase >= HD_PHASE_LEFT;
}

/* Which life has ended here, if one has that anybody may reap? */
static bool has_ended(struct hd_worker *worker, uint64_t *life)
{
	uint32_t phase;
	bool yes;

	hd_mutex_lock(&worker->pool->control);
	phase = hd_phase_of(worker);
	*life = atomic_load_explicit(&worker->life,
				     memory_order_relaxed); /* locked */
	yes = is_end(phase) && !is_kept(worker, phase);
	hd_mutex_unlock(&worker->pool->control);
	return yes;
}

void hd_reap_ended(struct heddle_pool *pool)
{
	uint32_t used = atomic_load_explicit(
		&pool->entries_used, memory_order_acquire); /* registry-1 */
	uint32_t i, step;
	uint64_t life;

	/* The deadline 0 tries only: TLS destructors are user code. */
	for (i = 0; i < used; i++)
		if (is_end(hd_phase_of(&pool->worker[i])) &&
		    has_ended(&pool->worker[i], &life))
			hd_reap(&pool->worker[i], life, HEDDLE_R3_GONE,
				HEDDLE_NOW, &step);
}

bool hd_reap_one(struct heddle_pool *pool, uint64_t deadline)
{
	uint32_t i, step;
	uint64_t life;

	for (i = 0; i < hd_pool_entries_used(pool); i++)
		if (has_ended(&pool->worker[i], &life))
			return hd_reap(&pool->worker[i], life, HEDDLE_R3_GONE,
				       deadline, &step) == 0;
	return false;
}

void hd_reap_rings(struct heddle_pool *pool)
{
	uint32_t i;

	/* An entry that is not free keeps its ring. */
	hd_mutex_lock(&pool->control);
	for (i = 0; i < hd_pool_entries_used(pool); i++)
		if (hd_phase_of(&pool->worker[i]) == HD_PHASE_FREE)
			hd_deque_retire_owner(&pool->worker[i].deque,
					      &pool->reclaim);
	hd_mutex_unlock(&pool->control);
	hd_reclaim_flush(&pool->reclaim);
}

int hd_worker_reap(struct hd_worker *worker, uint64_t incarnation, int level,
		   uint64_t deadline)
{
	uint32_t step;
	int rc = hd_reap(worker, incarnation, level, deadline, &step);

	if (rc == 0 && level >= HEDDLE_R4_CLEAN)
		hd_reap_rings(worker->pool);
	return rc;
}

static bool made_for(struct hd_worker *worker, uint64_t serial, uint64_t *life)
{
	bool yes;

	hd_mutex_lock(&worker->pool->control);
	*life = atomic_load_explicit(&worker->life,
				     memory_order_relaxed); /* locked */
	yes = worker->fresh_for == serial &&
	      hd_phase_of(worker) != HD_PHASE_FREE;
	hd_mutex_unlock(&worker->pool->control);
	return yes;
}

int hd_worker_reap_of(struct heddle_pool *pool, uint64_t serial, int level,
		      uint64_t deadline)
{
	uint32_t i, step;
	uint64_t life;
	int rc = 0;

	if (level < HEDDLE_R1_LEFT)
		return 0;
	for (i = 0; i < hd_pool_entries_used(pool) && rc == 0; i++)
		if (made_for(&pool->worker[i], serial, &life))
			rc = hd_reap(&pool->worker[i], life, level, deadline,
				     &step);
	if (rc == 0 && level >= HEDDLE_R4_CLEAN)
		hd_reap_rings(pool);
	return rc;
}
