/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heddle behind a libuv loop: work is queued from the loop's thread, runs on the
 * workers of a heddle pool, and is reported on the loop's thread again. In place of
 * uv_queue_work(), whose pool is one for the process, has one queue and no bound.
 *
 * One binding (struct heddle_uv) ties one loop to a pool; several loops, each on a
 * thread of its own, may share a pool. A request names the group it runs in, so that
 * each tenant has its exact cap and its bounded queue. Inside the work function all of
 * <heddle/heddle.h> may be used: it is a task.
 *
 * The loop is kept alive while requests are out, and not by the binding itself.
 * Errors are those of libuv, 0 or UV_E*: heddle's -EAGAIN is UV_EAGAIN. On an error
 * nothing has happened and no callback will come.
 *
 * Unless said otherwise a call is made on the loop's thread and is wait-free but for
 * the memory it may need.
 */
#ifndef HEDDLE_INTEGRATIONS_LIBUV_HEDDLE_UV_H
#define HEDDLE_INTEGRATIONS_LIBUV_HEDDLE_UV_H

#include <heddle/heddle.h>
#include <uv.h>

#ifdef __cplusplus
extern "C" {
#endif

struct heddle_uv;
struct heddle_uv_job;
struct heddle_uv_work;

typedef void (*heddle_uv_work_cb)(struct heddle_uv_work *req);
typedef void (*heddle_uv_after_work_cb)(struct heddle_uv_work *req, int status);
typedef void (*heddle_uv_close_cb)(void *arg);

/**
 * struct heddle_uv_work - a request; put it into a larger struct of yours
 * @data: yours
 *
 * Needs no initialisation. The other fields are the library's from a
 * heddle_uv_queue_work() that returned 0 until the after callback is called (or, without
 * one, would have been).
 */
struct heddle_uv_work {
	void *data;
	struct heddle_uv *uv;
	struct heddle_uv_job *job;
	struct heddle_uv_work *next;
	heddle_uv_work_cb work;
	heddle_uv_after_work_cb after;
};

/**
 * heddle_uv_open() - tie a loop to a pool
 * @loop:  the loop; one uv_async_t is added to it, which does not keep it alive
 * @group: where requests run that name no group, e.g. heddle_pool_group(pool)
 * @uv:    receives the binding, NULL on error
 *
 * Return: 0, UV_EINVAL, UV_ENOMEM, what uv_async_init() returns.
 */
HEDDLE_API int heddle_uv_open(uv_loop_t *loop, struct heddle_group *group,
			      struct heddle_uv **uv);

/**
 * heddle_uv_queue_work() - run a function on a worker
 * @uv:    an open binding
 * @req:   a request that is not out
 * @group: NULL: the binding's; it must not be freed while a task of it is queued
 * @work:  called on a worker, at most once
 * @after: NULL, or called on the loop's thread, exactly once: with 0 after @work has
 *         returned, or with UV_ECANCELED when it was not and will not be called: after a
 *         heddle_uv_cancel(), a heddle_uv_close(), or when the group was refused or the
 *         pool destroyed. It may queue the request again, free it, and close the binding
 *
 * Requests are reported in the order in which their work ended, many with one wake-up
 * of the loop; those of a SERIAL group in the order in which they were queued.
 *
 * Progress: lock-free; allocates only when more requests are out than ever before.
 * Ordering: what was done before the call happens-before @work, which happens-before
 * @after. Return: 0; UV_EAGAIN: the bound of the queue (the group's queue_slots, the
 * pool's tasks_max) is reached: an after callback of a request in that group tells that
 * there may be room again; UV_EINVAL: no binding, request or work; UV_ESHUTDOWN: the
 * binding or the group is closed; UV_ENOMEM; -ECHILD: this is a forked child.
 */
HEDDLE_API int heddle_uv_queue_work(struct heddle_uv *uv,
				    struct heddle_uv_work *req,
				    struct heddle_group *group,
				    heddle_uv_work_cb work,
				    heddle_uv_after_work_cb after);

/**
 * heddle_uv_cancel() - take a request back that has not started
 * @req: out
 *
 * As uv_cancel(): on success the after callback comes with UV_ECANCELED in the next
 * iteration, not from within this call, whatever the group does meanwhile (also while
 * it is paused). Until a worker passes its place, or the group is refused, the cancelled
 * request still counts at the bound of the queue. What runs already is not disturbed.
 *
 * Return: 0; UV_EBUSY: it runs, has run, or was cancelled already; UV_EINVAL: no
 * request, or one that was never queued.
 */
HEDDLE_API int heddle_uv_cancel(struct heddle_uv_work *req);

/**
 * heddle_uv_close() - end a binding
 * @uv:     the binding; it must not be used after @closed was called
 * @closed: NULL, or called on the loop's thread when nothing is left
 * @arg:    passed to it
 *
 * Does not wait. What has not started is cancelled; what runs is let run. All after
 * callbacks come before @closed, which keeps the loop alive until then. Afterwards the
 * binding's memory is returned, but for places of cancelled requests that still stand in
 * queues of the pool: 128 bytes each, returned when a worker passes them, or when the
 * group is refused or the pool destroyed.
 *
 * Return: 0, UV_EINVAL, UV_EALREADY.
 */
HEDDLE_API int heddle_uv_close(struct heddle_uv *uv, heddle_uv_close_cb closed,
			       void *arg);

#ifdef __cplusplus
}
#endif

#endif /* HEDDLE_INTEGRATIONS_LIBUV_HEDDLE_UV_H */
