/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rest of the platform: fault points, the deadlines of the futex, memory, forked
 * children.
 *
 * clause: E4
 * fault: F42 F38
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <heddle/testing.h>

#include "platform/clock.h"
#include "platform/event.h"
#include "platform/fault.h"
#include "platform/fork.h"
#include "platform/futex.h"
#include "platform/membarrier.h"
#include "platform/memory.h"
#include "platform/random.h"
#include "platform/rcu.h"
#include "platform/thread.h"
#include "tests/tap/tap.h"

/* ThreadSanitizer keeps 800 KB of its own on each stack. */
#define STACK_SIZE ((size_t)1024 * 1024)
#define MS         UINT64_C(1000000)

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
	ok(!hd_stack_map(STACK_SIZE, 0), "no stack");
	stacked.stack = hd_stack_map(STACK_SIZE, 0);
	heddle_fault_set(HEDDLE_FAULT_THREAD_CREATE, 0, 1, EAGAIN);
	is_u64((uint64_t)-hd_thread_create(&never, &stacked, nothing, NULL),
	       EAGAIN, "no thread");
	hd_stack_unmap(stacked.stack, STACK_SIZE, 0);
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
	ok(!hd_map(SIZE_MAX) && !hd_alloc(SIZE_MAX) &&
		   !hd_stack_map(SIZE_MAX, 0),
	   "sizes that overflow are refused");

	stack = hd_stack_map(STACK_SIZE, 0);
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
	hd_stack_unmap(stack, STACK_SIZE, 0);
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

static bool is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void test_event(void)
{
	int fd = hd_event_create();

	ok(fd >= 0 && !is_readable(fd), "an event, not yet readable");
	errno = 77;
	hd_event_signal(fd);
	hd_event_signal(fd);
	ok(is_readable(fd), "signalled");
	hd_event_drain(fd);
	ok(!is_readable(fd), "drained");
	hd_event_drain(fd);
	ok(errno == 77, "a drain of nothing does not wait; errno is kept");
	ok((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0, "closed by exec");
	hd_event_close(fd);
}

/* -- read sections in a child -- */

static _Atomic uint32_t inside, may_end;

static void *stay_inside(void *arg)
{
	(void)arg;
	hd_rcu_register();
	hd_rcu_read_lock();
	atomic_store(&inside, 1);
	while (!atomic_load(&may_end))
		poll(NULL, 0, 1);
	hd_rcu_read_unlock();
	hd_rcu_unregister();
	return NULL;
}

/* A reader that the child does not have would keep its grace periods for ever. */
static void test_rcu_of_child(void)
{
	const uint32_t *mark = hd_fork_mark_create();
	pthread_t reader;
	int status = 0;
	pid_t pid;

	if (pthread_create(&reader, NULL, stay_inside, NULL))
		bail("a thread");
	while (!atomic_load(&inside))
		poll(NULL, 0, 1);
	pid = fork();
	if (pid == 0) {
		alarm(5);
		hd_fork_mark_create();
		hd_rcu_register();
		hd_rcu_read_lock();
		hd_rcu_read_unlock();
		hd_rcu_synchronize();
		hd_rcu_unregister();
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		bail("a child");
	atomic_store(&may_end, 1);
	pthread_join(reader, NULL);
	ok(status == 0,
	   "a child's grace period waits for no reader of the parent");
	hd_fork_mark_destroy(mark);
}

int main(void)
{
	tap_deadline(60);
	test_faults();
	test_futex();
	test_futex_signal();
	test_memory();
	test_fork();
	test_event();
	test_rcu_of_child();
	ok(hd_random_u64() != hd_random_u64(), "two random numbers differ");
	return tap_done();
}
