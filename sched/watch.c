/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One look of the monitor: limits, workers that sleep unannounced (B3), and
 * returners that wait for such (B4). What it reads, what of that can be stale,
 * and how it knows that a worker still runs the same task although no task
 * stamps anything: doc/design/monitor.md.
 */
#include <stddef.h>
#include <string.h>

#include "lockfree/groupword.h"
#include "platform/clock.h"
#include "platform/limits.h"
#include "platform/procfs.h"
#include "sched/cap.h"
#include "sched/group.h"
#include "sched/limits.h"
#include "sched/monitor.h"
#include "sched/permit.h"
#include "sched/pool.h"
#include "sched/reserve.h"
#include "sched/worker.h"

#define READ_TRIES 64u
#define QUIET_PART \
 16u /* a thread that sleeps uses less of the time than 1/16 */
#define IDLE_FACTOR  8u /* intervals between two looks at an idle pool */
#define LOOKS_NEEDED 2u /* in a row, to believe that it sleeps */

/* ---- limits ---- */

static void follow_limits(struct hd_monitor *monitor, uint64_t now)
{
	const struct heddle_monitor_options *o = &monitor->options;
	struct heddle_limits reason = { .struct_size = sizeof(reason) };
	struct hd_limits limits;
	uint32_t before, cap;

	if (!(o->flags & HEDDLE_MONITOR_LIMITS) || now < monitor->next_limits)
		return;
	monitor->next_limits = o->limits_interval_ns < UINT64_MAX - now
				       ? now + o->limits_interval_ns
				       : UINT64_MAX;
	if (hd_limits_read(&limits) < 0)
		return;
	cap = hd_cap_limit(monitor->pool, limits.cpus, &before);
	if (cap == before || !o->changed)
		return;
	hd_limits_show(&limits, &reason);
	o->changed(monitor->pool, before, cap, &reason, o->arg);
}

/* ---- who sleeps ---- */

static bool same_life(const struct hd_mirror_values *a,
		      const struct hd_mirror_values *b)
{
	return a->state == b->state && a->incarnation == b->incarnation &&
	       a->since_ns == b->since_ns && a->tid == b->tid;
}

/* Still the task of the last look? Else the question is asked anew. */
static bool same_task(struct hd_worker *worker)
{
	if (atomic_load_explicit(
		    &worker->spare_asked,
		    memory_order_relaxed) == /* about one instant */
	    HD_ASKED_BY_MONITOR)
		return true;
	atomic_store_explicit(
		&worker->spare_asked, HD_ASKED_BY_MONITOR,
		memory_order_relaxed); /* who asks for a spare relies
						      * on any value but 0 */
	return false;
}

/* Asleep, or stopped by a debugger: anything but ready to compute, or gone. */
static bool sleeps(int32_t tid)
{
	char state;

	return hd_procfs_state(tid, &state) == 0 && strchr("SDTt", state);
}

static void forget(struct hd_watched *watched)
{
	watched->looks = 0;
	watched->asleep_since = 0;
	watched->told_stall = 0;
}

/* A worker that runs. Was it quiet since the last look? */
static void watch_running(struct hd_monitor *monitor, struct hd_worker *worker,
			  struct hd_watched *watched,
			  const struct hd_mirror_values *now_seen, uint64_t now,
			  bool believe)
{
	uint64_t cpu_ns = 0, used;
	bool is_same = same_task(worker) && believe &&
		       same_life(&watched->seen, now_seen);

	if (hd_thread_cpu_ns(now_seen->tid, &cpu_ns) < 0)
		is_same = false;
	used = cpu_ns - watched->cpu_ns;
	watched->cpu_ns = cpu_ns;
	if (!is_same || used >= (now - monitor->last) / QUIET_PART ||
	    !sleeps(now_seen->tid)) {
		forget(watched);
		return;
	}
	if (!watched->looks++)
		watched->asleep_since = monitor->last;
}

static bool is_awake(uint32_t state)
{
	return state != HEDDLE_WORKER_FREE && state != HEDDLE_WORKER_PARKED &&
	       state != HEDDLE_WORKER_LEFT;
}

/* Takes the snapshot of all entries. True when somebody is awake. */
static bool watch_all(struct hd_monitor *monitor, uint32_t used, uint64_t now,
		      bool believe)
{
	struct heddle_pool *pool = monitor->pool;
	bool awake = false;
	uint32_t i;

	for (i = 0; i < used; i++) {
		struct hd_watched *watched = &monitor->watched[i];
		struct hd_worker *worker = &pool->worker[i];
		struct hd_mirror_values seen;

		if (!hd_mirror_read_any(&worker->mirror, &seen, READ_TRIES)) {
			seen = (struct hd_mirror_values){
				.state = HEDDLE_WORKER_CHANGING
			};
		}
		awake |= is_awake(seen.state);
		if (!believe || !same_life(&watched->seen, &seen))
			watched->told_pattern = 0;
		if (seen.state == HEDDLE_WORKER_RUNNING)
			watch_running(monitor, worker, watched, &seen, now,
				      believe);
		else
			forget(watched);
		watched->seen = seen;
	}
	return awake;
}

/* ---- reports ---- */

static struct heddle_worker_info info_of(const struct hd_watched *watched)
{
	const struct hd_mirror_values *v = &watched->seen;

	return (struct heddle_worker_info){
		.index = v->index,
		.state = v->state,
		.incarnation = v->incarnation,
		.tid = v->tid,
		.group = v->group,
		.guest = v->guest,
		.kind = v->kind,
		.since_ns = v->since_ns,
	};
}

