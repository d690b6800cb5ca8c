/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fault and delay points for tests. Not stable, not part of <heddle/heddle.h>.
 * A point that is not armed costs one relaxed load, off the submit and run
 * paths.
 */
#ifndef HEDDLE_TESTING_H
#define HEDDLE_TESTING_H

#include <heddle/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where the platform can be made to fail or to wait. */
enum heddle_fault_site {
	HEDDLE_FAULT_THREAD_CREATE = 0,
	HEDDLE_FAULT_STACK_MAP = 1,
	HEDDLE_FAULT_MAP = 2,
	HEDDLE_FAULT_ALLOC = 3,
	HEDDLE_FAULT_AFFINITY = 4,
	HEDDLE_FAULT_MEMBARRIER = 5,
	HEDDLE_FAULT_FUTEX_EINTR = 6,
	HEDDLE_FAULT_SITES = 7,
};

/**
 * heddle_fault_set() - arm a fault point
 * @site:  enum heddle_fault_site
 * @skip:  how many passes succeed first
 * @count: how many passes then fail; 0 disarms, UINT32_MAX is for ever
 * @error: the errno they fail with
 *
 * Return: 0, -EINVAL.
 */
HEDDLE_API int heddle_fault_set(int site, uint32_t skip, uint32_t count,
				int error);

/* How often the site was passed and failed since it was first set. */
HEDDLE_API int heddle_fault_count(int site, uint64_t *passes,
				  uint64_t *failures);

/* Where a delay can be placed, to widen a window that is hard to hit. */
enum heddle_delay_site {
	HEDDLE_DELAY_CLAIM = 0,      /* task taken, not yet counted as run */
	HEDDLE_DELAY_SLEEP = 1,      /* idle bit set, not yet asleep */
	HEDDLE_DELAY_RETIRE = 2,     /* decided to leave, not yet left */
	HEDDLE_DELAY_THREAD_END = 3, /* last step of a worker thread */
	HEDDLE_DELAY_SITES = 4,
};

/**
 * heddle_delay_set() - busy-wait at a point
 * @site: enum heddle_delay_site
 * @ns:   for how long, 0 disarms
 *
 * Return: 0, -EINVAL.
 */
HEDDLE_API int heddle_delay_set(int site, uint64_t ns);

/**
 * heddle_limits_root() - read the limits of another machine
 * @folder: put before every path that is read, as "/home/me/recorded"; the
 *          affinity is that of its /proc/self/status. "" is this machine again
 *
 * Context: while no other thread reads limits; no monitor runs.
 * Return: 0, -EINVAL (NULL, or longer than 1 023 bytes).
 */
HEDDLE_API int heddle_limits_root(const char *folder);

#ifdef __cplusplus
}
#endif

#endif /* HEDDLE_TESTING_H */
