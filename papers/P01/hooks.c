/* SPDX-License-Identifier: BSD-2-Clause */
#include "papers/P01/hooks.h"

#include <pthread.h>
#include <stdatomic.h>

#include "papers/P01/threads.h"

#define CANARY UINT64_C(0x5eed0f7ea11c0de5)

static __thread uint64_t canary;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static _Atomic(uint32_t) inits;
static _Atomic(uint32_t) exits;
static _Atomic(uint32_t) destroyed;
static _Atomic(uint32_t) broken;

/* All counts: read after a stop, whose return is what is measured. */
static void count(_Atomic(uint32_t) *counter)
{
	atomic_fetch_add_explicit(counter, 1,
				  memory_order_relaxed); /* a statistic */
}

static uint32_t value_of(_Atomic(uint32_t) *counter)
{
	return atomic_load_explicit(counter,
				    memory_order_relaxed); /* a statistic */
}

static void destroy_value(void *value)
{
	if (value != &canary || canary != CANARY + 1)
		count(&broken);
	canary = 0;
	count(&destroyed);
}

static void make_key(void)
{
	if (pthread_key_create(&key, destroy_value))
		hp_die("pthread_key_create failed");
}

int hp_hook_init(struct heddle_pool *pool, uint32_t index, void *arg)
{
	(void)pool;
	(void)index;
	(void)arg;
	pthread_once(&key_once, make_key);
	if (canary || pthread_getspecific(key))
		count(&broken);
	canary = CANARY;
	if (pthread_setspecific(key, &canary))
		hp_die("pthread_setspecific failed");
	count(&inits);
	return 0;
}

void hp_hook_exit(struct heddle_pool *pool, uint32_t index, void *arg)
{
	(void)pool;
	(void)index;
	(void)arg;
	if (canary != CANARY || pthread_getspecific(key) != &canary)
		count(&broken);
	canary = CANARY + 1;
	count(&exits);
}

struct hp_hook_counts hp_hook_counts(void)
{
	struct hp_hook_counts counts = {
		.inits = value_of(&inits),
		.exits = value_of(&exits),
		.destroyed = value_of(&destroyed),
		.broken = value_of(&broken),
	};

	return counts;
}
