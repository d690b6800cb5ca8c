/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of cap-oracle share. See tools/stress_oracle.c. */
#ifndef HEDDLE_TOOLS_STRESS_ORACLE_H
#define HEDDLE_TOOLS_STRESS_ORACLE_H

#include <heddle/heddle.h>

#include "tools/stress.h"

enum {
	TENANTS = 3,
	RESERVING = 2, /* of the tenants */
	CLASSES = 3,   /* below each tenant */
	LEAF = 1 + TENANTS,
	LEAVES = TENANTS * CLASSES,
	GROUPS = LEAF + LEAVES,
	ROOT = 0,
	WORKERS = 4,
	HANDS = WORKERS + 1, /* the last one is the twin's */
	JOBS = 256,
	SLICE = 4096,          /* tasks of a worker between two shared steps */
	SPARE = 2 * HANDS + 4, /* each worker's last one is not full */
	WINDOW = 10000000,
	TASKS_A_CHANGE = 954, /* 2^20 changes in 10^9 tasks */
	COUNT_BITS = 32,
};

/* When a task ran: start << 4 | leaf, and end. */
struct entry {
	uint64_t start;
	uint64_t end;
};

/* A bound that rises or falls. */
struct bend {
	uint64_t time;
	uint32_t group;
	uint32_t bound;
	bool falls;
};

/* What one worker writes. */
struct hand {
	_Alignas(128) _Atomic(uint64_t) done;
	struct oracle *oracle;
	uint64_t slice;
	uint32_t used;
};

struct job {
	struct heddle_task task; /* first, so that it leads to the job */
	struct oracle *oracle;
	uint32_t leaf;
	struct ht_random random;
};

struct oracle {
	struct ht_stress *run;
	struct heddle_pool *pool;
	struct heddle_group *group[GROUPS];
	uint32_t bound[GROUPS];
	uint32_t cap[GROUPS];
	uint32_t prepaid; /* permits, by the last change of a reserve */
	bool is_log;
	struct entry *entries;
	uint8_t *owner; /* of each slice */
	uint64_t room;  /* slices that entries and owner hold */
	uint64_t limit; /* slices of this window */
	struct bend *bends;
	size_t n_bends, room_bends;
	uint64_t changes, reserves, refused, windows, tasks_before, found[2];
	struct ht_random random;
	struct job job[JOBS];
	struct hand hand[HANDS];

	_Alignas(128) _Atomic(uint64_t) slices;
	_Atomic(bool) is_closing;
	_Atomic(uint32_t) ended;
	struct {
		_Alignas(128) _Atomic(uint64_t) word; /* bound : tasks */
	} gauge[GROUPS];
};

static inline uint32_t oracle_above(uint32_t group)
{
	return group < LEAF ? ROOT : 1 + (group - LEAF) / CLASSES;
}

/* A group runs more than its bound. */
void oracle_too_many(struct oracle *o, uint32_t group, uint32_t running,
		     uint32_t bound);

/* Merges the logs of a window that began with these bounds, and counts. */
void oracle_sweep(struct oracle *o, const uint32_t *bound);

#endif /* HEDDLE_TOOLS_STRESS_ORACLE_H */
