/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cap-oracle: no cap is ever exceeded, as seen from outside the library.
 *
 * A fixed number of tasks submit themselves again and again, each time to a
 * random class, while one thread changes the caps of the root, its three
 * tenants and their three classes each, and what is prepaid for two of the
 * tenants. Two oracles, half of the tasks each
 * (clause: C1, clause: C4, clause: C6):
 *
 * - Counters. Each group has a gauge, one word: the tasks that say they run
 *   below it, and the bound. Each task raises the gauges of its path in one
 *   atomic step each that also reads the bound.
 * - Logs, which add no fence and no shared word to a task. Each worker writes
 *   when a task of which class began and ended, inside the time of its permit.
 *   When a window of tasks is over a sweep line merges the logs and counts.
 *
 * The bound of a group at an instant is the largest cap that may be in force:
 * it rises before heddle_group_update() is called and falls after
 * heddle_group_wait() has returned 0. The stamps are those of CLOCK_MONOTONIC,
 * which no CPU sees go back; of equal stamps those that lower the count and
 * raise the bound come first, so that a coarse clock accuses nobody.
 */
#include "tools/stress_oracle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local struct hand *own_hand;

void oracle_too_many(struct oracle *o, uint32_t group, uint32_t running,
		     uint32_t bound)
{
	o->found[o->is_log]++;
	ht_violation(o->run, HT_CAP,
		     "%s: group %u runs %u tasks, its cap is %u",
		     o->is_log ? "logs" : "counters", group, running, bound);
}

static void check_gauge(struct oracle *o, uint32_t group, uint64_t word)
{
	uint32_t running = (uint32_t)word;
	uint32_t bound = (uint32_t)(word >> COUNT_BITS);

	if (running > bound)
		oracle_too_many(o, group, running, bound);
	else if (running && running == bound)
		atomic_store_explicit(&o->run->near, 1,
				      memory_order_relaxed); /* a sign */
}

/* Relaxed, as in cap-walk: the checker adds no order of its own. */
static void enter(struct oracle *o, uint32_t at)
{
	for (;; at = oracle_above(at)) {
		check_gauge(o, at,
			    1 + atomic_fetch_add_explicit(
					&o->gauge[at].word, 1,
					memory_order_relaxed)); /* one word */
		if (at == ROOT)
			return;
	}
}

static void leave(struct oracle *o, uint32_t at)
{
	for (;; at = oracle_above(at)) {
		atomic_fetch_sub_explicit(&o->gauge[at].word, 1,
					  memory_order_relaxed); /* see enter */
		if (at == ROOT)
			return;
	}
}

/* A part of the window for this worker; the last one closes the window. */
static void take_slice(struct oracle *o, struct hand *hand)
{
	hand->slice = atomic_fetch_add_explicit(&o->slices, 1,
						memory_order_relaxed); /* id */
	hand->used = 0;
	if (hand->slice < o->room)
		o->owner[hand->slice] = (uint8_t)(hand - o->hand);
	if (hand->slice + 1 >= o->limit)
		atomic_store_explicit(&o->is_closing, true,
				      memory_order_relaxed); /* a request */
}

static void count_one(struct oracle *o, struct hand *hand)
{
	uint64_t done = atomic_load_explicit(&hand->done,
					     memory_order_relaxed); /* own */

	if (hand->used == SLICE)
		take_slice(o, hand);
	hand->used++;
	atomic_store_explicit(&hand->done, done + 1,
			      memory_order_relaxed); /* a figure */
}

static void log_one(struct oracle *o, struct hand *hand, uint32_t leaf,
		    uint64_t start, uint64_t end)
{
	count_one(o, hand);
	if (hand->slice >= o->room)
		return; /* not logged is not accused */
	o->entries[hand->slice * SLICE + hand->used - 1] =
		(struct entry){ start << 4 | (leaf - LEAF), end };
}

