/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A worker: one entry of the registry. Entries are type-stable until the pool
 * is destroyed; each life of an entry has its own incarnation, thread, stack
 * and ring of the deque. The ring is what RCU protects: a thief reads it
 * inside a read section, and it is freed a grace period after it was retired.
 *
 * Field letters as in sched/group.h; O is the worker's own thread.
 */
#ifndef HEDDLE_SCHED_WORKER_H
#define HEDDLE_SCHED_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <heddle/see.h>

#include "lockfree/deque.h"
#include "lockfree/mirror.h"
#include "lockfree/node.h"
#include "lockfree/parker.h"
#include "platform/cacheline.h"
#include "platform/thread.h"

struct heddle_pool;
struct heddle_group;
struct heddle_forks;
struct heddle_task;
struct hd_donor;
struct hd_forks;
struct hd_forks_slot;

/*
 * Life of an entry, the low bits of a word whose others are those of the incarnation. The
 * word is a futex; who waits adds WAITED, and every change but one to JOINING takes that
 * away and wakes. Who waits
 * for one life must not sleep on the same phase of the next: for that it would have to
 * stand still between its read and its sleep for 2^27 lives of the entry.
 */
enum hd_phase {
	HD_PHASE_FREE = 0,
	HD_PHASE_RESERVED = 1, /* by a start, a spare or a spawn */
	HD_PHASE_STARTING = 2, /* its thread was created */
	HD_PHASE_LIVE = 3,     /* hooks done, in the registry, searching */
	HD_PHASE_FAILED = 4,   /* a step of the start failed; ends by itself */
	HD_PHASE_LEFT = 6,     /* R1: touches nothing of the entry */
	HD_PHASE_JOINING = 7,  /* somebody joins it */
	HD_PHASE_JOINED = 8,   /* R2 */
};

/*
 * Values of spare_asked. A worker that meets either one before a task clears it and
 * checks for a spare; the monitor learns that way that a task was begun.
 */
enum hd_asked {
	HD_ASKED_FOR_SPARE = 1,
	HD_ASKED_BY_MONITOR = 2,
};

#define HD_PHASE_BITS   5
#define HD_PHASE_WAITED 16u

static inline uint32_t hd_phase_in(uint32_t word)
{
	return word & (HD_PHASE_WAITED - 1);
}

/* How a birth went, for who waits for it; the word is a futex. */
enum hd_birth {
	HD_BIRTH_NOT_YET = 0,
	HD_BIRTH_DONE = 1,
	HD_BIRTH_FAILED = 2,
};

/* Tokens of the parker. PERMIT + group index hands over the path of a group. */
enum hd_token {
	HD_TOKEN_LEAVE = 2,
	HD_TOKEN_GUEST = 3,
	HD_TOKEN_LOOK = 4,
	HD_TOKEN_KEEP = 5, /* perhaps the role of sched/keep.h came with it */
	HD_TOKEN_PERMIT = 16,
};

/*
 * What runs on a stack, newest first: a task of the held group, a task that a
 * join runs above it, a guest. upto is the lowest group of the path that the
 * frames below hold already (NULL: this frame holds the whole path). A frame with
 * upto whose own part an account has paid for has a whole path as well.
 */
struct hd_frame {
	struct hd_frame *below;
	struct heddle_group *group;
	struct heddle_group *upto;
	bool whole; /* only with upto */
	bool is_fork;
	uint32_t depth;           /* how many are below */
	struct heddle_task *task; /* NULL for a call and a guest */
	uintptr_t at;             /* its user code lies below, on the stack */
	/* The action of a DETACHED task that has not been called. */
	void (*after)(struct heddle_task *task, int status);
	union {
		struct heddle_task *detached;
		struct hd_forks_slot *fork; /* without after: it runs that */
	};
};

_Static_assert(sizeof(struct hd_frame) <= 64, "a line");

/*
 * So many frames of a worker are kept where they outlive the stack; the ones above are
 * on the stack (doc/design/exit.md). The first lies in its entry, the others in memory of
 * the pool that most workers never touch (doc/design/memory.md).
 */
