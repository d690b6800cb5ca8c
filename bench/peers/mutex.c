/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pool that anyone would write first: one mutex, one condition variable,
 * one ring of {function, argument} that doubles when it is full. It is the
 * plain baseline, and nothing here is meant to be clever.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/done.h"
#include "bench/peer.h"

struct item {
	void (*fn)(void *arg);
	void *arg;
};

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t has_work;
	struct item *ring; /* below the lock, as all that follows */
	size_t slots;      /* a power of two */
	size_t head;
	size_t n;
	uint32_t sleeping;
	bool is_closed;
	uint64_t wakes;
	uint32_t n_threads; /* the owner's */
	pthread_t threads[];
};

static void bump(void *arg)
{
	(void)arg;
	hb_done_add();
}

static void *work(void *arg)
{
	struct pool *pool = arg;
	struct item item;

	pthread_mutex_lock(&pool->lock);
	for (;;) {
		while (!pool->n && !pool->is_closed) {
			pool->sleeping++;
			pthread_cond_wait(&pool->has_work, &pool->lock);
			pool->sleeping--;
		}
		if (!pool->n)
			break;
		item = pool->ring[pool->head];
		pool->head = (pool->head + 1) & (pool->slots - 1);
		pool->n--;
		pthread_mutex_unlock(&pool->lock);
		item.fn(item.arg);
		pthread_mutex_lock(&pool->lock);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

static int grow(struct pool *pool)
{
	size_t slots = pool->slots ? pool->slots * 2 : 1024;
	struct item *ring = malloc(slots * sizeof(*ring));
	size_t i;

	if (!ring)
		return -ENOMEM;
	for (i = 0; i < pool->n; i++)
		ring[i] = pool->ring[(pool->head + i) & (pool->slots - 1)];
	free(pool->ring);
	pool->ring = ring;
	pool->slots = slots;
	pool->head = 0;
	return 0;
}

static int put(struct pool *pool, void (*fn)(void *arg), void *arg)
{
	bool is_sleeping = false;
	int rc = 0;

	pthread_mutex_lock(&pool->lock);
	if (pool->n == pool->slots)
		rc = grow(pool);
	if (!rc) {
		pool->ring[(pool->head + pool->n) & (pool->slots - 1)] =
			(struct item){ fn, arg };
		pool->n++;
		is_sleeping = pool->sleeping > 0;
		pool->wakes += is_sleeping;
	}
	pthread_mutex_unlock(&pool->lock);
	if (is_sleeping)
		pthread_cond_signal(&pool->has_work);
	return rc;
}

static void pool_close(void *arg)
{
	struct pool *pool = arg;
	uint32_t i;

	pthread_mutex_lock(&pool->lock);
	pool->is_closed = true;
	pthread_mutex_unlock(&pool->lock);
	pthread_cond_broadcast(&pool->has_work);
	for (i = 0; i < pool->n_threads; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_cond_destroy(&pool->has_work);
	pthread_mutex_destroy(&pool->lock);
	free(pool->ring);
	free(pool);
}

static int pool_open(uint32_t workers, uint64_t tasks, void **out)
{
	struct pool *pool =
		calloc(1, sizeof(*pool) + workers * sizeof(pthread_t));
	int rc = 0;

	(void)tasks;
	if (!pool)
		return -ENOMEM;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->has_work, NULL);
	while (!rc && pool->n_threads < workers) {
		rc = -pthread_create(&pool->threads[pool->n_threads], NULL,
				     work, pool);
		pool->n_threads += !rc;
	}
	if (rc)
		pool_close(pool);
	else
		*out = pool;
	return rc;
}

static int pool_submit(void *pool, uint64_t first, uint64_t n, uint64_t *again)
{
	int rc = 0;

	(void)first;
	(void)again;
	while (n-- && !rc)
		rc = put(pool, bump, NULL);
	return rc;
}

static int pool_put(void *pool, void (*fn)(void *arg), void *arg)
{
	return put(pool, fn, arg);
}

static int pool_count(void *arg, struct hb_counts *counts)
{
	struct pool *pool = arg;

	pthread_mutex_lock(&pool->lock);
	counts->wakes = pool->wakes;
	pthread_mutex_unlock(&pool->lock);
	return 0;
}

static void version(char *text, size_t size)
{
	snprintf(text, size, "bench/peers/mutex.c");
}

const struct hb_peer hb_mutex = {
	.name = "mutex",
	.about = "own baseline: a ring, a mutex and a condition variable",
	.version = version,
	.open = pool_open,
	.submit = pool_submit,
	.put = pool_put,
	.count = pool_count,
	.close = pool_close,
};
