/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * never-under: tasks that stay until they are let go, in random trees of
 * groups with random caps, supplies and workers. Whatever the order of what
 * happened, each configuration must settle at the largest number of running
 * tasks (clause: C2, clause: C6, clause: C7, property: P5):
 *
 *     f(g) = min(cap of g, supply of g + the sum of f over its children)
 *
 * and not more than the workers at the root. The sets of tasks that may run
 * together are those of a laminar family of bounds, so all that cannot be
 * extended have one size, and it does not matter which tasks started first.
 * Then caps rise, dip and rise, workers are added, tasks are let go and tasks begin
 * regions that last, and after each step the number is that of the new configuration. A
 * region gives back permits in the hand of nobody who would look for work himself: a look
 * that is lost there is lost for good.
 *
 * Part of a supply is submitted by a task of the same group. As long as that
 * one is queued something on its path is full, which would hold its tasks back
 * as well: so f is the same.
 *
 * Only a failure waits for the deadline: the counters are polled until then.
 */
#include "tools/stress.h"

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#include <heddle/heddle.h>

enum {
	GROUPS = 10, /* at most, with the root */
	LEVELS = 3,
	WORKERS = 6,
	SUPPLY = 4, /* of one group, at most */
	HOLDERS = GROUPS * SUPPLY,
	JOBS = HOLDERS + GROUPS,
	ROOT = 0,
	CHANGE_POOL = 1000, /* configurations in one pool */
	DUMPS = 2,
	ENOUGH = 4, /* failures, of which each takes the whole deadline */
};

#define DEADLINE_NS      UINT64_C(5000000000)
#define TWIN_DEADLINE_NS UINT64_C(50000000)

/* What the twin does wrong, in turn. */
enum twin {
	TWIN_NOTHING,
	TWIN_EXPECTS, /* one more than there can be */
	TWIN_HIDES,   /* a task that it never submits */
	TWINS,
};

struct under;

/* A task that stays, or one that submits some of them and ends. */
struct job {
	struct heddle_task task; /* first, so that it leads to the job */
	struct under *under;
	uint32_t group;
	uint32_t first, n; /* those to submit */
};

struct under {
	struct ht_stress *run;
	struct heddle_pool *pool;
	bool is_elastic;
	uint32_t workers_max;
	struct ht_random random;
	uint64_t number; /* of this configuration */
	uint32_t dumps;
	enum twin twin;
	bool found[TWINS];
	uint64_t steps, elastic;

	/* The configuration. */
	uint32_t workers; /* that there are, or may be */
	uint32_t blocked; /* tasks in regions, out of their supply */
	uint32_t groups;
	uint32_t above[GROUPS];
	uint32_t level[GROUPS];
	uint32_t cap[GROUPS];
	uint32_t supply[GROUPS]; /* that have not been let go */
	uint32_t sum;            /* of the supplies at first */
	uint32_t jobs;           /* with those that submit */
	struct heddle_group *group[GROUPS];
	struct job job[JOBS];
	sem_t gate, region;

	_Alignas(128) _Atomic(uint32_t) running;
	_Atomic(uint32_t) limit;
	_Atomic(uint32_t) blocks;         /* 1: who is let go begins a region */
	_Atomic(uint32_t) regions;        /* that were begun */
	_Atomic(uint32_t) inside[GROUPS]; /* the same, by groups */
	_Atomic(uint32_t) gone;           /* of all jobs */
	_Atomic(uint32_t) left;           /* of those that stay */
	_Atomic(uint32_t) ended[GROUPS];  /* the same, by groups */
};

static uint32_t load(const _Atomic(uint32_t) *counter)
{
	/* under-1: what its writers did before. */
	return atomic_load_explicit(counter, memory_order_acquire);
}

static void count(_Atomic(uint32_t) *counter)
{
	/* under-1 */
	atomic_fetch_add_explicit(counter, 1, memory_order_release);
}

/* An elastic pool replaces those in regions. */
static uint32_t available(const struct under *u)
{
	return u->is_elastic ? u->workers : u->workers - u->blocked;
}

