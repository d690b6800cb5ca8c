/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The circumstances of a run: seed, duration, deadline, number of threads.
 * Lines and points are in tap.c.
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "tests/tap/tap.h"
#include "tests/tap/run.h"

#define SETTLE_NS_MAX UINT64_C(2000000000)
#define GOLDEN        UINT64_C(0x9e3779b97f4a7c15)

static pid_t starting_process;
static unsigned int foreign_threads; /* made by a sanitizer, before main() */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	bool is_running;
	bool is_ended;
	uint64_t deadline_ns;
	unsigned int seconds;
	void (*dump)(void *arg);
	void *dump_arg;
} watchdog = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct {
	pthread_once_t once;
	uint64_t seed;
	_Atomic(uint64_t) drawn;
} chance = { .once = PTHREAD_ONCE_INIT };

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static unsigned int count_tasks(void)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *entry;
	unsigned int n = 0;

	if (!tasks)
		bail("/proc/self/task: %s", strerror(errno));
	while ((entry = readdir(tasks)))
		n += entry->d_name[0] != '.';
	closedir(tasks);
	return n;
}

#if defined(__has_feature)
# if __has_feature(thread_sanitizer)
#  define SANITIZER_HAS_A_THREAD 1
# endif
#endif
#if defined(__SANITIZE_THREAD__)
# define SANITIZER_HAS_A_THREAD 1
#endif

#ifdef SANITIZER_HAS_A_THREAD
static void *return_at_once(void *arg)
{
	return arg;
}
#endif

/* Before main(), so that the count is that of a program that did nothing. */
__attribute__((constructor)) static void note_the_start(void)
{
#ifdef SANITIZER_HAS_A_THREAD
	/* Its helper starts with the first thread and stays: count it now. */
	pthread_t thread;

	if (pthread_create(&thread, NULL, return_at_once, NULL) == 0)
		pthread_join(thread, NULL);
	for (int i = 0; i < 1000 && count_tasks() != 2; i++)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
#endif
	foreign_threads = count_tasks() - 1;
	starting_process = getpid();
}

bool tap_is_forked_child(void)
{
	return getpid() != starting_process;
}

unsigned int tap_threads(void)
{
	unsigned int n;

	pthread_mutex_lock(&watchdog.lock);
	n = count_tasks() - foreign_threads - (watchdog.is_running ? 1 : 0);
	pthread_mutex_unlock(&watchdog.lock);
	return n;
}

bool tap_threads_settle(void)
{
	uint64_t end_ns = now_ns() + SETTLE_NS_MAX;
	unsigned int n = tap_threads();

	/* Nothing tells us when the kernel forgets a thread: look again. */
	while (n != 1 && now_ns() < end_ns) {
		nanosleep(&(struct timespec){ .tv_nsec = 500000 }, NULL);
		n = tap_threads();
	}
	return is_u64(n, 1, "threads: as many as at the start");
}

static void *watch(void *arg)
{
	pthread_mutex_lock(&watchdog.lock);
	while (!watchdog.is_ended && now_ns() < watchdog.deadline_ns) {
		uint64_t ns = watchdog.deadline_ns;
		struct timespec until = { .tv_sec = (time_t)(ns / 1000000000),
					  .tv_nsec = (long)(ns % 1000000000) };

		pthread_cond_timedwait(&watchdog.changed, &watchdog.lock,
				       &until);
	}
	if (!watchdog.is_ended) {
		void (*dump)(void *arg) = watchdog.dump;
		unsigned int seconds = watchdog.seconds;

		/* The dump may want to count threads: not under the lock. */
		pthread_mutex_unlock(&watchdog.lock);
		if (dump)
			dump(watchdog.dump_arg);
		bail("the deadline of %u s has passed", seconds);
	}
	pthread_mutex_unlock(&watchdog.lock);
	return arg;
}

static void start_watchdog(void)
{
	pthread_condattr_t monotonic;
	sigset_t all, before;
	int rc;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&watchdog.changed, &monotonic);
	pthread_condattr_destroy(&monotonic);

	/* A signal of the test must reach one of the test's threads. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&watchdog.thread, NULL, watch, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
		bail("no thread for the deadline: %s", strerror(rc));
	watchdog.is_running = true;
}

void tap_on_deadline(void (*dump)(void *arg), void *arg)
{
	pthread_mutex_lock(&watchdog.lock);
	watchdog.dump = dump;
	watchdog.dump_arg = arg;
	pthread_mutex_unlock(&watchdog.lock);
}

void tap_deadline(unsigned int seconds)
{
	pthread_mutex_lock(&watchdog.lock);
	watchdog.seconds = seconds;
	watchdog.deadline_ns = now_ns() + seconds * UINT64_C(1000000000);
	if (watchdog.is_running)
		pthread_cond_signal(&watchdog.changed);
	else
		start_watchdog();
	pthread_mutex_unlock(&watchdog.lock);
}

void tap_deadline_disarm(void)
{
	bool was_running;

	pthread_mutex_lock(&watchdog.lock);
	was_running = watchdog.is_running;
	watchdog.is_ended = true;
	if (was_running)
		pthread_cond_signal(&watchdog.changed);
	pthread_mutex_unlock(&watchdog.lock);
	if (was_running)
		pthread_join(watchdog.thread, NULL);
}

static void find_seed(void)
{
	const char *text = getenv("HEDDLE_TEST_SEED");
	char *end;

	if (text && *text) {
		errno = 0;
		chance.seed = strtoull(text, &end, 0);
		if (errno || *end)
			bail("HEDDLE_TEST_SEED=%s is not a number", text);
	} else if (getrandom(&chance.seed, sizeof(chance.seed), 0) !=
		   (ssize_t)sizeof(chance.seed)) {
		bail("getrandom: %s", strerror(errno));
	}
	diag("seed: run again with HEDDLE_TEST_SEED=0x%016llx",
	     (unsigned long long)chance.seed);
}

uint64_t tap_seed(void)
{
	pthread_once(&chance.once, find_seed);
	return chance.seed;
}

/* The finaliser of SplitMix64 over a counter with an odd stride. */
static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint64_t tap_random(void)
{
	uint64_t n = atomic_fetch_add_explicit(&chance.drawn, 1,
					       memory_order_relaxed);

	return mix(tap_seed() + (n + 1) * GOLDEN);
}

uint64_t tap_stream(uint64_t number)
{
	return mix(tap_seed() ^ mix(number + GOLDEN));
}

uint64_t tap_next(uint64_t *stream)
{
	*stream += GOLDEN;
	return mix(*stream);
}

double tap_seconds(double usual)
{
	const char *text = getenv("HEDDLE_TEST_SECONDS");
	char *end;
	double seconds;

	if (!text || !*text)
		return usual;
	seconds = strtod(text, &end);
	if (*end || !(seconds > 0))
		bail("HEDDLE_TEST_SECONDS=%s is not a time", text);
	return seconds;
}
