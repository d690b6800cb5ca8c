/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is this process a forked child of the one that made an object? Seen without
 * an atfork handler: a page the kernel wipes in the child (MADV_WIPEONFORK).
 */
#ifndef HEDDLE_PLATFORM_FORK_H
#define HEDDLE_PLATFORM_FORK_H

#include <stdbool.h>
#include <stdint.h>

/* A word that reads 1 here and 0 in a child; NULL on failure. */
const uint32_t *hd_fork_mark_create(void);
void hd_fork_mark_destroy(const uint32_t *mark);

/*
 * Is this another process than the one that made the last mark? For those who have no
 * pool to ask; a child that has made a pool of its own is a parent again.
 */
bool hd_fork_is_child(void);

#endif /* HEDDLE_PLATFORM_FORK_H */