/* f of the root; for a supply as it would be with some cap or worker more. */
static uint32_t largest(const struct under *u)
{
	uint32_t sum[GROUPS], g;

	memcpy(sum, u->supply, sizeof(sum));
	/* Whoever is above has a smaller number. */
	for (g = u->groups; g-- > 0;) {
		if (sum[g] > u->cap[g])
			sum[g] = u->cap[g];
		if (g)
			sum[u->above[g]] += sum[g];
	}
	return sum[ROOT] < available(u) ? sum[ROOT] : available(u);
}

/* It runs no more before its permits are given back. */
static void stay_in_region(struct under *u, uint32_t group)
{
	atomic_fetch_sub_explicit(&u->running, 1, memory_order_relaxed);
	count(&u->inside[group]);
	ht_expect(u->run, "heddle_block_begin",
		  heddle_block_begin(HEDDLE_BLOCK_OTHER, NULL, NULL));
	count(&u->regions);
	while (sem_wait(&u->region))
		;
	ht_expect(u->run, "heddle_block_end", heddle_block_end());
	atomic_fetch_add_explicit(&u->running, 1, memory_order_relaxed);
}

static void stay(struct under *u, uint32_t group)
{
	uint32_t running = 1 + atomic_fetch_add_explicit(
				       &u->running, 1,
				       memory_order_relaxed); /* one word */

	if (running > load(&u->limit))
		ht_violation(u->run, HT_CAP,
			     "configuration %ju: %u tasks run, at most %u may",
			     (uintmax_t)u->number, running, load(&u->limit));
	while (sem_wait(&u->gate))
		;
	if (load(&u->blocks))
		stay_in_region(u, group);
	atomic_fetch_sub_explicit(&u->running, 1, memory_order_relaxed);
	count(&u->ended[group]);
	count(&u->left);
}

static void submit(struct under *u, struct job *job)
{
	ht_expect(u->run, "heddle_submit",
		  heddle_submit(u->group[job->group], &job->task));
}

static void run_job(struct heddle_task *task)
{
	struct job *job = (struct job *)(void *)task;
	struct under *u = job->under;
	uint32_t i;

	for (i = 0; i < job->n; i++)
		submit(u, &u->job[job->first + i]);
	if (!job->n)
		stay(u, job->group);
	count(&u->gone);
}

/* What is known of a configuration that does not settle. */
static void dump(struct under *u)
{
	struct heddle_group_stat stat = { .struct_size = sizeof(stat) };
	struct heddle_check check = { .struct_size = sizeof(check) };
	uint32_t g, i;
	int rc;

	if (u->run->is_quiet || u->dumps++ >= DUMPS)
		return;
	ht_say("  seed 0x%jx, %s pool, %u workers of %u, %u running, %u of %u "
	       "jobs gone",
	       (uintmax_t)u->run->seed, u->is_elastic ? "elastic" : "static",
	       u->workers, u->workers_max, load(&u->running), load(&u->gone),
	       u->jobs);
	for (g = 0; g < u->groups; g++) {
		rc = heddle_group_stat(u->group[g], &stat);
		if (rc)
			ht_say("  group %u: %s", g, strerror(-rc));
		else
			ht_say("  group %u below %u, cap %u, supply %u: cap %u "
			       "count %u queued %ju parallelism %u reason %u",
			       g, u->above[g], u->cap[g], u->supply[g],
			       stat.cap, stat.count, (uintmax_t)stat.queued,
			       stat.parallelism, stat.reason);
	}
	rc = heddle_check(u->pool, &check);
	ht_say("  heddle_check: %s, at rest %u, %ju queued, %ju permits",
	       rc ? strerror(-rc) : "nothing", check.at_rest,
	       (uintmax_t)check.tasks_queued, (uintmax_t)check.permits);
	for (i = 0; i < check.violations && i < 8; i++)
		ht_say("  %.32s: %.96s", check.violation[i].name,
		       check.violation[i].detail);
}

static bool reaches(struct under *u, const _Atomic(uint32_t) *counter,
		    uint32_t wanted)
{
	uint64_t deadline =
		ht_now() + (u->run->is_busted ? TWIN_DEADLINE_NS : DEADLINE_NS);

	while (load(counter) != wanted) {
		if (ht_now() > deadline)
			return false;
		ht_sleep_us(10);
	}
	return true;
}

