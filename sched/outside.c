/* SPDX-License-Identifier: BSD-2-Clause */
/* A region that is left for a call, and begun again behind it. */
#include "sched/outside.h"

#include <stddef.h>

#include "sched/block.h"
#include "sched/interrupt.h"
#include "sched/pool.h"
#include "sched/worker.h"

bool hd_outside_begin(struct hd_outside *region)
{
	struct hd_worker *worker = hd_self;

	if (!worker || !worker->block_depth || hd_pool_forked(worker->pool))
		return false;
	region->worker = worker;
	region->depth = worker->block_depth;
	region->kind = (int)worker->seen.kind;
	region->interrupt = atomic_load_explicit(
				    &worker->interrupt,
				    memory_order_relaxed) /* own store: armed */
				    ? worker->interrupt_fn
				    : NULL;
	region->arg = worker->interrupt_arg;
	if (hd_interrupt_disarm(worker))
		region->interrupt = NULL; /* it was called */
	hd_block_end_all(worker);
	return true;
}

void hd_outside_end(const struct hd_outside *region)
{
	struct hd_worker *worker = region->worker;

	if (hd_pool_forked(worker->pool))
		return;
	hd_block_begin(region->kind);
	worker->block_depth = region->depth;
	if (region->interrupt &&
	    !hd_interrupt_arm(worker, region->interrupt, region->arg))
		region->interrupt(region->arg); /* stopped meanwhile */
}
