/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What all other headers share: visibility, the error contract, deadlines,
 * the levels of reclamation and the report of a start or a stop.
 *
 * Error contract. A call that can fail returns 0 or -errno. On an error
 * nothing has happened, with one exception: -ETIMEDOUT of a stop or a close
 * leaves the scope closing, and the same call continues it. An object comes
 * back through an out-parameter, which is NULL on error. Options structs
 * start with struct_size: a shorter struct takes the defaults for the rest,
 * a longer one is accepted while the bytes beyond are zero, else -E2BIG.
 * Zero in a field means its default. Unknown flags are -EINVAL.
 *
 * -EAGAIN     at a bound (queue, workers, berths); nothing was queued
 * -ECANCELED  the task was cancelled and did not run
 * -ECHILD     this process is a forked child; only destroy works in it
 * -EDEADLK    the wait could never end
 * -ENOSPC     the pool's table of groups, slots or processes is full
 * -ESHUTDOWN  the pool or the group is closing
 * -ESTALE     the ticket was superseded
 * -ETIMEDOUT  the deadline has passed
 *
 * Deadlines are absolute nanoseconds of CLOCK_MONOTONIC. Inside the
 * library EINTR is handled; no call returns it.
 */
#ifndef HEDDLE_API_H
#define HEDDLE_API_H

#include <stddef.h>
#include <stdint.h>

#define HEDDLE_API __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

/* Deadlines: do not wait at all, and wait without end. */
#define HEDDLE_NOW     UINT64_C(0)
#define HEDDLE_FOREVER UINT64_MAX

/* The largest cap of a group; a larger one is -EINVAL. */
#define HEDDLE_CAP_MAX ((UINT32_C(1) << 20) - 1)

/*
 * How far a stopping call must get before it returns 0. Each level implies
 * the one before it.
 */
enum heddle_level {
	HEDDLE_R0_QUIET = 0,  /* nothing runs and nothing can start */
	HEDDLE_R1_LEFT = 1,   /* exit hooks done, unregistered from RCU */
	HEDDLE_R2_JOINED = 2, /* pthread_join returned: TLS destructors done */
	HEDDLE_R3_GONE = 3,   /* the kernel has forgotten the thread */
	HEDDLE_R4_CLEAN = 4,  /* a grace period passed, memory is returned */
};

/* The step a start, a stop or a destroy had reached; see heddle_report. */
enum heddle_step {
	HEDDLE_STEP_NONE = 0,
	HEDDLE_STEP_RESERVE = 1,  /* an entry of the registry */
	HEDDLE_STEP_STACK = 2,    /* the mapping of the worker's stack */
	HEDDLE_STEP_CREATE = 3,   /* pthread_create */
	HEDDLE_STEP_AFFINITY = 4, /* the template: CPUs, class */
	HEDDLE_STEP_HOOK = 5,     /* the init hook returned an error */
	HEDDLE_STEP_QUIET = 6,    /* waiting for running tasks to return */
	HEDDLE_STEP_LEAVE = 7,    /* waiting for workers to leave */
	HEDDLE_STEP_JOIN = 8,     /* pthread_join */
	HEDDLE_STEP_GONE = 9,     /* waiting for the kernel to forget */
	HEDDLE_STEP_GRACE = 10,   /* waiting for a grace period */
	HEDDLE_STEP_MONITOR = 11, /* waiting for the monitor to end */
};

/**
 * struct heddle_report - the long story of a start, a stop or a destroy
 * @struct_size: sizeof(struct heddle_report), set by the caller
 * @step:        enum heddle_step: what failed, or what is being waited for
 * @error:       errno of the step that failed, 0 while waiting
 * @worker:      index of the worker concerned, UINT32_MAX if none is
 * @incarnation: which life of that worker
 * @threads:     workers that have not reached the level asked for
 * @donated:     donated threads among them (their levels end at R1)
 * @text:        one line for a person, always terminated
 */
struct heddle_report {
	uint32_t struct_size;
	uint32_t step;
	int32_t error;
	uint32_t worker;
	uint64_t incarnation;
	uint32_t threads;
	uint32_t donated;
	char text[128];
};

#ifdef __cplusplus
}
#endif

#endif /* HEDDLE_API_H */
