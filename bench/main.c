/* SPDX-License-Identifier: BSD-2-Clause */
/* `heddle bench`: the list of workloads, and which of them is meant. */
#include <stdio.h>
#include <string.h>

#include "bench/core.h"
#include "bench/lockfree.h"
#include "bench/side.h"
#include "tools/commands.h"
#include "tools/say.h"

static void help(FILE *out)
{
	size_t i;

	fputs("usage: heddle bench list | WORKLOAD [option...]\n\n"
	      "Every peer in a process of its own, in one interleaved run; what "
	      "counts is the\nratio to a peer, with its spread. --help after a "
	      "workload lists its options.\n\n"
	      "  all       every workload\n",
	      out);
	for (i = 0; i < hb_n_workloads; i++)
		fprintf(out, "  %-8s  %s\n", hb_workloads[i].id,
			hb_workloads[i].about);
	fputs("  lockfree  queues and deques alone, ns an operation\n", out);
}

int hb_bench_main(int argc, char **argv)
{
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
		return hb_side_main(argc - 1, argv + 1);
	if (!strcmp(argv[1], "lockfree"))
		return hb_lockfree_main(argc - 1, argv + 1);
	if (!strcmp(argv[1], "all") || hb_workload_named(argv[1]) != SIZE_MAX)
		return hb_core_main(argc - 1, argv + 1);
	if (argv[1][0] == '-')
		ht_say("bench: unknown option '%s' (the workload comes first: "
		       "heddle bench list)",
		       argv[1]);
	else
		ht_say("bench: unknown workload '%s' (heddle bench list)",
		       argv[1]);
	return HT_USAGE;
}
