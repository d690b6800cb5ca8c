/* SPDX-License-Identifier: BSD-2-Clause */
/* The file that is published; see pubfile.h. */
#include "platform/pubfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/cancel.h"

#define NUMBERS 256 /* of default names of one process */
#define MAGIC   64  /* longest */

int32_t hd_process_id(void)
{
	return (int32_t)getpid();
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool begins_with(int fd, const char *magic, size_t size)
{
	char start[MAGIC];

	return size <= sizeof(start) &&
	       pread(fd, start, size, 0) == (ssize_t)size &&
	       memcmp(start, magic, size) == 0;
}

/* Was it left behind by a writer that is dead? Then it goes. */
static bool remove_stale(const char *path, const char *magic, size_t size)
{
	struct stat opened, named;
	bool stale;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return false;
	/* An empty one may be on its way to be locked: it is left alone. */
	stale = fstat(fd, &opened) == 0 && S_ISREG(opened.st_mode) &&
		opened.st_uid == geteuid() && begins_with(fd, magic, size) &&
		flock(fd, LOCK_EX | LOCK_NB) == 0 && lstat(path, &named) == 0 &&
		same_file(&opened, &named) && unlink(path) == 0;
	close(fd);
	return stale;
}

/* 0 or -errno; -EEXIST when somebody has it. */
static int create_at(struct hd_pubfile *file, const char *path,
		     const char *magic, size_t magic_size)
{
	int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int rc;

	file->fd = open(path, flags, 0600);
	if (file->fd < 0 && errno == EEXIST) {
		if (!remove_stale(path, magic, magic_size))
			return -EEXIST;
		file->fd = open(path, flags, 0600);
	}
	if (file->fd < 0)
		return -errno;
	/* The umask may have taken more away; a reader holds it for a moment. */
	do
		rc = fchmod(file->fd, 0600) < 0      ? -errno
		     : flock(file->fd, LOCK_EX) == 0 ? 0
						     : -errno;
	while (rc == -EINTR);
	if (rc < 0) {
		unlink(path);
		close(file->fd);
	}
	return rc;
}

/* A folder of this user that goes away with his session, or the machine's. */
static const char *default_folder(void)
{
	const char *folder = secure_getenv("XDG_RUNTIME_DIR");
	struct stat stat;

	if (folder && folder[0] == '/' && lstat(folder, &stat) == 0 &&
	    S_ISDIR(stat.st_mode) && stat.st_uid == geteuid())
		return folder;
	return "/dev/shm";
}

static int create(struct hd_pubfile *file, const char *path, const char *magic,
		  size_t magic_size)
{
	int number, length, rc = -EEXIST;

	if (path) {
		length = snprintf(file->path, sizeof(file->path), "%s", path);
		if (length >= (int)sizeof(file->path))
			return -ENAMETOOLONG;
		return create_at(file, path, magic, magic_size);
	}
	for (number = 0; number < NUMBERS && rc == -EEXIST; number++) {
		length = snprintf(file->path, sizeof(file->path),
				  "%s/heddle.%d.%d", default_folder(),
				  (int)getpid(), number);
		if (length >= (int)sizeof(file->path))
			return -ENAMETOOLONG;
		rc = create_at(file, file->path, magic, magic_size);
	}
	return rc;
}

int hd_pubfile_create(struct hd_pubfile *file, const char *path,
		      const char *magic, size_t magic_size)
{
	int before = hd_cancel_off();
	int rc = create(file, path, magic, magic_size);

	hd_cancel_restore(before);
	return rc;
}

static int write_all(struct hd_pubfile *file, const void *data, size_t size)
{
	const char *from = data;
	struct rlimit limit;
	size_t done = 0;

	/* Beyond the limit the kernel would end the process with a signal. */
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && size > limit.rlim_cur)
		return -EFBIG;
	while (done < size) {
		ssize_t n =
			pwrite(file->fd, from + done, size - done, (off_t)done);

		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno != EINTR)
			return n == 0 ? -EIO : -errno;
	}
	return 0;
}

int hd_pubfile_write(struct hd_pubfile *file, const void *data, size_t size)
{
	int before = hd_cancel_off();
	int rc = write_all(file, data, size);

	hd_cancel_restore(before);
	return rc;
}

void hd_pubfile_remove(struct hd_pubfile *file)
{
	struct stat opened, named;

	if (fstat(file->fd, &opened) == 0 && lstat(file->path, &named) == 0 &&
	    same_file(&opened, &named))
		unlink(file->path);
	hd_pubfile_drop(file);
}

void hd_pubfile_drop(struct hd_pubfile *file)
{
	int before = hd_cancel_off();

	close(file->fd);
	hd_cancel_restore(before);
}
