/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Options of the commands, from a table: long names only, "--name value" or
 * "--name=value". Whatever is wrong gives one line that names the argument,
 * and exit status 2. --help is always there.
 */
#ifndef HEDDLE_TOOLS_ARGS_H
#define HEDDLE_TOOLS_ARGS_H

#include <stdint.h>

enum ht_option_type {
	HT_OPTION_FLAG,   /* bool *, set to true */
	HT_OPTION_NUMBER, /* uint64_t *, decimal or 0x, in min..max */
	HT_OPTION_REAL,   /* double *, in min..max */
	HT_OPTION_STRING, /* const char **, not empty */
	HT_OPTION_CHOICE, /* const char **, one of the words of choices */
};

/**
 * struct ht_option - one option; a table ends with one whose name is NULL
 * @name:    without the dashes
 * @type:    what @value points to
 * @value:   holds the default before and the result afterwards
 * @operand: name of the value in the help, "N"; NULL for a flag
 * @help:    one line
 * @min:     smallest number allowed
 * @max:     largest number allowed
 * @choices: words with one blank between them
 */
struct ht_option {
	const char *name;
	enum ht_option_type type;
	void *value;
	const char *operand;
	const char *help;
	uint64_t min;
	uint64_t max;
	const char *choices;
};

/**
 * struct ht_usage - what --help prints and how many operands there may be
 * @command:      as typed, "heddle stress"
 * @operands:     their names in the help, "[SCENARIO...]", or NULL
 * @operands_max: more are bad usage; -1 for any number
 * @about:        lines of text below the first line, or NULL
 * @options:      the table
 */
struct ht_usage {
	const char *command;
	const char *operands;
	int operands_max;
	const char *about;
	const struct ht_option *options;
};

/**
 * ht_args() - read the options of a command
 * @argv:   argv[0] is the command's name; the operands are moved to
 *          argv[1..n] when n is returned; "--" ends the options
 * @status: receives the exit status when -1 is returned
 *
 * Return: the number of operands, or -1 when the command ends here: *status
 * is HT_OK after --help, HT_USAGE after bad usage.
 */
int ht_args(const struct ht_usage *usage, int argc, char **argv, int *status);

#endif /* HEDDLE_TOOLS_ARGS_H */
