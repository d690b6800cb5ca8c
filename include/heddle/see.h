/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looking at a pool from outside: the snapshot of its workers, which also a
 * signal handler may take, and the check of every invariant.
 */
#ifndef HEDDLE_SEE_H
#define HEDDLE_SEE_H

#include <heddle/api.h>

#ifdef __cplusplus
extern "C" {
#endif

struct heddle_pool;

enum heddle_worker_state {
	HEDDLE_WORKER_FREE = 0, /* the entry has no worker */
	HEDDLE_WORKER_STARTING = 1,
	HEDDLE_WORKER_SEARCHING = 2,
	HEDDLE_WORKER_PARKED = 3,
	HEDDLE_WORKER_RUNNING = 4,
	HEDDLE_WORKER_BLOCKED = 5,   /* inside a blocking region */
	HEDDLE_WORKER_RETURNING = 6, /* waits for permits */
	HEDDLE_WORKER_SCRUB = 7,     /* cleans up after a guest */
	HEDDLE_WORKER_LEAVING = 8,
	HEDDLE_WORKER_LEFT = 9,      /* ended, not yet joined */
	HEDDLE_WORKER_CHANGING = 15, /* was being written while read */
};

/**
 * struct heddle_worker_info - one worker, or donated thread, at one instant
 * @index:       its place in the registry, kept over incarnations
 * @state:       enum heddle_worker_state
 * @incarnation: a new number for each life, and when a thread is set back after a guest;
 *               unique with the index
 * @tid:         the kernel's thread id, 0 for none
 * @group:       number of the group whose permits it holds, UINT32_MAX for none
 * @guest:       tid of the guest it runs, 0 for none
 * @kind:        enum heddle_block_kind when BLOCKED
 * @since_ns:    CLOCK_MONOTONIC when the state last changed between parked,
 *               running, blocked and the others, or the group of a running
 *               worker; the running state is not re-stamped for each task
 */
struct heddle_worker_info {
	uint32_t index;
	uint32_t state;
	uint64_t incarnation;
	int32_t tid;
	uint32_t group;
	uint32_t guest;
	uint32_t kind;
	uint64_t since_ns;
};

/**
 * heddle_workers() - snapshot of the workers of a pool
 * @pool: the pool, which must not be freed meanwhile
 * @out:  receives at most n entries, by index, free ones left out
 * @n:    room in @out
 *
 * Progress: wait-free (an entry that changes is reported as CHANGING after a
 * bounded number of tries). Context: any thread, registered with RCU or not,
 * also a signal handler on an alternate stack.
 * Return: how many workers there are, which may be more than n, -EINVAL, or -ECHILD.
 */
HEDDLE_API int heddle_workers(const struct heddle_pool *pool,
			      struct heddle_worker_info *out, uint32_t n);

/* What an ELASTIC pool decided about a worker by itself. */
enum heddle_decision {
	HEDDLE_DECISION_CREATED = 1, /* its thread was created */
	HEDDLE_DECISION_FAILED = 2,  /* it could not be created, or not begin */
	HEDDLE_DECISION_RETIRED = 3, /* it leaves */
};

/* And why. */
enum heddle_decision_reason {
	/* The last idle one begins a task or a region, or is started. */
	HEDDLE_BECAUSE_SPARE = 1,
	HEDDLE_BECAUSE_GUEST = 2, /* nobody was idle for a guest */
	HEDDLE_BECAUSE_FRESH = 3, /* a guest asked for a thread; it ended */
	HEDDLE_BECAUSE_KEEP_ALIVE = 4, /* it was idle for so long */
	HEDDLE_BECAUSE_EXIT =
		5, /* a task or a guest ended its worker's thread */
};

/**
 * struct heddle_log_entry - one decision
 * @number:      of the decision, one more than that of the one before
 * @time_ns:     CLOCK_MONOTONIC
 * @incarnation: which life of that worker
 * @worker:      its index
 * @decision:    enum heddle_decision
 * @reason:      enum heddle_decision_reason
 * @step:        FAILED: enum heddle_step; else 0
 * @error:       FAILED: an errno; else 0
 * @reserved:    0
 */
struct heddle_log_entry {
	uint64_t number;
	uint64_t time_ns;
	uint64_t incarnation;
	uint32_t worker;
	uint32_t decision;
	uint32_t reason;
	uint32_t step;
	int32_t error;
	uint32_t reserved;
};

/**
 * heddle_pool_log() - the last decisions of an ELASTIC pool, oldest first
 * @pool: the pool, which must not be freed meanwhile
 * @next: number of the first entry that is wanted, 0 at first; receives the one to ask
 *        for next time
 * @out:  receives the entries
 * @n:    room in @out
 * @lost: NULL, or receives how many entries between the two values of @next are
 *        not there: overwritten, or still being written. The newest 64 are kept
 *
 * The ring of the log never waits: a reader does not hold up a decision.
 *
 * Progress: wait-free. Context: any thread, also a signal handler.
 * Return: how many entries were written to @out, or -EINVAL.
 */
HEDDLE_API int heddle_pool_log(const struct heddle_pool *pool, uint64_t *next,
			       struct heddle_log_entry *out, uint32_t n,
			       uint64_t *lost);

/**
 * struct heddle_violation - one invariant that does not hold
 * @name:   of the invariant
 * @detail: the values that contradict it
 */
struct heddle_violation {
	char name[32];   /* of the invariant, e.g. "count-at-rest" */
	char detail[96]; /* the values that contradict it */
};

/**
 * struct heddle_check - what heddle_check() found
 * @struct_size: sizeof(struct heddle_check), set by the caller
 * @violations:  how many invariants are violated; the first eight are listed
 * @at_rest:     1 when nothing ran or changed during the check; invariants
 *               that hold only at rest were checked too
 * @groups, @workers: how many were looked at
 * @tasks_queued, @permits: sums over them
 * @wakes:       futex wakes meant to start a task
 * @useless_wakes: those whose worker found the task already taken
 * @guests_recycled: guest threads whose shell was scrubbed and verified
 * @stale_bytes: bytes that the scrub's verification found wrong, ever
 * @create_failures: creations of a worker that failed and were retried
 * @violation:   the list
 * @blocked_bound_hits: blocking regions that began, or were refused, with as many
 *               workers blocked as the pool replaces
 * @threads_left: workers whose thread user code has ended (pthread_exit, cancellation);
 *               each has a successor, or counts in @create_failures as well
 * @tasks_skipped: tasks that ended because a longjmp left them
 */
struct heddle_check {
	uint32_t struct_size;
	uint32_t violations;
	uint32_t at_rest;
	uint32_t groups;
	uint32_t workers;
	uint32_t reserved;
	uint64_t tasks_queued;
	uint64_t permits;
	uint64_t wakes;
	uint64_t useless_wakes;
	uint64_t guests_recycled;
	uint64_t stale_bytes;
	uint64_t create_failures;
	struct heddle_violation violation[8];
	uint64_t blocked_bound_hits;
	uint64_t threads_left;
	uint64_t tasks_skipped;
};

/**
 * heddle_check() - check every invariant of a pool while it runs
 * @pool: the pool
 * @out:  struct_size set; receives what was found, struct heddle_check
 *
 * A submit that another thread is in the middle of is no motion of the pool:
 * between its publication and its kick the task is reported as stranded, or as
 * unwanted where there is an event and nobody sleeps. Who
 * checks while others submit looks again before it believes that.
 *
 * Progress: blocking (a short lock against start and stop).
 * Context:  any thread that is not in a signal handler.
 * Return: 0 when none is violated, -EUCLEAN when some are, -EINVAL, -E2BIG,
 * -ECHILD.
 */
HEDDLE_API int heddle_check(struct heddle_pool *pool, struct heddle_check *out);

#ifdef __cplusplus
}
#endif

#endif /* HEDDLE_SEE_H */
