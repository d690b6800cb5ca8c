/* SPDX-License-Identifier: BSD-2-Clause */
/* Timers and published files in the laboratory: nothing outside takes part. */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/pubfile.h"
#include "platform/timer.h"

/* It is always time. */
int hd_timer_create(void)
{
	return 0;
}

void hd_timer_arm(int fd, uint64_t ns)
{
	(void)fd;
	(void)ns;
}

bool hd_timer_take(int fd)
{
	(void)fd;
	return true;
}

void hd_timer_close(int fd)
{
	(void)fd;
}

/* -- files: there is no other process to see them -- */

int32_t hd_process_id(void)
{
	return 1;
}

int hd_pubfile_create(struct hd_pubfile *file, const char *path,
		      const char *magic, size_t magic_size)
{
	(void)file;
	(void)path;
	(void)magic;
	(void)magic_size;
	return -ENOSYS;
}

int hd_pubfile_write(struct hd_pubfile *file, const void *data, size_t size)
{
	(void)file;
	(void)data;
	(void)size;
	return -ENOSYS;
}

void hd_pubfile_remove(struct hd_pubfile *file)
{
	(void)file;
}

void hd_pubfile_drop(struct hd_pubfile *file)
{
	(void)file;
}