#define HD_FRAMES_KEPT 64
#define HD_FRAMES_NEAR 1
#define HD_FRAMES_FAR  (HD_FRAMES_KEPT - HD_FRAMES_NEAR)

/* How far the end of a worker's thread has come, should it be left in between. */
enum hd_stage {
	HD_STAGE_BIRTH = 0, /* the init hook may be running */
	HD_STAGE_LIFE = 1,
	HD_STAGE_SLOTS = 2, /* destructors of its slots */
	HD_STAGE_HOOK = 3,  /* the exit hook was called */
};

struct hd_worker {
	/* Own thread: read and written for every task. */
	HD_ALIGNED struct heddle_pool *pool; /* I */
	uint32_t index;                      /* I */
	uint32_t attention;                  /* O  last value handled */
	struct heddle_group *held;           /* O  permits of this path */
	struct hd_frame *frame;              /* O  newest, NULL: no user code */
	uint32_t owe;                        /* O  looks owed */
	uint32_t block_depth;                /* O */
	bool donated; /* I  in a life: the thread is not the library's */
	bool helper;  /* I  in a life: it is that for one task */
	bool forking; /* O  its lowest task has forked */
	uint32_t forks_typed; /* O  runs whose next slot is in a register */
	uint64_t turn_start;  /* O  0: not measured */
	uint64_t turn_read;   /* O  when the clock was read for it */
	uint32_t turn_unread; /* O  tasks for which it is not read */
	uint64_t idle_since;  /* O  ran nothing since; 0: does */
	bool may_linger;      /* O */
	bool check_spare;     /* O  left the idle set, or new */
	bool woken;           /* O  by a wake not yet used */
	bool searching;       /* O  holds pool->searching */
	bool available;       /* O  counted in pool->available */
	bool settled;         /* O  has become LIVE */
	bool may_trim;        /* O  the nodes, before it wakes */
	bool forks_hidden;    /* O  in a region: heddle_forks_ was its stack */
	uint32_t random;      /* O  xorshift for victims */
	uint32_t free_first, free_last, free_count; /* O  nodes to give back */
	uint32_t free_ahead[HD_NODES_AHEAD]; /* O  hints for who takes them */
	uint32_t wait_node;                  /* O  for returner queues */
	struct hd_donor *donor;       /* O  run of a donated thread, or NULL */
	struct hd_mirror_values seen; /* O  last written to mirror */
	struct hd_frame near[HD_FRAMES_NEAR]; /* O  the lowest */

	/* Stolen from. */
	HD_ALIGNED struct hd_deque deque; /* its tag: a group's index */

	/* Written by wakers and stoppers. */
	HD_ALIGNED struct hd_parker parker;
	_Atomic uint32_t leave;           /* A  1: leave when possible */
	_Atomic uint32_t refuses_guests;  /* A  1: a donated thread */
	void *bound;                      /* guest handed over by a token */
	struct heddle_group *bound_group; /* its permits came along, or NULL */
	/* By the phase's holder: its thread, and the one that it succeeded. */
	struct hd_thread thread[2];
	_Atomic(struct hd_forks *) forks; /* A  made by its thread, stays */
	struct hd_forks *forks_alone; /* O  slots of calls that are not over */

	HD_ALIGNED _Atomic uint32_t phase; /* A  and the life; futex */
	_Atomic uint32_t blocked;          /* A  1: inside a region */
	_Atomic uint32_t inside;           /* A  0: runs no user code */
	_Atomic uint32_t spare_asked;    /* A  not 0: checks at its next task */
	_Atomic uint32_t stealing;       /* A  enum hd_thief, futex */
	_Atomic uint32_t interrupt;      /* A  of the region; futex */
	void (*interrupt_fn)(void *arg); /* with that word's claim */
	void *interrupt_arg;
	/* What it waits for; by pool->joins. */
	union {
		struct heddle_task *joining;
		struct hd_forks_slot *joining_fork; /* if joins_fork */
	};
	/* By the phase's holder. */
	uint32_t turn; /* thread[turn] is its own */
	bool successor;
	bool joins_fork;    /* by pool->joins */
	bool joins_sure;    /* by pool->joins; what it joins it cannot leave */
	bool joins_circle;  /* by pool->joins */
	void *past_stack;   /* of the other one; NULL: joined */
	bool past_is_there; /* the kernel may know the other one still */
	void *stack;
	size_t stack_size;
	int start_error; /* published by FAILED */
	bool by_start;   /* L  its starter has yet to read the error */
	/* Told how the birth went, before anybody can reap it; or NULL. */
	_Atomic uint32_t *birth;
	_Atomic uint32_t start_step; /* A  what its birth does now */
	char thread_name[16];

