/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The counter `done` of the workloads: a line of 128 bytes for each thread
 * that ever ran a task, bumped with a plain load and a plain store, so that a
 * task brings no shared atomic operation of the bench with it.
 */
#ifndef HEDDLE_BENCH_DONE_H
#define HEDDLE_BENCH_DONE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct hb_done_line {
	_Alignas(128) _Atomic(uint64_t) count;
};

/* The calling thread's line, NULL before its first task. */
extern _Thread_local struct hb_done_line *hb_done_mine;

/* hb_done_claim() - give the calling thread a line for ever */
void hb_done_claim(void);

/* hb_done_add() - one task more; what every task of W1 does */
static inline void hb_done_add(void)
{
	struct hb_done_line *line = hb_done_mine;

	if (__builtin_expect(!line, 0)) {
		hb_done_claim();
		line = hb_done_mine;
	}
	/* Only this thread writes the line. */
	atomic_store_explicit(
		&line->count,
		atomic_load_explicit(&line->count,
				     memory_order_relaxed) /* own line */
			+ 1,
		memory_order_release); /* done-1 */
}

/* hb_done_add_shared() - the same for threads that are made for one task */
void hb_done_add_shared(void);

/* hb_done_sum() - all tasks done so far */
uint64_t hb_done_sum(void);

/*
 * hb_done_wait() - sum the lines every 50 us until they reach a number
 *
 * Return: how often it slept.
 */
uint64_t hb_done_wait(uint64_t until);

#endif /* HEDDLE_BENCH_DONE_H */
