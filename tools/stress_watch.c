/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The watchdog of a run. An actor that does not finish an operation for too
 * long is a stall: it prints what every actor, worker and group is doing and
 * ends the process, because a thread that hangs cannot be joined. Time in
 * which the watchdog itself did not run (a stopped or overloaded machine) does
 * not count.
 */
#include "tools/stress.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <heddle/heddle.h>

#include "tools/machine.h"
#include "tools/progress.h"

#define TICK_US      50000
#define WORKERS_SEEN 64

static const char *state_name(uint32_t state)
{
	static const char *const names[] = {
		"free",    "starting",  "searching", "parked",  "running",
		"blocked", "returning", "scrub",     "leaving", "left"
	};

	if (state < sizeof(names) / sizeof(names[0]))
		return names[state];
	return state == HEDDLE_WORKER_CHANGING ? "changing" : "?";
}

static void dump_workers(const struct ht_stress *run)
{
	struct heddle_worker_info info[WORKERS_SEEN];
	int n = heddle_workers(run->pool, info, WORKERS_SEEN);
	uint64_t now = ht_now();
	int i;

	if (n < 0) {
		ht_say("  heddle_workers: %s", strerror(-n));
		return;
	}
	ht_say("  %d workers", n);
	for (i = 0; i < n && i < WORKERS_SEEN; i++)
		ht_say("  worker %u.%ju tid %d %s group %d guest %u kind %u "
		       "for %.3f s",
		       info[i].index, (uintmax_t)info[i].incarnation,
		       info[i].tid, state_name(info[i].state),
		       (int)info[i].group, info[i].guest, info[i].kind,
		       (double)(now - info[i].since_ns) / 1e9);
}

static void dump_groups(const struct ht_stress *run)
{
	struct heddle_group_stat stat = { .struct_size = sizeof(stat) };
	uint32_t i;
	int rc;

	for (i = 0; i < run->n_groups; i++) {
		rc = heddle_group_stat(run->groups[i], &stat);
		if (rc) {
			ht_say("  group %u: %s", i, strerror(-rc));
			continue;
		}
		ht_say("  group %u cap %u count %u generation %u blocked %u "
		       "returners %u queued %ju parallelism %u reason %u",
		       i, stat.cap, stat.count, stat.generation, stat.blocked,
		       stat.returners, (uintmax_t)stat.queued, stat.parallelism,
		       stat.reason);
	}
}

/* Name, state and place in the kernel of each thread, as far as it says so. */
static void dump_threads(void)
{
	DIR *folder = opendir("/proc/self/task");
	const struct dirent *entry;
	char *path, *stat, *wchan;

	while (folder && (entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		path = ht_text("/proc/self/task/%s/stat", entry->d_name);
		stat = ht_machine_line(path);
		free(path);
		path = ht_text("/proc/self/task/%s/wchan", entry->d_name);
		wchan = ht_machine_line(path);
		free(path);
		/* "tid (name) state ..." */
		ht_say("  thread %.40s in %s", stat ? stat : entry->d_name,
		       wchan ? wchan : "?");
		free(stat);
		free(wchan);
	}
	if (folder)
		closedir(folder);
}

static void report_stall(struct ht_stress *run, const struct ht_actor *actor)
{
	const struct ht_actor *other;
	uint32_t i;

	run->has_stalled = true;
	run->finished_ns = ht_now();
	ht_say("%s: stall: actor %u (%s) hangs, seed 0x%jx",
	       run->scenario->name, actor->index, actor->role,
	       (uintmax_t)run->seed);
	for (i = 0; i < run->n_actors; i++) {
		other = &run->actors[i];
		ht_say("  actor %u %s: %s, %ju beats%s", i, other->role,
		       atomic_load_explicit(&other->doing,
					    memory_order_acquire),
		       (uintmax_t)atomic_load_explicit(
			       &other->beats, memory_order_relaxed), /* shown */
		       atomic_load_explicit(&other->is_over,
					    memory_order_acquire)
			       ? ", over"
			       : "");
	}
	dump_threads();
	if (run->pool) {
		dump_workers(run);
		dump_groups(run);
	}
	run->stalled(run, run->stalled_arg);
	fflush(stdout);
	_exit(HT_MISSED);
}

/* What the watchdog remembers of an actor. */
struct seen {
	uint64_t beats;
	uint64_t quiet_ns;
};

/* One look at all actors after @ns that count. */
static void look_at_actors(struct ht_stress *run, struct seen *seen,
			   uint64_t ns)
{
	const struct ht_actor *actor;
	uint64_t beats;
	uint32_t i;

	pthread_mutex_lock(&run->lock);
	for (i = 0; i < run->n_actors; i++) {
		actor = &run->actors[i];
		beats = atomic_load_explicit(&actor->beats,
					     memory_order_relaxed); /* shown */
		if (beats != seen[i].beats ||
		    atomic_load_explicit(&actor->is_over,
					 memory_order_acquire)) {
			seen[i].beats = beats;
			seen[i].quiet_ns = 0;
			continue;
		}
		seen[i].quiet_ns += ns;
		if (seen[i].quiet_ns > run->stall_ns)
			report_stall(run, actor);
	}
	pthread_mutex_unlock(&run->lock);
}

/* By tasks, configurations or cycles where their number was given, else by time. */
static double part_done(struct ht_stress *run, uint64_t now)
{
	if (run->tasks_wanted)
		return (double)atomic_load_explicit(
			       &run->tasks, memory_order_relaxed) / /* shown */
		       (double)run->tasks_wanted;
	if (run->configurations_wanted)
		return (double)atomic_load_explicit(
			       &run->configurations,
			       memory_order_relaxed) / /* shown */
		       (double)run->configurations_wanted;
	if (run->cycles_wanted)
		return (double)atomic_load_explicit(
			       &run->cycles, memory_order_relaxed) / /* shown */
		       (double)run->cycles_wanted;
	return (double)(now - run->started_ns) /
	       (double)(run->ends_ns - run->started_ns);
}

static void *watchdog_main(void *arg)
{
	struct seen seen[HT_ACTORS_MAX] = { { 0, 0 } };
	struct ht_stress *run = arg;
	struct ht_progress progress;
	uint64_t before = ht_now();
	uint64_t now, ns;

	ht_progress_start(&progress, run->scenario->name);
	while (!atomic_load_explicit(&run->watchdog_ends,
				     memory_order_acquire)) {
		ht_sleep_us(TICK_US);
		now = ht_now();
		ns = now - before;
		before = now;
		if (ns > 2 * UINT64_C(1000) * TICK_US)
			ns = UINT64_C(1000) * TICK_US;
		look_at_actors(run, seen, ns);
		ht_progress_show(&progress, part_done(run, now), "%ju tasks",
				 (uintmax_t)atomic_load_explicit(
					 &run->tasks,
					 memory_order_relaxed)); /* shown */
	}
	ht_progress_clear(&progress);
	return NULL;
}

void ht_watchdog_start(struct ht_stress *run)
{
	int rc = pthread_create(&run->watchdog, NULL, watchdog_main, run);

	if (rc) {
		ht_say("cannot create a thread: %s", strerror(rc));
		exit(HT_MISSED);
	}
}

void ht_watchdog_stop(struct ht_stress *run)
{
	atomic_store_explicit(&run->watchdog_ends, true, memory_order_release);
	pthread_join(run->watchdog, NULL);
}
