/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: a monitor comes and goes when told: one at a time, named, all signals
 * blocked, stopped to R3 or by the destroy, in whatever order starts, stops and polls
 * come; nothing is left of it, also after a failure at each step and in a
 * forked child. Method: every state of doc/design/monitor.md is entered and each call
 * is tried in it.
 *
 * clause: B3
 * clause: D1
 * clause: D3
 * clause: D4
 * clause: D5
 * clause: E3
 * clause: E4
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <heddle/testing.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define MS UINT64_C(1000000)

static void ignore(struct heddle_pool *pool,
		   const struct heddle_worker_info *worker, uint64_t age_ns,
		   void *arg)
{
	(void)pool;
	(void)worker;
	(void)age_ns;
	(void)arg;
}

static struct heddle_monitor_options usual(uint32_t flags)
{
	return (struct heddle_monitor_options){
		.struct_size = sizeof(struct heddle_monitor_options),
		.flags = flags,
		.interval_ns = 5 * MS,
		.stall_ns = 20 * MS,
		.stalled = ignore,
	};
}

static int start(struct heddle_pool *pool, uint32_t flags)
{
	struct heddle_monitor_options options = usual(flags);

	return heddle_monitor_start(pool, &options);
}

static int stop(struct heddle_pool *pool)
{
	return heddle_monitor_stop(pool, su_in_ms(20000));
}

#define is_error(rc, error, ...) is_u64((uint64_t) - (rc), (error), __VA_ARGS__)

static unsigned int count_entries(const char *folder)
{
	DIR *list = opendir(folder);
	unsigned int n = 0;

	while (list && readdir(list))
		n++;
	if (list)
		closedir(list);
	return n;
}

/* ---- options ---- */

static void test_options(void)
{
	struct {
		struct heddle_monitor_options options;
		uint64_t beyond;
	} newer = { .options = usual(0), .beyond = 1 };
	struct heddle_monitor_options options = usual(0);
	struct heddle_pool *pool = su_pool(1);

	is_error(heddle_monitor_start(NULL, &options), EINVAL, "no pool");
	is_error(heddle_monitor_start(pool, NULL), EINVAL, "no options");
	options.stalled = NULL;
	is_error(heddle_monitor_start(pool, &options), EINVAL,
		 "nothing to look for");
	options = usual(4);
	is_error(heddle_monitor_start(pool, &options), EINVAL, "unknown flag");
	options = usual(0);
	options.interval_ns = 999999;
	is_error(heddle_monitor_start(pool, &options), EINVAL,
		 "an interval below 1 ms");
	options = usual(0);
	options.name = "sixteen-letters!";
	is_error(heddle_monitor_start(pool, &options), EINVAL,
		 "a name that is too long");
	newer.options.struct_size = sizeof(newer);
	is_error(heddle_monitor_start(pool, &newer.options), E2BIG,
		 "a newer struct that asks for more");
	is_error(heddle_monitor_fd(pool), ENOENT, "no timer yet");
	is_error(heddle_monitor_poll(pool), ENOENT, "nothing to poll");
	is_u64((uint64_t)stop(pool), 0, "a stop of none");
	is_error(heddle_monitor_stop(NULL, 0), EINVAL, "a stop of no pool");
	su_destroy(pool);
}

/* ---- the thread ---- */

static unsigned long long blocked_signals(const char *name)
{
	DIR *tasks = opendir("/proc/self/task");
	unsigned long long mask = 0;
	struct dirent *entry;

	while (tasks && (entry = readdir(tasks))) {
		char path[300], line[256];
		bool is_it = false;
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%s/status",
			 entry->d_name);
		file = fopen(path, "re");
		while (file && fgets(line, sizeof(line), file)) {
			if (!strncmp(line, "Name:\t", 6))
				is_it = !strncmp(line + 6, name, strlen(name));
			if (is_it)
				sscanf(line, "SigBlk: %llx", &mask);
		}
		if (file)
			fclose(file);
	}
	if (tasks)
		closedir(tasks);
	return mask;
}

