/* SPDX-License-Identifier: BSD-2-Clause */
/* A folder of results, all or nothing; see results.h. */
#include "tools/results.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/say.h"

struct file {
	char *path;      /* where it belongs */
	char *temporary; /* where it is written */
	bool is_in_place;
};

struct ht_results {
	char *path;
	struct file *files;
	size_t n_files;
	char **made; /* folders that were not there, outermost first */
	size_t n_made;
	FILE *open; /* of the last file */
	int status; /* of the first failure */
};

/* Is it the argument that is wrong, or did the system fail? */
static int status_of(int error)
{
	switch (error) {
	case ENOTDIR:
	case EEXIST:
	case EISDIR:
	case EACCES:
	case EPERM:
	case EROFS:
	case ENAMETOOLONG:
	case ELOOP:
	case EINVAL:
	case ENOENT:
		return HT_USAGE;
	default:
		return HT_MISSED;
	}
}

static void fail(struct ht_results *results, const char *what, const char *path,
		 int error)
{
	if (results->status)
		return;
	results->status = status_of(error);
	ht_say("cannot %s %s: %s", what, path, strerror(error));
}

/* Make one folder if it is not there. */
static bool make_one(struct ht_results *results, const char *path)
{
	struct stat stat_of_path;

	if (!mkdir(path, 0777)) {
		results->made = ht_grow(results->made, results->n_made,
					sizeof(*results->made));
		results->made[results->n_made++] = ht_text("%s", path);
		return true;
	}
	/* A file system that cannot be written says so for an old one too. */
	if (stat(path, &stat_of_path)) {
		fail(results, "make the folder", path, errno);
		return false;
	}
	if (!S_ISDIR(stat_of_path.st_mode)) {
		fail(results, "make the folder", path, ENOTDIR);
		return false;
	}
	return true;
}

/* Make every folder on the way to the end of path, or to its last slash. */
static bool make_folders(struct ht_results *results, const char *path,
			 bool is_folder)
{
	char *part = ht_text("%s", path);
	bool is_made = true;
	char *at;

	for (at = part + 1; *part && is_made && *at; at++) {
		if (*at != '/' || at[-1] == '/')
			continue;
		*at = '\0';
		is_made = make_one(results, part);
		*at = '/';
	}
	if (is_made && is_folder)
		is_made = make_one(results, part);
	free(part);
	return is_made;
}

int ht_results_open(const char *path, struct ht_results **out)
{
	struct ht_results *results = ht_alloc(1, sizeof(*results));
	int status;

	*out = NULL;
	results->path = ht_text("%s", path);
	if (!*path)
		fail(results, "make the folder", "''", ENOENT);
	else if (make_folders(results, path, true) && access(path, W_OK | X_OK))
		fail(results, "write in the folder", path, errno);
	if (!results->status) {
		*out = results;
		return HT_OK;
	}
	status = results->status;
	ht_results_abandon(results);
	return status;
}

FILE *ht_results_begin(struct ht_results *results, const char *name)
{
	struct file *file;
	int fd;

	if (results->open)
		ht_results_end(results);
	if (results->status)
		return NULL;
	results->files = ht_grow(results->files, results->n_files,
				 sizeof(*results->files));
	file = &results->files[results->n_files];
	file->path = ht_text("%s/%s", results->path, name);
	file->temporary = ht_text("%s.part", file->path);
	file->is_in_place = false;
	results->n_files++;
	if (!make_folders(results, file->path, false))
		return NULL;
	fd = open(file->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		  0666);
	if (fd >= 0)
		results->open = fdopen(fd, "w");
	if (!results->open) {
		fail(results, "write", file->path, errno);
		if (fd >= 0)
			close(fd);
	}
	return results->open;
}

int ht_results_end(struct ht_results *results)
{
	const struct file *file;
	FILE *open = results->open;
	int error = 0;

	if (!open)
		return results->status;
	results->open = NULL;
	file = &results->files[results->n_files - 1];
	/* An earlier write may have failed and lost its errno. */
	errno = 0;
	if (fflush(open) || ferror(open))
		error = errno ? errno : EIO;
	if (!error && fsync(fileno(open)) && errno != EINVAL)
		error = errno;
	if (fclose(open) && !error)
		error = errno;
	if (error)
		fail(results, "write", file->path, error);
	return results->status;
}

/* The names themselves must be on the disk too. */
static void sync_folder(struct ht_results *results)
{
	int fd = open(results->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || (fsync(fd) && errno != EINVAL))
		fail(results, "write the folder", results->path, errno);
	if (fd >= 0)
		close(fd);
}

static void clean_up(struct ht_results *results)
{
	size_t i;

	for (i = 0; i < results->n_files; i++) {
		if (!results->status)
			continue;
		unlink(results->files[i].is_in_place
			       ? results->files[i].path
			       : results->files[i].temporary);
	}
	/* Folders that others have put something into stay. */
	for (i = results->n_made; i-- > 0;)
		if (results->status)
			rmdir(results->made[i]);
}

static void free_results(struct ht_results *results)
{
	size_t i;

	for (i = 0; i < results->n_files; i++) {
		free(results->files[i].path);
		free(results->files[i].temporary);
	}
	for (i = 0; i < results->n_made; i++)
		free(results->made[i]);
	free(results->files);
	free(results->made);
	free(results->path);
	free(results);
}

int ht_results_close(struct ht_results *results)
{
	struct file *file;
	int status;
	size_t i;

	ht_results_end(results);
	for (i = 0; i < results->n_files && !results->status; i++) {
		file = &results->files[i];
		if (rename(file->temporary, file->path))
			fail(results, "write", file->path, errno);
		else
			file->is_in_place = true;
	}
	if (!results->status)
		sync_folder(results);
	status = results->status;
	clean_up(results);
	free_results(results);
	return status;
}

void ht_results_abandon(struct ht_results *results)
{
	if (!results)
		return;
	if (results->open)
		fclose(results->open);
	if (!results->status)
		results->status = HT_MISSED;
	clean_up(results);
	free_results(results);
}