static void run_job(struct heddle_task *task)
{
	struct job *job = (struct job *)(void *)task;
	struct oracle *o = job->oracle;
	uint32_t leaf = job->leaf;
	struct hand *hand = own_hand;
	uint64_t start = 0;
	int rc;

	if (o->is_log)
		start = ht_now();
	else
		enter(o, leaf);
	ht_spin(ht_random_below(&job->random, 200));
	if (ht_random_chance(&job->random, 4))
		job->leaf = LEAF + ht_random_below(&job->random, LEAVES);
	if (o->is_log) {
		log_one(o, hand, leaf, start, ht_now());
	} else {
		leave(o, leaf);
		count_one(o, hand);
	}
	/* All is written down before the job passes on. */
	if (!atomic_load_explicit(&o->is_closing, memory_order_relaxed)) {
		rc = heddle_submit(o->group[job->leaf], task);
		if (!rc)
			return;
		ht_expect(o->run, "heddle_submit", rc);
	}
	/* oracle-1: what this job and its earlier runs wrote. */
	atomic_fetch_add_explicit(&o->ended, 1, memory_order_release);
}

static int worker_begins(struct heddle_pool *pool, uint32_t index, void *arg)
{
	struct oracle *o = arg;

	(void)pool;
	own_hand = &o->hand[index < WORKERS ? index : WORKERS];
	return 0;
}

/* The bound of a group changes: in the gauge, or in the list for the sweep. */
static void set_bound(struct oracle *o, uint32_t group, uint32_t bound,
		      uint64_t time, bool falls)
{
	uint64_t more = (uint64_t)bound - o->bound[group];
	uint64_t before = atomic_fetch_add_explicit(
		&o->gauge[group].word, more << COUNT_BITS,
		memory_order_relaxed); /* see enter */

	check_gauge(o, group, before + (more << COUNT_BITS));
	o->bound[group] = bound;
	if (!o->is_log)
		return;
	if (o->n_bends == o->room_bends) {
		o->room_bends = o->room_bends ? 2 * o->room_bends : 4096;
		o->bends = realloc(o->bends, o->room_bends * sizeof(*o->bends));
		if (!o->bends) {
			ht_say("out of memory");
			exit(HT_MISSED);
		}
	}
	o->bends[o->n_bends++] = (struct bend){ time, group, bound, falls };
}

/* A change that is refused has changed nothing. */
static void take_back(struct oracle *o, const uint32_t *numbers,
		      const uint32_t *caps, const uint32_t *bounds, uint32_t n)
{
	uint64_t now = ht_now();
	uint32_t i;

	o->refused++;
	for (i = 0; i < n; i++) {
		o->cap[numbers[i]] = caps[i];
		if (o->bound[numbers[i]] > bounds[i])
			set_bound(o, numbers[i], bounds[i], now, true);
	}
}

static void update(struct oracle *o, const uint32_t *numbers,
		   const uint32_t *caps, uint32_t n, bool waits)
{
	struct heddle_change changes[GROUPS] = { { NULL, 0, 0, 0, 0 } };
	uint32_t cap_before[GROUPS], bound_before[GROUPS], i, group;
	struct heddle_ticket ticket;
	uint64_t now = ht_now();
	int rc;

	for (i = 0; i < n; i++) {
		group = numbers[i];
		cap_before[i] = o->cap[group];
		bound_before[i] = o->bound[group];
		changes[i].group = o->group[group];
		changes[i].cap = o->cap[group] = caps[i];
		if (caps[i] > o->bound[group])
			set_bound(o, group, caps[i], now, false);
	}
	rc = heddle_group_update(changes, n, &ticket);
	/* Below a lowered cap nothing may be prepaid that is in use. */
	if (rc == -EBUSY && o->prepaid) {
		take_back(o, numbers, cap_before, bound_before, n);
		return;
	}
	ht_expect(o->run, "heddle_group_update", rc);
	o->changes++;
	if (!waits || rc)
		return;
	rc = heddle_group_wait(ticket, HEDDLE_FOREVER);
	ht_expect(o->run, "heddle_group_wait", rc);
	now = ht_now();
	for (i = 0; !rc && i < n; i++)
		if (o->bound[numbers[i]] > caps[i])
			set_bound(o, numbers[i], caps[i], now, true);
}

