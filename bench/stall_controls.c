/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What must be found blocking: a counter under a mutex, in every run, and a
 * queue of our own under a spin lock that says it is lock-free, when named.
 */
#include <pthread.h>
#include <sched.h>

#include "bench/stall.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static uint64_t counter;

static void mutex_count(void)
{
	pthread_mutex_lock(&mutex);
	counter++;
	pthread_mutex_unlock(&mutex);
}

static bool mutex_peer(unsigned int who)
{
	(void)who;
	mutex_count();
	return true;
}

#define ROOM 64u

static struct {
	_Atomic bool taken;
	uint32_t slot[ROOM];
	uint32_t head, tail;
} twin;

static void lock(void)
{
	while (atomic_exchange_explicit(&twin.taken, true,
					memory_order_acquire))
		;
}

static void unlock(void)
{
	atomic_store_explicit(&twin.taken, false, memory_order_release);
}

static void twin_push(void)
{
	lock();
	if (twin.head - twin.tail < ROOM)
		twin.slot[twin.head++ % ROOM] = 1;
	unlock();
}

static bool twin_peer(unsigned int who)
{
	(void)who;
	twin_push();
	lock();
	if (twin.head != twin.tail)
		twin.tail++;
	unlock();
	return true;
}

/* clang-format off */
const struct hs_operation hs_controls[] = {
	{ .name = "control-mutex", .where = "pthread_mutex and a counter",
	  .claim = HS_CONTROL, .victim = mutex_count, .peer = mutex_peer },
	{ .name = "twin-spinlock", .where = "a broken twin",
	  .claim = HS_LOCK_FREE, .victim = twin_push, .peer = twin_peer,
	  .hidden = true },
	{ .name = NULL },
};
/* clang-format on */
