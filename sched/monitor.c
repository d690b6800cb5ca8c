/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of the monitor. doc/design/monitor.md has the states.
 *
 * monitor-1: who tells it to end sets the word, then wakes; it reads the word, then
 * sleeps on what it read. Forbidden: told after the read, and asleep until
 * the next look. The futex compares; the word needs no order, the join has it.
 */
#include "sched/monitor.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "platform/clock.h"
#include "platform/futex.h"
#include "platform/memory.h"
#include "platform/procfs.h"
#include "platform/timer.h"
#include "sched/options.h"
#include "sched/pool.h"
#include "sched/worker.h"

#define INTERVAL_MIN_NS     UINT64_C(1000000)
#define INTERVAL_DEFAULT_NS UINT64_C(100000000)
#define STALL_DEFAULT_NS    UINT64_C(1000000000)
#define LIMITS_DEFAULT_NS   UINT64_C(1000000000)

/* Under pool->control. Who waits for a change reads it again under the lock. */
static void set_state(struct heddle_pool *pool, uint32_t state)
{
	atomic_store_explicit(&pool->monitor_state, state,
			      memory_order_relaxed); /* locked */
}

static uint32_t state_of(struct heddle_pool *pool)
{
	return atomic_load_explicit(&pool->monitor_state,
				    memory_order_relaxed); /* locked */
}

static void move_to(struct heddle_pool *pool, uint32_t state)
{
	hd_mutex_lock(&pool->control);
	set_state(pool, state);
	hd_mutex_unlock(&pool->control);
	hd_futex_wake(&pool->monitor_state, INT_MAX);
}

/* ---- options ---- */

static uint64_t or_default(uint64_t value, uint64_t def)
{
	return value ? value : def;
}

static int check(const struct heddle_monitor_options *o)
{
	bool watches = o->stalled || o->pattern;
	char state;

	if (o->flags & ~(uint32_t)(HEDDLE_MONITOR_LIMITS | HEDDLE_MONITOR_HOST))
		return -EINVAL;
	if (!watches && !(o->flags & HEDDLE_MONITOR_LIMITS))
		return -EINVAL;
	if (o->interval_ns && o->interval_ns < INTERVAL_MIN_NS)
		return -EINVAL;
	if (o->name && strlen(o->name) > 15)
		return -EINVAL;
	if (watches && hd_procfs_state(hd_thread_id(), &state) < 0)
		return -ENOTSUP;
	return 0;
}

static void take_options(struct hd_monitor *monitor,
			 const struct heddle_monitor_options *o)
{
	monitor->options = *o;
	monitor->options.interval_ns =
		or_default(o->interval_ns, INTERVAL_DEFAULT_NS);
	monitor->options.stall_ns = or_default(o->stall_ns, STALL_DEFAULT_NS);
	monitor->options.limits_interval_ns =
		or_default(o->limits_interval_ns, LIMITS_DEFAULT_NS);
	monitor->options.name = NULL; /* the caller's */
	if (o->name)
		snprintf(monitor->name, sizeof(monitor->name), "%s", o->name);
	else
		snprintf(monitor->name, sizeof(monitor->name), "%.10s-mon",
			 monitor->pool->name);
	monitor->delay = monitor->options.interval_ns;
	monitor->timer = -1;
}

static void free_record(struct hd_monitor *monitor)
{
	if (!monitor)
		return;
	if (monitor->stack)
		hd_stack_unmap(monitor->stack, monitor->pool->stack_size,
			       monitor->pool->guard_size);
	if (monitor->timer >= 0)
		hd_timer_close(monitor->timer);
	hd_free(monitor->watched);
	hd_free(monitor);
}

/* ---- the thread ---- */

static struct hd_thread_options thread_options(struct hd_monitor *monitor)
{
	struct heddle_pool *pool = monitor->pool;

	return (struct hd_thread_options){
		.stack = monitor->stack,
		.stack_size = pool->stack_size,
		.cpu_set = pool->cpu_set,
		.cpu_set_size = pool->cpu_set_size,
		.name = monitor->name,
		.scheduling = &pool->scheduling,
	};
}

static void set_inside(struct hd_monitor *monitor, int32_t tid)
{
	/* Only the thread itself takes the value for its own. */
	atomic_store_explicit(&monitor->inside, tid, memory_order_relaxed);
}

static uint64_t look(struct hd_monitor *monitor)
{
	uint64_t delay;

	set_inside(monitor, hd_thread_id());
	delay = hd_monitor_look(monitor);
	/* In a child that its report has forked it stays: the frames are there. */
	if (!hd_pool_forked(monitor->pool))
		set_inside(monitor, 0);
	return delay;
}

static bool told(struct hd_monitor *monitor)
{
	return atomic_load_explicit(&monitor->told,
				    memory_order_relaxed); /* monitor-1 */
}

