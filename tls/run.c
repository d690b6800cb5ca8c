/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest on its worker, from the first permit to the last byte of the scrub,
 * and the way out of it from any depth. Nothing here allocates.
 */
#include <errno.h>
#include <limits.h>
#include <stddef.h>

#include <heddle/block.h>
#include <heddle/testing.h>

#include "platform/fault.h"
#include "platform/futex.h"
#include "platform/probe.h"
#include "platform/stack.h"
#include "sched/frame.h"
#include "sched/pool.h"
#include "sched/worker.h"
#include "tls/berth.h"
#include "tls/guest.h"
#include "tls/process.h"
#include "tls/scrub.h"
#include "tls/slot.h"

static int32_t call_entry(void *arg)
{
	struct heddle_guest *guest = arg;

	return guest->state.fn(guest->state.arg);
}

/*
 * The entry function, left by return or by heddle_guest_exit(). Nothing that
 * changes between setjmp and longjmp is kept in a local variable.
 */
static __attribute__((noinline)) int32_t
enter(struct hd_worker *worker, struct heddle_guest *guest, uintptr_t *top)
{
	jmp_buf exit;

	guest->state.exit = &exit;
	if (setjmp(exit) == 0)
		guest->state.code = hd_stack_call(call_entry, guest, top);
	if (hd_pool_forked(worker->pool))
		hd_thread_end(); /* a forked child's only one */
	/* A guest that ends inside a blocking region has its permits again. */
	hd_frame_returned(worker, guest->state.frame);
	guest->state.exit = NULL;
	return guest->state.code;
}

int heddle_guest_exit(int32_t code)
{
	struct hd_worker *worker = hd_self;
	struct heddle_guest *guest = worker ? worker->guest : NULL;

	if (!guest)
		return -EPERM;
	if (hd_pool_forked(worker->pool))
		return -ECHILD;
	/* A frame of ours above it: a task, or one of its own destructors. */
	if (worker->frame != guest->state.frame || worker->block_depth ||
	    !guest->state.exit)
		return -EBUSY;
	guest->state.code = code;
	longjmp(*guest->state.exit, 1);
}

void hd_guest_block(void *blocked_guest, bool blocked)
{
	struct heddle_guest *guest = blocked_guest;

	/* Regions of a destructor change nothing: it is past the last kill. */
	if (guest->state.exit)
		hd_life_step(&guest->word,
			     blocked ? HD_LIFE_RUNNING : HD_LIFE_BLOCKED,
			     blocked ? HD_LIFE_BLOCKED : HD_LIFE_RUNNING);
}

/* Everything up to the first instruction of user code. */
static void start(struct hd_worker *worker, struct heddle_guest *guest,
		  void *at)
{
	struct hd_frame *frame = hd_frame_kept(worker);
	struct heddle_process *process = guest->process;

	hd_life_step(&guest->word, HD_LIFE_CREATED, HD_LIFE_STARTING);
	worker->guest = guest;
	guest->worker = worker;
	guest->life = atomic_load_explicit(&worker->life,
					   memory_order_relaxed); /* its own */
	if (!worker->held)
		hd_worker_admit(worker, process->group);
	hd_assert(worker->held == process->group);
	/* The permits count it from here on. */
	hd_guest_count(process->group, -1);
	hd_frame_push(worker, frame, process->group, NULL, false, at);
	guest->state.frame = frame;
	hd_worker_settle(worker);
	hd_worker_show(worker, HEDDLE_WORKER_RUNNING);
	hd_slots_guest_begin(worker);
	hd_life_step(&guest->word, HD_LIFE_STARTING, HD_LIFE_RUNNING);
}

/*
 * After the scrub, when the worker is in the idle set again, so that who is
 * told finds it there. The last touch of record and process: as soon as the
 * lock is given up, a joiner may free the one and a destroy the other.
 */
