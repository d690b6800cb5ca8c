/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cap-oracle: no cap is ever exceeded, as seen from outside the library.
 *
 * A fixed number of tasks submit themselves again and again, each time to a
 * random class, while one thread changes the caps of the root, its three
 * tenants and their three classes each. Two oracles, half of the tasks each
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
#include "tools/stress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <heddle/heddle.h>

enum {
	TENANTS = 3,
	CLASSES = 3, /* below each tenant */
	LEAF = 1 + TENANTS,
	LEAVES = TENANTS * CLASSES,
	GROUPS = LEAF + LEAVES,
	ROOT = 0,
	WORKERS = 4,
	HANDS = WORKERS + 1, /* the last one is the twin's */
	JOBS = 256,
	SLICE = 4096,          /* tasks of a worker between two shared steps */
	SPARE = 2 * HANDS + 4, /* each worker's last one is not full */
	WINDOW = 10000000,
	TASKS_A_CHANGE = 954, /* 2^20 changes in 10^9 tasks */
	COUNT_BITS = 32,
};

/* When a task ran: start << 4 | leaf, and end. */
struct entry {
	uint64_t start;
	uint64_t end;
};

/* A bound that rises or falls. */
struct bend {
	uint64_t time;
	uint32_t group;
	uint32_t bound;
	bool falls;
};

/* What one worker writes. */
struct hand {
	_Alignas(128) _Atomic(uint64_t) done;
	struct oracle *oracle;
	uint64_t slice;
	uint32_t used;
};

struct job {
	struct heddle_task task; /* first, so that it leads to the job */
	struct oracle *oracle;
	uint32_t leaf;
	struct ht_random random;
};

struct oracle {
	struct ht_stress *run;
	struct heddle_pool *pool;
	struct heddle_group *group[GROUPS];
	uint32_t bound[GROUPS];
	uint32_t cap[GROUPS];
	bool is_log;
	struct entry *entries;
	uint8_t *owner; /* of each slice */
	uint64_t room;  /* slices that entries and owner hold */
	uint64_t limit; /* slices of this window */
	struct bend *bends;
	size_t n_bends, room_bends;
	uint64_t changes, windows, tasks_before, found[2];
	struct ht_random random;
	struct job job[JOBS];
	struct hand hand[HANDS];

	_Alignas(128) _Atomic(uint64_t) slices;
	_Atomic(bool) is_closing;
	_Atomic(uint32_t) ended;
	struct {
		_Alignas(128) _Atomic(uint64_t) word; /* bound : tasks */
	} gauge[GROUPS];
};

static _Thread_local struct hand *own_hand;

static uint32_t above(uint32_t group)
{
	return group < LEAF ? ROOT : 1 + (group - LEAF) / CLASSES;
}

static void too_many(struct oracle *o, uint32_t group, uint32_t running,
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
		too_many(o, group, running, bound);
	else if (running && running == bound)
		atomic_store_explicit(&o->run->near, 1,
				      memory_order_relaxed); /* a sign */
}