/* True when it was told to end. */
static bool sleep_for(struct hd_monitor *monitor, uint64_t delay)
{
	uint64_t now = hd_now_ns();
	uint64_t until = delay < UINT64_MAX - now ? now + delay : UINT64_MAX;

	while (!told(monitor))
		if (hd_futex_wait(&monitor->told, 0, until) == -ETIMEDOUT)
			return told(monitor);
	return true;
}

static void monitor_main(void *arg)
{
	struct hd_monitor *monitor = arg;
	struct hd_thread_options options = thread_options(monitor);
	int rc = hd_thread_apply(&options);

	/* Relaxed: the value is the message. */
	atomic_store_explicit(&monitor->birth, 1 + (uint32_t)-rc,
			      memory_order_relaxed);
	hd_futex_wake(&monitor->birth, 1);
	if (rc < 0)
		return;
	while (!told(monitor)) {
		uint64_t delay = look(monitor);

		if (hd_pool_forked(monitor->pool))
			hd_thread_end(); /* the child's only one */
		if (sleep_for(monitor, delay))
			break;
	}
}

static int wait_birth(struct hd_monitor *monitor)
{
	uint32_t how;

	/* Relaxed: the value is the message. */
	while (!(how = atomic_load_explicit(&monitor->birth,
					    memory_order_relaxed)))
		hd_futex_wait(&monitor->birth, 0, HEDDLE_FOREVER);
	return -(int)(how - 1);
}

/* R3: joined and forgotten by the kernel. 0 or -ETIMEDOUT. */
static int join(struct hd_monitor *monitor, uint64_t deadline)
{
	int rc = 0;

	if (!monitor->joined)
		rc = hd_thread_join(&monitor->thread, deadline);
	if (rc < 0)
		return rc;
	monitor->joined = true;
	return hd_thread_gone(&monitor->thread, deadline);
}

static int make_thread(struct hd_monitor *monitor)
{
	struct hd_thread_options options;
	int rc;

	monitor->stack = hd_stack_map(monitor->pool->stack_size,
				      monitor->pool->guard_size);
	if (!monitor->stack)
		return -ENOMEM;
	options = thread_options(monitor);
	rc = hd_thread_create(&monitor->thread, &options, monitor_main,
			      monitor);
	if (rc < 0)
		return rc;
	rc = wait_birth(monitor);
	if (rc < 0)
		join(monitor, HEDDLE_FOREVER);
	return rc;
}

static int make_timer(struct hd_monitor *monitor)
{
	int fd = hd_timer_create();

	if (fd < 0)
		return fd;
	monitor->timer = fd;
	hd_timer_arm(fd, 1);
	return 0;
}

/* ---- start ---- */

/* NONE to MAKING, with the record. */
static int begin_making(struct heddle_pool *pool, struct hd_monitor *monitor)
{
	int rc = 0;

	hd_mutex_lock(&pool->control);
	if (pool->closing)
		rc = -ESHUTDOWN;
	else if (state_of(pool) != HD_MONITOR_NONE)
		rc = -EALREADY;
	if (rc == 0) {
		pool->monitor = monitor;
		set_state(pool, HD_MONITOR_MAKING);
	}
	hd_mutex_unlock(&pool->control);
	return rc;
}

/* By who is at MAKING or ENDING. Who reads NONE may free the pool: that comes last. */
static void forget(struct heddle_pool *pool, struct hd_monitor *monitor)
{
	hd_mutex_lock(&pool->control);
	pool->monitor = NULL;
	hd_mutex_unlock(&pool->control);
	free_record(monitor);
	move_to(pool, HD_MONITOR_NONE);
}

int heddle_monitor_start(struct heddle_pool *pool,
			 const struct heddle_monitor_options *opts)
{
	struct heddle_monitor_options o;
	struct hd_monitor *monitor;
	int rc;

	if (!pool || !opts)
		return -EINVAL;
	if (hd_pool_forked(pool))
		return -ECHILD;
	rc = hd_options_read(&o, sizeof(o), opts);
	if (rc == 0)
		rc = check(&o);
	if (rc < 0)
		return rc;
	monitor = hd_alloc(sizeof(*monitor));
	if (!monitor)
		return -ENOMEM;
	monitor->pool = pool;
	take_options(monitor, &o);
	monitor->watched = hd_alloc(pool->entries * sizeof(struct hd_watched));
	rc = monitor->watched ? begin_making(pool, monitor) : -ENOMEM;
	if (rc < 0) {
		free_record(monitor);
		return rc;
	}
	rc = o.flags & HEDDLE_MONITOR_HOST ? make_timer(monitor)
					   : make_thread(monitor);
	if (rc < 0)
		forget(pool, monitor);
	else
		move_to(pool, HD_MONITOR_READY);
	return rc;
}

