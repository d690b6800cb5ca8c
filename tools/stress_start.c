/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * start-stop: pools come and go while others submit to them.
 *
 * A cycle makes a pool, starts and stops workers at random while two threads
 * submit, a third makes and closes groups and changes caps, and a fourth lends
 * itself to joins and, in every other cycle, starts and stops as well and spawns
 * guests (clause: D5). It ends the pool in one of three ways and counts. Right after a
 * stop or a destroy at R3 or above the process has as many threads as it must
 * (clause: D1), every worker whose init hook ran has run its exit hook, and no
 * task ran twice, was lost by a DRAIN or ran although it was refused
 * (clause: Q1).
 */
#include "tools/stress_side.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <heddle/heddle.h>

enum {
	SUBMITTERS = 2,
	SIDES = 2,
	TASKS = 32,  /* joined ones of a submitter in one cycle */
	CALLS = 512, /* not joined */
	WORKERS_MAX = 6,
};

/* How a cycle ends before the pool is destroyed. */
enum ending {
	END_DRAIN,  /* everything accepted runs */
	END_REFUSE, /* what is queued is cancelled */
	END_ABRUPT, /* the destroy itself cancels what is queued */
	ENDINGS,
};

struct call {
	_Atomic(uint32_t) runs;
	bool is_accepted;
};

struct job {
	struct heddle_task task; /* first, so that it leads to the job */
	_Atomic(uint32_t) runs;
	bool is_accepted;
};

/* One actor beside the main one, and its part of a cycle. */
struct part {
	struct cycle *cycle;
	void (*take)(struct ht_actor *actor, struct part *part);
	void (*side)(struct ht_side *side); /* of a side only */
};

struct submitter {
	struct part part; /* first, so that it leads to the submitter */
	struct cycle *cycle;
	struct job jobs[TASKS];
	struct call calls[CALLS];
	uint32_t n_calls;
};

/*
 * The pool of the moment. Submitters take part in a cycle between its opening
 * and their acknowledgement; the main thread destroys the pool after all have
 * acknowledged.
 */
struct cycle {
	struct ht_stress *run;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t number;            /* cycles opened */
	uint32_t busy;              /* submitters that have not acknowledged */
	bool is_over;               /* no cycle follows */
	_Atomic(bool) ending;       /* submit no more */
	_Atomic(bool) settling;     /* stop no more */
	_Atomic(uint32_t) stoppers; /* sides that are at it */
	bool is_wild;               /* sides start and stop too */
	enum ending how;
	struct heddle_pool *pool;
	struct heddle_group *root;
	_Atomic(uint64_t) inits;
	_Atomic(uint64_t) exits;
};

static int on_init(struct heddle_pool *pool, uint32_t index, void *arg)
{
	struct cycle *cycle = arg;

	(void)pool;
	(void)index;
	atomic_fetch_add_explicit(&cycle->inits, 1, memory_order_relaxed);
	return 0;
}

static void on_exit_hook(struct heddle_pool *pool, uint32_t index, void *arg)
{
	struct cycle *cycle = arg;

	(void)pool;
	(void)index;
	atomic_fetch_add_explicit(&cycle->exits, 1, memory_order_relaxed);
}

static void run_job(struct heddle_task *task)
{
	struct job *job = (struct job *)(void *)task;

	atomic_fetch_add_explicit(&job->runs, 1, memory_order_relaxed);
	ht_spin(100);
}

static void run_call(void *arg)
{
	struct call *call = arg;

	atomic_fetch_add_explicit(&call->runs, 1, memory_order_relaxed);
	ht_spin(50);
}

static void count_near(struct ht_stress *run)
{
	atomic_fetch_add_explicit(&run->near, 1, memory_order_relaxed);
}

/* An end that a submit may have while a pool is closed under it. */
static bool is_accepted(struct ht_stress *run, int rc)
{
	if (rc == -ESHUTDOWN || rc == -EAGAIN)
		count_near(run);
	else
		ht_expect(run, "heddle_submit", rc);
	return !rc;
}

