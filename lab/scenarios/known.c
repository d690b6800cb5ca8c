/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bugs that others have had: the laboratory must find them, or it would not find
 * ours.
 */
#include "lab/linear.h"
#include "lab/scenario.h"

/*
 * Concurrency Kit up to 0.7.2, ck_fifo_mpmc: a dequeue reads the head, then the
 * tail and the link, and says "empty" without a look whether the head is still
 * the same: it may have been used again meanwhile, as the last entry. Fixed
 * upstream in commit e78c421, 2026. The header is the packaged one; only the
 * instruction for two words is the laboratory's, which also treats every access
 * as it is on machines with total store order.
 */
#include <ck_pr.h>

#ifndef CK_F_PR_CAS_PTR_2
static inline bool ck_pr_cas_ptr_2(void *target, void *expected, void *desired)
{
	return lab_cas_pair(target, expected, desired);
}
# define CK_F_PR_CAS_PTR_2
#endif
#include <ck_fifo.h>

#include <stdatomic.h>

#include "platform/memory.h"

static ck_fifo_mpmc_t fifo;
static ck_fifo_mpmc_entry_t fifo_entry[4];

/* Two values behind the stub: at any time one is there for who asks. */
static void fifo_setup(void)
{
	ck_fifo_mpmc_init(&fifo, &fifo_entry[0]);
	ck_fifo_mpmc_enqueue(&fifo, &fifo_entry[1], &fifo_entry[1]);
	ck_fifo_mpmc_enqueue(&fifo, &fifo_entry[2], &fifo_entry[2]);
}

static ck_fifo_mpmc_entry_t *dequeue(void)
{
	ck_fifo_mpmc_entry_t *garbage;
	void *value;

	LAB_ASSERT(ck_fifo_mpmc_dequeue(&fifo, &value, &garbage));
	return garbage;
}

static void dequeue_once(void)
{
	dequeue();
}

/* The entry that came out is used again at once, as the interface allows. */
static void dequeue_enqueue(void)
{
	ck_fifo_mpmc_entry_t *entry = dequeue();

	ck_fifo_mpmc_enqueue(&fifo, entry, entry);
}

LAB_SCENARIO(ck_fifo, .name = "known-ck-fifo",
	     .claim = "with one value more than takers nobody finds it empty",
	     .setup = fifo_setup, .thread = { dequeue_once, dequeue_enqueue },
	     .ordered = true, .plain_atomic = true, .fails = "not so");

/* The same is a history that no order of its calls explains. */
static bool fifo_allows(struct lab_state *s, const struct lab_call *call)
{
	if (call->argument) {
		s->items = lab_items_add(s->items, call->argument);
		return true;
	}
	if (call->result != lab_items_oldest(s->items))
		return false;
	s->items = lab_items_drop_oldest(s->items);
	return true;
}

static uint32_t number_of(const void *entry)
{
	return 1 + (uint32_t)((const ck_fifo_mpmc_entry_t *)entry - fifo_entry);
}

static void fifo_call(void)
{
	unsigned int call = lab_call_begins("dequeue", 0);
	ck_fifo_mpmc_entry_t *garbage;
	void *value;
	bool any = ck_fifo_mpmc_dequeue(&fifo, &value, &garbage);

	lab_call_ends(call, any ? number_of(value) : 0);
	if (!any)
		return;
	call = lab_call_begins("enqueue", number_of(garbage));
	ck_fifo_mpmc_enqueue(&fifo, garbage, garbage);
	lab_call_ends(call, 0);
}

static const char *fifo_explained(void)
{
	return lab_calls_verdict(fifo_allows,
				 (struct lab_state){ .items = 0x32 });
}

LAB_SCENARIO(ck_fifo_history, .name = "known-ck-fifo-history",
	     .claim = "an order explains what they find", .setup = fifo_setup,
	     .reset = lab_calls_forget, .thread = { fifo_call, fifo_call },
	     .at_rest = fifo_explained, .ordered = true, .plain_atomic = true,
	     .fails = "no order explains");

