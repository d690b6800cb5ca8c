/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A folder of results that is complete or is not there. Every file is first
 * written beside its place under another name; only when all of them are on
 * the disk are they moved into place. Whatever fails gives one line that names
 * the path, and what was begun is removed, the folders that were made for it
 * included. Older files of the same names stay as they were until then.
 */
#ifndef HEDDLE_TOOLS_RESULTS_H
#define HEDDLE_TOOLS_RESULTS_H

#include <stdio.h>

struct ht_results;

/**
 * ht_results_open() - make the folder, parents included
 * @path:    the folder, which may exist
 * @results: receives the handle, NULL on failure
 *
 * Return: HT_OK; HT_USAGE when the path cannot be such a folder (it lies below
 * a regular file, it may not be written); HT_MISSED when the system failed.
 */
int ht_results_open(const char *path, struct ht_results **results);

/*
 * ht_results_begin() - start a file; one at a time
 * @name: relative to the folder; folders in it are made
 *
 * Return: where to write, NULL after a failure. Write errors need no check
 * here, ht_results_end() finds them.
 */
FILE *ht_results_begin(struct ht_results *results, const char *name);

/* ht_results_end() - HT_OK when the file begun last is on the disk */
int ht_results_end(struct ht_results *results);

/**
 * ht_results_close() - put all files into place and free the handle
 *
 * Return: HT_OK, or the status of the first failure, of which a line was
 * printed when it happened; then nothing of these results is left.
 */
int ht_results_close(struct ht_results *results);

/* ht_results_abandon() - as after a failure: leave nothing behind */
void ht_results_abandon(struct ht_results *results);

#endif /* HEDDLE_TOOLS_RESULTS_H */
