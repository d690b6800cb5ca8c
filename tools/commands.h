/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The subcommands of `heddle`. Each takes argv with its own name in argv[0]
 * and returns an exit status of tools/say.h. Those of bench/ and papers/ are
 * declared here because an include never runs from tools/ to these folders.
 */
#ifndef HEDDLE_TOOLS_COMMANDS_H
#define HEDDLE_TOOLS_COMMANDS_H

int ht_count_main(int argc, char **argv);
int ht_explore_main(int argc, char **argv);
int ht_info_main(int argc, char **argv);
int ht_stall_main(int argc, char **argv);
int ht_stress_main(int argc, char **argv);
int ht_top_main(int argc, char **argv);
int ht_trace_main(int argc, char **argv);
int hb_bench_main(int argc, char **argv); /* bench/ */
int hp_paper_main(int argc, char **argv); /* papers/ */

#endif /* HEDDLE_TOOLS_COMMANDS_H */
