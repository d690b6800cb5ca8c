/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads as the driver of P01 sees them: how many the kernel lists, whether
 * their thread-local destructors have run, how to make one with a given stack,
 * and two things to wait for. It knows nothing of any pool.
 */
#ifndef HEDDLE_PAPERS_P01_THREADS_H
#define HEDDLE_PAPERS_P01_THREADS_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* hp_threads_alive() - entries of /proc/self/task at this instant */
uint32_t hp_threads_alive(void);

/*
 * hp_threads_wait_gone() - poll until at most n are listed
 *
 * Return: false when that took longer than limit_ns.
 */
bool hp_threads_wait_gone(uint32_t n, uint64_t limit_ns, uint64_t *took_ns);

/*
 * hp_thread_create() - a thread with a stack of that size
 * @thread: NULL: it is detached
 *
 * Return: 0 or -errno.
 */
int hp_thread_create(pthread_t *thread, size_t stack, void *(*fn)(void *arg),
		     void *arg);

/*
 * hp_touch() - give the calling thread a value with a destructor
 *
 * Return: true when the thread had none yet.
 */
bool hp_touch(void);
uint32_t hp_touched(void);
uint32_t hp_destroyed(void);

/* A flag that is set once and waited for once. */
struct hp_event {
	sem_t semaphore;
};

void hp_event_init(struct hp_event *event);
void hp_event_set(struct hp_event *event);
/* hp_event_wait() - also takes the event down */
void hp_event_wait(struct hp_event *event);

/* Work enters and waits until the gate is opened. */
struct hp_gate {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint32_t entered;
	bool is_open;
};

void hp_gate_init(struct hp_gate *gate);
void hp_gate_destroy(struct hp_gate *gate);
void hp_gate_enter(struct hp_gate *gate);
void hp_gate_open(struct hp_gate *gate);
/* hp_gate_wait() - until n have entered; false after limit_ns */
bool hp_gate_wait(struct hp_gate *gate, uint32_t n, uint64_t limit_ns);

/* hp_linger() - stay busy, with the CPU offered to others in between */
void hp_linger(uint64_t ns);

/* hp_sleep() - at least that long */
void hp_sleep(uint64_t ns);

/* hp_die() - one line on standard error, then exit status 1 */
void hp_die(const char *format, ...) __attribute__((format(printf, 1, 2)))
__attribute__((noreturn));

#endif /* HEDDLE_PAPERS_P01_THREADS_H */
