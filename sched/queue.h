/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queues of a group: where tasks lie between their submit and their
 * start, and how they move from the injection lists over the spill list to the
 * deques of workers. Where a queued task can be is listed in
 * doc/design/permits.md.
 */
#ifndef HEDDLE_SCHED_QUEUE_H
#define HEDDLE_SCHED_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

struct heddle_pool;
struct heddle_group;
struct hd_task;
struct hd_worker;

/* Most tasks moved into a deque at once. */
#define HD_BATCH 64

/* Tasks are queued, dead ones included; linearisable for "none". */
bool hd_queue_tasks(struct heddle_group *group);

/* Tasks are queued and the gate lets them start. */
bool hd_queue_startable(struct heddle_group *group);

/* How many tasks are queued and not cancelled; exact at rest. */
uint64_t hd_queue_length(struct heddle_group *group);

/*
 * Publishes one node: to the deque of worker when it is not NULL and works for
 * this group, else to an injection list. False when the list is full.
 */
bool hd_queue_push(struct heddle_group *group, struct hd_worker *worker,
		   uint32_t node);

/*
 * Takes a task of the group whose permits the worker holds: from its deque,
 * the spill list, the injection lists, other workers' deques. More than one may
 * be moved; what that owes is added to worker->owe. 0: none was found.
 */
uint32_t hd_queue_take(struct hd_worker *worker, struct heddle_group *group);

/* Puts a task back that hd_queue_take() returned. */
void hd_queue_put_back(struct hd_worker *worker, struct heddle_group *group,
		       uint32_t node);

/* Hands what is left in the worker's deque to the group it belongs to. */
void hd_queue_drain(struct hd_worker *worker);

/*
 * With a permit of the group: frees the nodes of tasks that were claimed in place, when
 * they are many, or all that there is. The rest keeps its order. Returns how many looks
 * are owed.
 */
uint32_t hd_queue_sweep(struct heddle_group *group);

/*
 * Cancels everything that is queued in the group; returns how many tasks. Those with an
 * action to be called are put on the list. Called
 * under pool->control: no ring is unlinked meanwhile, so that also a thread
 * that is not registered with RCU may steal.
 */
uint64_t hd_queue_cancel(struct heddle_group *group, struct hd_task **list);

#endif /* HEDDLE_SCHED_QUEUE_H */
