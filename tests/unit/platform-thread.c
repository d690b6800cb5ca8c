/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads that are gone when we say so, what a task leaves on its OS thread, and
 * sections that a grace period waits for. Method: names that look like the end of a
 * stat line, a thread that is still alive. A check that could be true by itself is
 * preceded by one that the situation was reached.
 *
 * fault: F05
 * fault: F13
 */
#include <errno.h>
#include <fenv.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <heddle/api.h>

#include "platform/clock.h"
#include "platform/cpu.h"
#include "platform/futex.h"
#include "platform/memory.h"
#include "platform/procfs.h"
#include "platform/rcu.h"
#include "platform/thread.h"
#include "tests/tap/tap.h"

/* ThreadSanitizer keeps 800 KB of its own on each stack. */
#define STACK_SIZE ((size_t)1024 * 1024)
#define MS         UINT64_C(1000000)

/* -- threads -- */

static struct hd_thread thread;
static struct hd_thread_options options;
static _Atomic uint32_t gate;
static sigset_t seen_mask;
static bool on_own_stack;

static void open_gate(void)
{
	atomic_store_explicit(&gate, 1, memory_order_release); /* platform-1 */
	hd_futex_wake(&gate, INT_MAX);
}

static void wait_at_gate(void)
{
	while (!atomic_load_explicit(&gate,
				     memory_order_acquire)) /* platform-1 */
		hd_futex_wait(&gate, 0, UINT64_MAX);
}

static void look_and_wait(void *arg)
{
	char *here = (char *)&arg;

	hd_thread_apply(&options);
	pthread_sigmask(SIG_BLOCK, NULL, &seen_mask);
	on_own_stack = here >= (char *)options.stack &&
		       here < (char *)options.stack + options.stack_size;
	wait_at_gate();
}

static void start(void (*fn)(void *arg), const char *name)
{
	int rc;

	/* Relaxed: the thread does not exist yet. */
	atomic_store_explicit(&gate, 0, memory_order_relaxed);
	options = (struct hd_thread_options){
		.stack = hd_stack_map(STACK_SIZE, 0),
		.stack_size = STACK_SIZE,
		.name = name,
	};
	if (!options.stack)
		bail("hd_stack_map failed");
	rc = hd_thread_create(&thread, &options, fn, NULL);
	if (rc)
		bail("hd_thread_create: %s", strerror(-rc));
}

static void await_tid(void)
{
	while (!atomic_load_explicit(&thread.tid,
				     memory_order_acquire)) /* thread-1 */
		sched_yield();
}

static void test_thread(void)
{
	sigset_t before, after;
	uint64_t deadline;
	bool open = true, blocked = true;

	pthread_sigmask(SIG_BLOCK, NULL, &before);
	start(look_and_wait, "a) 7 (b");
	pthread_sigmask(SIG_BLOCK, NULL, &after);
	ok(!memcmp(&before, &after, sizeof(unsigned long)),
	   "the creator's signal mask is as before");
	await_tid();
	is_u64((uint64_t)-hd_thread_join(&thread, HEDDLE_NOW), ETIMEDOUT,
	       "a running thread is not joined at once");
	deadline = hd_now_ns() + 30 * MS;
	is_u64((uint64_t)-hd_thread_join(&thread, deadline), ETIMEDOUT,
	       "nor by a deadline");
	ok(hd_now_ns() >= deadline, "which was waited for");
	is_u64((uint64_t)-hd_thread_gone(&thread, HEDDLE_NOW), ETIMEDOUT,
	       "a running thread is not gone");
	open_gate();
	is_u64((uint64_t)-hd_thread_join(&thread, hd_now_ns() + 10000 * MS), 0,
	       "joined");
	is_u64((uint64_t)-hd_thread_gone(&thread, HEDDLE_FOREVER), 0, "gone");
	ok(on_own_stack, "it ran on the stack it was given");
	for (int signal = 1; signal <= SIGSYS; signal++) {
		bool is_fault = signal == SIGSEGV || signal == SIGBUS ||
				signal == SIGFPE || signal == SIGILL ||
				signal == SIGTRAP || signal == SIGABRT ||
				signal == SIGSYS;

		if (is_fault)
			open &= !sigismember(&seen_mask, signal);
		else if (signal != SIGKILL && signal != SIGSTOP)
			blocked &= sigismember(&seen_mask, signal) == 1;
	}
	ok(open, "the signals of faults are open");
	ok(blocked, "all others are blocked");
	hd_stack_unmap(options.stack, options.stack_size, 0);
}

/*
 * F05: joined is not gone. The thread's number must be free for the kernel
 * each time, which tgkill shows; a number in use again by a thread of this
 * process has another start time, and here nobody else creates threads.
 */
