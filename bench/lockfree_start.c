/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heddle bench lockfree: becomes the program that measures the structures
 * themselves, which links the library's layers and not the library.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/lockfree.h"
#include "tools/say.h"
#include "tools/where.h"

int hb_lockfree_main(int argc, char **argv)
{
	char *folder = ht_program_folder();
	char *build = ht_build_path(folder, "builddir");
	char *program = build ? ht_text("%s/bench/lockfree", build) : NULL;

	(void)argc;
	if (program) {
		execv(program, argv);
		ht_say("%s: %s", program, strerror(errno));
	} else {
		ht_say("bench lockfree is part of a build and not installed: "
		       "run the command of the build folder");
	}
	free(program);
	free(build);
	free(folder);
	return HT_SKIP;
}
