/* SPDX-License-Identifier: BSD-2-Clause */
/* Counts operations, one after the other, and prints what they cost. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/count.h"
#include "lab/options.h"
#include "lab/report.h"

/* The linker's names for the section of LAB_COUNTED. */
extern const struct lab_counted *const __start_lab_counted[]
	__attribute__((weak));
extern const struct lab_counted *const __stop_lab_counted[]
	__attribute__((weak));

static const struct lab_counted *counted;
static struct lab_count last_count;

static void count_thread(void)
{
	if (counted->warm)
		counted->warm();
	lab_count_reset();
	if (!counted->own)
		lab_count_begin();
	counted->run();
	lab_count_end(&last_count);
}

/* One execution in which nobody interrupts it. */
static bool count_one(const struct lab_counted *which, struct lab_count *count)
{
	struct lab_scenario s = {
		.name = which->name,
		.claim = which->what,
		.setup = which->setup,
		.thread = { count_thread },
		.settle = true,
	};
	struct lab_options o = lab_defaults;
	struct lab_result result;

	counted = which;
	o.bound = 0;
	o.runs_max = 1;
	lab_open(&s, &o);
	lab_explore(&o, &result);
	lab_at.counting = false;
	*count = last_count;
	lab_close();
	if (result.failed && strcmp(result.kind, "lost wake-up"))
		fprintf(stderr, "%s: %s\n", which->name, result.message);
	else
		result.failed = false;
	free(result.replay);
	return !result.failed;
}

static void list_counted(bool json)
{
	size_t n = (size_t)(__stop_lab_counted - __start_lab_counted);

	if (json)
		printf("[\n");
	for (size_t k = 0; k < n; k++) {
		const struct lab_counted *which = __start_lab_counted[k];

		if (!json) {
			printf("%-22s  %s\n", which->name, which->what);
			continue;
		}
		printf("{\"operation\": ");
		lab_json_string(stdout, which->name);
		printf(", \"what\": ");
		lab_json_string(stdout, which->what);
		printf("}%s\n", k + 1 < n ? "," : "");
	}
	if (json)
		printf("]\n");
}

static void print_count(const struct lab_counted *k, const struct lab_count *n,
			bool json, bool last)
{
	double d = k->divide ? k->divide : 1;

	if (!json) {
		printf("%-22s %7.2f %7.2f %6.2f %7.2f %7.2f %7.2f %6.2f %8.2f %6.2f\n",
		       k->name, n->loads / d, n->stores / d, n->rmws / d,
		       n->failed / d, n->fences / d, n->plain / d, n->lines / d,
		       n->written / d, n->calls / d);
		return;
	}
	printf("{\"operation\": ");
	lab_json_string(stdout, k->name);
	printf(", \"what\": ");
	lab_json_string(stdout, k->what);
	printf(", \"loads\": %.3f, \"stores\": %.3f, \"rmws\": %.3f, "
	       "\"failed\": %.3f, \"fences\": %.3f, \"plain\": %.3f, "
	       "\"lines\": %.3f, \"lines_written\": %.3f, "
	       "\"system_calls\": %.3f, "
	       "\"promised_rmws\": %u, \"promised_fences\": %u, "
	       "\"promised_lines\": %u, \"promised_system_calls\": %u, "
	       "\"kept\": %s}%s\n",
	       n->loads / d, n->stores / d, n->rmws / d, n->failed / d,
	       n->fences / d, n->plain / d, n->lines / d, n->written / d,
	       n->calls / d, k->promised.rmws, k->promised.fences,
	       k->promised.lines, k->promised.calls,
	       n->rmws <= k->promised.rmws * d &&
			       n->fences <= k->promised.fences * d &&
			       n->lines <= k->promised.lines * d &&
			       n->calls <= k->promised.calls * d
		       ? "true"
		       : "false",
	       last ? "" : ",");
}

int lab_count_operations(char **names, int given, const struct command *c)
{
	size_t n = (size_t)(__stop_lab_counted - __start_lab_counted);
	bool all = given == 1 && !strcmp(names[0], "all"), good = true;
	size_t chosen = 0, printed = 0;

	if (!given)
		return lab_wrong("no operation is named; 'all' counts each, "
				 "'list' names them");
	if (given == 1 && !strcmp(names[0], "list")) {
		list_counted(c->json);
		return 0;
	}
	for (int i = 0; i < given && !all; i++) {
		size_t k;

		for (k = 0; k < n; k++)
			if (!strcmp(__start_lab_counted[k]->name, names[i]))
				break;
		if (k == n)
			return lab_wrong("no operation is called '%s'; "
					 "'heddle count list' has them",
					 names[i]);
	}
	chosen = all ? n : (size_t)given;
	if (c->json)
		printf("[\n");
	else
		printf("%-22s %7s %7s %6s %7s %7s %7s %6s %8s %6s\n",
		       "operation", "loads", "stores", "rmws", "failed",
		       "fences", "plain", "lines", "written", "calls");
	for (size_t k = 0; k < n; k++) {
		const struct lab_counted *which = __start_lab_counted[k];
		struct lab_count count = { 0 };
		bool wanted = all;

		for (int i = 0; i < given; i++)
			wanted |= !strcmp(which->name, names[i]);
		if (!wanted)
			continue;
		good &= count_one(which, &count);
		print_count(which, &count, c->json, ++printed == chosen);
	}
	if (c->json)
		printf("]\n");
	return good ? 0 : 1;
}
