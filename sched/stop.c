/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asking tasks to stop, and seeing what one does. The request is a bit of the task's
 * word, set by a cancel, or the gate of its group; nobody has to clear either.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <heddle/task.h>

#include "sched/frame.h"
#include "sched/group.h"
#include "sched/options.h"
#include "sched/pool.h"
#include "sched/task.h"
#include "sched/worker.h"

static bool refuses(struct heddle_group *group)
{
	return atomic_load_explicit(&group->gate,
				    memory_order_seq_cst) /* interrupt-1 */
	       == HD_GATE_REFUSE;
}

static uint32_t word_of(struct hd_task *task)
{
	return atomic_load_explicit(&task->state,
				    memory_order_seq_cst); /* interrupt-1 */
}

bool hd_task_stopped(const struct hd_worker *worker)
{
	struct hd_frame *frame;

	for (frame = worker->frame; frame; frame = frame->below)
		if (refuses(frame->group) ||
		    (frame->task &&
		     (word_of(hd_task_of(frame->task)) & HD_TASK_STOP)))
			return true;
	return false;
}

int heddle_stop_requested(void)
{
	hd_frames_look(hd_self);
	return hd_self && hd_task_stopped(hd_self);
}

/* Of an accepted task, whose group and pool exist as long as it has not ended. */
static void see_accepted(struct hd_task *task, struct heddle_task_stat *seen)
{
	uint32_t runner = atomic_load_explicit(
		&task->runner, memory_order_relaxed); /* about one instant */

	seen->group = task->group;
	seen->state = HEDDLE_TASK_QUEUED;
	if (!runner)
		return;
	seen->worker = runner - 1;
	seen->state = atomic_load_explicit(
			      &task->group->pool->worker[runner - 1].blocked,
			      memory_order_relaxed) /* about one instant */
			      ? HEDDLE_TASK_BLOCKED
			      : HEDDLE_TASK_RUNNING;
}

int heddle_task_stat(struct heddle_task *given, struct heddle_task_stat *out)
{
	struct heddle_task_stat seen = { .worker = UINT32_MAX };
	struct hd_task *task = hd_task_of(given);
	uint32_t word;
	size_t size;
	int rc;

	if (!given || (given->flags & HEDDLE_TASK_DETACHED))
		return -EINVAL;
	rc = hd_output_size(out, sizeof(seen), &size);
	if (rc < 0)
		return rc;
	word = atomic_load_explicit(
		&task->state, memory_order_relaxed); /* about one instant */
	seen.stop_requested = (word & HD_TASK_STOP) != 0;
	switch (word & HD_TASK_STATE) {
	case HD_TASK_ACCEPTED:
		if (hd_pool_forked(task->group->pool))
			return -ECHILD;
		see_accepted(task, &seen);
		seen.stop_requested |= refuses(seen.group);
		break;
	case HD_TASK_DONE:
		seen.state = HEDDLE_TASK_DONE;
		break;
	case HD_TASK_CANCELLED:
		seen.state = HEDDLE_TASK_CANCELLED;
		break;
	default:
		seen.state = HEDDLE_TASK_NEW;
		break;
	}
	seen.struct_size = (uint32_t)size;
	memcpy(out, &seen, size);
	return 0;
}
