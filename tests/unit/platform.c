/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The platform: quotas of control groups, threads that are gone when we say
 * so, what a task leaves on its OS thread, fault points, forked children and
 * the deadlines of the futex.
 *
 * Method: each part is given the case that is known to break it: a tree of
 * groups where only an ancestor is limited, thread names that look like the
 * end of a stat line, a thread that is still alive. A check that could be true
 * by itself is preceded by one that the situation was reached.
 *
 * fault: F05
 * fault: F13
 * fault: F41
 * fault: F42
 */
#include <errno.h>
#include <fenv.h>
#include <limits.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <heddle/testing.h>

#include "platform/clock.h"
#include "platform/cpu.h"
#include "platform/fault.h"
#include "platform/fork.h"
#include "platform/futex.h"
#include "platform/membarrier.h"
#include "platform/memory.h"
#include "platform/procfs.h"
#include "platform/quota.h"
#include "platform/random.h"
#include "platform/rcu.h"
#include "platform/thread.h"
#include "tests/tap/tap.h"

/* ThreadSanitizer keeps 800 KB of its own on each stack. */
#define STACK_SIZE ((size_t)1024 * 1024)
#define MS         UINT64_C(1000000)

/* -- control groups -- */

static char tree[PATH_MAX / 4];

/* Writes a file below the tree and makes the folders above it. */
static void put(const char *path, const char *text)
{
	char full[PATH_MAX];
	FILE *file;

	snprintf(full, sizeof(full), "%s%s", tree, path);
	for (char *at = full + strlen(tree) + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		if (mkdir(full, 0700) < 0 && errno != EEXIST)
			bail("mkdir %s: %s", full, strerror(errno));
		*at = '/';
	}
	file = fopen(full, "w");
	if (!file || fputs(text, file) < 0 || fclose(file))
		bail("write %s: %s", full, strerror(errno));
}

static void new_tree(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(tree, sizeof(tree), "%s/heddle-platform-XXXXXX",
		 tmp && strlen(tmp) < 512 ? tmp : "/tmp");
	if (!mkdtemp(tree))
		bail("mkdtemp: %s", strerror(errno));
}

static void drop_tree(void)
{
	char command[PATH_MAX];

	snprintf(command, sizeof(command), "rm -rf '%s'", tree);
	if (system(command))
		diag("%s is left", tree);
}

#define V2_MOUNT "35 24 0:30 / /cg rw,nosuid shared:9 - cgroup2 cgroup2 rw\n"
#define V1_MOUNT "36 24 0:31 / /v1 rw - cgroup cgroup rw,cpuacct,cpu\n"

static void test_quota_v2(void)
{
	new_tree();
	is_u64(hd_quota_milli(tree), UINT64_MAX, "no /proc: no quota");
	put("/proc/self/mountinfo",
	    "1 2 0:1 / /x rw - ext4 /dev/a rw\n" V2_MOUNT);
	put("/proc/self/cgroup", "0::/a/b/c\n");
	is_u64(hd_quota_milli(tree), UINT64_MAX, "v2 without files: none");
	put("/cg/a/b/c/cpu.max", "max 100000\n");
	is_u64(hd_quota_milli(tree), UINT64_MAX, "v2 max: none");
	put("/cg/a/b/c/cpu.max", "250000 100000\n");
	is_u64(hd_quota_milli(tree), 2500, "v2 own limit");
	put("/cg/a/b/cpu.max", "150000 100000\n");
	is_u64(hd_quota_milli(tree), 1500, "v2 parent is tighter");
	put("/cg/a/cpu.max", "70000 50000\n");
	is_u64(hd_quota_milli(tree), 1400, "v2 grandparent is tighter");
	put("/cg/cpu.max", "100 100000\n");
	is_u64(hd_quota_milli(tree), 1, "v2 limit at the mount point");
	put("/cg/cpu.max", "100000 0\n");
	is_u64(hd_quota_milli(tree), 1400, "a period of 0 is no limit");
	put("/cg/cpu.max", "18446744073709551615 1\n");
	is_u64(hd_quota_milli(tree), 1400, "an absurd quota is no limit");
	put("/cg/a/cpu.max", "garbage\n");
	is_u64(hd_quota_milli(tree), 1500, "a broken file hides nothing else");
	put("/cg/a/bb/cpu.max", "10000 100000\n");
	is_u64(hd_quota_milli(tree), 1500, "a sibling does not count");
	drop_tree();
}

