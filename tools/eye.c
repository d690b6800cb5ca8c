/* SPDX-License-Identifier: BSD-2-Clause */
/* Finding, opening and reading the files of published pools; see snapshot.h. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tools/say.h"
#include "tools/snapshot.h"

#define SIZE_LIMIT ((off_t)1 << 28)
#define READ_TRIES 200 /* a millisecond apart */

/* Said first of a file that is something else: its mode is nobody's concern. */
static bool is_snapshot(int fd)
{
	char magic[sizeof(HEDDLE_SNAPSHOT_MAGIC) - 1];
	ssize_t n = pread(fd, magic, sizeof(magic), 0);

	return n <= 0 || !memcmp(magic, HEDDLE_SNAPSHOT_MAGIC, (size_t)n);
}

static char *check_file(int fd, const char *path, off_t *size)
{
	struct stat stat;

	if (fstat(fd, &stat) < 0)
		return ht_text("%s: %s", path, strerror(errno));
	if (!S_ISREG(stat.st_mode))
		return ht_text("%s: not a file", path);
	if (!is_snapshot(fd))
		return ht_text("%s: it is not a snapshot of a pool", path);
	if (stat.st_uid != geteuid())
		return ht_text("%s: belongs to user %u, and you are %u", path,
			       (unsigned int)stat.st_uid,
			       (unsigned int)geteuid());
	if (stat.st_mode & (S_IRWXG | S_IRWXO))
		return ht_text("%s: others may use it too (mode %o)", path,
			       (unsigned int)stat.st_mode & 07777);
	if (stat.st_size > SIZE_LIMIT)
		return ht_text("%s: larger than any snapshot", path);
	*size = stat.st_size;
	return NULL;
}

char *ht_eye_open(struct ht_eye *eye, const char *path)
{
	off_t size;
	char *wrong;

	/* Not blocked by a pipe, not led away by a link. */
	eye->fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
				     O_CLOEXEC);
	if (eye->fd < 0)
		return ht_text("%s: %s", path,
			       errno == ELOOP ? "a symbolic link"
					      : strerror(errno));
	wrong = check_file(eye->fd, path, &size);
	if (wrong) {
		close(eye->fd);
		return wrong;
	}
	eye->path = ht_text("%s", path);
	return NULL;
}

void ht_eye_close(struct ht_eye *eye)
{
	close(eye->fd);
	free(eye->path);
}

/* Whoever writes it holds the lock for as long as it lives. */
static bool owner_lives(int fd)
{
	if (flock(fd, LOCK_SH | LOCK_NB) < 0)
		return errno == EWOULDBLOCK;
	flock(fd, LOCK_UN);
	return false;
}

static size_t read_all(int fd, void *buffer, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = pread(fd, (char *)buffer + done, size - done,
				  (off_t)done);

		if (n <= 0 && !(n < 0 && errno == EINTR))
			break;
		if (n > 0)
			done += (size_t)n;
	}
	return done;
}

static char *try_read(struct ht_eye *eye, struct ht_snapshot *out, bool *torn)
{
	const char *wrong;
	char *buffer, *text;
	off_t size;

	*torn = false;
	text = check_file(eye->fd, eye->path, &size);
	if (text)
		return text;
	buffer = ht_alloc(1, (size_t)size);
	wrong = ht_snapshot_parse(
		buffer, read_all(eye->fd, buffer, (size_t)size), out, torn);
	free(buffer);
	if (wrong)
		return ht_text("%s: %s", eye->path, wrong);
	return NULL;
}

char *ht_eye_read(struct ht_eye *eye, struct ht_snapshot *out)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	int left = READ_TRIES;
	char *wrong;
	bool torn, lives;

	for (;;) {
		/* Asked before: what a dead owner has written stays. */
		lives = owner_lives(eye->fd);
		wrong = try_read(eye, out, &torn);
		if (!wrong) {
			out->owner_lives = lives;
			return NULL;
		}
		if (!torn || !lives || !left--)
			return wrong;
		free(wrong);
		nanosleep(&pause, NULL);
	}
}

/* "heddle.PID.N"; of that process, or 0 for any. */
static bool is_name(const char *name, unsigned long pid)
{
	unsigned long of;
	char *end;

	if (strncmp(name, "heddle.", 7) || !isdigit((unsigned char)name[7]))
		return false;
	of = strtoul(name + 7, &end, 10);
	if (*end != '.' || !isdigit((unsigned char)end[1]) ||
	    (pid && of != pid))
		return false;
	strtoul(end + 1, &end, 10);
	return !*end;
}

struct walk {
	unsigned long pid;
	bool (*call)(const char *path, void *arg);
	void *arg;
};

static bool walk_folder(const char *folder, const struct walk *walk)
{
	struct dirent **entry;
	bool found = false;
	char *path;
	int i, n = folder ? scandir(folder, &entry, NULL, versionsort) : -1;

	if (n < 0)
		return false;
	for (i = 0; i < n; i++) {
		if (!found && is_name(entry[i]->d_name, walk->pid)) {
			path = ht_text("%s/%s", folder, entry[i]->d_name);
			found = walk->call(path, walk->arg);
			free(path);
		}
		free(entry[i]);
	}
	free(entry);
	return found;
}

static bool walk_all(const struct walk *walk)
{
	return walk_folder(getenv("XDG_RUNTIME_DIR"), walk) ||
	       walk_folder("/dev/shm", walk);
}

bool ht_eye_each(bool (*call)(const char *path, void *arg), void *arg)
{
	const struct walk walk = { .call = call, .arg = arg };

	return walk_all(&walk);
}

struct wanted {
	struct ht_eye *eye;
	const char *pool;
	char *wrong; /* of the last file that was not it, or NULL */
};

static bool is_wanted(const char *path, void *arg)
{
	struct wanted *wanted = arg;
	struct ht_snapshot snapshot;
	bool right;

	free(wanted->wrong);
	wanted->wrong = ht_eye_open(wanted->eye, path);
	if (wanted->wrong)
		return false;
	wanted->wrong = ht_eye_read(wanted->eye, &snapshot);
	if (wanted->wrong) {
		ht_eye_close(wanted->eye);
		return false;
	}
	right = !wanted->pool || !strcmp(snapshot.head.name, wanted->pool);
	ht_snapshot_free(&snapshot);
	if (!right)
		ht_eye_close(wanted->eye);
	return right;
}

char *ht_eye_find(struct ht_eye *eye, const char *who, const char *pool)
{
	struct wanted wanted = { .eye = eye, .pool = pool };
	struct walk walk = { .call = is_wanted, .arg = &wanted };
	char *end;

	if (strchr(who, '/'))
		return ht_eye_open(eye, who);
	errno = 0;
	walk.pid = isdigit((unsigned char)who[0]) ? strtoul(who, &end, 10) : 0;
	if (!walk.pid || *end || errno)
		return ht_text("'%s': neither the number of a process nor a "
			       "path with a '/'",
			       who);
	if (walk_all(&walk))
		return NULL;
	if (wanted.wrong)
		return wanted.wrong;
	return ht_text("process %s has published no pool%s%s (in "
		       "$XDG_RUNTIME_DIR or /dev/shm)",
		       who, pool ? " " : "", pool ? pool : "");
}