static void test_thread(void)
{
	struct heddle_pool_options named = { .struct_size = sizeof(named),
					     .workers_max = 1,
					     .name = "loom" };
	struct heddle_pool *pool = su_pool_with(&named, 1);
	unsigned int threads = tap_threads();
	unsigned long long mask;

	is_u64((uint64_t)start(pool, 0), 0, "started");
	is_u64(tap_threads(), threads + 1, "one thread");
	mask = blocked_signals("loom-mon");
	ok(mask >> 1 & 1 && mask >> 14 & 1 && mask >> 13 & 1,
	   "named after the pool, INT, TERM and ALRM blocked: %llx", mask);
	is_error(start(pool, 0), EALREADY, "started twice");
	is_error(start(pool, HEDDLE_MONITOR_HOST), EALREADY, "or otherwise");
	is_error(heddle_monitor_fd(pool), EINVAL, "it has no timer");
	is_error(heddle_monitor_poll(pool), EINVAL, "and polls itself");
	is_u64((uint64_t)heddle_pool_stop(pool, 0, HEDDLE_R4_CLEAN, NULL,
					  su_in_ms(20000)),
	       0, "a stop of the workers");
	is_error(start(pool, 0), EALREADY, "leaves it");
	is_u64((uint64_t)stop(pool), 0, "stopped");
	is_u64(tap_threads(), threads - 1, "R3: the kernel has forgotten it");
	is_u64((uint64_t)start(pool, 0), 0, "a pool without workers");
	su_destroy(pool);
	tap_threads_settle();
}

/* ---- from inside ---- */

static struct {
	_Atomic int task, callback, destroy;
	_Atomic uint64_t told;
	sem_t gate;
} inside;

static void stop_from_task(void *pool)
{
	inside.task = heddle_monitor_stop(pool, HEDDLE_FOREVER);
	while (sem_wait(&inside.gate))
		;
}

static void stop_from_callback(struct heddle_pool *pool,
			       const struct heddle_worker_info *worker,
			       uint64_t age_ns, void *arg)
{
	(void)worker;
	(void)age_ns;
	(void)arg;
	if (atomic_load(&inside.told))
		return;
	inside.callback = heddle_monitor_stop(pool, HEDDLE_FOREVER);
	inside.destroy = heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL,
					     HEDDLE_FOREVER);
	atomic_fetch_add_explicit(&inside.told, 1, memory_order_release);
}

static void test_inside(uint32_t flags)
{
	struct heddle_monitor_options options = usual(flags);
	struct heddle_pool *pool = su_pool(1);
	const char *who = flags ? "a host's poll" : "the thread";
	struct pollfd ready = { .events = POLLIN };

	inside.told = 0;
	sem_init(&inside.gate, 0, 0);
	options.stalled = stop_from_callback;
	if (heddle_monitor_start(pool, &options) ||
	    heddle_submit_call(heddle_pool_group(pool), stop_from_task, pool))
		bail("start");
	ready.fd = flags ? heddle_monitor_fd(pool) : -1;
	while (flags && !inside.told && poll(&ready, 1, 10000) == 1)
		if (heddle_monitor_poll(pool) < 0)
			bail("poll");
	ok(su_wait_at_least(&inside.told, 1, 10000), "%s has called back", who);
	is_error(inside.task, EDEADLK, "%s: a stop from a task", who);
	is_error(inside.callback, EDEADLK, "%s: a stop from its callback", who);
	is_error(inside.destroy, EDEADLK, "%s: a destroy from there", who);
	sem_post(&inside.gate);
	is_u64((uint64_t)stop(pool), 0, "%s: a stop from outside", who);
	su_destroy(pool);
}

/* ---- a callback that takes its time ---- */

static struct {
	_Atomic uint64_t entered, left;
	sem_t gate;
} slow;

static void slow_callback(struct heddle_pool *pool, uint32_t old_cap,
			  uint32_t new_cap, const struct heddle_limits *reason,
			  void *arg)
{
	(void)pool;
	(void)old_cap;
	(void)new_cap;
	(void)reason;
	(void)arg;
	atomic_fetch_add_explicit(&slow.entered, 1, memory_order_release);
	while (sem_wait(&slow.gate))
		;
	atomic_fetch_add_explicit(&slow.left, 1, memory_order_release);
}

static struct heddle_pool *slow_pool(uint32_t flags)
{
	struct heddle_monitor_options options = usual(flags);
	struct heddle_pool_options wide = { .struct_size = sizeof(wide),
					    .workers_max = 1000 };
	struct heddle_pool *pool;