/* Prepays for one tenant, and for the other one nothing any more. */
static void change_reserve(struct oracle *o)
{
	uint32_t which = ht_random_below(&o->random, RESERVING);
	uint32_t n = ht_random_below(&o->random, 3), i;
	int rc;

	for (i = 0; i < RESERVING; i++) {
		if (i != which)
			ht_expect(o->run, "heddle_group_reserve",
				  heddle_group_reserve(o->group[1 + i], 0,
						       NULL));
	}
	rc = heddle_group_reserve(o->group[1 + which], n, NULL);
	if (rc == 0)
		o->prepaid = n;
	else if (rc == -EBUSY && n)
		rc = 0; /* what was prepaid before is */
	ht_expect(o->run, "heddle_group_reserve", rc);
	o->reserves++;
}

static void no_reserve(struct oracle *o)
{
	uint32_t i;

	for (i = 0; i < RESERVING; i++)
		ht_expect(o->run, "heddle_group_reserve",
			  heddle_group_reserve(o->group[1 + i], 0, NULL));
	o->prepaid = 0;
}

static void change_some(struct oracle *o)
{
	uint32_t n = 1 + ht_random_below(&o->random, 3);
	uint32_t first = ht_random_below(&o->random, GROUPS);
	uint32_t numbers[3], caps[3], i;

	/* Most of the time nothing is prepaid, and no change is refused. */
	if (o->prepaid ? ht_random_chance(&o->random, 4)
		       : ht_random_chance(&o->random, 32)) {
		if (o->prepaid)
			no_reserve(o);
		else
			change_reserve(o);
	}
	/* 4 and the number of groups have no common factor. */
	_Static_assert(GROUPS == 13, "the groups of one change must differ");
	for (i = 0; i < n; i++) {
		numbers[i] = (first + 4 * i) % GROUPS;
		caps[i] = ht_random_below(&o->random, WORKERS + 2);
		/* A root at 0 stops everything, so it is rarely there. */
		if (numbers[i] == ROOT && !caps[i] &&
		    !ht_random_chance(&o->random, 8))
			caps[i] = 1;
	}
	update(o, numbers, caps, n, !ht_random_chance(&o->random, 8));
}

static void open_all(struct oracle *o)
{
	uint32_t numbers[GROUPS], caps[GROUPS], i;

	no_reserve(o);
	for (i = 0; i < GROUPS; i++) {
		numbers[i] = i;
		caps[i] = WORKERS;
	}
	update(o, numbers, caps, GROUPS, true);
}

/* What the twin does: work that the library knows nothing of. */
static void run_outside(struct oracle *o, uint32_t leaf)
{
	uint64_t start = ht_now();

	if (!o->is_log)
		enter(o, leaf);
	ht_sleep_us(50);
	if (o->is_log)
		log_one(o, &o->hand[WORKERS], leaf, start, ht_now());
	else
		leave(o, leaf);
}

/*
 * Work outside of a permit meets a bound by chance only, and a window may be
 * over before this thread has run: so once in a class that is paused.
 */
static void run_outside_paused(struct oracle *o)
{
	uint32_t leaf = LEAF + ht_random_below(&o->random, LEAVES), none = 0;

	no_reserve(o);
	update(o, &leaf, &none, 1, true);
	run_outside(o, leaf);
}

static uint64_t tasks_done(struct oracle *o)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < WORKERS; i++)
		sum += atomic_load_explicit(&o->hand[i].done,
					    memory_order_relaxed); /* figure */
	atomic_store_explicit(&o->run->tasks, sum, memory_order_relaxed);
	return sum;
}

static bool is_closing(struct oracle *o)
{
	return atomic_load_explicit(&o->is_closing, memory_order_relaxed);
}

