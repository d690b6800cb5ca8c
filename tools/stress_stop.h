/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a stop can meet, for the scenario stop-states: the states, and how a worker is
 * brought into each (stress_meet.c).
 */
#ifndef HEDDLE_TOOLS_STRESS_STOP_H
#define HEDDLE_TOOLS_STRESS_STOP_H

#include "tools/stress.h"

enum {
	HT_STOP_WORKERS = 4,
};

enum ht_met {
	HT_MET_PARKED,
	HT_MET_SEARCHING,
	HT_MET_RUNNING,
	HT_MET_BLOCKED,
	HT_MET_RETURNING,
	HT_MET_GUEST,
	HT_MET_SCRUB,
	HT_MET_STARTING,
	HT_MET_LEAVING, /* in its exit hook */
	HT_MET_LEFT,    /* ended, not yet joined */
	HT_MET_HELPING, /* a thread that is lent by a join */
	HT_MET_CAP,     /* in a change of the cap */
	HT_MET_CLOSING, /* while its group is being closed */
	HT_MET_QUEUED,  /* with tasks behind the one that runs */
	HT_MET_RETRY,   /* behind a stop whose deadline has passed */
	HT_MET_STATES,
};

/* What another actor is to do. */
enum ht_order {
	HT_ORDER_NOTHING,
	HT_ORDER_START,  /* a start of one, whose init hook waits */
	HT_ORDER_RETIRE, /* a stop at R1, whose exit hook waits */
	HT_ORDER_HELP, /* submit and join a task that waits, lending its thread */
	HT_ORDER_CAP,    /* change the cap until it is let go */
	HT_ORDER_CLOSE,  /* quiesce the group, whose task waits */
	HT_ORDER_LET_GO, /* after a moment */
};

struct ht_stops;

/* An actor that takes orders. */
struct ht_hand {
	struct ht_stops *stops;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum ht_order order; /* under the lock; NOTHING when it is done */
};

struct ht_stops {
	struct ht_stress *run;
	struct heddle_pool *pool;
	struct heddle_group *group; /* with a cap of one */
	struct heddle_process *process;
	struct ht_hand other, letter;
	_Atomic(bool) let_go;      /* whoever waits goes on */
	_Atomic(bool) wakes;       /* whoever is in a region leaves it */
	_Atomic(bool) hooks_wait;  /* init and exit wait for let_go */
	_Atomic(bool) is_changing; /* inside a change of the cap */
	_Atomic(uint64_t) accepted, ran, inits, exits;
	uint64_t met[HT_MET_STATES], tried[HT_MET_STATES];
	uint32_t base;      /* threads without a worker */
	uint32_t moment_us; /* for which a delay holds one; 0: the shortest */
};

extern const char *const ht_met_names[HT_MET_STATES];

/* Hooks of the pool; their argument is the stops. */
int ht_stop_init(struct heddle_pool *pool, uint32_t index, void *arg);
void ht_stop_exit(struct heddle_pool *pool, uint32_t index, void *arg);

/* ht_hand_add() - an actor that takes orders */
void ht_hand_add(struct ht_stops *stops, struct ht_hand *hand,
		 const char *role);
void ht_hand_tell(struct ht_hand *hand, enum ht_order order);
/* ht_hand_wait() - until it has done what it was told */
void ht_hand_wait(struct ht_hand *hand);

/* ht_stop_start() - one worker, and a spare */
void ht_stop_start(struct ht_stops *stops);

/* ht_stop_arrange() - bring a worker into the state. True if it was seen there */
bool ht_stop_arrange(struct ht_stops *stops, enum ht_met state);

#endif /* HEDDLE_TOOLS_STRESS_STOP_H */
