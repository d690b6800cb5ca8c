/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Thread-local slots. get and set look at the calling worker's array only;
 * creating and destroying a slot touches no array, since the generation alone
 * makes old values unreachable.
 *
 * slot-1: a destructor call counts itself in running, then reads generation;
 * a destroy changes generation, then reads running (all seq_cst).
 *
 *   the thread that ends            the thread that destroys
 *   running = 1                     generation = even
 *   read generation                 read running
 *
 * Forbidden: it reads the old generation and we read 0, so that the destructor
 * runs after the destroy has returned. The end of a call releases, for the destroy
 * that reads it.
 */
#include "tls/slot.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>

#include "platform/futex.h"
#include "platform/memory.h"
#include "platform/stack.h"
#include "sched/options.h"
#include "sched/pool.h"
#include "sched/worker.h"
#include "tls/wait.h"

/* POSIX: PTHREAD_DESTRUCTOR_ITERATIONS of most systems. */
#define ROUNDS 4

/* ---- the table ---- */

static size_t values_bytes(const struct heddle_pool *pool)
{
	return pool->entries * sizeof(struct hd_values);
}

static size_t value_bytes(const struct heddle_pool *pool)
{
	return (size_t)pool->entries * 2 * pool->slots_max *
	       sizeof(struct hd_value);
}

static void free_tables(struct heddle_pool *pool, struct hd_slots *slots)
{
	hd_unmap(slots->value, value_bytes(pool));
	hd_unmap(slots->values, values_bytes(pool));
	hd_free(slots->slot);
	hd_free(slots);
}

int hd_slots_pool_create(struct heddle_pool *pool)
{
	struct hd_slots *slots = hd_alloc(sizeof(*slots));
	uint32_t i;

	if (!slots)
		return -ENOMEM;
	slots->slot = hd_alloc(pool->slots_max * sizeof(*slots->slot));
	slots->values = hd_map(values_bytes(pool));
	slots->value = hd_map(value_bytes(pool));
	if (!slots->slot || !slots->values || !slots->value) {
		free_tables(pool, slots);
		return -ENOMEM;
	}
	hd_mutex_init(&slots->lock);
	slots->max = pool->slots_max;
	for (i = 0; i < slots->max; i++) {
		slots->slot[i].pool = pool;
		slots->slot[i].index = i;
	}
	pool->tls = slots;
	return 0;
}

void hd_slots_pool_destroy(struct heddle_pool *pool)
{
	struct hd_slots *slots = pool->tls;

	if (!slots)
		return;
	/* In a forked child somebody may have held it. */
	if (!hd_pool_forked(pool))
		hd_mutex_destroy(&slots->lock);
	free_tables(pool, slots);
	pool->tls = NULL;
}

int heddle_slot_create(struct heddle_pool *pool,
		       const struct heddle_slot_options *opts,
		       struct heddle_slot **out)
{
	struct heddle_slot_options o;
	struct hd_slots *slots;
	struct heddle_slot *slot;
	uint32_t i;
	int rc;

	if (!out)
		return -EINVAL;
	*out = NULL;
	if (!pool)
		return -EINVAL;
	if (hd_pool_forked(pool))
		return -ECHILD;
	rc = hd_options_read(&o, sizeof(o), opts);
	if (rc < 0)
		return rc;
	if (o.flags)
		return -EINVAL;
	slots = pool->tls;
	hd_mutex_lock(&slots->lock);
	for (i = 0; i < slots->max && slots->slot[i].in_use; i++)
		;
	if (i == slots->max) {
		hd_mutex_unlock(&slots->lock);
		return -ENOSPC;
	}
	slot = &slots->slot[i];
	slot->in_use = true;
	slot->destructor = o.destructor;
	/* Relaxed: only grows under the lock, read by users of the slot. */
	if (i >= atomic_load_explicit(&slots->used, memory_order_relaxed))
		atomic_store_explicit(&slots->used, i + 1,
				      memory_order_relaxed); /* as above */
	atomic_fetch_add_explicit(
		&slot->generation, 1,
		memory_order_relaxed); /* the caller hands the slot on */
	hd_mutex_unlock(&slots->lock);
	*out = slot;
	return 0;
}

/* Waits until no destructor call of the slot is left: 0 or -ETIMEDOUT. */
static int wait_running(struct heddle_slot *slot, uint64_t deadline)
{
	for (;;) {
		uint32_t running = atomic_load_explicit(
			&slot->running, memory_order_seq_cst); /* slot-1 */

		if (!(running & ~HD_SLOT_WAITED))
			return 0;
		if (deadline == HEDDLE_NOW)
			return -ETIMEDOUT;
		if (!(running & HD_SLOT_WAITED) &&
		    !atomic_compare_exchange_weak_explicit(
			    &slot->running, &running, running | HD_SLOT_WAITED,
			    memory_order_relaxed,  /* read again */
			    memory_order_relaxed)) /* read again */
			continue;
		/* At the deadline it is looked at once more. */
		if (hd_futex_wait(&slot->running, running | HD_SLOT_WAITED,
				  deadline) == -ETIMEDOUT)
			deadline = HEDDLE_NOW;
	}
}