/* Relaxed, as in cap-walk: the checker adds no order of its own. */
static void enter(struct oracle *o, uint32_t at)
{
	for (;; at = above(at)) {
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
	for (;; at = above(at)) {
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

static void update(struct oracle *o, const uint32_t *numbers,
		   const uint32_t *caps, uint32_t n, bool waits)
{
	struct heddle_change changes[GROUPS] = { { NULL, 0, 0, 0, 0 } };
	struct heddle_ticket ticket;
	uint64_t now = ht_now();
	uint32_t i, group;
	int rc;

	for (i = 0; i < n; i++) {
		group = numbers[i];
		changes[i].group = o->group[group];
		changes[i].cap = o->cap[group] = caps[i];
		if (caps[i] > o->bound[group])
			set_bound(o, group, caps[i], now, false);
	}
	rc = heddle_group_update(changes, n, &ticket);
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

static void change_some(struct oracle *o)
{
	uint32_t n = 1 + ht_random_below(&o->random, 3);
	uint32_t first = ht_random_below(&o->random, GROUPS);
	uint32_t numbers[3], caps[3], i;

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

	update(o, &leaf, &none, 1, true);
	run_outside(o, leaf);
}

/* A worker's log, read from its begin. */
struct cursor {
	uint64_t slice;
	uint32_t at, end;
	bool is_inside;
};

/* To the next task of a hand, if there is one. */
static bool settle_cursor(const struct oracle *o, struct cursor *c,
			  uint32_t hand, uint64_t slices)
{
	while (c->at == c->end) {
		do
			c->slice++;
		while (c->slice < slices && o->owner[c->slice] != hand);
		if (c->slice >= slices)
			return false;
		c->at = 0;
		c->end = c->slice == o->hand[hand].slice ? o->hand[hand].used
							 : SLICE;
	}
	return true;
}

static uint64_t cursor_key(const struct oracle *o, const struct cursor *c)
{
	const struct entry *entry = &o->entries[c->slice * SLICE + c->at];

	/* Of equal stamps: bounds rise, tasks end, tasks begin, bounds fall. */
	return c->is_inside ? entry->end << 2 | 1
			    : (entry->start >> 4) << 2 | 2;
}

struct sweep {
	struct cursor cursor[HANDS];
	bool is_live[HANDS];
	uint64_t slices;
	uint32_t running[GROUPS];
	uint32_t bound[GROUPS];
};

static void sweep_task(struct oracle *o, struct sweep *s, uint32_t hand)
{
	struct cursor *c = &s->cursor[hand];
	uint32_t at = LEAF + (o->entries[c->slice * SLICE + c->at].start & 15);

	for (;; at = above(at)) {
		if (c->is_inside)
			s->running[at]--;
		else if (++s->running[at] > s->bound[at])
			too_many(o, at, s->running[at], s->bound[at]);
		else if (s->running[at] == s->bound[at])
			atomic_store_explicit(&o->run->near, 1,
					      memory_order_relaxed); /* sign */
		if (at == ROOT)
			break;
	}
	if (c->is_inside)
		c->at++;
	c->is_inside = !c->is_inside;
	s->is_live[hand] = settle_cursor(o, c, hand, s->slices);
}

static void sweep_bend(struct oracle *o, struct sweep *s,
		       const struct bend *bend)
{
	s->bound[bend->group] = bend->bound;
	if (s->running[bend->group] > bend->bound)
		too_many(o, bend->group, s->running[bend->group], bend->bound);
}

/* One event after the other, in the order of time. */
static void sweep(struct oracle *o, const uint32_t *bound)
{
	struct sweep s = { .slices = atomic_load_explicit(
				   &o->slices, memory_order_relaxed) };
	const struct bend *bend;
	uint64_t key, least;
	size_t at = 0;
	uint32_t i, who;

	if (s.slices > o->room)
		s.slices = o->room;
	memcpy(s.bound, bound, sizeof(s.bound));
	for (i = 0; i < HANDS; i++) {
		s.cursor[i].slice = UINT64_MAX; /* before the first */
		s.is_live[i] = settle_cursor(o, &s.cursor[i], i, s.slices);
	}
	for (;;) {
		bend = at < o->n_bends ? &o->bends[at] : NULL;
		least = bend ? bend->time << 2 | (bend->falls ? 3 : 0)
			     : UINT64_MAX;
		who = HANDS;
		for (i = 0; i < HANDS; i++) {
			if (!s.is_live[i])
				continue;
			key = cursor_key(o, &s.cursor[i]);
			if (key < least) {
				least = key;
				who = i;
			}
		}
		if (who < HANDS) {
			sweep_task(o, &s, who);
		} else if (bend) {
			sweep_bend(o, &s, bend);
			at++;
		} else {
			break;
		}
	}
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
		sweep(o, bound);
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
		rc = heddle_group_create(o->group[above(i)], &group,
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
		 "windows",
		 (double)tasks_done(o) / ((double)took / 1e9),
		 (double)took / 60 / (double)tasks_done(o),
		 (uintmax_t)o->changes, (uintmax_t)o->windows);
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
