/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The frames of a worker: what runs on its stack, and how they come to an end when the
 * code in them does not return (doc/design/exit.md). All on the worker's own thread.
 */
#ifndef HEDDLE_SCHED_FRAME_H
#define HEDDLE_SCHED_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sched/worker.h"

/* One more frame, for user code that lies below the address at on the stack. */
static inline void hd_frame_push(struct hd_worker *worker,
				 struct hd_frame *frame,
				 struct heddle_group *group,
				 struct heddle_group *upto, bool whole,
				 void *at)
{
	struct hd_frame *below = worker->frame;

	*frame = (struct hd_frame){ .below = below,
				    .group = group,
				    .upto = upto,
				    .whole = whole,
				    .depth = below ? below->depth + 1 : 0,
				    .at = (uintptr_t)at };
	worker->frame = frame;
}

/* The kept frame of that depth. */
static inline struct hd_frame *hd_frame_at(struct hd_worker *worker,
					   uint32_t depth)
{
	return depth < HD_FRAMES_NEAR ? &worker->near[depth]
				      : &worker->far[depth - HD_FRAMES_NEAR];
}

/* The kept frame that is next, or NULL: then the caller has one on the stack. */
static inline struct hd_frame *hd_frame_kept(struct hd_worker *worker)
{
	uint32_t depth = worker->frame ? worker->frame->depth + 1 : 0;

	return depth < HD_FRAMES_KEPT ? hd_frame_at(worker, depth) : NULL;
}

/*
 * Ends what is above the frame, NULL: all, whose code is gone: regions, tasks, their
 * parts of the permits; of the lowest frame the path remains, it is worker->held.
 * Returns how many tasks.
 */
uint32_t hd_frames_end(struct hd_worker *worker, struct hd_frame *stop);

/*
 * The thread ends in the code of this frame, which is on the stack, and of none above
 * it any more: the frame ends.
 */
void hd_frame_left(struct hd_worker *worker, struct hd_frame *frame);

/* The frame's code has returned: no longjmp has skipped others, no region is open. */
void hd_frame_settle(struct hd_worker *worker, struct hd_frame *frame);

static inline void hd_frame_returned(struct hd_worker *worker,
				     struct hd_frame *frame)
{
	if (worker->frame != frame || worker->block_depth)
		hd_frame_settle(worker, frame);
}

/*
 * At a call from a task: if it stands higher on the stack than the code of the newest
 * frames, a longjmp has skipped those, and they end here.
 */
void hd_frames_skip(struct hd_worker *worker, uintptr_t here);

static inline bool hd_frames_on_stack(const struct hd_worker *worker,
				      uintptr_t address)
{
	return address - (uintptr_t)worker->stack < worker->stack_size;
}

/* Tasks may run on stacks of their own: of those it is found at their return. */
#define hd_frames_look(worker) \
 hd_frames_look_from((worker), (uintptr_t)__builtin_frame_address(0))

static inline void hd_frames_look_from(struct hd_worker *worker, uintptr_t here)
{
	if (worker && worker->frame && worker->frame->at < here)
		hd_frames_skip(worker, here);
}

#endif /* HEDDLE_SCHED_FRAME_H */
