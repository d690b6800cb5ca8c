/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How workers come to life. The phase word of an entry says how far it is; its
 * states are in sched/worker.h. Only these change it: the holder of a
 * reservation (FREE to RESERVED to STARTING), the thread itself (LIVE, FAILED,
 * LEFT) and whoever reaps it (sched/reap.c).
 *
 * phase-2: a change of the word and its waiters. The waiter adds a bit to the word that
 * it has read, then sleeps on the two; who changes the word exchanges it, and wakes if
 * the bit was there. Both are read-modify-writes of one word. Forbidden: the word was
 * changed, and its waiter sleeps on.
 *
 * phase-1: what was written before a phase was published is seen by those who
 * read the phase: the options by the thread, its error by the starter, all it
 * ever did by the one who joins it.
 */
#include "sched/start.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include <heddle/testing.h>

#include "platform/fault.h"
#include "platform/futex.h"
#include "platform/membarrier.h"
#include "platform/memory.h"
#include "platform/probe.h"
#include "platform/rcu.h"
#include "sched/hook.h"
#include "sched/keep.h"
#include "sched/pool.h"
#include "sched/reap.h"
#include "sched/story.h"
#include "sched/upper.h"
#include "sched/worker.h"

void hd_phase_set(struct hd_worker *worker, uint32_t phase)
{
	uint32_t life = (uint32_t)atomic_load_explicit(
		&worker->life,
		memory_order_relaxed); /* whoever sets a phase holds the life */

	/* phase-2: who is to sleep has added WAITED, or finds another word. */
	uint32_t before = atomic_exchange_explicit(
		&worker->phase, life << HD_PHASE_BITS | phase,
		memory_order_release); /* phase-1, phase-2 */

	if (before & HD_PHASE_WAITED)
		hd_futex_wake(&worker->phase, INT_MAX); /* the address only */
}

int hd_phase_wait(struct hd_worker *worker, uint32_t word, uint64_t deadline)
{
	uint32_t waited = word | HD_PHASE_WAITED;

	if (word != waited &&
	    !atomic_compare_exchange_strong_explicit(
		    &worker->phase, &word, waited,
		    memory_order_relaxed,  /* phase-2: read again */
		    memory_order_relaxed)) /* phase-2: read again */
		return 0;
	return hd_futex_wait(&worker->phase, waited, deadline) == -ETIMEDOUT
		       ? -ETIMEDOUT
		       : 0;
}

uint32_t hd_phase_word(struct hd_worker *worker)
{
	return atomic_load_explicit(&worker->phase,
				    memory_order_acquire); /* phase-1 */
}

uint32_t hd_phase_of(struct hd_worker *worker)
{
	return hd_phase_in(hd_phase_word(worker));
}

bool hd_entry_allowed(struct heddle_pool *pool)
{
	uint32_t blocked = atomic_load_explicit(
		&pool->blocked_workers, memory_order_seq_cst); /* spare-1 */

	if (blocked > pool->blocked_max)
		blocked = pool->blocked_max;
	return !pool->closing && pool->live < pool->workers_max + blocked;
}

static void birth_at(struct hd_worker *worker, uint32_t step)
{
	atomic_store_explicit(&worker->start_step, step,
			      memory_order_relaxed); /* a report */
}

static void refuse_guests(struct hd_worker *worker, bool yes)
{
	atomic_store_explicit(
		&worker->refuses_guests, yes,
		memory_order_relaxed); /* read again by who binds */
}

/*
 * Its first life: until now its memory was never touched, so a pool that has room for
 * many more workers than it has costs nothing for the others. Nobody else knows it.
 */
static void set_up(struct heddle_pool *pool, uint32_t index)
{
	struct hd_worker *worker = &pool->worker[index];

	worker->pool = pool;
	worker->index = index;
	worker->wait_node = pool->groups_max + index + 1;
	worker->far = &pool->frames[(size_t)index * HD_FRAMES_FAR];
	hd_mirror_init(&worker->mirror);
	hd_worker_show_free(worker);
}

/* The lowest free entry, for a new life that others do not know yet. */
static struct hd_worker *new_life(struct heddle_pool *pool)
{
	uint32_t i;

