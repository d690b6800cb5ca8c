/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calls about guests that come from outside them: spawn, join, and the
 * questions who one is.
 */
#include "tls/guest.h"

#include <errno.h>
#include <stddef.h>

#include "platform/futex.h"
#include "platform/probe.h"
#include "sched/group.h"
#include "sched/options.h"
#include "sched/permit.h"
#include "sched/pool.h"
#include "sched/worker.h"
#include "tls/berth.h"
#include "tls/process.h"
#include "tls/wait.h"

static int check(struct heddle_process *process,
		 const struct heddle_guest_options *o,
		 struct heddle_guest **guest)
{
	if (!o->fn || (o->flags &
		       ~(uint32_t)(HEDDLE_GUEST_FRESH | HEDDLE_GUEST_DETACHED)))
		return -EINVAL;
	if (!guest && !(o->flags & HEDDLE_GUEST_DETACHED))
		return -EINVAL;
	/* In a STATIC pool threads come only by start. */
	if ((o->flags & HEDDLE_GUEST_FRESH) && !process->pool->elastic)
		return -EINVAL;
	return 0;
}

void hd_guest_count(struct heddle_group *group, int change)
{
	for (; group; group = hd_group_above(group)) {
		/* close-2: as a task that enters or leaves a blocking region.
		 * Forbidden: the closer reads neither this nor the permit.
		 */
		atomic_fetch_add_explicit(&group->blocked, (uint32_t)change,
					  memory_order_seq_cst); /* close-2 */
		atomic_fetch_add_explicit(&group->moves, 1,
					  memory_order_seq_cst); /* close-2 */
	}
}

/* A scope that drains takes spawns from its own tasks and guests. */
static bool inside_drain(struct heddle_group *group)
{
	struct heddle_group *top = group, *above;
	struct hd_frame *frame;

	while ((above = hd_group_above(top)) &&
	       atomic_load_explicit(&above->gate,
				    memory_order_relaxed) /* set before ours */
		       == HD_GATE_DRAIN)
		top = above;
	for (frame = hd_self ? hd_self->frame : NULL; frame;
	     frame = frame->below)
		if (hd_group_within(frame->group, top))
			return true;
	return false;
}

/*
 * close-1: the spawn is counted, then reads the gate; the closer sets the gate,
 * then reads the counts. Forbidden: it sees no guest and we an open gate.
 */
static int gate_admits(struct heddle_group *group)
{
	uint32_t gate = atomic_load_explicit(
		&group->gate, memory_order_seq_cst); /* close-1 */

	if (gate == HD_GATE_OPEN)
		return 0;
	if (gate == HD_GATE_QUIESCE)
		return -EAGAIN;
	return gate == HD_GATE_DRAIN && inside_drain(group) ? 0 : -ESHUTDOWN;
}

static int bind(struct heddle_process *process, struct heddle_guest *guest,
		uint64_t deadline)
{
	struct heddle_group *group = process->group;
	struct hd_worker *worker;
	int rc;

	hd_guest_count(group, 1);
	rc = gate_admits(group);
	if (rc == 0)
		rc = hd_worker_bind(
			process->pool, group, guest,
			guest->flags & HEDDLE_GUEST_FRESH ? process->serial : 0,
			deadline, &worker);
	if (rc < 0) {
		hd_guest_count(group, -1);
		hd_effect_signal(process->pool); /* a closer may wait for it */
	}
	return rc;
}

/* The record is complete and nobody knows it yet. */
static struct heddle_guest *make_record(struct heddle_process *process,
					const struct heddle_guest_options *o,
					uint32_t tid)
{
	struct heddle_guest *guest =
		&process->guest[hd_tids_entry(&process->tids, tid)];

	hd_life_step(&guest->word, HD_LIFE_FREED, HD_LIFE_RESERVED);
	guest->process = process;
	guest->tid = tid;
	guest->flags = o->flags;
	guest->state.fn = o->fn;
	guest->state.arg = o->arg;
	guest->state.exit_code = o->exit_code;
	hd_life_step(&guest->word, HD_LIFE_RESERVED, HD_LIFE_CREATED);
	return guest;
}

