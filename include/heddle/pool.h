/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pool: its workers, how they start and how they go away. Loading the
 * library and creating a pool create no thread.
 */
#ifndef HEDDLE_POOL_H
#define HEDDLE_POOL_H

#include <heddle/api.h>

#ifdef __cplusplus
extern "C" {
#endif

struct heddle_pool;
struct heddle_group;

enum heddle_pool_flags {
	/*
	 * Workers are created when no idle one can be reused, up to
	 * workers_max that are not blocked; once the pool was started one
	 * idle worker is kept in hand. Without the flag the pool is STATIC:
	 * workers come and go only by start and stop.
	 */
	HEDDLE_POOL_ELASTIC = 1,
	/*
	 * sched_policy, sched_priority and nice are set: each worker gets
	 * them, or its start fails (HEDDLE_STEP_AFFINITY).
	 */
	HEDDLE_POOL_TEMPLATE = 2,
};

/*
 * Which of the CPUs of the set a worker may use. Where the package, the node, the
 * core and the siblings of a CPU are read from is /sys/devices/system/cpu and
 * /sys/devices/system/node, when the pool is created. A placed worker has one CPU,
 * by its index modulo the number of CPUs in the set; where that CPU is offline or was
 * taken out of the process's cpuset, the next one in the order that is there.
 */
enum heddle_placement {
	HEDDLE_PLACE_ANY = 0,     /* each worker the whole set */
	HEDDLE_PLACE_SPREAD = 1,  /* packages and nodes in turn, cores before
				   * the siblings of cores in use */
	HEDDLE_PLACE_COMPACT = 2, /* the siblings of a core, then the cores of
				   * a node, then its package's next node */
};

/* For keep_alive_ns: idle workers stay. */
#define HEDDLE_KEEP_ALIVE_FOREVER UINT64_MAX

/* What a blocking region does when blocked_max workers are blocked already. */
enum heddle_blocked_policy {
	HEDDLE_BLOCKED_FEWER = 0,  /* nobody replaces it: the pool runs with
				    * fewer workers than workers_max */
	HEDDLE_BLOCKED_REFUSE = 1, /* heddle_block_begin() returns -EAGAIN and
				    * the task keeps its permits; joins and
				    * other waits of the library are as in
				    * FEWER */
};

/* For helpers_max: no thread is ever lent to the pool, by a join or by a run. */
#define HEDDLE_HELPERS_NONE UINT32_MAX

/**
 * struct heddle_pool_options - what a pool is made with; all zero is valid
 * @struct_size:  sizeof(struct heddle_pool_options)
 * @flags:        enum heddle_pool_flags
 * @workers_max:  most workers that are not blocked; 0: the CPUs this process
 *                may use, by affinity, cpuset and cgroup quota. The root group's cap
 *                is never above it, whatever cap is set: a worker that returns from
 *                a blocking region waits for its turn
 * @blocked_max:  most workers in blocking regions that are replaced
 *                (ELASTIC only); 0: 256. Beyond it the pool runs with
 *                fewer workers, never silently with more, and
 *                heddle_check() counts how often that was
 * @cap:          cap of the root group; 0: HEDDLE_CAP_MAX, so that the number
 *                of workers is the only limit
 * @tasks_max:    most tasks queued in the whole pool; 0: 65 536. At the bound
 *                submit returns -EAGAIN. Each costs 32 bytes once touched. Calls of
 *                tasks for their own group are beside it (heddle_submit_call())
 * @deque_slots:  tasks a worker may hold for thieves, rounded up to a power of
 *                two, 8 bytes each; 0: 1 024
 * @groups_max:   most groups that exist at once, the root included; 0: 1 024
 * @slots_max:    most thread-local slots; 0: 64
 * @blocked_policy: enum heddle_blocked_policy, ELASTIC only
 * @stack_size:   bytes of a worker's stack, which the library maps with a
 *                guard page below; 0: 1 MiB
 * @quantum_ns:   how long a worker keeps a permit that another group waits
 *                for; 0: 100 000
 * @name:         prefix of thread names, at most 10 bytes, copied; NULL:
 *                "heddle". The worker's index follows it
 * @cpu_set:      affinity of every worker (a cpu_set_t), copied; NULL: that of
 *                the process when the pool is created. CPUs of it that are not there
 *                are no error; that none of them is, is one of the start
 *                (HEDDLE_STEP_AFFINITY, -EINVAL)
 * @cpu_set_size: bytes of @cpu_set
 * @worker_init:  called first on each new worker, also on a thread that helps or runs;
 *                a negative return is an error of the start that created it
 *                (HEDDLE_STEP_HOOK), of the join, or of the run
 * @worker_exit:  called last on each worker for which @worker_init returned 0
 * @hook_arg:     passed to all hooks
 * @helpers_max:  most outside threads that are lent to the pool at once, for a task which
 *                they join (HEDDLE_JOIN_HELP; one more waits for one of them) or in
 *                heddle_pool_run() (one more is answered -EAGAIN). 0: 64;
 *                HEDDLE_HELPERS_NONE: such joins only wait, and there is no run
 * @reserved:     0
 * @guard_size:   bytes below each stack that cannot be touched, rounded up to
 *                pages; 0: one page
 * @keep_alive_ns: ELASTIC only: how long a worker stays idle beyond those that
 *                stay in any case before it ends, in ns. These are the largest n
 *                of the starts since the last stop (a stop lowers it to its own
 *                n) and one spare, together at most workers_max; none in a pool
 *                that was never started. The highest index goes first. One
 *                sleeping worker has the timer, and none when there is nobody to
 *                end. 0: 10 s; HEDDLE_KEEP_ALIVE_FOREVER
 * @sig_mask:     signals blocked in workers (a sigset_t), copied; NULL: all but
 *                SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT and SIGSYS. A
 *                thread is born with all of those blocked and takes this mask
 *                before its init hook
 * @sig_mask_size: bytes of @sig_mask, 8 at least
 * @sched_policy: with HEDDLE_POOL_TEMPLATE: SCHED_OTHER, SCHED_BATCH, SCHED_IDLE,
 *                SCHED_FIFO or SCHED_RR. Without the flag 0, and the class is
 *                that of the thread that creates the pool, whoever starts or
 *                makes a worker; a nice value then only as far as the kernel lets
 *                it
 * @sched_priority: its priority as for sched_setscheduler(2): 0 but for FIFO and
 *                RR
 * @nice:         -20 to 19
 * @placement:    enum heddle_placement
 * @worker_recycle: called on the worker after each guest thread that did not ask
 *                for HEDDLE_GUEST_FRESH, behind the guest's destructors and
 *                before the library sets back what it owns, so that the next
 *                guest on this worker meets nothing of what the runtime keeps for
 *                each thread. The incarnation is the one that ends with that
 *                guest: the thread has a new one for the next. The guest still
 *                holds its permits and its berth: a NOW spawn does not wait for
 *                this hook, an UNTIL spawn and a joiner do
 * @create_failed: called each time the creation of a worker has failed which no
 *                start waits for: a spare, a replacement of a blocked worker, a
 *                worker for a guest. Nothing is lost by it: it is tried again at
 *                the following tasks. Called on the thread that tried (a worker
 *                that begins a task or a region, the caller of
 *                heddle_guest_spawn()) or, when the new thread itself failed at
 *                its affinity or init hook, on that thread as its last act; never
 *                by a submit, with no lock held. A worker holds the permits of
 *                the task that it begins meanwhile. @error is an errno, @step an
 *                enum heddle_step. A failure below this hook does not call it
 *                again
 *
 * Hooks may submit, but not wait: control calls on the same pool from a hook are
 * -EDEADLK, a join or a lock that needs a worker may never end, and a hook that
 * blocks holds up its worker, with its permits if it has some. pthread_exit() or
 * an exception out of a hook is undefined.
 *
 * The template of a thread is what the kernel lets a thread set for itself:
 * stack, mask, CPUs, class, name (pthread_attr_setstack(3), sched(7)).
 */
struct heddle_pool_options {
	uint32_t struct_size;
	uint32_t flags;
	uint32_t workers_max;
	uint32_t blocked_max;
	uint32_t cap;
	uint32_t tasks_max;
	uint32_t deque_slots;
	uint32_t groups_max;
	uint32_t slots_max;
	uint32_t blocked_policy;
	uint64_t stack_size;
	uint64_t quantum_ns;
	const char *name;
	const void *cpu_set;
	size_t cpu_set_size;
	int (*worker_init)(struct heddle_pool *pool, uint32_t index, void *arg);
	void (*worker_exit)(struct heddle_pool *pool, uint32_t index,
			    void *arg);
	void *hook_arg;
	uint32_t helpers_max;
	uint32_t reserved;
	uint64_t guard_size;
	uint64_t keep_alive_ns;
	const void *sig_mask;
	size_t sig_mask_size;
	int32_t sched_policy;
	int32_t sched_priority;
	int32_t nice;
	uint32_t placement;
	void (*worker_recycle)(struct heddle_pool *pool, uint32_t index,
			       uint64_t incarnation, void *arg);
	void (*create_failed)(struct heddle_pool *pool, uint32_t index,
			      int error, uint32_t step, void *arg);
};

/**
 * heddle_pool_create() - make a pool without any thread
 * @opts: NULL for the defaults
 * @pool: receives the pool
 *
 * A pool runs nothing before its first start or run; what is submitted earlier is
 * queued, and guests may be spawned.
 *
 * Progress: blocking (allocates).
 * Context:  any thread that is not in a signal handler.
 * Return: 0, -EINVAL for a field out of its range, -E2BIG, -ENOMEM.
 */
HEDDLE_API int heddle_pool_create(const struct heddle_pool_options *opts,
				  struct heddle_pool **pool);

/**
 * heddle_pool_start() - have at least n workers ready
 * @pool:     a pool that is not being destroyed
 * @n:        workers that must exist, at most workers_max; ELASTIC pools keep
 *            one idle worker beyond them while below workers_max
 * @report:   NULL, or where the story of a failure goes
 * @deadline: absolute ns
 *
 * Returns when n workers have run their init hook, applied affinity and
 * name, stand in the registry and are parked or searching. New workers take
 * the lowest free indices, in order. On failure all workers this call made
 * are reclaimed to R3 again, and the report names step, worker and errno; those
 * stay that another start, which has returned meanwhile, was promised.
 * Deterministic start as in Folly's ThreadPoolExecutor (init and ready
 * hand-shake), with the roll-back made complete.
 *
 * Progress: blocking.
 * Ordering: the caller's earlier writes happen-before the init hooks; the
 *           init hooks happen-before the return.
 * Context:  not from a worker of this pool waiting for itself: a start from
 *           a task is allowed, the new workers do not need the caller's permit.
 * Return: 0, -EINVAL (n above workers_max: step RESERVE), -EAGAIN or -ENOMEM as the
 * creation of a thread returned it, -EAGAIN also when threads that were stopped
 * below R3 have not ended by the deadline and hold all entries, of which there are
 * two for each worker, the
 * init hook's error, -ETIMEDOUT, -ESHUTDOWN, -ECHILD.
 */
HEDDLE_API int heddle_pool_start(struct heddle_pool *pool, uint32_t n,
				 struct heddle_report *report,
				 uint64_t deadline);

/**
 * heddle_pool_stop() - shrink to n workers
 * @pool:     the pool
 * @n:        workers that stay
 * @level:    what must have been reached when 0 is returned
 * @report:   NULL, or what is still waited for when -ETIMEDOUT is returned
 * @deadline: absolute ns; the grace period of R4 comes after it
 *
 * Idle workers go first, highest index first; busy ones go at the end of
 * their task. Queued work is handed over before a worker leaves. With n = 0
 * an ELASTIC pool creates no worker either, until the next start; what is
 * queued stays queued. Donated threads that are there when the call begins are waited
 * for, whatever n is: those that help in a join, and those in heddle_pool_run(), which
 * are asked to leave, asleep or not. They end at R1 (heddle_report.donated).
 *
 * Progress: blocking, no timer and no poll period on the path.
 * Ordering: all writes of the stopped workers happen-before the return of 0
 *           at R1 or above.
 * Context:  never from a worker of the pool, a hook, or a task of another
 *           pool above one on the same stack: -EDEADLK at once.
 * Return: 0, -EINVAL, -EDEADLK, -ETIMEDOUT (call again to go on), -ECHILD.
 */
HEDDLE_API int heddle_pool_stop(struct heddle_pool *pool, uint32_t n,
				enum heddle_level level,
				struct heddle_report *report,
				uint64_t deadline);

enum heddle_run_flags {
	HEDDLE_RUN_ONE = 1,           /* one task, waited for */
	HEDDLE_RUN_UNTIL_IDLE = 2,    /* what can start, then back */
	HEDDLE_RUN_UNTIL_STOPPED = 4, /* until a stop or a destroy asks */
};

/**
 * heddle_pool_run() - lend the calling thread to the pool as a worker
 * @pool:     a pool with or without workers; it need never be started
 * @flags:    exactly one of enum heddle_run_flags
 * @deadline: absolute ns, looked at behind each task and in the sleep; a task that can
 *            start at once is run also when it has passed
 *
 * Until it returns the thread is a worker: it has an index and an incarnation, shows in
 * heddle_workers(), the pool's hooks are called on it first and last, slots have values,
 * and it takes tasks of every group as caps, order and weights allow. Of workers,
 * donated threads and helpers together at most as many run as the root's cap says, which
 * is never above workers_max. A pool of donated threads alone runs everything but
 * guests: those are for threads of the library. A task may block; nobody replaces a
 * donated thread meanwhile, which took nobody's place. An ELASTIC pool keeps its spare
 * worker all the same. Of the thread nothing is changed: name, affinity, class and
 * signal mask are its own, also while it runs tasks.
 *
 * ONE sleeps until there is a task, UNTIL_STOPPED whenever there is none, UNTIL_IDLE
 * never. What a thread took and did not run goes back when it leaves, and who sleeps is
 * woken for it; a wake that meets it at its deadline is passed on. After run() and
 * run_one() of Boost.Asio's io_context and the modes of libuv's uv_run().
 *
 * Progress: blocking. Allocates what a new worker does: the slots' values, and a ring of
 *           deque_slots once for an entry of the registry.
 * Ordering: what the thread did happens-before the return of a stop at R1 or above.
 * Context:  a thread that is no worker; not a signal handler.
 * Return: 0: ONE has run a task, UNTIL_IDLE has found nothing more to start,
 * UNTIL_STOPPED was asked to leave. -ETIMEDOUT: the deadline has passed. -ESHUTDOWN: the
 * pool is being destroyed, or a stop has asked ONE or UNTIL_IDLE to leave before its end.
 * -EAGAIN: helpers_max threads are lent already. -EDEADLK at once: in a task, a guest, a
 * hook or a destructor of any pool. -EINVAL, -ECHILD, -ENOMEM, the init hook's error:
 * nothing has happened.
 */
HEDDLE_API int heddle_pool_run(struct heddle_pool *pool, uint32_t flags,
			       uint64_t deadline);

/**
 * heddle_pool_eventfd() - a descriptor that is readable when a run is wanted
 * @pool: owns the descriptor, and closes it when it is freed (R4)
 *
 * For a loop of epoll, libuv or GLib that calls heddle_pool_run() with UNTIL_IDLE when it
 * is readable. It is an eventfd, non-blocking and closed by exec, made at the first
 * call; later calls give the same. The library alone reads and writes it.
 *
 * It becomes readable when something can start (work, and permits on the whole path) and
 * nobody sleeps who could be woken for it: at a submit, at the end of a task or at a
 * region's begin, at a raised cap, at an opened gate, when a donated thread leaves work
 * behind, and when it is made if that is so then. Each run reads it empty when it begins,
 * then searches; UNTIL_IDLE does so again if it was written meanwhile. So when
 * UNTIL_IDLE returns 0 nothing can start, or the descriptor is readable.
 *
 * It may be readable in vain: a worker has the work by the time the loop is there.
 * Between two times that it is read it is written once, or twice when a writer was
 * overtaken by the run that reads; so at most that many runs find nothing. A submit
 * makes a call of the kernel for it only if it was not written since it was last read,
 * and then one.
 *
 * Progress: blocking (a short lock). Context: any thread; not a signal handler.
 * Return: the descriptor, or -EINVAL, -ECHILD, -ESHUTDOWN, -EMFILE, -ENFILE, -ENOMEM.
 */
HEDDLE_API int heddle_pool_eventfd(struct heddle_pool *pool);

/**
 * heddle_pool_destroy() - cancel what is queued, stop all workers, free all
 * @pool:     NULL is allowed and does nothing
 * @level:    the level to reach; the pool itself is freed at R4 only. At a
 *            lower level 0 means "reached, call again at R4 to free"
 * @report:   NULL, or what is still waited for
 * @deadline: absolute ns; the grace period comes after it
 *
 * Close the root group with HEDDLE_CLOSE_DRAIN first to run what is queued.
 * Processes must have been destroyed (-EBUSY otherwise). A monitor (heddle/limits.h) is
 * stopped when the workers have gone, at every level but R0. In a forked child it
 * only frees memory: it takes no lock, joins nothing and waits for nothing.
 *
 * Progress: blocking.
 * Context:  as heddle_pool_stop(), nor from a callback of the monitor.
 * Return: 0, -EBUSY, -EDEADLK, -EINVAL, -ETIMEDOUT (the pool stays closing).
 */
HEDDLE_API int heddle_pool_destroy(struct heddle_pool *pool,
				   enum heddle_level level,
				   struct heddle_report *report,
				   uint64_t deadline);

/**
 * heddle_pool_group() - the root group, which lives as long as the pool
 * @pool: the pool
 *
 * Progress: wait-free. Context: any, also a signal handler.
 */
HEDDLE_API struct heddle_group *heddle_pool_group(struct heddle_pool *pool);

/**
 * heddle_version() - version of the library that is running, "0.1.0"
 *
 * Progress: wait-free. Context: any.
 */
HEDDLE_API const char *heddle_version(void);

/**
 * heddle_features() - what this library found out about the machine
 *
 * One line of words "name=value": which sleep protocol, membarrier or its
 * fenced fallback, where the CPU number comes from, the widths of the fields
 * of a group's word.
 *
 * Progress: blocking at the first call (probes), wait-free later.
 * Return: a string that lives for ever.
 */
HEDDLE_API const char *heddle_features(void);

#ifdef __cplusplus
}
#endif

#endif /* HEDDLE_POOL_H */
