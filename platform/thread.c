/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads: born with their signals blocked, on a stack of the caller, joined
 * with a deadline, and followed until the kernel has forgotten them; and the
 * clean-up of what a task may leave behind on the OS thread it ran on.
 */
#include <errno.h>
#include <fenv.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <heddle/testing.h>

#include "platform/cacheline.h"
#include "platform/cancel.h"
#include "platform/clock.h"
#include "platform/fault.h"
#include "platform/procfs.h"
#include "platform/sanitizer.h"
#include "platform/thread.h"

#define NAME_SIZE    16   /* of a thread's name in the kernel, with its 0 */
#define CPU_SET_SIZE 1024 /* largest affinity that is compared: 8 192 CPUs */
#define NS_PER_S     UINT64_C(1000000000)
#define NICE_MIN     (-20)
#define NICE_MAX     19

union cpu_bytes {
	cpu_set_t set;
	char bytes[CPU_SET_SIZE];
};

/* All signals but those that a thread sends itself by a fault. */
static void worker_mask(sigset_t *mask)
{
	sigfillset(mask);
	sigdelset(mask, SIGSEGV);
	sigdelset(mask, SIGBUS);
	sigdelset(mask, SIGFPE);
	sigdelset(mask, SIGILL);
	sigdelset(mask, SIGTRAP);
	sigdelset(mask, SIGABRT);
	sigdelset(mask, SIGSYS);
}

int32_t hd_thread_id(void)
{
	return (int32_t)syscall(SYS_gettid);
}

/*
 * The clock of a thread has its number in the upper bits, turned round, and says in
 * the lower three "one thread" and "its scheduled time" (the kernel's
 * include/linux/posix-timers_types.h); glibc has the same in pthread_getcpuclockid().
 */
int hd_thread_cpu_ns(int32_t tid, uint64_t *ns)
{
	clockid_t clock = (clockid_t)(~(uint32_t)tid << 3 | 4 | 2);
	int saved_errno = errno;
	struct timespec now;
	int rc = 0;

	if (clock_gettime(clock, &now) < 0)
		rc = -errno;
	else
		*ns = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
	errno = saved_errno;
	return rc;
}

/*
 * The creator hands over fn and arg before the thread exists, and the thread
 * needs nothing that the creator writes afterwards: `handle` may not have been
 * filled yet when this runs.
 */
static void *thread_main(void *arg)
{
	struct hd_thread *thread = arg;

	thread->born = hd_procfs_now();
	atomic_store_explicit(&thread->tid, hd_thread_id(),
			      memory_order_release); /* thread-1 */
	thread->fn(thread->arg);
	hd_delay(HEDDLE_DELAY_THREAD_END);
	return NULL;
}

void hd_thread_end(void)
{
	pthread_exit(NULL);
}

