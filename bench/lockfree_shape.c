/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who does what to a structure, and what is timed. Everything here runs in a
 * process that its parent kills at a limit: nothing below has a bound of its own.
 */
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "bench/lockfree_loops.h"
#include "tools/say.h"
#include "tools/stats.h"

/* Tasks that an idle owner lays out for a thief at a time. */
#define FILL 1024u

struct team {
	const struct hb_lf_peer *peer;
	const struct hb_lf_terms *terms;
	void *structure;
	struct hb_lf_flow flow;
	pthread_barrier_t barrier;
	_Atomic uint64_t stage;  /* raised by the owner and its thief in turn */
	_Atomic uint64_t stolen; /* by the thief */
	_Atomic uint64_t last_ns; /* when it took the last one */
	uint64_t n;
	uint64_t thief_ns;
	uint64_t thief_tasks;
};

struct member {
	struct team *team;
	uint32_t me;
	uint64_t n;
	uint64_t start_ns;
	pthread_t thread;
};

static void pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		ht_say("a thread could not be put on CPU %d", cpu);
}

/* A thread that is missing at the barrier would leave the others there. */
static void create(struct member *member, void *(*run)(void *arg))
{
	int rc = pthread_create(&member->thread, NULL, run, member);

	if (rc) {
		ht_say("a thread could not be created: %s", strerror(rc));
		exit(HT_MISSED);
	}
}

/* ---- producers and a consumer ---- */

static void *produce(void *arg)
{
	struct member *member = arg;
	struct team *team = member->team;

	if (team->flow.producers == 1)
		pin(team->terms->cpu[0]);
	pthread_barrier_wait(&team->barrier);
	member->start_ns = ht_now();
	team->peer->produce(team->structure, &team->flow, member->me,
			    member->n);
	return NULL;
}

/* The calling thread consumes; the time from the first push until all is taken. */
static uint64_t hand_over(struct team *team, uint64_t n)
{
	struct member member[HB_LF_PRODUCERS_MAX];
	uint32_t producers = team->flow.producers, i;
	uint64_t start_ns = UINT64_MAX, end_ns, each = n / producers;

	pthread_barrier_init(&team->barrier, NULL, producers + 1);
	for (i = 0; i < producers; i++) {
		member[i] = (struct member){ .team = team, .me = i, .n = each };
		create(&member[i], produce);
	}
	pthread_barrier_wait(&team->barrier);
	team->peer->consume(team->structure, &team->flow,
			    team->flow.taken + each * producers);
	end_ns = ht_now();
	for (i = 0; i < producers; i++) {
		pthread_join(member[i].thread, NULL);
		if (member[i].start_ns < start_ns)
			start_ns = member[i].start_ns;
		/* A structure that loses or repeats items is not measured. */
		if (team->flow.count[i] != team->flow.pushed[i]) {
			ht_say("%s: not each item came once", team->peer->name);
			exit(HT_MISSED);
		}
	}
	pthread_barrier_destroy(&team->barrier);
	return end_ns - start_ns;
}

static double measure_handover(struct team *team, uint32_t producers,
			       uint64_t n)
{
	team->flow.producers = producers;
	if (producers == 1)
		pin(team->terms->cpu[1]);
	n = n / producers * producers;
	hand_over(team, n / 10 / producers * producers);
	return (double)hand_over(team, n) / (double)n;
}

/* ---- one thread ---- */

static double measure_pair(struct team *team, uint64_t n)
{
	uint64_t start_ns;

	team->flow.producers = 1;
	team->peer->pair(team->structure, &team->flow, n / 10);
	start_ns = ht_now();
	team->peer->pair(team->structure, &team->flow, n);
	return (double)(ht_now() - start_ns) / (double)n;
}

static double measure_owner(struct team *team, uint64_t n)
{
	uint64_t start_ns;
	uint32_t i;

	for (i = 1; i <= HB_LF_BELOW; i++)
		team->peer->push(team->structure, i);
	team->peer->owner(team->structure, n / 10);
	start_ns = ht_now();
	team->peer->owner(team->structure, n);
	return (double)(ht_now() - start_ns) / (double)n;
}

/* ---- an owner and a thief ---- */

static uint64_t load(_Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_acquire);
}

static void store(_Atomic uint64_t *word, uint64_t value)
{
	atomic_store_explicit(word, value, memory_order_release);
}

static void wait_for(_Atomic uint64_t *word, uint64_t value)
{
	uint32_t waits = 0;

	while (load(word) < value)
		hb_lf_wait(&waits);
}

/*
 * Steals all that an idle owner has laid out, or what can be had of it: the rest
 * is given up after as many attempts as there were tasks. Only the time up to the
 * last success counts.
 */
static void clear_out(struct team *team)
{
	struct hb_lf_thief thief = { 0 };
	uint64_t start_ns = ht_now(), end_ns = start_ns;
	uint32_t n = 0, dry = 0, waits = 0;

	while (n < FILL && dry < FILL) {
		if (team->peer->steal(team->structure, &thief)) {
			n++;
			dry = 0;
			continue;
		}
		if (!dry++)
			end_ns = ht_now(); /* of the successes up to now */
		hb_lf_wait(&waits);
	}
	team->thief_ns += (dry ? end_ns : ht_now()) - start_ns;
	team->thief_tasks += n;
}

