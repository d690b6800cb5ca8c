/* SPDX-License-Identifier: BSD-2-Clause */
/* `heddle bench`: the list of workloads, and which of them is meant. */
#include <stdio.h>
#include <string.h>

#include "bench/lockfree.h"
#include "bench/w1.h"
#include "tools/commands.h"
#include "tools/say.h"

static const struct {
	const char *name;
	const char *about;
	int (*run)(int argc, char **argv);
} workload[] = {
	{ "W1", "empty tasks submitted from outside, ns a task", hb_w1_main },
	{ "lockfree", "queues and deques alone, ns an operation",
	  hb_lockfree_main },
};

static void help(FILE *out)
{
	size_t i;

	fputs("usage: heddle bench list | WORKLOAD [option...]\n\n"
	      "Every peer in a process of its own, in one interleaved run; what "
	      "counts is the\nratio to a peer, with its spread. --help after a "
	      "workload lists its options.\n\n",
	      out);
	for (i = 0; i < sizeof(workload) / sizeof(workload[0]); i++)
		fprintf(out, "  %-8s  %s\n", workload[i].name,
			workload[i].about);
}

int hb_bench_main(int argc, char **argv)
{
	size_t i;

	if (argc < 2) {
		ht_say("bench: no workload is named; see heddle bench list");
		return HT_USAGE;
	}
	if (!strcmp(argv[1], "list") || !strcmp(argv[1], "--help")) {
		if (argc > 2) {
			ht_say("bench %s: unexpected '%s'", argv[1], argv[2]);
			return HT_USAGE;
		}
		help(stdout);
		return HT_OK;
	}
	if (!strcmp(argv[1], "peer")) /* what the workloads start */
		return hb_w1_peer_main(argc - 1, argv + 1);
	for (i = 0; i < sizeof(workload) / sizeof(workload[0]); i++)
		if (!strcmp(argv[1], workload[i].name))
			return workload[i].run(argc - 1, argv + 1);
	ht_say("bench: unknown workload '%s'", argv[1]);
	return HT_USAGE;
}