static void test_quota_v1(void)
{
	new_tree();
	put("/proc/self/mountinfo", V1_MOUNT);
	put("/proc/self/cgroup", "5:memory:/m\n4:cpuset:/s\n"
				 "3:cpuacct,cpu:/p/q\n0::/\n");
	put("/v1/p/q/cpu.cfs_quota_us", "-1\n");
	put("/v1/p/q/cpu.cfs_period_us", "100000\n");
	is_u64(hd_quota_milli(tree), UINT64_MAX, "v1 -1: none");
	put("/v1/p/cpu.cfs_quota_us", "300000\n");
	put("/v1/p/cpu.cfs_period_us", "100000\n");
	is_u64(hd_quota_milli(tree), 3000, "v1 parent limits");
	put("/v1/p/q/cpu.cfs_quota_us", "200000\n");
	is_u64(hd_quota_milli(tree), 2000, "v1 own limit is tighter");
	/* Hybrid: both hierarchies hold. */
	put("/proc/self/mountinfo", V1_MOUNT V2_MOUNT);
	put("/proc/self/cgroup", "3:cpuacct,cpu:/p/q\n0::/u\n");
	put("/cg/u/cpu.max", "50000 100000\n");
	is_u64(hd_quota_milli(tree), 500, "hybrid: the tighter one of both");
	drop_tree();
}

static void test_quota_namespaces(void)
{
	new_tree();
	/* A mount that shows a part of the hierarchy, at a path with a blank. */
	put("/proc/self/mountinfo", "35 24 0:30 /docker/x /c\\040g rw shared:1 "
				    "master:2 - cgroup2 cgroup2 rw\n");
	put("/proc/self/cgroup", "0::/docker/x/job\n");
	put("/c g/job/cpu.max", "400000 100000\n");
	is_u64(hd_quota_milli(tree), 4000, "below the mount's root");
	put("/c g/cpu.max", "300000 100000\n");
	is_u64(hd_quota_milli(tree), 3000, "the mount's root counts too");
	put("/proc/self/cgroup", "0::/docker/xy\n");
	put("/c gy/cpu.max", "100 100000\n");
	is_u64(hd_quota_milli(tree), 3000, "a prefix is not an ancestor");
	put("/proc/self/cgroup", "0::/../../other\n");
	is_u64(hd_quota_milli(tree), 3000, "outside of the namespace");
	drop_tree();
}

static void test_cpu(void)
{
	cpu_set_t mine;
	size_t size = hd_cpu_set_size();
	uint64_t quota = hd_cpu_quota_milli();
	uint64_t want;
	bool in_mask = true;

	if (sched_getaffinity(0, sizeof(mine), &mine) < 0)
		bail("sched_getaffinity: %s", strerror(errno));
	ok(hd_cpu_possible() >= 1, "%u possible CPUs", hd_cpu_possible());
	ok(size >= sizeof(long) && size % sizeof(long) == 0,
	   "affinity of %zu bytes", size);
	want = (uint64_t)CPU_COUNT(&mine);
	if (quota != UINT64_MAX && (quota + 999) / 1000 < want)
		want = (quota + 999) / 1000;
	is_u64(hd_cpu_usable(), want, "usable CPUs: mask and quota");
	for (int i = 0; i < 1000; i++)
		in_mask &= CPU_ISSET(hd_cpu_current(), &mine);
	ok(in_mask, "the current CPU, by %s, is in the mask", hd_cpu_source());
	/* Pinned, the number is exact, whichever source gives it. */
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		cpu_set_t one;

		if (!CPU_ISSET(cpu, &mine))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (sched_setaffinity(0, sizeof(one), &one) < 0)
			continue;
		is_u64(hd_cpu_current(), (uint64_t)cpu, "pinned to CPU %d",
		       cpu);
	}
	sched_setaffinity(0, sizeof(mine), &mine);
}

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
		.stack = hd_stack_map(STACK_SIZE),
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
	hd_stack_unmap(options.stack, options.stack_size);
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
		hd_stack_unmap(options.stack, options.stack_size);
	}
	ok(all_gone, "300 threads: gone means gone");
	diag("%u were not gone yet when the join returned", lingered);

	/* The same number with another start time is another thread. */
	start(look_and_wait, "later life");
	await_tid();
	thread.start_time++;
	is_u64((uint64_t)-hd_thread_gone(&thread, HEDDLE_NOW), 0,
	       "a number that was given away again does not hold us up");
	open_gate();
	hd_thread_join(&thread, HEDDLE_FOREVER);
	hd_stack_unmap(options.stack, options.stack_size);
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
static bool name_ok, affinity_ok, mask_ok, fenv_ok, errno_ok, signal_stack_ok;
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
	errno = ENXIO;
}