/* ---- stop ---- */

bool hd_monitor_inside(struct heddle_pool *pool)
{
	bool inside;

	hd_mutex_lock(&pool->control);
	inside = pool->monitor &&
		 atomic_load_explicit(
			 &pool->monitor->inside,
			 memory_order_relaxed) == /* our own or not */
			 hd_thread_id();
	hd_mutex_unlock(&pool->control);
	return inside;
}

/* Who gets the record moved the state to ENDING; NULL: there is none, or *state. */
static struct hd_monitor *take(struct heddle_pool *pool, uint32_t *state)
{
	struct hd_monitor *monitor = NULL;

	hd_mutex_lock(&pool->control);
	*state = state_of(pool);
	if (*state == HD_MONITOR_READY || *state == HD_MONITOR_TOLD) {
		monitor = pool->monitor;
		set_state(pool, HD_MONITOR_ENDING);
	}
	hd_mutex_unlock(&pool->control);
	return monitor;
}

static int end(struct hd_monitor *monitor, uint64_t deadline)
{
	struct heddle_pool *pool = monitor->pool;
	int rc = 0;

	if (monitor->timer < 0) {
		atomic_store_explicit(&monitor->told, 1,
				      memory_order_relaxed); /* monitor-1 */
		hd_futex_wake(&monitor->told, 1);
		rc = join(monitor, deadline);
	}
	if (rc < 0)
		move_to(pool, HD_MONITOR_TOLD);
	else
		forget(pool, monitor);
	return rc;
}

int hd_monitor_end(struct heddle_pool *pool, uint64_t deadline)
{
	struct hd_monitor *monitor;
	uint32_t state;

	while (!(monitor = take(pool, &state))) {
		if (state == HD_MONITOR_NONE)
			return 0;
		if (hd_futex_wait(&pool->monitor_state, state, deadline) ==
		    -ETIMEDOUT)
			return -ETIMEDOUT;
	}
	return end(monitor, deadline);
}

int heddle_monitor_stop(struct heddle_pool *pool, uint64_t deadline)
{
	if (!pool)
		return -EINVAL;
	if (hd_pool_forked(pool))
		return -ECHILD;
	if ((hd_self && hd_self->pool == pool) || hd_monitor_inside(pool))
		return -EDEADLK;
	return hd_monitor_end(pool, deadline);
}

bool hd_monitor_looks(struct heddle_pool *pool)
{
	return pool->monitor &&
	       atomic_load_explicit(&pool->monitor->inside,
				    memory_order_relaxed); /* no other thread */
}

void hd_monitor_free(struct heddle_pool *pool, bool forked)
{
	if (pool->monitor && forked)
		pool->monitor->stack =
			NULL; /* perhaps the child stands on it */
	free_record(pool->monitor);
	pool->monitor = NULL;
}

/* ---- the host's loop ---- */

int heddle_monitor_fd(struct heddle_pool *pool)
{
	int fd = -ENOENT;

	if (!pool)
		return -EINVAL;
	if (hd_pool_forked(pool))
		return -ECHILD;
	hd_mutex_lock(&pool->control);
	if (pool->monitor && state_of(pool) != HD_MONITOR_MAKING)
		fd = pool->monitor->timer >= 0 ? pool->monitor->timer : -EINVAL;
	hd_mutex_unlock(&pool->control);
	return fd;
}

/* READY to LOOKING. */
static int begin_looking(struct heddle_pool *pool, struct hd_monitor **monitor)
{
	uint32_t state;
	int rc = 0;

	hd_mutex_lock(&pool->control);
	state = state_of(pool);
	*monitor = pool->monitor;
	if (!*monitor || state == HD_MONITOR_MAKING)
		rc = -ENOENT;
	else if ((*monitor)->timer < 0)
		rc = -EINVAL;
	else if (state != HD_MONITOR_READY)
		rc = state == HD_MONITOR_LOOKING ? -EBUSY : -ESHUTDOWN;
	else
		set_state(pool, HD_MONITOR_LOOKING);
	hd_mutex_unlock(&pool->control);
	return rc;
}

int heddle_monitor_poll(struct heddle_pool *pool)
{
	struct hd_monitor *monitor;
	uint64_t delay;
	bool is_time;
	int rc;

	if (!pool)
		return -EINVAL;
	if (hd_pool_forked(pool))
		return -ECHILD;
	rc = begin_looking(pool, &monitor);
	if (rc < 0)
		return rc;
	is_time = hd_timer_take(monitor->timer);
	if (is_time) {
		delay = look(monitor);
		if (hd_pool_forked(pool))
			return -ECHILD;
		hd_timer_arm(monitor->timer, delay);
	}
	move_to(pool, HD_MONITOR_READY);
	return is_time;
}
