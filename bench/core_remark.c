/* SPDX-License-Identifier: BSD-2-Clause */
/* What has to be said beside a peer's figures, because they are of another kind. */
#include <string.h>

#include "bench/core.h"

static const struct {
	const char *peer;
	const char *workloads;
	const char *text;
} remarks[] = {
	{ "go", ",W1,W4,W4j,W5,",
	  "who submits is a goroutine on one of the workers, so no thread need be woken" },
	{ "go", ",W6,",
	  "there is no pool: so many goroutines have met, which proves no threads" },
	{ "pthreadpool", ",W4j,W5,",
	  "one call for all items, whose caller is one of the workers; the others spin "
	  "between calls" },
	{ "openmp", ",W2,W3,W11,W11f,", "the caller is one of the workers" },
	{ "libomp", ",W2,W3,W11,W11f,", "the caller is one of the workers" },
};

const char *hb_remark(const char *peer, const char *workload)
{
	size_t i, n = strlen(workload);

	for (i = 0; i < sizeof(remarks) / sizeof(remarks[0]); i++) {
		const char *at = remarks[i].workloads;

		if (strcmp(remarks[i].peer, peer) != 0)
			continue;
		for (; *at; at += 1 + strcspn(at + 1, ","))
			if (!strncmp(at + 1, workload, n) && at[n + 1] == ',')
				return remarks[i].text;
	}
	return NULL;
}
