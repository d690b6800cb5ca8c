/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading a published pool (<heddle/publish.h>). The file may be anything: no
 * number in it is believed before it was checked against the size of the file,
 * and no name reaches a terminal with a control character in it.
 */
#ifndef HEDDLE_TOOLS_SNAPSHOT_H
#define HEDDLE_TOOLS_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>

#include <heddle/heddle.h>

/**
 * struct ht_snapshot - a good copy of what a file says
 * @head:        n_workers and n_groups of it are those of the arrays
 * @worker:      the workers
 * @group:       the groups; indices and codes in them may be of any value
 * @owner_lives: the process that wrote it, or a fork of it, holds it still
 */
struct ht_snapshot {
	struct heddle_snapshot_head head;
	struct heddle_worker_info *worker;
	struct heddle_snapshot_group *group;
	bool owner_lives;
};

/* A published file that is open. */
struct ht_eye {
	int fd;
	char *path;
};

/*
 * ht_snapshot_parse() - copy out of bytes that may be anything
 *
 * Return: NULL, or what is wrong, for a person; *torn says whether it may be
 * right the next time. ht_snapshot_free() after NULL only.
 */
const char *ht_snapshot_parse(const void *bytes, size_t size,
			      struct ht_snapshot *out, bool *torn);
void ht_snapshot_free(struct ht_snapshot *snapshot);

/* The group with that number, or NULL. */
const struct heddle_snapshot_group *
ht_snapshot_group(const struct ht_snapshot *snapshot, uint32_t index);

/*
 * ht_eye_open() - open a file by its path
 *
 * Return: NULL, or what is wrong (free() it), naming the file.
 */
char *ht_eye_open(struct ht_eye *eye, const char *path);
void ht_eye_close(struct ht_eye *eye);

/* ht_eye_read() - the newest snapshot; NULL, or what is wrong (free() it) */
char *ht_eye_read(struct ht_eye *eye, struct ht_snapshot *out);

/*
 * ht_eye_find() - open what a user has named
 * @who: a process id, or a path with a '/' in it
 * @pool: name of the pool, or NULL for the first of that process
 *
 * Return: NULL, or what is wrong (free() it).
 */
char *ht_eye_find(struct ht_eye *eye, const char *who, const char *pool);

/*
 * ht_eye_each() - the files in the default places, by their names
 *
 * Calls with each path, until one returns true. Returns whether one did.
 */
bool ht_eye_each(bool (*call)(const char *path, void *arg), void *arg);

#endif /* HEDDLE_TOOLS_SNAPSHOT_H */
