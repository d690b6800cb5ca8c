/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A probe: another program that prints lines, each a word and key=value pairs,
 * under a watchdog. Whatever it does, it cannot hang or kill the caller.
 */
#ifndef HEDDLE_PAPERS_CHILD_H
#define HEDDLE_PAPERS_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hp_child_outcome {
	HP_CHILD_DONE,   /* exit status 0 and the last line was "end" */
	HP_CHILD_HUNG,   /* killed by the watchdog */
	HP_CHILD_FAILED, /* any other end */
	HP_CHILD_ABSENT, /* could not be started */
};

/**
 * struct hp_child - what became of one
 * @status:  of waitpid
 * @seconds: how long it ran
 * @lines:   what it printed, in order, standard error included
 * @reason:  one line for a person; NULL after HP_CHILD_DONE
 */
struct hp_child {
	enum hp_child_outcome outcome;
	int status;
	double seconds;
	char **lines;
	size_t n_lines;
	char *reason;
};

/*
 * hp_child_run() - start, read, wait
 * @argv:     argv[0] is the path of the program
 * @variable: NULL, or one more variable of the environment, "NAME=value"
 * @stack:    limit of its stacks in bytes
 * @limit_ns: the watchdog's
 */
void hp_child_run(char *const argv[], const char *variable, size_t stack,
		  uint64_t limit_ns, struct hp_child *child);
void hp_child_free(struct hp_child *child);

const char *hp_child_outcome_name(enum hp_child_outcome outcome);

/* hp_line_is() - the line starts with this word */
bool hp_line_is(const char *line, const char *word);

/* hp_line_text() - the value of a key, false when the line has none */
bool hp_line_text(const char *line, const char *key, char *value, size_t size);
bool hp_line_number(const char *line, const char *key, int64_t *value);

/* hp_child_line() - the first line with this word, NULL when there is none */
const char *hp_child_line(const struct hp_child *child, const char *word);

#endif /* HEDDLE_PAPERS_CHILD_H */
