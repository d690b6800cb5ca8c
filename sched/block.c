/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blocking regions, and how a worker that has no permits gets those of its
 * whole stack: a returner, or a guest before its first instruction.
 *
 * block-1: a returner. It queues itself and is counted, then marks and looks;
 * whoever publishes headroom reads the queue afterwards. Forbidden: the
 * returner reads "no room" and the giver reads "no returner".
 */
#include <heddle/block.h>

#include <errno.h>
#include <stddef.h>

#include "lockfree/groupword.h"
#include "platform/probe.h"
#include "sched/block.h"
#include "sched/fork.h"
#include "sched/frame.h"
#include "sched/group.h"
#include "sched/interrupt.h"
#include "sched/keep.h"
#include "sched/look.h"
#include "sched/order.h"
#include "sched/permit.h"
#include "sched/pool.h"
#include "sched/ready.h"
#include "sched/share.h"
#include "sched/start.h"
#include "sched/upper.h"
#include "sched/worker.h"

/* The lowest group at or above group that is on the path of one of these. */
static struct heddle_group *covered(struct heddle_group *group,
				    struct heddle_group *first,
				    struct hd_frame *from, struct hd_frame *to)
{
	for (; group; group = hd_group_above(group)) {
		struct hd_frame *frame;

		if (hd_group_within(first, group))
			return group;
		for (frame = from; frame != to; frame = frame->below)
			if (hd_group_within(frame->group, group))
				return group;
	}
	return NULL;
}

/* Gives back what frames [from, to) needed beside the path of first. */
static uint32_t give_rest(struct heddle_group *first, struct hd_frame *from,
			  struct hd_frame *to)
{
	uint32_t owed = 0;
	struct hd_frame *frame;

	for (frame = from; frame != to; frame = frame->below) {
		struct heddle_group *needs = hd_order_needs(frame->group);

		owed += hd_permit_give_units(needs, covered(needs, first, from,
							    frame));
	}
	return owed;
}

/*
 * Beside the whole path of first, which is held, takes what the frames of the
 * stack need. On failure everything but that path is given back and *full is
 * where to wait next.
 */
static bool take_rest(struct hd_worker *worker, struct heddle_group *first,
		      struct heddle_group **full, uint32_t *owed)
{
	struct hd_frame *frame;

	for (frame = worker->frame; frame; frame = frame->below) {
		struct heddle_group *needs = hd_order_needs(frame->group);
		struct heddle_group *upto =
			covered(needs, first, worker->frame, frame);

		if (hd_permit_take_units(needs, upto, full, owed))
			continue;
		*full = needs;
		*owed += give_rest(first, worker->frame, frame);
		return false;
	}
	return true;
}

static uint32_t all_owed(struct hd_worker *worker, uint32_t owed)
{
	owed += worker->owe;
	worker->owe = 0;
	return owed;
}

static void pay(struct hd_worker *worker, uint32_t owed)
{
	hd_look(worker->pool, all_owed(worker, owed));
}

/*
 * Queues at the group once. True: its whole path was handed over, or we were told that
 * there is room by one who has permits of its own, and took it (L1).
 */
static bool queue_for_path(struct hd_worker *worker, struct heddle_group *group)
{
	struct heddle_pool *pool = worker->pool;
	struct heddle_group *full;
	uint32_t token;

	atomic_fetch_add_explicit(&pool->returners, 1,
				  memory_order_seq_cst); /* block-1 */
	hd_waitq_push_any(&group->returners, &pool->waitq_arena,
			  worker->wait_node, worker->index);
	atomic_fetch_add_explicit(&pool->attention, HD_ATTENTION_EVENT,
				  memory_order_seq_cst); /* attention-1 */
	hd_ready_mark(group);
	pay(worker, 1);
	token = hd_parker_park_owner(&worker->parker);
	worker->owe++; /* who told us leaves its look to us */
	if (token == HD_TOKEN_LOOK)
		return hd_permit_take(group, &full, &worker->owe);
	hd_assert(token == HD_TOKEN_PERMIT + group->index);
	return true;
}

/*
 * The permits that are handed over may be older than our place in the queue: a
 * lowering may have come between, and then they do not admit us. So the words
 * are read once more; what is over is given back, and we queue again.
 */
static void wait_for_path(struct hd_worker *worker, struct heddle_group *group)
{
	hd_worker_show(worker, HEDDLE_WORKER_RETURNING);
	do
		while (!queue_for_path(worker, group))
			;
	while (hd_permit_give_over(group, &worker->owe));
}

