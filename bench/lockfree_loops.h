/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The loops that are timed, the same for every structure. They are inlined into
 * each peer with its operations, because a call through a pointer costs as much
 * as the cheapest of what is measured here.
 */
#ifndef HEDDLE_BENCH_LOCKFREE_LOOPS_H
#define HEDDLE_BENCH_LOCKFREE_LOOPS_H

#include <sched.h>

#include "bench/lockfree.h"

#define HB_LF_INLINE static inline __attribute__((__always_inline__))

/* Number i of a producer's items, from 1 on. */
HB_LF_INLINE uint32_t hb_lf_item(uint32_t producer, uint64_t i)
{
	return (producer << HB_LF_LANE_BITS |
		(uint32_t)(i & (HB_LF_LANE - 1))) +
	       1;
}

/* The consumer has read this item. */
HB_LF_INLINE void hb_lf_got(struct hb_lf_flow *flow, uint64_t item)
{
	flow->count[(item - 1) >> HB_LF_LANE_BITS &
		    (HB_LF_PRODUCERS_MAX - 1)]++;
	flow->taken++;
}

/* Waits a moment; on a full machine whom we wait for needs our CPU. */
HB_LF_INLINE void hb_lf_wait(uint32_t *times)
{
	if (++*times % 64 == 0)
		sched_yield();
#if defined(__x86_64__)
	else
		__builtin_ia32_pause();
#endif
}

HB_LF_INLINE void hb_lf_publish(struct hb_lf_flow *flow)
{
	uint32_t i;

	for (i = 0; i < flow->producers; i++)
		atomic_store_explicit(&flow->lane[i].taken, flow->count[i],
				      memory_order_release);
}

/* Push returns false when there is no room; take takes one, or all. */
typedef bool hb_lf_push_fn(void *queue, uint32_t item);
typedef uint32_t hb_lf_take_fn(void *queue, struct hb_lf_flow *flow);

HB_LF_INLINE void hb_lf_pair(hb_lf_push_fn push, hb_lf_take_fn take,
			     void *queue, struct hb_lf_flow *flow, uint64_t n)
{
	uint64_t i = flow->pushed[0];

	flow->pushed[0] += n;
	for (; n; n--, i++) {
		push(queue, hb_lf_item(0, i));
		take(queue, flow);
	}
}

HB_LF_INLINE void hb_lf_produce(hb_lf_push_fn push, void *queue,
				struct hb_lf_flow *flow, uint32_t me,
				uint64_t n)
{
	uint64_t i = flow->pushed[me], until = i + n, taken = i;
	uint32_t waits = 0;

	for (; i < until; i++) {
		while (i - taken >= HB_LF_WINDOW) {
			taken = atomic_load_explicit(&flow->lane[me].taken,
						     memory_order_acquire);
			if (i - taken >= HB_LF_WINDOW)
				hb_lf_wait(&waits);
		}
		while (!push(queue, hb_lf_item(me, i)))
			hb_lf_wait(&waits);
	}
	flow->pushed[me] = until;
}

/*
 * A stack gives the newest first, so what was taken is told only when all of one
 * take has been read: then nothing older is left in it.
 */
HB_LF_INLINE void hb_lf_consume(hb_lf_take_fn take, void *queue,
				struct hb_lf_flow *flow, uint64_t until)
{
	uint64_t told = flow->taken;
	uint32_t waits = 0;

	while (flow->taken < until) {
		uint32_t n = take(queue, flow);

		if (flow->taken - told >= 32 || (!n && flow->taken > told)) {
			hb_lf_publish(flow);
			told = flow->taken;
		}
		if (!n)
			hb_lf_wait(&waits);
	}
	hb_lf_publish(flow);
}

typedef bool hb_lf_owner_push_fn(void *deque, uint32_t task);
typedef uint32_t hb_lf_owner_pop_fn(void *deque);

HB_LF_INLINE void hb_lf_own(hb_lf_owner_push_fn push, hb_lf_owner_pop_fn pop,
			    void *deque, uint64_t n)
{
	for (; n; n--) {
		push(deque, (uint32_t)n | 1);
		pop(deque);
	}
}

/* The functions of a queue, from its push and take. */
#define HB_LF_QUEUE_LOOPS(name, push, take) \
 static void name##_pair(void *queue, struct hb_lf_flow *flow, uint64_t n) \
 { \
  hb_lf_pair(push, take, queue, flow, n); \
 } \
 static void name##_produce(void *queue, struct hb_lf_flow *flow, uint32_t me, \
			    uint64_t n) \
 { \
  hb_lf_produce(push, queue, flow, me, n); \
 } \
 static void name##_consume(void *queue, struct hb_lf_flow *flow, \
			    uint64_t until) \
 { \
  hb_lf_consume(take, queue, flow, until); \
 }

#define HB_LF_QUEUE(name_, family_, shapes_, open_, loops) \
 { \
  .name = name_, .family = family_, .shapes = shapes_, .open = open_, \
  .pair = loops##_pair, .produce = loops##_produce, \
  .consume = loops##_consume, \
 }

#define HB_LF_ONE_PRODUCER   (1u << HB_LF_PAIR | 1u << HB_LF_ONE)
#define HB_LF_MANY_PRODUCERS (HB_LF_ONE_PRODUCER | 1u << HB_LF_FOUR)

#endif /* HEDDLE_BENCH_LOCKFREE_LOOPS_H */
