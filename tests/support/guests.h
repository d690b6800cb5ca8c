/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What tests of guest threads share: pools and processes that must come up and go
 * away, and guests that wait until they are let go.
 */
#ifndef HEDDLE_TESTS_SUPPORT_GUESTS_H
#define HEDDLE_TESTS_SUPPORT_GUESTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <heddle/heddle.h>

/* Each bails out when it fails. A STATIC pool is started. */
struct heddle_pool *su_guest_pool(uint32_t workers, uint32_t flags);
struct heddle_process *su_process(struct heddle_pool *pool, uint32_t threads,
				  uint32_t cap);
void su_process_end(struct heddle_process *process);

/* Every invariant holds, nothing was stale: two points; then the pool goes. */
void su_guest_pool_end(struct heddle_pool *pool);

int su_spawn(struct heddle_process *process, int32_t (*fn)(void *arg),
	     void *arg, uint32_t flags, struct heddle_guest **guest,
	     int32_t *exit_code, uint64_t deadline);

/* Spawns and joins; the exit code. */
int32_t su_call(struct heddle_process *process, int32_t (*fn)(void *arg),
		void *arg);

/* A gate that guests wait at, in a blocking region. */
struct su_gate {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned int arrived;
	bool open;
};

#define SU_GATE \
 { \
  PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false \
 }

/* A guest's function: arrives at the gate and waits. */
int32_t su_wait_at_gate(void *gate);

void su_gate_wait(struct su_gate *gate, unsigned int n);
void su_gate_open(struct su_gate *gate);

#endif /* HEDDLE_TESTS_SUPPORT_GUESTS_H */
