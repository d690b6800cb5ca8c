/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heddle stall: runs bench/stall, which is a program of its own because it reaches
 * into the library, past what that exports.
 */
#include <stdlib.h>

#include "tools/commands.h"
#include "tools/part.h"
#include "tools/say.h"

int ht_stall_main(int argc, char **argv)
{
	char *program = ht_part("bench/stall", "the stall table",
				"it is not built with a sanitizer");
	int status;

	if (!program)
		return HT_SKIP;
	status = ht_forward(program, argc, argv, 1);
	free(program);
	return status;
}
