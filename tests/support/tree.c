/* SPDX-License-Identifier: BSD-2-Clause */
/* See tree.h. */
#include "tests/support/tree.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/tap/tap.h"

void su_tree_make(struct su_tree *tree)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(tree->root, sizeof(tree->root), "%s/heddle-tree-XXXXXX",
		 tmp && strlen(tmp) < 512 ? tmp : "/tmp");
	if (!mkdtemp(tree->root))
		bail("mkdtemp: %s", strerror(errno));
}

static int drop_one(const char *path, const struct stat *stat, int type,
		    struct FTW *at)
{
	(void)stat;
	(void)type;
	(void)at;
	return remove(path);
}

void su_tree_drop(struct su_tree *tree)
{
	if (nftw(tree->root, drop_one, 8, FTW_DEPTH | FTW_PHYS))
		diag("%s is left: %s", tree->root, strerror(errno));
}

static FILE *create(const struct su_tree *tree, const char *path)
{
	char full[PATH_MAX];
	FILE *file;
	char *at;

	snprintf(full, sizeof(full), "%s%s", tree->root, path);
	for (at = full + strlen(tree->root) + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		if (mkdir(full, 0700) < 0 && errno != EEXIST)
			bail("mkdir %s: %s", full, strerror(errno));
		*at = '/';
	}
	file = fopen(full, "w");
	if (!file)
		bail("open %s: %s", full, strerror(errno));
	return file;
}

void su_tree_put(const struct su_tree *tree, const char *path, const char *text)
{
	char aside[PATH_MAX], from[PATH_MAX], to[PATH_MAX];
	FILE *file;

	snprintf(aside, sizeof(aside), "%.2000s.new", path);
	snprintf(from, sizeof(from), "%s%.2000s", tree->root, aside);
	snprintf(to, sizeof(to), "%s%.2000s", tree->root, path);
	file = create(tree, aside);
	if (fputs(text, file) < 0 || fclose(file) || rename(from, to))
		bail("write %s: %s", path, strerror(errno));
}

void su_tree_record(const struct su_tree *tree, const char *name, char *expect,
		    size_t size)
{
	const char *top = getenv("abs_top_srcdir");
	FILE *from, *to = NULL;
	char path[PATH_MAX];
	char *line = NULL;
	size_t room = 0;

	snprintf(path, sizeof(path), "%s/tests/data/limits/%s.tree",
		 top ? top : ".", name);
	from = fopen(path, "r");
	if (!from)
		bail("%s: %s", path, strerror(errno));
	*expect = '\0';
	while (getline(&line, &room, from) > 0) {
		char *end = line + strcspn(line, "\n");

		if (!strncmp(line, "@ ", 2)) {
			*end = '\0';
			if (to && fclose(to))
				bail("write: %s", strerror(errno));
			to = create(tree, line + 2);
		} else if (to) {
			fputs(line, to);
		} else if (!strncmp(line, "expect ", 7)) {
			*end = '\0';
			snprintf(expect, size, "%s", line + 7);
		}
	}
	if (!to || fclose(to))
		bail("%s holds no file", path);
	free(line);
	fclose(from);
}
