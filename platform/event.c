/* SPDX-License-Identifier: BSD-2-Clause */
/* See event.h. The only file that knows that the descriptor is an eventfd. */
#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "platform/cacheline.h"
#include "platform/cancel.h"
#include "platform/event.h"

int hd_event_create(void)
{
	int saved_errno = errno;
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	if (fd >= 0)
		return fd;
	fd = -errno;
	errno = saved_errno;
	return fd;
}

/* EAGAIN at 2^64 - 2 signals, and then it is readable anyway. */
void hd_event_signal(int fd)
{
	int saved_errno = errno, before = hd_cancel_off();
	uint64_t one = 1;
	ssize_t n;

	do
		n = write(fd, &one, sizeof(one));
	while (n < 0 && errno == EINTR);
	hd_cancel_restore(before);
	hd_assert(n == sizeof(one) || errno == EAGAIN);
	errno = saved_errno;
}

void hd_event_drain(int fd)
{
	int saved_errno = errno, before = hd_cancel_off();
	uint64_t count;
	ssize_t n;

	do
		n = read(fd, &count, sizeof(count));
	while (n < 0 && errno == EINTR);
	hd_cancel_restore(before);
	hd_assert(n == sizeof(count) || errno == EAGAIN);
	errno = saved_errno;
}

void hd_event_close(int fd)
{
	int saved_errno = errno, before = hd_cancel_off();

	close(fd);
	hd_cancel_restore(before);
	errno = saved_errno;
}
