/* SPDX-License-Identifier: BSD-2-Clause */
/* See want.h. */
#include "sched/want.h"

#include <errno.h>

#include "platform/event.h"
#include "sched/ready.h"

void hd_want_raise(struct heddle_pool *pool)
{
	uint32_t quiet = HD_WANT_QUIET;

	if (hd_want_is(pool, HD_WANT_QUIET) &&
	    atomic_compare_exchange_strong_explicit(
		    &pool->want, &quiet, HD_WANT_RAISED,
		    memory_order_relaxed,  /* want-1 is at the load before */
		    memory_order_relaxed)) /* another one writes */
		hd_event_signal(pool->event);
}

void hd_want_search(struct heddle_pool *pool)
{
	if (hd_ready_find(pool))
		hd_want_raise(pool);
}

void hd_want_drain(struct heddle_pool *pool)
{
	if (hd_want_is(pool, HD_WANT_NONE))
		return;
	hd_event_drain(pool->event);
	atomic_exchange_explicit(&pool->want, HD_WANT_QUIET,
				 memory_order_seq_cst); /* want-1 */
}

/* Under pool->control. */
static int make(struct heddle_pool *pool)
{
	int fd = hd_event_create();

	if (fd < 0)
		return fd;
	pool->event = fd;
	atomic_store_explicit(&pool->want, HD_WANT_QUIET,
			      memory_order_seq_cst); /* want-1, want-2 */
	return fd;
}

int heddle_pool_eventfd(struct heddle_pool *pool)
{
	int fd;

	if (!pool)
		return -EINVAL;
	if (hd_pool_forked(pool))
		return -ECHILD;
	hd_mutex_lock(&pool->control);
	fd = pool->closing ? -ESHUTDOWN : pool->event;
	if (fd == -1)
		fd = make(pool);
	hd_mutex_unlock(&pool->control);
	if (fd >= 0)
		hd_want(pool); /* what was queued before it was there */
	return fd;
}
