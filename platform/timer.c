/* SPDX-License-Identifier: BSD-2-Clause */
/* timerfd(2) on CLOCK_MONOTONIC; one shot, so that a late reader finds one. */
#include "platform/timer.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "platform/cancel.h"

#define NS_PER_S UINT64_C(1000000000)
#define S_MAX    (UINT64_C(1) << 33) /* what fits the kernel's 64 bits of ns */

int hd_timer_create(void)
{
	int saved_errno = errno;
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	int rc = fd < 0 ? -errno : fd;

	errno = saved_errno;
	return rc;
}

void hd_timer_arm(int fd, uint64_t ns)
{
	struct itimerspec when = { { 0, 0 }, { 0, 0 } };
	int saved_errno = errno;
	uint64_t seconds = ns / NS_PER_S;

	when.it_value.tv_sec = (time_t)(seconds < S_MAX ? seconds : S_MAX);
	when.it_value.tv_nsec = (long)(ns % NS_PER_S);
	/* It can fail only for a descriptor that is none of ours any more. */
	(void)timerfd_settime(fd, 0, &when, NULL);
	errno = saved_errno;
}

bool hd_timer_take(int fd)
{
	int saved_errno = errno, before = hd_cancel_off();
	uint64_t times = 0;
	ssize_t got;

	do
		got = read(fd, &times, sizeof(times));
	while (got < 0 && errno == EINTR);
	hd_cancel_restore(before);
	errno = saved_errno;
	return got == (ssize_t)sizeof(times) && times;
}

void hd_timer_close(int fd)
{
	int saved_errno = errno, before = hd_cancel_off();

	close(fd);
	hd_cancel_restore(before);
	errno = saved_errno;
}
