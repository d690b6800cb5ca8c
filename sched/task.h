/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The library's view of struct heddle_task: its state word, and which node of
 * the queues stands for it.
 */
#ifndef HEDDLE_SCHED_TASK_H
#define HEDDLE_SCHED_TASK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <heddle/task.h>

struct heddle_group;
struct heddle_pool;
struct hd_worker;

/*
 * The state word. A claim of the node (lockfree/nodes.h) decides between run,
 * join and cancel; the word tells those who wait.
 */
enum hd_task_state {
	HD_TASK_NEW = 0,
	HD_TASK_ACCEPTED = 1,
	HD_TASK_DONE = 2,
	HD_TASK_CANCELLED = 3,
	HD_TASK_STATE = 0xff,
	HD_TASK_WAITERS = 0x100, /* somebody sleeps on the word */
	HD_TASK_STOP = 0x200,    /* it was cancelled after its start */
	HD_TASK_HELPER = 0x400,  /* a helper stands at it, see help-1 */
	HD_TASK_TOLD = 0x1000,   /* and above: circles that were told */
};

/* Overlays struct heddle_task from flags on; checked in sched/task.c. */
struct hd_task {
	heddle_task_fn fn;
	uint32_t flags;
	_Atomic uint32_t state;
	uint64_t generation; /* of the node; before the publication */
	struct heddle_group *group;
	uint32_t node;
	_Atomic uint32_t runner; /* index + 1 of the worker that runs it */
	void (*after)(struct heddle_task *task, int status);
};

static inline struct hd_task *hd_task_of(struct heddle_task *task)
{
	return (struct hd_task *)(void *)task;
}

/* Nobody has claimed it, to run or to cancel it. */
bool hd_task_queued(const struct hd_task *task);

/*
 * Claims a queued task in place, for somebody with a permit or a pin of its group.
 * False: somebody else has it, or it is over.
 */
bool hd_task_claim(struct hd_task *task);

/* The same, and in an ordered group only if it is the next; for a permit's holder. */
bool hd_task_claim_turn(struct hd_task *task, uint32_t *owe);

/* The task has returned; the last touch of it by the library. */
void hd_task_finish(struct heddle_pool *pool, struct hd_task *task,
		    uint32_t state);

/*
 * A node taken out of the queues by a close: its task ends as CANCELLED. If it has an
 * after-return action it is put on the list, for hd_task_after() without a lock.
 */
void hd_task_cancel_node(struct heddle_group *group, uint32_t node,
			 struct hd_task **list);

/* Calls the actions of cancelled tasks, which are nobody's afterwards. */
void hd_task_after(struct hd_task *list);

/* Is the task, or something below it on the stack, to stop? From its worker. */
bool hd_task_stopped(const struct hd_worker *worker);

/*
 * Runs a claimed task or call on this stack, as a frame of the group. Returns
 * the task if somebody may join it: the caller ends it with hd_task_finish(). Where the
 * thread ends inside, the guard that it reaches ends the frame (sched/frame.h). With
 * upto, *whole says how the frame's own part is paid, then and afterwards (struct
 * hd_frame).
 * In a child that the task has forked the answer is NULL: the worker is not touched.
 */
struct hd_task *hd_task_run(struct hd_worker *worker,
			    struct heddle_group *group,
			    struct heddle_group *upto, bool *whole,
			    void (*fn)(void *), void *arg);

#endif /* HEDDLE_SCHED_TASK_H */
