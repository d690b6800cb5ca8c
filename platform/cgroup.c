/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Control groups limit at every level of their tree, and the tightest level
 * counts: a limit on an ancestor is invisible in the group's own file. Each
 * mount of a hierarchy is walked from the process's group up to the mount's
 * root. What is read may be anything: a line or a file that makes no sense is
 * passed over.
 */
#include "platform/cancel.h"
#include "platform/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/* A hierarchy's mount, or one line of it. */
struct mount {
	char *root; /* the group that the mount shows as its root */
	char *point;
	bool is_v2;
	bool is_ours; /* v1: the controller is on this hierarchy */
};

static FILE *open_below(const char *root, const char *path)
{
	char full[PATH_MAX];
	int length = snprintf(full, sizeof(full), "%s%s", root, path);

	if (length < 0 || (size_t)length >= sizeof(full))
		return NULL;
	return fopen(full, "re");
}

/* Is word one of the comma-separated words of list? */
static bool list_has(const char *list, const char *word)
{
	size_t length = strlen(word);

	while (*list) {
		size_t n = strcspn(list, ",");

		if (n == length && !strncmp(list, word, n))
			return true;
		list += n + (list[n] == ',');
	}
	return false;
}

/* mountinfo writes blanks in paths as \040 and so on. */
static void unescape(char *text)
{
	char *to = text;

	while (*text) {
		if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' &&
		    text[2] >= '0' && text[2] <= '7' && text[3] >= '0' &&
		    text[3] <= '7') {
			*to++ = (char)((text[1] - '0') << 6 |
				       (text[2] - '0') << 3 | (text[3] - '0'));
			text += 4;
		} else {
			*to++ = *text++;
		}
	}
	*to = '\0';
}

/* One line of mountinfo; true when it mounts a hierarchy that may hold the controller. */
static bool parse_mount(char *line, const char *controller, struct mount *mount)
{
	char *save = NULL;
	char *type, *options = NULL;
	char *word;
	int field = 0;

	line[strcspn(line, "\n")] = '\0';
	/* 1 id, 2 parent, 3 device, 4 root, 5 point, 6 options, extras, "-" */
	for (word = strtok_r(line, " ", &save); word && strcmp(word, "-");
	     word = strtok_r(NULL, " ", &save)) {
		field++;
		if (field == 4)
			mount->root = word;
		else if (field == 5)
			mount->point = word;
	}
	if (!word || field < 6)
		return false;
	type = strtok_r(NULL, " ", &save);
	if (type && strtok_r(NULL, " ", &save)) /* the source is skipped */
		options = strtok_r(NULL, " ", &save);
	if (!type)
		return false;
	mount->is_v2 = !strcmp(type, "cgroup2");
	mount->is_ours = !strcmp(type, "cgroup") && options &&
			 list_has(options, controller);
	unescape(mount->root);
	unescape(mount->point);
	return mount->is_v2 || mount->is_ours;
}

/* This process's group in a hierarchy, from /proc/self/cgroup; caller frees. */
static char *group_path(const char *root, const char *controller, bool is_v2)
{
	FILE *file = open_below(root, "/proc/self/cgroup");
	char *line = NULL;
	char *path = NULL;
	size_t size = 0;

	if (!file)
		return NULL;
	while (!path && getline(&line, &size, file) > 0) {
		char *controllers = strchr(line, ':');
		char *at = controllers ? strchr(controllers + 1, ':') : NULL;

		if (!at)
			continue;
		*at++ = '\0';
		at[strcspn(at, "\n")] = '\0';
		controllers++;
		if (is_v2 ? !*controllers : list_has(controllers, controller))
			path = strdup(at);
	}
	free(line);
	fclose(file);
	return path;
}

/*
 * The part of the group's path below the mount's root. A group that the mount
 * does not show (another namespace) is looked at from the mount point only.
 */
