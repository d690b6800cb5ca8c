/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * S1 to S8, what was said about rusty_pool in place of Rayon, held against the
 * pools themselves. Not about heddle: the exit status does not depend on it.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "papers/P01/judge.h"
#include "papers/P01/p01.h"
#include "tools/say.h"

#define SAID "the article, 2025; no hardware or method named"

enum event {
	EVENT_STARTED = 2,
	EVENT_TASK_1000 = 6,
	EVENT_SHUTDOWN = 12
};

static struct hp_claim *claim(struct hp_study *study, const char *id,
			      const char *source, const char *text,
			      const char *evidence)
{
	struct hp_claim *entry = hp_study_claim(study);

	entry->id = id;
	entry->source = source;
	entry->text = text;
	entry->evidence = evidence;
	if (!study->rust) {
		entry->verdict = HP_INCONCLUSIVE;
		entry->control = "the real pools are not here, only models";
	}
	return entry;
}

static void judge_s1(struct hp_study *study)
{
	struct hp_claim *entry =
		claim(study, "S1 start", SAID,
		      "rusty_pool gives explicit control of when threads are "
		      "initialised.",
		      "C");
	const char *rusty = hp_p01_real(study, "rusty_pool", "policy-rusty");
	const char *rayon = hp_p01_real(study, "rayon", "policy-rayon");
	struct hp_spread first = hp_p01_threads(study, rusty, EVENT_STARTED);
	struct hp_spread last = hp_p01_threads(study, rusty, EVENT_TASK_1000);

	entry->baselines = ht_text(
		"%s: %.0f threads before the first task (%s: %.0f), but %.0f "
		"after 1000 tasks of which no two ran at once",
		rusty, first.median - 1, rayon,
		hp_p01_threads(study, rayon, EVENT_STARTED).median - 1,
		last.median - 1);
	if (study->rust)
		entry->verdict = first.max != 1    ? HP_REFUTED_HERE
				 : last.median > 2 ? HP_SHAPE
						   : HP_REPRODUCED;
}

static void judge_s2(struct hp_study *study)
{
	struct hp_claim *entry =
		claim(study, "S2 reclaim", SAID,
		      "rusty_pool gives explicit control of when threads are "
		      "reclaimed.",
		      "C");
	const char *rusty = hp_p01_real(study, "rusty_pool", "policy-rusty");
	const char *rayon = hp_p01_real(study, "rayon", "policy-rayon");
	const struct hp_probe *stop =
		hp_p01_probe_of(study, rusty, "reclaim", 0, 0);
	const struct hp_probe *drop =
		hp_p01_probe_of(study, rayon, "reclaim", 0, 0);
	int64_t left = hp_p01_value(stop, "left");

	entry->baselines = ht_text("%s shutdown_join: threads left in %" PRId64
				   " of %" PRId64
				   " calls, destructors in %" PRId64
				   "; %s drop: %" PRId64 " of %" PRId64,
				   rusty, left, hp_p01_value(stop, "cycles"),
				   hp_p01_value(stop, "tls_left"), rayon,
				   hp_p01_value(drop, "left"),
				   hp_p01_value(drop, "cycles"));
	if (study->rust)
		entry->verdict = left > 0    ? HP_REFUTED_HERE
				 : left == 0 ? HP_REPRODUCED
					     : HP_INCONCLUSIVE;
}

/* How often a wait returned before the task had run: 1, 2 and 4 threads. */
static void append_early(char **text, const char *name, const int64_t *early,
			 int64_t cycles)
{
	if (early[0] < 0 || early[1] < 0 || early[2] < 0)
		hp_append(text, "%s: not measured", name);
	else
		hp_append(text,
			  "%s: %" PRId64 ", %" PRId64 " and %" PRId64
			  " of %" PRId64
			  " returned before the task had run (1, 2, 4 threads)",
			  name, early[0], early[1], early[2], cycles);
}

