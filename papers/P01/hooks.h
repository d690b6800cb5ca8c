/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Worker hooks that plant a canary in a __thread variable and give the thread a
 * value with a destructor, which checks the canary: thread-local memory must
 * be whole until the last destructor has run.
 */
#ifndef HEDDLE_PAPERS_P01_HOOKS_H
#define HEDDLE_PAPERS_P01_HOOKS_H

#include <stdint.h>

struct heddle_pool;

int hp_hook_init(struct heddle_pool *pool, uint32_t index, void *arg);
void hp_hook_exit(struct heddle_pool *pool, uint32_t index, void *arg);

/* Since the start of the process. */
struct hp_hook_counts {
	uint32_t inits;
	uint32_t exits;
	uint32_t destroyed;
	uint32_t broken; /* canaries that were not as left */
};

struct hp_hook_counts hp_hook_counts(void);

#endif /* HEDDLE_PAPERS_P01_HOOKS_H */
