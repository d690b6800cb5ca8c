/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the parts of heddle lie while the command runs from its build folder. */
#ifndef HEDDLE_TOOLS_WHERE_H
#define HEDDLE_TOOLS_WHERE_H

/* ht_program_folder() - the folder of this command's program; free() it */
char *ht_program_folder(void);

/*
 * ht_build_path() - a folder of the build
 * @folder: ht_program_folder()
 * @key:    "srcdir" or "builddir", see tools/paths.in
 *
 * Returns NULL for a command that was installed; else free() it.
 */
char *ht_build_path(const char *folder, const char *key);

#endif /* HEDDLE_TOOLS_WHERE_H */
