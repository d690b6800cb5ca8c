/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * start, stop and destroy of the workers of a pool. The control lock is held
 * to choose entries only, never while waiting.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include <heddle/group.h>

#include "platform/futex.h"
#include "platform/memory.h"
#include "sched/help.h"
#include "sched/hook.h"
#include "sched/keep.h"
#include "sched/monitor.h"
#include "sched/pool.h"
#include "sched/reap.h"
#include "sched/report.h"
#include "sched/start.h"
#include "sched/trim.h"
#include "sched/worker.h"

static uint64_t life_of(struct hd_worker *worker)
{
	return atomic_load_explicit(&worker->life,
				    memory_order_relaxed); /* by the phase */
}

/*
 * Tells a worker to leave: under pool->control. leave-1: we set the flag, then
 * try to take its idle bit; it sets the bit, then reads the flag.
 */
static void tell_to_leave(struct hd_worker *worker)
{
	struct heddle_pool *pool = worker->pool;

	if (atomic_exchange_explicit(&worker->leave, 1,
				     memory_order_seq_cst)) /* leave-1 */
		return;
	if (!worker->donated)
		hd_live_less(worker);
	if (hd_bitset_clear_any(&pool->idle, worker->index))
		hd_parker_unpark_any(&worker->parker, HD_TOKEN_LEAVE);
}

static bool leaving(struct hd_worker *worker)
{
	return atomic_load_explicit(&worker->leave, memory_order_seq_cst) !=
	       0; /* leave-1 */
}

/* ---- start ---- */

/* One call, and the entries that it has reserved, in order of their indices. */
struct start {
	struct heddle_pool *pool;
	struct heddle_report *report;
	uint64_t deadline;
	uint64_t stops;    /* of the pool, heeded */
	uint32_t asked, n; /* and what stops have left of it */
	uint32_t items;
	struct {
		struct hd_worker *worker; /* NULL: not ours any more */
		uint64_t life;
	} item[];
};

/* Waits for the others of whom one may be the caller: in an init hook. */
static bool in_birth(struct heddle_pool *pool)
{
	return hd_self && hd_self->pool == pool &&
	       hd_phase_of(hd_self) == HD_PHASE_STARTING;
}

/* Lives that are ready and not told to leave. Under pool->control. */
static uint32_t count_ready(struct heddle_pool *pool)
{
	uint32_t i, n = 0;

	for (i = 0; i < hd_pool_entries_used(pool); i++) {
		struct hd_worker *worker = &pool->worker[i];

		n += hd_phase_of(worker) == HD_PHASE_LIVE && !worker->donated &&
		     !leaving(worker);
	}
	return n;
}

/* A stop that has come since takes what it took. Under pool->control. */
static void heed_stops(struct start *start)
{
	struct heddle_pool *pool = start->pool;

	if (start->stops == pool->stops)
		return;
	start->stops = pool->stops;
	if (start->n > pool->stopped_to)
		start->n = pool->stopped_to;
}

/*
 * Are there as many as were asked for? Who is ready may be of another start, but who
 * is on its way may fail, or be taken back with that start. From here on a start that
 * fails leaves us ours (the floor). Who made all of them itself had them.
 */
static bool all_ready(struct start *start)
{
	struct heddle_pool *pool = start->pool;
	bool yes;

	hd_mutex_lock(&pool->control);
	heed_stops(start);
	yes = start->items == start->asked || count_ready(pool) >= start->n ||
	      (in_birth(pool) && pool->live >= start->n);
	if (yes && !pool->closing && (start->n || !start->asked)) {
		atomic_store_explicit(&pool->started, 1,
				      memory_order_relaxed); /* locked */
		if (pool->floor <= start->n) {
			pool->floor = start->n;
			atomic_store_explicit(
				&pool->lost, 0,
				memory_order_relaxed); /* locked */
		}
	}
	hd_mutex_unlock(&pool->control);
	return yes;
}