static const char *path_below(const struct mount *mount, const char *path)
{
	size_t length = strlen(mount->root);

	if (strstr(path, "/..") || !strcmp(path, "/"))
		return "";
	if (!strcmp(mount->root, "/"))
		return path;
	if (!strncmp(path, mount->root, length) &&
	    (path[length] == '/' || path[length] == '\0'))
		return path + length;
	return "";
}

struct walk {
	const char *root;
	const char *controller;
	void (*visit)(const char *root, const char *folder, bool is_v2,
		      void *arg);
	void *arg;
};

static void walk_mount(const struct walk *walk, const struct mount *mount)
{
	char *path = group_path(walk->root, walk->controller, mount->is_v2);
	size_t top = strlen(mount->point);
	char folder[PATH_MAX];
	int length;

	if (!path)
		return;
	length = snprintf(folder, sizeof(folder), "%s%s", mount->point,
			  path_below(mount, path));
	free(path);
	if (length < 0 || (size_t)length >= sizeof(folder))
		return;
	for (;;) {
		char *slash = strrchr(folder, '/');

		walk->visit(walk->root, folder, mount->is_v2, walk->arg);
		if (!slash || strlen(folder) <= top)
			return;
		*slash = '\0';
	}
}

void hd_cgroup_walk(const char *root, const char *controller,
		    void (*visit)(const char *root, const char *folder,
				  bool is_v2, void *arg),
		    void *arg)
{
	const struct walk walk = { root, controller, visit, arg };
	int saved_errno = errno, before = hd_cancel_off();
	FILE *file = open_below(root, "/proc/self/mountinfo");
	char *line = NULL;
	size_t size = 0;

	if (file) {
		while (getline(&line, &size, file) > 0) {
			struct mount mount = { 0 };

			if (parse_mount(line, controller, &mount))
				walk_mount(&walk, &mount);
		}
		free(line);
		fclose(file);
	}
	hd_cancel_restore(before);
	errno = saved_errno;
}

static int read_all(int fd, char *text, size_t size)
{
	size_t length = 0;
	ssize_t got;

	do {
		got = read(fd, text + length, size - length);
		if (got > 0)
			length += (size_t)got;
	} while (length < size && (got > 0 || (got < 0 && errno == EINTR)));
	if (got < 0)
		return -errno;
	if (length == size)
		return -E2BIG;
	text[length] = '\0';
	return (int)length;
}

int hd_cgroup_read(const char *root, const char *folder, const char *name,
		   char *text, size_t size)
{
	int saved_errno = errno;
	char path[PATH_MAX];
	int length = snprintf(path, sizeof(path), "%s%s%s%s", root, folder,
			      *name ? "/" : "", name);
	int fd, rc, before;

	if (length < 0 || (size_t)length >= sizeof(path))
		return -ENAMETOOLONG;
	before = hd_cancel_off();
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	rc = fd < 0 ? -errno : read_all(fd, text, size);
	if (fd >= 0)
		close(fd);
	hd_cancel_restore(before);
	errno = saved_errno;
	return rc;
}

bool hd_cgroup_number(const char **at, uint64_t *value)
{
	const char *digit = *at;
	uint64_t n = 0;

	for (; *digit >= '0' && *digit <= '9'; digit++) {
		if (n > (UINT64_MAX - 9) / 10)
			return false;
		n = n * 10 + (uint64_t)(*digit - '0');
	}
	if (digit == *at || (*digit && *digit != ' ' && *digit != '\n'))
		return false;
	*value = n;
	*at = digit + (*digit != '\0');
	return true;
}

void hd_cgroup_file(char file[HD_CGROUP_FILE], const char *folder,
		    const char *name)
{
	size_t length = strlen(folder) + 1 + strlen(name);
	size_t cut = length < HD_CGROUP_FILE ? 0
					     : length - (HD_CGROUP_FILE - 1);

	if (cut > strlen(folder))
		cut = strlen(folder);
	snprintf(file, HD_CGROUP_FILE, "%s/%s", folder + cut, name);
}
