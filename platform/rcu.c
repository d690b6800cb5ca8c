/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Grace periods by liburcu-memb, called as functions (no _LGPL_SOURCE), and
 * synchronous ones only: the package's call_rcu and defer_rcu start threads of
 * their own that are never joined.
 */
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

void hd_rcu_register(void)
{
	urcu_memb_register_thread();
}

void hd_rcu_unregister(void)
{
	section_ends();
	urcu_memb_unregister_thread();
}

void hd_rcu_read_lock(void)
{
	urcu_memb_read_lock();
}

void hd_rcu_read_unlock(void)
{
	section_ends();
	urcu_memb_read_unlock();
}

void hd_rcu_synchronize(void)
{
	int before = hd_cancel_off(); /* it may poll() */

	hd_mutex_lock(&grace_period);
	urcu_memb_synchronize_rcu();
	hd_mutex_unlock(&grace_period);
	hd_cancel_restore(before);
	grace_period_ends();
}
