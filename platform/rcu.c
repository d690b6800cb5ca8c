/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Grace periods by liburcu-memb, called as functions (no _LGPL_SOURCE), and
 * synchronous ones only: the package's call_rcu and defer_rcu start threads of
 * their own that are never joined.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <urcu/urcu-memb.h>

#include "platform/cancel.h"
#include "platform/mutex.h"
#include "platform/rcu.h"
#include "platform/sanitizer.h"

/*
 * Callers that overlap inside liburcu sleep in its poll of 10 ms; one after
 * the other they do not.
 */
static struct hd_mutex grace_period = { PTHREAD_MUTEX_INITIALIZER };

/*
 * liburcu is not instrumented: ThreadSanitizer must be told that the end of a
 * read section happens before the end of a grace period that waited for it.
 */
#if HD_TSAN
void __tsan_acquire(void *address);
void __tsan_release(void *address);

static char edge;

static void section_ends(void)
{
	__tsan_release(&edge);
}

static void grace_period_ends(void)
{
	__tsan_acquire(&edge);
}
#else
static void section_ends(void)
{
}

static void grace_period_ends(void)
{
}
#endif

/*
 * In a forked child. liburcu-memb keeps the parent's threads in its list of readers, and
 * perhaps its mutex locked, for ever: a grace period would wait for them. A child is
 * meant to exec; one that makes a pool has readers and grace periods by this lock, which
 * is slower, and no longer lock-free, and right.
 */
static _Atomic bool by_lock;
static pthread_rwlock_t sections;

static bool is_by_lock(void)
{
	return atomic_load_explicit(&by_lock,
				    memory_order_relaxed); /* fork-1 */
}

void hd_rcu_forget(void)
{
	pthread_rwlockattr_t attributes;

	/* Both may have been held by threads that are not here. */
	hd_mutex_init(&grace_period);
	pthread_rwlockattr_init(&attributes);
	pthread_rwlockattr_setkind_np(
		&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&sections, &attributes);
	pthread_rwlockattr_destroy(&attributes);
	atomic_store_explicit(&by_lock, true,
			      memory_order_relaxed); /* fork-1 */
}

void hd_rcu_register(void)
{
	if (!is_by_lock())
		urcu_memb_register_thread();
}

void hd_rcu_unregister(void)
{
	section_ends();
	if (!is_by_lock())
		urcu_memb_unregister_thread();
}

void hd_rcu_read_lock(void)
{
	if (is_by_lock())
		pthread_rwlock_rdlock(&sections);
	else
		urcu_memb_read_lock();
}

void hd_rcu_read_unlock(void)
{
	section_ends();
	if (is_by_lock())
		pthread_rwlock_unlock(&sections);
	else
		urcu_memb_read_unlock();
}

void hd_rcu_synchronize(void)
{
	int before = hd_cancel_off(); /* it may poll() */

	if (is_by_lock()) {
		pthread_rwlock_wrlock(&sections);
		pthread_rwlock_unlock(&sections);
	} else {
		hd_mutex_lock(&grace_period);
		urcu_memb_synchronize_rcu();
		hd_mutex_unlock(&grace_period);
	}
	hd_cancel_restore(before);
	grace_period_ends();
}