	for (i = 0; i < pool->entries; i++) {
		struct hd_worker *worker = &pool->worker[i];

		if (hd_phase_of(worker) != HD_PHASE_FREE)
			continue;
		if (i >= hd_pool_entries_used(pool))
			set_up(pool, i);
		atomic_store_explicit(&worker->incarnation,
				      ++pool->incarnations,
				      memory_order_relaxed); /* by the phase */
		atomic_store_explicit(&worker->leave, 0,
				      memory_order_relaxed); /* by the phase */
		atomic_store_explicit(&worker->life, pool->incarnations,
				      memory_order_relaxed); /* by the phase */
		worker->bound = NULL;
		worker->bound_group = NULL;
		worker->done = NULL;
		worker->successor = false;
		worker->fresh_for = 0;
		worker->by_start = false;
		worker->donated = false;
		worker->helper = false;
		worker->donor = NULL;
		refuse_guests(worker, false);
		worker->birth = NULL;
		worker->start_error = 0;
		birth_at(worker, HEDDLE_STEP_CREATE);
		if (i >= hd_pool_entries_used(pool))
			/* registry-1: readers of the count see the entry as it
			 * was set up.
			 */
			atomic_store_explicit(
				&pool->entries_used, i + 1,
				memory_order_release); /* registry-1 */
		return worker;
	}
	return NULL;
}

struct hd_worker *hd_entry_reserve(struct heddle_pool *pool)
{
	struct hd_worker *worker = new_life(pool);

	if (!worker)
		return NULL;
	pool->live++;
	pool->starting++;
	hd_keep_count(pool);
	hd_phase_set(worker, HD_PHASE_RESERVED);
	return worker;
}

void hd_live_less(struct hd_worker *worker)
{
	struct heddle_pool *pool = worker->pool;

	pool->live--;
	if (worker->fresh_for)
		pool->fresh--;
	hd_keep_count(pool);
}

/* The reservation came to nothing. */
void hd_entry_unreserve(struct hd_worker *worker)
{
	struct heddle_pool *pool = worker->pool;

	hd_mutex_lock(&pool->control);
	pool->starting--;
	if (!atomic_load_explicit(&worker->leave,
				  memory_order_relaxed)) /* locked */
		hd_live_lost(worker);
	hd_phase_set(worker, HD_PHASE_FREE);
	hd_mutex_unlock(&pool->control);
	hd_bind_signal(pool); /* one more may be created */
}

struct hd_thread_options hd_worker_template(struct hd_worker *worker)
{
	struct heddle_pool *pool = worker->pool;

	return (struct hd_thread_options){
		.stack = worker->stack,
		.stack_size = worker->stack_size,
		.cpu_set = pool->cpu_set,
		.cpu_set_size = pool->cpu_set_size,
		.cpu = { pool->cpu_order, pool->cpu_order_length,
			 worker->index },
		.mask = pool->mask,
		.name = worker->thread_name,
		.scheduling = &pool->scheduling,
	};
}

/* In the registry before the kernel knows it, so that the two never differ. */
static void show_reserved(struct hd_worker *worker)
{
	worker->held = NULL;
	worker->frame = NULL;
	worker->guest = NULL;
	worker->seen = (struct hd_mirror_values){
		.index = worker->index,
		.incarnation = atomic_load_explicit(
			&worker->incarnation,
			memory_order_relaxed), /* by the phase */
	};
	hd_worker_show(worker, HEDDLE_WORKER_STARTING);
}

struct hd_worker *hd_entry_donate(struct heddle_pool *pool, bool helper)
{
	struct hd_worker *worker = new_life(pool);

	if (!worker)
		return NULL;
	pool->donated++;
	worker->donated = true;
	worker->helper = helper;
	refuse_guests(worker, true);
	if (!helper)
		pool->runners++;
	show_reserved(worker);
	hd_phase_set(worker, HD_PHASE_LIVE);
	return worker;
}

void hd_entry_end_donation(struct hd_worker *worker)
{
	worker->pool->donated--;
	if (!worker->helper)
		worker->pool->runners--;
	hd_worker_show_free(worker);
	hd_phase_set(worker, HD_PHASE_FREE);
}

int hd_worker_launch(struct hd_worker *worker)
{
	struct hd_thread_options options = hd_worker_template(worker);

	show_reserved(worker);
	hd_phase_set(worker, HD_PHASE_STARTING);
	return hd_thread_create(&worker->thread[worker->turn], &options,
				hd_worker_main, worker);
}

int hd_worker_create(struct hd_worker *worker, uint32_t *step)
{
	struct heddle_pool *pool = worker->pool;
	int rc;

	*step = HEDDLE_STEP_STACK;
	rc = hd_deque_has_ring_owner(&worker->deque)
		     ? 0
		     : hd_deque_init(&worker->deque, pool->deque_slots);
	if (rc < 0)
		goto unreserve;
	worker->stack_size = pool->stack_size;
	worker->stack = hd_stack_map(worker->stack_size, pool->guard_size);
	if (!worker->stack) {
		rc = -ENOMEM;
		goto unreserve;
	}
	snprintf(worker->thread_name, sizeof(worker->thread_name), "%.10s-%u",
		 pool->name, (unsigned int)(worker->index % 10000));
	*step = HEDDLE_STEP_CREATE;
	rc = hd_worker_launch(worker);
	if (rc < 0)
		goto unmap;
	return 0;

unmap:
	hd_worker_show_free(worker);
	hd_stack_unmap(worker->stack, worker->stack_size, pool->guard_size);
	worker->stack = NULL;
unreserve:
	hd_entry_unreserve(worker);
	return rc;
}