/* The configuration is at its largest number, or that is reported. */
static bool settles(struct under *u)
{
	uint32_t wanted = largest(u);

	ht_actor_doing(&u->run->actors[0], "settling");
	u->steps++;
	if (reaches(u, &u->running, wanted + (u->twin == TWIN_EXPECTS)))
		return true;
	u->found[u->twin] = true;
	ht_violation(u->run, HT_LOST, "configuration %ju: %u of %u tasks run",
		     (uintmax_t)u->number, load(&u->running), wanted);
	dump(u);
	return false;
}

static void set_limit(struct under *u, uint32_t limit)
{
	atomic_store_explicit(&u->limit, limit, memory_order_release);
}

/* A change of some caps, of which the configuration knows already. */
static void update(struct under *u, const bool *changed)
{
	struct heddle_change changes[GROUPS] = { { NULL, 0, 0, 0, 0 } };
	uint32_t g, n = 0;

	for (g = 0; g < u->groups; g++)
		if (changed[g])
			changes[n++] = (struct heddle_change){ u->group[g],
							       u->cap[g], 0, 0,
							       0 };
	ht_expect(u->run, "heddle_group_update",
		  heddle_group_update(changes, n, NULL));
}

static void raise_some(struct under *u)
{
	uint32_t g = ht_random_below(&u->random, u->groups), more;
	bool changed[GROUPS] = { false };

	/* Lower first, at times: nobody ends, and then it rises. */
	if (u->cap[g] && ht_random_chance(&u->random, 3))
		ht_expect(u->run, "heddle_group_set_cap",
			  heddle_group_set_cap(u->group[g],
					       ht_random_below(&u->random, 2),
					       NULL));
	changed[g] = true;
	for (g = 0; g < u->groups; g++) {
		changed[g] |= ht_random_chance(&u->random, 4);
		more = ht_random_below(&u->random, 3);
		if (changed[g] && u->cap[g] < HEDDLE_CAP_MAX)
			u->cap[g] += more;
	}
	set_limit(u, largest(u));
	update(u, changed);
}

static void add_worker(struct under *u)
{
	if (u->workers == u->workers_max)
		return;
	u->workers++;
	set_limit(u, largest(u));
	ht_expect(u->run, "heddle_pool_start",
		  heddle_pool_start(u->pool, u->workers, NULL, HEDDLE_FOREVER));
}

/* Some of those that stay may go; whose they were is seen afterwards. */
static bool let_some_go(struct under *u)
{
	uint32_t before = load(&u->left), running = load(&u->running), n, i, g;
	uint32_t ended[GROUPS];

	if (!running)
		return true;
	n = 1 + ht_random_below(&u->random, running);
	for (g = 0; g < u->groups; g++)
		ended[g] = load(&u->ended[g]);
	for (i = 0; i < n; i++)
		sem_post(&u->gate);
	if (!reaches(u, &u->left, before + n))
		ht_violation(u->run, HT_LOST,
			     "configuration %ju: a task does not end",
			     (uintmax_t)u->number);
	/* The limit stays: with less supply f is not larger. */
	for (g = 0; g < u->groups; g++)
		u->supply[g] -= load(&u->ended[g]) - ended[g];
	return load(&u->left) == before + n;
}

/* Some of those that stay begin a region, and others may run in their place. */
static bool let_some_block(struct under *u)
{
	uint32_t before = load(&u->regions), running = load(&u->running), n, i,
		 g;
	uint32_t inside[GROUPS];

	if (!running)
		return true;
	n = 1 + ht_random_below(&u->random, running);
	for (g = 0; g < u->groups; g++)
		inside[g] = load(&u->inside[g]);
	atomic_store_explicit(&u->blocks, 1, memory_order_release);
	for (i = 0; i < n; i++)
		sem_post(&u->gate);
	if (!reaches(u, &u->regions, before + n)) {
		ht_violation(u->run, HT_LOST,
			     "configuration %ju: a region does not begin",
			     (uintmax_t)u->number);
		return false;
	}
	for (g = 0; g < u->groups; g++)
		u->supply[g] -= load(&u->inside[g]) - inside[g];
	u->blocked += n;
	atomic_store_explicit(&u->blocks, 0, memory_order_release);
	return true;
}

