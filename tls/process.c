/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making and destroying a process. Its records number twice threads_max: as
 * many guests as have a berth, and as many that ended and wait for their join.
 */
#include "tls/process.h"

#include <errno.h>
#include <stddef.h>

#include <heddle/group.h>
#include <heddle/pool.h>

#include "platform/futex.h"
#include "platform/memory.h"
#include "sched/group.h"
#include "sched/options.h"
#include "sched/pool.h"
#include "sched/worker.h"
#include "tls/berth.h"
#include "tls/guest.h"
#include "tls/wait.h"

#define THREADS_DEFAULT 64u
#define THREADS_MAX     65535u

static size_t records_size(const struct heddle_process *process)
{
	return 2 * (size_t)process->threads_max * sizeof(*process->guest);
}

/* ---- create ---- */

/* From here on the pool cannot be destroyed. */
static int count_in(struct heddle_pool *pool, uint64_t *serial)
{
	int rc = 0;

	hd_mutex_lock(&pool->control);
	if (pool->closing) {
		rc = -ESHUTDOWN;
	} else {
		pool->processes++;
		*serial = ++pool->processes_made;
	}
	hd_mutex_unlock(&pool->control);
	return rc;
}

static void count_out(struct heddle_pool *pool)
{
	hd_mutex_lock(&pool->control);
	hd_assert(pool->processes > 0);
	pool->processes--;
	hd_mutex_unlock(&pool->control);
}

static void own_group(struct heddle_group *group, bool owned)
{
	struct heddle_pool *pool = group->pool;

	hd_mutex_lock(&pool->control);
	group->owned_by_process = owned;
	hd_mutex_unlock(&pool->control);
}

static int create_group(struct heddle_process *process,
			const struct heddle_process_options *o)
{
	struct heddle_group_options group = {
		.struct_size = sizeof(group),
		.cap = o->cap,
		.name = o->name ? o->name : "process",
	};
	struct heddle_group *parent =
		o->parent ? o->parent : heddle_pool_group(process->pool);
	int rc = heddle_group_create(parent, &group, &process->group);

	if (rc == 0)
		own_group(process->group, true);
	return rc;
}

static void free_memory(struct heddle_process *process, bool destroys_lock)
{
	if (destroys_lock)
		hd_mutex_destroy(&process->lock);
	hd_tids_fini(&process->tids);
	hd_unmap(process->guest, records_size(process));
	hd_free(process);
}

static int create(struct heddle_pool *pool,
		  const struct heddle_process_options *o, uint64_t serial,
		  struct heddle_process **out)
{
	struct heddle_process *process = hd_alloc(sizeof(*process));
	int rc = -ENOMEM;

	if (!process)
		return rc;
	process->pool = pool;
	process->serial = serial;
	process->threads_max = o->threads_max ? o->threads_max
					      : THREADS_DEFAULT;
	process->guest = hd_map(records_size(process));
	if (!process->guest)
		goto free_process;
	rc = hd_tids_init(&process->tids, 2 * process->threads_max, 1);
	if (rc < 0)
		goto unmap_records;
	hd_mutex_init(&process->lock);
	rc = create_group(process, o);
	if (rc < 0)
		goto destroy_lock;
	*out = process;
	return 0;

destroy_lock:
	hd_mutex_destroy(&process->lock);
	hd_tids_fini(&process->tids);
unmap_records:
	hd_unmap(process->guest, records_size(process));
free_process:
	hd_free(process);
	return rc;
}

int heddle_process_create(struct heddle_pool *pool,
			  const struct heddle_process_options *opts,
			  struct heddle_process **process)
{
	struct heddle_process_options o;
	uint64_t serial;
	int rc;

	if (!process)
		return -EINVAL;
	*process = NULL;
	if (!pool)
		return -EINVAL;
	if (hd_pool_forked(pool))
		return -ECHILD;
	rc = hd_options_read(&o, sizeof(o), opts);
	if (rc < 0)
		return rc;
	if (o.flags || o.threads_max > THREADS_MAX ||
	    (o.parent && o.parent->pool != pool))
		return -EINVAL;
	rc = count_in(pool, &serial);
	if (rc < 0)
		return rc;
	rc = create(pool, &o, serial, process);
	if (rc < 0)
		count_out(pool);
	return rc;
}