/* Reserves until n are live. */
static int reserve_all(struct start *start)
{
	struct heddle_pool *pool = start->pool;
	int rc = 0;

	hd_reap_ended(pool);
	hd_mutex_lock(&pool->control);
	if (pool->closing)
		rc = -ESHUTDOWN;
	while (rc == 0 && pool->live < start->n &&
	       start->items < start->asked) {
		struct hd_worker *worker = hd_entry_reserve(pool);

		if (!worker) {
			rc = -EAGAIN;
			break;
		}
		worker->by_start = true;
		start->item[start->items].worker = worker;
		start->item[start->items++].life = life_of(worker);
	}
	hd_mutex_unlock(&pool->control);
	return rc;
}

/* Waits until this life does not start any more; true if that was in time. */
static bool has_started(struct hd_worker *worker, uint64_t life,
			uint64_t deadline, uint32_t *phase)
{
	for (;;) {
		uint32_t word = hd_phase_word(worker);

		*phase = hd_phase_in(word);
		/* It was ready and is gone already; the word is of the next. */
		if (life_of(worker) != life)
			*phase = HD_PHASE_FREE;
		if (*phase != HD_PHASE_STARTING && *phase != HD_PHASE_RESERVED)
			return true;
		if (hd_phase_wait(worker, word, deadline) == -ETIMEDOUT &&
		    (hd_phase_word(worker) | HD_PHASE_WAITED) ==
			    (word | HD_PHASE_WAITED))
			return false;
	}
}

/* Of a life that nobody else reaps when it has failed. */
static int wait_ready(struct hd_worker *worker, uint64_t life,
		      uint64_t deadline)
{
	uint32_t phase;

	if (!has_started(worker, life, deadline, &phase))
		return -ETIMEDOUT;
	return phase == HD_PHASE_FAILED ? -worker->start_error : 0;
}

/* One that somebody else has reserved and that is not ready; NULL: none. */
static struct hd_worker *find_unready(struct heddle_pool *pool, uint64_t *life)
{
	struct hd_worker *found = NULL;
	uint32_t i;

	hd_mutex_lock(&pool->control);
	for (i = 0; i < hd_pool_entries_used(pool) && !found; i++) {
		struct hd_worker *worker = &pool->worker[i];
		uint32_t phase = hd_phase_of(worker);

		if ((phase == HD_PHASE_RESERVED ||
		     phase == HD_PHASE_STARTING) &&
		    !leaving(worker)) {
			*life = life_of(worker);
			found = worker;
		}
	}
	hd_mutex_unlock(&pool->control);
	return found;
}

/*
 * Takes back what this start made: to R3, however long an init hook takes. But those
 * stay with whom another start has returned since.
 */
static void roll_back(struct start *start)
{
	struct heddle_pool *pool = start->pool;
	uint32_t i, ready, step;

	hd_mutex_lock(&pool->control);
	ready = count_ready(pool);
	for (i = 0; i < start->items; i++) {
		struct hd_worker *worker = start->item[i].worker;
		bool is_ready = hd_phase_of(worker) == HD_PHASE_LIVE &&
				!leaving(worker);

		if (life_of(worker) != start->item[i].life ||
		    hd_phase_of(worker) == HD_PHASE_FREE)
			continue;
		worker->by_start = false;
		if (is_ready && ready <= pool->floor) {
			start->item[i].worker = NULL;
			continue;
		}
		ready -= is_ready;
		tell_to_leave(worker);
	}
	hd_mutex_unlock(&pool->control);
	for (i = 0; i < start->items; i++)
		if (start->item[i].worker)
			hd_reap(start->item[i].worker, start->item[i].life,
				HEDDLE_R3_GONE, HEDDLE_FOREVER, &step);
}

/* Creates them in order; after a failure the rest is unreserved. */
static int create_all(struct start *start, uint32_t from, int rc,
		      struct hd_worker **failed, uint32_t *step)
{
	uint32_t i;

