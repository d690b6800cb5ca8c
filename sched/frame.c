/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of frames whose code will not return. The order is that of
 * doc/design/exit.md: region, action, off the list, task, permits.
 */
#include "sched/frame.h"

#include <errno.h>

#include <heddle/block.h>
#include <heddle/task.h>

#include "sched/block.h"
#include "sched/fork.h"
#include "sched/look.h"
#include "sched/permit.h"
#include "sched/pool.h"
#include "sched/task.h"

/*
 * Does the memory lie in code that was left? That is below top on the stack, and it
 * was there before the frame whose task it is.
 */
static bool is_gone(const struct hd_worker *worker,
		    const struct hd_frame *frame, const void *memory,
		    uintptr_t top)
{
	uintptr_t address = (uintptr_t)memory;

	if (!worker->donated && !hd_frames_on_stack(worker, address))
		return false;
	return address > frame->at && address < top;
}

static void call_action(struct hd_worker *worker, struct hd_frame *frame,
			uintptr_t top)
{
	void (*after)(struct heddle_task *, int) = frame->after;

	/* It may end the thread once more: then it was called. */
	frame->after = NULL;
	if (after && !is_gone(worker, frame, frame->detached, top))
		after(frame->detached, -ECANCELED);
}

/* The newest frame. */
static void end_one(struct hd_worker *worker, uintptr_t top, uint32_t *owed)
{
	struct hd_frame *frame = worker->frame;

	hd_block_end_all(worker);
	call_action(worker, frame, top);
	worker->frame = frame->below;
	if (frame->is_fork)
		hd_fork_finish(frame->fork, true);
	if (frame->task && !is_gone(worker, frame, frame->task, top))
		hd_task_finish(worker->pool, hd_task_of(frame->task),
			       HD_TASK_CANCELLED);
	if (frame->below && frame->group != frame->upto)
		*owed += hd_permit_give_part(frame->group, frame->upto,
					     frame->whole);
}

/* Of the frames up to this one, how many are on the stack? */
static uint32_t deep_of(const struct hd_frame *frame)
{
	return frame && frame->depth >= HD_FRAMES_KEPT
		       ? frame->depth - HD_FRAMES_KEPT + 1
		       : 0;
}

/* Those above stop that are on the stack cannot be read: what they hold is lost. */
static uint32_t forget_lost(struct hd_worker *worker, struct hd_frame *stop)
{
	uint32_t alive = deep_of(stop), lost = worker->deep - alive;

	if (!lost)
		return 0;
	worker->frame = alive ? stop : hd_frame_at(worker, HD_FRAMES_KEPT - 1);
	worker->deep = alive;
	atomic_fetch_add_explicit(&worker->pool->frames_lost, lost,
				  memory_order_relaxed); /* statistics */
	return lost;
}

static uint32_t end_down_to(struct hd_worker *worker, struct hd_frame *stop,
			    uintptr_t top)
{
	uint32_t owed = 0, n = forget_lost(worker, stop);

	worker->unwinds = true;
	for (; worker->frame != stop; n++)
		end_one(worker, top, &owed);
	worker->unwinds = false;
	worker->owe += owed;
	return n;
}

uint32_t hd_frames_end(struct hd_worker *worker, struct hd_frame *stop)
{
	return end_down_to(worker, stop,
			   stop ? stop->at : hd_frame_at(worker, 0)->at);
}

void hd_frame_left(struct hd_worker *worker, struct hd_frame *frame)
{
	uint32_t owed = 0;

	hd_fork_left(worker);
	hd_frames_end(worker, frame);
	worker->unwinds = true;
	end_one(worker, frame->at, &owed);
	worker->unwinds = false;
	worker->deep = deep_of(worker->frame);
	worker->owe += owed;
}

/*
 * Jumped over, and their code is gone; the caller runs on with what it holds. Its own
 * code stands above here.
 */
static void skip_to(struct hd_worker *worker, struct hd_frame *frame,
		    uintptr_t here)
{
	atomic_fetch_add_explicit(&worker->pool->tasks_skipped,
				  end_down_to(worker, frame, here),
				  memory_order_relaxed); /* statistics */
	hd_look_inside(worker->pool, worker->owe);
	worker->owe = 0;
}

void hd_frame_settle(struct hd_worker *worker, struct hd_frame *frame)
{
	if (worker->frame != frame)
		skip_to(worker, frame, frame->at);
	hd_block_end_all(worker);
}

static bool is_skipped(const struct hd_worker *worker,
		       const struct hd_frame *frame, uintptr_t here)
{
	return hd_frames_on_stack(worker, frame->at) && frame->at < here;
}

void hd_frames_skip(struct hd_worker *worker, uintptr_t here)
{
	struct hd_frame *frame =
		worker->deep ? hd_frame_at(worker, HD_FRAMES_KEPT - 1)
			     : worker->frame;

	/* On a stack of the task's own nothing can be told from the address. */
	if (worker->unwinds || !hd_frames_on_stack(worker, here) ||
	    !is_skipped(worker, frame, here))
		return;
	while (frame->below && is_skipped(worker, frame, here))
		frame = frame->below;
	skip_to(worker, frame, here);
}
