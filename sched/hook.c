/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which threads are inside the hook of failed creations. The list is the control
 * lock's; a frame is on the stack of its thread and is taken out before that goes on.
 */
#include "sched/hook.h"

#include "platform/mutex.h"
#include "platform/thread.h"
#include "sched/pool.h"

struct hd_hook_frame {
	struct hd_hook_frame *next;
	int32_t tid;
};

static bool listed(struct heddle_pool *pool, int32_t tid)
{
	struct hd_hook_frame *at;

	for (at = pool->hooked; at; at = at->next)
		if (at->tid == tid)
			return true;
	return false;
}

bool hd_hook_inside(struct heddle_pool *pool)
{
	bool yes;

	hd_mutex_lock(&pool->control);
	yes = pool->hooked && listed(pool, hd_thread_id());
	hd_mutex_unlock(&pool->control);
	return yes;
}

/* False: the thread is inside already. */
static bool enter(struct heddle_pool *pool, struct hd_hook_frame *frame)
{
	bool first;

	hd_mutex_lock(&pool->control);
	first = !listed(pool, frame->tid);
	if (first) {
		frame->next = pool->hooked;
		pool->hooked = frame;
	}
	hd_mutex_unlock(&pool->control);
	return first;
}

static void leave(struct heddle_pool *pool, struct hd_hook_frame *frame)
{
	struct hd_hook_frame **at = &pool->hooked;

	hd_mutex_lock(&pool->control);
	while (*at != frame)
		at = &(*at)->next;
	*at = frame->next;
	hd_mutex_unlock(&pool->control);
}

void hd_hook_create_failed(struct heddle_pool *pool, uint32_t index, int error,
			   uint32_t step)
{
	struct hd_hook_frame frame = { .tid = hd_thread_id() };

	if (!pool->create_failed || !enter(pool, &frame))
		return;
	pool->create_failed(pool, index, error, step, pool->hook_arg);
	/* In a child that the hook has forked nobody gives the lock back. */
	if (!hd_pool_forked(pool))
		leave(pool, &frame);
}
