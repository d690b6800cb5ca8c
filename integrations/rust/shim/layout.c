/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a C compiler makes of <heddle/heddle.h>, one line "name value" for each size, offset
 * and constant that the crate's bindings have. tests/layout.rs compiles and runs it.
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include <heddle/heddle.h>

#define SIZE(type) printf(#type " %zu\n", sizeof(struct type))
#define FIELD(type, field) \
 printf(#type "." #field " %zu\n", offsetof(struct type, field))
#define VALUE(name) printf(#name " %llu\n", (unsigned long long)(name))

static void options(void)
{
	SIZE(heddle_report);
	FIELD(heddle_report, step);
	FIELD(heddle_report, error);
	FIELD(heddle_report, worker);
	FIELD(heddle_report, incarnation);
	FIELD(heddle_report, threads);
	FIELD(heddle_report, donated);
	FIELD(heddle_report, text);
	SIZE(heddle_pool_options);
	FIELD(heddle_pool_options, flags);
	FIELD(heddle_pool_options, workers_max);
	FIELD(heddle_pool_options, blocked_max);
	FIELD(heddle_pool_options, cap);
	FIELD(heddle_pool_options, tasks_max);
	FIELD(heddle_pool_options, deque_slots);
	FIELD(heddle_pool_options, groups_max);
	FIELD(heddle_pool_options, slots_max);
	FIELD(heddle_pool_options, blocked_policy);
	FIELD(heddle_pool_options, stack_size);
	FIELD(heddle_pool_options, quantum_ns);
	FIELD(heddle_pool_options, name);
	FIELD(heddle_pool_options, cpu_set);
	FIELD(heddle_pool_options, cpu_set_size);
	FIELD(heddle_pool_options, worker_init);
	FIELD(heddle_pool_options, worker_exit);
	FIELD(heddle_pool_options, hook_arg);
	FIELD(heddle_pool_options, helpers_max);
	FIELD(heddle_pool_options, guard_size);
	FIELD(heddle_pool_options, keep_alive_ns);
	FIELD(heddle_pool_options, sig_mask);
	FIELD(heddle_pool_options, sig_mask_size);
	FIELD(heddle_pool_options, sched_policy);
	FIELD(heddle_pool_options, sched_priority);
	FIELD(heddle_pool_options, nice);
	FIELD(heddle_pool_options, placement);
	FIELD(heddle_pool_options, worker_recycle);
	FIELD(heddle_pool_options, create_failed);
	SIZE(heddle_group_options);
	FIELD(heddle_group_options, flags);
	FIELD(heddle_group_options, cap);
	FIELD(heddle_group_options, queue_slots);
	FIELD(heddle_group_options, children_max);
	FIELD(heddle_group_options, order);
	FIELD(heddle_group_options, name);
	FIELD(heddle_group_options, weight);
}

static void others(void)
{
	SIZE(heddle_change);
	FIELD(heddle_change, group);
	FIELD(heddle_change, cap);
	FIELD(heddle_change, what);
	FIELD(heddle_change, weight);
	SIZE(heddle_ticket);
	FIELD(heddle_ticket, pool);
	FIELD(heddle_ticket, change);
	SIZE(heddle_group_stat);
	FIELD(heddle_group_stat, cap);
	FIELD(heddle_group_stat, count);
	FIELD(heddle_group_stat, generation);
	FIELD(heddle_group_stat, blocked);
	FIELD(heddle_group_stat, returners);
	FIELD(heddle_group_stat, queued);
	FIELD(heddle_group_stat, parallelism);
	FIELD(heddle_group_stat, reason);
	FIELD(heddle_group_stat, reason_group);
	FIELD(heddle_group_stat, weight);
	FIELD(heddle_group_stat, reserve);
	SIZE(heddle_task);
	FIELD(heddle_task, fn);
	FIELD(heddle_task, flags);
	FIELD(heddle_task, reserved);
	FIELD(heddle_task, after);
	SIZE(heddle_task_stat);
	FIELD(heddle_task_stat, state);
	FIELD(heddle_task_stat, worker);
	FIELD(heddle_task_stat, stop_requested);
	FIELD(heddle_task_stat, group);
	SIZE(timespec);
	FIELD(timespec, tv_nsec);
}

static void values(void)
{
	VALUE(CLOCK_MONOTONIC);
	VALUE(HEDDLE_NOW);
	VALUE(HEDDLE_FOREVER);
	VALUE(HEDDLE_CAP_MAX);
	VALUE(HEDDLE_R3_GONE);
	VALUE(HEDDLE_R4_CLEAN);
	VALUE(HEDDLE_POOL_ELASTIC);
	VALUE(HEDDLE_GROUP_PAUSED);
	VALUE(HEDDLE_ORDER_ANY);
	VALUE(HEDDLE_ORDER_FIFO);
	VALUE(HEDDLE_ORDER_SERIAL);
	VALUE(HEDDLE_CLOSE_DRAIN);
	VALUE(HEDDLE_CLOSE_REFUSE);
	VALUE(HEDDLE_CLOSE_FREE);
	VALUE(HEDDLE_TASK_DETACHED);
	VALUE(HEDDLE_TASK_DONE);
	VALUE(HEDDLE_TASK_CANCELLED);
	VALUE(HEDDLE_BLOCK_OTHER);
	VALUE(ENOMEM);
	VALUE(EBUSY);
	VALUE(EAGAIN);
	VALUE(EINVAL);
	VALUE(ENOSPC);
	VALUE(EDEADLK);
	VALUE(ECHILD);
	VALUE(ESHUTDOWN);
	VALUE(ETIMEDOUT);
	VALUE(EALREADY);
	VALUE(ESTALE);
	VALUE(ECANCELED);
}

int main(void)
{
	options();
	others();
	values();
	return 0;
}
