/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The berths of a process: threads_max rights to one live guest, and the queue
 * of spawns that wait for one. A spawn needs a berth and a tid; both are handed
 * to the head of the queue together, at the end of a SCRUB or when a tid comes
 * back, under the process's lock. So there are never threads_max + 1, and no
 * newcomer overtakes the queue.
 */
#ifndef HEDDLE_TLS_BERTH_H
#define HEDDLE_TLS_BERTH_H

#include <stdint.h>

struct heddle_process;

/*
 * A berth and a tid. With deadline 0 it waits for no user code: only for a
 * guest past its last destructor that no other spawn counts on (C9). 0,
 * -EAGAIN, -ESHUTDOWN.
 */
int hd_berth_take(struct heddle_process *process, uint64_t deadline,
		  uint32_t *tid);

/*
 * Under process->lock, after one berth, one tid or one of each was given back:
 * hands what is free to the head of the queue. Returns the futex to wake after
 * the unlock, or NULL.
 */
void *hd_berth_pass(struct heddle_process *process);

/* The process closes: all waiting spawns end with -ESHUTDOWN. */
void hd_berth_refuse(struct heddle_process *process);

#endif /* HEDDLE_TLS_BERTH_H */
