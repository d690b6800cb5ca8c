/* SPDX-License-Identifier: BSD-2-Clause */
/* P01.a to P01.c: which threads exist, and when. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "papers/P01/judge.h"
#include "papers/P01/p01.h"

static void append_reclaim(char **text, const struct hp_study *study,
			   const char *name)
{
	const struct hp_probe *probe =
		hp_p01_probe_of(study, name, "reclaim", 0, 0);

	if (!probe)
		return;
	if (hp_p01_value(probe, "cycles") < 0) {
		hp_append(text, "%s: %s", name, hp_reason(probe));
		return;
	}
	hp_append(text,
		  "%s: %" PRId64 " of %" PRId64 " left a thread, %" PRId64
		  " a destructor",
		  name, hp_p01_value(probe, "left"),
		  hp_p01_value(probe, "cycles"),
		  hp_p01_value(probe, "tls_left"));
}

static bool reclaims(const struct hp_study *study, const char *name)
{
	const struct hp_probe *probe =
		hp_p01_probe_of(study, name, "reclaim", 0, 0);

	return probe &&
	       hp_p01_value(probe, "cycles") == (int64_t)probe->count &&
	       probe->count > 0 && !hp_p01_value(probe, "left") &&
	       !hp_p01_value(probe, "tls_left") &&
	       !hp_p01_value(probe, "hooks_left") &&
	       !hp_p01_value(probe, "broken") &&
	       !hp_p01_value(probe, "stuck") &&
	       hp_p01_value(probe, "touched") >= 4 * (int64_t)probe->count &&
	       probe->child.outcome == HP_CHILD_DONE;
}

void hp_judge_a(struct hp_study *study)
{
	static const char *const others[] = { "rusty_pool",   "rayon",
					      "policy-rusty", "policy-rayon",
					      "glib",         "pthread" };
	struct hp_claim *entry = hp_claim(
		study, "P01.a", "S2; rayon issues 688 and 1242",
		"When a stop returns no thread of the pool is alive and every "
		"thread-local destructor has run.",
		"C");
	bool is_kept = true, is_shown = true;
	size_t i;

	for (i = 0; i < 3; i++) {
		append_reclaim(&entry->ours, study, hp_ours[i]);
		is_kept = is_kept && reclaims(study, hp_ours[i]);
	}
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		append_reclaim(&entry->baselines, study, others[i]);
	for (i = study->rust ? 0 : 2; i < (study->rust ? 2u : 4u); i++)
		is_shown = is_shown &&
			   hp_p01_value(hp_p01_probe_of(study, others[i],
							"reclaim", 0, 0),
					"left") > 0;
	hp_verdict(entry, is_kept, is_shown);
}

static void append_sequential(char **text, const struct hp_study *study,
			      const char *name)
{
	const struct hp_probe *probe =
		hp_p01_probe_of(study, name, "sequential", 0, 0);

	if (!probe)
		return;
	if (hp_p01_value(probe, "runners") < 0)
		hp_append(text, "%s: %s", name, hp_reason(probe));
	else
		hp_append(text,
			  "%s: %" PRId64 " threads ran tasks, %" PRId64
			  " exist",
			  name, hp_p01_value(probe, "runners"),
			  hp_p01_value(probe, "threads"));
}

void hp_judge_b(struct hp_study *study)
{
	static const char *const others[] = { "rusty_pool", "policy-rusty",
					      "rayon", "policy-rayon", "glib" };
	struct hp_claim *entry = hp_claim(
		study, "P01.b", "WASI thread pools that make a thread per task",
		"1000 tasks one after another, in a pool that may have 200 "
		"threads, take one thread (an elastic pool: and one spare).",
		"C");
	const struct hp_probe *fixed =
		hp_p01_probe_of(study, "heddle-static", "sequential", 0, 0);
	const struct hp_probe *elastic =
		hp_p01_probe_of(study, "heddle-elastic", "sequential", 0, 0);
	const struct hp_probe *guest =
		hp_p01_probe_of(study, "heddle-guest", "sequential", 0, 0);
	size_t i;

	for (i = 0; i < 3; i++)
		append_sequential(&entry->ours, study, hp_ours[i]);
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		append_sequential(&entry->baselines, study, others[i]);
	hp_verdict(entry,
		   hp_p01_value(fixed, "runners") == 1 &&
			   hp_p01_value(fixed, "threads") == 1 &&
			   hp_p01_value(elastic, "threads") >= 1 &&
			   hp_p01_value(elastic, "threads") <= 2 &&
			   hp_p01_value(guest, "threads") >= 1 &&
			   hp_p01_value(guest, "threads") <= 2,
		   hp_p01_value(hp_p01_probe_of(study,
						hp_p01_real(study, "rusty_pool",
							    "policy-rusty"),
						"sequential", 0, 0),
				"runners") == HP_P01_SIZE);
}

/* The largest spread over all checkpoints, and where; -1 without a timeline. */
static int64_t worst_spread(const struct hp_study *study, const char *name,
			    char *event, size_t size, int64_t *disagree)
{
	int64_t worst = -1, index = 0;
	char at[32];

	snprintf(event, size, "none");
	*disagree = 0;
	for (; hp_p01_event(study, name, index, at, sizeof(at)); index++) {
		struct hp_spread spread = hp_p01_threads(study, name, index);

		*disagree += spread.disagree;
		if (spread.max - spread.min > worst) {
			worst = spread.max - spread.min;
			snprintf(event, size, "%s", at);
		}
	}
	return worst;
}

void hp_judge_c(struct hp_study *study)
{
	static const char *const others[] = { "rusty_pool", "rayon",
					      "policy-rusty", "policy-rayon",
					      "glib" };
	struct hp_claim *entry = hp_claim(
		study, "P01.c", "S1; Wasmer issue 4540",
		"The number of threads at each event of a pool's life is the "
		"same in every run (200 threads allowed).",
		"C");
	bool is_kept = true, is_shown = false;
	char event[32];
	int64_t spread, disagree;
	size_t i;

	for (i = 0; i < 2; i++) {
		const struct hp_probe *probe =
			hp_p01_probe_of(study, hp_ours[i], "timeline", 0, 0);

		spread = worst_spread(study, hp_ours[i], event, sizeof(event),
				      &disagree);
		hp_append(&entry->ours,
			  "%s: spread %" PRId64 " over %" PRIu64
			  " runs (worst at %s), registry and kernel differ "
			  "%" PRId64 " times",
			  hp_ours[i], spread, probe ? probe->count : 0, event,
			  disagree);
		is_kept = is_kept && !spread && !disagree && probe &&
			  probe->child.outcome == HP_CHILD_DONE &&
			  !hp_child_line(&probe->child, "missed");
	}
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		spread = worst_spread(study, others[i], event, sizeof(event),
				      &disagree);
		if (spread >= 0)
			hp_append(&entry->baselines, "%s: %" PRId64 " at %s",
				  others[i], spread, event);
		is_shown = is_shown || spread > 0;
	}
	hp_verdict(entry, is_kept, is_shown);
}