/* Nobody waits: the permits may be there for the taking. */
static void get_path(struct hd_worker *worker, struct heddle_group *group,
		     uint32_t *owed)
{
	struct heddle_group *full;

	if (hd_waitq_any(&group->returners, &worker->pool->waitq_arena) ||
	    !hd_permit_take(group, &full, owed))
		wait_for_path(worker, group);
}

/*
 * Takes the path of first and what the frames need beside it. Where permits
 * are missing it waits in the queue of that group, holding none meanwhile.
 */
static void admit(struct hd_worker *worker, struct heddle_group *first)
{
	struct heddle_group *full;
	uint32_t owed = 0;

	get_path(worker, first, &owed);
	while (!take_rest(worker, first, &full, &owed)) {
		owed += hd_permit_give(first);
		pay(worker, owed);
		owed = 0;
		first = full;
		wait_for_path(worker, first);
	}
	hd_look_inside(worker->pool, all_owed(worker, owed));
}

/* The lowest frame, if there are several and an account is on one of their paths. */
static struct hd_frame *accounted(struct hd_worker *worker)
{
	struct hd_frame *frame = worker->frame, *lowest = frame;
	bool any = false;

	for (; frame; frame = frame->below) {
		any |= hd_group_reserve(frame->group) != NULL;
		lowest = frame;
	}
	return any && lowest != worker->frame ? lowest : NULL;
}

/* Has the frame something of its own to give back in a region? */
static bool has_part(const struct hd_frame *frame)
{
	return frame->group != frame->upto &&
	       hd_order_needs(frame->group) != frame->upto;
}

/* The own parts of the frames above lowest, or none; *full is where to wait then. */
static bool take_parts(struct hd_worker *worker, struct hd_frame *lowest,
		       struct heddle_group **full, uint32_t *owed)
{
	struct hd_frame *frame, *taken;

	for (frame = worker->frame; frame != lowest; frame = frame->below) {
		struct heddle_group *needs = hd_order_needs(frame->group);

		if (!has_part(frame))
			continue;
		if (hd_word_take_any(&needs->word) &&
		    hd_permit_take_part(needs, frame->upto, &frame->whole, full,
					owed))
			continue;
		*full = needs;
		for (taken = worker->frame; taken != frame;
		     taken = taken->below)
			if (has_part(taken))
				*owed += hd_permit_give_part(
					hd_order_needs(taken->group),
					taken->upto, taken->whole);
		return false;
	}
	return true;
}

/*
 * The same where it matters which frame has paid for what: the lowest gets the whole
 * path, the others their own parts, as they had them before the region.
 */
static void admit_each(struct hd_worker *worker, struct hd_frame *lowest)
{
	struct heddle_group *first = hd_order_needs(lowest->group), *full;
	uint32_t owed = 0;

	for (;;) {
		get_path(worker, first, &owed);
		if (take_parts(worker, lowest, &full, &owed))
			break;
		owed += hd_permit_give(first);
		pay(worker, owed);
		wait_for_path(worker, full);
		owed = hd_permit_give(full);
	}
	hd_look_inside(worker->pool, all_owed(worker, owed));
}

/* What the frames had before the region. */
static void admit_stack(struct hd_worker *worker)
{
	struct hd_frame *lowest = accounted(worker);

	if (lowest)
		admit_each(worker, lowest);
	else
		admit(worker, hd_order_needs(worker->frame->group));
}

void hd_worker_admit(struct hd_worker *worker, struct heddle_group *group)
{
	admit(worker, group);
	worker->held = group;
	worker->attention =
		atomic_load_explicit(&worker->pool->attention,
				     memory_order_seq_cst); /* attention-1 */
}

void hd_worker_release(struct hd_worker *worker)
{
	uint32_t owed = hd_permit_give(worker->held);

	worker->held = NULL;
	pay(worker, owed);
}

/* One more, or one less, on every group the stack occupies. */
static void count_blocked(struct hd_worker *worker, int change)
{
	struct hd_frame *frame;

	for (frame = worker->frame; frame; frame = frame->below) {
		struct heddle_group *group = frame->group;

		for (; group != frame->upto; group = hd_group_above(group)) {
			/* close-2: the closer reads moves, blocked, count and
			 * moves again. A move is told between the two changes
			 * of a task that goes from count to blocked, so that
			 * reading 0 before the first and 0 behind the second
			 * shows it. Forbidden: it reads 0, 0 and no move.
			 */
			atomic_fetch_add_explicit(
				&group->blocked, (uint32_t)change,
				memory_order_seq_cst); /* close-2 */
			atomic_fetch_add_explicit(
				&group->moves, 1,
				memory_order_seq_cst); /* close-2 */
		}
	}
}

