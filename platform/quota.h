/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CPU quota of control groups. Internal to platform/; the root is a
 * parameter so that a test can lay out a tree of its own.
 */
#ifndef HEDDLE_PLATFORM_QUOTA_H
#define HEDDLE_PLATFORM_QUOTA_H

#include <stdint.h>

/*
 * The tightest quota in thousandths of a CPU over this process's group and all
 * its visible ancestors, v1 and v2; UINT64_MAX for none. `root` is put before
 * every path that is opened; "" is the real one.
 */
uint64_t hd_quota_milli(const char *root);

#endif /* HEDDLE_PLATFORM_QUOTA_H */