static void inspect(void)
{
	char name[16];
	cpu_set_t now;
	sigset_t mask;
	stack_t stack;
	volatile double tiny = 0x1p-1074, half = 0.5;

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
	is_u64(changed_dirty, CPU_COUNT(&set) > 1 ? 6 : 5,
	       "every item that was changed is counted");
	ok(name_ok, "name");
	ok(affinity_ok, "affinity");
	ok(mask_ok, "signal mask");
	ok(fenv_ok, "rounding, flags and denormals");
	ok(errno_ok, "errno");
	ok(signal_stack_ok, "alternate signal stack");
	is_u64(changed_again, 0, "and stays clean");
	diag("%.0f ns for a clean thread", restore_ns);
	hd_stack_unmap(options.stack, options.stack_size);
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
	hd_stack_unmap(options.stack, options.stack_size);
}

/* -- faults -- */

static void nothing(void *arg)
{
	(void)arg;
}

static void test_faults(void)
{
	uint64_t passes = 0, failures = 0;
	_Atomic uint32_t word = 0;
	struct hd_thread_options stacked = { .stack_size = STACK_SIZE };
	struct hd_thread never;
	uint64_t begin;
	void *block;

	ok(heddle_fault_set(-1, 0, 1, EIO) == -EINVAL &&
		   heddle_fault_set(HEDDLE_FAULT_SITES, 0, 1, EIO) == -EINVAL &&
		   heddle_fault_set(HEDDLE_FAULT_MAP, 0, 1, 0) == -EINVAL &&
		   heddle_fault_count(-1, NULL, NULL) == -EINVAL &&
		   heddle_delay_set(HEDDLE_DELAY_SITES, 1) == -EINVAL,
	   "unknown sites and no errno are refused");

	heddle_fault_set(HEDDLE_FAULT_ALLOC, 2, 1, ENOMEM);
	for (int i = 0; i < 4; i++) {
		block = hd_alloc(10);
		ok(!block == (i == 2), "allocation %d %s", i,
		   i == 2 ? "fails" : "succeeds");
		hd_free(block);
	}
	heddle_fault_count(HEDDLE_FAULT_ALLOC, &passes, &failures);
	ok(passes == 4 && failures == 1, "4 passes, 1 failure");

	heddle_fault_set(HEDDLE_FAULT_MAP, 0, UINT32_MAX, ENOMEM);
	ok(!hd_map(1) && !hd_map(1) && !hd_fork_mark_create(),
	   "for ever is for ever");
	heddle_fault_set(HEDDLE_FAULT_MAP, 0, 0, 0);
	block = hd_map(1);
	ok(block, "until it is disarmed");
	hd_unmap(block, 1);

	heddle_fault_set(HEDDLE_FAULT_STACK_MAP, 0, 1, ENOMEM);
	ok(!hd_stack_map(STACK_SIZE), "no stack");
	stacked.stack = hd_stack_map(STACK_SIZE);
	heddle_fault_set(HEDDLE_FAULT_THREAD_CREATE, 0, 1, EAGAIN);
	is_u64((uint64_t)-hd_thread_create(&never, &stacked, nothing, NULL),
	       EAGAIN, "no thread");
	hd_stack_unmap(stacked.stack, STACK_SIZE);
	heddle_fault_set(HEDDLE_FAULT_AFFINITY, 0, 1, EINVAL);
	stacked.name = "platform";
	is_u64((uint64_t)-hd_thread_apply(&stacked), EINVAL, "no affinity");

	if (hd_membarrier_available()) {
		is_u64((uint64_t)-hd_membarrier(), 0, "membarrier");
		heddle_fault_set(HEDDLE_FAULT_MEMBARRIER, 0, 2, EPERM);
		ok(!hd_membarrier_available(), "refused");
		is_u64((uint64_t)-hd_membarrier(), EPERM, "and failing");
		ok(hd_membarrier_available(), "a fault is not remembered");
	} else {
		skip(4, "membarrier(PRIVATE_EXPEDITED)");
	}

	heddle_fault_set(HEDDLE_FAULT_FUTEX_EINTR, 0, 1, EINTR);
	is_u64((uint64_t)-hd_futex_wait(&word, 0, UINT64_MAX), 0,
	       "a wait is interrupted");

	heddle_delay_set(HEDDLE_DELAY_CLAIM, 20 * MS);
	begin = hd_now_ns();
	hd_delay(HEDDLE_DELAY_CLAIM);
	ok(hd_now_ns() - begin >= 20 * MS, "a delay delays");
	heddle_delay_set(HEDDLE_DELAY_CLAIM, 0);
}

/* -- futex, memory, fork, the rest -- */

static void on_signal(int signal)
{
	(void)signal;
}

