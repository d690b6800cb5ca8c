/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See heddle_uv.h. A request is the caller's and goes back to him at a cancel, while
 * the task may stay in a queue of the pool for long. So the task lies in a job, which
 * belongs to the binding and returns to it by itself.
 *
 * A job's state:
 *
 *   QUEUED     -> RUNNING    by the worker: it will call the work function
 *   QUEUED     -> CANCELLED  by the loop: the request is taken back
 *   QUEUED, CANCELLED -> ORPHANED  by the loop that closes: the binding may be gone
 *   RUNNING, QUEUED, CANCELLED -> ENDED  by the after-return action
 *   ORPHANED   -> ENDED      the same, which then frees the job
 *
 * An action that finds QUEUED belongs to a group that was refused. uv-1: who changes
 * the state last sees what the other side wrote before. Forbidden: a work function is
 * called and its request reported as cancelled; a job is freed by one side and read by
 * the other.
 *
 * Jobs that have ended go on a list that workers push on and the loop takes whole
 * (Treiber's stack without the pop, as in lockfree/inject.h; uv-2). Its head is NULL when
 * the loop is elsewhere: who pushes then owes the one wake-up, uv_async_send(). It is
 * &draining, or leads there, while the loop looks: it looks again before it leaves, by a
 * CAS from &draining to NULL, and nobody needs to wake it. Forbidden: a job lies on the
 * list, the loop has left, and no wake-up is under way.
 *
 * Who owes a wake-up still touches the binding after his push, when the loop may have
 * taken the job by another wake-up. He counts himself out when he is done (uv-3), and the
 * loop counts the lists that began at NULL; it closes the handle when both are equal.
 * Forbidden: uv_async_send() on a handle that was closed.
 *
 * tests/binding.pml is the model of all this.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include <heddle_uv.h>

/* libuv passes errno through on this system, and so do we. */
_Static_assert(UV_EAGAIN == -EAGAIN && UV_ESHUTDOWN == -ESHUTDOWN &&
		       UV_ECANCELED == -ECANCELED && UV_EINVAL == -EINVAL,
	       "errors of libuv are -errno");

/* So often the loop looks again before it attends to its other handles. */
#define LOOKS 32
/* So long it waits for the next one for each job that has just come back. */
#define PAUSES 64

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#endif
}

enum job_state {
	QUEUED,
	RUNNING,
	CANCELLED,
	ORPHANED,
	ENDED
};

/* I set before the submit, L the loop's, W the worker's until it is pushed */
struct heddle_uv_job {
	struct heddle_task task;    /* I */
	_Atomic int state;          /* A */
	int status;                 /* W */
	struct heddle_uv *uv;       /* I */
	struct heddle_uv_work *req; /* L, NULL when it was taken back */
	struct heddle_uv_job *next; /* W, then L: free list */
	struct heddle_uv_job *older, *newer; /* L: all that have not returned */
};
_Static_assert(sizeof(struct heddle_uv_job) <= 128, "as heddle_uv.h says");

struct heddle_uv {
	uv_async_t async;
	struct heddle_group *group;            /* I */
	struct heddle_uv_job jobs;             /* L: head of those away */
	struct heddle_uv_job *unused;          /* L */
	struct heddle_uv_work *cancelled;      /* L: to be reported, in order */
	struct heddle_uv_work **cancelled_end; /* L */
	size_t out;                /* L: requests not yet reported */
	uint64_t wakes_owed;       /* L */
	bool is_closing;           /* L */
	heddle_uv_close_cb closed; /* L */
	void *closed_arg;          /* L */
	/* Written by workers, so apart from the rest. */
	_Alignas(128) _Atomic(struct heddle_uv_job *) done; /* A */
	_Atomic uint64_t wakes_sent;                        /* A */
};

static struct heddle_uv_job draining; /* only its address */

/* ---- on workers, and on whoever refuses a group ---- */

static void push(struct heddle_uv *uv, struct heddle_uv_job *job)
{
	struct heddle_uv_job *head = atomic_load_explicit(
		&uv->done, memory_order_relaxed); /* only a guess */

	do {
		job->next = head;
	} while (!atomic_compare_exchange_weak_explicit(
		&uv->done, &head, job, memory_order_acq_rel, /* uv-2 */
		memory_order_relaxed));
	if (head)
		return; /* neither the job nor the binding is ours any more */
	uv_async_send(&uv->async);
	atomic_fetch_add_explicit(&uv->wakes_sent, 1,
				  memory_order_release); /* uv-3 */
}