static void uncount_region(struct hd_worker *worker)
{
	struct heddle_pool *pool = worker->pool;

	if (worker->donated)
		return;
	atomic_fetch_sub_explicit(&pool->blocked_workers, 1,
				  memory_order_seq_cst); /* spare-1 keep-1 */
	hd_keep_check(pool);
}

/* False at the bound, if that refuses. A helper took no worker's place. */
static bool count_region(struct hd_worker *worker, bool own)
{
	struct heddle_pool *pool = worker->pool;
	uint32_t before;

	if (worker->donated)
		return true;
	before = atomic_fetch_add_explicit(&pool->blocked_workers, 1,
					   memory_order_seq_cst); /* spare-1 */
	if (!pool->elastic || before < pool->blocked_max)
		return true;
	atomic_fetch_add_explicit(&pool->blocked_bound_hits, 1,
				  memory_order_relaxed); /* statistics */
	if (own || pool->blocked_policy != HEDDLE_BLOCKED_REFUSE)
		return true;
	uncount_region(worker);
	return false;
}

/* The outermost region, which is counted already. */
static void begin(struct hd_worker *worker, int kind)
{
	struct hd_frame *frame;
	uint32_t owed = 0;

	hd_share_end(worker);
	hd_fork_hide(worker);
	worker->block_depth = 1;
	count_blocked(worker, 1);
	if (worker->guest)
		hd_upper.guest_block(worker->guest, true);
	HD_PROBE2(block_begin, worker, kind);
	worker->seen.kind = (uint32_t)kind;
	hd_worker_show(worker, HEDDLE_WORKER_BLOCKED);
	atomic_store_explicit(&worker->blocked, 1,
			      memory_order_relaxed); /* read under the lock */
	for (frame = worker->frame; frame; frame = frame->below)
		if (has_part(frame))
			owed += hd_permit_give_part(
				hd_order_needs(frame->group), frame->upto,
				frame->whole);
	pay(worker, owed);
	hd_spare_check(worker->pool);
	hd_bind_signal(worker->pool);
}

/* For the library's own waits it is not refused. */
static int enter(int kind, bool own, void (*interrupt)(void *arg), void *arg)
{
	struct hd_worker *worker = hd_self;

	if (worker && hd_pool_forked(worker->pool))
		return -ECHILD;
	hd_frames_look(worker);
	if (!worker || !worker->frame)
		return -EPERM;
	if (kind < HEDDLE_BLOCK_OTHER || kind > HEDDLE_BLOCK_JOIN)
		return -EINVAL;
	if (worker->block_depth) {
		worker->block_depth++;
		return 0;
	}
	if (!count_region(worker, own))
		return -EAGAIN;
	if (interrupt && !hd_interrupt_arm(worker, interrupt, arg)) {
		uncount_region(worker);
		return -ECANCELED;
	}
	begin(worker, kind);
	return 0;
}

int hd_block_begin(int kind)
{
	return enter(kind, true, NULL, NULL);
}

int heddle_block_begin(int kind, void (*interrupt)(void *arg), void *arg)
{
	return enter(kind, false, interrupt, arg);
}

int hd_block_until(struct heddle_pool *pool, int (*done)(void *context),
		   void *context, uint64_t deadline)
{
	bool inside = hd_block_begin(HEDDLE_BLOCK_OTHER) == 0;
	int rc = hd_effect_wait(pool, done, context, deadline);

	if (inside)
		heddle_block_end();
	return rc;
}

static void end(struct hd_worker *worker)
{
	hd_interrupt_disarm(worker);
	admit_stack(worker);
	hd_fork_unhide(worker);
	uncount_region(worker);
	atomic_store_explicit(&worker->blocked, 0,
			      memory_order_relaxed); /* read under the lock */
	count_blocked(worker, -1);
	if (worker->guest)
		hd_upper.guest_block(worker->guest, false);
	worker->seen.kind = 0;
	hd_worker_show(worker, HEDDLE_WORKER_RUNNING);
	HD_PROBE1(block_end, worker);
}

int heddle_block_end(void)
{
	struct hd_worker *worker = hd_self;

	if (worker && hd_pool_forked(worker->pool))
		return -ECHILD;
	hd_frames_look(worker);
	if (!worker || !worker->frame || !worker->block_depth)
		return -EPERM;
	if (--worker->block_depth == 0)
		end(worker);
	return 0;
}

void hd_block_end_all(struct hd_worker *worker)
{
	if (!worker->block_depth)
		return;
	worker->block_depth = 0;
	end(worker);
}