/* No worker: nothing of the attempt remains. */
static void unmake_record(struct heddle_process *process,
			  struct heddle_guest *guest)
{
	void *spawn, *destroy;

	guest->state = (struct hd_guest_state){ .fn = NULL };
	hd_mutex_lock(&process->lock);
	process->berths_taken--;
	hd_life_step(&guest->word, HD_LIFE_CREATED, HD_LIFE_RETIRED);
	spawn = hd_process_free_guest(process, guest);
	destroy = hd_process_quiet(process);
	hd_mutex_unlock(&process->lock);
	if (spawn)
		hd_futex_wake(spawn, 1);
	if (destroy)
		hd_futex_wake(destroy, 1);
}

int heddle_guest_spawn(struct heddle_process *process,
		       const struct heddle_guest_options *opts,
		       struct heddle_guest **out, uint64_t deadline)
{
	struct heddle_guest_options o;
	struct heddle_guest *guest;
	uint32_t tid;
	int rc;

	if (out)
		*out = NULL;
	if (!process || !opts)
		return -EINVAL;
	if (hd_pool_forked(process->pool))
		return -ECHILD;
	rc = hd_options_read(&o, sizeof(o), opts);
	if (rc == 0)
		rc = check(process, &o, out);
	if (rc < 0)
		return rc;
	rc = hd_berth_take(process, deadline, &tid);
	if (rc < 0)
		return rc;
	guest = make_record(process, &o, tid);
	/* The guest may run before this call returns, and read it there. */
	if (out && !(o.flags & HEDDLE_GUEST_DETACHED))
		*out = guest;
	rc = bind(process, guest, deadline);
	if (rc < 0) {
		if (out)
			*out = NULL;
		unmake_record(process, guest);
	} else {
		HD_PROBE3(guest_spawn, process, guest, tid);
	}
	return rc;
}

/* The guest has ended and its thread has got as far as it must. */
static int wait_end(struct heddle_guest *guest, int level, uint64_t deadline)
{
	int rc = hd_life_wait(&guest->word, deadline);

	if (rc == 0 && (guest->flags & HEDDLE_GUEST_FRESH) &&
	    level >= HEDDLE_R1_LEFT)
		rc = hd_worker_reap(guest->worker, guest->life, level,
				    deadline);
	return rc;
}

/* Joined: nobody will ask for its thread again. */
static void retire(struct heddle_guest *guest)
{
	struct heddle_process *process = guest->process;
	void *spawn;

	hd_mutex_lock(&process->lock);
	hd_life_step(&guest->word, HD_LIFE_EXITED, HD_LIFE_RETIRED);
	spawn = hd_process_free_guest(process, guest);
	hd_mutex_unlock(&process->lock);
	if (spawn)
		hd_futex_wake(spawn, 1);
}

int heddle_guest_join(struct heddle_guest *guest, enum heddle_level level,
		      uint64_t deadline)
{
	int rc;

	if (!guest || (int)level < HEDDLE_R0_QUIET || level > HEDDLE_R4_CLEAN)
		return -EINVAL;
	if (hd_pool_forked(guest->process->pool))
		return -ECHILD;
	if (guest->flags & HEDDLE_GUEST_DETACHED)
		return -EINVAL;
	if (hd_self && hd_self->guest == guest)
		return -EDEADLK;
	rc = wait_end(guest, (int)level, HEDDLE_NOW);
	if (rc < 0 && deadline != HEDDLE_NOW) {
		bool region = hd_wait_begin();

		rc = wait_end(guest, (int)level, deadline);
		hd_wait_end(region);
	}
	if (rc == 0)
		retire(guest);
	return rc;
}

struct heddle_guest *heddle_guest_self(void)
{
	return hd_self ? hd_self->guest : NULL;
}

uint32_t heddle_guest_tid(const struct heddle_guest *guest)
{
	return guest ? guest->tid : 0;
}
