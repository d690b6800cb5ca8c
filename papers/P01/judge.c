/* SPDX-License-Identifier: BSD-2-Clause */
/* From the figures to the verdicts of P01.a to P01.h: the parts of all. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "papers/P01/judge.h"
#include "papers/P01/p01.h"

#define SHOWN "the bad event was seen where it is known to happen"
#define SILENT \
 "SILENT: no baseline showed the bad event, so this run of the " \
 "measurement proves nothing"

const char *const hp_ours[HP_OURS] = { "heddle-static", "heddle-elastic",
				       "heddle-guest" };

struct hp_claim *hp_claim(struct hp_study *study, const char *id,
			  const char *source, const char *text,
			  const char *evidence)
{
	struct hp_claim *entry = hp_study_claim(study);

	entry->id = id;
	entry->source = source;
	entry->text = text;
	entry->evidence = evidence;
	return entry;
}

void hp_verdict(struct hp_claim *entry, bool is_kept, bool is_shown)
{
	entry->is_judged = true;
	entry->is_kept = is_kept;
	entry->control = is_shown ? SHOWN : SILENT;
	entry->verdict = is_kept ? HP_REPRODUCED : HP_REFUTED_HERE;
}

void hp_append(char **text, const char *format, ...)
{
	char piece[512];
	char *longer;
	va_list args;

	va_start(args, format);
	vsnprintf(piece, sizeof(piece), format, args);
	va_end(args);
	longer =
		ht_text("%s%s%s", *text ? *text : "", *text ? "; " : "", piece);
	free(*text);
	*text = longer;
}

const char *hp_reason(const struct hp_probe *probe)
{
	return probe && probe->child.reason ? probe->child.reason
					    : "not measured";
}

void hp_p01_judge(struct hp_study *study)
{
	hp_judge_a(study);
	hp_judge_b(study);
	hp_judge_c(study);
	hp_judge_d(study);
	hp_judge_e(study);
	hp_judge_f(study);
	hp_judge_g(study);
	hp_judge_h(study);
	hp_p01_judge_article(study);
}