	for (i = from; i < start->items; i++) {
		struct hd_worker *worker = start->item[i].worker;

		if (rc < 0) {
			hd_entry_unreserve(worker);
			continue;
		}
		rc = hd_worker_create(worker, step);
		if (rc < 0)
			*failed = worker;
	}
	return rc;
}

/* Makes those that are missing now, and waits for them. */
static int start_missing(struct start *start, struct hd_worker **failed,
			 uint32_t *step)
{
	uint32_t from = start->items, i;
	int rc;

	/* Entries of threads that were stopped at R1 and end just now. */
	do
		rc = reserve_all(start);
	while (rc == -EAGAIN && hd_reap_one(start->pool, start->deadline));
	rc = create_all(start, from, rc, failed, step);
	for (i = from; i < start->items && rc == 0; i++) {
		*failed = start->item[i].worker;
		rc = wait_ready(*failed, start->item[i].life, start->deadline);
		if (rc < 0) /* not reaped before roll_back(): still its own */
			*step = atomic_load_explicit(
				&(*failed)->start_step,
				memory_order_relaxed); /* a report */
	}
	return rc;
}

/* One that another call makes: whether it fails or not, we count again. */
static int await_other(struct start *start, struct hd_worker **failed,
		       uint32_t *step)
{
	uint64_t life = 0;
	uint32_t phase;

	*failed = find_unready(start->pool, &life);
	if (!*failed || has_started(*failed, life, start->deadline, &phase))
		return 0;
	*step = atomic_load_explicit(&(*failed)->start_step,
				     memory_order_relaxed); /* a report */
	return -ETIMEDOUT;
}

static int start_all(struct start *start)
{
	struct hd_worker *failed = NULL;
	uint32_t step = HEDDLE_STEP_RESERVE;
	int rc = start_missing(start, &failed, &step);

	while (rc == 0 && !all_ready(start)) {
		rc = await_other(start, &failed, &step);
		if (rc == 0)
			rc = start_missing(start, &failed, &step);
	}
	if (rc == 0)
		return 0;
	hd_report_worker(start->report, failed, step, rc);
	roll_back(start);
	return rc;
}

/*
 * An ELASTIC pool has one worker more than were asked for, so that the one that
 * gets the first task need not make its successor then. That this one fails is
 * no failure of the start (S4).
 */
static void start_spare(struct heddle_pool *pool, uint32_t n, uint64_t deadline)
{
	struct hd_worker *spare = NULL;
	uint32_t step, phase;
	uint64_t life = 0;

	hd_mutex_lock(&pool->control);
	if (pool->elastic && pool->live <= n && hd_entry_allowed(pool))
		spare = hd_entry_reserve(pool);
	if (spare)
		life = life_of(spare);
	hd_mutex_unlock(&pool->control);
	if (!spare)
		return;
	if (hd_worker_create_logged(spare, HEDDLE_BECAUSE_SPARE, &step) == 0)
		has_started(spare, life, deadline, &phase);
}

/* Who lives now is counted on, so nobody is surplus until the floor holds for them. */
static void begin_start(struct start *start)
{
	struct heddle_pool *pool = start->pool;

	hd_mutex_lock(&pool->control);
	start->stops = pool->stops;
	pool->starts++;
	hd_keep_count(pool);
	hd_mutex_unlock(&pool->control);
}

static void end_start(struct heddle_pool *pool)
{
	hd_mutex_lock(&pool->control);
	pool->starts--;
	hd_keep_count(pool);
	hd_mutex_unlock(&pool->control);
	hd_keep_check(pool);
}

int heddle_pool_start(struct heddle_pool *pool, uint32_t n,
		      struct heddle_report *report, uint64_t deadline)
{
	struct start *start;
	int rc;