	slow.entered = slow.left = 0;
	sem_init(&slow.gate, 0, 0);
	options.flags |= HEDDLE_MONITOR_LIMITS;
	options.changed = slow_callback;
	if (heddle_pool_create(&wide, &pool) ||
	    heddle_monitor_start(pool, &options))
		bail("slow pool");
	return pool;
}

static void test_slow(void)
{
	struct heddle_report report = { .struct_size = sizeof(report) };
	struct heddle_pool *pool = slow_pool(0);

	if (!su_wait_at_least(&slow.entered, 1, 10000))
		bail("this machine has 1 000 CPUs");
	is_error(heddle_monitor_stop(pool, HEDDLE_NOW), ETIMEDOUT,
		 "a stop that does not wait for a callback");
	is_error(heddle_monitor_stop(pool, su_in_ms(30)), ETIMEDOUT,
		 "or not long enough");
	is_error(start(pool, 0), EALREADY, "it is still there");
	is_error(heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, &report,
				     su_in_ms(30)),
		 ETIMEDOUT, "a destroy waits for it as well");
	ok(report.step == HEDDLE_STEP_MONITOR && report.threads == 1,
	   "and says so: %s", report.text);
	sem_post(&slow.gate);
	is_u64((uint64_t)stop(pool), 0, "the same call goes on");
	is_u64(slow.left, 1, "no callback runs after it");
	is_error(start(pool, 0), ESHUTDOWN, "the pool is closing");
	su_destroy(pool);
}

static void *poll_once(void *pool)
{
	return (void *)(intptr_t)heddle_monitor_poll(pool);
}

static void *stop_it(void *pool)
{
	return (void *)(intptr_t)heddle_monitor_stop(pool, su_in_ms(20000));
}

static void test_slow_poll(void)
{
	struct heddle_pool *pool = slow_pool(HEDDLE_MONITOR_HOST);
	pthread_t poller, stopper;
	void *rc;

	if (pthread_create(&poller, NULL, poll_once, pool))
		bail("pthread_create");
	su_wait_at_least(&slow.entered, 1, 10000);
	is_error(heddle_monitor_poll(pool), EBUSY, "two polls");
	is_error(heddle_monitor_stop(pool, su_in_ms(20)), ETIMEDOUT,
		 "a stop waits for a poll");
	if (pthread_create(&stopper, NULL, stop_it, pool))
		bail("pthread_create");
	sem_post(&slow.gate);
	pthread_join(poller, &rc);
	is_u64((uint64_t)(intptr_t)rc, 1, "it has looked");
	pthread_join(stopper, &rc);
	is_u64((uint64_t)(intptr_t)rc, 0, "and then it ends");
	is_error(heddle_monitor_poll(pool), ENOENT, "nothing to poll any more");
	su_destroy(pool);
}

/* ---- the host's loop ---- */

static void test_host(void)
{
	unsigned int files = count_entries("/proc/self/fd");
	unsigned int threads = tap_threads();
	struct heddle_pool *pool = su_pool(1);
	struct pollfd ready = { .events = POLLIN };
	int looks = 0, rc = 0;
	uint64_t from;

	is_u64((uint64_t)start(pool, HEDDLE_MONITOR_HOST), 0, "with a timer");
	is_u64(tap_threads(), threads + 1, "it makes no thread");
	ready.fd = heddle_monitor_fd(pool);
	ok(ready.fd >= 0 && fcntl(ready.fd, F_GETFD) & FD_CLOEXEC,
	   "a descriptor, closed on exec");
	is_u64((uint64_t)poll(&ready, 1, 10000), 1, "readable at once");
	is_u64((uint64_t)heddle_monitor_poll(pool), 1, "a look");
	is_u64((uint64_t)heddle_monitor_poll(pool), 0, "not yet time");
	from = su_now_ns();
	while (looks < 5 && poll(&ready, 1, 10000) == 1 && rc >= 0) {
		rc = heddle_monitor_poll(pool);
		looks += rc == 1;
	}
	ok(looks == 5 && su_now_ns() - from >= 5 * 5 * MS,
	   "five looks, one each interval or later");
	su_destroy(pool);
	is_u64(count_entries("/proc/self/fd"), files,
	       "no descriptor is left by the destroy");
}

/* ---- failures at each step ---- */

