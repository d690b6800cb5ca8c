/* SPDX-License-Identifier: BSD-2-Clause */
/* Latest choices first: what they undo changes nothing before them. */
#include <stdlib.h>
#include <string.h>

#include "lab/shrink.h"

#define TRIES_MAX 4000

/* Does this string fail in the same way? Then it becomes the result. */
static bool try_string(const struct lab_options *options,
		       struct lab_result *result, char *string)
{
	struct lab_options o = *options;
	struct lab_result tried;
	bool same;

	o.strategy = LAB_REPLAY;
	o.replay = string;
	lab_explore(&o, &tried);
	same = tried.failed && !tried.unfit &&
	       !strcmp(tried.kind, result->kind);
	if (same) {
		free(result->replay);
		result->replay = tried.replay;
		memcpy(result->message, tried.message, sizeof(tried.message));
	} else {
		free(tried.replay);
	}
	free(string);
	return same;
}

/* One choice less, at or before `at`; false when there is none. */
static bool shrink_once(const struct lab_options *options,
			struct lab_result *result, size_t *at, int *tries)
{
	size_t n;
	uint16_t *taken = lab_string_parse(result->replay, &n);
	bool less = false;

	if (*at > n)
		*at = n;
	while (taken && *at && !less && *tries) {
		uint16_t was = taken[--*at];

		if (!was)
			continue;
		--*tries;
		taken[*at] = 0;
		less = try_string(options, result, lab_string_of(taken, n));
		taken[*at] = was;
	}
	free(taken);
	return less;
}

void lab_shrink(const struct lab_options *options, struct lab_result *result)
{
	int tries = TRIES_MAX;
	bool less = true;

	while (less && tries) {
		size_t at = SIZE_MAX;

		less = false;
		while (shrink_once(options, result, &at, &tries))
			less = true;
	}
}