/* ---- records ---- */

void *hd_process_quiet(struct heddle_process *process)
{
	if (!process->closing || process->berths_taken || process->waiting)
		return NULL;
	/* Relaxed: both sides hold the lock; the futex wants a new value. */
	atomic_fetch_add_explicit(&process->changes, 1, memory_order_relaxed);
	return &process->changes;
}

void *hd_process_free_guest(struct heddle_process *process,
			    struct heddle_guest *guest)
{
	uint32_t tid = guest->tid;

	hd_life_free(&guest->word, HD_LIFE_RETIRED);
	hd_tids_give(&process->tids, tid);
	return hd_berth_pass(process);
}

/* ---- destroy ---- */

/* No guest has a berth and no spawn waits: 0 or -ETIMEDOUT. */
static int wait_quiet(struct heddle_process *process, uint64_t deadline)
{
	for (;;) {
		uint32_t seen;
		bool quiet;

		hd_mutex_lock(&process->lock);
		quiet = !process->berths_taken && !process->waiting;
		/* Relaxed: changes under the lock. */
		seen = atomic_load_explicit(&process->changes,
					    memory_order_relaxed);
		hd_mutex_unlock(&process->lock);
		if (quiet)
			return 0;
		if (deadline == HEDDLE_NOW)
			return -ETIMEDOUT;
		if (hd_futex_wait(&process->changes, seen, deadline) ==
		    -ETIMEDOUT)
			deadline = HEDDLE_NOW;
	}
}

/* Guests that nobody joined: as if they had been detached. */
static void collect(struct heddle_process *process)
{
	uint32_t i;

	hd_mutex_lock(&process->lock);
	for (i = 0; i < process->tids.fresh; i++) {
		struct heddle_guest *guest = &process->guest[i];

		if (hd_life_of(&guest->word) != HD_LIFE_EXITED)
			continue;
		hd_life_step(&guest->word, HD_LIFE_EXITED, HD_LIFE_RETIRED);
		hd_process_free_guest(process, guest);
	}
	hd_mutex_unlock(&process->lock);
}

static int close_group(struct heddle_process *process, uint64_t deadline)
{
	int rc;

	/* All its guests have ended; what closes is only the count of them. */
	own_group(process->group, false);
	rc = heddle_group_close(process->group,
				HEDDLE_CLOSE_DRAIN | HEDDLE_CLOSE_FREE,
				deadline);
	if (rc < 0)
		own_group(process->group, true);
	return rc;
}

static int empty(struct heddle_process *process, int level, uint64_t deadline)
{
	int rc = wait_quiet(process, deadline);

	if (rc < 0)
		return rc;
	collect(process);
	rc = hd_worker_reap_of(process->pool, process->serial, level, deadline);
	if (rc < 0)
		return rc;
	return close_group(process, deadline);
}

int heddle_process_destroy(struct heddle_process *process,
			   enum heddle_level level, uint64_t deadline)
{
	struct heddle_pool *pool;
	struct heddle_guest *self;
	bool region;
	int rc;

	if (!process)
		return 0;
	if ((int)level < HEDDLE_R0_QUIET || level > HEDDLE_R4_CLEAN)
		return -EINVAL;
	pool = process->pool;
	if (hd_pool_forked(pool)) {
		/* Somebody may have held the lock: it is left alone. */
		free_memory(process, false);
		return 0;
	}
	self = heddle_guest_self();
	if (self && self->process == process)
		return -EDEADLK;
	hd_mutex_lock(&process->lock);
	process->closing = true;
	hd_mutex_unlock(&process->lock);
	hd_berth_refuse(process);

	region = deadline != HEDDLE_NOW && hd_wait_begin();
	rc = empty(process, (int)level, deadline);
	hd_wait_end(region);
	if (rc < 0)
		return rc;
	free_memory(process, true);
	count_out(pool);
	return 0;
}
