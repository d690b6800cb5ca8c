/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the machine lets this process run, a pool's cap that follows it, and
 * the monitor: one thread, or the host's own loop, that follows the limits and
 * reports tasks which block without saying so (B3, B4). It compensates for
 * nothing: no permit is given and no worker made because of what it finds.
 */
#ifndef HEDDLE_LIMITS_H
#define HEDDLE_LIMITS_H

#include <heddle/api.h>
#include <heddle/see.h>

#ifdef __cplusplus
extern "C" {
#endif

struct heddle_pool;

/* What decided how many CPUs may be used. */
enum heddle_limit {
	HEDDLE_LIMIT_ONLINE = 0, /* nothing is below the CPUs that are online */
	HEDDLE_LIMIT_AFFINITY = 1, /* sched_setaffinity(), taskset */
	HEDDLE_LIMIT_CPUSET = 2,   /* the cpuset of a control group */
	HEDDLE_LIMIT_QUOTA = 3,    /* the CPU quota of a control group */
};

/**
 * struct heddle_limits - what may really run
 * @struct_size: sizeof(struct heddle_limits), set by the caller
 * @cpus:        tasks that can compute at once: the CPUs that affinity, cpusets and
 *               online leave, and at most the tightest quota divided by its
 *               period, rounded up; at least 1
 * @affinity:    CPUs in the affinity of the process, those that are online
 * @cpuset:      CPUs that the cpusets of the process's control group and of all
 *               groups above it leave, those that are online; 0: no cpuset
 * @decided:     enum heddle_limit: which of them @cpus comes from
 * @reserved:    0
 * @quota_us:    CPU time per period of the tightest level; 0: no quota
 * @period_us:   its period; 0: no quota
 * @source:      the file or the call that decided, always terminated; of a
 *               path that is too long the end
 */
struct heddle_limits {
	uint32_t struct_size;
	uint32_t cpus;
	uint32_t affinity;
	uint32_t cpuset;
	uint32_t decided;
	uint32_t reserved;
	uint64_t quota_us;
	uint64_t period_us;
	char source[192];
};

/**
 * heddle_limits_get() - read the limits of this process now
 * @out: receives them
 *
 * Reads control groups of both versions, every level that is visible from
 * inside the process's name space; a file that is missing or holds nonsense
 * limits nothing. The quota of ancestors is what Go and Seastar overlooked
 * (golang #33803, doc/faults.md F42); files and their meaning: the kernel's
 * Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/cpusets.rst,
 * Documentation/scheduler/sched-bwc.rst.
 *
 * Progress: blocking (reads files, allocates). Ordering: none; the files are read
 * one after the other. Context: any thread that is not in a signal handler.
 * Return: 0, -EINVAL, -errno when the kernel does not tell the affinity.
 */
HEDDLE_API int heddle_limits_get(struct heddle_limits *out);

/**
 * heddle_limits_apply() - make the limits an upper bound of the root's cap
 * @pool: the pool
 *
 * One change of the root group's cap, if that changes (C4, C5). From then on
 * the cap in force is the smallest of what the user set last, of what was
 * applied last, and of workers_max: a limit never lifts the user's cap, and a
 * heddle_group_update() of the root is the user's part of this rule; both may
 * come in any order. heddle_group_stat() of the root shows the cap in force.
 * What was applied stays until it is applied anew; a pool for which this is
 * never called, and no monitor with HEDDLE_MONITOR_LIMITS started, is not
 * limited so. No running task is disturbed.
 *
 * While units are prepaid by heddle_group_reserve() the cap falls only as far as
 * what is in use and prepaid allows, and further when this is called again.
 *
 * The limits are those of the process: a pool that was given a narrower cpu_set is
 * not limited to that.
 *
 * Progress: blocking (reads files; a short lock among changes).
 * Ordering: as heddle_group_update(). Context: any thread, also a task; not a
 * signal handler.
 * Return: the cap in force (0: paused by the user), -EINVAL, -ECHILD, or
 * -errno as heddle_limits_get(); then nothing has changed.
 */
HEDDLE_API int heddle_limits_apply(struct heddle_pool *pool);

enum heddle_monitor_flags {
	/* Follow the limits: each change is applied as by heddle_limits_apply()
	 * and told by @changed.
	 */
	HEDDLE_MONITOR_LIMITS = 1,
	/* No thread: the host waits for heddle_monitor_fd() to be readable and
	 * calls heddle_monitor_poll().
	 */
	HEDDLE_MONITOR_HOST = 2,
};

/**
 * struct heddle_monitor_options - what a monitor looks for
 * @struct_size: sizeof(struct heddle_monitor_options)
 * @flags:       enum heddle_monitor_flags
 * @interval_ns: time between two looks, at least 1 000 000; 0: 100 000 000.
 *               While every worker is parked it doubles up to eight intervals
 * @stall_ns:    how long a task must have slept unannounced, or a returner have
 *               waited, to be reported; 0: 1 000 000 000. In effect at least two
 *               intervals; at most @stall_ns and two intervals pass
 *               between the moment it falls asleep and the report, ten if
 *               the pool was idle before
 * @limits_interval_ns: time between two reads of the limits; 0: 1 000 000 000
 * @stalled:     NULL, or told when the thread of a running task has slept in the kernel
 *               for @stall_ns outside of a blocking region: @worker names worker,
 *               thread and group, @age_ns is how long it is known to sleep. Told
 *               again each time the age has doubled
 * @pattern:     NULL, or told when @returner waits for permits after a blocking
 *               region while everybody who holds a permit of a full group of its path
 *               sleeps unannounced: @holder is one of @holders, @age_ns how long the
 *               returner has waited. Most likely the returner has a lock that
 *               the holders wait for (B4). Told again as @stalled
 * @changed:     NULL, or told after the cap of the root group has been changed
 *               because of the limits
 * @arg:         passed to all three
 * @name:        of the thread, at most 15 bytes, copied; NULL: the pool's name
 *               with "-mon" behind it
 *
 * The callbacks run one at a time on the monitor's thread, or in
 * heddle_monitor_poll(), without any lock. They may call everything but a stop of
 * the monitor or a destroy of the pool (-EDEADLK); while one runs nothing else is seen.
 */
struct heddle_monitor_options {
	uint32_t struct_size;
	uint32_t flags;
	uint64_t interval_ns;
	uint64_t stall_ns;
	uint64_t limits_interval_ns;
	void (*stalled)(struct heddle_pool *pool,
			const struct heddle_worker_info *worker,
			uint64_t age_ns, void *arg);
	void (*pattern)(struct heddle_pool *pool,
			const struct heddle_worker_info *returner,
			const struct heddle_worker_info *holder,
			uint32_t holders, uint64_t age_ns, void *arg);
	void (*changed)(struct heddle_pool *pool, uint32_t old_cap,
			uint32_t new_cap, const struct heddle_limits *reason,
			void *arg);
	void *arg;
	const char *name;
};

/**
 * heddle_monitor_start() - watch a pool
 * @pool: the pool, with or without workers
 * @opts: at least one callback, or HEDDLE_MONITOR_LIMITS
 *
 * Makes one thread on a stack of the library's (of the pool's stack_size), with
 * every signal blocked that a fault does not raise; affinity and scheduling class are
 * those of the pool's workers. It has applied them when this returns, and looks for the
 * first time at once. With HEDDLE_MONITOR_HOST it makes a timer instead, which is
 * readable at once.
 *
 * How a blocked task is told from one that computes, and why a pool without a monitor
 * pays nothing for it: doc/design/monitor.md. The idea of a watchdog that
 * looks at thread states from outside is libdispatch's (its 1 Hz monitor) and the
 * kernel's workqueue watchdog (kernel/workqueue.c); unlike the first it starts no thread.
 *
 * Progress: blocking (makes a thread). Ordering: the caller's earlier writes
 * happen-before every callback.
 * Context:  any thread that is not in a signal handler, also a task.
 * Return: 0, -EALREADY (there is one), -EINVAL (nothing to do, an unknown flag, an
 * interval or a name out of range), -E2BIG, -ENOTSUP (@stalled or @pattern, and
 * /proc does not tell the state of a thread), -ENOMEM, -EAGAIN or what else the
 * creation of the thread, its affinity or the timer returned, -ESHUTDOWN, -ECHILD.
 */
HEDDLE_API int heddle_monitor_start(struct heddle_pool *pool,
				    const struct heddle_monitor_options *opts);

/**
 * heddle_monitor_stop() - end the watch, to R3: the kernel has forgotten the thread
 * @pool:     the pool; one without a monitor is no error
 * @deadline: absolute ns; only a callback or poll that runs can make it wait
 *
 * heddle_pool_destroy() does this itself after the workers have gone, at each level but
 * R0. heddle_pool_stop() does not touch the monitor.
 *
 * Progress: blocking. Ordering: every callback happens-before the return of 0.
 * Context:  not from a callback of the monitor, nor from a worker or a hook of
 *           the pool: -EDEADLK at once.
 * Return: 0, -EINVAL, -EDEADLK, -ETIMEDOUT (it was told to end; the same call
 * goes on), -ECHILD.
 */
HEDDLE_API int heddle_monitor_stop(struct heddle_pool *pool, uint64_t deadline);

/**
 * heddle_monitor_fd() - the timer of a monitor with HEDDLE_MONITOR_HOST
 * @pool: the pool
 *
 * A file descriptor to wait for (poll, epoll), readable when a look is due. It
 * is the library's: never read, arm or close it. It is closed by the stop.
 *
 * Progress: blocking (a short lock). Context: any thread.
 * Return: the descriptor, -ENOENT (no monitor), -EINVAL (it has a thread),
 * -ECHILD.
 */
HEDDLE_API int heddle_monitor_fd(struct heddle_pool *pool);

/**
 * heddle_monitor_poll() - look, if it is time
 * @pool: the pool
 *
 * Arms the timer for the next look. How often it is called is up to the host; ages are
 * right as long as it is not later than two intervals.
 *
 * Progress: blocking (reads files, calls the callbacks). Context: any thread, one at
 * a time.
 * Return: 1 when it has looked, 0 when it was not time, -ENOENT (no monitor),
 * -EINVAL (it has a thread), -EBUSY (another thread is in this call),
 * -ESHUTDOWN (it was told to stop), -ECHILD.
 */
HEDDLE_API int heddle_monitor_poll(struct heddle_pool *pool);

#ifdef __cplusplus
}
#endif

#endif /* HEDDLE_LIMITS_H */
