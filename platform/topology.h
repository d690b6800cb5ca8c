/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which CPUs lie near each other, as the kernel tells it in /sys. Internal to the
 * library; the root is a parameter so that a test can lay out a machine of its own.
 */
#ifndef HEDDLE_PLATFORM_TOPOLOGY_H
#define HEDDLE_PLATFORM_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where /sys is looked for when a pool is made: "" is the real one. For tests. */
const char *hd_topology_root(void);

/*
 * The CPUs of a cpu_set_t, in an order for placing one worker after the other.
 * Spread: first one of each package and node in turn, a core of its own as long as
 * there is one, siblings of used cores last. Else compact: all siblings of a core,
 * all cores of a node, all nodes of a package. CPUs that are offline come last, for
 * they may be back. A CPU of which nothing can be read is a core of its own in
 * package 0: no content of these files is an error.
 *
 * Returns how many, at most max; they are written to order. 0 also without memory.
 */
uint32_t hd_topology_order(const char *root, const void *set, size_t size,
			   bool spread, uint32_t *order, uint32_t max);

/* One more than the highest possible CPU, as the root says; 0: it does not. */
uint32_t hd_topology_possible(const char *root);

#endif /* HEDDLE_PLATFORM_TOPOLOGY_H */