static bool step(struct under *u)
{
	uint32_t what = ht_random_below(&u->random, 5);

	if (what == 0)
		return let_some_go(u) && settles(u);
	if (what == 4)
		return let_some_block(u) && settles(u);
	if (what == 1)
		add_worker(u);
	else
		raise_some(u);
	return settles(u);
}

/* -- a configuration: made, run, and taken away -- */

static uint32_t random_cap(struct under *u, uint32_t none)
{
	if (ht_random_chance(&u->random, none))
		return 0;
	if (ht_random_chance(&u->random, 5))
		return HEDDLE_CAP_MAX;
	return 1 + ht_random_below(&u->random, SUPPLY + 1);
}

static void draw(struct under *u)
{
	uint32_t g;

	u->groups = 1 + ht_random_below(&u->random, GROUPS);
	u->sum = 0;
	for (g = 0; g < u->groups; g++) {
		u->cap[g] = random_cap(u, g ? 5 : 12);
		u->supply[g] =
			ht_random_chance(&u->random, 3)
				? 0
				: 1 + ht_random_below(&u->random, SUPPLY);
		u->sum += u->supply[g];
		do
			u->above[g] = g ? ht_random_below(&u->random, g) : 0;
		while (g && u->level[u->above[g]] + 1 == LEVELS);
		u->level[g] = g ? u->level[u->above[g]] + 1 : 0;
		atomic_store_explicit(&u->ended[g], 0, memory_order_relaxed);
		atomic_store_explicit(&u->inside[g], 0, memory_order_relaxed);
	}
	u->blocked = 0;
	atomic_store_explicit(&u->left, 0, memory_order_relaxed); /* rest */
	atomic_store_explicit(&u->gone, 0, memory_order_relaxed); /* rest */
}

static bool make_groups(struct under *u)
{
	struct heddle_group_options options = { .struct_size =
							sizeof(options) };
	uint32_t g;
	int rc;

	u->group[ROOT] = heddle_pool_group(u->pool);
	rc = heddle_group_set_cap(u->group[ROOT], u->cap[ROOT], NULL);
	ht_expect(u->run, "heddle_group_set_cap", rc);
	for (g = 1; !rc && g < u->groups; g++) {
		options.flags = u->cap[g] ? 0 : HEDDLE_GROUP_PAUSED;
		if (ht_random_chance(&u->random, 4))
			options.flags |= HEDDLE_GROUP_WIDE;
		options.cap = u->cap[g];
		rc = heddle_group_create(u->group[u->above[g]], &options,
					 &u->group[g]);
		ht_expect(u->run, "heddle_group_create", rc);
	}
	return !rc;
}

static struct job *new_job(struct under *u, uint32_t at, uint32_t group)
{
	struct job *job = &u->job[at];

	memset(job, 0, sizeof(*job));
	job->task.fn = run_job;
	job->task.flags = HEDDLE_TASK_DETACHED;
	job->under = u;
	job->group = group;
	return job;
}

/* All tasks, some by a task of their group, and the groups in any order. */
static void submit_all(struct under *u)
{
	uint32_t at = 0, seeds = HOLDERS, turn, g, i;
	uint32_t first = ht_random_below(&u->random, u->groups);
	bool hides = u->twin == TWIN_HIDES;
	struct job *job;

	u->jobs = u->sum;
	for (turn = 0; turn < u->groups; turn++) {
		g = (first + turn) % u->groups;
		for (i = 0; i < u->supply[g]; i++)
			new_job(u, at + i, g);
		i = 0;
		/* The one that is hidden is of the last group that has some. */
		if (hides && u->supply[g]) {
			hides = false;
			u->jobs--;
			i = 1;
		}
		if (u->supply[g] > i && ht_random_chance(&u->random, 3)) {
			job = new_job(u, seeds++, g);
			job->first = at + i;
			job->n = u->supply[g] - i;
			u->jobs++;
			submit(u, job);
		} else {
			for (; i < u->supply[g]; i++)
				submit(u, &u->job[at + i]);
		}
		at += u->supply[g];
	}
}

