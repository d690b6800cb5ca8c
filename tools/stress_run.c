/* SPDX-License-Identifier: BSD-2-Clause */
/* One run of a scenario, its actors and its counts; see stress.h. */
#include "tools/stress.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <heddle/heddle.h>

/* Complaints of one kind that are printed; all are counted. */
#define PRINTED_MAX 4
#define REST_NS     UINT64_C(5000000000)

static const char *const kind_names[HT_KINDS] = { "lost",  "dup",  "cap",
						  "order", "leak", "tid",
						  "check", "call" };

const char *ht_kind_name(enum ht_kind kind)
{
	return kind_names[kind];
}

void ht_violation(struct ht_stress *run, enum ht_kind kind, const char *format,
		  ...)
{
	uint64_t before = atomic_fetch_add_explicit(
		&run->violations[kind], 1, memory_order_relaxed); /* count */
	char text[160];
	va_list list;

	if (before >= PRINTED_MAX)
		return;
	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	pthread_mutex_lock(&run->lock);
	if (!run->first[0])
		snprintf(run->first, sizeof(run->first), "%s: %.140s",
			 kind_names[kind], text);
	pthread_mutex_unlock(&run->lock);
	if (!run->is_quiet)
		ht_say("%s: %s: %s", run->scenario->name, kind_names[kind],
		       text);
}

void ht_expect(struct ht_stress *run, const char *call, int rc)
{
	if (rc)
		ht_violation(run, HT_CALL, "%s: %s", call,
			     rc < 0 ? strerror(-rc) : "a positive number");
}

static uint64_t count_of(const struct ht_stress *run, enum ht_kind kind)
{
	return atomic_load_explicit(&run->violations[kind],
				    memory_order_relaxed); /* a count */
}

bool ht_stress_is_ok(const struct ht_stress *run)
{
	int kind;

	for (kind = 0; kind < HT_KINDS; kind++)
		if (count_of(run, kind))
			return false;
	return !run->has_stalled;
}

bool ht_stress_twin_is_reported(const struct ht_stress *run)
{
	int kind;

	for (kind = 0; kind < HT_KINDS; kind++)
		if (run->scenario->twin_kinds >> kind & 1 &&
		    !count_of(run, kind))
			return false;
	return true;
}

bool ht_stress_over(struct ht_stress *run)
{
	if (ht_now() >= run->ends_ns)
		return true;
	return run->is_busted && ht_stress_twin_is_reported(run);
}

bool ht_cycle(struct ht_stress *run)
{
	uint64_t done =
		1 + atomic_fetch_add_explicit(&run->cycles, 1,
					      memory_order_relaxed); /* shown */

	if (run->cycles_wanted)
		return done < run->cycles_wanted;
	return !ht_stress_over(run);
}

bool ht_actor_step(struct ht_actor *actor)
{
	struct ht_stress *run = actor->run;

	ht_random_seed(&actor->random, run->seed, actor->index, actor->steps++);
	atomic_fetch_add_explicit(&actor->beats, 1, memory_order_relaxed);
	return !atomic_load_explicit(&run->is_stopping, memory_order_acquire);
}

void ht_actor_doing(struct ht_actor *actor, const char *doing)
{
	atomic_fetch_add_explicit(&actor->beats, 1, memory_order_relaxed);
	atomic_store_explicit(&actor->doing, doing, memory_order_release);
}

static void *actor_main(void *arg)
{
	struct ht_actor *actor = arg;

	actor->body(actor);
	atomic_store_explicit(&actor->is_over, true, memory_order_release);
	return NULL;
}

static struct ht_actor *new_actor(struct ht_stress *run, const char *role)
{
	struct ht_actor *actor = &run->actors[run->n_actors];

	memset(actor, 0, sizeof(*actor));
	actor->run = run;
	actor->index = run->n_actors;
	actor->role = role;
	atomic_init(&actor->doing, "starting");
	return actor;
}

/* The watchdog walks the list, so a new one is shown when it is complete. */
static void show_actor(struct ht_stress *run)
{
	pthread_mutex_lock(&run->lock);
	run->n_actors++;
	if (run->n_actors > run->most_actors)
		run->most_actors = run->n_actors;
	pthread_mutex_unlock(&run->lock);
}

struct ht_actor *ht_actor_add(struct ht_stress *run, const char *role,
			      void (*body)(struct ht_actor *actor), void *data)
{
	struct ht_actor *actor = new_actor(run, role);
	int rc;

	actor->body = body;
	actor->data = data;
	rc = pthread_create(&actor->thread, NULL, actor_main, actor);
	if (rc) {
		ht_say("cannot create a thread: %s", strerror(rc));
		exit(HT_MISSED);
	}
	show_actor(run);
	return actor;
}

void ht_actors_join(struct ht_stress *run)
{
	uint32_t i;

	atomic_store_explicit(&run->is_stopping, true, memory_order_release);
	for (i = 1; i < run->n_actors; i++) {
		ht_actor_doing(&run->actors[0], "waiting for another actor");
		pthread_join(run->actors[i].thread, NULL);
	}
	pthread_mutex_lock(&run->lock);
	run->n_actors = 1;
	pthread_mutex_unlock(&run->lock);
}