static void change_until_closed(struct oracle *o, uint64_t a_change,
				uint64_t ends_ns)
{
	struct ht_actor *self = &o->run->actors[0];
	uint64_t next = tasks_done(o), changed;

	ht_actor_doing(self, "changing caps");
	if (o->run->is_busted)
		run_outside_paused(o);
	while (!is_closing(o)) {
		ht_actor_step(self);
		change_some(o);
		if (o->run->is_busted)
			run_outside(o,
				    LEAF + ht_random_below(&o->random, LEAVES));
		next += a_change;
		changed = ht_now();
		/* A pause must end, too: so the wait is for a time as well. */
		while (tasks_done(o) < next && !is_closing(o) &&
		       ht_now() < changed + 300000)
			ht_sleep_us(50);
		/* Not to be caught up with later: that would be a burst. */
		if (tasks_done(o) < next)
			next = tasks_done(o);
		if (ht_now() >= ends_ns ||
		    (o->run->is_busted && o->found[o->is_log]))
			atomic_store_explicit(&o->is_closing, true,
					      memory_order_relaxed); /* ask */
	}
}

/* Jobs go round until the window is full, then rest. */
static void run_window(struct oracle *o, uint64_t tasks, uint64_t a_change,
		       uint64_t ends_ns)
{
	uint32_t bound[GROUPS], i;
	struct job *job;

	o->windows++;
	o->limit = tasks / SLICE + HANDS + 1;
	o->n_bends = 0;
	atomic_store_explicit(&o->slices, 0, memory_order_relaxed); /* rest */
	atomic_store_explicit(&o->is_closing, false, memory_order_relaxed);
	atomic_store_explicit(&o->ended, 0, memory_order_relaxed);
	memcpy(bound, o->bound, sizeof(bound));
	for (i = 0; i < HANDS; i++)
		o->hand[i].used = SLICE;
	for (i = 0; i < JOBS; i++) {
		job = &o->job[i];
		job->task = (struct heddle_task)HEDDLE_TASK_INIT(run_job);
		job->task.flags = HEDDLE_TASK_DETACHED;
		job->oracle = o;
		job->leaf = LEAF + i % LEAVES;
		ht_random_seed(&job->random, o->run->seed, 1 + i, o->windows);
		ht_expect(o->run, "heddle_submit",
			  heddle_submit(o->group[job->leaf], &job->task));
	}
	change_until_closed(o, a_change, ends_ns);
	open_all(o);
	ht_actor_doing(&o->run->actors[0], "waiting for the jobs");
	/* oracle-1 */
	while (atomic_load_explicit(&o->ended, memory_order_acquire) < JOBS)
		ht_sleep_us(100);
	tasks_done(o);
	if (o->is_log) {
		ht_actor_doing(&o->run->actors[0], "merging the logs");
		oracle_sweep(o, bound);
	}
}

/* So many tasks with one kind of oracle, window after window. */
static void run_half(struct oracle *o, bool is_log, uint64_t tasks,
		     uint64_t a_change, uint64_t ends_ns)
{
	uint64_t before = tasks_done(o), done = 0;

	o->is_log = is_log;
	do {
		run_window(o, tasks - done < WINDOW ? tasks - done : WINDOW,
			   a_change, ends_ns);
		done = tasks_done(o) - before;
	} while (done < tasks && ht_now() < ends_ns &&
		 !(o->run->is_busted && o->found[is_log]));
}

