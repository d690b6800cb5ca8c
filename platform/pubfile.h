/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file that one process writes for others of the same user to read: mode 0600,
 * written as a whole with pwrite(), never mapped, so that nobody who shortens
 * it gets a signal to anybody. Its writer holds a flock(2): it lives as long
 * as that is held, which the kernel ends with the last process that has the
 * descriptor.
 */
#ifndef HEDDLE_PLATFORM_PUBFILE_H
#define HEDDLE_PLATFORM_PUBFILE_H

#include <stddef.h>
#include <stdint.h>

struct hd_pubfile {
	int fd;
	char path[256];
};

/* The number that a process of this user has, for the content. */
int32_t hd_process_id(void);

/*
 * Makes the file at path, or for NULL at the default place. A file there that
 * begins with magic, belongs to this user and has no living writer is replaced.
 * 0, -EEXIST, -ENAMETOOLONG, -errno.
 */
int hd_pubfile_create(struct hd_pubfile *file, const char *path,
		      const char *magic, size_t magic_size);

/* The whole content anew. 0, -EFBIG, -errno. */
int hd_pubfile_write(struct hd_pubfile *file, const void *data, size_t size);

/* Removes it, if it is still the one that was made, and lets it go. */
void hd_pubfile_remove(struct hd_pubfile *file);

/* In a forked child: the file is the parent's. */
void hd_pubfile_drop(struct hd_pubfile *file);

#endif /* HEDDLE_PLATFORM_PUBFILE_H */