static void test_futex(void)
{
	_Atomic uint32_t word = 5;
	uint64_t begin = hd_now_ns();
	void *dead = hd_map(1);

	is_u64((uint64_t)-hd_futex_wait(&word, 4, UINT64_MAX), EAGAIN,
	       "another value: no sleep");
	is_u64((uint64_t)-hd_futex_wait(&word, 4, 0), EAGAIN, "nor a try");
	is_u64((uint64_t)-hd_futex_wait(&word, 5, 0), ETIMEDOUT, "a try");
	is_u64((uint64_t)-hd_futex_wait(&word, 5, 1), ETIMEDOUT,
	       "a deadline long ago");
	is_u64((uint64_t)-hd_futex_wait(&word, 5, begin + 50 * MS), ETIMEDOUT,
	       "a deadline ahead");
	ok(hd_now_ns() >= begin + 50 * MS, "is absolute and was waited for");
	is_u64((uint64_t)hd_futex_wake(&word, 1), 0, "nobody to wake");
	hd_unmap(dead, 1);
	errno = 0;
	is_u64((uint64_t)hd_futex_wake(dead, 1), 0, "a dead address");
	is_u64((uint64_t)errno, 0, "and errno is left alone");
}

/* A real signal: the wait returns 0, not an error that callers would pass on. */
static void test_futex_signal(void)
{
	struct sigaction action = { .sa_handler = on_signal }, before;
	_Atomic uint32_t word = 0;
	timer_t timer;
	struct itimerspec soon = { .it_value = { 0, 20 * 1000 * 1000 } };

	sigaction(SIGALRM, &action, &before);
	if (timer_create(CLOCK_MONOTONIC, NULL, &timer) < 0)
		bail("timer_create: %s", strerror(errno));
	timer_settime(timer, 0, &soon, NULL);
	is_u64((uint64_t)-hd_futex_wait(&word, 0, hd_now_ns() + 20000 * MS), 0,
	       "EINTR is a return for no reason");
	timer_delete(timer);
	sigaction(SIGALRM, &before, NULL);
}

static bool is_zero(const unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i])
			return false;
	return true;
}

static void test_memory(void)
{
	size_t page = hd_page_size();
	unsigned char *map = hd_map(3 * page + 1);
	unsigned char *block = hd_alloc(1000);
	pid_t child;
	int status = 0;
	char *stack;

	ok(map && is_zero(map, 4 * page), "a mapping is zero");
	memset(map, 7, 4 * page);
	hd_memory_drop(map + page, 2 * page);
	ok(map[page - 1] == 7 && is_zero(map + page, 2 * page) &&
		   map[3 * page] == 7,
	   "what is dropped is zero, and only that");
	hd_unmap(map, 3 * page + 1);
	ok(block && (uintptr_t)block % 128 == 0 && is_zero(block, 1000),
	   "the heap is aligned and zero");
	hd_free(block);
	ok(!hd_map(SIZE_MAX) && !hd_alloc(SIZE_MAX) && !hd_stack_map(SIZE_MAX),
	   "sizes that overflow are refused");

	stack = hd_stack_map(STACK_SIZE);
	child = fork();
	if (child == 0) {
		stack[0] = 1;
		signal(SIGSEGV, SIG_DFL);
		stack[-1] = 1;
		_exit(0);
	}
	waitpid(child, &status, 0);
	/* A sanitizer turns the signal into an exit status of its own. */
	ok(!WIFEXITED(status) || WEXITSTATUS(status),
	   "the byte below a stack is guarded");
	hd_stack_unmap(stack, STACK_SIZE);
}

static void test_fork(void)
{
	const uint32_t *mark = hd_fork_mark_create();
	int status = 0;
	pid_t child;

	if (!mark) {
		skip(3, "MADV_WIPEONFORK");
		return;
	}
	is_u64(*mark, 1, "marked here");
	child = fork();
	if (child == 0)
		_exit(*(const volatile uint32_t *)mark == 0 ? 17 : 18);
	waitpid(child, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 17,
	   "and not in a child");
	is_u64(*mark, 1, "still marked here");
	hd_fork_mark_destroy(mark);
	hd_fork_mark_destroy(NULL);
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
	hd_stack_unmap(options.stack, options.stack_size);
}

int main(void)
{
	tap_deadline(60);
	test_quota_v2();
	test_quota_v1();
	test_quota_namespaces();
	test_cpu();
	test_thread();
	test_gone();
	test_names();
	test_restore();
	test_restore_offline();
	test_faults();
	test_futex();
	test_futex_signal();
	test_memory();
	test_fork();
	test_rcu();
	ok(hd_random_u64() != hd_random_u64(), "two random numbers differ");
	return tap_done();
}
