/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Private futexes with absolute deadlines. The wait is the bitset form, since
 * it alone takes an absolute time of CLOCK_MONOTONIC: a wait that begins again
 * after an early return does not begin its time again.
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <heddle/testing.h>

#include "platform/cacheline.h"
#include "platform/fault.h"
#include "platform/futex.h"

#define NS_PER_S UINT64_C(1000000000)

int hd_futex_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t deadline)
{
	struct timespec until;
	struct timespec *timeout = NULL;
	int saved_errno = errno;
	int error;

	/* A signal that arrives at once, for tests. */
	if (hd_fault(HEDDLE_FAULT_FUTEX_EINTR))
		return 0;
	if (deadline == 0) {
		/* The caller looks again with an order of its own. */
		uint32_t now = atomic_load_explicit(word, memory_order_relaxed);

		return now == expected ? -ETIMEDOUT : -EAGAIN;
	}
	if (deadline != UINT64_MAX) {
		until.tv_sec = (time_t)(deadline / NS_PER_S);
		until.tv_nsec = (long)(deadline % NS_PER_S);
		timeout = &until;
	}
	if (syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG,
		    expected, timeout, NULL, FUTEX_BITSET_MATCH_ANY) == 0)
		return 0;
	error = errno;
	errno = saved_errno;
	hd_assert(error == EINTR || error == EAGAIN || error == ETIMEDOUT);
	return error == EINTR ? 0 : -error;
}

int hd_futex_wake(const void *word, int n)
{
	int saved_errno = errno;
	long woken = syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG,
			     n, NULL, NULL, 0);

	/*
	 * The sleeper may have seen the new value, gone on and freed the page
	 * before this call: EFAULT is nobody to wake.
	 */
	errno = saved_errno;
	return woken < 0 ? 0 : (int)woken;
}