void ht_stress_watch(struct ht_stress *run, struct heddle_pool *pool)
{
	pthread_mutex_lock(&run->lock);
	run->pool = pool;
	run->n_groups = 0;
	pthread_mutex_unlock(&run->lock);
	if (pool)
		ht_stress_watch_group(run, heddle_pool_group(pool));
}

void ht_stress_watch_group(struct ht_stress *run, struct heddle_group *group)
{
	pthread_mutex_lock(&run->lock);
	if (run->n_groups < HT_GROUPS_MAX)
		run->groups[run->n_groups++] = group;
	pthread_mutex_unlock(&run->lock);
}

/* Tasks for which nobody seems to come, which a submit under way can look like. */
static bool may_pass(const struct heddle_check *check)
{
	uint32_t i;

	for (i = 0; i < check->violations && i < 8; i++)
		if (strcmp(check->violation[i].name, "stranded-task") != 0 &&
		    strcmp(check->violation[i].name, "unwanted") != 0 &&
		    strcmp(check->violation[i].name, "ready-bit") != 0)
			return false;
	return check->violations != 0;
}

/* One look at all invariants; true when the pool was at rest. */
static bool look(struct ht_stress *run, struct heddle_pool *pool)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	struct heddle_check check = { .struct_size = sizeof(check) };
	int rc = heddle_check(pool, &check);
	uint32_t i;

	for (i = 0; i < 100 && may_pass(&check); i++) {
		nanosleep(&pause, NULL);
		check.struct_size = sizeof(check);
		rc = heddle_check(pool, &check);
	}
	if (rc && rc != -EUCLEAN)
		ht_expect(run, "heddle_check", rc);
	for (i = 0; i < check.violations && i < 8; i++)
		ht_violation(run, HT_CHECK, "%.32s: %.96s",
			     check.violation[i].name,
			     check.violation[i].detail);
	if (!rc != !check.violations)
		ht_violation(run, HT_CALL,
			     "heddle_check: returned %d with %u violations", rc,
			     check.violations);
	if (check.stale_bytes)
		ht_violation(run, HT_LEAK, "%ju stale bytes after a scrub",
			     (uintmax_t)check.stale_bytes);
	return check.at_rest;
}

void ht_stress_supervise(struct ht_stress *run, struct heddle_pool *pool)
{
	struct ht_actor *self = &run->actors[0];

	ht_actor_doing(self, "supervising");
	while (!ht_stress_over(run)) {
		ht_actor_step(self);
		look(run, pool);
		ht_sleep_us(5000);
	}
}

void ht_stress_rest(struct ht_stress *run, struct heddle_pool *pool)
{
	struct heddle_group_stat stat = { .struct_size = sizeof(stat) };
	uint64_t deadline = ht_now() + REST_NS;
	uint32_t i;

	ht_actor_doing(&run->actors[0], "waiting for the pool to rest");
	while (!look(run, pool)) {
		if (ht_now() > deadline) {
			ht_violation(run, HT_CHECK, "not at rest after 5 s");
			return;
		}
		ht_sleep_us(1000);
	}
	for (i = 0; i < run->n_groups; i++) {
		ht_expect(run, "heddle_group_stat",
			  heddle_group_stat(run->groups[i], &stat));
		if (stat.count || stat.blocked || stat.queued)
			ht_violation(run, HT_CHECK,
				     "group %u at rest: count %u, blocked %u, "
				     "queued %ju",
				     i, stat.count, stat.blocked,
				     (uintmax_t)stat.queued);
	}
}

void ht_stress_run(struct ht_stress *run)
{
	struct ht_actor *self;

	pthread_mutex_init(&run->lock, NULL);
	run->n_actors = 0;
	self = new_actor(run, "main");
	show_actor(run);
	run->started_ns = ht_now();
	run->ends_ns += run->started_ns;
	ht_watchdog_start(run);
	ht_actor_doing(self, "setting up");
	run->scenario->body(run);
	ht_watchdog_stop(run);
	run->finished_ns = ht_now();
	pthread_mutex_destroy(&run->lock);
}

/*
 * The number of links of the folder is two more than the number of threads:
 * one system call, so that a thread that is about to vanish is still seen.
 */
uint32_t ht_threads_now(void)
{
	struct stat folder;

	if (stat("/proc/self/task", &folder)) {
		ht_say("cannot look at /proc/self/task: %s", strerror(errno));
		exit(HT_SKIP);
	}
	if (folder.st_nlink < 3) {
		ht_say("/proc/self/task does not count threads here");
		exit(HT_SKIP);
	}
	return (uint32_t)folder.st_nlink - 2;
}

uint32_t ht_cpus(void)
{
	cpu_set_t set;

	/* A machine too large for the set is large enough for this. */
	if (sched_getaffinity(0, sizeof(set), &set))
		return CPU_SETSIZE;
	return (uint32_t)CPU_COUNT(&set);
}

void ht_sleep_us(uint32_t microseconds)
{
	struct timespec time = { microseconds / 1000000,
				 (long)(microseconds % 1000000) * 1000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &time, &time) == EINTR)
		;
}

void ht_spin(uint32_t rounds)
{
	_Atomic(uint32_t) sink = 0;
	uint32_t i;

	/* Atomic so that the compiler leaves the loop as it is. */
	for (i = 0; i < rounds; i++)
		atomic_store_explicit(&sink, i, memory_order_relaxed);
}
