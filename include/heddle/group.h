/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Groups: sets of tasks with an exact cap, in a tree whose root is the pool.
 *
 * A task runs only with one permit on every group of its path, so the cap of
 * a group bounds what runs in the whole subtree. No admission succeeds at a
 * group whose count has reached its cap (never over); a runnable task with a
 * free permit on its path and an available worker starts (never under).
 * The protocol is described in doc/design/permits.md.
 */
#ifndef HEDDLE_GROUP_H
#define HEDDLE_GROUP_H

#include <heddle/api.h>

#ifdef __cplusplus
extern "C" {
#endif

struct heddle_pool;
struct heddle_group;

enum heddle_group_flags {
	HEDDLE_GROUP_WIDE = 1,   /* one injection queue per CPU, not one */
	HEDDLE_GROUP_PAUSED = 2, /* starts with cap 0 */
	/* May have a reserve: heddle_group_reserve(). Not SERIAL, nor below another
	 * such group. A start that does not keep its permits pays two shared atomic
	 * operations more. */
	HEDDLE_GROUP_RESERVE = 4,
};

#define HEDDLE_WEIGHT_MAX 1000000u

enum heddle_group_order {
	HEDDLE_ORDER_ANY = 0,
	/* Tasks start in the order in which they were submitted, up to cap of them
	 * together: who took an earlier one out of the queue may yet enter its
	 * function later. */
	HEDDLE_ORDER_FIFO = 1,
	/* One after the other, each from its start to its return, also through its
	 * blocking regions and joins: the group's own permit is kept there, and
	 * those above it are given back. The cap is 1 (or 0); no groups
	 * below. After the serial queues of libdispatch. */
	HEDDLE_ORDER_SERIAL = 2,
};

/**
 * struct heddle_group_options - what a group is made with; all zero is valid
 * @struct_size:  sizeof(struct heddle_group_options)
 * @flags:        enum heddle_group_flags
 * @cap:          0: HEDDLE_CAP_MAX, so that only the groups above limit it
 * @queue_slots:  most tasks queued in this group and not started; 0: only the
 *                pool's tasks_max limits it. A bound costs one shared atomic
 *                operation more per task
 * @children_max: most direct children; 0: 63, at most 4 095
 * @order:        enum heddle_group_order; not together with HEDDLE_GROUP_WIDE.
 *                An ordered group has one queue and one taker at a time: a
 *                thread that is stopped while it takes holds the group up
 * @name:         at most 15 bytes, copied; NULL: "group"
 * @weight:       its share of the turns among its siblings while they compete; 0: 1;
 *                at most HEDDLE_WEIGHT_MAX. The parent's own tasks compete with
 *                weight 1
 */
struct heddle_group_options {
	uint32_t struct_size;
	uint32_t flags;
	uint32_t cap;
	uint32_t queue_slots;
	uint32_t children_max;
	uint32_t order;
	const char *name;
	uint32_t weight;
	uint32_t reserved; /* zero */
};

/**
 * heddle_group_create() - make a group below another one
 * @parent: any open group, the root included
 * @opts:   NULL for the defaults
 * @group:  receives the group
 *
 * Memory: its entry of 1 280 bytes in the pool's mapping, touched at its first use, and
 * at most 512 bytes of the heap without HEDDLE_GROUP_WIDE and with up to 128 children;
 * both are kept for the next group of that entry.
 *
 * Progress: blocking (allocates). Context: any thread, also a task.
 * Return: 0, -EINVAL (a cap above HEDDLE_CAP_MAX, or above 1 of a SERIAL group, a
 * weight above HEDDLE_WEIGHT_MAX, a name of more than 15 bytes, an unknown flag or
 * order, a SERIAL parent,
 * a RESERVE group below another one), -E2BIG, -ENOMEM, -ENOSPC (groups_max, the
 * parent's children_max, or 255 RESERVE groups), -ESHUTDOWN, -ECHILD.
 */
HEDDLE_API int heddle_group_create(struct heddle_group *parent,
				   const struct heddle_group_options *opts,
				   struct heddle_group **group);

enum heddle_change_what {
	HEDDLE_CHANGE_CAP = 1,
	HEDDLE_CHANGE_WEIGHT = 2,
};

/**
 * struct heddle_change - one group's part of a change
 * @group:   the group
 * @cap:     the new cap; 0 pauses the group
 * @what:    which of the values count, enum heddle_change_what; 0:
 *           HEDDLE_CHANGE_CAP
 * @weight:  the new weight; 0: 1
 * @reserved: zero
 */
struct heddle_change {
	struct heddle_group *group;
	uint32_t cap;
	uint32_t what;
	uint32_t weight;
	uint32_t reserved;
};

/**
 * struct heddle_ticket - names one change of caps
 * @pool:   where it was made
 * @change: its number; the low 24 bits are the generation that stands in the
 *          word of every group that was changed
 *
 * It is a value: copy it, wait for it any number of times, on any thread.
 */
struct heddle_ticket {
	struct heddle_pool *pool;
	uint64_t change;
};

/**
 * heddle_group_update() - change caps and weights of several groups of one pool
 * @changes: the groups and their new values; no group twice
 * @n:       number of changes, at least 1
 * @ticket:  NULL, or receives the ticket to wait for
 *
 * All or nothing as to errors. Decreases are applied first, then increases, so
 * that the sum of two caps that are exchanged never rises. A lowered cap
 * disturbs no running task: the count falls as tasks end and does not rise
 * meanwhile. When an increase returns, every new permit for which a runnable
 * task and an available worker exist is in the hands of a worker. A weight holds from the
 * next turn on; what was used before is not counted again.
 *
 * Progress: blocking (a short lock among changes; never held while waiting).
 * Ordering: each group's change is linearised in its word, a lowering at the
 *           bump of the pool's attention word that follows it.
 * Context:  any thread, also a task.
 * Return: 0, -EINVAL (a cap above HEDDLE_CAP_MAX, or above 1 of a SERIAL group, a
 * weight above HEDDLE_WEIGHT_MAX, an unknown bit, n = 0, groups of two pools, a
 * group twice), -EBUSY (a lower cap of a group below which units are prepaid, while
 * more of its permits are in use or prepaid than that: lower the reserve first), -ECHILD.
 */
HEDDLE_API int heddle_group_update(const struct heddle_change *changes,
				   size_t n, struct heddle_ticket *ticket);

/**
 * heddle_group_set_cap() - change the cap of one group
 * @group:  the group
 * @cap:    its new cap, 0 to HEDDLE_CAP_MAX; 0 pauses it
 * @ticket: NULL, or receives the ticket to wait for
 *
 * In all that is heddle_group_update() of one group.
 *
 * Return: as heddle_group_update().
 */
static inline int heddle_group_set_cap(struct heddle_group *group, uint32_t cap,
				       struct heddle_ticket *ticket)
{
	struct heddle_change change = { group, cap, HEDDLE_CHANGE_CAP, 0, 0 };

	return heddle_group_update(&change, 1, ticket);
}

/**
 * heddle_group_reserve() - prepay permits of a group on every group above it
 * @group: made with HEDDLE_GROUP_RESERVE
 * @n:     how many; 0 gives them back
 * @full:  NULL, or receives the group that has too few free, else NULL
 *
 * From then on n tasks of the group, and of the groups below it, find what they need
 * above the group, whatever others do; its own cap holds as before. While it runs n or
 * more, nothing is kept from others. What is prepaid counts as taken in the groups
 * above: others run that many less, and a group with prepaid permits cannot be paused by
 * cap 0 (-EBUSY), only by a quiesce. Tasks of the group that run already are counted in.
 * All n or none. Freeing the group gives them back.
 *
 * Progress: blocking (a short lock among changes), so many steps as permits.
 * Context: any thread, also a task.
 * Return: 0, -EBUSY (the permits are not free now; those in use count), -EINVAL (another
 * kind of group, n above HEDDLE_CAP_MAX), -ESHUTDOWN (the group is closed), -ECHILD.
 */
HEDDLE_API int heddle_group_reserve(struct heddle_group *group, uint32_t n,
				    struct heddle_group **full);

/**
 * heddle_group_wait() - wait until a change of caps is in effect
 * @ticket:   from heddle_group_update()
 * @deadline: absolute ns
 *
 * Progress: blocking. Context: any thread; a task gives its permits back
 * while it waits (a blocking region).
 * Ordering: the ends of the tasks that had to end happen-before the return.
 * Return: 0 once every changed group had no more tasks than its new cap, at
 * some instant after this change and before its next one; -ESTALE when a
 * later change of one of them came first or one was freed; -EDEADLK at once
 * when the caller's own task keeps a group above a cap of 0; -ETIMEDOUT;
 * -EINVAL; -ECHILD.
 */
HEDDLE_API int heddle_group_wait(struct heddle_ticket ticket,
				 uint64_t deadline);

/**
 * heddle_group_wait_room() - wait until a full queue has room again
 * @group:    made with queue_slots
 * @n:        tasks that are to be queued, 1 to queue_slots
 * @deadline: absolute ns
 *
 * Reserves nothing: others may be faster, and a submit be refused again. Submits
 * and starts of groups for which nobody waits pay one load more.
 *
 * Progress: blocking. Context: any thread; a task gives its permits back
 * while it waits (a blocking region).
 * Return: 0 when there was room, -ETIMEDOUT, -ESHUTDOWN (a submit of the caller would
 * be refused), -EINVAL (n, or the group has no bound of its own), -ECHILD.
 */
HEDDLE_API int heddle_group_wait_room(struct heddle_group *group, uint32_t n,
				      uint64_t deadline);

enum heddle_close_mode {
	HEDDLE_CLOSE_DRAIN = 1,    /* run what is queued; submits only from
				   * the group's own tasks */
	HEDDLE_CLOSE_REFUSE = 2,   /* cancel what is queued, refuse submits */
	HEDDLE_CLOSE_QUIESCE = 3,  /* start nothing; submits are queued */
	HEDDLE_CLOSE_RESUME = 4,   /* end a quiesce */
	HEDDLE_CLOSE_FREE = 0x100, /* flag for DRAIN and REFUSE: when quiet,
				       * free the group and those below */
};

/**
 * heddle_group_close() - bring a group and all groups below it to rest
 * @group:    not the root for FREE
 * @mode:     one enum heddle_close_mode, perhaps with HEDDLE_CLOSE_FREE
 * @deadline: absolute ns
 *
 * DRAIN, REFUSE and QUIESCE wait until no task of the subtree is live:
 * neither running nor blocked. After a DRAIN or REFUSE that returned 0 the
 * group stays closed; it can only be freed (call again with FREE) or, for the
 * root, the pool destroyed. At the deadline the scope stays closing and the
 * same call continues it. A DRAIN of a refused group is a REFUSE.
 *
 * FREE: as for memory, no other thread may use the handles of the subtree any more; a
 * submit whose task has run already, and a cancel or join of one of its tasks, may
 * still be on its way out.
 *
 * Progress: blocking. Context: any thread outside the subtree.
 * Ordering: every task of the subtree happens-before the return of 0.
 * Return: 0, -EINVAL (also a QUIESCE or RESUME of a group that drains or refuses),
 * -EDEADLK (from a task of the subtree), -EBUSY (FREE of a group whose process still
 * exists), -ETIMEDOUT, -ECHILD.
 */
HEDDLE_API int heddle_group_close(struct heddle_group *group, int mode,
				  uint64_t deadline);

/* Why no task of a group starts at this moment. */
enum heddle_reason {
	HEDDLE_REASON_NONE = 0,        /* nothing holds it back */
	HEDDLE_REASON_NO_WORK = 1,     /* nothing is queued */
	HEDDLE_REASON_PAUSED = 2,      /* cap 0 here or above */
	HEDDLE_REASON_CAP = 3,         /* this group is at its cap */
	HEDDLE_REASON_ANCESTOR = 4,    /* a group above is at its cap */
	HEDDLE_REASON_CLOSED = 5,      /* quiesced or refused */
	HEDDLE_REASON_NO_WORKER = 6,   /* each worker has a task */
	HEDDLE_REASON_NOT_STARTED = 7, /* the pool has no worker */
	HEDDLE_REASON_RESERVED =
		8, /* what is free above is prepaid by others */
};

/**
 * struct heddle_group_stat - counts of a group
 * @struct_size: sizeof(struct heddle_group_stat), set by the caller
 * @cap, @count, @generation: of one instant (one atomic word): the cap set
 *               last (of a pool's root group at most the pool's workers_max and the
 *               limits that were applied to it),
 *               the permits taken, the change number's low 24 bits
 * @blocked:     tasks of the subtree inside blocking regions
 * @returners:   workers that wait for a permit of this very group
 * @queued:      tasks of this very group that have not started
 * @parallelism: tasks of this group that could run together now: the smallest
 *               cap on the path, less what others have prepaid there, and the
 *               workers the pool has or may create less those blocked
 * @reason:      enum heddle_reason
 * @reason_group: the group that is meant, NULL if none
 * @weight:      as set last
 * @reserve:     what is prepaid for it on each group above
 */
struct heddle_group_stat {
	uint32_t struct_size;
	uint32_t cap;
	uint32_t count;
	uint32_t generation;
	uint32_t blocked;
	uint32_t returners;
	uint64_t queued;
	uint32_t parallelism;
	uint32_t reason;
	struct heddle_group *reason_group;
	uint32_t weight;
	uint32_t reserve;
};

/**
 * heddle_group_stat() - the counts of a group, and why nothing of it starts
 * @group: the group
 * @out:   struct_size set; receives the counts, struct heddle_group_stat
 *
 * Progress: wait-free but for the number of queues and workers it sums over.
 * Context:  any thread.
 * Return: 0, -EINVAL, -E2BIG, -ECHILD.
 */
HEDDLE_API int heddle_group_stat(struct heddle_group *group,
				 struct heddle_group_stat *out);

#ifdef __cplusplus
}
#endif

#endif /* HEDDLE_GROUP_H */