static bool open_pool(struct oracle *o)
{
	struct heddle_pool_options options = {
		.struct_size = sizeof(options),
		.workers_max = WORKERS,
		.cap = WORKERS,
		.tasks_max = 1024,
		.name = "oracle",
		.worker_init = worker_begins,
		.hook_arg = o,
	};
	struct heddle_group_options group = { .struct_size = sizeof(group),
					      .cap = WORKERS,
					      .name = "oracle" };
	int rc = heddle_pool_create(&options, &o->pool);
	uint32_t i;

	ht_expect(o->run, "heddle_pool_create", rc);
	if (rc)
		return false;
	ht_stress_watch(o->run, o->pool);
	o->group[ROOT] = heddle_pool_group(o->pool);
	for (i = 0; i < GROUPS; i++) {
		o->bound[i] = o->cap[i] = WORKERS;
		atomic_init(&o->gauge[i].word, (uint64_t)WORKERS << COUNT_BITS);
		if (i == ROOT)
			continue;
		group.flags = i <= RESERVING ? HEDDLE_GROUP_RESERVE : 0;
		rc = heddle_group_create(o->group[oracle_above(i)], &group,
					 &o->group[i]);
		ht_expect(o->run, "heddle_group_create", rc);
		if (rc)
			return false;
		ht_stress_watch_group(o->run, o->group[i]);
	}
	rc = heddle_pool_start(o->pool, WORKERS, NULL, HEDDLE_FOREVER);
	ht_expect(o->run, "heddle_pool_start", rc);
	return !rc;
}

static void run_oracle(struct oracle *o)
{
	struct ht_stress *run = o->run;
	uint64_t tasks = run->tasks_wanted ? run->tasks_wanted : UINT64_MAX / 4;
	uint64_t a_change = TASKS_A_CHANGE, middle, last, took;

	if (run->is_busted)
		tasks = 400000;
	if (run->tasks_wanted && run->changes_wanted)
		a_change = tasks / run->changes_wanted;
	middle = run->started_ns + (run->ends_ns - run->started_ns) / 2;
	last = run->ends_ns;
	if (run->tasks_wanted)
		middle = last = UINT64_MAX;
	run_half(o, false, tasks / 2, a_change, middle);
	run_half(o, true, tasks - tasks / 2, a_change, last);
	took = ht_now() - run->started_ns;
	snprintf(run->note, sizeof(run->note),
		 "%.3g tasks/s, 1e9 would take %.0f min; %ju cap changes, %ju "
		 "refused, %ju reserves, %ju windows",
		 (double)tasks_done(o) / ((double)took / 1e9),
		 (double)took / 60 / (double)tasks_done(o),
		 (uintmax_t)o->changes, (uintmax_t)o->refused,
		 (uintmax_t)o->reserves, (uintmax_t)o->windows);
	ht_stress_rest(run, o->pool);
	/* Both oracles must have seen what the twin does. */
	if (run->is_busted && (!o->found[0] || !o->found[1]))
		atomic_store_explicit(&run->violations[HT_CAP], 0,
				      memory_order_relaxed); /* alone here */
}

static void body(struct ht_stress *run)
{
	/* Gauges have lines of their own, which calloc does not promise. */
	static struct oracle oracle;
	struct oracle *o = &oracle;
	uint64_t window = run->tasks_wanted && run->tasks_wanted < WINDOW
				  ? run->tasks_wanted
				  : WINDOW;

	memset(o, 0, sizeof(*o));
	o->run = run;
	ht_random_seed(&o->random, run->seed, 0, 0);
	o->room = window / SLICE + SPARE;
	o->entries = ht_alloc(o->room * SLICE, sizeof(*o->entries));
	o->owner = ht_alloc(o->room, sizeof(*o->owner));
	if (open_pool(o))
		run_oracle(o);
	ht_actor_doing(&run->actors[0], "destroying the pool");
	if (o->pool)
		ht_expect(run, "heddle_pool_destroy",
			  heddle_pool_destroy(o->pool, HEDDLE_R4_CLEAN, NULL,
					      HEDDLE_FOREVER));
	ht_stress_watch(run, NULL);
	free(o->bends);
	free(o->owner);
	free(o->entries);
}

const struct ht_scenario ht_stress_oracle = {
	.name = "cap-oracle",
	.help = "counters and logs outside the library find no cap exceeded",
	.twin = "work outside of a permit, seen by the counters and the logs",
	.twin_kinds = 1u << HT_CAP,
	.near = "tasks that filled a group to its bound",
	.body = body,
};
