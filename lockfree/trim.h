/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of a stock of nodes goes back to the kernel after a burst. The array has two
 * halves, each as large as the limit, and one of them is in use. When every node of it
 * that was ever handed out is free again, the other half, whose memory was never touched
 * or was given back, comes into use with one step, and the pages of the first are
 * dropped. The argument is in doc/design/memory.md; who calls, and when, in sched/trim.h.
 *
 *              alloc/free_any  trim_any  init/fini
 * alloc/free_any     -            -          X
 * trim_any           -            -          X
 *
 * -  safe together (of two trims one does nothing)      X  caller must exclude
 *
 * Progress: a trim takes as long as the stock is large; it ends early when a node is
 * needed. Those who allocate and free never wait for it: wherever it is stopped,
 * they go on, and the limit is as exact as ever.
 *
 *   the trimmer                            who allocates
 *   T1  word: TRIMS                        A1  finds its stack frozen
 *   T2  freeze each stack, count           A2  fresh, if some are left, or
 *   T3  all are there: word: the other         word: not TRIMS
 *       half, 0 handed out                 A3  pop from what is frozen
 *
 * A free node leaves a frozen stack only after the word has lost TRIMS, and a fresh one
 * changes the word as well. So T3 fails if a node that was counted has gone since.
 * What is pushed after the count leaves its stack frozen, and is missing in the count.
 *
 * trim-1: who takes a fresh node of the new half sees the generation that none of the
 * old half had passed.
 *
 * trim-2: who sees a stack frozen sees the TRIMS that was set before; a trim that begins
 * later changes the tag of every stack that is not empty. So a head that was frozen
 * before TRIMS was gone may be popped, if its half is still the one in use.
 *
 *   who allocates                          the trimmer
 *   A1  read head: frozen (seq_cst)        T1  word: TRIMS
 *   A2  read word: no TRIMS (acquire)      T2  head: frozen, next tag (seq_cst)
 *   A3  CAS head                           T3  CAS word
 *
 * Forbidden: A3 succeeds for a node that T2 has counted, and T3 succeeds.
 *
 * trim-3: one trimmer at a time; the next one sees what the last has left stale. Who
 * finds another one has freed its nodes before, and asks:
 *
 *   who comes second                       the trimmer
 *   S1  asked = 1 (seq_cst)                T1  asked = 0 (seq_cst)
 *   S2  trimmer: 1 to 1 (seq_cst)          T2  count; some are missing
 *                                          T3  trimmer = 0 (seq_cst)
 *                                          T4  read asked (seq_cst): 1, again
 *
 * Forbidden: S2 finds the trimmer, the nodes of the second are missing in T2, and T4
 * reads 0.
 */
#ifndef HEDDLE_LOCKFREE_TRIM_H
#define HEDDLE_LOCKFREE_TRIM_H

#include <stdbool.h>
#include <stdint.h>

#include "lockfree/nodes.h"

enum hd_trim {
	HD_TRIM_DONE,   /* nothing is left to be given back */
	HD_TRIM_IN_USE, /* some node was not free */
	HD_TRIM_BROKEN, /* off: a node was needed, or goes_on said so */
	HD_TRIM_BUSY,   /* another thread trims, and looks again */
};

/* Asked now and then: does the trim go on? */
struct hd_trim_call {
	bool (*goes_on)(void *arg);
	void *arg;
};

/*
 * The first step without the last: the halves change places if at least that many
 * nodes were handed out (DONE, if fewer were) and all are free. One caller at a time.
 */
enum hd_trim hd_nodes_turn(struct hd_nodes *nodes, uint32_t least,
			   const struct hd_trim_call *call);

/* The whole. */
enum hd_trim hd_nodes_trim_any(struct hd_nodes *nodes, uint32_t least,
			       const struct hd_trim_call *call);

#endif /* HEDDLE_LOCKFREE_TRIM_H */
