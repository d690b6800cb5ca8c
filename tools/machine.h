/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine as this process sees it, a list of facts each with the file or
 * the call it came from. What a result was measured on, and what `heddle info`
 * prints. A fact that cannot be had says why instead of being left out.
 */
#ifndef HEDDLE_TOOLS_MACHINE_H
#define HEDDLE_TOOLS_MACHINE_H

#include <stddef.h>

#include "tools/say.h"

struct ht_json;
struct ht_table;

struct ht_fact {
	char *name;   /* "cpu model", unique within the machine */
	char *value;  /* "unavailable: ..." when it could not be read */
	char *source; /* a path, or a call such as "sysconf(_SC_PAGESIZE)" */
};

struct ht_machine {
	struct ht_fact *facts;
	size_t n_facts;
};

/* ht_machine_capture() - look at everything now; always succeeds */
struct ht_machine *ht_machine_capture(void);
void ht_machine_free(struct ht_machine *machine);

/* ht_machine_value() - the value of a fact, NULL when there is none */
const char *ht_machine_value(const struct ht_machine *machine,
			     const char *name);

/* ht_machine_table() - columns fact, value, source; ht_table_free() it */
struct ht_table *ht_machine_table(const struct ht_machine *machine);

/* ht_machine_json() - one object with a member for each fact */
void ht_machine_json(const struct ht_machine *machine, struct ht_json *json,
		     const char *key);

/* For the files that gather facts. */

void ht_machine_add(struct ht_machine *machine, const char *name,
		    const char *source, const char *format, ...)
	HT_PRINTF(4, 5);

/* ht_machine_line() - first line of a file, NULL and errno; free() it */
char *ht_machine_line(const char *path);

/* ht_machine_file() - add the first line of a file as a fact */
void ht_machine_file(struct ht_machine *machine, const char *name,
		     const char *path);

/* Quotas and limits of every ancestor control group; machine_cgroup.c. */
void ht_machine_cgroups(struct ht_machine *machine);
/* Limits and kernel features of this process; machine_process.c. */
void ht_machine_process(struct ht_machine *machine);

#endif /* HEDDLE_TOOLS_MACHINE_H */
