/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who gives the memory of nodes back after a burst (lockfree/trim.h), and when: a worker
 * that has slept for a millisecond, one at a time; a close and a stop when they are done.
 * A pool that never had HD_TRIM_LEAST tasks queued at once takes no part.
 *
 * trim-4: a worker that goes to sleep has given its nodes back; it says so, then reads
 * whether somebody has the role already. Who has it clears that word, trims, gives the
 * role up and reads the word again.
 *
 *   who goes to sleep                      who has the role
 *   S1  give nodes back                    R1  asked = 0 (seq_cst)
 *   S2  asked = 1 (seq_cst)                R2  trim
 *   S3  take the role (seq_cst)            R3  nobody has the role (seq_cst)
 *                                          R4  read asked (seq_cst)
 *
 * Forbidden: the nodes of S1 are missing in R2, S3 finds the role taken, and R4 reads 0.
 * Then all sleep, and the memory stays.
 */
#ifndef HEDDLE_SCHED_TRIM_H
#define HEDDLE_SCHED_TRIM_H

#include <stdbool.h>
#include <stdint.h>

struct heddle_pool;
struct hd_worker;

/* So many nodes may keep their memory: half a MiB. */
#define HD_TRIM_LEAST 16384u

/* A burst is over when a worker has slept for so long. */
#define HD_TRIM_AFTER_NS UINT64_C(1000000)

/* The calling worker goes to sleep, its idle bit is set: until when at first? */
uint64_t hd_trim_until(struct hd_worker *worker);

/* It has slept until then, or until another time of its. */
void hd_trim_due(struct hd_worker *worker);

/* It is awake. */
void hd_trim_resign(struct hd_worker *worker);

/* At once, by a thread that has the time. */
void hd_trim_now(struct heddle_pool *pool);

#endif /* HEDDLE_SCHED_TRIM_H */
