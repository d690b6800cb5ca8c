/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads: the only caller of pthread_create. A thread runs on a stack that
 * the caller mapped, starts with every signal blocked but the synchronous
 * ones, puts itself into the state of its template, and is always joined.
 */
#ifndef HEDDLE_PLATFORM_THREAD_H
#define HEDDLE_PLATFORM_THREAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hd_thread {
	pthread_t handle;
	_Atomic int32_t tid; /* kernel's id, set by the thread itself */
	uint64_t born; /* hd_procfs_now() at its begin, for R3; 0: not known */
	void (*fn)(void *arg);
	void *arg;
};

/* What the kernel hands from a thread to those that it makes. */
struct hd_thread_class {
	int policy; /* of sched_setscheduler(), -1: not known */
	int priority;
	int nice;
	bool wanted; /* asked for: that it is refused is an error */
};

/* One CPU of a list, the one at this place modulo n, or the next that there is. */
struct hd_thread_place {
	const uint32_t *cpus;
	uint32_t n; /* 0: not placed */
	uint32_t place;
};

struct hd_thread_options {
	void *stack; /* lowest usable byte */
	size_t stack_size;
	const void *cpu_set; /* NULL: leave the affinity alone */
	size_t cpu_set_size;
	struct hd_thread_place cpu; /* before cpu_set, if it is placed */
	const void *mask; /* a sigset_t; NULL: all but the synchronous ones */
	const char *name; /* at most 15 bytes */
	const struct hd_thread_class *scheduling; /* NULL: as its maker */
};

/* Of the calling thread, as a new thread would get it. */
void hd_thread_class_get(struct hd_thread_class *scheduling);

/* 0 or -errno of pthread_create; passes HD fault HEDDLE_FAULT_THREAD_CREATE. */
int hd_thread_create(struct hd_thread *thread,
		     const struct hd_thread_options *options,
		     void (*fn)(void *arg), void *arg);

/* R2: all TLS destructors have run. 0 or -ETIMEDOUT. */
int hd_thread_join(struct hd_thread *thread, uint64_t deadline);

/* R3, after the join: the kernel has forgotten it. 0 or -ETIMEDOUT. */
int hd_thread_gone(struct hd_thread *thread, uint64_t deadline);

/* Policy, priority and nice value, are they such as the kernel knows? */
bool hd_thread_class_valid(const struct hd_thread_class *scheduling);

/*
 * Called by the new thread itself: 0 or -errno; passes HEDDLE_FAULT_AFFINITY. A nice
 * value that was not asked for, and to which the thread has no right, is left as it is.
 */
int hd_thread_apply(const struct hd_thread_options *options);

/* Ends the calling thread as pthread_exit() does. */
_Noreturn void hd_thread_end(void);

/* The kernel's id of the calling thread. */
int32_t hd_thread_id(void);

/* CPU time of a thread of this process so far; 0 or -errno when there is none. */
int hd_thread_cpu_ns(int32_t tid, uint64_t *ns);

/*
 * The state of the calling OS thread that a task may have changed and the
 * library owns: name, affinity, signal mask, floating-point environment, errno,
 * cancelability. Restores it to the template; returns how many items had been changed.
 */
unsigned int hd_thread_restore(const struct hd_thread_options *options);

#endif /* HEDDLE_PLATFORM_THREAD_H */