	HD_ALIGNED struct hd_mirror mirror; /* A */

	/* Of the end of frames and of the thread; and what is rarely touched. */
	void *tls;                    /* O  slot values; tls/ owns it */
	void *guest;                  /* O  running guest, NULL: none */
	_Atomic uint64_t life;        /* A  the same over its successors */
	_Atomic uint64_t incarnation; /* A  of this thread */
	void *done;                   /* O  guest whose end is to be told */
	/* L  it leaves after its guest, of the process with this serial; or 0 */
	uint64_t fresh_for;
	bool deserted;        /* O  user code ended the thread */
	bool unwinds;         /* O  frames are being ended */
	uint32_t deep;        /* O  frames on the stack */
	uint32_t stage;       /* O  enum hd_stage */
	struct hd_frame *far; /* I  kept frames above near */
	uint64_t trim_at;     /* O  with the role of sched/trim.h */
};

/* One for each worker that ever lived, and a page is much. */
_Static_assert(sizeof(struct hd_worker) == 7 * HD_CACHELINE,
	       "an entry has grown: doc/design/memory.md counts it");

/* The one thread-local pointer of the library: the calling worker, or NULL. */
extern _Thread_local struct hd_worker *hd_self;

/* The body of every worker thread (platform/thread.c calls it). */
void hd_worker_main(void *worker);

/* The thread stays and is as a new one: it has the next incarnation (D6). */
void hd_worker_renew(struct hd_worker *worker);

/* The same on a donated thread with its entry, until worker->donor says it is over. */
void hd_worker_lend(struct hd_worker *worker);

/* Its thread is ended by user code: the tasks of its stack end. */
void hd_worker_lend_left(struct hd_worker *worker);

/*
 * Takes the permits of the group's whole path for the running stack, waiting
 * in the group's queue of returners if need be; for guests and returners.
 */
void hd_worker_admit(struct hd_worker *worker, struct heddle_group *group);

/* Gives the held path back and pays what is owed for it. */
void hd_worker_release(struct hd_worker *worker);

/* Before user code runs: looks owed are paid, a spare is created. */
void hd_worker_settle(struct hd_worker *worker);

/* Publishes state (enum heddle_worker_state) and friends to the mirror. */
void hd_worker_show(struct hd_worker *worker, uint32_t state);

/* The entry is free: by whoever reaped its thread. */
void hd_worker_show_free(struct hd_worker *worker);

/*
 * Binds an idle worker, or when none is idle a new one, to a guest; it will
 * call hd_upper.guest_run(worker, bound). With fresh_for, the serial of a
 * process, it is always a new one that leaves afterwards. If the permits of
 * group are free they travel along. With a deadline it waits for a worker to
 * become idle or blocked (a blocking region for the caller). Returns 0,
 * -EAGAIN, -ENOMEM, -ESHUTDOWN.
 */
int hd_worker_bind(struct heddle_pool *pool, struct heddle_group *group,
		   void *bound, uint64_t fresh_for, uint64_t deadline,
		   struct hd_worker **worker);

/* A worker became idle or blocked: who waits to bind one looks again. */
void hd_bind_signal(struct heddle_pool *pool);

/* Waits until a FRESH worker's thread has reached the level, and frees its entry. */
int hd_worker_reap(struct hd_worker *worker, uint64_t incarnation, int level,
		   uint64_t deadline);

/*
 * The same for all that were made for FRESH guests of the process with that
 * serial, of which none runs any more. 0 or -ETIMEDOUT.
 */
int hd_worker_reap_of(struct heddle_pool *pool, uint64_t serial, int level,
		      uint64_t deadline);

#endif /* HEDDLE_SCHED_WORKER_H */
