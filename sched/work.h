/* SPDX-License-Identifier: BSD-2-Clause */
/* What a worker that holds a group runs next: sched/worker.c, run_held(). */
#ifndef HEDDLE_SCHED_WORK_H
#define HEDDLE_SCHED_WORK_H

#include "sched/calls.h"
#include "sched/fork.h"
#include "sched/queue.h"

/* Its own calls, a task that was taken, or what others have and it has seen. */
struct hd_work {
	bool calls;
	bool fork;
	uint32_t index;
	struct hd_fork_loot loot;
};

/* Own calls come first, but not always (hd_calls_wait()). */
static inline bool hd_work_find(struct hd_worker *worker,
				struct heddle_group *group,
				struct hd_work *work)
{
	work->fork = false;
	work->index = 0;
	work->calls = hd_calls_left(worker, group);
	if (work->calls) {
		if (!hd_calls_wait(worker))
			return true;
		worker->calls_row = 0;
	}
	work->index = hd_queue_take(worker, group);
	if (work->index)
		work->calls = false;
	else if (!work->calls)
		work->fork = hd_fork_find(worker, group, &work->loot);
	return work->calls || work->fork || work->index;
}

#endif /* HEDDLE_SCHED_WORK_H */