/*
 * Idle, on its way there, or lingering after its last task: such a worker checks
 * for a spare itself when it begins to run user code.
 */
static bool someone_available(struct heddle_pool *pool)
{
	return atomic_load_explicit(&pool->available,
				    memory_order_seq_cst); /* spare-1 */
}

/* Every worker checks, each at its next task. */
static void ask_all(struct heddle_pool *pool)
{
	uint32_t used = atomic_load_explicit(
		&pool->entries_used, memory_order_relaxed); /* new ones check */
	uint32_t i;

	for (i = 0; i < used; i++)
		atomic_store_explicit(&pool->worker[i].spare_asked,
				      HD_ASKED_FOR_SPARE,
				      memory_order_relaxed); /* spare-2 */
}

struct hd_creation hd_creation_of(struct hd_worker *worker,
				  enum heddle_decision_reason reason)
{
	return (struct hd_creation){
		.pool = worker->pool,
		.index = worker->index,
		.life = atomic_load_explicit(
			&worker->incarnation,
			memory_order_relaxed), /* by the phase */
		.reason = reason,
	};
}

void hd_creation_failed(const struct hd_creation *creation, uint32_t step,
			int rc)
{
	struct heddle_pool *pool = creation->pool;

	atomic_fetch_add_explicit(&pool->create_failures, 1,
				  memory_order_relaxed); /* statistics */
	HD_PROBE1(spare_failed, pool);
	hd_story(pool, creation->index, creation->life, HEDDLE_DECISION_FAILED,
		 creation->reason, step, -rc);
	ask_all(pool);
}

int hd_worker_create_logged(struct hd_worker *worker,
			    enum heddle_decision_reason reason, uint32_t *step)
{
	/* Created, it may be gone again before we say so. */
	struct hd_creation creation = hd_creation_of(worker, reason);
	int rc = hd_worker_create(worker, step);

	if (rc < 0)
		hd_creation_failed(&creation, *step, rc);
	else
		hd_story(creation.pool, creation.index, creation.life,
			 HEDDLE_DECISION_CREATED, reason, 0, 0);
	return rc;
}

/*
 * Is a worker between two tasks? It has told of the end of the first already
 * and is not yet counted as available; the work that follows is for it. It is
 * asked to check in our place when it begins the next task.
 *
 * spare-2: we ask, then all pass a barrier, then we read inside; it sets inside,
 * then reads whether it was asked. Forbidden: we find it outside and it does
 * not find itself asked. Its side is two plain accesses: the barrier is ours.
 */
static bool someone_between(struct heddle_pool *pool)
{
	uint32_t used, i;

	ask_all(pool);
	if (!hd_membarrier_available() || hd_membarrier())
		return false; /* at worst one spare too many */
	used = atomic_load_explicit(&pool->entries_used,
				    memory_order_relaxed); /* locked */
	for (i = 0; i < used; i++) {
		struct hd_worker *worker = &pool->worker[i];

		if (hd_phase_in(atomic_load_explicit(&worker->phase,
						     memory_order_relaxed)) ==
			    HD_PHASE_LIVE /* the lock is ours */
		    && !worker->donated &&
		    !atomic_load_explicit(&worker->leave,
					  memory_order_relaxed) &&
		    !atomic_load_explicit(&worker->inside,
					  memory_order_relaxed)) /* spare-2 */
			return true;
	}
	return false;
}

/* Returns a reserved entry for it, or NULL. */
static struct hd_worker *reserve_spare(struct heddle_pool *pool)
{
	struct hd_worker *worker = NULL;

	hd_mutex_lock(&pool->control);
	if (atomic_load_explicit(&pool->started,
				 memory_order_relaxed) /* locked */
	    && !pool->starting && hd_entry_allowed(pool) &&
	    !someone_available(pool) && !someone_between(pool))
		worker = hd_entry_reserve(pool);
	hd_mutex_unlock(&pool->control);
	return worker;
}

