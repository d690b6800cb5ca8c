/* SPDX-License-Identifier: BSD-2-Clause */
/* P01.d and P01.e: caps are exact, and what is beyond them is refused. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "papers/P01/judge.h"
#include "papers/P01/p01.h"

static bool judge_exact(struct hp_study *study, const char *name,
			uint64_t every, char **text)
{
	static const uint32_t caps[] = { 1, 2, 4 };
	bool is_exact = true;
	char piece[128] = "";
	uint64_t count = 0;
	size_t i;

	for (i = 0; i < 3; i++) {
		const struct hp_probe *probe =
			hp_p01_probe_of(study, name, "exact", caps[i], every);
		int64_t max = hp_p01_value(probe, "max");
		size_t used = strlen(piece);

		if (!probe)
			return false;
		count = probe->count;
		is_exact = is_exact && max == caps[i] &&
			   probe->child.outcome == HP_CHILD_DONE;
		snprintf(piece + used, sizeof(piece) - used, "%s%" PRId64,
			 i ? ", " : "", max);
	}
	hp_append(text,
		  "%s: most inside %s at caps 1, 2, 4 (%" PRIu64 " tasks%s)",
		  name, piece, count,
		  every == 1 ? " of 50 us" : ", one in 1000 of 50 us");
	return is_exact;
}

void hp_judge_d(struct hp_study *study)
{
	struct hp_claim *entry = hp_claim(
		study, "P01.d", "S6",
		"The most tasks that ever ran at once is the cap, exactly, and "
		"after a lowering of the cap no more tasks end than have to.",
		"C");
	const struct hp_probe *resize =
		hp_p01_probe_of(study, "heddle-static", "resize", 0, 0);
	const struct hp_probe *free_for_all =
		hp_p01_probe_of(study, "pthread", "exact", 1, 1);
	bool is_kept = true;
	size_t i;

	for (i = 0; i < 2; i++) {
		is_kept &= judge_exact(study, hp_ours[i], 1000, &entry->ours);
		is_kept &= judge_exact(study, hp_ours[i], 1, &entry->ours);
	}
	if (hp_p01_value(resize, "rounds") < 0)
		hp_append(&entry->ours, "live change 4-1-2-4: %s",
			  hp_reason(resize));
	else
		hp_append(&entry->ours,
			  "live change 4-1-2-4, %" PRId64
			  " rounds: at most %" PRId64
			  " tasks ended above the new "
			  "cap (3 allowed), exactly 3 in %" PRId64
			  " of %" PRId64 " rounds that began full, %" PRId64
			  " times too many, %" PRId64 " times over the cap, "
			  "%" PRId64 " raises not reached",
			  hp_p01_value(resize, "rounds"),
			  hp_p01_value(resize, "most_ended"),
			  hp_p01_value(resize, "full_exact"),
			  hp_p01_value(resize, "full"),
			  hp_p01_value(resize, "too_many"),
			  hp_p01_value(resize, "over"),
			  hp_p01_value(resize, "slow"));
	is_kept = is_kept && resize &&
		  hp_p01_value(resize, "rounds") == (int64_t)resize->count &&
		  hp_p01_value(resize, "full") > 0 &&
		  hp_p01_value(resize, "full_exact") ==
			  hp_p01_value(resize, "full") &&
		  !hp_p01_value(resize, "too_many") &&
		  !hp_p01_value(resize, "over") &&
		  !hp_p01_value(resize, "slow");
	judge_exact(study, "rusty_pool", 1000, &entry->baselines);
	judge_exact(study, "rayon", 1000, &entry->baselines);
	judge_exact(study, "policy-rusty", 1000, &entry->baselines);
	hp_append(&entry->baselines,
		  "none of them can change its size; threads without any cap: "
		  "%" PRId64 " inside",
		  hp_p01_value(free_for_all, "max"));
	hp_verdict(entry, is_kept, hp_p01_value(free_for_all, "over") == 1);
}

/* Both ways of being full must be refused. */
static bool is_refused(const struct hp_probe *probe, char **text)
{
	unsigned int refused = 0;
	size_t i;

	for (i = 0; probe && i < probe->child.n_lines; i++) {
		const char *line = probe->child.lines[i];
		char variant[32], outcome[32];
		int64_t until = -1;

		if (!hp_line_is(line, "exhaust") ||
		    !hp_line_text(line, "variant", variant, sizeof(variant)) ||
		    !hp_line_text(line, "outcome", outcome, sizeof(outcome)))
			continue;
		hp_line_number(line, "until_ns", &until);
		refused += !strcmp(outcome, "refused");
		hp_append(text,
			  "full %s: %s (-EAGAIN at once, and after %.1f ms "
			  "with a deadline of 50 ms)",
			  variant, outcome, (double)until / 1e6);
	}
	if (!probe || probe->child.outcome != HP_CHILD_DONE)
		hp_append(text, "%s", hp_reason(probe));
	return refused == 2 && probe->child.outcome == HP_CHILD_DONE;
}

static bool hangs(const struct hp_probe *probe)
{
	return probe && probe->child.outcome == HP_CHILD_HUNG &&
	       hp_child_line(&probe->child, "exhaust-waits");
}

void hp_judge_e(struct hp_study *study)
{
	static const char *const others[] = { "rusty_pool", "policy-rusty",
					      "rayon", "policy-rayon", "glib" };
	struct hp_claim *entry = hp_claim(
		study, "P01.e", "S7: Wasmer issue 4106, wasmer-sdk issue 376",
		"One thread more than there is room for, when all wait for each "
		"other, is an error and not a hang.",
		"C");
	bool is_kept = is_refused(hp_p01_probe_of(study, "heddle-guest",
						  "exhaust", 0, 0),
				  &entry->ours);
	size_t i;

	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		const struct hp_probe *probe =
			hp_p01_probe_of(study, others[i], "exhaust", 0, 0);

		if (probe)
			hp_append(&entry->baselines, "%s: %s", others[i],
				  hangs(probe) ? "hangs until killed"
					       : hp_reason(probe));
	}
	hp_verdict(entry, is_kept,
		   hangs(hp_p01_probe_of(study,
					 hp_p01_real(study, "rusty_pool",
						     "policy-rusty"),
					 "exhaust", 0, 0)));
}