void hd_guest_done(void *bound)
{
	struct heddle_guest *guest = bound;
	struct heddle_process *process = guest->process;
	bool detached = guest->flags & HEDDLE_GUEST_DETACHED, waited;
	void *spawn, *destroy;

	HD_PROBE2(guest_end, guest, guest->tid);
	hd_mutex_lock(&process->lock);
	/* Relaxed: read under the lock, or as a hint by a NOW spawn. */
	atomic_fetch_sub_explicit(&process->scrubbing, 1, memory_order_relaxed);
	process->berths_taken--;
	waited = hd_life_step(&guest->word, HD_LIFE_SCRUB, HD_LIFE_EXITED);
	if (detached) {
		hd_life_step(&guest->word, HD_LIFE_EXITED, HD_LIFE_RETIRED);
		spawn = hd_process_free_guest(process, guest);
	} else {
		spawn = hd_berth_pass(process);
	}
	destroy = hd_process_quiet(process);
	hd_mutex_unlock(&process->lock);

	if (spawn)
		hd_futex_wake(spawn, 1);
	if (waited)
		hd_futex_wake(&guest->word, INT_MAX);
	if (destroy)
		hd_futex_wake(destroy, 1);
}

/*
 * What the runtime keeps for each thread. In EXITING, as the destructors: in SCRUB
 * a NOW spawn waits for us, and must not wait for user code (C9).
 */
static void recycle(struct hd_worker *worker, const struct heddle_guest *guest)
{
	struct heddle_pool *pool = worker->pool;

	if (pool->worker_recycle && !(guest->flags & HEDDLE_GUEST_FRESH))
		pool->worker_recycle(
			pool, worker->index,
			atomic_load_explicit(
				&worker->incarnation,
				memory_order_relaxed), /* its own */
			pool->hook_arg);
}

/*
 * After its entry function: destructors, and what the thread keeps if it stays; then
 * no user code any more.
 */
static void come_to_end(struct hd_worker *worker, struct heddle_guest *guest,
			bool stays)
{
	struct hd_frame *frame = guest->state.frame;

	hd_slots_destruct(worker);
	if (stays)
		recycle(worker, guest);
	hd_frame_returned(worker, frame);
	worker->frame = frame->below;
	/* Relaxed: a spawn that sees it waits for us, one that does not, no. */
	atomic_fetch_add_explicit(&guest->process->scrubbing, 1,
				  memory_order_relaxed);
	hd_worker_release(worker);

	hd_life_step(&guest->word, HD_LIFE_EXITING, HD_LIFE_SCRUB);
	hd_worker_show(worker, HEDDLE_WORKER_SCRUB);
}

void hd_guest_run(struct hd_worker *worker, void *bound)
{
	struct heddle_guest *guest = bound;
	struct heddle_pool *pool = worker->pool;
	int32_t *exit_code;
	uintptr_t top = 0;
	int32_t code;

	start(worker, guest, __builtin_frame_address(0));
	hd_scrub_before(worker);
	code = enter(worker, guest, &top);

	hd_life_step(&guest->word, HD_LIFE_RUNNING, HD_LIFE_EXITING);
	come_to_end(worker, guest, true);
	hd_delay(HEDDLE_DELAY_SCRUB);
	exit_code = guest->state.exit_code;
	hd_scrub_guest(worker, guest, top);
	if (exit_code)
		*exit_code = code;
	if (guest->flags & HEDDLE_GUEST_FRESH)
		return;
	hd_worker_renew(worker);
	atomic_fetch_add_explicit(&pool->guests_recycled, 1,
				  memory_order_relaxed); /* statistics */
}

/* Also again, when one of its destructors has ended the thread. */
void hd_guest_left(struct hd_worker *worker)
{
	struct heddle_guest *guest = worker->guest;
	int32_t *exit_code = guest->state.exit_code;

	/* What stands on it, with the region: its life is RUNNING then. */
	hd_frames_end(worker, guest->state.frame);
	hd_frame_returned(worker, guest->state.frame);
	if (guest->state.exit) {
		guest->state.exit = NULL;
		hd_life_step(&guest->word, HD_LIFE_RUNNING, HD_LIFE_EXITING);
	}
	come_to_end(worker, guest, false);
	hd_scrub_left(worker, guest);
	if (exit_code)
		*exit_code = -ECANCELED;
}
