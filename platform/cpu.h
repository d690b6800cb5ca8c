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

/* What affinity, cpusets and quotas leave (platform/limits.h), at least 1. */
uint32_t hd_cpu_usable(void);

/* The affinity of the process as a cpu_set_t of hd_cpu_set_size() bytes. */
size_t hd_cpu_set_size(void);
int hd_cpu_set_get(void *set, size_t size);

#endif /* HEDDLE_PLATFORM_CPU_H */
