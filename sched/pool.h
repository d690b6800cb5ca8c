/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pool: what its groups and workers share. Field letters as in
 * sched/group.h; W is "written by one worker at a time, see the comment".
 */
#ifndef HEDDLE_SCHED_POOL_H
#define HEDDLE_SCHED_POOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <heddle/pool.h>

#include "lockfree/bitset.h"
#include "lockfree/log.h"
#include "lockfree/nodes.h"
#include "lockfree/reclaim.h"
#include "lockfree/waitq.h"
#include "platform/cacheline.h"
#include "platform/mutex.h"
#include "platform/thread.h"

struct hd_frame;
struct hd_hook_frame;
struct hd_monitor;
struct hd_publication;
struct hd_worker;
struct heddle_group;

/* Most groups with an account, and one. */
#define HD_RESERVES 256u

/* Bit 0 of attention: somebody competes for permits. Events add 2. */
#define HD_ATTENTION_COMPETE 1u
#define HD_ATTENTION_EVENT   2u

struct heddle_pool {
	/* I: set by create. */
	const uint32_t *fork_mark;
	/* A: enum hd_want; here, for each submit reads it on this line for nothing. */
	_Atomic uint32_t want;
	/*
	 * A: slots of accounts from it on were never used, 0: there never was one; here
	 * for each search reads it beside the root.
	 */
	_Atomic uint32_t reserves_end;
	struct heddle_group *root;
	struct hd_worker *worker; /* entries, type-stable */
	uint32_t entries;         /* workers_max + blocked_max + shells */
	uint32_t workers_max;
	uint32_t blocked_max;
	uint32_t blocked_policy;
	uint32_t cpus; /* per-CPU structures */
	uint32_t deque_slots;
	uint32_t groups_max;
	uint32_t slots_max;
	uint32_t helpers_max; /* 0: none */
	uint32_t lanes_length_max;
	bool elastic;
	uint64_t stack_size;
	uint64_t guard_size;
	uint64_t keep_alive_ns;
	uint64_t quantum_ns;
	char name[12];
	void *cpu_set;
	size_t cpu_set_size;
	uint32_t *cpu_order; /* NULL: workers have the whole set */
	uint32_t cpu_order_length;
	void *mask; /* a sigset_t; NULL: the usual one */
	struct hd_thread_class scheduling;
	int (*worker_init)(struct heddle_pool *pool, uint32_t index, void *arg);
	void (*worker_exit)(struct heddle_pool *pool, uint32_t index,
			    void *arg);
	void (*worker_recycle)(struct heddle_pool *pool, uint32_t index,
			       uint64_t incarnation, void *arg);
	void (*create_failed)(struct heddle_pool *pool, uint32_t index,
			      int error, uint32_t step, void *arg);
	void *hook_arg;
	struct heddle_group *group; /* groups_max of them */
	void *tls;                  /* the slots' table; tls/ owns it */
	struct hd_nodes nodes;
	struct hd_waitq_arena waitq_arena;
	struct hd_reclaim reclaim;
	struct hd_log log; /* A: of decisions */

	/* A: read by every submit and task, rarely written. */
	HD_ALIGNED _Atomic uint32_t attention;
	_Atomic uint32_t forks;        /* 1: some worker has a stack of them */
	_Atomic uint32_t started;      /* 1: was started, keep a spare */
	_Atomic uint32_t available;    /* who runs no user code and looks */
	_Atomic uint32_t tree;         /* 1: there is more than the root */
	_Atomic uint32_t bind_waiters; /* spawns that wait for a worker */
	_Atomic uint32_t surplus;      /* live beyond what stays; locked */
	_Atomic uint32_t keeper;       /* index + 1 of who watches the time */
	_Atomic uint32_t trimmer;    /* index + 1 of who will trim the nodes */
	_Atomic uint32_t trim_asked; /* 1: somebody slept since it began to */

	HD_ALIGNED struct hd_bitset idle;      /* A: who sleeps */
	HD_ALIGNED _Atomic uint32_t searching; /* A: a wake is in flight */

