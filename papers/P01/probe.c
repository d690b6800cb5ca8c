/* SPDX-License-Identifier: BSD-2-Clause */
/* The hidden sub-command: one measurement of one back end in this process. */
#include "papers/P01/probe.h"

#include <stdio.h>
#include <string.h>

#include "papers/P01/measure.h"
#include "tools/args.h"
#include "tools/say.h"

static const struct {
	const char *name;
	void (*measure)(const struct hp_request *request);
} measures[] = {
	{ "timeline", hp_measure_timeline },
	{ "reclaim", hp_measure_reclaim },
	{ "sequential", hp_measure_sequential },
	{ "join", hp_measure_join },
	{ "exact", hp_measure_exact },
	{ "resize", hp_measure_resize },
	{ "exhaust", hp_measure_exhaust },
	{ "memory", hp_measure_memory },
	{ "spawn", hp_measure_spawn },
	{ "recycle", hp_measure_recycle },
};

int hp_p01_probe(int argc, char **argv)
{
	/* Lines must be out when the watchdog kills; nothing may be malloc'ed
	 * for them once memory is measured. */
	static char buffer[1 << 16];
	const char *backend = NULL;
	const char *measure = NULL;
	uint64_t size = 4, count = 1000, every = 1000, seed = 1;
	const struct ht_option options[] = {
		{ "backend", HT_OPTION_STRING, &backend, "NAME",
		  "which back end", 0, 0, NULL },
		{ "measure", HT_OPTION_STRING, &measure, "NAME",
		  "which measurement", 0, 0, NULL },
		{ "size", HT_OPTION_NUMBER, &size, "N", "threads", 1, 4096,
		  NULL },
		{ "count", HT_OPTION_NUMBER, &count, "N", "repetitions", 1,
		  1000000000, NULL },
		{ "every", HT_OPTION_NUMBER, &every, "N",
		  "one task in so many stays", 1, 1000000000, NULL },
		{ "seed", HT_OPTION_NUMBER, &seed, "N", "of random numbers", 0,
		  UINT64_MAX, NULL },
		{ .name = NULL },
	};
	const struct ht_usage usage = {
		.command = "heddle paper probe P01",
		.about = "One measurement, printed as lines; used by run.",
		.options = options,
	};
	struct hp_request request;
	int status;
	size_t i;

	if (ht_args(&usage, argc, argv, &status) < 0)
		return status;
	request.backend = backend ? hp_backend_find(backend) : NULL;
	if (!request.backend) {
		ht_say("--backend: '%s' is not in this build",
		       backend ? backend : "");
		return HT_USAGE;
	}
	request.size = (uint32_t)size;
	request.count = count;
	request.every = every;
	request.seed = seed;
	setvbuf(stdout, buffer, _IOLBF, sizeof(buffer));
	for (i = 0; i < sizeof(measures) / sizeof(measures[0]); i++) {
		if (!measure || strcmp(measure, measures[i].name))
			continue;
		measures[i].measure(&request);
		printf("end\n");
		return fflush(stdout) ? HT_MISSED : HT_OK;
	}
	ht_say("--measure: unknown '%s'", measure ? measure : "");
	return HT_USAGE;
}