static void test_gone(void)
{
	unsigned int lingered = 0;
	bool all_gone = true;

	for (int i = 0; i < 300; i++) {
		int32_t tid;

		start(look_and_wait, "short");
		open_gate();
		hd_thread_join(&thread, HEDDLE_FOREVER);
		tid = atomic_load_explicit(&thread.tid, memory_order_relaxed);
		lingered += syscall(SYS_tgkill, getpid(), tid, 0) == 0;
		all_gone &= hd_thread_gone(&thread, HEDDLE_FOREVER) == 0;
		all_gone &= syscall(SYS_tgkill, getpid(), tid, 0) < 0 &&
			    errno == ESRCH;
		hd_stack_unmap(options.stack, options.stack_size, 0);
	}
	ok(all_gone, "300 threads: gone means gone");
	diag("%u were not gone yet when the join returned", lingered);

	/* The same number with a later start time is another thread. */
	start(look_and_wait, "later life");
	await_tid();
	is_u64((uint64_t)-hd_thread_gone(&thread, HEDDLE_NOW), ETIMEDOUT,
	       "one that lives is not gone");
	thread.born = 1;
	is_u64((uint64_t)-hd_thread_gone(&thread, HEDDLE_NOW), 0,
	       "a number that was given away again does not hold us up");
	open_gate();
	hd_thread_join(&thread, HEDDLE_FOREVER);
	hd_stack_unmap(options.stack, options.stack_size, 0);
}

static void test_names(void)
{
	static const char *const names[] = {
		"plain",      "two words", ")",      "((((", ") R 1 2 3 4 5",
		"a) S 0 0 (", "",          "tab\tx", "%s%n", "\xff\xfe",
	};
	uint64_t value = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		uint64_t plain = 0, named = 1;

		prctl(PR_SET_NAME, "x", 0, 0, 0);
		hd_procfs_start(hd_thread_id(), &plain);
		prctl(PR_SET_NAME, names[i], 0, 0, 0);
		hd_procfs_start(hd_thread_id(), &named);
		ok(plain && plain == named,
		   "start time of a thread called "
		   "number %zu of the hostile list",
		   i);
	}
	prctl(PR_SET_NAME, "platform", 0, 0, 0);
	ok(hd_procfs_parse_start("1 (a", &value) == -EINVAL, "no end of name");
	ok(hd_procfs_parse_start("1 (a) S 1 2", &value) == -EINVAL,
	   "too short");
	ok(hd_procfs_parse_start("1 (a) S 4 5 6 7 8 9 10 11 12 13 14 15 16 17 "
				 "18 19 20 21 x",
				 &value) == -EINVAL,
	   "not a number");
	ok(hd_procfs_parse_start("1 (a) ) S 4 5 6 7 8 9 10 11 12 13 14 15 16 "
				 "17 18 19 20 21 22 23",
				 &value) == 0 &&
		   value == 22,
	   "the field is the 22nd");
	ok(hd_procfs_start(INT32_MAX, &value) == -ENOENT, "no such thread");
}

/* -- what a task leaves behind -- */

static unsigned int changed_clean, changed_dirty, changed_again;
static bool name_ok, affinity_ok, mask_ok, fenv_ok, errno_ok, signal_stack_ok,
	cancel_ok;
static double restore_ns;

