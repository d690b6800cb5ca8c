/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claim: no wake is lost on one CPU or on two, whoever is delayed. Others
 * lost them there: a thread that is preempted between its look and its sleep
 * stays so for a whole time slice. Method: rounds of a race, by threads that
 * meet before each; then they only look at a counter, so that nobody repairs
 * what was lost. With delays between the idle bit and the last look, and
 * between the claim of a task and its run.
 *
 * fault: F29
 * clause: C2 D5
 */
#include <pthread.h>
#include <sched.h>

#include <heddle/testing.h>

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#define ROUNDS      100
#define WORKERS_MAX 2

enum race {
	SUBMITS, /* to the root and to a group, at the same time */
	JOINS,   /* the same, and one joins what it has submitted */
	PAUSES,  /* the same, and the cap goes to 0 and back */
	RESIZES, /* the same, and workers leave and come */
	RACES,
};

static const char *const race_names[RACES] = { "submits", "joins", "pauses",
					       "resizes" };

static const struct {
	const char *name;
	uint64_t sleep_ns, claim_ns;
} modes[] = {
	{ "no delay", 0, 0 },
	{ "a delay before sleep", 30000, 0 },
	{ "a delay behind the claim", 0, 30000 },
	{ "both delays", 20000, 20000 },
};

static struct heddle_pool *pool;
static struct heddle_group *leaf;
static enum race race;
static uint32_t workers;
static pthread_barrier_t meet;
static _Atomic uint64_t done;
static _Atomic uint64_t bad;

static void body(struct heddle_task *task)
{
	(void)task;
	atomic_fetch_add_explicit(&done, 1, memory_order_release);
}

static void spin(uint64_t ns)
{
	uint64_t end = su_now_ns() + ns;

	while (su_now_ns() < end)
		;
}

/* All that should run in this round has run, and nobody calls anything. */
static void await(uint64_t wanted)
{
	if (!su_wait_at_least(&done, wanted, 5000))
		atomic_store_explicit(&bad, 1, memory_order_relaxed);
}

/* Before each round all are here; true when one more is to be run. */
static bool next_round(uint64_t *stream)
{
	pthread_barrier_wait(&meet);
	spin(tap_next(stream) % 20000);
	return !atomic_load_explicit(&bad, memory_order_relaxed);
}

static void *submitter(void *arg)
{
	bool is_first = arg != NULL;
	uint64_t stream = tap_stream(is_first), i;
	struct heddle_group *group = is_first ? leaf : heddle_pool_group(pool);
	struct heddle_task task = HEDDLE_TASK_INIT(body);
	uint64_t before = done;

	/* Both have read it before the first task. */
	pthread_barrier_wait(&meet);
	for (i = 1; i <= ROUNDS && next_round(&stream); i++) {
		if (heddle_submit(group, &task))
			bail("submit");
		if (race != JOINS || !is_first)
			await(before + 2 * i);
		if (heddle_join(&task, 0, su_in_ms(5000)))
			atomic_store_explicit(&bad, 1, memory_order_relaxed);
		await(before + 2 * i);
	}
	return NULL;
}

static void pause_leaf(uint64_t ns)
{
	if (heddle_group_set_cap(leaf, 0, NULL))
		bail("set_cap");
	spin(ns);
	if (heddle_group_set_cap(leaf, 1, NULL))
		bail("set_cap");
}

static void resize(uint32_t n)
{
	if (heddle_pool_stop(pool, n, HEDDLE_R1_LEFT, NULL, su_in_ms(10000)) ||
	    heddle_pool_start(pool, workers, NULL, su_in_ms(10000)))
		bail("resize");
}

static void run_race(const char *mode, unsigned int cpus)
{
	struct heddle_group_options options = { .struct_size = sizeof(options),
						.cap = 1 };
	uint64_t stream = tap_stream(2), before = done;
	pthread_t threads[2];
	int i;

	pool = su_pool(workers);
	if (heddle_group_create(heddle_pool_group(pool), &options, &leaf))
		bail("group");
	pthread_barrier_init(&meet, NULL, 3);
	for (i = 0; i < 2; i++)
		if (pthread_create(&threads[i], NULL, submitter,
				   i ? &threads : NULL))
			bail("pthread_create");
	pthread_barrier_wait(&meet);
	for (i = 0; i < ROUNDS && next_round(&stream); i++) {
		if (race == PAUSES)
			pause_leaf(tap_next(&stream) % 20000);
		else if (race == RESIZES)
			resize((uint32_t)(tap_next(&stream) % workers));
	}
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&meet);
	is_u64(done - before, 2 * ROUNDS, "%s, workers %u, CPUs %u, %s",
	       race_names[race], workers, cpus, mode);
	su_check_at_rest(pool);
	su_destroy(pool);
}

/* The first CPUs of those that the process may use. */
static bool use_cpus(const cpu_set_t *all, unsigned int n)
{
	unsigned int have = 0;
	cpu_set_t set;
	size_t i;

	CPU_ZERO(&set);
	for (i = 0; i < CPU_SETSIZE && have < n; i++) {
		if (!CPU_ISSET(i, all))
			continue;
		CPU_SET(i, &set);
		have++;
	}
	return have == n && !sched_setaffinity(0, sizeof(set), &set);
}

/* All races with so many workers and CPUs, with each delay. */
static void run_all(unsigned int cpus)
{
	unsigned int mode, kind;

	for (mode = 0; mode < sizeof(modes) / sizeof(modes[0]); mode++) {
		heddle_delay_set(HEDDLE_DELAY_SLEEP, modes[mode].sleep_ns);
		heddle_delay_set(HEDDLE_DELAY_CLAIM, modes[mode].claim_ns);
		for (kind = 0; kind < RACES && !bad; kind++) {
			race = (enum race)kind;
			run_race(modes[mode].name, cpus);
		}
	}
}

int main(void)
{
	unsigned int cpus;
	cpu_set_t all;

	tap_deadline(200);
	if (sched_getaffinity(0, sizeof(all), &all))
		plan_skip_all("more CPUs than a cpu_set_t holds");
	for (cpus = 1; cpus <= 2; cpus++) {
		if (!use_cpus(&all, cpus)) {
			skip(1, "%u CPUs", cpus);
			continue;
		}
		for (workers = 1; workers <= WORKERS_MAX; workers++)
			run_all(cpus);
	}
	return tap_done();
}