int hd_thread_create(struct hd_thread *thread,
		     const struct hd_thread_options *options,
		     void (*fn)(void *arg), void *arg)
{
	pthread_attr_t attributes;
	sigset_t blocked, before;
	int rc = hd_fault(HEDDLE_FAULT_THREAD_CREATE);

	if (rc)
		return -rc;
	/* Relaxed: the thread does not exist yet. */
	atomic_store_explicit(&thread->tid, 0, memory_order_relaxed);
	thread->born = 0;
	thread->fn = fn;
	thread->arg = arg;

	rc = pthread_attr_init(&attributes);
	if (rc)
		return -rc;
	rc = pthread_attr_setstack(&attributes, options->stack,
				   options->stack_size);
	if (rc)
		goto destroy_attributes;
	worker_mask(&blocked);
	rc = pthread_sigmask(SIG_SETMASK, &blocked, &before);
	if (rc)
		goto destroy_attributes;
	rc = pthread_create(&thread->handle, &attributes, thread_main, thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
destroy_attributes:
	pthread_attr_destroy(&attributes);
	return -rc;
}

#if HD_TSAN
/* The sanitizer knows pthread_tryjoin_np, but not pthread_clockjoin_np. */
static int join_until(pthread_t handle, uint64_t deadline)
{
	static const struct timespec pause = { 0, 100000 };
	int rc;

	while ((rc = pthread_tryjoin_np(handle, NULL)) == EBUSY) {
		if (hd_now_ns() >= deadline)
			return ETIMEDOUT;
		nanosleep(&pause, NULL);
	}
	return rc;
}
#else
static int join_until(pthread_t handle, uint64_t deadline)
{
	struct timespec until = {
		.tv_sec = (time_t)(deadline / NS_PER_S),
		.tv_nsec = (long)(deadline % NS_PER_S),
	};

	return pthread_clockjoin_np(handle, NULL, CLOCK_MONOTONIC, &until);
}
#endif

int hd_thread_join(struct hd_thread *thread, uint64_t deadline)
{
	int before = hd_cancel_off();
	int rc;

	if (deadline == UINT64_MAX)
		rc = pthread_join(thread->handle, NULL);
	else if (deadline == 0)
		rc = pthread_tryjoin_np(thread->handle, NULL);
	else
		rc = join_until(thread->handle, deadline);
	hd_cancel_restore(before);
	/* Anything else is a handle that was joined already, or our own. */
	hd_assert(rc == 0 || rc == EBUSY || rc == ETIMEDOUT);
	return rc ? -ETIMEDOUT : 0;
}

/*
 * Has the kernel forgotten this thread, or given its number to another one? The thread
 * itself has begun before it read the clock, so one that has begun behind that is not
 * it. To read its stat file at every birth would cost more than the creation.
 */
static bool is_gone(int32_t tid, uint64_t born)
{
	uint64_t other = 0;
	int rc;

	/* Any other error, of a filter of system calls say, tells nothing. */
	if (!hd_fault(HEDDLE_FAULT_PROBE) &&
	    syscall(SYS_tgkill, getpid(), tid, 0) < 0 && errno == ESRCH)
		return true;
	if (!born)
		return false;
	rc = hd_procfs_start(tid, &other);
	/* No such file means gone only while /proc itself is there. */
	if (rc == -ENOENT)
		return hd_procfs_start(hd_thread_id(), &other) == 0;
	return rc == 0 && other > born;
}

int hd_thread_gone(struct hd_thread *thread, uint64_t deadline)
{
	int saved_errno = errno;
	int32_t tid = atomic_load_explicit(&thread->tid,
					   memory_order_acquire); /* thread-1 */
	int rc = 0;

	/*
	 * Nothing wakes us when the kernel drops a thread, and it takes no more
	 * than the end of its exit path: the one place that yields and probes.
	 */
	while (tid && !is_gone(tid, thread->born)) {
		if (deadline != UINT64_MAX && hd_now_ns() >= deadline) {
			rc = -ETIMEDOUT;
			break;
		}
		sched_yield();
	}
	errno = saved_errno;
	return rc;
}

void hd_thread_class_get(struct hd_thread_class *scheduling)
{
	struct sched_param param = { 0 };

	scheduling->policy = sched_getscheduler(0);
	if (scheduling->policy >= 0 &&
	    (scheduling->policy & SCHED_RESET_ON_FORK))
		scheduling->policy = SCHED_OTHER;
	else
		sched_getparam(0, &param);
	scheduling->priority = param.sched_priority;
	scheduling->nice = getpriority(PRIO_PROCESS, 0); /* of the thread */
}

bool hd_thread_class_valid(const struct hd_thread_class *scheduling)
{
	int low = sched_get_priority_min(scheduling->policy);
	int high = sched_get_priority_max(scheduling->policy);

	/* SCHED_DEADLINE has no priority, and parameters that are not here. */
	if (low < 0 || high < 0 ||
	    (scheduling->policy != SCHED_OTHER &&
	     scheduling->policy != SCHED_BATCH &&
	     scheduling->policy != SCHED_IDLE &&
	     scheduling->policy != SCHED_FIFO &&
	     scheduling->policy != SCHED_RR))
		return false;
	return scheduling->priority >= low && scheduling->priority <= high &&
	       scheduling->nice >= NICE_MIN && scheduling->nice <= NICE_MAX;
}

static int apply_class(const struct hd_thread_class *wanted)
{
	struct sched_param param = { .sched_priority = wanted->priority };
	int error = hd_fault(HEDDLE_FAULT_CLASS);
	struct hd_thread_class now;

	if (error)
		return -error;
	hd_thread_class_get(&now);
	if (wanted->policy >= 0 &&
	    (wanted->policy != now.policy ||
	     wanted->priority != now.priority) &&
	    sched_setscheduler(0, wanted->policy, &param) < 0)
		return -errno;
	if (wanted->nice != now.nice &&
	    setpriority(PRIO_PROCESS, 0, wanted->nice) < 0 && wanted->wanted)
		return -errno;
	return 0;
}

/* A set of one CPU, or NULL: the number is beyond what is looked at. */
static bool set_of_one(union cpu_bytes *set, uint32_t cpu)
{
	memset(set, 0, sizeof(*set));
	if (cpu >= CPU_SET_SIZE * 8)
		return false;
	CPU_SET_S(cpu, sizeof(*set), &set->set);
	return true;
}

/* CPUs go offline and leave the cpuset: then the next of the list will do. */
static int apply_place(const struct hd_thread_place *place)
{
	union cpu_bytes one;
	uint32_t i;

	for (i = 0; i < place->n; i++)
		if (set_of_one(&one,
			       place->cpus[(place->place + i) % place->n]) &&
		    sched_setaffinity(0, sizeof(one), &one.set) == 0)
			return 0;
	return -EINVAL;
}

static int apply_affinity(const struct hd_thread_options *options)
{
	if (options->cpu.n)
		return apply_place(&options->cpu);
	if (options->cpu_set &&
	    sched_setaffinity(0, options->cpu_set_size, options->cpu_set) < 0)
		return -errno;
	return 0;
}

int hd_thread_apply(const struct hd_thread_options *options)
{
	int error = hd_fault(HEDDLE_FAULT_AFFINITY);

	/* A name is for people: without it everything goes on. */
	if (options->name && !hd_fault(HEDDLE_FAULT_NAME))
		prctl(PR_SET_NAME, options->name, 0, 0, 0);
	if (error)
		return -error;
	error = apply_affinity(options);
	if (error < 0)
		return error;
	error = options->scheduling ? apply_class(options->scheduling) : 0;
	if (error == 0 && options->mask)
		pthread_sigmask(SIG_SETMASK, options->mask, NULL);
	return error;
}

static bool restore_name(const char *name)
{
	char now[NAME_SIZE];

	if (!name || prctl(PR_GET_NAME, now, 0, 0, 0) < 0 ||
	    !strncmp(now, name, NAME_SIZE - 1))
		return false;
	prctl(PR_SET_NAME, name, 0, 0, 0);
	return true;
}

/* Is it on the CPU that it was placed on, as long as that one is to be had? */
static bool is_placed(const struct hd_thread_place *place,
		      const union cpu_bytes *now)
{
	union cpu_bytes one;

	return set_of_one(&one, place->cpus[place->place % place->n]) &&
	       !memcmp(now, &one, sizeof(one));
}

/*
 * The kernel keeps only the CPUs that a thread may have, so a template that
 * names more never compares equal. It was changed if setting it again changes
 * something.
 */
static bool restore_affinity(const struct hd_thread_options *options)
{
	size_t size = options->cpu_set_size;
	union cpu_bytes now, again;

	if (options->cpu.n)
		size = sizeof(now);
	else if (!options->cpu_set)
		return false;
	memset(&now, 0, sizeof(now));
	memset(&again, 0, sizeof(again));
	if (size > sizeof(now) || sched_getaffinity(0, size, &now.set) < 0)
		return apply_affinity(options) == 0;
	if (options->cpu.n ? is_placed(&options->cpu, &now)
			   : !memcmp(&now, options->cpu_set, size))
		return false;
	if (apply_affinity(options) < 0 ||
	    sched_getaffinity(0, size, &again.set) < 0)
		return true;
	return memcmp(&now, &again, size) != 0;
}

#define SIGNAL_BIT(signal) (UINT64_C(1) << ((signal)-1))

/* Not compared: what nobody can block, and the two that libc keeps. */
#define SIGNALS_IGNORED \
 (SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP) | SIGNAL_BIT(32) | SIGNAL_BIT(33))