/*
 * The deque of N. M. Le, A. Pop, A. Cohen, F. Zappa Nardelli, "Correct and
 * Efficient Work-Stealing for Weak Memory Models", PPoPP 2013: the new array of
 * a resize is published by a relaxed store, so that a thief may meet it before
 * its content. Found by B. Norris and B. Demsky with CDSChecker, OOPSLA 2013.
 * The algorithm, not anybody's text of it.
 */
struct array {
	size_t size;
	_Atomic int slot[4];
};

static _Atomic long top, bottom;
static _Atomic(struct array *) array;

static struct array *make_array(size_t size)
{
	struct array *a = hd_alloc(sizeof(*a));

	LAB_ASSERT(a);
	a->size = size;
	return a;
}

static void published_setup(void)
{
	atomic_store_explicit(&array, make_array(1), memory_order_relaxed);
}

static void push(int value)
{
	long b = atomic_load_explicit(&bottom, memory_order_relaxed);
	long t = atomic_load_explicit(&top, memory_order_acquire);
	struct array *a = atomic_load_explicit(&array, memory_order_relaxed);

	if (b - t > (long)a->size - 1) {
		struct array *larger = make_array(2 * a->size);

		for (long i = t; i < b; i++)
			atomic_store_explicit(
				&larger->slot[(size_t)i % larger->size],
				atomic_load_explicit(
					&a->slot[(size_t)i % a->size],
					memory_order_relaxed),
				memory_order_relaxed);
		a = larger;
		atomic_store_explicit(&array, a, memory_order_relaxed);
	}
	atomic_store_explicit(&a->slot[(size_t)b % a->size], value,
			      memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&bottom, b + 1, memory_order_relaxed);
}

static void published_owner(void)
{
	push(1);
	push(2);
}

static void published_thief(void)
{
	long t = atomic_load_explicit(&top, memory_order_acquire), b;
	struct array *a;
	int value;

	atomic_thread_fence(memory_order_seq_cst);
	b = atomic_load_explicit(&bottom, memory_order_acquire);
	if (t >= b)
		return;
	a = atomic_load_explicit(&array, memory_order_relaxed);
	value = atomic_load_explicit(&a->slot[(size_t)t % a->size],
				     memory_order_relaxed);
	if (atomic_compare_exchange_strong_explicit(&top, &t, t + 1,
						    memory_order_seq_cst,
						    memory_order_relaxed))
		LAB_ASSERT(value == 1);
}

LAB_SCENARIO(published, .name = "known-deque-resize",
	     .claim = "a thief that meets a new ring meets its content",
	     .setup = published_setup,
	     .thread = { published_owner, published_thief }, .fails = "race");

/*
 * How thread pools count who is idle: a worker takes the task first and then
 * says that it is busy; a join that looks in between returns before the task has
 * run. The scheme of the Rust crate rusty_pool (see papers/P01).
 */
static _Atomic int queued, busy;
static int ran; /* ghost */

LAB_GHOST static void reset_ran(void)
{
	ran = 0;
}

LAB_GHOST static void note_ran(void)
{
	ran++;
}

LAB_GHOST static int has_run(void)
{
	return ran;
}

static void idle_setup(void)
{
	atomic_store_explicit(&queued, 1, memory_order_relaxed);
}

static void idle_worker(void)
{
	int one = 1;

	if (!atomic_compare_exchange_strong(&queued, &one, 0))
		return;
	atomic_fetch_add(&busy, 1);
	lab_touch(&ran);
	note_ran();
	atomic_fetch_sub(&busy, 1);
}

static void idle_join(void)
{
	if (atomic_load(&queued) || atomic_load(&busy))
		return; /* it would sleep */
	lab_touch(&ran);
	LAB_ASSERT(has_run());
}

LAB_SCENARIO(
	idle_count, .name = "known-idle-count",
	.claim = "a join that finds nothing queued and nobody busy is right",
	.setup = idle_setup, .reset = reset_ran,
	.thread = { idle_worker, idle_join }, .fails = "not so");
