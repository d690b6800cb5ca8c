/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread's start time and state from its stat file (proc(5)). The second field is the
 * name in parentheses, and a name may hold spaces and parentheses itself: counting
 * starts after the last one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <heddle/testing.h>

#include "platform/cancel.h"
#include "platform/fault.h"
#include "platform/procfs.h"

int hd_procfs_parse_start(const char *line, uint64_t *start_time)
{
	const char *at = strrchr(line, ')');
	unsigned long long value;
	char *end;
	int field;

	if (!at)
		return -EINVAL;
	/* The blank before field 3 follows the parenthesis. */
	at++;
	for (field = 3; field < 22; field++) {
		if (*at != ' ')
			return -EINVAL;
		at += 1 + strcspn(at + 1, " ");
	}
	if (at[0] != ' ' || at[1] < '0' || at[1] > '9')
		return -EINVAL;
	errno = 0;
	value = strtoull(at + 1, &end, 10);
	if (errno || (*end != ' ' && *end != '\n' && *end != '\0'))
		return -EINVAL;
	*start_time = value;
	return 0;
}

int hd_procfs_parse_state(const char *line, char *state)
{
	const char *at = strrchr(line, ')');

	if (!at || at[1] != ' ' || !at[2] || at[3] != ' ')
		return -EINVAL;
	*state = at[2];
	return 0;
}

/* Reads a small file as a string; the length or -errno. */
static ssize_t read_small(const char *path, char *text, size_t size)
{
	int before = hd_cancel_off();
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t got;

	if (fd < 0) {
		hd_cancel_restore(before);
		return -errno;
	}
	do {
		got = read(fd, text + length, size - 1 - length);
		if (got > 0)
			length += (size_t)got;
	} while (got > 0 || (got < 0 && errno == EINTR));
	got = got < 0 ? -errno : (ssize_t)length;
	close(fd);
	hd_cancel_restore(before);
	text[length] = '\0';
	return got;
}

/* The stat line of a thread: 0 or -errno. */
static int read_stat(int32_t tid, char *text, size_t size)
{
	char path[64];
	ssize_t got;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
	got = read_small(path, text, size);
	/* ESRCH: it went away between the open and the read. */
	if (got < 0)
		return got == -ESRCH ? -ENOENT : (int)got;
	return 0;
}

int hd_procfs_start(int32_t tid, uint64_t *start_time)
{
	int saved_errno = errno;
	int rc = hd_fault(HEDDLE_FAULT_START_TIME);
	char text[1024];

	if (rc)
		return -rc;
	rc = read_stat(tid, text, sizeof(text));
	if (rc == 0)
		rc = hd_procfs_parse_start(text, start_time);
	errno = saved_errno;
	return rc;
}

uint64_t hd_procfs_now(void)
{
	long ticks = sysconf(_SC_CLK_TCK); /* a constant of glibc's */
	struct timespec now;

	/* The clock of field 22, also in a time namespace. */
	if (hd_fault(HEDDLE_FAULT_START_TIME) || ticks <= 0 ||
	    clock_gettime(CLOCK_BOOTTIME, &now) < 0)
		return 0;
	return (uint64_t)now.tv_sec * (uint64_t)ticks +
	       (uint64_t)now.tv_nsec / (UINT64_C(1000000000) / (uint64_t)ticks);
}

int hd_procfs_state(int32_t tid, char *state)
{
	int saved_errno = errno;
	char text[1024];
	int rc = read_stat(tid, text, sizeof(text));

	if (rc == 0)
		rc = hd_procfs_parse_state(text, state);
	errno = saved_errno;
	return rc;
}
