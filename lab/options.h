/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line of the laboratory's program. */
#ifndef HEDDLE_LAB_OPTIONS_H
#define HEDDLE_LAB_OPTIONS_H

#include "lab/engine.h"

/* What was given; numbers are one more than what was meant, 0: nothing. */
struct command {
	struct lab_options options;
	unsigned int bound_plus_1, old_plus_1;
	bool depth_given, random, runs_given, seconds_given;
	bool json, expect_failure, plain, quick;
	unsigned int jobs, shard, shards;
	unsigned int rows;
};

/*
 * Fills in the options and returns the index of the command, or an exit status
 * in *status and 0: after --help, and after what makes no sense was named.
 */
int lab_parse(int argc, char **argv, struct command *command, int *status);

/* Says what is wrong with the command line; returns the exit status 2. */
int lab_wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The command that counts; an exit status. */
int lab_count_operations(char **names, int given,
			 const struct command *command);

#endif /* HEDDLE_LAB_OPTIONS_H */
