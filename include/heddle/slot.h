/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Thread-local slots. A value belongs to the guest thread where one runs, else
 * to the worker's incarnation: nothing of one guest or incarnation is ever
 * seen by the next.
 */
#ifndef HEDDLE_SLOT_H
#define HEDDLE_SLOT_H

#include <heddle/api.h>

#ifdef __cplusplus
extern "C" {
#endif

struct heddle_pool;
struct heddle_slot;

/**
 * struct heddle_slot_options - what a slot is made with
 * @struct_size: sizeof(struct heddle_slot_options)
 * @flags:       0
 * @destructor:  NULL, or called with each value that is not NULL when its
 *               guest thread or incarnation ends. The value is cleared before
 *               the call; up to four rounds run while destructors set new
 *               values (as POSIX keys); it is done before a join returns
 */
struct heddle_slot_options {
	uint32_t struct_size;
	uint32_t flags;
	void (*destructor)(void *value);
};

/**
 * heddle_slot_create() - make a slot that is NULL on every thread
 * @pool: whose workers and guests have a value in it
 * @opts: NULL for the defaults: no destructor
 * @slot: receives the slot
 *
 * Progress: blocking. Context: any thread.
 * Return: 0, -EINVAL, -E2BIG, -ENOSPC (slots_max), -ECHILD.
 */
HEDDLE_API int heddle_slot_create(struct heddle_pool *pool,
				  const struct heddle_slot_options *opts,
				  struct heddle_slot **slot);

/**
 * heddle_slot_get() - the calling guest's or worker's value
 * @slot: the slot
 *
 * Progress: wait-free. Context: a worker of the slot's pool; on any other
 * thread it returns NULL and sets errno to EPERM.
 */
HEDDLE_API void *heddle_slot_get(const struct heddle_slot *slot);

/**
 * heddle_slot_set() - set the calling guest's or worker's value
 * @slot:  the slot
 * @value: the new value; what was there before is not destroyed
 *
 * Progress: wait-free. Context: a worker of the slot's pool.
 * Return: 0, -EPERM on any other thread, -EINVAL, -ECHILD.
 */
HEDDLE_API int heddle_slot_set(const struct heddle_slot *slot, void *value);

/**
 * heddle_slot_destroy() - remove a slot; its values become unreachable
 * @slot:     no call uses it any more
 * @deadline: how long to wait for a destructor of it that is running
 *
 * As pthread_key_delete() it calls no destructor.
 *
 * Return: 0, -EINVAL, -EDEADLK (from the slot's own destructor), -ETIMEDOUT (its
 * values are unreachable already; the same call goes on), -ECHILD.
 */
HEDDLE_API int heddle_slot_destroy(struct heddle_slot *slot, uint64_t deadline);

#ifdef __cplusplus
}
#endif

#endif /* HEDDLE_SLOT_H */
