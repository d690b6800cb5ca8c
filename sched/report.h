/* SPDX-License-Identifier: BSD-2-Clause */
/* Filling the caller's struct heddle_report; every call accepts NULL. */
#ifndef HEDDLE_SCHED_REPORT_H
#define HEDDLE_SCHED_REPORT_H

#include <stdint.h>

#include <heddle/api.h>

struct hd_worker;

/* Clears it; -EINVAL when struct_size is not that of this library's struct. */
int hd_report_begin(struct heddle_report *report);

/* A start failed at a step, perhaps with one worker; error is -errno. */
void hd_report_worker(struct heddle_report *report, struct hd_worker *worker,
		      uint32_t step, int error);

/* A start for which the pool has too few entries. */
void hd_report_too_many(struct heddle_report *report, uint32_t asked,
			uint32_t workers_max);

/* A stop waits at a step; threads have not reached the level. */
void hd_report_waiting(struct heddle_report *report, struct hd_worker *worker,
		       uint32_t step, uint32_t threads);

#endif /* HEDDLE_SCHED_REPORT_H */
