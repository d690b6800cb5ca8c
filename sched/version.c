/* SPDX-License-Identifier: BSD-2-Clause */
/* What the library is and what it found out about the machine. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <heddle/pool.h>
#include <heddle/version.h>

#include "platform/cacheline.h"
#include "platform/cpu.h"
#include "platform/membarrier.h"

const char *heddle_version(void)
{
	return HEDDLE_VERSION;
}

/* Written once, by the first caller. */
const char *heddle_features(void)
{
	static char line[256];
	static _Atomic int state; /* 0 none, 1 being written, 2 complete */
	int expected = 0;

	if (atomic_compare_exchange_strong_explicit(
		    &state, &expected, 1,
		    memory_order_relaxed,    /* decides who writes */
		    memory_order_relaxed)) { /* read again below */
		char text[sizeof(line)] = "";

		snprintf(text, sizeof(text),
			 "wake=permit-carrying sleep=seq_cst membarrier=%s "
			 "deque=chase-lev-fenced cpu=%s rcu=memb "
			 "word=generation:24,target:20,count:20",
			 hd_membarrier_available() ? "private-expedited"
						   : "fallback-fence",
			 hd_cpu_source());
		memcpy(line, text, sizeof(line)); /* seen by sanitizers */
		atomic_store_explicit(&state, 2,
				      memory_order_release); /* version-1 */
	}
	/* A second caller meets a first one inside snprintf only for a moment. */
	while (atomic_load_explicit(&state,
				    memory_order_acquire) /* version-1 */
	       != 2)
		hd_relax();
	return line;
}