static void join_jobs(struct submitter *owner)
{
	struct cycle *cycle = owner->cycle;
	struct ht_stress *run = cycle->run;
	struct job *job;
	uint32_t runs, i;
	int rc;

	for (i = 0; i < TASKS; i++) {
		job = &owner->jobs[i];
		rc = job->is_accepted
			     ? heddle_join(&job->task, 0, HEDDLE_FOREVER)
			     : -ECANCELED;
		runs = atomic_load_explicit(&job->runs,
					    memory_order_relaxed); /* joined */
		if (rc == -ECANCELED) {
			if (runs)
				ht_violation(run, HT_DUP,
					     "a %s task ran %u times",
					     job->is_accepted ? "cancelled"
							      : "refused",
					     runs);
			if (job->is_accepted && cycle->how != END_REFUSE)
				ht_violation(run, HT_LOST,
					     "a task was cancelled by nobody");
		} else if (rc) {
			ht_expect(run, "heddle_join", rc);
		} else if (runs != 1) {
			ht_violation(run, runs ? HT_DUP : HT_LOST,
				     "a joined task ran %u times", runs);
		}
		if (!rc)
			atomic_fetch_add_explicit(&run->tasks, 1,
						  memory_order_relaxed);
		job->is_accepted = false;
	}
}

/* One submitter's part of a cycle. */
static void take_part(struct ht_actor *actor, struct part *part)
{
	struct submitter *owner = (struct submitter *)(void *)part;
	struct cycle *cycle = owner->cycle;
	struct job *job;
	struct call *call;
	uint32_t i = 0;

	ht_actor_doing(actor, "submitting");
	memset(owner->calls, 0, sizeof(owner->calls));
	owner->n_calls = 0;
	for (i = 0; i < TASKS; i++) {
		job = &owner->jobs[i];
		memset(&job->task, 0, sizeof(job->task));
		job->task.fn = run_job;
		atomic_store_explicit(&job->runs, 0, memory_order_relaxed);
		job->is_accepted = is_accepted(
			cycle->run, heddle_submit(cycle->root, &job->task));
		ht_spin(ht_random_below(&actor->random, 2000));
	}
	while (!atomic_load_explicit(&cycle->ending, memory_order_acquire) &&
	       owner->n_calls < CALLS) {
		call = &owner->calls[owner->n_calls++];
		call->is_accepted = is_accepted(
			cycle->run,
			heddle_submit_call(cycle->root, run_call, call));
		ht_spin(ht_random_below(&actor->random, 1000));
	}
	ht_actor_doing(actor, "joining");
	join_jobs(owner);
}

static void take_side(struct ht_actor *actor, struct part *part)
{
	struct cycle *cycle = part->cycle;
	struct ht_side side = {
		.actor = actor,
		.pool = cycle->pool,
		.workers_max = WORKERS_MAX,
		.ending = &cycle->ending,
		.is_wild = cycle->is_wild,
		.settling = &cycle->settling,
		.stoppers = &cycle->stoppers,
	};

	part->side(&side);
}

static void part_body(struct ht_actor *actor)
{
	struct part *part = actor->data;
	struct cycle *cycle = part->cycle;
	uint64_t seen = 0;

	pthread_mutex_lock(&cycle->lock);
	for (;;) {
		ht_actor_doing(actor, "waiting for a cycle");
		while (cycle->number == seen && !cycle->is_over) {
			struct timespec soon;

			/* A beat now and then: waiting here is no stall. */
			clock_gettime(CLOCK_REALTIME, &soon);
			soon.tv_sec++;
			pthread_cond_timedwait(&cycle->changed, &cycle->lock,
					       &soon);
			ht_actor_doing(actor, "waiting for a cycle");
		}
		if (cycle->number == seen)
			break;
		seen = cycle->number;
		pthread_mutex_unlock(&cycle->lock);
		ht_actor_step(actor);
		part->take(actor, part);
		pthread_mutex_lock(&cycle->lock);
		cycle->busy--;
		pthread_cond_broadcast(&cycle->changed);
	}
	pthread_mutex_unlock(&cycle->lock);
}

static void open_cycle(struct cycle *cycle)
{
	pthread_mutex_lock(&cycle->lock);
	atomic_store_explicit(&cycle->ending, false, memory_order_relaxed);
	cycle->number++;
	cycle->busy = SUBMITTERS + SIDES;
	pthread_cond_broadcast(&cycle->changed);
	pthread_mutex_unlock(&cycle->lock);
}

static void wait_for_submitters(struct cycle *cycle)
{
	pthread_mutex_lock(&cycle->lock);
	while (cycle->busy)
		pthread_cond_wait(&cycle->changed, &cycle->lock);
	pthread_mutex_unlock(&cycle->lock);
}

/* Right after a return at R3: no thread more than there must be. */
static void count_threads(struct ht_stress *run, uint32_t expected,
			  const char *when)
{
	uint32_t now = ht_threads_now();

	if (now != expected)
		ht_violation(run, HT_LEAK, "%u threads right after %s, not %u",
			     now, when, expected);
}