void hd_spare_check(struct heddle_pool *pool)
{
	struct hd_worker *worker;
	uint32_t step, index;
	int rc;

	if (atomic_load_explicit(&pool->lost,
				 memory_order_relaxed)) /* again, locked */
		hd_worker_make_up(pool, HEDDLE_BECAUSE_EXIT);
	if (!pool->elastic ||
	    !atomic_load_explicit(
		    &pool->started,
		    memory_order_relaxed) /* under the lock below */
	    || someone_available(pool))
		return;
	hd_reap_ended(pool);
	worker = reserve_spare(pool);
	if (!worker)
		return;
	index = worker->index;
	rc = hd_worker_create_logged(worker, HEDDLE_BECAUSE_SPARE, &step);
	if (rc < 0)
		hd_hook_create_failed(pool, index, -rc, step);
	else
		HD_PROBE2(spare_created, pool, worker);
}

int hd_worker_hooks_begin(struct hd_worker *worker)
{
	struct heddle_pool *pool = worker->pool;
	int rc = hd_upper.worker_begin(worker);

	if (rc < 0)
		return rc;
	rc = pool->worker_init
		     ? pool->worker_init(pool, worker->index, pool->hook_arg)
		     : 0;
	if (rc < 0)
		hd_upper.worker_end(worker);
	return rc < 0 ? rc : 0;
}

/* Goes on where user code of one of the steps has ended the thread. */
void hd_worker_hooks_end(struct hd_worker *worker)
{
	struct heddle_pool *pool = worker->pool;

	/* Without LIFE the init hook was left: it has no counterpart. */
	if (worker->stage == HD_STAGE_BIRTH) {
		if (worker->tls)
			hd_upper.worker_end(worker);
	} else if (worker->stage < HD_STAGE_HOOK) {
		worker->stage = HD_STAGE_SLOTS;
		hd_upper.worker_end(worker);
		worker->stage = HD_STAGE_HOOK;
		if (pool->worker_exit)
			pool->worker_exit(pool, worker->index, pool->hook_arg);
	}
}

static int birth_steps(struct hd_worker *worker)
{
	struct hd_thread_options options = hd_worker_template(worker);
	int rc;

	birth_at(worker, HEDDLE_STEP_AFFINITY);
	rc = hd_thread_apply(&options);
	if (rc < 0)
		return rc;
	birth_at(worker, HEDDLE_STEP_HOOK);
	hd_rcu_register();
	rc = hd_worker_hooks_begin(worker);
	if (rc < 0)
		hd_rcu_unregister();
	return rc;
}

/* The last touch of the word: it is on the stack of who waits. */
static void tell_birth(struct hd_worker *worker, uint32_t how)
{
	_Atomic uint32_t *birth = worker->birth;

	if (!birth)
		return;
	atomic_store_explicit(birth, how, memory_order_release); /* birth-1 */
	hd_futex_wake((void *)birth, 1); /* the address only */
}

bool hd_birth_wait(_Atomic uint32_t *birth)
{
	uint32_t how;

	/* birth-1: once it was read the word is memory of the stack again. */
	while ((how = atomic_load_explicit(birth, memory_order_acquire)) ==
	       HD_BIRTH_NOT_YET) /* birth-1 */
		hd_futex_wait(birth, HD_BIRTH_NOT_YET, HEDDLE_FOREVER);
	return how == HD_BIRTH_DONE;
}

/* Who waits for an entry reads the phase under the lock, after its announcement. */
static void last_phase(struct hd_worker *worker, uint32_t phase)
{
	struct heddle_pool *pool = worker->pool;

	hd_mutex_lock(&pool->control);
	hd_phase_set(worker, phase);
	hd_mutex_unlock(&pool->control);
	hd_bind_signal(pool);
}

static enum heddle_decision_reason reason_of(const struct hd_worker *worker)
{
	return worker->successor   ? HEDDLE_BECAUSE_EXIT
	       : worker->fresh_for ? HEDDLE_BECAUSE_FRESH
	       : worker->birth     ? HEDDLE_BECAUSE_GUEST
				   : HEDDLE_BECAUSE_SPARE;
}

/* The hook comes before anybody is told, who might free the pool. */
static void birth_failed(struct hd_worker *worker, int rc)
{
	struct hd_creation creation = hd_creation_of(worker, reason_of(worker));
	struct heddle_pool *pool = worker->pool;
	uint32_t step = atomic_load_explicit(
		&worker->start_step, memory_order_relaxed); /* its own */
	bool by_start;

	hd_mutex_lock(&pool->control);
	pool->starting--;
	if (!atomic_exchange_explicit(&worker->leave, 1,
				      memory_order_relaxed)) /* locked */
		hd_live_lost(worker);
	by_start = worker->by_start;
	hd_mutex_unlock(&pool->control);
	worker->start_error = -rc;
	hd_self = NULL;
	if (!by_start) {
		hd_creation_failed(&creation, step, rc);
		hd_hook_create_failed(pool, creation.index, -rc, step);
	}
	tell_birth(worker, HD_BIRTH_FAILED);
	last_phase(worker, HD_PHASE_FAILED);
}

