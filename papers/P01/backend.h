/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What P01 asks of a thread pool, as narrow as the claims allow. A call that a
 * back end's policy does not have is NULL, and the measurement says so. The
 * two policy back ends are models in C of the documented behaviour of the Rust
 * pools, so that language and allocator are the same; the pools themselves run
 * in the Rust opponent.
 */
#ifndef HEDDLE_PAPERS_P01_BACKEND_H
#define HEDDLE_PAPERS_P01_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HP_UNIT_WORDS = 16
};

/**
 * struct hp_unit - one piece of work, owned by the measurement
 * @fn:       called once
 * @arg:      the measurement's
 * @number:   the measurement's
 * @detached: nobody waits for it; it must live until the pool is gone
 * @word:     the back end's
 */
struct hp_unit {
	void (*fn)(struct hp_unit *unit);
	void *arg;
	uint64_t number;
	bool detached;
	uint64_t word[HP_UNIT_WORDS];
};

/**
 * struct hp_setup - the pool that is wanted
 * @size:  threads
 * @cap:   tasks that may run at once, if it is not @size; 0: @size
 * @stack: bytes of a thread's stack
 */
struct hp_setup {
	uint32_t size;
	uint32_t cap;
	size_t stack;
};

/**
 * struct hp_backend - one way to run threads
 * @create:   NULL and errno on failure
 * @start:    have n threads ready, or NULL
 * @run:      0, or -errno when the work was refused
 * @wait:     for a unit that is not detached, exactly once
 * @drain:    wait for all units, or NULL
 * @shrink:   give threads back until n are left, or NULL
 * @registry: how many threads the pool itself counts
 * @shutdown: the strongest there is; frees the pool
 * @settle:   what a user can do afterwards to get rid of the rest, or NULL
 * @version:  of the library behind it, or NULL
 * @grows_by_call: threads come only by start; else start is called once with
 *            1 and the pool grows by itself
 */
struct hp_backend {
	const char *name;
	const char *about;
	bool is_ours;
	bool is_model;
	bool grows_by_call;
	void *(*create)(const struct hp_setup *setup);
	int (*start)(void *pool, uint32_t n);
	int (*run)(void *pool, struct hp_unit *unit);
	void (*wait)(void *pool, struct hp_unit *unit);
	void (*drain)(void *pool);
	int (*shrink)(void *pool, uint32_t n);
	uint32_t (*registry)(void *pool);
	void (*shutdown)(void *pool);
	void (*settle)(void);
	const char *(*version)(void);
};

extern const struct hp_backend hp_heddle_static;
extern const struct hp_backend hp_heddle_elastic;
extern const struct hp_backend hp_heddle_guest;
extern const struct hp_backend hp_pthread;
extern const struct hp_backend hp_glib;
extern const struct hp_backend hp_policy_rayon;
extern const struct hp_backend hp_policy_rusty;

/* hp_backend_find() - by name, NULL when there is none in this build */
const struct hp_backend *hp_backend_find(const char *name);

#endif /* HEDDLE_PAPERS_P01_BACKEND_H */