static bool restore_mask(const void *wanted)
{
	uint64_t now, word;
	sigset_t want;

	worker_mask(&want);
	if (wanted)
		memcpy(&want, wanted, sizeof(want));
	/* The kernel's own mask is one word to compare; libc's type is not. */
	memcpy(&word, &want, sizeof(word));
	if (syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &now, sizeof(now)) ==
		    0 &&
	    (now | SIGNALS_IGNORED) == (word | SIGNALS_IGNORED))
		return false;
	pthread_sigmask(SIG_SETMASK, &want, NULL);
	return true;
}

/* Does the environment differ in what a computation can see? */
static bool fenv_is_default(const fenv_t *env)
{
#if defined(__x86_64__)
	/* The rest of the x87 image is the address of the last instruction. */
	return env->__control_word == 0x37f && !(env->__status_word & 0x3f) &&
	       env->__mxcsr == 0x1f80;
#else
	(void)env;
	return fegetround() == FE_TONEAREST && !fetestexcept(FE_ALL_EXCEPT);
#endif
}

static bool restore_fenv(void)
{
	fenv_t now;
	bool changed;

	changed = fegetenv(&now) != 0 || !fenv_is_default(&now);
	/* Always where the question does not cover every control bit. */
#if defined(__x86_64__)
	if (changed)
#endif
		fesetenv(FE_DFL_ENV);
	return changed;
}

static bool restore_cancellation(void)
{
	int state, type;

	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	return state != PTHREAD_CANCEL_ENABLE ||
	       type != PTHREAD_CANCEL_DEFERRED;
}

static bool restore_signal_stack(void)
{
	stack_t none = { .ss_flags = SS_DISABLE };
	stack_t now;

	if (sigaltstack(NULL, &now) < 0 || now.ss_flags & SS_DISABLE)
		return false;
	return sigaltstack(&none, NULL) == 0;
}

unsigned int hd_thread_restore(const struct hd_thread_options *options)
{
	unsigned int changed = errno != 0;

	changed += restore_name(options->name);
	changed += restore_affinity(options);
	changed += restore_mask(options->mask);
	changed += restore_fenv();
	changed += restore_signal_stack();
	changed += restore_cancellation();
	errno = 0;
	return changed;
}
