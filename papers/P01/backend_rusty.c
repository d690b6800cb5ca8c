/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy of a rusty_pool whose core size is its greatest size, as Wasmer
 * sets it: each task makes a thread until there are that many, idle ones or
 * not; then tasks go into a queue without bound. These threads never time out.
 * Join waits for "all idle and the queue empty", two facts that are not one
 * instant: a worker first takes a task and only then stops being idle.
 * Shutdown closes the queue and waits in the same way; no thread is joined.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "papers/P01/backend.h"
#include "papers/P01/threads.h"

/* Both counts stand in one word: workers above, idle ones below. */
#define ONE_WORKER (UINT64_C(1) << 32)

enum {
	LOOKS = 10
};

struct own_pool {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct hp_unit *head; /* below the lock, with tail and is_closed */
	struct hp_unit **tail;
	bool is_closed;
	_Atomic(uint64_t) counts;
	_Atomic(uint32_t) users; /* workers and the owner; the last one frees */
	pthread_mutex_t join_lock;
	pthread_cond_t is_idle;
	uint32_t core;
	size_t stack;
};

/* In a unit's words. */
struct own_unit {
	struct own_pool *pool; /* of a worker's first unit */
	struct hp_unit *next;
	struct hp_event done;
};

_Static_assert(sizeof(struct own_unit) <= HP_UNIT_WORDS * sizeof(uint64_t),
	       "a unit has room for the back end");

static struct own_unit *own(struct hp_unit *unit)
{
	return (struct own_unit *)(void *)unit->word;
}

static bool pool_is_idle(struct own_pool *pool)
{
	/* The model's own order: counts first, then the queue. rusty-1 */
	uint64_t counts = atomic_load_explicit(
		&pool->counts, memory_order_acquire); /* rusty-1 */
	bool is_empty;

	if (counts >> 32 != (counts & UINT32_MAX))
		return false;
	pthread_mutex_lock(&pool->lock);
	is_empty = !pool->head;
	pthread_mutex_unlock(&pool->lock);
	return is_empty;
}

static void tell_joiner(struct own_pool *pool)
{
	if (!pool_is_idle(pool))
		return;
	pthread_mutex_lock(&pool->join_lock);
	pthread_cond_broadcast(&pool->is_idle);
	pthread_mutex_unlock(&pool->join_lock);
}

static void leave(struct own_pool *pool)
{
	if (atomic_fetch_sub_explicit(&pool->users, 1, memory_order_acq_rel) >
	    1) /* rusty-2 */
		return;
	/* The last user sees what all others did: rusty-2. */
	pthread_cond_destroy(&pool->changed);
	pthread_mutex_destroy(&pool->lock);
	pthread_cond_destroy(&pool->is_idle);
	pthread_mutex_destroy(&pool->join_lock);
	free(pool);
}

/* A task from the queue, or NULL when it is closed and empty. */
static struct hp_unit *receive(struct own_pool *pool)
{
	struct hp_unit *unit;
	int i;

	pthread_mutex_lock(&pool->lock);
	/* The channel of the model looks a few times before it sleeps. */
	for (i = 0; i < LOOKS && !pool->head && !pool->is_closed; i++) {
		pthread_mutex_unlock(&pool->lock);
		sched_yield();
		pthread_mutex_lock(&pool->lock);
	}
	while (!pool->head && !pool->is_closed)
		pthread_cond_wait(&pool->changed, &pool->lock);
	unit = pool->head;
	if (unit) {
		pool->head = own(unit)->next;
		if (!pool->head)
			pool->tail = &pool->head;
	}
	pthread_mutex_unlock(&pool->lock);
	return unit;
}

static void run_unit(struct own_pool *pool, struct hp_unit *unit)
{
	unit->fn(unit);
	if (!unit->detached)
		hp_event_set(&own(unit)->done);
	atomic_fetch_add_explicit(&pool->counts, 1,
				  memory_order_release); /* rusty-1 */
	tell_joiner(pool);
}

static void *work(void *arg)
{
	struct hp_unit *unit = arg;
	struct own_pool *pool = own(unit)->pool;

	run_unit(pool, unit);
	while ((unit = receive(pool))) {
		/* Between these two lines the pool looks idle. */
		atomic_fetch_sub_explicit(&pool->counts, 1,
					  memory_order_relaxed); /* modelled */
		run_unit(pool, unit);
	}
	atomic_fetch_sub_explicit(&pool->counts, ONE_WORKER + 1,
				  memory_order_release); /* rusty-1 */
	tell_joiner(pool);
	leave(pool);
	return NULL;
}

static void *create(const struct hp_setup *setup)
{
	struct own_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return NULL;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->changed, NULL);
	pthread_mutex_init(&pool->join_lock, NULL);
	pthread_cond_init(&pool->is_idle, NULL);
	pool->tail = &pool->head;
	pool->core = setup->size;
	pool->stack = setup->stack;
	atomic_store_explicit(&pool->users, 1,
			      memory_order_relaxed); /* not shared yet */
	return pool;
}

/* True when the caller may add a worker: the count has been raised. */
static bool reserve_worker(struct own_pool *pool)
{
	uint64_t counts =
		atomic_load_explicit(&pool->counts, memory_order_relaxed);

	/* Re-checked by the CAS. */
	while (counts >> 32 < pool->core)
		if (atomic_compare_exchange_weak_explicit(
			    &pool->counts, &counts, counts + ONE_WORKER,
			    memory_order_relaxed,  /* a count only */
			    memory_order_relaxed)) /* tried again */
			return true;
	return false;
}

static int run(void *arg, struct hp_unit *unit)
{
	struct own_pool *pool = arg;
	int rc;

	own(unit)->next = NULL;
	own(unit)->pool = pool;
	if (!unit->detached)
		hp_event_init(&own(unit)->done);
	if (reserve_worker(pool)) {
		atomic_fetch_add_explicit(
			&pool->users, 1,
			memory_order_relaxed); /* we hold one */
		rc = hp_thread_create(NULL, pool->stack, work, unit);
		if (rc)
			hp_die("policy-rusty: making a thread: error %d", -rc);
		return 0;
	}
	pthread_mutex_lock(&pool->lock);
	*pool->tail = unit;
	pool->tail = &own(unit)->next;
	pthread_cond_signal(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
	return 0;
}

static void wait_unit(void *arg, struct hp_unit *unit)
{
	(void)arg;
	hp_event_wait(&own(unit)->done);
}

static void drain(void *arg)
{
	struct own_pool *pool = arg;

	if (pool_is_idle(pool))
		return;
	pthread_mutex_lock(&pool->join_lock);
	while (!pool_is_idle(pool))
		pthread_cond_wait(&pool->is_idle, &pool->join_lock);
	pthread_mutex_unlock(&pool->join_lock);
}

static uint32_t registry(void *arg)
{
	struct own_pool *pool = arg;

	/* A look at this instant. */
	return (uint32_t)(atomic_load_explicit(&pool->counts,
					       memory_order_relaxed) >>
			  32);
}

static void shutdown_pool(void *arg)
{
	struct own_pool *pool = arg;

	pthread_mutex_lock(&pool->lock);
	pool->is_closed = true;
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
	drain(pool);
	leave(pool);
}

const struct hp_backend hp_policy_rusty = {
	.name = "policy-rusty",
	.about = "model: a thread per task up to the core size, idle-join",
	.is_model = true,
	.create = create,
	.run = run,
	.wait = wait_unit,
	.drain = drain,
	.registry = registry,
	.shutdown = shutdown_pool,
};
