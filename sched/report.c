/* SPDX-License-Identifier: BSD-2-Clause */
/* Filling the caller's struct heddle_report. */
#include "sched/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sched/worker.h"

static const char *const step_name[] = {
	[HEDDLE_STEP_NONE] = "nothing",
	[HEDDLE_STEP_RESERVE] = "an entry of the registry",
	[HEDDLE_STEP_STACK] = "the stack of a worker",
	[HEDDLE_STEP_CREATE] = "the creation of a thread",
	[HEDDLE_STEP_AFFINITY] = "the affinity or name of a worker",
	[HEDDLE_STEP_HOOK] = "the init hook",
	[HEDDLE_STEP_QUIET] = "running tasks to return",
	[HEDDLE_STEP_LEAVE] = "a worker to leave",
	[HEDDLE_STEP_JOIN] = "the join of a thread",
	[HEDDLE_STEP_GONE] = "the kernel to forget a thread",
	[HEDDLE_STEP_GRACE] = "a grace period",
	[HEDDLE_STEP_MONITOR] = "the monitor to end",
};

int hd_report_begin(struct heddle_report *report)
{
	if (!report)
		return 0;
	if (report->struct_size != sizeof(*report))
		return -EINVAL;
	memset(report, 0, sizeof(*report));
	report->struct_size = sizeof(*report);
	report->worker = UINT32_MAX;
	return 0;
}

static void fill(struct heddle_report *report, struct hd_worker *worker,
		 uint32_t step)
{
	report->step = step;
	if (!worker)
		return;
	report->worker = worker->index;
	report->incarnation = atomic_load_explicit(
		&worker->incarnation, memory_order_relaxed); /* a report */
}

void hd_report_worker(struct heddle_report *report, struct hd_worker *worker,
		      uint32_t step, int error)
{
	if (!report)
		return;
	fill(report, worker, step);
	report->error = -error;
	if (worker)
		snprintf(report->text, sizeof(report->text),
			 "worker %u: %s failed: error %d", worker->index,
			 step_name[step], -error);
	else
		snprintf(report->text, sizeof(report->text),
			 "%s failed: error %d", step_name[step], -error);
}

void hd_report_too_many(struct heddle_report *report, uint32_t asked,
			uint32_t workers_max)
{
	if (!report)
		return;
	fill(report, NULL, HEDDLE_STEP_RESERVE);
	report->error = EINVAL;
	snprintf(report->text, sizeof(report->text),
		 "%u workers asked for, workers_max is %u", asked, workers_max);
}

void hd_report_waiting(struct heddle_report *report, struct hd_worker *worker,
		       uint32_t step, uint32_t threads)
{
	if (!report)
		return;
	fill(report, worker, step);
	report->threads = threads;
	if (worker)
		snprintf(report->text, sizeof(report->text),
			 "waiting for %s: worker %u of %u", step_name[step],
			 worker->index, threads);
	else
		snprintf(report->text, sizeof(report->text), "waiting for %s",
			 step_name[step]);
}