static void run(struct heddle_task *task)
{
	struct heddle_uv_job *job = (struct heddle_uv_job *)(void *)task;
	int queued = QUEUED;

	if (atomic_compare_exchange_strong_explicit(
		    &job->state, &queued, RUNNING,
		    memory_order_relaxed, /* the submit has published the job */
		    memory_order_relaxed))
		job->req->work(job->req);
}

static void ended(struct heddle_task *task, int status)
{
	struct heddle_uv_job *job = (struct heddle_uv_job *)(void *)task;
	int state = atomic_exchange_explicit(&job->state, ENDED,
					     memory_order_acq_rel); /* uv-1 */

	if (state == ORPHANED) {
		free(job);
		return;
	}
	job->status = state == RUNNING ? status : UV_ECANCELED;
	push(job->uv, job);
}

/* ---- jobs that are away ---- */

static struct heddle_uv_job *take_job(struct heddle_uv *uv)
{
	struct heddle_uv_job *job = uv->unused;

	if (job)
		uv->unused = job->next;
	else if (!(job = malloc(sizeof(*job))))
		return NULL;
	job->older = uv->jobs.older;
	job->newer = &uv->jobs;
	job->older->newer = job->newer->older = job;
	return job;
}

static void unlink_job(struct heddle_uv_job *job)
{
	job->older->newer = job->newer;
	job->newer->older = job->older;
}

static void job_is_back(struct heddle_uv *uv, struct heddle_uv_job *job)
{
	unlink_job(job);
	job->next = uv->unused;
	uv->unused = job;
}

/* ---- reports ---- */

/* The last thing that is done with a request. */
static void report(struct heddle_uv *uv, struct heddle_uv_work *req, int status)
{
	if (--uv->out == 0 && !uv->is_closing)
		uv_unref((uv_handle_t *)&uv->async);
	req->job = NULL;
	if (req->after)
		req->after(req, status);
}

static void report_cancelled(struct heddle_uv *uv)
{
	struct heddle_uv_work *req = uv->cancelled;

	/* Those that are cancelled from here on are for the next time. */
	uv->cancelled = NULL;
	uv->cancelled_end = &uv->cancelled;
	while (req) {
		struct heddle_uv_work *next = req->next;

		report(uv, req, UV_ECANCELED);
		req = next;
	}
}

/* What was pushed first comes first. Returns how many have come back. */
static unsigned int report_done(struct heddle_uv *uv,
				struct heddle_uv_job *list)
{
	unsigned int n = 0;
	struct heddle_uv_job *first = NULL, *job = list;

	while (job && job != &draining) {
		struct heddle_uv_job *next = job->next;

		job->next = first;
		first = job;
		job = next;
	}
	if (!job && first)
		uv->wakes_owed++;
	while ((job = first)) {
		struct heddle_uv_work *req = job->req;
		int status = job->status;

		first = job->next;
		job_is_back(uv, job);
		if (req)
			report(uv, req, status);
		n++;
	}
	return n;
}

static void forget(uv_handle_t *handle)
{
	struct heddle_uv *uv = handle->data;
	heddle_uv_close_cb closed = uv->closed;
	void *arg = uv->closed_arg;

	while (uv->unused) {
		struct heddle_uv_job *job = uv->unused;

		uv->unused = job->next;
		free(job);
	}
	free(uv);
	if (closed)
		closed(arg);
}

/* Once each: a handle that is closing has no callback. */
static void close_when_empty(struct heddle_uv *uv)
{
	if (!uv->is_closing || uv->out || uv->jobs.older != &uv->jobs)
		return;
	if (atomic_load_explicit(&uv->wakes_sent,
				 memory_order_acquire) == /* uv-3 */
	    uv->wakes_owed)
		uv_close((uv_handle_t *)&uv->async, forget);
	else /* ends when that worker has come out of uv_async_send() */
		uv_async_send(&uv->async);
}

/*
 * While jobs end one soon after the other nobody sleeps and nobody is woken. The wait is
 * measured by what was just reported, so that it costs a job so much and no more, and has
 * an end where the worker waits for this very CPU.
 */
static bool another_ends(struct heddle_uv *uv, unsigned int reported)
{
	unsigned int i, most = reported < 4 ? reported : 4;

	for (i = 0; i < most * PAUSES && uv->out > 0; i++) {
		if (atomic_load_explicit(&uv->done,
					 memory_order_relaxed) != /* a hint */
		    &draining)
			return true;
		relax();
	}
	return false;
}

