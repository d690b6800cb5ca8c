/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest threads: threads of a guest program (a WASI process) on recycled
 * workers, with the semantics of fresh threads.
 *
 * A process has threads_max berths. A guest thread takes one, draws a tid that
 * is unique among the process's live threads (wasi-threads: 1 <= tid < 2^29),
 * and is bound to an idle worker or, when none is idle and the pool may create
 * one, to a new one. It then waits for a permit of the process's group like
 * any task of it. When its function has returned, slot destructors run, the
 * guest record, the slots and the stack are scrubbed and verified, the berth
 * passes on, and joiners are told.
 */
#ifndef HEDDLE_GUEST_H
#define HEDDLE_GUEST_H

#include <heddle/api.h>

#ifdef __cplusplus
extern "C" {
#endif

struct heddle_pool;
struct heddle_group;
struct heddle_process;
struct heddle_guest;

/**
 * struct heddle_process_options - what a process is made with
 * @struct_size: sizeof(struct heddle_process_options)
 * @flags:       0
 * @threads_max: berths; 0: 64, at most 65 535
 * @cap:         guests of it that run at once; 0: HEDDLE_CAP_MAX
 * @parent:      the group its own group is created below; NULL: the root
 * @name:        of its group, at most 15 bytes, copied; NULL: "process"
 */
struct heddle_process_options {
	uint32_t struct_size;
	uint32_t flags;
	uint32_t threads_max;
	uint32_t cap;
	struct heddle_group *parent;
	const char *name;
};

/**
 * heddle_process_create() - a set of guest threads that share a memory
 * @pool:    whose workers carry them
 * @opts:    NULL for the defaults
 * @process: receives the process
 *
 * Progress: blocking (allocates). Context: any thread.
 * Return: 0, -EINVAL, -E2BIG, -ENOMEM, -ENOSPC, -ESHUTDOWN, -ECHILD.
 */
HEDDLE_API int heddle_process_create(struct heddle_pool *pool,
				     const struct heddle_process_options *opts,
				     struct heddle_process **process);

/**
 * heddle_process_destroy() - wait for its guests, then free it
 * @process:  NULL is allowed and does nothing
 * @level:    what its threads must have reached: shells that stay in the pool
 *            count as reached at R0; FRESH threads reach the level asked for
 * @deadline: absolute ns
 *
 * No guest can be spawned any more from the call on. Guests that were not
 * joined are collected.
 *
 * Return: 0, -EINVAL, -EDEADLK (from one of its guests), -ETIMEDOUT (the
 * process stays closing), -ECHILD.
 */
HEDDLE_API int heddle_process_destroy(struct heddle_process *process,
				      enum heddle_level level,
				      uint64_t deadline);

enum heddle_guest_flags {
	HEDDLE_GUEST_FRESH = 1,    /* a real new OS thread, ended afterwards;
				    * ELASTIC pools only */
	HEDDLE_GUEST_DETACHED = 2, /* nobody joins it */
};

/**
 * struct heddle_guest_options - what a guest thread is made with
 * @struct_size: sizeof(struct heddle_guest_options)
 * @flags:       enum heddle_guest_flags
 * @fn:          the entry function; what it returns is the exit code
 * @arg:         passed to it, opaque
 * @exit_code:   NULL, or where the guest's worker stores the exit code before
 *               a join returns; valid until the guest has ended
 */
struct heddle_guest_options {
	uint32_t struct_size;
	uint32_t flags;
	int32_t (*fn)(void *arg);
	void *arg;
	int32_t *exit_code;
};

/**
 * heddle_guest_spawn() - start a guest thread
 * @process:  not being destroyed
 * @opts:     required
 * @guest:    receives the handle to join, before the guest's first instruction;
 *            NULL allowed for DETACHED, which gets none
 * @deadline: HEDDLE_NOW: -EAGAIN when no berth is free and none comes without
 *            a step of user code: a guest past its last destructor is waited
 *            for. Later: wait, in order of arrival, until one is
 *
 * At most threads_max guests may have ended and not been joined while all
 * berths are taken; beyond that a spawn finds no tid, which is as no berth.
 *
 * Progress: blocking (a short lock of the process; thread creation when no
 * worker is idle).
 * Ordering: everything before the call happens-before the guest.
 * Context:  any thread, also a guest.
 * Return: 0, -EAGAIN (no berth at the deadline, or no worker is idle and none
 * may be or could be created, or the group is quiesced), -ENOMEM, -EINVAL (also
 * FRESH in a STATIC pool), -E2BIG, -ESHUTDOWN, -ECHILD.
 */
HEDDLE_API int heddle_guest_spawn(struct heddle_process *process,
				  const struct heddle_guest_options *opts,
				  struct heddle_guest **guest,
				  uint64_t deadline);

/**
 * heddle_guest_join() - wait for the end of a guest thread, free its handle
 * @guest:    joined by nobody else; the handle is invalid after 0
 * @level:    for FRESH: how far its OS thread must be reclaimed. For shells
 *            every level is reached when the guest is scrubbed
 * @deadline: absolute ns
 *
 * Ordering: the guest and its slot destructors happen-before the return.
 * Context:  any thread; from a task or guest the wait is a blocking region.
 * Return: 0, -EDEADLK (itself), -EINVAL, -ETIMEDOUT, -ECHILD.
 */
HEDDLE_API int heddle_guest_join(struct heddle_guest *guest,
				 enum heddle_level level, uint64_t deadline);

/**
 * heddle_guest_exit() - end the calling guest thread from any depth
 * @code: its exit code
 *
 * Frames of the guest's own code are left as by longjmp; a frame of the
 * library between the caller and the entry function (a task that runs inside a
 * join) makes it fail.
 *
 * Return: does not return; -EPERM when the caller is not a guest thread,
 * -EBUSY inside a task above the guest, a slot destructor or a blocking region.
 */
HEDDLE_API int heddle_guest_exit(int32_t code);

/**
 * heddle_guest_self() - the handle of the calling guest thread, or NULL
 *
 * Progress: wait-free. Context: any thread.
 */
HEDDLE_API struct heddle_guest *heddle_guest_self(void);

/**
 * heddle_guest_tid() - the guest's thread id in its process
 * @guest: a valid handle
 *
 * Progress: wait-free.
 * Return: 1 <= tid < 2^29, 0 for NULL.
 */
HEDDLE_API uint32_t heddle_guest_tid(const struct heddle_guest *guest);

#ifdef __cplusplus
}
#endif

#endif /* HEDDLE_GUEST_H */
