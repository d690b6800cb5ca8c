/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the scenarios of `heddle stress` share: actors (the threads that use
 * the library), operation sequences from a seed, a count for each kind of
 * violation, and a watchdog that ends a run that hangs.
 *
 * Every scenario has a broken twin: the same code with a client or an observer
 * that breaks the promise on purpose. A twin that is not reported means that
 * the scenario's own "ok" proves nothing.
 */
#ifndef HEDDLE_TOOLS_STRESS_H
#define HEDDLE_TOOLS_STRESS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "tools/random.h"
#include "tools/say.h"

struct heddle_pool;
struct heddle_group;

/* Kinds of violations; each is a column of the result. */
enum ht_kind {
	HT_LOST,  /* an accepted task never ran and was not cancelled */
	HT_DUP,   /* a task ran twice, or although it was refused */
	HT_CAP,   /* more at once than the bound in force */
	HT_ORDER, /* something written before was not seen after */
	HT_LEAK,  /* a thread, a hook or a value outlived its owner */
	HT_TID,   /* thread ids not unique or out of range */
	HT_CHECK, /* heddle_check() found an invariant broken */
	HT_CALL,  /* a call returned what it never may */
	HT_KINDS,
};

enum {
	HT_ACTORS_MAX = 16,
	HT_GROUPS_MAX = 16,
};

struct ht_stress;

/* One thread that uses the library; number 0 is the thread of the run. */
struct ht_actor {
	struct ht_stress *run;
	uint32_t index;
	const char *role;
	void (*body)(struct ht_actor *actor);
	void *data;
	pthread_t thread;
	struct ht_random random; /* of the operation that is going on */
	uint64_t steps;

	/* Read by the watchdog, so on lines of their own. */
	_Alignas(128) _Atomic(uint64_t) beats;
	_Atomic(const char *) doing;
	_Atomic(bool) is_over;
};

struct ht_scenario {
	const char *name;
	const char *help;
	const char *twin;    /* what the twin does wrong */
	uint32_t twin_kinds; /* bits of the kinds that must be reported */
	const char *near;    /* what its near misses are */
	void (*body)(struct ht_stress *run);
};

struct ht_stress {
	const struct ht_scenario *scenario;
	uint64_t seed;
	uint64_t started_ns;
	uint64_t ends_ns;
	uint64_t stall_ns;
	uint64_t tasks_wanted;          /* cap-oracle: 0 is by time */
	uint64_t changes_wanted;        /* cap-oracle: 0 is in proportion */
	uint64_t configurations_wanted; /* never-under: 0 is by time */
	uint64_t cycles_wanted;         /* of stops: 0 is by time */
	bool is_busted;
	bool is_quiet; /* violations are not printed one by one */
	void (*stalled)(struct ht_stress *run, void *arg);
	void *stalled_arg;

	_Atomic(bool) is_stopping;
	_Atomic(uint64_t) tasks;
	_Atomic(uint64_t) configurations; /* never-under */
	_Atomic(uint64_t) cycles;         /* of those that stop workers */
	_Atomic(uint64_t) near;
	_Atomic(uint64_t) violations[HT_KINDS];
	uint64_t finished_ns;
	bool has_stalled;

	/* Under the lock: the first complaint, and what a dump looks at. */
	pthread_mutex_t lock;
	char first[160];
	char note[400];    /* what else a scenario has to say, or empty */
	char skipped[100]; /* why it cannot run here, or empty */
	struct heddle_pool *pool;
	struct heddle_group *groups[HT_GROUPS_MAX];
	uint32_t n_groups;

	struct ht_actor actors[HT_ACTORS_MAX];
	uint32_t n_actors;
	uint32_t most_actors;
	pthread_t watchdog;
	_Atomic(bool) watchdog_ends;
};

extern const struct ht_scenario ht_stress_submit;
extern const struct ht_scenario ht_stress_start;
extern const struct ht_scenario ht_stress_cap;
extern const struct ht_scenario ht_stress_groups;
extern const struct ht_scenario ht_stress_guest;
extern const struct ht_scenario ht_stress_oracle;
extern const struct ht_scenario ht_stress_under;
extern const struct ht_scenario ht_stress_donor;
extern const struct ht_scenario ht_stress_nproc;
extern const struct ht_scenario ht_stress_stop;
extern const struct ht_scenario ht_stress_two;

const char *ht_kind_name(enum ht_kind kind);

/* ht_stress_run() - one scenario or its twin, from start to end */
void ht_stress_run(struct ht_stress *run);
bool ht_stress_is_ok(const struct ht_stress *run);
/* ht_stress_twin_is_reported() - every kind the twin must show was seen */
bool ht_stress_twin_is_reported(const struct ht_stress *run);

/* For scenarios ---------------------------------------------------------- */

void ht_violation(struct ht_stress *run, enum ht_kind kind, const char *format,
		  ...) HT_PRINTF(3, 4);

/* ht_expect() - a call returned rc where only 0 is right */
void ht_expect(struct ht_stress *run, const char *call, int rc);

/* ht_stress_over() - the time is up, or the twin was reported */
bool ht_stress_over(struct ht_stress *run);

/* ht_cycle() - one more is done. False: enough, by number or by time */
bool ht_cycle(struct ht_stress *run);

/* ht_actor_add() - start another thread of the scenario */
struct ht_actor *ht_actor_add(struct ht_stress *run, const char *role,
			      void (*body)(struct ht_actor *actor), void *data);
/* ht_actors_join() - tell all actors to stop and join them */
void ht_actors_join(struct ht_stress *run);

/*
 * ht_actor_step() - begin the next operation: a beat for the watchdog, and
 * the stream of random numbers of this operation. False when it is time to
 * stop.
 */
bool ht_actor_step(struct ht_actor *actor);
/* ht_actor_doing() - for the watchdog's report; a constant string */
void ht_actor_doing(struct ht_actor *actor, const char *doing);

/* ht_stress_watch() - what the watchdog looks at; NULL before it is freed */
void ht_stress_watch(struct ht_stress *run, struct heddle_pool *pool);
void ht_stress_watch_group(struct ht_stress *run, struct heddle_group *group);

/*
 * ht_stress_supervise() - until the time is over, check the pool's invariants
 * every few milliseconds
 */
void ht_stress_supervise(struct ht_stress *run, struct heddle_pool *pool);

/*
 * ht_stress_rest() - the pool comes to rest in bounded time, and then all its
 * invariants hold and all its counts are zero
 */
void ht_stress_rest(struct ht_stress *run, struct heddle_pool *pool);

/* ht_threads_now() - threads of this process, by /proc/self/task */
uint32_t ht_threads_now(void);
uint32_t ht_cpus(void);
void ht_sleep_us(uint32_t microseconds);
void ht_spin(uint32_t rounds);

/* Of the watchdog; stress_watch.c. */
void ht_watchdog_start(struct ht_stress *run);
void ht_watchdog_stop(struct ht_stress *run);

#endif /* HEDDLE_TOOLS_STRESS_H */