	if (!pool || hd_report_begin(report) < 0)
		return -EINVAL;
	if (hd_pool_forked(pool))
		return -ECHILD;
	if (n > pool->workers_max) {
		hd_report_too_many(report, n, pool->workers_max);
		return -EINVAL;
	}
	start = hd_alloc(sizeof(*start) + n * sizeof(start->item[0]));
	if (!start)
		return -ENOMEM;
	start->pool = pool;
	start->report = report;
	start->deadline = deadline;
	start->asked = n;
	start->n = n;
	begin_start(start);
	rc = start_all(start);
	hd_free(start);
	end_start(pool);
	if (rc == 0)
		start_spare(pool, n, deadline);
	return rc;
}

/* ---- stop ---- */

static bool idle(struct hd_worker *worker)
{
	return hd_bitset_test_any(&worker->pool->idle, worker->index);
}

/* Idle before busy, highest index first (D2). Under pool->control. */
static void choose_victims(struct heddle_pool *pool, uint32_t n)
{
	int idle_pass;

	for (idle_pass = 1; idle_pass >= 0; idle_pass--) {
		uint32_t i = hd_pool_entries_used(pool);

		while (i-- > 0 && pool->live > n) {
			struct hd_worker *worker = &pool->worker[i];
			uint32_t phase = hd_phase_of(worker);

			if (leaving(worker) || worker->donated ||
			    phase < HD_PHASE_RESERVED || phase > HD_PHASE_LIVE)
				continue;
			if (idle_pass && !idle(worker))
				continue;
			tell_to_leave(worker);
		}
	}
}

/* Those that are inside now, whatever number stays. Under pool->control. */
static void ask_donated(struct heddle_pool *pool)
{
	uint32_t i;

	for (i = 0; i < hd_pool_entries_used(pool) && pool->donated; i++)
		if (pool->worker[i].donated &&
		    hd_phase_of(&pool->worker[i]) != HD_PHASE_FREE)
			tell_to_leave(&pool->worker[i]);
}

/*
 * Is a life that was told to end, or has ended, still in this entry, and which?
 * The lock keeps the answer of one instant.
 */
static bool on_its_way(struct hd_worker *worker, uint64_t *life)
{
	bool yes;

	hd_mutex_lock(&worker->pool->control);
	*life = life_of(worker);
	yes = leaving(worker) && hd_phase_of(worker) != HD_PHASE_FREE;
	hd_mutex_unlock(&worker->pool->control);
	return yes;
}

static uint32_t count_on_their_way(struct heddle_pool *pool)
{
	uint32_t i, n = 0;
	uint64_t life;

	for (i = 0; i < hd_pool_entries_used(pool); i++)
		n += on_its_way(&pool->worker[i], &life);
	return n;
}

static uint32_t count_donated(struct heddle_pool *pool)
{
	uint32_t n;

	hd_mutex_lock(&pool->control);
	n = pool->donated;
	hd_mutex_unlock(&pool->control);
	return n;
}

static int reap_all(struct heddle_pool *pool, int level,
		    struct heddle_report *report, uint64_t deadline)
{
	uint32_t i, step = HEDDLE_STEP_LEAVE;

	for (i = 0; i < hd_pool_entries_used(pool); i++) {
		struct hd_worker *worker = &pool->worker[i];
		uint64_t life;
		int rc;

		if (!on_its_way(worker, &life))
			continue;
		rc = hd_reap(worker, life, level, deadline, &step);
		if (rc == 0)
			continue;
		hd_reap_ended(pool); /* count only those that still run */
		hd_report_waiting(report, worker, step,
				  count_on_their_way(pool));
		if (report)
			report->donated = count_donated(pool);
		return rc;
	}
	return 0;
}

static bool of_worker(const struct heddle_pool *pool)
{
	return hd_self && hd_self->pool == pool;
}

static bool inside(struct heddle_pool *pool)
{
	return of_worker(pool) || hd_hook_inside(pool);
}

static int stop(struct heddle_pool *pool, uint32_t n, int level,
		struct heddle_report *report, uint64_t deadline)
{
	int rc;

