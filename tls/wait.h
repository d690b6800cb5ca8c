/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waits of tls/ that other threads' user code ends: where the caller is a task
 * or a guest they are blocking regions, so that its permits work meanwhile.
 */
#ifndef HEDDLE_TLS_WAIT_H
#define HEDDLE_TLS_WAIT_H

#include <stdbool.h>
#include <stddef.h>

#include <heddle/block.h>

#include "sched/block.h"
#include "sched/worker.h"

/* Returns what hd_wait_end() must be told. */
static inline bool hd_wait_begin(void)
{
	return hd_self && hd_self->frame &&
	       hd_block_begin(HEDDLE_BLOCK_JOIN) == 0;
}

static inline void hd_wait_end(bool region)
{
	if (region)
		heddle_block_end();
}

#endif /* HEDDLE_TLS_WAIT_H */