static void dirty(void)
{
	static char signal_stack[65536];
	stack_t stack = { .ss_sp = signal_stack,
			  .ss_size = sizeof(signal_stack) };
	cpu_set_t one;
	sigset_t usr1;
#if defined(__x86_64__)
	unsigned int mxcsr;
#endif

	prctl(PR_SET_NAME, "mine now", 0, 0, 0);
	CPU_ZERO(&one);
	CPU_SET(hd_cpu_current(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
	sigaltstack(&stack, NULL);
	fesetround(FE_UPWARD);
	feraiseexcept(FE_DIVBYZERO);
#if defined(__x86_64__)
	/* Flush-to-zero and denormals-are-zero change results silently. */
	__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
	mxcsr |= 0x8040;
	__asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
#endif
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	errno = ENXIO;
}

static void inspect(void)
{
	char name[16];
	cpu_set_t now;
	sigset_t mask;
	stack_t stack;
	volatile double tiny = 0x1p-1074, half = 0.5;
	int state, type;

	errno_ok = errno == 0;
	fenv_ok = fegetround() == FE_TONEAREST &&
		  !fetestexcept(FE_ALL_EXCEPT) && tiny != 0 &&
		  tiny + tiny == 0x1p-1073 && half + half == 1;
	prctl(PR_GET_NAME, name, 0, 0, 0);
	name_ok = !strcmp(name, options.name);
	sched_getaffinity(0, sizeof(now), &now);
	affinity_ok = !memcmp(&now, options.cpu_set, sizeof(now));
	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	mask_ok = sigismember(&mask, SIGUSR1) && !sigismember(&mask, SIGSEGV);
	sigaltstack(NULL, &stack);
	signal_stack_ok = stack.ss_flags & SS_DISABLE;
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
	cancel_ok = state == PTHREAD_CANCEL_ENABLE &&
		    type == PTHREAD_CANCEL_DEFERRED;
}

static void dirty_and_restore(void *arg)
{
	uint64_t begin;
	(void)arg;

	wait_at_gate();
	hd_thread_apply(&options);
	hd_thread_restore(&options);
	changed_clean = hd_thread_restore(&options);
	dirty();
	changed_dirty = hd_thread_restore(&options);
	inspect();
	/* The denormal above left a flag that <fenv.h> cannot name. */
	hd_thread_restore(&options);
	begin = hd_now_ns();
	changed_again = 0;
	for (int i = 0; i < 1000; i++)
		changed_again += hd_thread_restore(&options);
	restore_ns = (double)(hd_now_ns() - begin) / 1000;
}

static void test_restore(void)
{
	static cpu_set_t set;

	if (hd_cpu_set_get(&set, sizeof(set)))
		bail("hd_cpu_set_get failed");
	start(dirty_and_restore, "a template");
	/* Written before the gate opens, read after it. */
	options.cpu_set = &set;
	options.cpu_set_size = sizeof(set);
	open_gate();
	hd_thread_join(&thread, HEDDLE_FOREVER);
	is_u64(changed_clean, 0, "a clean thread needs nothing");
	is_u64(changed_dirty, CPU_COUNT(&set) > 1 ? 7 : 6,
	       "every item that was changed is counted");
	ok(name_ok, "name");
	ok(affinity_ok, "affinity");
	ok(mask_ok, "signal mask");
	ok(fenv_ok, "rounding, flags and denormals");
	ok(errno_ok, "errno");
	ok(signal_stack_ok, "alternate signal stack");
	ok(cancel_ok, "cancelability");
	is_u64(changed_again, 0, "and stays clean");
	diag("%.0f ns for a clean thread", restore_ns);
	hd_stack_unmap(options.stack, options.stack_size, 0);
}

static void widen(void *arg)
{
	(void)arg;
	wait_at_gate();
	hd_thread_apply(&options);
	/* Once for what a sanitizer gave the thread. */
	hd_thread_restore(&options);
	changed_clean = hd_thread_restore(&options);
	changed_clean += hd_thread_restore(&options);
}

/* A template with CPUs this machine does not have is no change each time. */
static void test_restore_offline(void)
{
	static cpu_set_t set;

	memset(&set, 0xff, sizeof(set));
	start(widen, "wide");
	options.cpu_set = &set;
	options.cpu_set_size = sizeof(set);
	open_gate();
	hd_thread_join(&thread, HEDDLE_FOREVER);
	is_u64(changed_clean, 0, "absent CPUs in the template are no change");
	hd_stack_unmap(options.stack, options.stack_size, 0);
}

/* -- grace periods -- */

static _Atomic uint32_t reading, read_ended;

static void reader(void *arg)
{
	(void)arg;
	hd_rcu_register();
	hd_rcu_read_lock();
	hd_rcu_read_lock();
	hd_rcu_read_unlock();
	atomic_store_explicit(&reading, 1,
			      memory_order_release); /* platform-2 */
	/* Long enough for a grace period that does not wait to be caught. */
	nanosleep(&(struct timespec){ 0, 30 * 1000 * 1000 }, NULL);
	/* Relaxed: the grace period orders it. */
	atomic_store_explicit(&read_ended, 1, memory_order_relaxed);
	hd_rcu_read_unlock();
	hd_rcu_unregister();
}

static void test_rcu(void)
{
	start(reader, "reader");
	while (!atomic_load_explicit(&reading,
				     memory_order_acquire)) /* platform-2 */
		sched_yield();
	hd_rcu_synchronize();
	is_u64(atomic_load_explicit(&read_ended, memory_order_relaxed), 1,
	       "a grace period waits for the end of a nested section");
	hd_thread_join(&thread, HEDDLE_FOREVER);
	hd_stack_unmap(options.stack, options.stack_size, 0);
}

int main(void)
{
	tap_deadline(60);
	test_thread();
	test_gone();
	test_names();
	test_restore();
	test_restore_offline();
	test_rcu();
	return tap_done();
}