void hd_worker_reset(struct hd_worker *worker)
{
	worker->deep = 0;
	worker->unwinds = false;
	worker->deserted = false;
	worker->stage = HD_STAGE_BIRTH;
	worker->owe = 0;
	worker->block_depth = 0;
	worker->turn_start = 0;
	worker->idle_since = 0;
	worker->may_linger = false;
	worker->woken = false;
	worker->searching = false;
	worker->available = false;
	worker->settled = false;
	worker->may_trim = true;
	worker->forking = false;
	worker->forks_typed = 0;
	worker->check_spare = true;
	atomic_store_explicit(&worker->inside, 0,
			      memory_order_relaxed); /* not live yet */
	worker->attention = 0;
	worker->random = worker->index * 2654435761u + 1u;
	worker->seen.tid = hd_thread_id();
	hd_worker_show(worker, HEDDLE_WORKER_STARTING);
}

void hd_worker_birth_left(struct hd_worker *worker)
{
	hd_worker_hooks_end(worker);
	hd_rcu_unregister();
	hd_worker_show(worker, HEDDLE_WORKER_LEFT);
	birth_failed(worker, -ECANCELED);
}

bool hd_worker_birth(struct hd_worker *worker)
{
	int rc;

	hd_worker_reset(worker);
	rc = birth_steps(worker);
	if (rc < 0) {
		hd_worker_show(worker, HEDDLE_WORKER_LEFT);
		birth_failed(worker, rc);
		return false;
	}
	hd_worker_show(worker, HEDDLE_WORKER_SEARCHING);
	HD_PROBE3(worker_start, worker, worker->index, worker->pool);
	tell_birth(worker, HD_BIRTH_DONE);
	return true;
}

void hd_worker_renew(struct hd_worker *worker)
{
	struct heddle_pool *pool = worker->pool;

	hd_mutex_lock(&pool->control);
	worker->seen.incarnation = ++pool->incarnations;
	atomic_store_explicit(&worker->incarnation, pool->incarnations,
			      memory_order_relaxed); /* locked */
	hd_worker_show(worker, worker->seen.state);
	hd_mutex_unlock(&pool->control);
}

void hd_worker_settled(struct hd_worker *worker)
{
	struct heddle_pool *pool = worker->pool;

	if (worker->settled)
		return;
	worker->settled = true;
	hd_mutex_lock(&pool->control);
	pool->starting--;
	hd_phase_set(worker, HD_PHASE_LIVE); /* starts count under the lock */
	hd_mutex_unlock(&pool->control);
}

bool hd_worker_retire(struct hd_worker *worker)
{
	struct heddle_pool *pool = worker->pool;
	bool counted = false;

	hd_mutex_lock(&pool->control);
	if (!atomic_exchange_explicit(&worker->leave, 1,
				      memory_order_seq_cst)) { /* leave-1 */
		hd_live_less(worker);
		counted =
			atomic_load_explicit(&pool->started,
					     memory_order_relaxed) /* locked */
			&& pool->live < pool->floor;
		atomic_fetch_add_explicit(&pool->lost, counted,
					  memory_order_relaxed); /* locked */
	}
	hd_mutex_unlock(&pool->control);
	hd_story(pool, worker->index,
		 hd_creation_of(worker, HEDDLE_BECAUSE_FRESH).life,
		 HEDDLE_DECISION_RETIRED, HEDDLE_BECAUSE_FRESH, 0, 0);
	hd_bind_signal(pool); /* one more may be created */
	return counted;
}

void hd_worker_death(struct hd_worker *worker)
{
	hd_delay(HEDDLE_DELAY_RETIRE);
	hd_worker_show(worker, HEDDLE_WORKER_LEAVING);
	hd_worker_hooks_end(worker);
	hd_rcu_unregister();
	HD_PROBE2(worker_stop, worker, worker->index);
	hd_self = NULL;
	if (worker->deserted && hd_worker_succeed(worker))
		return;
	if (worker->done)
		hd_upper.guest_done(worker->done);
	worker->done = NULL;
	hd_worker_show(worker, HEDDLE_WORKER_LEFT);
	hd_delay(HEDDLE_DELAY_THREAD_END);
	last_phase(worker, HD_PHASE_LEFT);
}