static void judge_join(struct hp_study *study)
{
	static const uint32_t sizes[] = { 1, 2, 4 };
	struct hp_claim *entry =
		claim(study, "S2 join", "rusty_pool's documentation",
		      "rusty_pool's join waits for all tasks submitted before "
		      "it.",
		      "C");
	const char *rusty = hp_p01_real(study, "rusty_pool", "policy-rusty");
	int64_t early[3], model[3], own[3], guest[3];
	int64_t cycles = 0;
	size_t i;

	for (i = 0; i < 3; i++) {
		const struct hp_probe *probe =
			hp_p01_probe_of(study, rusty, "join", sizes[i], 0);

		early[i] = hp_p01_value(probe, "early");
		cycles = hp_p01_value(probe, "cycles");
		model[i] = hp_p01_value(hp_p01_probe_of(study, "policy-rusty",
							"join", sizes[i], 0),
					"early");
		own[i] = hp_p01_value(hp_p01_probe_of(study, "heddle-static",
						      "join", sizes[i], 0),
				      "early");
		guest[i] = hp_p01_value(hp_p01_probe_of(study, "heddle-guest",
							"join", sizes[i], 0),
					"early");
	}
	entry->ours = NULL;
	append_early(&entry->ours, "heddle tasks", own, cycles);
	append_early(&entry->ours, "heddle guests", guest, cycles);
	append_early(&entry->baselines, rusty, early, cycles);
	if (strcmp(rusty, "policy-rusty"))
		append_early(&entry->baselines, "policy-rusty", model, cycles);
	if (study->rust)
		entry->verdict = early[0] + early[1] + early[2] > 0
					 ? HP_REFUTED_HERE
					 : HP_INCONCLUSIVE;
	if (study->rust && entry->verdict == HP_INCONCLUSIVE)
		entry->control = "SILENT: the early return did not show in "
				 "this run";
}

static void judge_s3(struct hp_study *study)
{
	struct hp_claim *entry = claim(study, "S3 memory", SAID,
				       "About 15 % less memory than Rayon.",
				       "C");
	const char *rusty = hp_p01_real(study, "rusty_pool", "policy-rusty");
	const char *rayon = hp_p01_real(study, "rayon", "policy-rayon");
	int64_t few[2], many[2];
	double ratio;

	few[0] = hp_p01_memory(study, rusty, 2, "flight", "rss_kib");
	few[1] = hp_p01_memory(study, rayon, 2, "flight", "rss_kib");
	many[0] = hp_p01_memory(study, rusty, HP_P01_SIZE, "flight", "rss_kib");
	many[1] = hp_p01_memory(study, rayon, HP_P01_SIZE, "flight", "rss_kib");
	ratio = (double)many[0] / (double)many[1];
	entry->baselines =
		ht_text("%s/%s RSS: %.2f with 200 threads (%" PRId64
			" and %" PRId64 " KiB), %.2f with 2 (%" PRId64
			" and %" PRId64 " KiB): a curve, not a number",
			rusty, rayon, ratio, many[0], many[1],
			(double)few[0] / (double)few[1], few[0], few[1]);
	if (study->rust)
		entry->verdict = many[0] < 0 || many[1] < 0 ? HP_INCONCLUSIVE
				 : ratio <= 0.85            ? HP_REPRODUCED
				 : ratio < 1                ? HP_SHAPE
							    : HP_REFUTED_HERE;
}

void hp_p01_judge_article(struct hp_study *study)
{
	struct hp_claim *entry;

	judge_s1(study);
	judge_s2(study);
	judge_join(study);
	judge_s3(study);
	entry = hp_study_claim(study);
	entry->id = "S4 build";
	entry->source = SAID;
	entry->text = "8 % less compile time and about 1200 lines fewer.";
	entry->baselines = ht_text("not reproducible here: it is about "
				   "Wasmer's own tree");
	entry->verdict = HP_NOT_APPLICABLE;
}
