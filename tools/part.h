/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parts of the command that are programs of their own, because they are built or
 * linked in another way. They are not installed.
 */
#ifndef HEDDLE_TOOLS_PART_H
#define HEDDLE_TOOLS_PART_H

#include <stdbool.h>

/*
 * ht_part() - a program of this build; free() it
 * @name:    below the build folder, "lab/explore"
 * @what:    "the laboratory", for the line that is printed without one
 * @missing: why it may not have been built
 *
 * Returns NULL, after a line, where there is none.
 */
char *ht_part(const char *name, const char *what, const char *missing);

/* ht_run() - a program to its end; its exit status, HT_SKIP if it cannot run */
int ht_run(char **argv);

/* ht_forward() - the same with the words of argv, from the given one on */
int ht_forward(char *program, int argc, char **argv, int from);

#endif /* HEDDLE_TOOLS_PART_H */
