/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Control groups as files: which folders hold the limits of this process, and
 * what is in them. Internal to platform/; the root is a parameter so that a
 * test can lay out a tree of its own. Nothing is ever written.
 */
#ifndef HEDDLE_PLATFORM_CGROUP_H
#define HEDDLE_PLATFORM_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for the path of a file that decided. */
#define HD_CGROUP_FILE 192

/*
 * Calls visit for the folder of this process's group and of each group above it,
 * up to the mount point, in every mounted hierarchy that may hold the controller:
 * those of version 2, and that of version 1 which says so. `root` is put before
 * every path that is opened; "" is the real one. The folder is told without it.
 */
void hd_cgroup_walk(const char *root, const char *controller,
		    void (*visit)(const char *root, const char *folder,
				  bool is_v2, void *arg),
		    void *arg);

/*
 * Reads a file as a string; folder and name are joined. Its length, or -errno; -E2BIG
 * when it does not fit. Never waits for a file that is a pipe.
 */
int hd_cgroup_read(const char *root, const char *folder, const char *name,
		   char *text, size_t size);

/* A number at *at, which is moved behind it and the blank that follows. */
bool hd_cgroup_number(const char **at, uint64_t *value);

/* Joins folder and name; of a path that is too long the end stays. */
void hd_cgroup_file(char file[HD_CGROUP_FILE], const char *folder,
		    const char *name);

#endif /* HEDDLE_PLATFORM_CGROUP_H */
