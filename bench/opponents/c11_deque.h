/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The work-stealing deque as it stands in the literature, of a fixed size: one fence in
 * each pop, none in a push, so that who is about to sleep can miss a task. Ours of
 * lockfree/deque.h has a fence in both.
 *
 * After N. M. Lê, A. Pop, A. Cohen and F. Zappa Nardelli, "Correct and efficient
 * work-stealing for weak memory models", PPoPP 2013, of D. Chase and Y. Lev, "Dynamic
 * circular work-stealing deque", SPAA 2005.
 */
#ifndef HEDDLE_BENCH_OPPONENTS_C11_DEQUE_H
#define HEDDLE_BENCH_OPPONENTS_C11_DEQUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define C11_DEQUE_RETRY UINT32_MAX

struct c11_deque {
	_Alignas(128) _Atomic int64_t top;
	_Alignas(128) _Atomic int64_t bottom;
	int64_t slots; /* a power of two */
	_Atomic uint32_t *slot;
};

static inline _Atomic uint32_t *c11_deque_at(struct c11_deque *deque, int64_t i)
{
	return &deque->slot[i & (deque->slots - 1)];
}

static inline bool c11_deque_push(struct c11_deque *deque, uint32_t task)
{
	int64_t bottom =
		atomic_load_explicit(&deque->bottom, memory_order_relaxed);
	int64_t top = atomic_load_explicit(&deque->top, memory_order_acquire);

	if (bottom - top >= deque->slots)
		return false;
	atomic_store_explicit(c11_deque_at(deque, bottom), task,
			      memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&deque->bottom, bottom + 1, memory_order_relaxed);
	return true;
}

static inline uint32_t c11_deque_pop(struct c11_deque *deque)
{
	int64_t bottom =
		atomic_load_explicit(&deque->bottom, memory_order_relaxed) - 1;
	uint32_t task = 0;
	int64_t top;

	atomic_store_explicit(&deque->bottom, bottom, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	top = atomic_load_explicit(&deque->top, memory_order_relaxed);
	if (top <= bottom) {
		task = atomic_load_explicit(c11_deque_at(deque, bottom),
					    memory_order_relaxed);
		if (top < bottom)
			return task;
		if (!atomic_compare_exchange_strong_explicit(
			    &deque->top, &top, top + 1, memory_order_seq_cst,
			    memory_order_relaxed))
			task = 0;
	}
	atomic_store_explicit(&deque->bottom, bottom + 1, memory_order_relaxed);
	return task;
}

static inline uint32_t c11_deque_steal(struct c11_deque *deque)
{
	int64_t top = atomic_load_explicit(&deque->top, memory_order_acquire);
	int64_t bottom;
	uint32_t task;

	atomic_thread_fence(memory_order_seq_cst);
	bottom = atomic_load_explicit(&deque->bottom, memory_order_acquire);
	if (top >= bottom)
		return 0;
	task = atomic_load_explicit(c11_deque_at(deque, top),
				    memory_order_relaxed);
	return atomic_compare_exchange_strong_explicit(&deque->top, &top,
						       top + 1,
						       memory_order_seq_cst,
						       memory_order_relaxed)
		       ? task
		       : C11_DEQUE_RETRY;
}

#endif /* HEDDLE_BENCH_OPPONENTS_C11_DEQUE_H */
