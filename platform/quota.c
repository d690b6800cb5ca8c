/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Control groups limit CPU time at every level of their tree, and the tightest
 * level counts: a limit on an ancestor is invisible in the group's own file.
 * Each mount of a hierarchy that has the cpu controller is walked from the
 * process's group up to the mount's root.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "platform/cancel.h"
#include "platform/quota.h"

/* A hierarchy's mount, or one line of it. */
struct mount {
	char *root; /* the group that the mount shows as its root */
	char *point;
	bool is_v2;
	bool has_cpu; /* v1: the cpu controller is on this hierarchy */
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

/* One line of mountinfo; true when it mounts control groups. */
static bool parse_mount(char *line, struct mount *mount)
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
	mount->has_cpu = !strcmp(type, "cgroup") && options &&
			 list_has(options, "cpu");
	unescape(mount->root);
	unescape(mount->point);
	return mount->is_v2 || mount->has_cpu;
}

/* This process's group in a hierarchy, from /proc/self/cgroup; caller frees. */
static char *group_path(const char *root, bool is_v2)
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
		if (is_v2 ? !*controllers : list_has(controllers, "cpu"))
			path = strdup(at);
	}
	free(line);
	fclose(file);
	return path;
}

static uint64_t milli(uint64_t quota, uint64_t period)
{
	uint64_t value;

	if (!period || quota > UINT64_MAX / 1000)
		return UINT64_MAX;
	value = quota * 1000 / period;
	return value ? value : 1;
}

/* Reads at most two words of a file; returns how many. */
static int read_words(const char *root, const char *directory, const char *name,
		      char first[32], char second[32])
{
	char path[PATH_MAX];
	FILE *file;
	int length = snprintf(path, sizeof(path), "%s/%s", directory, name);
	int n;

	if (length < 0 || (size_t)length >= sizeof(path))
		return 0;
	file = open_below(root, path);
	if (!file)
		return 0;
	n = fscanf(file, "%31s %31s", first, second);
	fclose(file);
	return n < 0 ? 0 : n;
}

/* The limit that one directory states; "max", -1 and nonsense are none. */
static uint64_t directory_milli(const char *root, const char *directory,
				bool is_v2)
{
	char quota[32], period[32], unused[32];

	if (is_v2) {
		if (read_words(root, directory, "cpu.max", quota, period) != 2)
			return UINT64_MAX;
	} else {
		if (read_words(root, directory, "cpu.cfs_quota_us", quota,
			       unused) < 1 ||
		    read_words(root, directory, "cpu.cfs_period_us", period,
			       unused) < 1)
			return UINT64_MAX;
	}
	if (quota[0] < '0' || quota[0] > '9' || period[0] < '0' ||
	    period[0] > '9')
		return UINT64_MAX;
	return milli(strtoull(quota, NULL, 10), strtoull(period, NULL, 10));
}

/*
 * The part of the group's path below the mount's root. A group that the mount
 * does not show (another namespace) is looked at from the mount point only.
 */
static const char *path_below(const struct mount *mount, const char *path)
{
	size_t length = strlen(mount->root);

	if (strstr(path, "/.."))
		return "";
	if (!strcmp(mount->root, "/"))
		return path;
	if (!strncmp(path, mount->root, length) &&
	    (path[length] == '/' || path[length] == '\0'))
		return path + length;
	return "";
}

static uint64_t mount_milli(const char *root, const struct mount *mount)
{
	char *path = group_path(root, mount->is_v2);
	uint64_t tightest = UINT64_MAX;
	char directory[PATH_MAX];
	size_t top = strlen(mount->point);
	int length;

	if (!path)
		return UINT64_MAX;
	length = snprintf(directory, sizeof(directory), "%s%s", mount->point,
			  path_below(mount, path));
	free(path);
	if (length < 0 || (size_t)length >= sizeof(directory))
		return UINT64_MAX;
	for (;;) {
		uint64_t here = directory_milli(root, directory, mount->is_v2);
		char *slash = strrchr(directory, '/');

		if (here < tightest)
			tightest = here;
		if (!slash || strlen(directory) <= top)
			return tightest;
		*slash = '\0';
	}
}

uint64_t hd_quota_milli(const char *root)
{
	int saved_errno = errno, before = hd_cancel_off();
	FILE *file = open_below(root, "/proc/self/mountinfo");
	uint64_t tightest = UINT64_MAX;
	char *line = NULL;
	size_t size = 0;

	if (file) {
		while (getline(&line, &size, file) > 0) {
			struct mount mount = { 0 };
			uint64_t here = UINT64_MAX;

			if (parse_mount(line, &mount))
				here = mount_milli(root, &mount);
			if (here < tightest)
				tightest = here;
		}
		free(line);
		fclose(file);
	}
	hd_cancel_restore(before);
	errno = saved_errno;
	return tightest;
}
