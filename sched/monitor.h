/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The monitor of a pool: its record, its life (monitor.c) and one look
 * (watch.c). The states, and who may be in which, are in doc/design/monitor.md.
 *
 * Field letters as in sched/group.h; here O is who has the state LOOKING, or the
 * monitor's thread.
 */
#ifndef HEDDLE_SCHED_MONITOR_H
#define HEDDLE_SCHED_MONITOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <heddle/limits.h>

#include "lockfree/mirror.h"
#include "platform/thread.h"

struct heddle_pool;

/* pool->monitor_state; changed under pool->control. */
enum hd_monitor_state {
	HD_MONITOR_NONE = 0,
	HD_MONITOR_MAKING = 1,  /* a start is at it */
	HD_MONITOR_READY = 2,   /* its thread lives, or the host may poll */
	HD_MONITOR_LOOKING = 3, /* the host's poll is at it */
	HD_MONITOR_ENDING = 4,  /* a stop is at it */
	HD_MONITOR_TOLD = 5,    /* was told to end; no stop is at it now */
};

/* What the last look saw of an entry of the registry. */
struct hd_watched {
	struct hd_mirror_values seen;
	uint64_t cpu_ns;
	uint64_t asleep_since; /* quiet from then on */
	uint32_t looks;        /* so many in a row found it quiet */
	uint64_t told_stall;   /* the age that was told last, 0: none */
	uint64_t told_pattern;
};

struct hd_monitor {
	struct heddle_pool *pool;              /* I */
	struct heddle_monitor_options options; /* I  defaults filled in */
	char name[16];                         /* I */
	int timer;                             /* I  -1: it has a thread */

	_Atomic uint32_t told;   /* A  1: end; futex */
	_Atomic uint32_t birth;  /* A  0 not yet, else 1 + errno; futex */
	_Atomic int32_t inside;  /* A  the thread that looks, 0: none */
	struct hd_thread thread; /* by who is at MAKING or ENDING */
	void *stack;
	bool joined;

	uint64_t last;              /* O  time of the last look, 0: none */
	uint64_t delay;             /* O  until the next one */
	uint64_t next_limits;       /* O */
	struct hd_watched *watched; /* O  of each entry */
};

/* One look; returns how long to wait for the next one, ns. */
uint64_t hd_monitor_look(struct hd_monitor *monitor);

/* Is the calling thread in a callback of the pool's monitor? */
bool hd_monitor_inside(struct heddle_pool *pool);

/* As heddle_monitor_stop(), from a destroy. 0 or -ETIMEDOUT. */
int hd_monitor_end(struct heddle_pool *pool, uint64_t deadline);

/* What a forked child has of it. */
/* In a forked child: was it forked in a look? */
bool hd_monitor_looks(struct heddle_pool *pool);

void hd_monitor_free(struct heddle_pool *pool, bool forked);

#endif /* HEDDLE_SCHED_MONITOR_H */
