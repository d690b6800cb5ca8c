/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order: what makes deep calls first, the stack last, because its clearing
 * also takes what those calls left there.
 */
#include "tls/scrub.h"

#include <stddef.h>

#include "platform/stack.h"
#include "platform/thread.h"
#include "sched/pool.h"
#include "sched/start.h"
#include "sched/worker.h"
#include "tls/guest.h"
#include "tls/slot.h"

/* Name, affinity, signal mask, floating point, errno, alternate stack. */
static void restore_host(struct hd_worker *worker)
{
	struct hd_thread_options template = hd_worker_template(worker);

	hd_thread_restore(&template);
}

/* The words of the worker that a guest's calls may have changed. */
static uint64_t stale_words(const struct hd_worker *worker)
{
	const struct hd_values *values = worker->tls;
	uint64_t stale = 0;

	stale += worker->frame ? sizeof(worker->frame) : 0;
	stale += worker->held ? sizeof(worker->held) : 0;
	stale += worker->guest ? sizeof(worker->guest) : 0;
	stale += worker->block_depth ? sizeof(worker->block_depth) : 0;
	stale += values->destroying ? sizeof(values->destroying) : 0;
	return stale;
}

static uint64_t clear_words(struct hd_worker *worker,
			    struct heddle_guest *guest)
{
	uint64_t stale = hd_slots_guest_end(worker);

	stale += hd_bytes_clear(&guest->state, sizeof(guest->state));
	worker->guest = NULL;
	return stale + stale_words(worker);
}

static void report(struct heddle_pool *pool, uint64_t stale)
{
	if (stale)
		atomic_fetch_add_explicit(
			&pool->stale_bytes, stale,
			memory_order_relaxed); /* statistics */
}

void hd_scrub_guest(struct hd_worker *worker, struct heddle_guest *guest,
		    uintptr_t top)
{
	struct heddle_pool *pool = worker->pool;
	uint64_t stale = clear_words(worker, guest);

	restore_host(worker);
	stale += hd_stack_clear(worker->stack, worker->stack_size, top,
				guest->tid);
	report(pool, stale);
}

void hd_scrub_left(struct hd_worker *worker, struct heddle_guest *guest)
{
	report(worker->pool, clear_words(worker, guest));
}

void hd_scrub_before(struct hd_worker *worker)
{
	/* Its verification belongs to no guest; turn 1 takes no sample. */
	hd_stack_clear(worker->stack, worker->stack_size, 0, 1);
}