static void test_failures(void)
{
	static const struct {
		int site, error;
		uint32_t skip, flags;
		const char *what;
	} step[] = {
		{ HEDDLE_FAULT_ALLOC, 12, 0, 0, "the record" },
		{ HEDDLE_FAULT_ALLOC, 12, 1, 0, "what it remembers" },
		{ HEDDLE_FAULT_STACK_MAP, 12, 0, 0, "the stack" },
		{ HEDDLE_FAULT_THREAD_CREATE, 11, 0, 0, "the thread" },
		{ HEDDLE_FAULT_AFFINITY, 22, 0, 0, "the affinity" },
		{ HEDDLE_FAULT_ALLOC, 12, 0, HEDDLE_MONITOR_HOST, "no thread" },
	};
	struct heddle_pool *pool = su_pool(1);
	unsigned int threads = tap_threads();
	size_t i;

	for (i = 0; i < sizeof(step) / sizeof(step[0]); i++) {
		int rc;

		heddle_fault_set(step[i].site, step[i].skip, 1, step[i].error);
		rc = start(pool, step[i].flags);
		heddle_fault_set(step[i].site, 0, 0, 0);
		is_error(rc, (uint64_t)step[i].error, "%s fails", step[i].what);
		is_u64(tap_threads(), threads, "no thread of it");
		is_error(heddle_monitor_fd(pool), ENOENT, "no monitor");
	}
	is_u64((uint64_t)start(pool, 0), 0, "and then it starts");
	su_destroy(pool);
}

/* ---- everybody at once ---- */

static _Atomic uint64_t made;

static void *come_and_go(void *pool)
{
	static char in_start[] = "start", in_poll[] = "poll",
		    in_stop[] = "stop";
	int i;

	for (i = 0; i < 60; i++) {
		int rc = start(pool, i % 3 ? 0 : HEDDLE_MONITOR_HOST);

		if (rc && rc != -EALREADY)
			return in_start;
		made += rc == 0;
		rc = heddle_monitor_poll(pool);
		if (rc < 0 && rc != -EINVAL && rc != -ENOENT && rc != -EBUSY &&
		    rc != -ESHUTDOWN)
			return in_poll;
		rc = heddle_monitor_stop(pool, i % 5 ? su_in_ms(20000) : 0);
		if (rc && rc != -ETIMEDOUT)
			return in_stop;
	}
	return NULL;
}

static void test_many(void)
{
	struct heddle_pool *pool = su_pool(1);
	pthread_t thread[4];
	void *wrong, *first = NULL;
	int i;

	for (i = 0; i < 4; i++)
		if (pthread_create(&thread[i], NULL, come_and_go, pool))
			bail("pthread_create");
	for (i = 0; i < 4; i++) {
		pthread_join(thread[i], &wrong);
		first = first ? first : wrong;
	}
	ok(!first, "four threads start, poll and stop: %s",
	   first ? (char *)first : "every answer is right");
	ok(made > 0, "%u were made", (unsigned int)made);
	su_destroy(pool);
}

/* ---- a forked child ---- */

static int child_of(struct heddle_pool *pool, int fd)
{
	if (start(pool, 0) != -ECHILD || stop(pool) != -ECHILD ||
	    heddle_monitor_fd(pool) != -ECHILD ||
	    heddle_monitor_poll(pool) != -ECHILD)
		return 1;
	if (heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL, 0))
		return 2;
	/* Its copy of the timer is closed. */
	return fd >= 0 && fcntl(fd, F_GETFD) != -1 ? 3 : 0;
}

static void test_fork(uint32_t flags)
{
	struct heddle_pool *pool = su_pool(1);
	int status = 0, fd;
	pid_t child;

	if (start(pool, flags))
		bail("start");
	fd = heddle_monitor_fd(pool); /* the thread has none */
	child = fork();
	if (child < 0)
		bail("fork: %s", strerror(errno));
	if (child == 0)
		_exit(child_of(pool, fd));
	if (waitpid(child, &status, 0) != child)
		bail("waitpid: %s", strerror(errno));
	is_u64((uint64_t)status, 0, "a child can only destroy, flags %u",
	       flags);
	su_destroy(pool);
}

int main(void)
{
	tap_deadline(120);
	test_options();
	test_thread();
	test_inside(0);
	test_inside(HEDDLE_MONITOR_HOST);
	test_slow();
	test_slow_poll();
	test_host();
	test_failures();
	test_many();
	test_fork(0);
	test_fork(HEDDLE_MONITOR_HOST);
	return tap_done();
}
