/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CPUs: which one this thread is on, how many there can be, how many this
 * process may use. The number of the current CPU is a hint; nothing depends
 * on the thread still being there.
 */
#ifndef HEDDLE_PLATFORM_CPU_H
#define HEDDLE_PLATFORM_CPU_H

#include <stddef.h>
#include <stdint.h>

/* From rseq's area where glibc registered it, else getcpu; < hd_cpu_possible(). */
uint32_t hd_cpu_current(void);

/* "rseq" or "getcpu". */
const char *hd_cpu_source(void);

/* One more than the highest CPU number that can appear. */
uint32_t hd_cpu_possible(void);

/* CPUs in the affinity mask, bounded by the tightest cgroup quota, at least 1. */
uint32_t hd_cpu_usable(void);

/*
 * The tightest CPU quota of this process's cgroup and all its ancestors, v1
 * and v2, in thousandths of a CPU; UINT64_MAX when there is none.
 */
uint64_t hd_cpu_quota_milli(void);

/* The affinity of the process as a cpu_set_t of hd_cpu_set_size() bytes. */
size_t hd_cpu_set_size(void);
int hd_cpu_set_get(void *set, size_t size);

#endif /* HEDDLE_PLATFORM_CPU_H */
