/* SPDX-License-Identifier: BSD-2-Clause */
/* Blocking regions that the library begins for its own waits. */
#ifndef HEDDLE_SCHED_BLOCK_H
#define HEDDLE_SCHED_BLOCK_H

/*
 * As heddle_block_begin() without an interrupt function, but not refused at blocked_max:
 * a wait that keeps its permits could keep out what it waits for. Ended by
 * heddle_block_end(). 0, or -EPERM outside of tasks.
 */
int hd_block_begin(int kind);

#endif /* HEDDLE_SCHED_BLOCK_H */
