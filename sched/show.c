/* SPDX-License-Identifier: BSD-2-Clause */
/* What a worker shows of itself to heddle_workers(), by its own thread (sched/see.c). */
#include <heddle/see.h>

#include "platform/clock.h"
#include "sched/group.h"
#include "sched/upper.h"
#include "sched/worker.h"

void hd_worker_show(struct hd_worker *worker, uint32_t state)
{
	struct hd_mirror_values *seen = &worker->seen;

	if (state == HEDDLE_WORKER_RUNNING && seen->state == state)
		return; /* not stamped for each task */
	seen->state = state;
	seen->group = worker->frame  ? worker->frame->group->index
		      : worker->held ? worker->held->index
				     : UINT32_MAX;
	seen->guest = hd_upper.guest_tid(worker->guest);
	seen->since_ns = hd_now_ns();
	hd_mirror_write_owner(&worker->mirror, seen);
}

void hd_worker_show_free(struct hd_worker *worker)
{
	worker->seen = (struct hd_mirror_values){ .index = worker->index,
						  .group = UINT32_MAX };
	hd_mirror_write_owner(&worker->mirror, &worker->seen);
}