static void on_wake(uv_async_t *async)
{
	struct heddle_uv *uv = async->data;
	struct heddle_uv_job *list, *empty;
	unsigned int n;
	int looks;

	report_cancelled(uv);
	for (looks = 0; looks < LOOKS; looks++) {
		list = atomic_exchange_explicit(
			&uv->done, &draining, memory_order_acq_rel); /* uv-2 */
		n = report_done(uv, list);
		if (another_ends(uv, n))
			continue;
		empty = &draining;
		if (atomic_compare_exchange_strong_explicit(
			    &uv->done, &empty, NULL,
			    memory_order_acq_rel, /* uv-2 */
			    memory_order_relaxed)) {
			close_when_empty(uv);
			return;
		}
	}
	/* Other handles first. The list stays ours, so that no worker wakes us. */
	uv_async_send(&uv->async);
}

/* ---- calls ---- */

int heddle_uv_open(uv_loop_t *loop, struct heddle_group *group,
		   struct heddle_uv **out)
{
	struct heddle_uv *uv;
	int rc;

	if (!out)
		return UV_EINVAL;
	*out = NULL;
	if (!loop || !group)
		return UV_EINVAL;
	uv = aligned_alloc(_Alignof(struct heddle_uv), sizeof(*uv));
	if (!uv)
		return UV_ENOMEM;
	*uv = (struct heddle_uv){ .group = group };
	uv->jobs.older = uv->jobs.newer = &uv->jobs;
	uv->cancelled_end = &uv->cancelled;
	rc = uv_async_init(loop, &uv->async, on_wake);
	if (rc) {
		free(uv);
		return rc;
	}
	uv->async.data = uv;
	uv_unref((uv_handle_t *)&uv->async);
	*out = uv;
	return 0;
}

int heddle_uv_queue_work(struct heddle_uv *uv, struct heddle_uv_work *req,
			 struct heddle_group *group, heddle_uv_work_cb work,
			 heddle_uv_after_work_cb after)
{
	struct heddle_uv_job *job;
	int rc;

	if (!uv || !req || !work)
		return UV_EINVAL;
	if (uv->is_closing)
		return UV_ESHUTDOWN;
	job = take_job(uv);
	if (!job)
		return UV_ENOMEM;
	req->uv = uv;
	req->job = job;
	req->work = work;
	req->after = after;
	job->task = (struct heddle_task)HEDDLE_TASK_INIT(run);
	job->task.flags = HEDDLE_TASK_DETACHED;
	job->task.after = ended;
	job->uv = uv;
	job->req = req;
	atomic_init(&job->state, QUEUED);
	rc = heddle_submit(group ? group : uv->group, &job->task);
	if (rc) {
		req->job = NULL;
		job_is_back(uv, job);
		return rc;
	}
	if (uv->out++ == 0)
		uv_ref((uv_handle_t *)&uv->async);
	return 0;
}

/* The request is ours again if it had not started. An orphan may be gone then. */
static bool take_back(struct heddle_uv_job *job, int state)
{
	struct heddle_uv_work *req = job->req;
	struct heddle_uv *uv = job->uv;
	int queued = QUEUED;

	if (!req || !atomic_compare_exchange_strong_explicit(
			    &job->state, &queued, state,
			    memory_order_release, /* uv-1 */
			    memory_order_relaxed))
		return false;
	if (state == CANCELLED)
		job->req = NULL;
	req->job = NULL;
	req->next = NULL;
	*uv->cancelled_end = req;
	uv->cancelled_end = &req->next;
	return true;
}

int heddle_uv_cancel(struct heddle_uv_work *req)
{
	if (!req || !req->uv)
		return UV_EINVAL;
	if (!req->job || !take_back(req->job, CANCELLED))
		return UV_EBUSY;
	return uv_async_send(&req->uv->async);
}

int heddle_uv_close(struct heddle_uv *uv, heddle_uv_close_cb closed, void *arg)
{
	struct heddle_uv_job *job, *newer;

	if (!uv)
		return UV_EINVAL;
	if (uv->is_closing)
		return UV_EALREADY;
	uv->is_closing = true;
	uv->closed = closed;
	uv->closed_arg = arg;
	uv_ref((uv_handle_t *)&uv->async);
	for (job = uv->jobs.newer; job != &uv->jobs; job = newer) {
		int cancelled = CANCELLED;

		newer = job->newer;
		/* Off the list first: as an orphan it is not ours. */
		unlink_job(job);
		if (take_back(job, ORPHANED) ||
		    atomic_compare_exchange_strong_explicit(
			    &job->state, &cancelled, ORPHANED,
			    memory_order_release, /* uv-1 */
			    memory_order_relaxed))
			continue;
		job->newer = newer;
		job->older = newer->older;
		job->older->newer = newer->older = job;
	}
	return uv_async_send(&uv->async);
}
