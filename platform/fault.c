/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fault and delay points. A site that nobody ever set costs one relaxed load;
 * from the first setting on its passes are counted.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <heddle/testing.h>

#include "platform/cacheline.h"
#include "platform/clock.h"
#include "platform/fault.h"

/*
 * plan: how many passes still succeed in the high half, how many then fail in
 * the low half; one word, so that no pass is taken twice. The rest is
 * statistics, or is published by plan.
 */
struct site {
	_Atomic uint32_t watched;
	_Atomic int error;
	_Atomic uint64_t plan;
	_Atomic uint64_t passes;
	_Atomic uint64_t failures;
};

static struct site sites[HEDDLE_FAULT_SITES];
static _Atomic uint64_t delays[HEDDLE_DELAY_SITES];

/* Takes one pass out of the plan; true when this pass must fail. */
static bool plan_step(struct site *s)
{
	uint64_t plan = atomic_load_explicit(
		&s->plan, memory_order_acquire); /* fault-1 */
	uint64_t next;

	do {
		uint32_t skip = (uint32_t)(plan >> 32);
		uint32_t count = (uint32_t)plan;

		if (!count)
			return false;
		if (skip)
			next = (uint64_t)(skip - 1) << 32 | count;
		else if (count != UINT32_MAX)
			next = count - 1;
		else
			return true;
	} while (!atomic_compare_exchange_weak_explicit(
		&s->plan, &plan, next, memory_order_acquire, /* fault-1 */
		memory_order_acquire));                      /* fault-1 */
	return plan >> 32 == 0;
}

int hd_fault(int site)
{
	struct site *s = &sites[site];

	/* Relaxed: tests set it before they start what they test. */
	if (!atomic_load_explicit(&s->watched, memory_order_relaxed))
		return 0;
	/* Relaxed: statistics. */
	atomic_fetch_add_explicit(&s->passes, 1, memory_order_relaxed);
	if (!plan_step(s))
		return 0;
	/* Relaxed: statistics. */
	atomic_fetch_add_explicit(&s->failures, 1, memory_order_relaxed);
	/* Relaxed: published by the plan. */
	return atomic_load_explicit(&s->error, memory_order_relaxed);
}

void hd_delay(int site)
{
	/* Relaxed: a delay orders nothing. */
	uint64_t ns = atomic_load_explicit(&delays[site], memory_order_relaxed);
	uint64_t until;

	if (!ns)
		return;
	until = hd_now_ns() + ns;
	while (hd_now_ns() < until)
		hd_relax();
}

int heddle_fault_set(int site, uint32_t skip, uint32_t count, int error)
{
	if (site < 0 || site >= HEDDLE_FAULT_SITES)
		return -EINVAL;
	if (count && error <= 0)
		return -EINVAL;
	/* Relaxed: published by the plan. */
	atomic_store_explicit(&sites[site].error, error, memory_order_relaxed);
	atomic_store_explicit(&sites[site].plan, (uint64_t)skip << 32 | count,
			      memory_order_release); /* fault-1 */
	/* Relaxed: see hd_fault(). */
	atomic_store_explicit(&sites[site].watched, 1, memory_order_relaxed);
	return 0;
}

int heddle_fault_count(int site, uint64_t *passes, uint64_t *failures)
{
	if (site < 0 || site >= HEDDLE_FAULT_SITES)
		return -EINVAL;
	/* Relaxed: statistics. */
	if (passes)
		*passes = atomic_load_explicit(&sites[site].passes,
					       memory_order_relaxed);
	/* Relaxed: statistics. */
	if (failures)
		*failures = atomic_load_explicit(&sites[site].failures,
						 memory_order_relaxed);
	return 0;
}

int heddle_delay_set(int site, uint64_t ns)
{
	if (site < 0 || site >= HEDDLE_DELAY_SITES)
		return -EINVAL;
	/* Relaxed: a delay orders nothing. */
	atomic_store_explicit(&delays[site], ns, memory_order_relaxed);
	return 0;
}
