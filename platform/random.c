/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random bits from the kernel. A seed is never refused: where a filter denies
 * both sources, what differs from process to process is mixed instead.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include "platform/cancel.h"
#include "platform/clock.h"
#include "platform/random.h"

/* The finaliser of a 64-bit mixer: each input bit reaches each output bit. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static int from_device(uint64_t *value)
{
	int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return -errno;
	do
		got = read(fd, value, sizeof(*value));
	while (got < 0 && errno == EINTR);
	close(fd);
	return got == (ssize_t)sizeof(*value) ? 0 : -EIO;
}

uint64_t hd_random_u64(void)
{
	int saved_errno = errno, before = hd_cancel_off();
	uint64_t value = 0;
	ssize_t got;

	do
		got = getrandom(&value, sizeof(value), 0);
	while (got < 0 && errno == EINTR);
	if (got != (ssize_t)sizeof(value) && from_device(&value) < 0)
		value = mix(hd_now_ns() ^ mix((uint64_t)getpid()) ^
			    mix((uintptr_t)&value));
	hd_cancel_restore(before);
	errno = saved_errno;
	return value;
}
