/* SPDX-License-Identifier: BSD-2-Clause */
#include "papers/P01/threads.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/say.h"

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static _Atomic(uint32_t) touched;
static _Atomic(uint32_t) destroyed;

void hp_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(HT_MISSED);
}

uint32_t hp_threads_alive(void)
{
	DIR *folder = opendir("/proc/self/task");
	struct dirent *entry;
	uint32_t n = 0;

	if (!folder)
		hp_die("/proc/self/task: %s", strerror(errno));
	while ((entry = readdir(folder)))
		if (entry->d_name[0] != '.')
			n++;
	closedir(folder);
	return n;
}

bool hp_threads_wait_gone(uint32_t n, uint64_t limit_ns, uint64_t *took_ns)
{
	uint64_t start = ht_now();

	while (hp_threads_alive() > n) {
		*took_ns = ht_now() - start;
		if (*took_ns > limit_ns)
			return false;
		hp_sleep(20000);
	}
	*took_ns = ht_now() - start;
	return true;
}

int hp_thread_create(pthread_t *thread, size_t stack, void *(*fn)(void *arg),
		     void *arg)
{
	pthread_attr_t attributes;
	pthread_t ignored;
	int rc;

	rc = pthread_attr_init(&attributes);
	if (rc)
		return -rc;
	rc = pthread_attr_setstacksize(&attributes, stack);
	if (!rc && !thread)
		rc = pthread_attr_setdetachstate(&attributes,
						 PTHREAD_CREATE_DETACHED);
	if (!rc)
		rc = pthread_create(thread ? thread : &ignored, &attributes, fn,
				    arg);
	pthread_attr_destroy(&attributes);
	return -rc;
}

static void destroy_value(void *value)
{
	(void)value;
	/* Read after the shutdown whose return is the thing measured. */
	atomic_fetch_add_explicit(&destroyed, 1, memory_order_relaxed);
}

static void make_key(void)
{
	int rc = pthread_key_create(&key, destroy_value);

	if (rc)
		hp_die("pthread_key_create: %s", strerror(rc));
}

bool hp_touch(void)
{
	pthread_once(&key_once, make_key);
	if (pthread_getspecific(key))
		return false;
	if (pthread_setspecific(key, &touched))
		hp_die("pthread_setspecific failed");
	/* A statistic. */
	atomic_fetch_add_explicit(&touched, 1, memory_order_relaxed);
	return true;
}

uint32_t hp_touched(void)
{
	/* The waits for the tasks order it. */
	return atomic_load_explicit(&touched, memory_order_relaxed);
}

uint32_t hp_destroyed(void)
{
	/* Whatever is seen at this instant is the measurement. */
	return atomic_load_explicit(&destroyed, memory_order_relaxed);
}

void hp_event_init(struct hp_event *event)
{
	sem_init(&event->semaphore, 0, 0);
}

void hp_event_set(struct hp_event *event)
{
	sem_post(&event->semaphore);
}

void hp_event_wait(struct hp_event *event)
{
	while (sem_wait(&event->semaphore) && errno == EINTR)
		;
	sem_destroy(&event->semaphore);
}

void hp_gate_init(struct hp_gate *gate)
{
	pthread_condattr_t attributes;

	memset(gate, 0, sizeof(*gate));
	pthread_mutex_init(&gate->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&gate->changed, &attributes);
	pthread_condattr_destroy(&attributes);
}

void hp_gate_destroy(struct hp_gate *gate)
{
	pthread_cond_destroy(&gate->changed);
	pthread_mutex_destroy(&gate->lock);
}

void hp_gate_enter(struct hp_gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->entered++;
	pthread_cond_broadcast(&gate->changed);
	while (!gate->is_open)
		pthread_cond_wait(&gate->changed, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

void hp_gate_open(struct hp_gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->is_open = true;
	pthread_cond_broadcast(&gate->changed);
	pthread_mutex_unlock(&gate->lock);
}

bool hp_gate_wait(struct hp_gate *gate, uint32_t n, uint64_t limit_ns)
{
	uint64_t until = ht_now() + limit_ns;
	struct timespec time = { (time_t)(until / 1000000000),
				 (long)(until % 1000000000) };
	bool is_reached;

	pthread_mutex_lock(&gate->lock);
	while (gate->entered < n &&
	       pthread_cond_timedwait(&gate->changed, &gate->lock, &time) !=
		       ETIMEDOUT)
		;
	is_reached = gate->entered >= n;
	pthread_mutex_unlock(&gate->lock);
	return is_reached;
}

void hp_linger(uint64_t ns)
{
	uint64_t until = ht_now() + ns;

	while (ht_now() < until)
		sched_yield();
}

void hp_sleep(uint64_t ns)
{
	struct timespec time = { (time_t)(ns / 1000000000),
				 (long)(ns % 1000000000) };

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &time, &time) == EINTR)
		;
}