	HD_ALIGNED _Atomic uint32_t
		effect; /* A: futex of cap and close waits */
	_Atomic uint32_t effect_waiters;
	_Atomic uint32_t help_waiters; /* A: for a permit or their turn */
	_Atomic uint32_t helpers;      /* A: at a task that has ended; futex */
	_Atomic uint32_t returners;    /* A: queued at any group */
	_Atomic uint32_t blocked_workers; /* A: entries inside a region */
	_Atomic uint32_t
		hands_begun; /* A: permits in the hand of a kick or look */
	_Atomic uint32_t hands_ended;
	_Atomic uint64_t wakes;
	_Atomic uint64_t useless_wakes;
	_Atomic uint64_t create_failures;
	_Atomic uint64_t blocked_bound_hits;
	_Atomic uint64_t guests_recycled;
	_Atomic uint64_t stale_bytes;
	_Atomic uint64_t threads_left;  /* A: ended inside user code */
	_Atomic uint64_t tasks_skipped; /* A: by a longjmp */
	_Atomic uint64_t frames_lost;   /* A: skipped, and not to be read */
	_Atomic uint32_t
		lost; /* A: workers of a STATIC pool to be made up for */

	/* Accounts: who may start something with what is prepaid. */
	HD_ALIGNED struct hd_bitset reserve_ready; /* A: by slot */
	_Atomic(struct heddle_group *) *reserved;  /* A: by slot, 0 unused */
	_Atomic uint32_t reserve_cursor;           /* A: hint */
	_Atomic uint32_t reserve_turn;             /* A: hint */

	/* L: the control lock's. Never held across a wait or a callback. */
	HD_ALIGNED struct hd_mutex control;
	uint32_t live;     /* entries reserved and not leaving */
	uint32_t starting; /* of those, not yet LIVE */
	uint32_t donated;  /* entries of donated threads, beside those */
	uint32_t runners;  /* of those, in a run */
	int event;         /* its descriptor, or -1; I once want is not 0 */
	uint32_t fresh;    /* of the live, those made for a FRESH guest */
	uint32_t floor;    /* most that a start asked for since the last stop */
	uint32_t starts;   /* that are under way */
	uint32_t stopped_to;          /* by the last stop that took somebody */
	uint64_t stops;               /* such stops */
	struct hd_hook_frame *hooked; /* threads in the create_failed hook */
	uint32_t processes;
	uint64_t processes_made;
	bool closing;
	uint64_t incarnations;
	uint64_t changes;
	uint32_t cap_asked;         /* for the root, by the user */
	uint32_t cap_limit;         /* and by what was read of the machine */
	struct hd_monitor *monitor; /* NULL: none */
	_Atomic uint32_t monitor_state; /* A  enum hd_monitor_state, futex */
	/* I: what is rarely read. */
	struct hd_frame *frames; /* HD_FRAMES_FAR for each of them */
	uint32_t trim_least;     /* HD_TRIM_LEAST; less in tests */
	uint64_t trim_after_ns;  /* HD_TRIM_AFTER_NS */
	uint32_t groups_low;     /* all entries of groups below are in use */
	_Atomic uint32_t entries_used; /* A: no entry beyond was ever used */
	_Atomic uint32_t groups_used;  /* A: no group beyond was ever used */

	/* Who waits for whom in joins; never held across a wait. */
	HD_ALIGNED struct hd_mutex joins;

	/* What other processes see; outside the control lock, across a file. */
	HD_ALIGNED struct hd_mutex publishing;
	struct hd_publication *publication; /* L  publishing's; NULL: none */
};

/*
 * Entries that were ever in use are those below; the others are zero, and nobody but
 * their first reserver may write there: they have no memory yet.
 */
static inline uint32_t hd_pool_entries_used(const struct heddle_pool *pool)
{
	return atomic_load_explicit(&pool->entries_used,
				    memory_order_acquire); /* registry-1 */
}

/* A forked child sees 0 in the page that the kernel wiped. */
static inline bool hd_pool_forked(const struct heddle_pool *pool)
{
	return atomic_load_explicit((const _Atomic uint32_t *)pool->fork_mark,
				    memory_order_relaxed) == 0; /* one word */
}

/* Frees all memory of a pool that has no thread (or is a forked child's). */
void hd_pool_free(struct heddle_pool *pool);

#endif /* HEDDLE_SCHED_POOL_H */
