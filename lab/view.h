/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a thread knows of the others: vectors of clocks, and the orders of C11
 * that make one thread know more.
 */
#ifndef HEDDLE_LAB_VIEW_H
#define HEDDLE_LAB_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "lab/engine.h"

/* The values of __ATOMIC_RELAXED and so on, as compilers pass them. */
enum lab_order {
	LAB_RELAXED,
	LAB_CONSUME,
	LAB_ACQUIRE,
	LAB_RELEASE,
	LAB_ACQ_REL,
	LAB_SEQ_CST,
};

struct lab_view {
	uint32_t hb[LAB_FIBERS_MAX];
	uint32_t seen[LAB_FIBERS_MAX];
	uint32_t fence; /* the latest sequentially consistent fence before */
} __attribute__((aligned(16)));

static inline bool lab_is_acquire(int order)
{
	return order == LAB_ACQUIRE || order == LAB_CONSUME ||
	       order == LAB_ACQ_REL || order == LAB_SEQ_CST;
}

static inline bool lab_is_release(int order)
{
	return order == LAB_RELEASE || order == LAB_ACQ_REL ||
	       order == LAB_SEQ_CST;
}

/* Four clocks at a time; they are far below the sign. */
typedef int32_t lab_clocks4 __attribute__((vector_size(16), may_alias));

static inline void lab_clocks_join(uint32_t *to, const uint32_t *from)
{
	lab_clocks4 *a = (lab_clocks4 *)(void *)to;
	const lab_clocks4 *b = (const lab_clocks4 *)(const void *)from;

	for (int i = 0; i < LAB_FIBERS_MAX / 4; i++) {
		lab_clocks4 less = a[i] < b[i];

		a[i] = (b[i] & less) | (a[i] & ~less);
	}
}

/* A call of memset, or the instruction for long runs, would take longer. */
static inline void lab_clocks_zero(uint32_t *clocks)
{
	lab_clocks4 *a = (lab_clocks4 *)(void *)clocks;

	a[0] = (lab_clocks4){ 0 };
	a[LAB_FIBERS_MAX / 4 - 1] = (lab_clocks4){ 0 };
}
_Static_assert(LAB_FIBERS_MAX == 8, "two vectors of four clocks");

static inline void lab_view_zero(struct lab_view *view)
{
	lab_clocks_zero(view->hb);
	lab_clocks_zero(view->seen);
	view->fence = 0;
}

static inline void lab_view_join(struct lab_view *to,
				 const struct lab_view *from)
{
	lab_clocks_join(to->hb, from->hb);
	lab_clocks_join(to->seen, from->seen);
	if (from->fence > to->fence)
		to->fence = from->fence;
}

#endif /* HEDDLE_LAB_VIEW_H */