/* Start and stop at random, then leave at least one worker. */
static void churn(struct cycle *cycle, uint32_t base, bool is_elastic)
{
	struct ht_actor *self = &cycle->run->actors[0];
	struct ht_random *random = &self->random;
	uint32_t steps = ht_random_below(random, 6);
	enum heddle_level level;
	char when[64];
	uint32_t n, now = 0;
	int rc;

	while (steps--) {
		n = ht_random_below(random, WORKERS_MAX + 1);
		level = ht_random_below(random, HEDDLE_R4_CLEAN + 1);
		if (ht_random_chance(random, 2)) {
			ht_actor_doing(self, "starting workers");
			rc = heddle_pool_start(cycle->pool, n, NULL,
					       HEDDLE_FOREVER);
			ht_expect(cycle->run, "heddle_pool_start", rc);
			now = n > now ? n : now;
			continue;
		}
		ht_actor_doing(self, "stopping workers");
		rc = ht_stop_retried(cycle->run, random, cycle->pool, n, level);
		ht_expect(cycle->run, "heddle_pool_stop", rc);
		now = n < now ? n : now;
		/* An elastic pool keeps a spare unless it stopped to 0. */
		if (level >= HEDDLE_R3_GONE && !cycle->is_wild &&
		    (!is_elastic || !n)) {
			snprintf(when, sizeof(when),
				 "a stop of %s pool to %u at level %u",
				 is_elastic ? "an elastic" : "a static", n,
				 level);
			count_threads(cycle->run, base + now, when);
		}
	}
	/* From here on nobody stops the worker that runs what is left. */
	atomic_store_explicit(&cycle->settling, true, memory_order_seq_cst);
	ht_actor_doing(self, "waiting for another stop");
	while (atomic_load_explicit(&cycle->stoppers, memory_order_seq_cst))
		ht_sleep_us(20);
	ht_actor_doing(self, "starting workers");
	ht_expect(cycle->run, "heddle_pool_start",
		  heddle_pool_start(cycle->pool, 1, NULL, HEDDLE_FOREVER));
}

static void end_cycle(struct cycle *cycle)
{
	struct ht_actor *self = &cycle->run->actors[0];
	int mode = cycle->how == END_DRAIN ? HEDDLE_CLOSE_DRAIN
					   : HEDDLE_CLOSE_REFUSE;

	if (cycle->how != END_ABRUPT) {
		ht_actor_doing(self, "closing the root");
		ht_expect(cycle->run, "heddle_group_close",
			  heddle_group_close(cycle->root, mode,
					     HEDDLE_FOREVER));
	}
	atomic_store_explicit(&cycle->ending, true, memory_order_release);
	ht_actor_doing(self, "waiting for the submitters");
	wait_for_submitters(cycle);
}

/* What became of the tasks that nobody joins, once the pool is gone. */
static void audit(struct cycle *cycle, struct submitter *owners)
{
	struct ht_stress *run = cycle->run;
	uint64_t inits, exits;
	struct call *call;
	uint32_t runs, i, k;

	for (i = 0; i < SUBMITTERS; i++) {
		for (k = 0; k < owners[i].n_calls; k++) {
			call = &owners[i].calls[k];
			runs = atomic_load_explicit(
				&call->runs, memory_order_relaxed); /* over */
			if (runs > call->is_accepted)
				ht_violation(run, HT_DUP,
					     "a call ran %u times, accepted: "
					     "%u",
					     runs, call->is_accepted);
			else if (!runs && call->is_accepted &&
				 cycle->how == END_DRAIN)
				ht_violation(run, HT_LOST,
					     "a DRAIN left a call undone");
			atomic_fetch_add_explicit(&run->tasks, runs,
						  memory_order_relaxed);
		}
	}
	inits = atomic_load_explicit(&cycle->inits, memory_order_relaxed);
	exits = atomic_load_explicit(&cycle->exits, memory_order_relaxed);
	if (inits != exits)
		ht_violation(run, HT_LEAK, "%ju init hooks, %ju exit hooks",
			     (uintmax_t)inits, (uintmax_t)exits);
}

/* The twin's own thread, which lives until the lock is free. */
static void *twin_main(void *arg)
{
	pthread_mutex_lock(arg);
	pthread_mutex_unlock(arg);
	return NULL;
}

