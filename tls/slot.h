/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the rest of tls/ needs of slots: the table of a pool, and the two
 * arrays of values of a worker. One is the worker's own and lives as long as
 * its incarnation; the other belongs to the guest that runs on it, and is all
 * zero whenever none does.
 *
 * Field letters as in sched/group.h; L is the table's own lock, O the
 * worker's thread.
 */
#ifndef HEDDLE_TLS_SLOT_H
#define HEDDLE_TLS_SLOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <heddle/slot.h>

#include "platform/cacheline.h"
#include "platform/mutex.h"

struct heddle_pool;
struct hd_worker;

/*
 * An entry of the table, type-stable until the pool is destroyed. Generation:
 * odd while the slot exists. A value carries the generation it was set under,
 * so that a later slot in the same entry does not see it.
 */
struct heddle_slot {
	HD_ALIGNED struct heddle_pool *pool; /* I */
	uint32_t index;                      /* I */
	_Atomic uint32_t generation;         /* A */
	void (*destructor)(void *value);     /* before generation is odd */
	bool in_use;                         /* L */
	bool closing;                        /* L  a destroy is on its way */
	/* Destructor calls that have begun, and HD_SLOT_WAITED; a futex. */
	_Atomic uint32_t running; /* A */
};

#define HD_SLOT_WAITED (UINT32_C(1) << 31)

struct hd_slots {
	struct hd_mutex lock;
	uint32_t max;          /* I */
	_Atomic uint32_t used; /* A  no entry from here on was ever used */
	struct heddle_slot *slot;
	/*
	 * I  for each entry of the registry, and two arrays of max for each: memory that
	 * is touched by a worker whose slots are set, and by no other.
	 */
	struct hd_values *values;
	struct hd_value *value;
};

struct hd_value {
	void *value;
	uint32_t generation;
};

struct hd_values {
	struct hd_value *current;       /* O  one of the two below */
	struct hd_value *own;           /* O  the worker's */
	struct hd_value *guest;         /* O  the running guest's */
	struct heddle_slot *destroying; /* O  its destructor runs */
	int rounds;                     /* O  of destructors that have begun */
};

int hd_slots_pool_create(struct heddle_pool *pool);
void hd_slots_pool_destroy(struct heddle_pool *pool);

/* A worker begins with two empty arrays; at its end destructors run. */
int hd_slots_worker_begin(struct hd_worker *worker);
void hd_slots_worker_end(struct hd_worker *worker);

/* From here on the calling worker's slots are those of its guest. */
void hd_slots_guest_begin(struct hd_worker *worker);

/* Destructors of the current values, up to four rounds in slot order (T6). */
void hd_slots_destruct(struct hd_worker *worker);

/*
 * Clears the guest's values; the worker's own are current again. Returns how
 * many bytes were not zero afterwards.
 */
uint64_t hd_slots_guest_end(struct hd_worker *worker);

#endif /* HEDDLE_TLS_SLOT_H */