/* The steps up to one that does not settle. */
static void play(struct under *u)
{
	uint32_t root = u->cap[ROOT], steps, i;
	bool changed[GROUPS] = { [ROOT] = true }, is_good;
	bool is_late = ht_random_chance(&u->random, 4);

	if (is_late) {
		u->cap[ROOT] = 0;
		update(u, changed);
	}
	set_limit(u, largest(u));
	submit_all(u);
	is_good = settles(u);
	if (is_good && is_late) {
		u->cap[ROOT] = root;
		set_limit(u, largest(u));
		update(u, changed);
		is_good = settles(u);
	}
	if (largest(u) && largest(u) < u->sum)
		atomic_fetch_add_explicit(&u->run->near, 1,
					  memory_order_relaxed); /* figure */
	steps = ht_random_below(&u->random, 5);
	for (i = 0; is_good && i < steps; i++)
		is_good = step(u);
}

/* All may go; false when they do not, and then the pool is of no more use. */
static bool finish(struct under *u)
{
	struct ht_actor *self = &u->run->actors[0];
	bool changed[GROUPS], opens_first = ht_random_chance(&u->random, 2);
	uint32_t stay = u->sum - (u->twin == TWIN_HIDES), i;

	ht_actor_doing(self, "letting all go");
	for (i = 0; i < u->groups; i++) {
		u->cap[i] = HEDDLE_CAP_MAX;
		changed[i] = true;
	}
	set_limit(u, UINT32_MAX);
	if (opens_first)
		update(u, changed);
	for (i = load(&u->left) + u->blocked; i < stay; i++)
		sem_post(&u->gate);
	for (i = 0; i < u->blocked; i++)
		sem_post(&u->region);
	if (!opens_first)
		update(u, changed);
	if (!reaches(u, &u->gone, u->jobs)) {
		ht_violation(u->run, HT_LOST,
			     "configuration %ju: %u of %u jobs end",
			     (uintmax_t)u->number, load(&u->gone), u->jobs);
		dump(u);
		return false;
	}
	atomic_fetch_add_explicit(&u->run->tasks, u->jobs,
				  memory_order_relaxed); /* a figure */
	ht_actor_doing(self, "closing");
	for (i = 1; i < u->groups; i++)
		if (u->above[i] == ROOT)
			ht_expect(u->run, "heddle_group_close",
				  heddle_group_close(u->group[i],
						     HEDDLE_CLOSE_DRAIN |
							     HEDDLE_CLOSE_FREE,
						     HEDDLE_FOREVER));
	return true;
}

/* The twin's fault of this configuration, if it would show. */
static enum twin fault(struct under *u)
{
	uint32_t all = largest(u), g;
	bool shows = false;

	if (!u->run->is_busted)
		return TWIN_NOTHING;
	if (!u->found[TWIN_EXPECTS])
		return TWIN_EXPECTS;
	/* Without any one of them, fewer run. */
	for (g = 0; g < u->groups; g++) {
		if (!u->supply[g])
			continue;
		u->supply[g]--;
		shows = largest(u) < all;
		u->supply[g]++;
		if (!shows)
			break;
	}
	return shows ? TWIN_HIDES : TWIN_NOTHING;
}

static void close_pool(struct under *u)
{
	ht_actor_doing(&u->run->actors[0], "destroying the pool");
	if (u->pool)
		ht_expect(u->run, "heddle_pool_destroy",
			  heddle_pool_destroy(u->pool, HEDDLE_R4_CLEAN, NULL,
					      HEDDLE_FOREVER));
	u->pool = NULL;
	ht_stress_watch(u->run, NULL);
}