static void destroy(struct cycle *cycle, uint32_t base)
{
	struct ht_stress *run = cycle->run;
	struct ht_random *random = &run->actors[0].random;
	enum heddle_level level = HEDDLE_R3_GONE + ht_random_below(random, 2);
	bool is_twin = run->is_busted && ht_random_chance(random, 4);
	pthread_t twin;

	ht_actor_doing(&run->actors[0], "destroying the pool");
	if (is_twin) {
		pthread_mutex_lock(&cycle->lock);
		is_twin = !pthread_create(&twin, NULL, twin_main, &cycle->lock);
		if (!is_twin)
			pthread_mutex_unlock(&cycle->lock);
	}
	ht_expect(run, "heddle_pool_destroy",
		  heddle_pool_destroy(cycle->pool, level, NULL,
				      HEDDLE_FOREVER));
	count_threads(run, base, "a destroy");
	if (is_twin) {
		pthread_mutex_unlock(&cycle->lock);
		pthread_join(twin, NULL);
		/* R3, or the next cycle would count it too. */
		while (ht_threads_now() > base)
			ht_sleep_us(50);
	}
	if (level < HEDDLE_R4_CLEAN)
		ht_expect(run, "heddle_pool_destroy at R4",
			  heddle_pool_destroy(cycle->pool, HEDDLE_R4_CLEAN,
					      NULL, HEDDLE_FOREVER));
}

static bool run_cycle(struct cycle *cycle, struct submitter *owners,
		      uint32_t base)
{
	struct ht_stress *run = cycle->run;
	struct ht_random *random = &run->actors[0].random;
	struct heddle_pool_options options = {
		.struct_size = sizeof(options),
		.workers_max = WORKERS_MAX,
		.tasks_max = 256,
		.name = "cycle",
		.worker_init = on_init,
		.worker_exit = on_exit_hook,
		.hook_arg = cycle,
	};
	bool is_elastic = ht_random_chance(random, 3);
	int rc;

	options.flags = is_elastic ? HEDDLE_POOL_ELASTIC : 0;
	cycle->how = ht_random_below(random, ENDINGS);
	cycle->is_wild = ht_random_chance(random, 2);
	atomic_store_explicit(&cycle->settling, false, memory_order_relaxed);
	atomic_store_explicit(&cycle->inits, 0, memory_order_relaxed);
	atomic_store_explicit(&cycle->exits, 0, memory_order_relaxed);
	rc = heddle_pool_create(&options, &cycle->pool);
	ht_expect(run, "heddle_pool_create", rc);
	if (rc)
		return false;
	count_threads(run, base, "a create");
	cycle->root = heddle_pool_group(cycle->pool);
	ht_stress_watch(run, cycle->pool);
	open_cycle(cycle);
	churn(cycle, base, is_elastic);
	end_cycle(cycle);
	destroy(cycle, base);
	ht_stress_watch(run, NULL);
	audit(cycle, owners);
	return true;
}

static void add_part(struct part *part, struct cycle *cycle, const char *role)
{
	part->cycle = cycle;
	ht_actor_add(cycle->run, role, part_body, part);
}

static void body(struct ht_stress *run)
{
	struct part sides[SIDES] = {
		{ .take = take_side, .side = ht_side_groups },
		{ .take = take_side, .side = ht_side_guests }
	};
	struct submitter *owners = ht_alloc(SUBMITTERS, sizeof(*owners));
	struct cycle *cycle = ht_alloc(1, sizeof(*cycle));
	uint32_t base, i;

	cycle->run = run;
	pthread_mutex_init(&cycle->lock, NULL);
	pthread_cond_init(&cycle->changed, NULL);
	for (i = 0; i < SUBMITTERS; i++) {
		owners[i].cycle = cycle;
		owners[i].part.take = take_part;
		add_part(&owners[i].part, cycle, "submitter");
	}
	for (i = 0; i < SIDES; i++)
		add_part(&sides[i], cycle, "side");
	base = ht_threads_now();
	do {
		ht_actor_step(&run->actors[0]);
	} while (run_cycle(cycle, owners, base) && !ht_stress_over(run));
	pthread_mutex_lock(&cycle->lock);
	cycle->is_over = true;
	pthread_cond_broadcast(&cycle->changed);
	pthread_mutex_unlock(&cycle->lock);
	ht_actors_join(run);
	pthread_cond_destroy(&cycle->changed);
	pthread_mutex_destroy(&cycle->lock);
	free(cycle);
	free(owners);
}

const struct ht_scenario ht_stress_start = {
	.name = "start-stop",
	.help = "start, stop and destroy pools while others submit to them",
	.twin = "a thread of the client's own that lives when threads are "
		"counted",
	.twin_kinds = 1u << HT_LEAK,
	.near = "submits that met a closed or a full queue",
	.body = body,
};
