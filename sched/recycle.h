/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nodes that a worker has for itself: those of tasks that it took, until they are
 * given back in a batch or are used for what its own tasks submit; and the newest
 * node of its deque, which a join of what was submitted last takes out again. All on the
 * worker's own thread.
 *
 * A join that claims its task where the node is linked leaves a dead node behind. If
 * nothing took those out while a task runs, the pool would be full of them after
 * tasks_max forks, and every further fork be refused.
 */
#ifndef HEDDLE_SCHED_RECYCLE_H
#define HEDDLE_SCHED_RECYCLE_H

#include <stdbool.h>
#include <stdint.h>

struct hd_task;
struct hd_worker;

/* A node in the worker's hand, in no queue: it is free. */
void hd_recycle_free(struct hd_worker *worker, uint32_t node);

/* All of them go back to the pool. */
void hd_recycle_flush(struct hd_worker *worker);

/* A node with status FREE, or 0: then the pool is asked. */
uint32_t hd_recycle_take(struct hd_worker *worker);

/*
 * Takes the task out of the worker's deque and claims it, if it is the newest there.
 * False: it is not, or somebody else has it.
 */
bool hd_recycle_newest(struct hd_worker *worker, struct hd_task *task);

#endif /* HEDDLE_SCHED_RECYCLE_H */
