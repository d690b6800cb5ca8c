/* SPDX-License-Identifier: BSD-2-Clause */
/* P01.h: what a recycled thread shows its next user. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "papers/P01/judge.h"
#include "papers/P01/p01.h"

void hp_judge_h(struct hp_study *study)
{
	struct hp_claim *entry = hp_claim(
		study, "P01.h", "S8; the thread ids of wasi-threads",
		"A recycled thread shows its next user nothing: no "
		"thread-local value, no mark on the stack; ids are unique among "
		"live threads and within [1, 2^29).",
		"C");
	const struct hp_probe *own =
		hp_p01_probe_of(study, "heddle-guest", "recycle", 0, 0);
	const struct hp_probe *rusty =
		hp_p01_probe_of(study, "policy-rusty", "recycle", 0, 0);
	const struct hp_probe *pthread =
		hp_p01_probe_of(study, "pthread", "recycle", 0, 0);
	const char *check = own ? hp_child_line(&own->child, "check") : NULL;
	int64_t recycled = -1, stale = -1, violations = -1;

	if (check) {
		hp_line_number(check, "recycled", &recycled);
		hp_line_number(check, "stale_bytes", &stale);
		hp_line_number(check, "violations", &violations);
	}
	if (hp_p01_value(own, "users") < 0)
		hp_append(&entry->ours, "%s", hp_reason(own));
	else
		hp_append(&entry->ours,
			  "%" PRId64 " guests: %" PRId64
			  " marked words, %" PRId64
			  " values of a predecessor; scrub check: %" PRId64
			  " recycled, %" PRId64 " stale bytes, %" PRId64
			  " violations; destructors %" PRId64 " of %" PRId64
			  "; ids twice %" PRId64 ", out of range %" PRId64,
			  hp_p01_value(own, "users"),
			  hp_p01_value(own, "stale_stack"),
			  hp_p01_value(own, "stale_values"), recycled, stale,
			  violations, hp_p01_value(own, "destroyed"),
			  hp_p01_value(own, "wanted"),
			  hp_p01_value(own, "tid_twice"),
			  hp_p01_value(own, "tid_range"));
	hp_append(&entry->baselines,
		  "policy-rusty, %" PRId64 " tasks: %" PRId64
		  " marked words, %" PRId64 " values; pthread: %" PRId64
		  " marked words (glibc keeps stacks), %" PRId64 " values",
		  hp_p01_value(rusty, "users"),
		  hp_p01_value(rusty, "stale_stack"),
		  hp_p01_value(rusty, "stale_values"),
		  hp_p01_value(pthread, "stale_stack"),
		  hp_p01_value(pthread, "stale_values"));
	hp_verdict(entry,
		   own && hp_p01_value(own, "users") == (int64_t)own->count &&
			   !hp_p01_value(own, "stale_stack") &&
			   !hp_p01_value(own, "stale_values") &&
			   !hp_p01_value(own, "tid_twice") &&
			   !hp_p01_value(own, "tid_range") &&
			   hp_p01_value(own, "destroyed") ==
				   hp_p01_value(own, "wanted") &&
			   !stale && !violations &&
			   recycled >= (int64_t)own->count &&
			   own->child.outcome == HP_CHILD_DONE,
		   hp_p01_value(rusty, "stale_stack") > 0 &&
			   hp_p01_value(rusty, "stale_values") > 0);
}