/* Turn by turn with a fixed number of workers, and with as many as needed. */
static bool open_pool(struct under *u)
{
	struct heddle_pool_options options = {
		.struct_size = sizeof(options),
		.tasks_max = 4 * JOBS,
		.groups_max = 2 * GROUPS,
		.name = "under",
	};
	int rc;

	u->is_elastic = u->number / CHANGE_POOL % 2;
	u->workers_max = u->is_elastic
				 ? 1 + ht_random_below(&u->random, WORKERS)
				 : WORKERS;
	options.workers_max = u->workers_max;
	options.flags = u->is_elastic ? HEDDLE_POOL_ELASTIC : 0;
	rc = heddle_pool_create(&options, &u->pool);
	ht_expect(u->run, "heddle_pool_create", rc);
	if (rc)
		return false;
	ht_stress_watch(u->run, u->pool);
	u->workers = u->is_elastic ? u->workers_max : 1;
	rc = heddle_pool_start(u->pool, 1, NULL, HEDDLE_FOREVER);
	ht_expect(u->run, "heddle_pool_start", rc);
	return !rc;
}

/* Another number of workers, at times; of an elastic pool all are there. */
static void choose_workers(struct under *u)
{
	uint32_t wanted = 1 + ht_random_below(&u->random, WORKERS);
	int rc;

	if (u->is_elastic || !ht_random_chance(&u->random, 3))
		return;
	rc = wanted < u->workers
		     ? heddle_pool_stop(u->pool, wanted, HEDDLE_R1_LEFT, NULL,
					HEDDLE_FOREVER)
		     : heddle_pool_start(u->pool, wanted, NULL, HEDDLE_FOREVER);
	ht_expect(u->run, "a change of the number of workers", rc);
	u->workers = wanted;
}

static bool configuration(struct under *u)
{
	ht_random_seed(&u->random, u->run->seed, 0, u->number);
	if (u->pool && u->number % CHANGE_POOL == 0)
		close_pool(u);
	if (!u->pool && !open_pool(u))
		return false;
	choose_workers(u);
	draw(u);
	if (!make_groups(u))
		return false;
	u->twin = fault(u);
	play(u);
	u->elastic += u->is_elastic;
	return finish(u);
}

static bool is_over(const struct under *u)
{
	struct ht_stress *run = u->run;

	if (run->is_busted)
		return (u->found[TWIN_EXPECTS] && u->found[TWIN_HIDES]) ||
		       ht_now() >= run->ends_ns;
	if (atomic_load_explicit(&run->violations[HT_LOST],
				 memory_order_relaxed) >= ENOUGH)
		return true;
	if (run->configurations_wanted)
		return u->number >= run->configurations_wanted;
	return ht_now() >= run->ends_ns;
}

static void body(struct ht_stress *run)
{
	/* Counters have a line of their own, which the stack may not give. */
	static struct under under;
	struct under *u = &under;
	bool is_good = true;

	memset(u, 0, sizeof(*u));
	u->run = run;
	sem_init(&u->gate, 0, 0);
	sem_init(&u->region, 0, 0);
	while (is_good && !is_over(u)) {
		ht_actor_step(&run->actors[0]);
		is_good = configuration(u);
		u->number++;
		atomic_store_explicit(&run->configurations, u->number,
				      memory_order_relaxed); /* shown */
	}
	snprintf(run->note, sizeof(run->note),
		 "%ju configurations (%ju elastic), settled %ju times, "
		 "%.0f configurations/s",
		 (uintmax_t)u->number, (uintmax_t)u->elastic,
		 (uintmax_t)u->steps,
		 (double)u->number * 1e9 /
			 (double)(ht_now() - run->started_ns));
	if (is_good && u->pool)
		ht_stress_rest(run, u->pool);
	close_pool(u);
	sem_destroy(&u->gate);
	sem_destroy(&u->region);
	/* Both faults of the twin must have been seen. */
	if (run->is_busted && !(u->found[TWIN_EXPECTS] && u->found[TWIN_HIDES]))
		atomic_store_explicit(&run->violations[HT_LOST], 0,
				      memory_order_relaxed); /* alone here */
}

const struct ht_scenario ht_stress_under = {
	.name = "never-under",
	.help = "every configuration of caps runs as many tasks as it allows",
	.twin = "a client that expects a task too many, or hides one",
	.twin_kinds = 1u << HT_LOST,
	.near = "configurations with fewer running than tasks",
	.body = body,
};