int heddle_slot_destroy(struct heddle_slot *slot, uint64_t deadline)
{
	struct hd_slots *slots;
	struct hd_values *values;
	int rc;

	if (!slot)
		return -EINVAL;
	if (hd_pool_forked(slot->pool))
		return -ECHILD;
	values = hd_self ? hd_self->tls : NULL;
	if (values && values->destroying == slot)
		return -EDEADLK;
	slots = slot->pool->tls;
	hd_mutex_lock(&slots->lock);
	if (!slot->in_use) {
		hd_mutex_unlock(&slots->lock);
		return -EINVAL;
	}
	if (!slot->closing) {
		slot->closing = true;
		atomic_fetch_add_explicit(&slot->generation, 1,
					  memory_order_seq_cst); /* slot-1 */
	}
	hd_mutex_unlock(&slots->lock);

	rc = wait_running(slot, HEDDLE_NOW);
	if (rc < 0 && deadline != HEDDLE_NOW) {
		bool region = hd_wait_begin();

		rc = wait_running(slot, deadline);
		hd_wait_end(region);
	}
	if (rc < 0)
		return rc;
	/* Relaxed: calls that only come to look are told the same again. */
	atomic_fetch_and_explicit(&slot->running, ~HD_SLOT_WAITED,
				  memory_order_relaxed);
	hd_mutex_lock(&slots->lock);
	slot->closing = false;
	slot->in_use = false;
	hd_mutex_unlock(&slots->lock);
	return 0;
}

/* ---- values ---- */

/* The calling worker's entry for the slot, NULL on any other thread. */
static inline struct hd_value *value_of(const struct heddle_slot *slot)
{
	struct hd_worker *worker = hd_self;
	struct hd_values *values;

	if (!worker || worker->pool != slot->pool)
		return NULL;
	values = worker->tls;
	return values ? &values->current[slot->index] : NULL;
}

/* Who may use the slot got it after its creation. */
static inline uint32_t generation_of(const struct heddle_slot *slot)
{
	return atomic_load_explicit(&slot->generation,
				    memory_order_relaxed); /* as above */
}

void *heddle_slot_get(const struct heddle_slot *slot)
{
	const struct hd_value *value = slot ? value_of(slot) : NULL;

	if (!value || hd_pool_forked(slot->pool)) {
		errno = value ? ECHILD : EPERM;
		return NULL;
	}
	return value->generation == generation_of(slot) ? value->value : NULL;
}

int heddle_slot_set(const struct heddle_slot *slot, void *new_value)
{
	struct hd_value *value;
	uint32_t generation;

	if (!slot)
		return -EINVAL;
	value = value_of(slot);
	if (!value)
		return -EPERM;
	if (hd_pool_forked(slot->pool))
		return -ECHILD;
	generation = generation_of(slot);
	if (!(generation & 1))
		return -EINVAL;
	value->value = new_value;
	value->generation = generation;
	return 0;
}

/* ---- the ends of workers and guests ---- */

int hd_slots_worker_begin(struct hd_worker *worker)
{
	struct hd_slots *slots = worker->pool->tls;
	struct hd_values *values = &slots->values[worker->index];

	values->own = &slots->value[(size_t)worker->index * 2 * slots->max];
	values->guest = values->own + slots->max;
	values->current = values->own;
	worker->tls = values;
	return 0;
}

static uint32_t used_slots(struct hd_worker *worker)
{
	struct hd_slots *slots = worker->pool->tls;

	/* Relaxed: slots that this worker used were made before. */
	return atomic_load_explicit(&slots->used, memory_order_relaxed);
}

/* Of the entry's next life nothing is set. A page that was never touched stays so. */
static void clear_set(struct hd_value *value, uint32_t n)
{
	static const struct hd_value none;

	while (n--)
		if (value[n].generation)
			value[n] = none;
}

void hd_slots_worker_end(struct hd_worker *worker)
{
	struct hd_values *values = worker->tls;

	hd_slots_destruct(worker);
	worker->tls = NULL;
	clear_set(values->own, used_slots(worker));
	clear_set(values->guest, used_slots(worker));
}

void hd_slots_guest_begin(struct hd_worker *worker)
{
	struct hd_values *values = worker->tls;

	values->current = values->guest;
}

uint64_t hd_slots_guest_end(struct hd_worker *worker)
{
	struct hd_values *values = worker->tls;

	values->current = values->own;
	/* What has no destructor, and what the last round left. */
	return hd_bytes_clear(values->guest,
			      used_slots(worker) * sizeof(*values->guest));
}

static void end_call(struct heddle_slot *slot)
{
	uint32_t before = atomic_fetch_sub_explicit(
		&slot->running, 1, memory_order_release); /* slot-1 */

	if (before == (HD_SLOT_WAITED | 1))
		hd_futex_wake(&slot->running, INT_MAX);
}

/* Calls the destructor of one value. False when there is nothing to call. */
static bool destruct_one(struct hd_values *values, struct heddle_slot *slot,
			 struct hd_value *entry)
{
	void *value = entry->value;
	bool calls;

	if (!value)
		return false;
	atomic_fetch_add_explicit(&slot->running, 1,
				  memory_order_seq_cst); /* slot-1 */
	calls = atomic_load_explicit(&slot->generation,
				     memory_order_seq_cst) /* slot-1 */
			== entry->generation &&
		slot->destructor;
	if (calls) {
		entry->value = NULL;
		values->destroying = slot;
		slot->destructor(value);
		values->destroying = NULL;
	}
	end_call(slot);
	return calls;
}

void hd_slots_destruct(struct hd_worker *worker)
{
	struct hd_slots *slots = worker->pool->tls;
	struct hd_values *values = worker->tls;
	bool again = true;

	/* Left by a destructor that ended its thread: the call is over. */
	if (values->destroying)
		end_call(values->destroying);
	values->destroying = NULL;
	while (values->rounds < ROUNDS && again) {
		uint32_t i;

		values->rounds++;

		again = false;
		/* Destructors may create slots. */
		for (i = 0; i < used_slots(worker); i++)
			again |= destruct_one(values, &slots->slot[i],
					      &values->current[i]);
	}
	values->rounds = 0;
}
