/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When a stop returns 0 at a level, that level is reached: at R2 the destructors of all
 * thread-local values of the workers have run, however slow they are, and at R3 the
 * kernel knows the threads no more; the process is single-threaded again after a destroy.
 *
 * Method: each worker has a value whose destructor takes 50 ms; it counts itself. Right
 * after the return, without a pause, the count is that of the workers, /proc/self/task
 * has one entry, and the kernel does for us what it does for single-threaded processes
 * only: unshare(CLONE_NEWUSER), in a child, or where that is forbidden
 * unshare(CLONE_THREAD), which changes nothing but answers EINVAL to others.
 *
 * clause: D1 D4
 * fault: F02 F03 F04
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <heddle/testing.h>

#include "tests/support/sanitizer.h"
#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define WORKERS 4
#define LONG_MS 20000

static pthread_key_t key;
static _Atomic uint64_t destroyed;

static void slowly(void *value)
{
	const struct timespec pause = { 0, 50000000 };

	(void)value;
	nanosleep(&pause, NULL);
	atomic_fetch_add(&destroyed, 1);
}

static int set(struct heddle_pool *pool, uint32_t index, void *arg)
{
	(void)pool;
	(void)index;
	(void)arg;
	return -pthread_setspecific(key, &key);
}

static struct heddle_pool *start(void)
{
	struct heddle_pool_options o = { .struct_size = sizeof(o),
					 .workers_max = WORKERS,
					 .worker_init = set };

	atomic_store(&destroyed, 0);
	return su_pool_with(&o, WORKERS);
}

static void at(enum heddle_level level)
{
	struct heddle_pool *pool = start();
	uint64_t begun = su_now_ns();
	int rc = heddle_pool_stop(pool, 0, level, NULL, su_in_ms(LONG_MS));
	uint64_t gone = atomic_load(&destroyed);
	unsigned int threads = tap_threads();
	uint64_t took = su_now_ns() - begun;

	if (level < HEDDLE_R2_JOINED)
		ok(rc == 0 && gone < WORKERS,
		   "R%d does not wait for destructors: %llu have run", level,
		   (unsigned long long)gone);
	else
		ok(rc == 0 && gone == WORKERS && took >= 50000000,
		   "R%d: %llu destructors of 50 ms, returned after %llu ms",
		   level, (unsigned long long)gone,
		   (unsigned long long)(took / 1000000));
	if (level >= HEDDLE_R3_GONE)
		is_u64(threads, 1, "R%d: threads at the return", level);
	su_destroy(pool);
	is_u64(tap_threads(), 1, "and after the destroy");
}

/* The kernel must not have forgotten them by luck: the last step is delayed. */
static void delayed(void)
{
	struct heddle_pool *pool = start();

	heddle_delay_set(HEDDLE_DELAY_THREAD_END, 20000000);
	ok(heddle_pool_stop(pool, 0, HEDDLE_R3_GONE, NULL, su_in_ms(LONG_MS)) ==
			   0 &&
		   tap_threads() == 1 && atomic_load(&destroyed) == WORKERS,
	   "R3 with a delay at the end of each thread");
	heddle_delay_set(HEDDLE_DELAY_THREAD_END, 0);
	su_destroy(pool);
}

/* In a child, since it stays where it went: 0 or an errno. */
static int unshares(int what)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(unshare(what) ? errno : 0);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		bail("a child");
	return WEXITSTATUS(status);
}

/* In the child itself a pool comes and goes, and then it asks. */
static int unshares_after_pool(int what)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		struct heddle_pool_options o = { .struct_size = sizeof(o),
						 .workers_max = WORKERS,
						 .worker_init = set };
		struct heddle_pool *pool;
		int rc;

		alarm(30);
		if (heddle_pool_create(&o, &pool) ||
		    heddle_pool_start(pool, WORKERS, NULL, HEDDLE_FOREVER))
			_exit(200);
		if (unshare(what) == 0 || errno != EINVAL)
			_exit(201); /* with five threads it must be refused */
		rc = heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL,
					 HEDDLE_FOREVER);
		_exit(rc ? 202 : unshare(what) ? errno : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		bail("a child: %x", (unsigned int)status);
	return WEXITSTATUS(status);
}

static void single_threaded(void)
{
	int rc = SU_TSAN ? 0 : unshares(CLONE_NEWUSER);

	if (SU_TSAN) {
		skip(2, "ThreadSanitizer has a thread of its own");
		return;
	}
	if (rc)
		skip(1, "unshare(CLONE_NEWUSER): %s; CLONE_THREAD instead",
		     strerror(rc));
	else
		is_u64((uint64_t)unshares_after_pool(CLONE_NEWUSER), 0,
		       "a user namespace, which needs a single thread");
	is_u64((uint64_t)unshares_after_pool(CLONE_THREAD), 0,
	       "single-threaded to the kernel right after the destroy");
}

int main(void)
{
	enum heddle_level level;

	if (pthread_key_create(&key, slowly))
		bail("key");
	/* Before there is another thread: ThreadSanitizer lets no child of those that
	 * have some make one.
	 */
	single_threaded();
	tap_deadline(110);
	for (level = HEDDLE_R1_LEFT; level <= HEDDLE_R4_CLEAN; level++)
		at(level);
	delayed();
	pthread_key_delete(key);
	return tap_done();
}
