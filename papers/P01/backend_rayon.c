/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy of a Rayon pool, as its documentation and its behaviour state it:
 * all n threads are made when the pool is built, they live as long as the
 * pool, and dropping the pool tells them to end once nothing is queued and
 * returns at once; nobody joins them. Its deques and its sleep protocol are not
 * modelled: the claims are about threads.
 */
#include <pthread.h>
#include <stdlib.h>

#include "papers/P01/backend.h"
#include "papers/P01/threads.h"

struct own_pool {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct hp_unit *head; /* all below the lock */
	struct hp_unit **tail;
	bool is_closed;
	uint32_t size;
	uint32_t users; /* threads and the owner; the last one frees */
};

/* In a unit's words. */
struct own_unit {
	struct hp_unit *next;
	struct hp_event done;
};

_Static_assert(sizeof(struct own_unit) <= HP_UNIT_WORDS * sizeof(uint64_t),
	       "a unit has room for the back end");

static struct own_unit *own(struct hp_unit *unit)
{
	return (struct own_unit *)(void *)unit->word;
}

/* Called with the lock held, which is gone afterwards. */
static void leave(struct own_pool *pool)
{
	bool is_last = --pool->users == 0;

	pthread_mutex_unlock(&pool->lock);
	if (!is_last)
		return;
	pthread_cond_destroy(&pool->changed);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

static void *work(void *arg)
{
	struct own_pool *pool = arg;
	struct hp_unit *unit;

	pthread_mutex_lock(&pool->lock);
	for (;;) {
		while (!pool->head && !pool->is_closed)
			pthread_cond_wait(&pool->changed, &pool->lock);
		unit = pool->head;
		if (!unit)
			break;
		pool->head = own(unit)->next;
		if (!pool->head)
			pool->tail = &pool->head;
		pthread_mutex_unlock(&pool->lock);
		unit->fn(unit);
		if (!unit->detached)
			hp_event_set(&own(unit)->done);
		pthread_mutex_lock(&pool->lock);
	}
	leave(pool);
	return NULL;
}

static void shutdown_pool(void *arg)
{
	struct own_pool *pool = arg;

	pthread_mutex_lock(&pool->lock);
	pool->is_closed = true;
	pthread_cond_broadcast(&pool->changed);
	leave(pool);
}

static void *create(const struct hp_setup *setup)
{
	struct own_pool *pool = calloc(1, sizeof(*pool));
	uint32_t i;
	int rc;

	if (!pool)
		return NULL;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->changed, NULL);
	pool->tail = &pool->head;
	pool->size = setup->size;
	pool->users = 1;
	for (i = 0; i < setup->size; i++) {
		pthread_mutex_lock(&pool->lock);
		pool->users++;
		pthread_mutex_unlock(&pool->lock);
		rc = hp_thread_create(NULL, setup->stack, work, pool);
		if (rc)
			hp_die("policy-rayon: thread %u of %u: error %d", i,
			       setup->size, -rc);
	}
	return pool;
}

static int run(void *arg, struct hp_unit *unit)
{
	struct own_pool *pool = arg;

	own(unit)->next = NULL;
	if (!unit->detached)
		hp_event_init(&own(unit)->done);
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

static uint32_t registry(void *arg)
{
	struct own_pool *pool = arg;

	return pool->size;
}

const struct hp_backend hp_policy_rayon = {
	.name = "policy-rayon",
	.about = "model: eager threads, stop that is not waited for",
	.is_model = true,
	.create = create,
	.run = run,
	.wait = wait_unit,
	.registry = registry,
	.shutdown = shutdown_pool,
};