static void *steal_from_idle(void *arg)
{
	struct team *team = ((struct member *)arg)->team;
	uint64_t stage;

	pin(team->terms->cpu[1]);
	for (stage = 1; stage < 2 * team->n; stage += 2) {
		wait_for(&team->stage, stage);
		clear_out(team);
		store(&team->stage, stage + 1);
	}
	return NULL;
}

static double measure_steal_idle(struct team *team, uint64_t n)
{
	struct member thief = { .team = team };
	uint64_t i;
	uint32_t task;

	team->n = n / FILL + 1;
	create(&thief, steal_from_idle);
	pin(team->terms->cpu[0]);
	for (i = 0; i < team->n; i++) {
		for (task = 1; task <= FILL; task++)
			team->peer->push(team->structure, task);
		store(&team->stage, 2 * i + 1);
		wait_for(&team->stage, 2 * i + 2);
		while (team->peer->pop(team->structure))
			;
	}
	pthread_join(thief.thread, NULL);
	return team->thief_tasks
		       ? (double)team->thief_ns / (double)team->thief_tasks
		       : NAN;
}

static void *steal_from_pushing(void *arg)
{
	struct team *team = ((struct member *)arg)->team;
	struct hb_lf_thief thief = { 0 };
	uint64_t start_ns = 0, n = 0;
	uint32_t waits = 0;

	pin(team->terms->cpu[1]);
	while (n <= team->n) {
		if (!team->peer->steal(team->structure, &thief))
			hb_lf_wait(&waits);
		else if (!n++)
			start_ns = ht_now(); /* the first starts the clock */
	}
	team->thief_ns = ht_now() - start_ns;
	store(&team->stage, 1);
	return NULL;
}

static double measure_steal_pushing(struct team *team, uint64_t n)
{
	struct member thief = { .team = team };
	uint32_t waits = 0;

	team->n = n;
	create(&thief, steal_from_pushing);
	pin(team->terms->cpu[0]);
	while (!load(&team->stage))
		if (!team->peer->push(team->structure, 1))
			hb_lf_wait(&waits);
	pthread_join(thief.thread, NULL);
	return (double)team->thief_ns / (double)n;
}

/* ---- a busy owner ---- */

static void *steal_from_busy(void *arg)
{
	struct team *team = ((struct member *)arg)->team;
	struct hb_lf_thief thief = { 0 };
	uint64_t n = 0;
	uint32_t waits = 0;

	pin(team->terms->cpu[1]);
	while (!load(&team->stage)) {
		if (!team->peer->steal(team->structure, &thief)) {
			hb_lf_wait(&waits);
			continue;
		}
		n++;
		store(&team->last_ns, ht_now());
		store(&team->stolen, n);
	}
	return NULL;
}

/* Does not touch the deque, nor let another thread have the CPU. */
static void compute(uint64_t until_ns)
{
	while (ht_now() < until_ns)
		;
}

static void measure_busy(struct team *team, uint64_t n,
			 struct hb_lf_round *round)
{
	struct member thief = { .team = team };
	double *took = ht_alloc(n, sizeof(*took));
	uint64_t i, before, start_ns;
	uint32_t task;

	create(&thief, steal_from_busy);
	pin(team->terms->cpu[0]);
	for (i = 0; i < n; i++) {
		before = load(&team->stolen);
		start_ns = ht_now();
		for (task = 1; task <= HB_LF_BUSY_TASKS; task++)
			team->peer->push(team->structure, task);
		compute(start_ns + team->terms->compute_ns);
		if (load(&team->stolen) - before == HB_LF_BUSY_TASKS)
			took[round->all++] =
				(double)(load(&team->last_ns) - start_ns);
		while (team->peer->pop(team->structure))
			;
	}
	store(&team->stage, 1);
	pthread_join(thief.thread, NULL);
	round->ns = ht_stats_of(took, round->all).median;
	free(took);
}

void hb_lf_measure(const struct hb_lf_peer *peer, enum hb_lf_shape shape,
		   const struct hb_lf_terms *terms, uint64_t n,
		   struct hb_lf_round *round)
{
	static struct team team;

	team.peer = peer;
	team.terms = terms;
	team.structure = peer->open();
	if (!team.structure) {
		ht_say("no memory for %s", peer->name);
		exit(HT_MISSED);
	}
	switch (shape) {
	case HB_LF_PAIR:
		round->ns = measure_pair(&team, n);
		break;
	case HB_LF_ONE:
		round->ns = measure_handover(&team, 1, n);
		break;
	case HB_LF_FOUR:
		round->ns = measure_handover(&team, 4, n);
		break;
	case HB_LF_OWNER:
		round->ns = measure_owner(&team, n);
		break;
	case HB_LF_STEAL_IDLE:
		round->ns = measure_steal_idle(&team, n);
		break;
	case HB_LF_STEAL_PUSHING:
		round->ns = measure_steal_pushing(&team, n);
		break;
	default:
		measure_busy(&team, n, round);
		break;
	}
	round->done = true;
}
