/* SPDX-License-Identifier: BSD-2-Clause */
/* The line of features, which its first caller writes. */
#include <heddle/pool.h>

#include "lab/scenario.h"

static void ask(void)
{
	const char *line = heddle_features();

	LAB_ASSERT(line[0] == 'w');
}

LAB_SCENARIO(features, .name = "features",
	     .claim = "whoever asks for the features gets the whole line",
	     .thread = { ask, ask }, .bound_plus_1 = 4, .old_plus_1 = 4);