	hd_mutex_lock(&pool->control);
	if (pool->live > n) {
		pool->stops++;
		pool->stopped_to = n;
	}
	if (n == 0)
		atomic_store_explicit(&pool->started, 0,
				      memory_order_relaxed); /* locked */
	atomic_store_explicit(&pool->lost, 0,
			      memory_order_relaxed); /* locked */
	if (pool->floor > n)
		pool->floor = n;
	choose_victims(pool, n);
	hd_keep_count(pool);
	ask_donated(pool);
	atomic_fetch_add_explicit(&pool->attention, HD_ATTENTION_EVENT,
				  memory_order_seq_cst); /* attention-1 */
	hd_mutex_unlock(&pool->control);
	hd_bind_signal(pool); /* others may be created */
	rc = reap_all(pool, level, report, deadline);
	if (rc < 0 || level < HEDDLE_R4_CLEAN)
		return rc;
	hd_report_waiting(report, NULL, HEDDLE_STEP_GRACE, 0);
	hd_reap_rings(pool);
	hd_trim_now(pool);
	hd_report_begin(report);
	return 0;
}

int heddle_pool_stop(struct heddle_pool *pool, uint32_t n,
		     enum heddle_level level, struct heddle_report *report,
		     uint64_t deadline)
{
	if (!pool || (int)level < HEDDLE_R0_QUIET || level > HEDDLE_R4_CLEAN ||
	    hd_report_begin(report) < 0)
		return -EINVAL;
	if (hd_pool_forked(pool))
		return -ECHILD;
	if (inside(pool))
		return -EDEADLK;
	return stop(pool, n, (int)level, report, deadline);
}

/* Last, so that it reports the tasks for which the stop waits. */
static int end_monitor(struct heddle_pool *pool, struct heddle_report *report,
		       uint64_t deadline)
{
	int rc = hd_monitor_end(pool, deadline);

	if (rc < 0)
		hd_report_waiting(report, NULL, HEDDLE_STEP_MONITOR, 1);
	return rc;
}

int heddle_pool_destroy(struct heddle_pool *pool, enum heddle_level level,
			struct heddle_report *report, uint64_t deadline)
{
	int rc = 0;

	if (!pool)
		return 0;
	if ((int)level < HEDDLE_R0_QUIET || level > HEDDLE_R4_CLEAN ||
	    hd_report_begin(report) < 0)
		return -EINVAL;
	if (hd_pool_forked(pool)) {
		/* In a task that has forked the frames below lie in it, and in
		 * a hook or a report those of that. No lock: it may be held for ever.
		 */
		if (!of_worker(pool) && !pool->hooked &&
		    !hd_monitor_looks(pool))
			hd_pool_free(pool);
		return 0;
	}
	if (inside(pool) || hd_monitor_inside(pool))
		return -EDEADLK;
	hd_mutex_lock(&pool->control);
	if (pool->processes) {
		rc = -EBUSY;
	} else {
		pool->closing = true;
		atomic_store_explicit(&pool->started, 0,
				      memory_order_relaxed); /* locked */
		hd_keep_count(pool);
	}
	hd_mutex_unlock(&pool->control);
	if (rc < 0)
		return rc;
	rc = heddle_group_close(heddle_pool_group(pool), HEDDLE_CLOSE_REFUSE,
				deadline);
	if (rc < 0) {
		hd_report_waiting(report, NULL, HEDDLE_STEP_QUIET, 0);
		return rc;
	}
	if (level == HEDDLE_R0_QUIET)
		return 0;
	rc = stop(pool, 0, (int)level, report, deadline);
	if (rc < 0)
		return rc;
	rc = end_monitor(pool, report, deadline);
	if (rc < 0 || level != HEDDLE_R4_CLEAN)
		return rc;
	rc = hd_help_wait_left(pool, deadline);
	if (rc < 0) {
		hd_report_waiting(report, NULL, HEDDLE_STEP_LEAVE, 0);
		return rc;
	}
	hd_pool_free(pool);
	return 0;
}
