/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * membarrier(PRIVATE_EXPEDITED): a full barrier on every running thread of the
 * process. Where the kernel or a filter refuses it, callers use the fenced
 * form of their protocol; which one runs is named by heddle_features().
 */
#ifndef HEDDLE_PLATFORM_MEMBARRIER_H
#define HEDDLE_PLATFORM_MEMBARRIER_H

#include <stdbool.h>

/* Registers the process once; false when the system call fails. */
bool hd_membarrier_available(void);

/* Only after hd_membarrier_available() returned true. 0 or -errno. */
int hd_membarrier(void);

#endif /* HEDDLE_PLATFORM_MEMBARRIER_H */
