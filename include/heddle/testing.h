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
	HEDDLE_FAULT_STACK_GUARD = 7, /* mprotect of the page below a stack */
	HEDDLE_FAULT_CLASS = 8,       /* sched_setscheduler of a new worker */
	HEDDLE_FAULT_NAME = 9,        /* its name; it then keeps its maker's */
	HEDDLE_FAULT_PROBE = 10, /* tgkill of a thread that should be gone */
	HEDDLE_FAULT_START_TIME =
		11,                  /* when a thread began: clock, stat file */
	HEDDLE_FAULT_CPU_SET = 12,   /* sched_getaffinity of the process */
	HEDDLE_FAULT_DROP = 13,      /* MADV_DONTNEED: cleared by hand then */
	HEDDLE_FAULT_FORK_MARK = 14, /* MADV_WIPEONFORK */
	HEDDLE_FAULT_SITES = 15,
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

/**
 * heddle_fault_count() - how often a fault point was passed
 * @site:     enum heddle_fault_site
 * @passes:   NULL, or receives how often since it was first set
 * @failures: NULL, or receives how many of them failed
 *
 * Return: 0, -EINVAL.
 */
HEDDLE_API int heddle_fault_count(int site, uint64_t *passes,
				  uint64_t *failures);

/* Where a delay can be placed, to widen a window that is hard to hit. */
enum heddle_delay_site {
	HEDDLE_DELAY_CLAIM = 0,      /* task taken, not yet counted as run */
	HEDDLE_DELAY_SLEEP = 1,      /* idle bit set, not yet asleep */
	HEDDLE_DELAY_RETIRE = 2,     /* decided to leave, not yet left */
	HEDDLE_DELAY_THREAD_END = 3, /* last step of a worker thread */
	HEDDLE_DELAY_SCRUB = 4,      /* a guest's end, before the scrub */
	HEDDLE_DELAY_SITES = 5,
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
 * heddle_topology_root() - let pools that are made from now on see another machine
 * @root: a folder that has a sys/devices/system below it, copied; NULL or "": the real one
 *
 * Only which CPUs lie near each other, how many are possible and which are online is
 * read there; what a thread may run on is asked of the kernel as ever.
 *
 * Context: not while a pool is being made.
 * Return: 0, -ENOMEM.
 */
HEDDLE_API int heddle_topology_root(const char *root);

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
