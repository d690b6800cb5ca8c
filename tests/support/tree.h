/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of another machine: a folder below /tmp in which a test lays out what the
 * library reads of /proc, /sys and control groups, by hand or from a recorded tree.
 */
#ifndef HEDDLE_TESTS_SUPPORT_TREE_H
#define HEDDLE_TESTS_SUPPORT_TREE_H

#include <stddef.h>

struct su_tree {
	char root[1024];
};

/* Makes the folder; each of these bails out when it fails. */
void su_tree_make(struct su_tree *tree);
void su_tree_drop(struct su_tree *tree);

/* Writes a file and makes the folders above it; a reader sees all of it or the old. */
void su_tree_put(const struct su_tree *tree, const char *path,
		 const char *text);

/*
 * Lays out tests/data/limits/<name>.tree: lines that begin with '#' are remarks, one with
 * "expect " is copied to expect, "@ /path" begins a file that goes up to the next '@'.
 */
void su_tree_record(const struct su_tree *tree, const char *name, char *expect,
		    size_t size);

#endif /* HEDDLE_TESTS_SUPPORT_TREE_H */
