/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries of the registry coming to life: reservation, creation, the first and
 * the last steps of a worker's thread.
 */
#ifndef HEDDLE_SCHED_START_H
#define HEDDLE_SCHED_START_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <heddle/see.h>

#include "platform/thread.h"

struct heddle_group;
struct heddle_pool;
struct hd_worker;

/*
 * Under pool->control: the lowest free entry becomes RESERVED with a new
 * incarnation and counts as live; NULL when there is none.
 */
struct hd_worker *hd_entry_reserve(struct heddle_pool *pool);

/*
 * Under pool->control: an entry for a donated thread, which counts as donated, not as
 * live. NULL when there is none.
 */
struct hd_worker *hd_entry_donate(struct heddle_pool *pool, bool helper);

/* Under pool->control: it has left (R1), and the entry is free. */
void hd_entry_end_donation(struct hd_worker *worker);

/* The reservation came to nothing: the entry is free again. */
void hd_entry_unreserve(struct hd_worker *worker);

/* Under pool->control: the life ends, or came to nothing: it is not counted any more. */
void hd_live_less(struct hd_worker *worker);

/* What a worker's thread is to be like. */
struct hd_thread_options hd_worker_template(struct hd_worker *worker);

/* Under pool->control: may one more worker exist that is not blocked? */
bool hd_entry_allowed(struct heddle_pool *pool);

/*
 * Maps the stack and creates the thread of a reserved entry. On failure the
 * entry is free again, and *step (enum heddle_step) tells what failed.
 */
int hd_worker_create(struct hd_worker *worker, uint32_t *step);

/*
 * An ELASTIC pool that was started keeps one idle worker in hand: creates it
 * when there is none. A failure is counted and retried by later callers.
 */
void hd_spare_check(struct heddle_pool *pool);

/* A life that no start waits for, as the log tells of it. */
struct hd_creation {
	struct heddle_pool *pool;
	uint32_t index;
	uint64_t life;
	enum heddle_decision_reason reason;
};

struct hd_creation hd_creation_of(struct hd_worker *worker,
				  enum heddle_decision_reason reason);

/* hd_worker_create() with a line in the log; a failure is counted and retried later. */
int hd_worker_create_logged(struct hd_worker *worker,
			    enum heddle_decision_reason reason, uint32_t *step);

/* Counted, logged, and retried later. */
void hd_creation_failed(const struct hd_creation *creation, uint32_t step,
			int rc);

/* The worker has found work or sleeps: it is LIVE, and its starter may go on. */
void hd_worker_settled(struct hd_worker *worker);

/* What one life of an entry left is put to where the next one begins. */
void hd_worker_reset(struct hd_worker *worker);

/* The slots' values and the pool's hooks. An error: nothing remains. */
int hd_worker_hooks_begin(struct hd_worker *worker);
void hd_worker_hooks_end(struct hd_worker *worker);

/* Creates the thread, on the stack that was mapped: 0 or an error. */
int hd_worker_launch(struct hd_worker *worker);

/*
 * In sched/succeed.c. The calling thread was ended by user code and is through with the
 * entry: another one takes its place there, under a new incarnation, and has the entry
 * from now on. False: the worker was told to leave, the pool closes, or no thread was to
 * be had, which is counted.
 */
bool hd_worker_succeed(struct hd_worker *worker);

/*
 * Under pool->control: the life came to nothing, and nobody had told it to leave. Of a
 * successor that is counted as lost in the same step, for a stop forgets what is lost:
 * in a STATIC pool others make up for it later.
 */
void hd_live_lost(struct hd_worker *worker);
void hd_worker_make_up(struct heddle_pool *pool,
		       enum heddle_decision_reason reason);

/* First and last steps, on the worker's own thread. */
bool hd_worker_birth(struct hd_worker *worker);
void hd_worker_death(struct hd_worker *worker);

/* The init hook has ended the thread. */
void hd_worker_birth_left(struct hd_worker *worker);

/* Waits for the word that was put into worker->birth: false, it failed. */
bool hd_birth_wait(_Atomic uint32_t *birth);

/* The calling worker leaves by its own decision (a FRESH guest has ended). */
bool hd_worker_retire(struct hd_worker *worker);

/* Publishes a phase of this life and wakes those who wait for it. */
void hd_phase_set(struct hd_worker *worker, uint32_t phase);
uint32_t hd_phase_of(struct hd_worker *worker);

/* The word, to wait for its change; hd_phase_in() has the phase of it. */
uint32_t hd_phase_word(struct hd_worker *worker);

/* Sleeps while the word, which was read, is this one; 0: read again, or -ETIMEDOUT. */
int hd_phase_wait(struct hd_worker *worker, uint32_t word, uint64_t deadline);

/* User code comes next, of the group that is held. */
void hd_worker_enter(struct hd_worker *worker, struct heddle_group *group);

#endif /* HEDDLE_SCHED_START_H */
