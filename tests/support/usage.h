/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this process or one of its threads has from the kernel: descriptors, mappings,
 * memory, context switches.
 */
#ifndef HEDDLE_TESTS_SUPPORT_USAGE_H
#define HEDDLE_TESTS_SUPPORT_USAGE_H

#include <stdint.h>

/* Open descriptors, without the one that counts them. */
uint64_t su_descriptors(void);

/* Bytes of all mappings but the heap and the stack, which the kernel lets grow. */
uint64_t su_mapped(void);

/*
 * A number of /proc/self/status, "VmSize" in KiB say, or of the thread with that tid
 * (0: the process); UINT64_MAX when there is none.
 */
uint64_t su_status(int32_t tid, const char *field);

#endif /* HEDDLE_TESTS_SUPPORT_USAGE_H */