/* At the first time, and when the age has doubled. */
static bool due(uint64_t *told, uint64_t age)
{
	if (*told && age / 2 < *told)
		return false;
	*told = age;
	return true;
}

static bool is_stalled(const struct hd_monitor *monitor,
		       const struct hd_watched *watched, uint64_t now)
{
	return watched->looks >= LOOKS_NEEDED &&
	       now - watched->asleep_since >= monitor->options.stall_ns;
}

static void report_stalls(struct hd_monitor *monitor, uint32_t used,
			  uint64_t now)
{
	const struct heddle_monitor_options *o = &monitor->options;
	uint32_t i;

	for (i = 0; o->stalled && i < used; i++) {
		struct hd_watched *watched = &monitor->watched[i];
		struct heddle_worker_info info = info_of(watched);
		uint64_t age = now - watched->asleep_since;

		if (is_stalled(monitor, watched, now) &&
		    due(&watched->told_stall, age))
			o->stalled(monitor->pool, &info, age, o->arg);
	}
}

/* The one that is full and not paused, and how many must hold it. Under pool->control. */
static struct heddle_group *full_group(struct heddle_pool *pool, uint32_t index,
				       uint32_t *holders)
{
	struct heddle_group *full;
	uint32_t count, idle;
	uint64_t word;

	if (index >= pool->groups_max || !pool->group[index].in_use)
		return NULL;
	full = hd_permit_full(&pool->group[index]);
	if (!full)
		return NULL;
	word = atomic_load_explicit(
		&full->word, memory_order_relaxed); /* about one instant */
	count = hd_word_count(word);
	idle = hd_reserve_idle(full, &pool->group[index]);
	*holders = count > idle ? count - idle : 0;
	return hd_word_target(word) ? full : NULL;
}

/*
 * How many hold a permit of that group, if all of them are stalled; else 0. The
 * one that sleeps longest is *holder. Under pool->control.
 */
static uint32_t stalled_holders(struct hd_monitor *monitor, uint32_t used,
				struct heddle_group *full, uint64_t now,
				uint32_t *holder)
{
	struct heddle_pool *pool = monitor->pool;
	uint32_t i, n = 0;

	for (i = 0; i < used; i++) {
		const struct hd_watched *watched = &monitor->watched[i];
		uint32_t group = watched->seen.group;

		if (watched->seen.state != HEDDLE_WORKER_RUNNING ||
		    group >= pool->groups_max || !pool->group[group].in_use ||
		    !hd_group_within(&pool->group[group], full))
			continue;
		if (!is_stalled(monitor, watched, now))
			return 0;
		if (!n++ || watched->asleep_since <
				    monitor->watched[*holder].asleep_since)
			*holder = i;
	}
	return n;
}

static void report_pattern(struct hd_monitor *monitor, uint32_t used,
			   struct hd_watched *returner, uint64_t now)
{
	const struct heddle_monitor_options *o = &monitor->options;
	struct heddle_worker_info who = info_of(returner), whom;
	uint64_t age = now - returner->seen.since_ns;
	struct heddle_pool *pool = monitor->pool;
	uint32_t needed = 0, n = 0, holder = 0;
	struct heddle_group *full;

	hd_mutex_lock(&pool->control);
	full = full_group(pool, returner->seen.group, &needed);
	if (full)
		n = stalled_holders(monitor, used, full, now, &holder);
	hd_mutex_unlock(&pool->control);
	if (!n || n < needed || !due(&returner->told_pattern, age))
		return;
	whom = info_of(&monitor->watched[holder]);
	o->pattern(pool, &who, &whom, n, age, o->arg);
}

static void report_patterns(struct hd_monitor *monitor, uint32_t used,
			    uint64_t now)
{
	const struct heddle_monitor_options *o = &monitor->options;
	uint32_t i;

	for (i = 0; o->pattern && i < used; i++) {
		struct hd_watched *watched = &monitor->watched[i];

		if (watched->seen.state == HEDDLE_WORKER_RETURNING &&
		    now > watched->seen.since_ns &&
		    now - watched->seen.since_ns >= o->stall_ns)
			report_pattern(monitor, used, watched, now);
	}
}

/* ---- a look ---- */

/* A multiple of the interval, without a wrap. */
static uint64_t longest(uint64_t interval)
{
	return interval < UINT64_MAX / IDLE_FACTOR ? interval * IDLE_FACTOR
						   : interval;
}

static uint64_t next_delay(struct hd_monitor *monitor, bool awake)
{
	const struct heddle_monitor_options *o = &monitor->options;
	uint64_t interval = o->interval_ns;

	if (!o->stalled && !o->pattern) /* for the limits alone */
		return o->limits_interval_ns > interval ? o->limits_interval_ns
							: interval;
	if (awake)
		return interval;
	return monitor->delay < longest(interval) / 2 ? monitor->delay * 2
						      : longest(interval);
}

uint64_t hd_monitor_look(struct hd_monitor *monitor)
{
	const struct heddle_monitor_options *o = &monitor->options;
	uint64_t now = hd_now_ns();
	bool awake = false, believe;
	uint32_t used;

	follow_limits(monitor, now);
	if (o->stalled || o->pattern) {
		/* A look that comes late believes nothing: perhaps nobody ran. */
		believe = monitor->last &&
			  (now - monitor->last) / 3 < monitor->delay;
		used = atomic_load_explicit(
			&monitor->pool->entries_used,
			memory_order_acquire); /* registry-1 */
		awake = watch_all(monitor, used, now, believe);
		report_stalls(monitor, used, now);
		report_patterns(monitor, used, now);
	}
	monitor->last = now;
	monitor->delay = next_delay(monitor, awake);
	return monitor->delay;
}
