/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What top and trace look at: the file of another process, or a pool of their own
 * with some load that is published and read in the same way.
 */
#ifndef HEDDLE_TOOLS_WATCHED_H
#define HEDDLE_TOOLS_WATCHED_H

#include <stdbool.h>

#include "tools/snapshot.h"

struct ht_demo;

struct ht_watched {
	struct ht_eye eye;
	struct ht_demo *demo; /* NULL: another process */
};

/*
 * ht_watch() - begin to look
 * @who:  process id or path, NULL with @demo
 * @pool: name, or NULL; only of a process
 *
 * Return: HT_OK, or an exit status after a line that says what is wrong, also when
 * more is given than one of them can mean.
 */
int ht_watch(struct ht_watched *watched, const char *who, const char *pool,
	     bool demo);

/* ht_watch_read() - the newest snapshot; of the demo a new one */
int ht_watch_read(struct ht_watched *watched, struct ht_snapshot *out);

/* ht_watch_end() - HT_OK, or HT_MISSED after a line when the demo did not end */
int ht_watch_end(struct ht_watched *watched);

/* For people, of any value; unknown codes come back as "?". */
const char *ht_worker_state_name(uint32_t state);
const char *ht_block_kind_name(uint32_t kind);
const char *ht_reason_name(uint32_t reason);

#endif /* HEDDLE_TOOLS_WATCHED_H */
